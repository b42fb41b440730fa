//! The tables as a JSON Schema (draft 2020-12), so that editors complete and check a definition while it is typed.
//!
//! The schema is lenient where only `tidegate check` can be exact: substitutions may stand for any scalar, and what is
//! refused by name until it works is described, not forbidden.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::shape::{Choice, Field, Form, Need, Object, Shape, Text};
use super::tables::DEFINITION;

/// What a scalar may be instead of its own type: something with a substitution in it.
const SUBSTITUTED: &str = r"\$\{(env|file):";

/// The JSON Schema of a definition file.
pub fn schema() -> Json {
    let mut definitions = BTreeMap::new();
    let root = object(&DEFINITION, &mut definitions);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tidegate definition",
    });
    if let (Some(schema), Json::Object(root)) = (schema.as_object_mut(), root) {
        schema.extend(root);
        schema.insert(
            "$defs".to_owned(),
            Json::Object(definitions.into_iter().collect()),
        );
    }
    schema
}

type Definitions = BTreeMap<String, Json>;

fn of(shape: &Shape, definitions: &mut Definitions) -> Json {
    match shape {
        Shape::Text(rule) => text(rule),
        Shape::Choice(choices) => choice(choices),
        Shape::Only { shape, .. } => of(shape, definitions),
        Shape::Integer { min, max } => {
            or_substituted(json!({ "type": "integer", "minimum": min, "maximum": max }))
        }
        Shape::Number { min, max } => {
            or_substituted(json!({ "type": "number", "minimum": min, "maximum": max }))
        }
        Shape::Boolean => or_substituted(json!({ "type": "boolean" })),
        Shape::Duration { .. } => {
            or_substituted(json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }))
        }
        Shape::Or(words, inner) => {
            json!({ "anyOf": [{ "enum": words }, of(inner, definitions)] })
        }
        Shape::List {
            item,
            min,
            max,
            or_one,
        } => {
            let item = of(item, definitions);
            let list = json!({ "type": "array", "items": item, "minItems": min, "maxItems": max });
            if *or_one {
                json!({ "anyOf": [item, list] })
            } else {
                list
            }
        }
        Shape::Map { key, value, max } => json!({
            "type": ["object", "null"],
            "propertyNames": bare_text(key),
            "additionalProperties": of(value, definitions),
            "maxProperties": max,
        }),
        Shape::Object(inner) => {
            if !definitions.contains_key(inner.name) {
                // Keeps the place, so that a table that contains itself would not be followed forever.
                definitions.insert(inner.name.to_owned(), Json::Null);
                let definition = object(inner, definitions);
                definitions.insert(inner.name.to_owned(), definition);
            }
            json!({ "$ref": format!("#/$defs/{}", inner.name) })
        }
        Shape::Document => json!({}),
    }
}

fn object(object: &Object, definitions: &mut Definitions) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in object.fields {
        properties.insert(field.name.to_owned(), property(field, definitions));
        if field.is_required() {
            required.push(field.name);
        }
    }
    let mut schema = json!({
        "description": object.doc,
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
        schema.insert("required".to_owned(), json!(required));
    }
    let Some(kind) = object.kind else {
        return schema;
    };
    for (word, other) in kind.others {
        let mut said = Map::new();
        said.insert(kind.field.to_owned(), json!({ "const": word }));
        let other = of(&Shape::Object(other), definitions);
        schema = json!({
            "if": { "type": "object", "required": [kind.field], "properties": said },
            "then": other,
            "else": schema,
        });
    }
    schema
}

fn property(field: &Field, definitions: &mut Definitions) -> Json {
    let mut schema = of(field.shape, definitions);
    let Some(keywords) = schema.as_object_mut() else {
        return schema;
    };
    match field.need {
        Need::Refused(otherwise) => {
            let doc = format!("Not supported here: {otherwise}.");
            keywords.insert("description".to_owned(), Json::from(doc));
            keywords.insert("deprecated".to_owned(), Json::from(true));
        }
        Need::Default(text) if !text.is_empty() => {
            let doc = format!("{} Default: {text}.", field.doc);
            keywords.insert("description".to_owned(), Json::from(doc));
        }
        Need::Default(_)
        | Need::Required
        | Need::RequiredLike(_)
        | Need::Optional
        | Need::Empty => {
            keywords.insert("description".to_owned(), Json::from(field.doc));
        }
    }
    schema
}

fn choice(choices: &[Choice]) -> Json {
    let words: Vec<_> = choices.iter().map(|choice| choice.word).collect();
    or_substituted(json!({ "enum": words }))
}

/// Text; an unquoted number or boolean is text too, where text is expected.
fn text(rule: &Text) -> Json {
    match rule.form {
        Form::Pattern(..) => or_substituted(bare_text(rule)),
        _ => bare_text(rule),
    }
}

fn bare_text(rule: &Text) -> Json {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!(["string", "number", "boolean"]));
    if rule.min > 0 {
        schema.insert("minLength".to_owned(), json!(rule.min));
    }
    if let Form::Pattern(pattern, _) = rule.form {
        schema.insert("pattern".to_owned(), json!(pattern));
    }
    Json::Object(schema)
}

fn or_substituted(schema: Json) -> Json {
    json!({ "anyOf": [schema, { "type": "string", "pattern": SUBSTITUTED }] })
}
