//! Values as text. This is the one place that says how a JSON value looks in a key, a header or a log.
//!
//! | value | text |
//! |---|---|
//! | string | itself |
//! | number, boolean | as JSON writes it |
//! | null | empty; inside an array `null` |
//! | array | `[a, b]`: its elements as text |
//! | object | as JSON, without spaces |
//!
//! Source for strings, numbers, booleans and arrays: API Gateway Developer Guide, "Working with routes for WebSocket APIs"
//! and "WebSocket selection expressions". Null and objects are not documented: these are ours.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde_json::Value;

use super::Found;

/// Longest text made from an array, an object or a list of values, in bytes (ours): twice the largest message. A string is
/// never longer than the document it came from and is not bounded here.
pub const TEXT_BYTES: usize = 256 * 1024;

/// A value as text, `None` when it would exceed [`TEXT_BYTES`].
pub fn stringify(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => Some(Cow::Borrowed("")),
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Array(_) | Value::Object(_) => {
            Bounded::write(|out| element(value, out)).map(Cow::Owned)
        }
    }
}

/// A value as compact JSON, `None` when it would exceed [`TEXT_BYTES`].
pub fn json_text(value: &Value) -> Option<String> {
    Bounded::write(|out| write!(out, "{value}"))
}

impl<'v> Found<'v> {
    /// As text; a list like an array. `None` when it would exceed [`TEXT_BYTES`].
    pub fn text(&self) -> Option<Cow<'v, str>> {
        match self {
            Self::One(value) => stringify(value),
            Self::Many(values) => {
                Bounded::write(|out| list(values.iter().copied(), out)).map(Cow::Owned)
            }
        }
    }

    /// As compact JSON; a list like an array. `None` when it would exceed [`TEXT_BYTES`].
    pub fn json(&self) -> Option<String> {
        match self {
            Self::One(value) => json_text(value),
            Self::Many(values) => Bounded::write(|out| {
                for (index, value) in values.iter().enumerate() {
                    write!(out, "{}{value}", if index == 0 { '[' } else { ',' })?;
                }
                out.write_char(']')
            }),
        }
    }
}

/// Depth is that of a parsed document, at most 128.
fn element(value: &Value, out: &mut Bounded) -> fmt::Result {
    match value {
        Value::String(text) => out.write_str(text),
        Value::Array(elements) => list(elements.iter(), out),
        other => write!(out, "{other}"),
    }
}

fn list<'v>(values: impl Iterator<Item = &'v Value>, out: &mut Bounded) -> fmt::Result {
    out.write_char('[')?;
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        element(value, out)?;
    }
    out.write_char(']')
}

/// Text that refuses to grow past [`TEXT_BYTES`].
struct Bounded(String);

impl Bounded {
    fn write(fill: impl FnOnce(&mut Self) -> fmt::Result) -> Option<String> {
        let mut bounded = Self(String::new());
        fill(&mut bounded).is_ok().then_some(bounded.0)
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > TEXT_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}
