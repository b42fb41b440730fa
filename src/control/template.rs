//! `GetModelTemplate`: a sample mapping template for what a model describes.

use serde_json::{Map, Value, json};

use crate::error::ServiceException;

use super::kind::Kind;
use super::resources::{find, known};
use super::view::View;
use super::wire::Call;

/// Schemas inside schemas that are followed.
const DEPTH: usize = 16;
const INDENT: &str = "  ";

/// The template of the model that the call names.
pub(super) fn of_model(view: &View, call: &Call) -> Result<Value, ServiceException> {
    let model = known(view, Kind::Model, &find(view, Kind::Model, call)?)?;
    let schema = serde_json::from_str(model.text("schema")).unwrap_or_default();
    let mut text = "#set($inputRoot = $input.path('$'))\n".to_owned();
    sample(&schema, 0, &mut text);
    Ok(json!({ "value": text }))
}

fn sample(schema: &Value, depth: usize, text: &mut String) {
    let properties = schema["properties"].as_object();
    match (schema["type"].as_str(), properties) {
        _ if depth > DEPTH => text.push_str("{}"),
        (Some("string"), _) => text.push_str("\"foo\""),
        (Some("integer" | "number"), _) => text.push_str("42"),
        (Some("boolean"), _) => text.push_str("true"),
        (Some("null"), _) => text.push_str("null"),
        (Some("array"), _) => {
            text.push_str("[ ");
            sample(&schema["items"], depth + 1, text);
            text.push_str(" ]");
        }
        (_, Some(properties)) => object(properties, depth, text),
        _ => text.push_str("{}"),
    }
}

fn object(properties: &Map<String, Value>, depth: usize, text: &mut String) {
    text.push('{');
    for (place, (name, schema)) in properties.iter().enumerate() {
        text.push_str(if place == 0 { "\n" } else { ",\n" });
        text.push_str(&INDENT.repeat(depth + 1));
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push_str(" : ");
        sample(schema, depth + 1, text);
    }
    text.push('\n');
    text.push_str(&INDENT.repeat(depth));
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_every_property() {
        let check = |schema: Value, expected: &str| {
            let mut text = String::new();
            sample(&schema, 0, &mut text);
            assert_eq!(text, expected);
        };
        check(json!({}), "{}");
        check(json!({ "type": "string" }), "\"foo\"");
        check(
            json!({ "type": "object", "properties": {
                "a": { "type": "integer" },
                "b": { "type": "array", "items": { "type": "boolean" } },
                "c": { "properties": { "d": { "type": "null" } } },
            } }),
            "{\n  \"a\" : 42,\n  \"b\" : [ true ],\n  \"c\" : {\n    \"d\" : null\n  }\n}",
        );
    }
}
