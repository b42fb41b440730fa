//! APIs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Authorizer, Integration, Route, Stage};

/// An API and everything in it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Api {
    /// Which protocol clients speak.
    pub protocol_type: ProtocolType,
    /// The name; the id when absent.
    pub name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// A version, for people.
    pub version: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Names the route of a message; WebSocket APIs have it.
    pub route_selection_expression: Option<String>,
    /// What browsers are told; HTTP APIs may have it.
    pub cors_configuration: Option<Cors>,
    /// Where a client's API key is.
    pub api_key_selection_expression: Option<String>,
    /// Whether the API answers under custom domain names only.
    pub disable_execute_api_endpoint: Option<bool>,
    /// Which clients may call the API at its own address; all of them when absent.
    pub ip_address_type: Option<IpAddressType>,
    /// Whether models go unchecked when they are deployed.
    pub disable_schema_validation: Option<bool>,
    /// Models by name; WebSocket APIs may have them.
    #[serde(default)]
    pub models: BTreeMap<String, Model>,
    /// Routes by key.
    pub routes: BTreeMap<String, Route>,
    /// Integrations by id.
    pub integrations: BTreeMap<String, Integration>,
    /// Authorizers by id.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// Stages by name.
    pub stages: BTreeMap<String, Stage>,
}

/// What messages of a route must look like.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Model {
    /// Always `application/json`.
    pub content_type: Option<String>,
    /// JSON Schema, draft 4: a map, or a text in JSON.
    pub schema: Value,
    /// A description.
    pub description: Option<String>,
}

/// `protocolType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ProtocolType {
    /// `WEBSOCKET`.
    #[serde(rename = "WEBSOCKET")]
    WebSocket,
    /// `HTTP`.
    #[serde(rename = "HTTP")]
    Http,
}

/// `ipAddressType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpAddressType {
    /// Clients with IPv4.
    Ipv4,
    /// Clients with IPv4 and IPv6.
    Dualstack,
}

/// `corsConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cors {
    /// Origins, `*`, `https://*` or `http://*`.
    pub allow_origins: Vec<String>,
    /// Methods, or `*`.
    pub allow_methods: Vec<String>,
    /// Names of request headers, or `*`.
    pub allow_headers: Vec<String>,
    /// Names of response headers, or `*`.
    pub expose_headers: Vec<String>,
    /// How long browsers keep the answer to a preflight, in seconds.
    pub max_age: Option<i64>,
    /// Whether browsers send credentials along.
    pub allow_credentials: bool,
}
