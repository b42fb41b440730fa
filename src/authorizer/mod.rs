//! Who is it, and may it? One file for each kind of authorizer; none of them calls anything.
//!
//! The pipeline makes the calls; here requests are judged and answers read.

mod cache;
pub mod iam;
pub mod jwt;
pub mod lambda;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use cache::Verdicts;

use crate::base::clock::EpochMillis;
use crate::exchange::Authorized;

/// What is known of a caller who was let in.
#[derive(Debug, Clone, Default)]
pub struct Identified {
    /// `requestContext.authorizer` of this and every later event of a connection.
    pub authorizer: Option<Arc<Map<String, Value>>>,
    /// The same for the events of an HTTP API, which have a place for each kind of authorizer.
    pub authorized: Option<Authorized>,
    /// The API key that a Lambda function names for the caller.
    pub usage_identifier_key: Option<Box<str>>,
    /// Facts about a signed caller, for `requestContext.identity`.
    pub identity: Option<Arc<Map<String, Value>>>,
    /// When the right to be connected ends, where the authorizer is told to end it.
    pub expires: Option<EpochMillis>,
}
