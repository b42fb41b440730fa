//! A definition as short as it can be: in the order of the tables, without what is there anyway.
//!
//! Two definitions that mean the same are equal in this form, whoever wrote them: a person, the reader of files, an SDK.

use serde_json::{Map, Value};

use super::shape::{Need, Object, Shape};
use super::{substitute, tables, yaml};
use crate::lang::duration;

/// A `$`, in a text that is substituted.
const DOLLAR: &str = "${env:TIDEGATE_DOLLAR:-$}";
/// Members that mean nothing when they have this value, although the tables have no default for them: of Amazon's defaults those
/// that callers of the control plane are always shown.
const ASSUMED: &[(&str, &str, &str)] = &[
    (
        "WebSocketApi",
        "apiKeySelectionExpression",
        "$request.header.x-api-key",
    ),
    ("WebSocketApi", "disableExecuteApiEndpoint", "false"),
    ("WebSocketApi", "disableSchemaValidation", "false"),
    (
        "HttpApi",
        "apiKeySelectionExpression",
        "$request.header.x-api-key",
    ),
    ("HttpApi", "disableExecuteApiEndpoint", "false"),
    (
        "HttpApi",
        "routeSelectionExpression",
        "${request.method} ${request.path}",
    ),
    (
        "HttpApi",
        "routeSelectionExpression",
        "$request.method $request.path",
    ),
    ("Route", "apiKeyRequired", "false"),
    ("HttpRoute", "apiKeyRequired", "false"),
    ("Integration", "connectionType", "INTERNET"),
    ("Integration", "passthroughBehavior", "WHEN_NO_MATCH"),
    ("Integration", "payloadFormatVersion", "1.0"),
    ("HttpIntegration", "connectionType", "INTERNET"),
    ("Model", "contentType", "application/json"),
    ("Stage", "autoDeploy", "true"),
    ("HttpStage", "autoDeploy", "true"),
];
/// The same in a stage's `defaultRouteSettings`; in `routeSettings` they may stand against other defaults.
const ASSUMED_OF_ROUTES: &[(&str, &str)] = &[
    ("detailedMetricsEnabled", "false"),
    ("loggingLevel", "OFF"),
    ("dataTraceEnabled", "false"),
];

/// A definition as the text of a file, as a person would have written it. It is put in the form of [`concise`] first.
pub fn write(definition: &Value) -> String {
    yaml::render(&concise(definition))
}

/// One value of a definition as it would stand in a line of a file.
pub fn write_line(value: &Value) -> String {
    yaml::flow(value)
}

/// A value that did not come from a file, so that a file with it means the same: what only looks like a substitution is escaped.
///
/// `${env:A}` becomes a substitution for `$` by a variable that nobody sets, followed by `{env:A}`. Keys stay as they are, since
/// files have no substitutions in keys.
pub fn literally(value: &Value) -> Value {
    match value {
        Value::String(text) if substitute::asks(text) => {
            let text = text.replace("${env:", &format!("{DOLLAR}{{env:"));
            text.replace("${file:", &format!("{DOLLAR}{{file:")).into()
        }
        Value::Array(items) => items.iter().map(literally).collect(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(key, value)| (key.clone(), literally(value)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// A whole definition, concise. What the tables do not know stays as it is.
pub fn concise(definition: &Value) -> Value {
    shorten(definition, &Shape::Object(&tables::DEFINITION))
}

fn shorten(value: &Value, shape: &Shape) -> Value {
    match (shape, value) {
        (Shape::Object(object), Value::Object(members)) => object_of(members, object),
        (Shape::Map { value: shape, .. }, Value::Object(members)) => {
            let members = members
                .iter()
                .map(|(key, value)| (key.clone(), shorten(value, shape)));
            Value::Object(members.collect())
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            items.iter().map(|value| shorten(value, item)).collect()
        }
        (Shape::List { or_one: true, .. }, Value::String(one)) => Value::from(vec![one.as_str()]),
        (Shape::Or(_, inner), value) => shorten(value, inner),
        // `5` and `5.0` are one number where any number may stand.
        (Shape::Number { .. }, Value::Number(number)) => {
            whole(number).unwrap_or_else(|| value.clone())
        }
        (Shape::Duration { .. }, value) => span(value).unwrap_or_else(|| value.clone()),
        _ => value.clone(),
    }
}

fn object_of(members: &Map<String, Value>, object: &Object) -> Value {
    let object = kind_of(members, object);
    let mut short = Map::new();
    for field in object.fields {
        let Some(value) = members.get(field.name) else {
            continue;
        };
        let mut value = shorten(value, field.shape);
        match (field.name, &mut value) {
            ("defaultRouteSettings", Value::Object(settings)) => settings.retain(|name, value| {
                let assumed = ASSUMED_OF_ROUTES.iter();
                !assumed
                    .clone()
                    .any(|(known, default)| known == name && is(value, default, &Shape::Document))
            }),
            // JSON in JSON: a map says the same, and can be read.
            ("schema", Value::String(text)) if object.name == "Model" => {
                if let Some(schema) = lossless(text) {
                    value = schema;
                }
            }
            _ => {}
        }
        let idle = match field.need {
            Need::Default(default) => is(&value, default, field.shape),
            Need::Empty => is_empty(&value),
            // A schema that is empty says something.
            _ => is_empty(&value) && matches!(field.shape, Shape::Map { .. }),
        };
        let assumed = ASSUMED.iter().any(|(of, name, default)| {
            *of == object.name && *name == field.name && is(&value, default, field.shape)
        });
        if !idle && !assumed {
            short.insert(field.name.to_owned(), value);
        }
    }
    let unknown = members
        .iter()
        .filter(|(name, _)| !object.fields.iter().any(|field| field.name == **name));
    short.extend(unknown.map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(short)
}

fn kind_of<'o>(members: &Map<String, Value>, object: &'o Object) -> &'o Object {
    let Some(kind) = object.kind else {
        return object;
    };
    let word = members.get(kind.field).and_then(Value::as_str);
    let mut others = kind.others.iter();
    let other = others.find(|(known, _)| Some(*known) == word);
    other.map_or(object, |(_, other)| other)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// Whether a value is what `text` stands for, a default as the tables have it.
fn is(value: &Value, text: &str, shape: &Shape) -> bool {
    match (value, shape) {
        (Value::Array(items), _) if text.is_empty() => items.is_empty(),
        (Value::String(own), Shape::Duration { .. } | Shape::Or(_, Shape::Duration { .. })) => {
            own == text || duration::parse(text).is_ok_and(|text| duration::print(text) == *own)
        }
        (Value::String(own), _) => own == text,
        (Value::Number(own), _) => own.as_f64() == text.parse().ok(),
        (Value::Bool(own), _) => text.parse() == Ok(*own),
        _ => false,
    }
}

fn whole(number: &serde_json::Number) -> Option<Value> {
    // What has no fraction is written without; bounds of the tables are far below where that would lose anything.
    let text = number.as_f64()?.to_string();
    text.parse::<i64>().ok().map(Value::from)
}

/// A time in its one spelling, whether it is text or what the reader of files made of it.
fn span(value: &Value) -> Option<Value> {
    let time = match value {
        Value::String(text) => duration::parse(text).ok()?,
        Value::Object(parts) => {
            let seconds = parts.get("secs")?.as_u64()?;
            let nanos = u32::try_from(parts.get("nanos")?.as_u64()?).ok()?;
            std::time::Duration::new(seconds, nanos)
        }
        _ => return None,
    };
    Some(duration::print(time).into())
}

/// The value of a JSON text, if YAML can say just that.
fn lossless(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    // Keys that stand there twice, and numbers that no reader keeps.
    let (compact, said) = (without_blanks(text), value.to_string());
    (value.is_object() && said == compact && sound(&value)).then_some(value)
}

fn sound(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some() || number.is_f64(),
        Value::Array(items) => items.iter().all(sound),
        Value::Object(members) => {
            members.values().all(sound) && !members.keys().any(|key| substitute::asks(key))
        }
        Value::String(text) => !substitute::asks(text),
        Value::Null | Value::Bool(_) => true,
    }
}

fn without_blanks(json: &str) -> String {
    let mut quoted = false;
    let mut escaped = false;
    json.chars()
        .filter(|character| {
            match character {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            quoted || !character.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_there_anyway_is_left_out() {
        let long = json!({ "apis": { "a": {
            "routes": { "GET /": { "authorizationType": "NONE", "apiKeyRequired": false, "target": "integrations/x", "authorizationScopes": [] } },
            "protocolType": "HTTP",
            "routeSelectionExpression": "$request.method $request.path",
            "integrations": { "x": {
                "timeoutInMillis": 30000, "integrationUri": "http://a", "integrationType": "HTTP_PROXY", "requestParameters": {},
                "tidegate": { "bodyIdleTimeout": { "secs": 90, "nanos": 0 } },
            } },
            "stages": { "$default": { "autoDeploy": true, "tags": {}, "defaultRouteSettings": { "detailedMetricsEnabled": false },
                "routeSettings": { "GET /": { "detailedMetricsEnabled": false } } } },
            "authorizers": {},
        } }, "domainNames": {} });
        let short = json!({ "apis": { "a": {
            "protocolType": "HTTP",
            "routes": { "GET /": { "target": "integrations/x", "authorizationScopes": [] } },
            "integrations": { "x": { "integrationType": "HTTP_PROXY", "integrationUri": "http://a", "tidegate": { "bodyIdleTimeout": "90s" } } },
            "stages": { "$default": { "routeSettings": { "GET /": { "detailedMetricsEnabled": false } } } },
        } } });
        assert_eq!(concise(&long), short);
        assert_eq!(concise(&short), short);
    }

    #[test]
    fn what_looks_like_a_substitution_stays_what_it_is() {
        let text = "a ${env:HOME}${file:x} ${stageVariables.x} $";
        let value = literally(&json!({ "description": text, "protocolType": "HTTP" }));
        let file = write(&json!({ "apis": { "a": value } }));
        let machine = crate::definition::Machine::default();
        let (read, _) =
            crate::definition::resolve_text(&file, std::path::Path::new("."), &machine).unwrap();
        assert_eq!(read["apis"]["a"]["description"], text);
    }

    #[test]
    fn schemas_are_maps_where_nothing_is_lost() {
        let check = |text: &str, expected: Value| {
            let api = json!({ "apis": { "a": { "protocolType": "WEBSOCKET", "models": { "m": { "schema": text } } } } });
            let short = concise(&api);
            assert_eq!(
                short["apis"]["a"]["models"]["m"]["schema"], expected,
                "{text}"
            );
        };
        check("{ \"type\": \"string\" }", json!({ "type": "string" }));
        check("{}", json!({}));
        check("{\"a\":1,\"a\":2}", json!("{\"a\":1,\"a\":2}"));
        check(
            "{\"a\":18446744073709551615}",
            json!("{\"a\":18446744073709551615}"),
        );
        check("{\"a\":\"${env:X}\"}", json!("{\"a\":\"${env:X}\"}"));
        check("no", json!("no"));
    }
}
