//! Integrations: those of one route stand there, the others under `components`.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::section;
use crate::lang::duration;
use crate::openapi::members::{self, Form, Member};
use crate::openapi::{INTEGRATIONS, OURS};

/// What integrations have without saying so.
const DEFAULTS: [(&str, &str); 2] = [
    ("payloadFormatVersion", "1.0"),
    ("connectionType", "INTERNET"),
];
const TIMEOUT_MS: u64 = 30_000;
/// Our own settings, with the defaults that a definition file may have filled in.
const OWN_DEFAULTS: [(&str, Duration); 2] = [
    ("bodyIdleTimeout", Duration::from_secs(60)),
    ("clockSkew", Duration::ZERO),
];

/// The integrations of an API, each where it stands in the document.
pub(super) struct Shared<'a> {
    integrations: &'a Map<String, Value>,
    /// Names under `components`, by id.
    names: HashMap<&'a str, String>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(api: &'a Map<String, Value>) -> Self {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        let integrations = section(api, "integrations").unwrap_or(&NONE);
        let mut uses: HashMap<&str, usize> = HashMap::new();
        let mut order = Vec::new();
        for (_, route) in super::paths::ordered(api) {
            let Some((id, _)) = target(route).and_then(|id| integrations.get_key_value(id)) else {
                continue;
            };
            let count = uses.entry(id).or_default();
            *count += 1;
            if *count == 2 {
                order.push(id.as_str());
            }
        }
        // Nothing but what they say tells those apart that no route uses.
        let unused = integrations
            .iter()
            .filter(|(id, _)| !uses.contains_key(id.as_str()));
        let unused: BTreeMap<(String, &str), &str> = unused
            .map(|(id, set)| ((integration(set).to_string(), id.as_str()), id.as_str()))
            .collect();
        order.extend(unused.into_values());
        let names = order.into_iter().enumerate();
        let names = names.map(|(index, id)| (id, format!("integration{}", index + 1)));
        Self {
            integrations,
            names: names.collect(),
        }
    }

    /// What stands in the operation of a route; `None` for one without target.
    pub(super) fn of_route(&self, route: &Value) -> Option<Value> {
        let id = target(route)?;
        let set = self.integrations.get(id)?;
        Some(match self.names.get(id) {
            Some(name) => json!({ "$ref": format!("#/components/{INTEGRATIONS}/{name}") }),
            None => integration(set),
        })
    }

    /// What stands under `components`.
    pub(super) fn written(&self) -> Map<String, Value> {
        let mut written: Vec<(usize, String, Value)> = Vec::new();
        for (id, name) in &self.names {
            let number = name.trim_start_matches(|c: char| !c.is_ascii_digit());
            let number = number.parse().unwrap_or_default();
            let set = self.integrations.get(*id).unwrap_or(&Value::Null);
            written.push((number, name.clone(), integration(set)));
        }
        written.sort_by_key(|(number, _, _)| *number);
        let written = written.into_iter();
        written.map(|(_, name, set)| (name, set)).collect()
    }
}

/// The id in a route's target.
fn target(route: &Value) -> Option<&str> {
    route.get("target")?.as_str()?.strip_prefix("integrations/")
}

fn integration(set: &Value) -> Value {
    let mut written = by_table(set, members::INTEGRATION);
    for (name, default) in DEFAULTS {
        written.entry(name).or_insert_with(|| default.into());
    }
    if set["integrationType"] == "AWS_PROXY" && set.get("integrationSubtype").is_none() {
        // AWS: functions are called by POST, and an import wants that to be said.
        written.entry("httpMethod").or_insert_with(|| "POST".into());
    }
    let timeout = || TIMEOUT_MS.into();
    written.entry("timeoutInMillis").or_insert_with(timeout);
    written.sort_keys();
    written.into()
}

/// Members of a resource under the names that documents have for them, without those that are empty.
pub(super) fn by_table(set: &Value, table: &[Member]) -> Map<String, Value> {
    let mut written = Map::new();
    for (name, member, form) in table {
        let Some(value) = set.get(member) else {
            continue;
        };
        let value = match form {
            _ if *name == OURS => ours(value),
            Form::Commas => commas(value),
            _ => value.clone(),
        };
        let empty = match &value {
            Value::Object(members) => members.is_empty(),
            Value::String(text) => text.is_empty(),
            Value::Null => true,
            _ => false,
        };
        if !empty {
            written.insert((*name).to_owned(), value);
        }
    }
    written
}

fn commas(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let items = items.iter().filter_map(Value::as_str);
            items.collect::<Vec<_>>().join(",").into()
        }
        value => value.clone(),
    }
}

/// Our own settings that are not what they are anyway.
fn ours(value: &Value) -> Value {
    let mut kept = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let Some((_, default)) = OWN_DEFAULTS.iter().find(|(known, _)| known == name) else {
            continue;
        };
        // A text, as callers write it, or a duration that a file's text has become already.
        let length = match value.as_str() {
            Some(text) => duration::parse(text).ok(),
            None => serde_json::from_value(value.clone()).ok(),
        };
        if let Some(length) = length
            && length != *default
        {
            kept.insert(name.clone(), duration::print(length).into());
        }
    }
    kept.into()
}
