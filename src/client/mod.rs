//! Calls that the gateway makes: plain HTTP, signed AWS calls, the Lambda Invoke API and the keys of token issuers.
//!
//! Knows addresses, deadlines and limits, and nothing of APIs, routes or integrations.

pub mod aws;
pub mod http;
pub mod issuer;
pub mod lambda;
pub mod proxy;
