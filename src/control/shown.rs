//! Resources as callers see them: what was set and made, with Amazon's defaults for what was not.

use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::record::Record;
use super::view::Path;
use super::{Context, domains, ways};

const HTTP_SELECTION: &str = "$request.method $request.path";

/// What clients of an API speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `WEBSOCKET`.
    WebSocket,
    /// `HTTP`.
    Http,
}

impl Protocol {
    /// That of an API; `None` when the word is none of Amazon's.
    pub(super) fn of(api: &Record) -> Option<Self> {
        match api.text("protocolType") {
            "WEBSOCKET" => Some(Self::WebSocket),
            "HTTP" => Some(Self::Http),
            _ => None,
        }
    }
}

/// A resource on the wire, which stands at `path`; `protocol` is that of the API that it is, or is part of.
pub(super) fn shown(
    context: &Context<'_>,
    kind: Kind,
    path: &Path,
    protocol: Option<Protocol>,
    record: &Record,
) -> Map<String, Value> {
    let mut members = match defaults(kind, protocol) {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    };
    for (name, value) in record.set.iter().chain(&record.made) {
        // Of these settings each has a default of its own.
        match (members.get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(set)) if name == "defaultRouteSettings" => {
                known.extend(set.clone());
            }
            _ => drop(members.insert(name.clone(), value.clone())),
        }
    }
    if kind == Kind::DomainName {
        let arn = format!(
            "arn:aws:apigateway:{}::/domainnames/{}",
            context.region,
            record.text("domainName")
        );
        members.insert("domainNameArn".to_owned(), arn.into());
        let configurations = domains::shown_configurations(context, record);
        members.insert(domains::CONFIGURATIONS.to_owned(), configurations);
        if let Some(mutual) = domains::shown_mutual(context, record) {
            members.insert(domains::MUTUAL_TLS.to_owned(), mutual);
        }
    }
    if kind == Kind::RoutingRule {
        ways::show_rule(context, path, &mut members);
    }
    if kind == Kind::Api {
        let scheme = context.endpoint.scheme(protocol);
        let (host, id) = (&context.endpoint.authority, record.text("apiId"));
        let endpoint = format!("{scheme}://{host}/_apis/{id}");
        members.insert("apiEndpoint".to_owned(), endpoint.into());
        if protocol == Some(Protocol::Http) {
            members.insert("routeSelectionExpression".to_owned(), HTTP_SELECTION.into());
        }
    }
    members
}

fn defaults(kind: Kind, protocol: Option<Protocol>) -> Value {
    let web_socket = protocol == Some(Protocol::WebSocket);
    match kind {
        Kind::Api if web_socket => json!({
            "apiKeySelectionExpression": "$request.header.x-api-key",
            "disableExecuteApiEndpoint": false,
            "disableSchemaValidation": false,
            "tags": {},
        }),
        Kind::Api => json!({
            "apiKeySelectionExpression": "$request.header.x-api-key",
            "disableExecuteApiEndpoint": false,
            "tags": {},
        }),
        Kind::Route => json!({ "apiKeyRequired": false, "authorizationType": "NONE" }),
        Kind::Integration if web_socket => json!({
            "connectionType": "INTERNET",
            "passthroughBehavior": "WHEN_NO_MATCH",
            "payloadFormatVersion": "1.0",
            "timeoutInMillis": 29_000,
        }),
        Kind::Integration => json!({
            "connectionType": "INTERNET",
            "payloadFormatVersion": "1.0",
            "timeoutInMillis": 30_000,
        }),
        Kind::Model => json!({ "contentType": "application/json" }),
        Kind::Stage if web_socket => json!({
            "autoDeploy": false,
            "defaultRouteSettings": {
                "dataTraceEnabled": false, "detailedMetricsEnabled": false, "loggingLevel": "OFF",
            },
            "routeSettings": {},
            "stageVariables": {},
            "tags": {},
        }),
        Kind::Stage => json!({
            "autoDeploy": false,
            "defaultRouteSettings": { "detailedMetricsEnabled": false },
            "routeSettings": {},
            "stageVariables": {},
            "tags": {},
        }),
        Kind::DomainName => json!({
            "apiMappingSelectionExpression": "$request.basepath",
            "routingMode": "API_MAPPING_ONLY",
            "tags": {},
        }),
        Kind::ApiMapping => json!({ "apiMappingKey": "" }),
        Kind::RouteResponse | Kind::IntegrationResponse | Kind::Authorizer | Kind::Deployment => {
            json!({})
        }
        Kind::RoutingRule => json!({ "conditions": [] }),
        Kind::VpcLink => json!({ "securityGroupIds": [], "subnetIds": [], "tags": {} }),
    }
}
