//! Authorizers.

use serde::Deserialize;

/// A Lambda function that decides who may connect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorizer {
    /// What the function is shown.
    pub authorizer_type: AuthorizerType,
    /// The name; the id when absent.
    pub name: Option<String>,
    /// The function.
    pub authorizer_uri: String,
    /// What a client must bring, e.g. `route.request.querystring.token`.
    pub identity_source: Vec<String>,
    /// Always 0.
    pub authorizer_result_ttl_in_seconds: Option<u32>,
    /// What Amazon does not have.
    pub tidegate: AuthorizerExtension,
}

/// `authorizerType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizerType {
    /// The whole handshake.
    Request,
}

/// What Amazon's authorizers do not have: nothing so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizerExtension {}
