//! Custom domain names and their API mappings.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A domain name that clients use in place of the API's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DomainName {
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Stages by `apiMappingKey`: the beginning of their paths.
    pub api_mappings: BTreeMap<String, ApiMapping>,
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
