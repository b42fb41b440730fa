//! Integrations and integration responses.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// A backend.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Integration {
    /// What kind of backend.
    pub integration_type: IntegrationType,
    /// Which call of an AWS service, in place of a function; HTTP APIs have it.
    pub integration_subtype: Option<String>,
    /// Where it is; absent for `MOCK` and for AWS services.
    pub integration_uri: Option<String>,
    /// Method of requests to it.
    pub integration_method: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// How it is reached.
    pub connection_type: Option<ConnectionType>,
    /// The VPC link that it is reached through; may be a stage variable in a WebSocket API.
    pub connection_id: Option<String>,
    /// Targets, e.g. `integration.request.header.connectionId`, and sources, e.g. `context.connectionId`; on HTTP APIs
    /// changes, e.g. `append:header.x-tenant`, or parameters of the service's call, and values, e.g. `$context.authorizer.tenant`.
    pub request_parameters: BTreeMap<String, String>,
    /// Changes of the answer by the backend's status.
    #[serde(default)]
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// Request templates by the key that selects them.
    #[serde(default)]
    pub request_templates: BTreeMap<String, String>,
    /// Selects the request template.
    pub template_selection_expression: Option<String>,
    /// What happens to a message without a template; only `WHEN_NO_MATCH` so far.
    pub passthrough_behavior: Option<String>,
    /// Whether payloads are converted on their way to the backend.
    pub content_handling_strategy: Option<ContentHandlingStrategy>,
    /// How long the backend may take, in milliseconds.
    pub timeout_in_millis: u64,
    /// Selects the integration response.
    pub integration_response_selection_expression: Option<String>,
    /// Integration responses by key.
    #[serde(default)]
    pub integration_responses: BTreeMap<String, IntegrationResponse>,
    /// `1.0`, or `2.0` for functions behind HTTP APIs.
    pub payload_format_version: Option<String>,
    /// How the backend's certificate is checked.
    pub tls_config: Option<TlsConfig>,
    /// What Amazon does not have.
    pub tidegate: IntegrationExtension,
}

/// `integrationType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IntegrationType {
    /// A Lambda function.
    AwsProxy,
    /// A web server.
    HttpProxy,
    /// An answer made up by the gateway.
    Mock,
}

/// `connectionType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectionType {
    /// By its own address.
    Internet,
    /// At the targets that `server.upstreams` has for it.
    VpcLink,
}

/// `contentHandlingStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContentHandlingStrategy {
    /// Base64 text becomes bytes.
    ConvertToBinary,
    /// Bytes become base64 text.
    ConvertToText,
}

/// What `MOCK` answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationResponse {
    /// Response templates by the key that selects them.
    pub response_templates: BTreeMap<String, String>,
    /// Selects the response template.
    pub template_selection_expression: Option<String>,
}

/// How the backend's certificate is checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsConfig {
    /// The name that is asked for and that the certificate must have; without it, that of the backend's address.
    pub server_name_to_verify: Option<String>,
}

/// What Amazon's integrations do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationExtension {
    /// How long an answer that has begun may be silent; HTTP APIs have it.
    pub body_idle_timeout: Option<Duration>,
}
