//! Documents as YAML.

use std::borrow::Cow;

use saphyr::{Mapping, Scalar, Yaml, YamlEmitter};
use serde_json::Value;

/// A value as YAML 1.2, in block style, with every text between quotes: what else could be taken for a date, a number or a boolean
/// by a reader of YAML 1.1.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    let mut emitter = YamlEmitter::new(&mut text);
    emitter.quoted_value(true);
    // Writing to a text does not fail.
    if emitter.dump(&node(value)).is_err() {
        return String::new();
    }
    let text = text.strip_prefix("---\n").unwrap_or(&text);
    format!("{text}\n")
}

fn node(value: &Value) -> Yaml<'_> {
    match value {
        Value::Null => Yaml::Value(Scalar::Null),
        Value::Bool(value) => Yaml::Value(Scalar::Boolean(*value)),
        Value::Number(number) => Yaml::Value(match number.as_i64() {
            Some(number) => Scalar::Integer(number),
            None => Scalar::FloatingPoint(number.as_f64().unwrap_or_default().into()),
        }),
        Value::String(value) => text(value),
        Value::Array(items) => Yaml::Sequence(items.iter().map(node).collect()),
        Value::Object(members) => {
            let mut mapping = Mapping::new();
            for (name, value) in members {
                mapping.insert(text(name), node(value));
            }
            Yaml::Mapping(mapping)
        }
    }
}

fn text(text: &str) -> Yaml<'_> {
    Yaml::Value(Scalar::String(Cow::Borrowed(text)))
}
