//! One resource as it is kept: what its owner said, apart from what the gateway made.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::base::clock::EpochMillis;

const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// One resource.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// Members that callers have set, as they set them; these can be changed.
    pub(super) set: Map<String, Value>,
    /// Members that the gateway made: ids, dates, states.
    pub(super) made: Map<String, Value>,
    /// Whether a person chose its id, as the authors of definitions do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) named: bool,
}

impl Record {
    /// As it is kept.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Maps with text for keys always serialize.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What [`Record::to_bytes`] gave.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// A member that is text, whoever wrote it; empty when there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        let member = self.made.get(name).or_else(|| self.set.get(name));
        member.and_then(Value::as_str).unwrap_or_default()
    }

    /// A member by which a definition has the resource: text, or a whole number.
    pub(super) fn key(&self, name: &str) -> String {
        match self.set.get(name) {
            Some(Value::Number(number)) => number.to_string(),
            _ => self.text(name).to_owned(),
        }
    }

    /// Whether a member is `true`, whoever wrote it.
    pub(super) fn is(&self, name: &str) -> bool {
        let member = self.made.get(name).or_else(|| self.set.get(name));
        member.and_then(Value::as_bool).unwrap_or_default()
    }

    /// Notes what the gateway made.
    pub(super) fn make(&mut self, name: &str, value: impl Into<Value>) {
        self.made.insert(name.to_owned(), value.into());
    }

    /// A member that is a map, to be changed; it is there then.
    pub(super) fn map(&mut self, name: &str) -> &mut Map<String, Value> {
        let member = self.set.entry(name).or_insert_with(empty);
        if !member.is_object() {
            // The tables let nothing else through.
            *member = empty();
        }
        member.as_object_mut().expect("it is an object by now")
    }
}

fn empty() -> Value {
    Value::Object(Map::new())
}

/// A moment as Amazon writes it, e.g. `2026-04-14T22:16:59Z`.
pub(super) fn timestamp(now: EpochMillis) -> Value {
    OffsetDateTime::from_unix_timestamp(now.seconds())
        .ok()
        .and_then(|moment| moment.format(ISO).ok())
        .unwrap_or_default()
        .into()
}
