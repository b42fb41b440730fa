//! The control plane's resources as a definition: read whole, compared, and put in force whole.
//!
//! Two operations of ours stand beside Amazon's, because theirs change one resource at a time: `GET /v2/tidegate/definition`
//! and `PUT /v2/tidegate/definition`. A put is one call like every other, so it is checked, written and swapped as one.

mod allowed;
mod apply;
mod changes;
mod form;
mod names;
mod read;

pub(super) use apply::{apply, flag};
pub(super) use read::get;
pub use read::{Exported, exported};

use serde_json::{Map, Value};

use super::kind::Kind;

/// The sections of an API, in the order in which they may refer to each other, and what is in them.
const SECTIONS: [(&str, Kind); 5] = [
    ("authorizers", Kind::Authorizer),
    ("integrations", Kind::Integration),
    ("models", Kind::Model),
    ("routes", Kind::Route),
    ("stages", Kind::Stage),
];

/// The same of a domain name.
pub(super) const DOMAIN_SECTIONS: [(&str, Kind); 2] = [
    ("apiMappings", Kind::ApiMapping),
    ("routingRules", Kind::RoutingRule),
];

/// The section inside of a resource of an API.
fn inner_section(kind: Kind) -> Option<(&'static str, Kind)> {
    match kind {
        Kind::Route => Some(("routeResponses", Kind::RouteResponse)),
        Kind::Integration => Some(("integrationResponses", Kind::IntegrationResponse)),
        _ => None,
    }
}

/// Whether a member holds resources of their own.
fn is_section(name: &str) -> bool {
    let inner = [Kind::Route, Kind::Integration].map(inner_section);
    let mut all = SECTIONS.iter().chain(&DOMAIN_SECTIONS);
    all.any(|(section, _)| *section == name)
        || inner.iter().flatten().any(|(section, _)| *section == name)
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}
