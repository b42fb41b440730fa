//! Tidegate: Amazon API Gateway that anyone can run. WebSocket first, wire-compatible.
//!
//! Modules in reading order, lowest floor first; a module imports only from those above it in this list.

pub mod authorizer;
pub mod base;
pub mod client;
pub mod definition;
pub mod error;
pub mod exchange;
pub mod function;
pub mod gateway;
pub mod integration;
pub mod lang;
pub mod limit;
pub mod management;
pub mod model;
pub mod observe;
pub mod pipeline;
pub mod plan;
pub mod transport;

pub use gateway::{Gateway, GatewayBuilder, PushError, Pusher, StartError};
