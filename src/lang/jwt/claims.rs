//! Claims as they are read from a token, and as Amazon shows them to integrations.
//!
//! Source: developer guide, "Control access to HTTP APIs with JWT authorizers in API Gateway"; RFC 7519.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::JwtError;

/// Reads a JSON object that names nothing twice, at any depth. serde_json bounds the depth.
pub(super) fn read(json: &[u8]) -> Result<Map<String, Value>, JwtError> {
    match serde_json::from_slice(json) {
        Ok(Strict(Value::Object(claims))) => Ok(claims),
        Ok(_) | Err(_) => Err(JwtError::Claims),
    }
}

/// A time in seconds since the epoch, whole or not (RFC 7519 section 2, NumericDate); `None` when it is absent.
pub(super) fn date(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<f64>, JwtError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    match value.as_f64() {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(JwtError::Claim(name)),
    }
}

/// Whether `aud`, or `client_id` where there is no `aud`, is one of `audience`.
pub(super) fn is_meant_for(claims: &Map<String, Value>, audience: &[String]) -> bool {
    let known = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| audience.iter().any(|known| known == text))
    };
    match claims.get("aud") {
        Some(Value::Array(values)) => values.iter().any(known),
        Some(value) => known(value),
        None => claims.get("client_id").is_some_and(known),
    }
}

/// The scopes that a token carries: `scp`, a list or a text, wins over `scope`, a text.
pub(super) fn scopes(claims: &Map<String, Value>) -> Vec<String> {
    let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect();
    match (claims.get("scp"), claims.get("scope")) {
        (Some(Value::Array(values)), _) => {
            let texts = values.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        (Some(Value::String(text)), _) | (None | Some(Value::Null), Some(Value::String(text))) => {
            words(text)
        }
        _ => Vec::new(),
    }
}

/// The claims as events carry them: every value a text, null left out.
pub(super) fn rendered(claims: &Map<String, Value>) -> Map<String, Value> {
    let shown = claims.iter().filter(|(_, value)| !value.is_null());
    shown
        .map(|(name, value)| (name.clone(), Value::String(text(value))))
        .collect()
}

/// AWS: a list is written as Go prints a slice, an object as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let items: Vec<_> = values.iter().map(item).collect();
            format!("[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}

fn item(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        other => text(other),
    }
}

/// A JSON value in which no object names anything twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if values.insert(name, value).is_some() {
                return Err(de::Error::custom("a name occurs twice"));
            }
        }
        Ok(values.into())
    }
}
