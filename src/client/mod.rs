//! Calls that the gateway makes: plain HTTP, signed AWS calls and the Lambda Invoke API.
//!
//! Knows addresses, deadlines and limits, and nothing of APIs, routes or integrations.

pub mod aws;
pub mod http;
pub mod lambda;
pub mod proxy;
