//! Tidegate: Amazon API Gateway that anyone can run. WebSocket first, wire-compatible.
//!
//! Modules in reading order, lowest floor first; a module imports only from those above it in this list.

pub mod base;
pub mod error;
pub mod lang;
pub mod client;
pub mod function;
pub mod plan;
pub mod exchange;
pub mod authorizer;
pub mod integration;
pub mod limit;
pub mod observe;
pub mod pipeline;
pub mod management;
pub mod transport;
