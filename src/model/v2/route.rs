//! Routes and route responses.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Which integration a connection, a message, a disconnection or a request goes to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// `integrations/` and the id of an integration.
    pub target: Option<String>,
    /// How `$connect`, or a request, is authorized.
    pub authorization_type: AuthorizationType,
    /// The authorizer that `CUSTOM` or `JWT` uses.
    pub authorizer_id: Option<String>,
    /// What a token must have one of.
    #[serde(default)]
    pub authorization_scopes: Vec<String>,
    /// Headers and query parameters of `$connect`, e.g. `route.request.querystring.token`.
    #[serde(default)]
    pub request_parameters: BTreeMap<String, ParameterConstraints>,
    /// `$default` on a two-way route.
    pub route_response_selection_expression: Option<String>,
    /// Route responses by key; `$default` is the only one.
    #[serde(default)]
    pub route_responses: BTreeMap<String, RouteResponse>,
    /// A name, for people.
    pub operation_name: Option<String>,
    /// Selects the model of a message.
    pub model_selection_expression: Option<String>,
    /// Names of models by the key that selects them.
    #[serde(default)]
    pub request_models: BTreeMap<String, String>,
    /// Whether clients need an API key; Amazon's default is `false`.
    pub api_key_required: Option<bool>,
    /// What Amazon does not have.
    pub tidegate: RouteExtension,
}

/// `authorizationType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizationType {
    /// Anybody.
    None,
    /// Whoever signs the handshake or request.
    AwsIam,
    /// Whoever a Lambda function lets in.
    Custom,
    /// Whoever brings a good token.
    Jwt,
}

/// Whether a parameter must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterConstraints {
    /// Whether a handshake without it is refused.
    pub required: bool,
}

/// That the route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteResponse {}

/// What Amazon's routes do not have.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteExtension {
    /// How messages of one connection are handled.
    #[serde(default)]
    pub ordering: Ordering,
    /// How many messages one connection may send.
    pub message_rate: Option<MessageRate>,
}

/// A token bucket of each connection.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRate {
    /// Messages a second.
    pub rate: f64,
    /// Messages at once above the rate; one second's worth when absent.
    pub burst: Option<u32>,
}

/// How messages of one connection are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ordering {
    /// At the same time.
    #[default]
    Concurrent,
    /// One after the other.
    Serial,
}
