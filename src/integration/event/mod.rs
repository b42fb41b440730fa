//! The payloads a Lambda function receives.

pub mod websocket;
