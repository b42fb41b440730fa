//! Who is it, and may it? One file for each kind of authorizer; none of them calls anything.
//!
//! The pipeline makes the calls; here requests are judged and answers read.

pub mod iam;
pub mod lambda;

use std::sync::Arc;

use serde_json::{Map, Value};

/// What is known of a caller who was let in.
#[derive(Debug, Clone, Default)]
pub struct Identified {
    /// `requestContext.authorizer` of this and every later event.
    pub authorizer: Option<Arc<Map<String, Value>>>,
    /// Facts about a signed caller, for `requestContext.identity`.
    pub identity: Option<Arc<Map<String, Value>>>,
}
