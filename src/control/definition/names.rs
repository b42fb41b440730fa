//! Names for what has none: ids that the gateway made, in a file that a person is to read.
//!
//! A name follows from what the resource is, so that the file and the gateway find each other again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::kind::Kind;
use super::super::rules::INTEGRATIONS;

/// The kinds whose keys a definition's author chooses.
const NAMED: [(Kind, &str); 2] = [
    (Kind::Integration, "integrations"),
    (Kind::Authorizer, "authorizers"),
];
/// Longest name that is made, in characters, without the number behind it.
const LENGTH: usize = 60;

/// Names by section and id.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<&'static str, BTreeMap<String, String>>);

impl Names {
    /// Names for the resources of an API; `chosen` says which ids were a person's choice already.
    pub(super) fn of(api: &Value, chosen: impl Fn(Kind, &str) -> bool) -> Self {
        let mut names = Self::default();
        for (kind, section) in NAMED {
            let Some(resources) = api[section].as_object() else {
                continue;
            };
            let own = resources.keys().filter(|id| chosen(kind, id));
            let mut taken: BTreeSet<String> = own.cloned().collect();
            let mut of_section = BTreeMap::new();
            for (id, resource) in resources {
                let name = match taken.contains(id) {
                    true => id.clone(),
                    false => unused(&base(kind, resource), &taken),
                };
                taken.insert(name.clone());
                of_section.insert(id.clone(), name);
            }
            names.0.insert(section, of_section);
        }
        names
    }

    /// Which resources of `stored`, by their ids, the keys of `file` mean: an id itself, or the name that it has here. Keys that mean
    /// nothing yet become ids.
    pub(super) fn ids(&self, file: &Value) -> Self {
        let mut ids = Self::default();
        for (_, section) in NAMED {
            let none = BTreeMap::new();
            let names = self.0.get(section).unwrap_or(&none);
            let mut of_section = BTreeMap::new();
            for key in file[section].as_object().into_iter().flat_map(Map::keys) {
                let named = names.iter().find(|(_, name)| *name == key);
                let id = match named {
                    _ if names.contains_key(key) => key,
                    Some((id, _)) => id,
                    None => key,
                };
                of_section.insert(key.clone(), id.clone());
            }
            ids.0.insert(section, of_section);
        }
        ids
    }

    /// The other way round; of two keys with one id, the last counts.
    pub(super) fn reversed(&self) -> Self {
        let sections = self.0.iter().map(|(section, names)| {
            let names = names.iter().map(|(from, to)| (to.clone(), from.clone()));
            (*section, names.collect())
        });
        Self(sections.collect())
    }

    /// These, and those of `others` for what has none here.
    pub(super) fn or(mut self, others: Self) -> Self {
        for (section, names) in others.0 {
            let known = self.0.entry(section).or_default();
            for (from, to) in names {
                known.entry(from).or_insert(to);
            }
        }
        self
    }

    /// A section and two keys of it that have one name.
    pub(super) fn clash(&self) -> Option<(&'static str, String)> {
        self.0.iter().find_map(|(section, names)| {
            let mut seen = BTreeSet::new();
            let mut names = names.values();
            names
                .find(|name| !seen.insert(*name))
                .map(|name| (*section, name.clone()))
        })
    }

    /// Puts the names in place of what they stand for, also where routes refer to it.
    pub(super) fn rename(&self, api: &mut Value) {
        for (section, names) in &self.0 {
            let Some(resources) = api.get_mut(*section).and_then(Value::as_object_mut) else {
                continue;
            };
            let all = std::mem::take(resources);
            *resources = all
                .into_iter()
                .map(|(id, resource)| (named(names, &id), resource))
                .collect();
        }
        let routes = api.get_mut("routes").and_then(Value::as_object_mut);
        for route in routes.into_iter().flat_map(Map::values_mut) {
            self.rename_in(route, "target", INTEGRATIONS, "integrations");
            self.rename_in(route, "authorizerId", "", "authorizers");
        }
    }

    fn rename_in(&self, route: &mut Value, member: &str, before: &str, section: &str) {
        let Some(Value::String(reference)) = route.get_mut(member) else {
            return;
        };
        if let (Some(id), Some(names)) = (reference.strip_prefix(before), self.0.get(section)) {
            *reference = format!("{before}{}", named(names, id));
        }
    }
}

fn named(names: &BTreeMap<String, String>, id: &str) -> String {
    names.get(id).cloned().unwrap_or_else(|| id.to_owned())
}

fn unused(base: &str, taken: &BTreeSet<String>) -> String {
    let mut name = base.to_owned();
    let mut number = 2;
    while taken.contains(&name) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

/// What a resource is called, before others of that name are looked at.
fn base(kind: Kind, resource: &Value) -> String {
    let member = |name: &str| resource[name].as_str().unwrap_or_default();
    let name = match kind {
        Kind::Authorizer => member("name"),
        _ if member("integrationUri").is_empty() => member("integrationSubtype"),
        _ if !member("integrationSubtype").is_empty() => member("integrationSubtype"),
        _ => backend(member("integrationUri")),
    };
    let name = match name {
        "" => member("integrationType"),
        name => name,
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let name = name.chars().take(LENGTH);
    let name: String = name.map(|c| if fits(c) { c } else { '-' }).collect();
    match name.trim_matches('-') {
        "" => "backend".to_owned(),
        "MOCK" => "mock".to_owned(),
        name => name.to_owned(),
    }
}

/// The part of a URI that tells one backend from another: a function's name, the last fixed segment of a path, or a host.
fn backend(uri: &str) -> &str {
    if let Some(name) = uri.strip_prefix("function:") {
        return name;
    }
    for before in [":function:", "/functions/"] {
        if let Some((_, name)) = uri.rsplit_once(before) {
            return name.split([':', '/']).next().unwrap_or_default();
        }
    }
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split('?').next().unwrap_or_default();
    let mut segments = path.rsplit('/');
    let fixed = |segment: &&str| !segment.is_empty() && !segment.contains(['{', '$']);
    match segments.find(fixed) {
        Some(segment) => segment,
        None => {
            let name = host.split([':', '.']).next().unwrap_or_default();
            let numeric = name.chars().all(|c| c.is_ascii_digit());
            if numeric || host.contains('$') {
                "http"
            } else {
                name
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn backends_are_named_by_what_they_are() {
        let check = |uri: &str, expected: &str| {
            let integration = json!({ "integrationUri": uri, "integrationType": "HTTP_PROXY" });
            assert_eq!(base(Kind::Integration, &integration), expected, "{uri}");
        };
        check("function:chat", "chat");
        check(
            "arn:aws:lambda:us-east-1:000000000000:function:Chat:live",
            "Chat",
        );
        check(
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:0:function:a/invocations",
            "a",
        );
        check(
            "http://127.0.0.1:9001/2015-03-31/functions/b/invocations",
            "b",
        );
        check("http://127.0.0.1:9001/users/{id}", "users");
        check("http://shop.example:9001", "shop");
        check("http://127.0.0.1:9001/{proxy}", "http");
        check("https://${stageVariables.host}/", "http");
        check("", "HTTP_PROXY");
        check("http://a/b c", "b-c");
    }

    #[test]
    fn names_are_put_in_and_found_again() {
        let api = json!({
            "integrations": { "i1": { "integrationUri": "function:a" }, "i2": { "integrationUri": "function:a" }, "mine": { "integrationUri": "function:a" } },
            "authorizers": { "u1": { "name": "login" } },
            "routes": { "x": { "target": "integrations/i2", "authorizerId": "u1" }, "y": { "target": "integrations/mine" } },
        });
        let names = Names::of(&api, |_, id| id == "mine");
        let mut file = api.clone();
        names.rename(&mut file);
        let expected = json!({
            "integrations": { "a": { "integrationUri": "function:a" }, "a-2": { "integrationUri": "function:a" }, "mine": { "integrationUri": "function:a" } },
            "authorizers": { "login": { "name": "login" } },
            "routes": { "x": { "target": "integrations/a-2", "authorizerId": "login" }, "y": { "target": "integrations/mine" } },
        });
        assert_eq!(file, expected);
        names.ids(&file).rename(&mut file);
        assert_eq!(file, api);
        let both = json!({ "integrations": { "i1": {}, "a": {} } });
        assert_eq!(
            names.ids(&both).clash(),
            Some(("integrations", "i1".to_owned()))
        );
    }
}
