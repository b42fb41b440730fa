//! What a text is made of.

use crate::definition::diagnostic::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where the value begins.
    pub(crate) place: Place,
    /// The value.
    pub(crate) value: Value,
}

/// The three kinds of value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text, number, boolean or null: not yet told apart.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order of the text; no key occurs twice.
    Mapping(Vec<Entry>),
}

/// One scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The text, without quotes and with escapes resolved.
    pub(crate) text: String,
    /// Whether it stood without quotes.
    pub(crate) plain: bool,
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key begins.
    pub(crate) place: Place,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// A value that did not come from a text; all of it stands at `place`.
    pub(crate) fn of(value: &serde_json::Value, place: &Place) -> Self {
        let scalar = |text: &str, plain| {
            Value::Scalar(Scalar {
                text: text.to_owned(),
                plain,
            })
        };
        let value = match value {
            serde_json::Value::Null => scalar("null", true),
            serde_json::Value::Bool(value) => scalar(&value.to_string(), true),
            serde_json::Value::Number(number) => scalar(&number.to_string(), true),
            serde_json::Value::String(text) => scalar(text, false),
            serde_json::Value::Array(items) => {
                Value::Sequence(items.iter().map(|item| Self::of(item, place)).collect())
            }
            serde_json::Value::Object(fields) => {
                let entries = fields.iter().map(|(key, value)| Entry {
                    key: key.clone(),
                    place: place.clone(),
                    value: Self::of(value, place),
                });
                Value::Mapping(entries.collect())
            }
        };
        Self {
            place: place.clone(),
            value,
        }
    }

    /// The value under `key`, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// Whether this is YAML's null: nothing, `~` or `null`, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => {
                scalar.plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::Sequence(_) | Value::Mapping(_) => false,
        }
    }
}
