//! Checks a tree against the tables and gives it a normal form: JSON in which every scalar has its type.
//!
//! Nothing here knows a resource; the tables say everything. A value that is wrong is reported and left out, so that one
//! mistake does not hide the next; what cannot be without it is left out with it.

mod scalars;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value as Json};

use super::diagnostic::{Place, Report, child, item};
use super::places::Places;
use super::scalar::describe;
use super::shape::{Field, Need, Object, Shape, Text};
use super::substitute;
use super::surroundings::Surroundings;
use super::tree::{Entry, Node, Scalar, Value};
use crate::lang::syntax::nearest;

pub(super) use scalars::Resolved;

/// Walks one definition.
pub(super) struct Walker<'a> {
    surroundings: &'a dyn Surroundings,
    report: &'a mut Report,
    /// Where everything stands.
    pub(super) places: Places,
    /// Every file that was read on the way.
    pub(super) files: BTreeSet<PathBuf>,
    substituted_bytes: usize,
    /// Whether the value is a default, which stands nowhere.
    standing_in: bool,
    source: Source,
}

/// Who wrote what is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Whoever runs the gateway: scalars may take in its environment and its files, and need no quotes.
    File,
    /// The author of a template of CloudFormation, for whoever runs the gateway. Its functions and parameters make text, and so a text may
    /// be a boolean or a number where one is wanted.
    Template,
    /// Whoever calls the control plane: values are what they are, and reach nothing on this machine.
    Call,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        source: Source,
        surroundings: &'a dyn Surroundings,
        report: &'a mut Report,
    ) -> Self {
        Self {
            source,
            surroundings,
            report,
            places: Places::default(),
            files: BTreeSet::new(),
            substituted_bytes: 0,
            standing_in: false,
        }
    }

    /// The normal form of a value; `None` when it is wrong.
    pub(super) fn walk(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Json> {
        if !self.standing_in {
            self.places.note(path, &node.place);
        }
        match shape {
            Shape::Object(object) => self.object(node, object, path),
            Shape::Map { key, value, max } => self.map(node, key, value, *max, path),
            Shape::List {
                item,
                min,
                max,
                or_one,
            } => {
                let items = self.items(node, shape, *or_one, path)?;
                self.check_count(node, items.len(), *min, *max, path);
                Some(self.list(items, item, path))
            }
            Shape::Document => self.document(node, path),
            Shape::Only {
                shape,
                accepted,
                otherwise,
            } => self.only(node, shape, accepted, otherwise, path),
            Shape::Or(words, inner) => self.or(node, shape, words, inner, path),
            Shape::Text(_)
            | Shape::Choice(_)
            | Shape::Integer { .. }
            | Shape::Number { .. }
            | Shape::Boolean
            | Shape::Duration { .. } => self.scalar(node, shape, shape, path),
        }
    }

    fn problem(&mut self, place: &Place, path: &str, what: impl Into<String>, remedy: &str) {
        self.report.add(Some(place), path, what, remedy);
    }

    fn mistyped(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Json> {
        let found = match &node.value {
            _ if node.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map (quote this if it is text that begins with `{`)",
        };
        let what = format!("expected {}, found {found}", describe(shape));
        self.problem(&node.place, path, what, "correct the value");
        None
    }

    fn object(&mut self, node: &Node, object: &Object, path: &str) -> Option<Json> {
        let entries = self.entries(node, path)?;
        let object = kind_of(entries, object);
        let mut fields = Map::new();
        let mut meant = Vec::new();
        for entry in entries {
            let path = child(path, &entry.key);
            self.places.note(&path, &entry.place);
            match object.fields.iter().find(|field| field.name == entry.key) {
                None => meant.extend(self.unknown(entry, object, &path)),
                Some(field) => {
                    if let Some(value) = self.field(entry, field, &path) {
                        fields.insert(entry.key.clone(), value);
                    }
                }
            }
        }
        let mut whole = true;
        for field in object.fields {
            if !fields.contains_key(field.name) {
                let misspelt = meant.contains(&field.name);
                whole &= self.absent(node, field, misspelt, path, &mut fields);
            }
        }
        whole.then_some(Json::Object(fields))
    }

    fn entries<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Mapping(entries) => Some(entries),
            _ if node.is_null() => Some(&[]),
            _ => {
                self.mistyped(node, &Shape::Document, path);
                None
            }
        }
    }

    fn field(&mut self, entry: &Entry, field: &Field, path: &str) -> Option<Json> {
        if let Need::Refused(otherwise) = field.need {
            self.problem(&entry.place, path, "is not supported here", otherwise);
            return None;
        }
        self.walk(&entry.value, field.shape, path)
    }

    /// Reports an unknown key; gives the known one that was probably meant.
    fn unknown(&mut self, entry: &Entry, object: &Object, path: &str) -> Option<&'static str> {
        let known = object
            .fields
            .iter()
            .filter(|field| !matches!(field.need, Need::Refused(_)))
            .map(|field| field.name);
        let meant = nearest(&entry.key, known.clone());
        let remedy = match meant {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.problem(&entry.place, path, "unknown key", &remedy);
        meant
    }

    /// Puts in what stands for an absent key; `false` when nothing can. That it is missing need not be said when an unknown
    /// key has been taken for it.
    fn absent(
        &mut self,
        node: &Node,
        field: &Field,
        misspelt: bool,
        path: &str,
        fields: &mut Map<String, Json>,
    ) -> bool {
        let path = child(path, field.name);
        // A value that was wrong has been reported already.
        if field.is_required() && !misspelt && !self.places.has(&path) {
            let remedy = format!("add `{}`: {}", field.name, field.doc);
            self.problem(&node.place, &path, "is missing", &remedy);
        }
        let value = match field.need {
            Need::Optional | Need::Refused(_) => return true,
            Need::Required => return false,
            Need::RequiredLike(text) => plain(text),
            Need::Default(text) => plain(text),
            Need::Empty => Value::Mapping(Vec::new()),
        };
        let standing_in = Node {
            place: node.place.clone(),
            value,
        };
        let outer = std::mem::replace(&mut self.standing_in, true);
        let value = self.walk(&standing_in, field.shape, &path);
        self.standing_in = outer;
        if let Some(value) = value {
            fields.insert(field.name.to_owned(), value);
        }
        true
    }

    fn map(
        &mut self,
        node: &Node,
        key: &Text,
        value: &Shape,
        max: usize,
        path: &str,
    ) -> Option<Json> {
        let entries = self.entries(node, path)?;
        if entries.len() > max {
            let what = format!("has {} entries", entries.len());
            self.problem(&node.place, path, what, &format!("keep at most {max}"));
        }
        let mut fields = Map::new();
        for entry in entries {
            let path = child(path, &entry.key);
            let keyed = self.key(entry, key, &path);
            let value = self.walk(&entry.value, value, &path);
            self.places.note(&path, &entry.place);
            if let (true, Some(value)) = (keyed, value) {
                fields.insert(entry.key.clone(), value);
            }
        }
        Some(Json::Object(fields))
    }

    /// Whether the key of a map is good.
    fn key(&mut self, entry: &Entry, rule: &Text, path: &str) -> bool {
        if self.source != Source::Call && substitute::asks(&entry.key) {
            let what = "a substitution stands in a key";
            let remedy = "write the key out; values can be substituted";
            self.problem(&entry.place, path, what, remedy);
            return false;
        }
        let Err(what) = self.text(&entry.key, rule, &entry.place) else {
            return true;
        };
        let remedy = format!("use {} as the key", describe(&Shape::Text(*rule)));
        self.problem(&entry.place, path, format!("the key {what}"), &remedy);
        false
    }

    fn items<'n>(
        &mut self,
        node: &'n Node,
        shape: &Shape,
        or_one: bool,
        path: &str,
    ) -> Option<&'n [Node]> {
        match &node.value {
            Value::Sequence(items) => Some(items),
            _ if node.is_null() && matches!(shape, Shape::List { min: 0, .. }) => Some(&[]),
            Value::Scalar(_) if or_one && !node.is_null() && self.source != Source::Call => {
                Some(std::slice::from_ref(node))
            }
            _ => {
                self.mistyped(node, shape, path);
                None
            }
        }
    }

    fn check_count(&mut self, node: &Node, count: usize, min: usize, max: usize, path: &str) {
        if count < min || count > max {
            let remedy = format!("keep it between {min} and {max}");
            self.problem(&node.place, path, format!("has {count} items"), &remedy);
        }
    }

    fn list(&mut self, items: &[Node], inner: &Shape, path: &str) -> Json {
        self.each(items, path, |walker, value, path| {
            walker.walk(value, inner, path)
        })
    }

    /// A list of what `walk` makes of each item; items that it refuses are left out.
    fn each(
        &mut self,
        items: &[Node],
        path: &str,
        mut walk: impl FnMut(&mut Self, &Node, &str) -> Option<Json>,
    ) -> Json {
        let mut values = Vec::new();
        let mut kept = Vec::new();
        for (index, value) in items.iter().enumerate() {
            if let Some(value) = walk(self, value, &item(path, index)) {
                values.push(value);
                kept.push(index);
            }
        }
        if kept.len() < items.len() {
            self.places.note_kept(path, kept);
        }
        Json::Array(values)
    }
}

/// The table for a map: that of the kind which the map says it is, or the one that tells kinds apart.
fn kind_of<'o>(entries: &[Entry], object: &'o Object) -> &'o Object {
    let Some(kind) = object.kind else {
        return object;
    };
    let entry = entries.iter().find(|entry| entry.key == kind.field);
    let Some(Value::Scalar(scalar)) = entry.map(|entry| &entry.value.value) else {
        return object;
    };
    let mut others = kind.others.iter();
    let other = others.find(|(word, _)| *word == scalar.text);
    other.map_or(object, |(_, other)| other)
}

fn plain(text: &str) -> Value {
    Value::Scalar(Scalar {
        text: text.to_owned(),
        plain: true,
    })
}
