//! Tidegate: Amazon API Gateway that anyone can run. WebSocket first, wire-compatible.
//!
//! Modules in reading order, lowest floor first; a module imports only from those above it in this list.

pub mod base;
pub mod function;
pub mod lang;
