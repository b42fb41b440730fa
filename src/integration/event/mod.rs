//! The payloads a Lambda function receives.

mod http;
pub mod http_v1;
pub mod http_v2;
pub mod websocket;
