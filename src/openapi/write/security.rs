//! Authorizers as security schemes.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::section;
use super::shared::by_table;
use crate::openapi::{AUTHORIZER, members};

/// The authorizers of an API, by what they are called in the document.
pub(super) struct Schemes<'a> {
    by_name: BTreeMap<String, &'a Value>,
    names: HashMap<&'a str, String>,
}

impl<'a> Schemes<'a> {
    pub(super) fn new(api: &'a Map<String, Value>) -> Self {
        let mut ordered = Vec::new();
        for (id, set) in section(api, "authorizers").into_iter().flatten() {
            let name = set.get("name").and_then(Value::as_str).unwrap_or(id);
            ordered.push((name, written(set).to_string(), id.as_str(), set));
        }
        ordered.sort_by(|a, b| (a.0, &a.1, a.2).cmp(&(b.0, &b.1, b.2)));
        // Names need not tell authorizers apart; keys of a document must.
        let taken: HashSet<&str> = ordered.iter().map(|(name, ..)| *name).collect();
        let (mut by_name, mut names) = (BTreeMap::new(), HashMap::new());
        for (name, _, id, set) in &ordered {
            let mut free = (*name).to_owned();
            let mut number = 1;
            while by_name.contains_key(&free) || (number > 1 && taken.contains(free.as_str())) {
                number += 1;
                free = format!("{name}-{number}");
            }
            names.insert(*id, free.clone());
            by_name.insert(free, *set);
        }
        Self { by_name, names }
    }

    /// The name of an authorizer.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// What stands under `components`.
    pub(super) fn written(&self, extensions: bool) -> Map<String, Value> {
        let schemes = self.by_name.iter();
        schemes
            .map(|(name, set)| (name.clone(), scheme(set, extensions)))
            .collect()
    }
}

fn written(set: &Value) -> Value {
    let mut written = by_table(set, members::AUTHORIZER);
    if let Some(Value::String(kind)) = written.get_mut("type") {
        kind.make_ascii_lowercase();
    }
    written.into()
}

fn scheme(set: &Value, extensions: bool) -> Value {
    let authorizer = written(set);
    let mut scheme = match (set["authorizerType"].as_str(), extensions) {
        (Some("JWT"), true) => json!({ "type": "oauth2", "flows": {} }),
        (Some("JWT"), false) => {
            let issuer = set["jwtConfiguration"]["issuer"].as_str();
            let issuer = issuer.unwrap_or_default();
            let url = format!("{issuer}/.well-known/openid-configuration");
            json!({ "type": "openIdConnect", "openIdConnectUrl": url })
        }
        _ => of_function(authorizer["identitySource"].as_str().unwrap_or_default()),
    };
    if extensions {
        scheme[AUTHORIZER] = authorizer;
    }
    scheme
}

/// AWS: a scheme has one place; where there are several, or none that a client could fill, it says that it is unused.
fn of_function(sources: &str) -> Value {
    let places = [
        ("$request.header.", "header"),
        ("$request.querystring.", "query"),
    ];
    let found = places.into_iter().find_map(|(prefix, place)| {
        let name = sources.strip_prefix(prefix)?;
        (!name.contains(',')).then_some((name, place))
    });
    let (name, place) = found.unwrap_or(("Unused", "header"));
    json!({ "type": "apiKey", "name": name, "in": place })
}
