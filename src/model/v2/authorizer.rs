//! Authorizers.

use std::time::Duration;

use serde::Deserialize;

/// Decides who may connect, or which requests are let through.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorizer {
    /// Who decides.
    pub authorizer_type: AuthorizerType,
    /// The name; the id when absent.
    pub name: Option<String>,
    /// The function of a `REQUEST` authorizer.
    pub authorizer_uri: Option<String>,
    /// What a client must bring, e.g. `route.request.querystring.token`; on HTTP APIs e.g. `$request.header.Authorization`.
    pub identity_source: Vec<String>,
    /// Whose tokens a `JWT` authorizer takes.
    pub jwt_configuration: Option<JwtConfiguration>,
    /// The form of events and answers of HTTP APIs: `1.0` or `2.0`.
    pub authorizer_payload_format_version: Option<String>,
    /// Whether answers of HTTP APIs are yes or no instead of a policy.
    pub enable_simple_responses: Option<bool>,
    /// How long results are kept; on WebSocket APIs always 0.
    pub authorizer_result_ttl_in_seconds: Option<u32>,
    /// What Amazon does not have.
    pub tidegate: AuthorizerExtension,
}

/// `authorizerType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizerType {
    /// A Lambda function, by the whole handshake or request.
    Request,
    /// The issuer of a token.
    Jwt,
}

/// `jwtConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtConfiguration {
    /// `iss` of the tokens.
    pub issuer: String,
    /// `aud` of the tokens: one of these.
    pub audience: Vec<String>,
}

/// What Amazon's authorizers do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizerExtension {
    /// What the end of a token means for its connection.
    #[serde(default)]
    pub on_token_expiry: OnTokenExpiry,
    /// By how much the issuer's clock may differ.
    pub clock_skew: Duration,
}

/// `onTokenExpiry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTokenExpiry {
    /// Nothing.
    #[default]
    Keep,
    /// The end.
    Close,
}
