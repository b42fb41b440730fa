//! Integrations and integration responses.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A backend.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Integration {
    /// What kind of backend.
    pub integration_type: IntegrationType,
    /// Where it is; absent for `MOCK`.
    pub integration_uri: Option<String>,
    /// Method of requests to it.
    pub integration_method: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// How it is reached.
    pub connection_type: Option<ConnectionType>,
    /// Targets, e.g. `integration.request.header.connectionId`, and sources, e.g. `context.connectionId`.
    pub request_parameters: BTreeMap<String, String>,
    /// Request templates by the key that selects them.
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
    pub integration_responses: BTreeMap<String, IntegrationResponse>,
    /// Always `1.0`.
    pub payload_format_version: Option<String>,
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
    /// Directly.
    Internet,
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

/// What Amazon's integrations do not have: nothing so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegrationExtension {}
