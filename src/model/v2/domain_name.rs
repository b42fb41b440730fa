//! Custom domain names, their API mappings and routing rules.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::IpAddressType;

/// A domain name that clients use in place of the API's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DomainName {
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How clients reach it: one at most.
    #[serde(default)]
    pub domain_name_configurations: Vec<DomainNameConfiguration>,
    /// What chooses the API of a request.
    pub routing_mode: Option<RoutingMode>,
    /// Which certificates clients need, if any.
    pub mutual_tls_authentication: Option<MutualTlsAuthentication>,
    /// Stages by `apiMappingKey`: the beginning of their paths.
    pub api_mappings: BTreeMap<String, ApiMapping>,
    /// Rules by `priority`: the lowest is looked at first.
    pub routing_rules: BTreeMap<u32, RoutingRule>,
}

impl DomainName {
    /// What chooses the API of a request.
    pub fn mode(&self) -> RoutingMode {
        self.routing_mode.unwrap_or_default()
    }
}

/// How clients reach a domain name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DomainNameConfiguration {
    /// The certificate that clients are shown: one of `server.certificates`.
    pub certificate_arn: Option<String>,
    /// Where the endpoint is.
    pub endpoint_type: Option<EndpointType>,
    /// Which clients may come, by the version of IP that they speak.
    pub ip_address_type: Option<IpAddressType>,
    /// The oldest TLS that clients may speak.
    pub security_policy: Option<SecurityPolicy>,
    /// With mutual TLS: a certificate that shows whose the name is, one of `server.certificates`.
    pub ownership_verification_certificate_arn: Option<String>,
}

/// `mutualTlsAuthentication`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MutualTlsAuthentication {
    /// One of `server.truststores`.
    pub truststore_uri: String,
    /// One of its versions.
    pub truststore_version: Option<String>,
}

/// `endpointType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EndpointType {
    /// `REGIONAL`.
    Regional,
}

/// `securityPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SecurityPolicy {
    /// TLS 1.2 or newer.
    #[serde(rename = "TLS_1_2")]
    Tls12,
}

/// `routingMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoutingMode {
    /// API mappings and nothing else.
    #[default]
    ApiMappingOnly,
    /// Routing rules and nothing else.
    RoutingRuleOnly,
    /// Routing rules, and API mappings for what no rule takes.
    RoutingRuleThenApiMapping,
}

impl RoutingMode {
    /// Whether routing rules are looked at.
    pub fn has_rules(self) -> bool {
        self != Self::ApiMappingOnly
    }

    /// Whether API mappings are.
    pub fn has_mappings(self) -> bool {
        self != Self::RoutingRuleOnly
    }
}

/// Which stage answers below a mapping key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiMapping {
    /// The API.
    pub api_id: String,
    /// Its stage.
    pub stage: String,
}

/// Which stage answers requests for which all conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingRule {
    /// The conditions; without any the rule takes every request.
    #[serde(default)]
    pub conditions: Vec<RoutingRuleCondition>,
    /// What is done: one action.
    pub actions: Vec<RoutingRuleAction>,
}

/// A condition of a routing rule; where it says both, both must hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingRuleCondition {
    /// How the path begins.
    pub match_base_paths: Option<MatchBasePaths>,
    /// What the headers say.
    pub match_headers: Option<MatchHeaders>,
}

/// The path begins with the segments of one of these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchBasePaths {
    /// The base paths.
    pub any_of: Vec<String>,
}

/// One of these headers is there, with such a value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchHeaders {
    /// The headers.
    pub any_of: Vec<MatchHeaderValue>,
}

/// A header and its value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchHeaderValue {
    /// Its name, in any letter case.
    pub header: String,
    /// Its value, with `*` at the ends for anything.
    pub value_glob: String,
}

/// What a routing rule does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingRuleAction {
    /// It leads to a stage.
    pub invoke_api: InvokeApi,
}

/// Where a routing rule leads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvokeApi {
    /// The API.
    pub api_id: String,
    /// Its stage.
    pub stage: String,
    /// Whether the API sees the path without the base path.
    #[serde(default)]
    pub strip_base_path: bool,
}
