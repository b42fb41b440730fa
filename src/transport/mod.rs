//! Sockets: what they carry becomes exchanges, and replies become bytes.
//!
//! Nothing here knows a route or an authorizer. A request goes to the pipeline or to a face (management, administration).

pub mod acceptor;
pub mod admin;
mod admin_host;
mod arrival;
mod chunks;
pub mod edge;
mod front;
mod head;
mod http;
mod http_api;

pub mod listener;
mod mutual;
mod place;
mod plain;
mod scratch;
mod stray;
mod streams;
pub mod tls;
mod tls_hello;
mod tls_stream;
mod unfinished;
mod watched;
pub mod ws;

pub use front::{Background, Front, FrontSettings};
