//! `$ref`: where they lead, and that they lead somewhere.

use std::collections::HashSet;

use serde_json::Value;

use super::Reader;
use crate::openapi::pointer::Pointer;

/// Longest chain of references that is followed.
const CHAIN: usize = 32;
/// Longest reference, in bytes.
const REFERENCE_BYTES: usize = 1024;
/// Members that hold data of the API's own, in which `$ref` means nothing.
const DATA: [&str; 4] = ["default", "enum", "example", "examples"];

impl<'d> Reader<'d> {
    /// Notes every reference of the document that leads nowhere, out of the document, or round in a circle.
    pub(super) fn check_references(&mut self) {
        self.check_below(&Pointer::root(), self.document, &mut HashSet::new());
    }

    /// No deeper than the text lets values be nested.
    fn check_below(&mut self, at: &Pointer, value: &'d Value, good: &mut HashSet<&'d str>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        _ if DATA.contains(&name.as_str()) => {}
                        Value::String(reference) if name == "$ref" => {
                            if good.contains(reference.as_str()) {
                                continue;
                            }
                            match self.follow(value) {
                                Ok(_) => drop(good.insert(reference)),
                                Err(problem) => self.findings.error(&at.child(name), problem),
                            }
                        }
                        value if has_below(value) => {
                            self.check_below(&at.child(name), value, good);
                        }
                        _ => {}
                    }
                }
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                for (index, item) in items.filter(|(_, item)| has_below(item)) {
                    self.check_below(&at.child(index.to_string()), item, good);
                }
            }
            _ => {}
        }
    }

    /// The value at the end of a chain of references, and where it stands. A chain that is broken gives `None`; that it is has been
    /// noted with all others.
    pub(super) fn resolve(
        &mut self,
        at: &Pointer,
        value: &'d Value,
    ) -> Option<(Pointer, &'d Value)> {
        let Some(reference) = value.get("$ref") else {
            return Some((at.clone(), value));
        };
        if !reference.is_string() {
            let what = "must be a text such as `#/components/...`";
            self.findings.error(&at.child("$ref"), what);
            return None;
        }
        let beside = value.as_object().into_iter().flat_map(|map| map.keys());
        for name in beside.filter(|name| *name != "$ref") {
            let what = "has no meaning beside `$ref`";
            self.findings.error(&at.child(name), what);
        }
        self.follow(reference).ok()
    }

    /// Refuses a value with references in it where none is followed.
    pub(super) fn whole(&mut self, at: &Pointer, value: &Value) {
        if has_reference(value) {
            let what = "only whole integrations and security schemes can be shared by `$ref`";
            self.findings.error(at, what);
        }
    }

    fn follow(&self, reference: &'d Value) -> Result<(Pointer, &'d Value), String> {
        let mut next = Some(reference);
        let mut seen = Vec::new();
        let mut found = None;
        while let Some(Value::String(reference)) = next {
            if reference.len() > REFERENCE_BYTES {
                return Err(format!("is longer than {REFERENCE_BYTES} bytes"));
            }
            let Some(to) = Pointer::of_reference(reference) else {
                return Err("leads out of the document, which must be whole by itself".to_owned());
            };
            let Some(target) = to.find(self.document) else {
                return Err(format!("there is nothing at {to}"));
            };
            if seen.contains(&to) {
                return Err(format!("leads round in a circle, back to {to}"));
            }
            if seen.len() == CHAIN {
                return Err(format!("leads over more than {CHAIN} others"));
            }
            seen.push(to.clone());
            next = target.get("$ref");
            found = Some((to, target));
        }
        found.ok_or_else(|| "must be a text".to_owned())
    }
}

/// Whether there may be anything below a value.
fn has_below(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

/// No deeper than the text lets values be nested.
fn has_reference(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.contains_key("$ref") || members.values().any(has_reference)
        }
        Value::Array(items) => items.iter().any(has_reference),
        _ => false,
    }
}
