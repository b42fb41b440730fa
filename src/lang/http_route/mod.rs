//! Route keys of HTTP APIs, `GET /orders/{id}`, and which of them takes a request.
//!
//! The keys of WebSocket APIs are plain text and not here. Which paths are fit to be looked up is in
//! [`crate::lang::http_path`].
//!
//! Source: API Gateway Developer Guide, "Create routes for HTTP APIs in API Gateway".

mod key;
mod router;

pub use key::{HttpRouteKey, METHODS, Segment};
pub use router::{Match, Router};

#[cfg(test)]
mod tests;
