//! Keys of the `server` section from the environment: `TIDEGATE_SERVER_LISTEN`, `TIDEGATE_SERVER_LIMITS_CONNECT_RATE`.
//!
//! The names follow from the tables: camelCase splits at capitals, nesting adds a word.

use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostic::{Origin, Place, Report};
use super::shape::{Need, Object, Shape};
use super::surroundings::Surroundings;
use super::tables::SERVER;
use super::tree::{Entry, Node, Scalar, Value};
use crate::lang::syntax::nearest;

const PREFIX: &str = "TIDEGATE_SERVER_";

/// One key that can be overridden.
struct Setting {
    /// E.g. `TIDEGATE_SERVER_LIMITS_CONNECT_RATE`.
    variable: String,
    /// E.g. `limits`, `connectRate`.
    keys: Vec<&'static str>,
    /// Whether commas part the items of a list.
    list: bool,
}

/// Puts what the environment says into the tree of a definition.
pub(super) fn apply(root: &mut Node, surroundings: &dyn Surroundings, report: &mut Report) {
    let settings = settings();
    for (variable, value) in surroundings.environment() {
        if !variable.starts_with(PREFIX) {
            continue;
        }
        let place = Place::whole(Arc::new(Origin {
            name: format!("environment variable {variable}"),
            directory: PathBuf::new(),
        }));
        match settings
            .iter()
            .find(|setting| setting.variable == *variable)
        {
            Some(setting) => {
                let mut keys = vec!["server"];
                keys.extend(&setting.keys);
                set(root, &keys, node(value, setting.list, &place));
            }
            None => {
                let names = settings.iter().map(|setting| setting.variable.as_str());
                let remedy = match nearest(variable, names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "unset it".to_owned(),
                };
                report.add(Some(&place), "", "names no key of `server`", remedy);
            }
        }
    }
}

/// The names of all variables that override a key, for the manual.
pub fn variables() -> Vec<String> {
    let settings = settings().into_iter();
    settings.map(|setting| setting.variable).collect()
}

fn settings() -> Vec<Setting> {
    let mut found = Vec::new();
    collect(&SERVER, PREFIX, &[], &mut found);
    found
}

fn collect(object: &Object, prefix: &str, keys: &[&'static str], found: &mut Vec<Setting>) {
    for field in object.fields {
        if matches!(field.need, Need::Refused(_)) {
            // Set in the environment, it is refused by name just as in the file.
            found.push(setting(prefix, keys, field.name, false));
            continue;
        }
        let (leaf, inner) = match field.shape {
            Shape::Object(inner) => (false, Some(inner)),
            Shape::Or(_, Shape::Object(inner)) => (true, Some(inner)),
            _ => (true, None),
        };
        if leaf {
            let list = matches!(field.shape, Shape::List { .. });
            found.push(setting(prefix, keys, field.name, list));
        }
        if let Some(inner) = inner {
            let prefix = format!("{prefix}{}_", screaming(field.name));
            let mut keys = keys.to_vec();
            keys.push(field.name);
            collect(inner, &prefix, &keys, found);
        }
    }
}

fn setting(prefix: &str, keys: &[&'static str], name: &'static str, list: bool) -> Setting {
    let mut keys = keys.to_vec();
    keys.push(name);
    Setting {
        variable: format!("{prefix}{}", screaming(name)),
        keys,
        list,
    }
}

/// `connectRate` as `CONNECT_RATE`.
fn screaming(name: &str) -> String {
    let mut screaming = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            screaming.push('_');
        }
        screaming.push(character.to_ascii_uppercase());
    }
    screaming
}

fn node(text: &str, list: bool, place: &Place) -> Node {
    let scalar = |text: &str| Node {
        place: place.clone(),
        value: Value::Scalar(Scalar {
            text: text.trim().to_owned(),
            plain: true,
        }),
    };
    if !list {
        return scalar(text);
    }
    let items = text.split(',').filter(|item| !item.trim().is_empty());
    Node {
        place: place.clone(),
        value: Value::Sequence(items.map(scalar).collect()),
    }
}

/// Sets a nested key, making maps on the way where there are none.
fn set(node: &mut Node, keys: &[&str], value: Node) {
    let Some((key, rest)) = keys.split_first() else {
        *node = value;
        return;
    };
    if !matches!(node.value, Value::Mapping(_)) {
        node.value = Value::Mapping(Vec::new());
    }
    let Value::Mapping(entries) = &mut node.value else {
        return;
    };
    let position = match entries.iter().position(|entry| entry.key == *key) {
        Some(position) => position,
        None => {
            let place = value.place.clone();
            entries.push(Entry {
                key: (*key).to_owned(),
                place: place.clone(),
                value: Node {
                    place,
                    value: Value::Mapping(Vec::new()),
                },
            });
            entries.len() - 1
        }
    };
    if let Some(entry) = entries.get_mut(position) {
        if rest.is_empty() {
            entry.place = value.place.clone();
        }
        set(&mut entry.value, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_server_section_has_a_variable() {
        let names = variables();
        for name in [
            "TIDEGATE_SERVER_LISTEN",
            "TIDEGATE_SERVER_AWS_ENDPOINT",
            "TIDEGATE_SERVER_ACCOUNT_ID",
            "TIDEGATE_SERVER_TLS",
            "TIDEGATE_SERVER_TLS_CERTIFICATE_FILE",
            "TIDEGATE_SERVER_LIMITS_CONNECT_RATE",
            "TIDEGATE_SERVER_LIMITS_CONNECTIONS_PER_ADDRESS",
            "TIDEGATE_SERVER_LIMITS_PENDING_HANDSHAKES",
        ] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        assert!(!names.iter().any(|name| name == "TIDEGATE_SERVER_LIMITS"));
    }
}
