//! A map of a document, whose members are taken out one by one so that none is forgotten.

use serde_json::{Map, Value};

use super::Reader;
use crate::openapi::pointer::Pointer;

/// A map and what of it nobody has taken yet.
pub(super) struct Part<'d> {
    /// Where it stands.
    pub(super) at: Pointer,
    members: Vec<(&'d str, &'d Value)>,
}

impl<'d> Part<'d> {
    /// All of a map but members that are `null`.
    pub(super) fn new(at: &Pointer, members: &'d Map<String, Value>) -> Self {
        let members = members.iter().filter(|(_, value)| !value.is_null());
        Self {
            at: at.clone(),
            members: members
                .map(|(name, value)| (name.as_str(), value))
                .collect(),
        }
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, name: &str) -> Option<(Pointer, &'d Value)> {
        let position = self.members.iter().position(|(known, _)| *known == name)?;
        let (_, value) = self.members.remove(position);
        Some((self.at.child(name), value))
    }

    /// Takes members out that HTTP APIs do not use.
    pub(super) fn unused(&mut self, reader: &mut Reader<'_>, names: &[&str]) {
        for name in names {
            if let Some((at, _)) = self.take(name) {
                reader.findings.unused(&at);
            }
        }
    }

    /// What nobody took.
    pub(super) fn left(self) -> impl Iterator<Item = (Pointer, &'d Value)> {
        let at = self.at;
        let members = self.members.into_iter();
        members.map(move |(name, value)| (at.child(name), value))
    }
}

/// A scalar as text: YAML takes `version: 1.0` for a number.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
