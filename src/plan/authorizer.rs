//! Authorizers: who decides about a caller, and what they need to see.

use std::sync::Arc;

use crate::plan::integration::FunctionTarget;

/// A Lambda `REQUEST` authorizer.
#[derive(Debug)]
pub struct Authorizer {
    /// `authorizerId`: the key in the definition file.
    pub id: Arc<str>,
    /// The function that decides.
    pub function: FunctionTarget,
    /// What must be present and non-empty, or the caller is refused unheard.
    pub identity_sources: Vec<IdentitySource>,
}

/// One entry of `identitySource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// `route.request.header.NAME`.
    Header(String),
    /// `route.request.querystring.NAME`.
    QueryString(String),
    /// `stageVariables.NAME`.
    StageVariable(String),
    /// `context.NAME`.
    Context(String),
}
