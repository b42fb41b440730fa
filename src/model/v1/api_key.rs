//! API keys.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Secret;

/// What a client shows to be counted and throttled by itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// What the client sends.
    pub value: Secret,
    /// Whether it is good for anything; Amazon's default is `false`.
    pub enabled: Option<bool>,
    /// The name; the id when absent.
    pub name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}
