//! Tidegate: Amazon API Gateway that anyone can run. WebSocket first, wire-compatible.
//!
//! Start with [`Gateway`]. The modules below stand in reading order, lowest floor first: a module imports only from those
//! above it, which `tests/tidy.rs` holds true.

// Mechanism, failures, Amazon's languages.
pub mod base;

pub mod error;

pub mod lang;

// Functions, and calls to elsewhere.
pub mod function;

pub mod client;

// What the wire says, what a file says, what runs.
pub mod model;

pub mod definition;

pub mod openapi;

pub mod plan;

// What other tools call an API.
pub mod import;

pub mod exchange;

// Each turns plan and exchange into one answer; none knows another.
pub mod authorizer;

pub mod integration;

pub mod limit;

pub mod observe;

// The order, the faces, the sockets, the wiring.
pub mod pipeline;

pub mod management;

pub mod control;

pub mod transport;

pub mod gateway;

pub use gateway::{Gateway, GatewayBuilder, PushError, Pusher, StartError};
