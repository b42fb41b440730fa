//! VPC links.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A way into a private network, which integrations name. Where it leads is for `server.upstreams` to say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VpcLink {
    /// The name; the key when absent.
    pub name: Option<String>,
    /// Ids of subnets, which nothing here looks up.
    #[serde(default)]
    pub subnet_ids: Vec<String>,
    /// Ids of security groups, which nothing here looks up.
    #[serde(default)]
    pub security_group_ids: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}
