//! Custom domain names and their API mappings.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoutingMode {
    /// API mappings and nothing else.
    ApiMappingOnly,
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
