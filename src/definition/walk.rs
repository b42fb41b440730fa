//! Checks a tree against the tables and gives it a normal form: JSON in which every scalar has its type.
//!
//! Nothing here knows a resource; the tables say everything. A value that is wrong becomes null after it was reported,
//! so that one mistake does not hide the next.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value as Json};

use super::diagnostic::{Place, Report, child, item};
use super::places::Places;
use super::scalar::{self, describe};
use super::shape::{Field, Form, Need, Object, Shape, Text};
use super::substitute::{self, Sources};
use super::surroundings::Surroundings;
use super::tree::{Entry, Node, Scalar, Value};

/// Largest file that a scalar may take in, in bytes.
const FILE_BYTES: usize = 1024 * 1024;
/// Bytes that all scalars together may take in.
const SUBSTITUTED_BYTES: usize = 16 * 1024 * 1024;
/// Characters of a value that a message repeats.
const SHOWN_CHARACTERS: usize = 80;

/// Walks one definition.
pub(super) struct Walker<'a> {
    surroundings: &'a dyn Surroundings,
    report: &'a mut Report,
    /// Where everything stands.
    pub(super) places: Places,
    /// Every file that was read on the way.
    pub(super) files: BTreeSet<PathBuf>,
    patterns: HashMap<&'static str, Regex>,
    substituted_bytes: usize,
}

/// A scalar after substitution.
pub(super) struct Resolved {
    /// The text.
    pub(super) text: String,
    /// Whether it may be a number or a boolean: it stood without quotes, or came from outside.
    pub(super) plain: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(surroundings: &'a dyn Surroundings, report: &'a mut Report) -> Self {
        Self {
            surroundings,
            report,
            places: Places::default(),
            files: BTreeSet::new(),
            patterns: HashMap::new(),
            substituted_bytes: 0,
        }
    }

    /// The normal form of a value, null where it is wrong.
    pub(super) fn walk(&mut self, node: &Node, shape: &Shape, path: &str) -> Json {
        self.places.note(path, &node.place);
        match shape {
            Shape::Object(object) => self.object(node, object, path),
            Shape::Map { key, value, max } => self.map(node, key, value, *max, path),
            Shape::List {
                item,
                min,
                max,
                or_one,
            } => self.list(node, shape, (item, *min, *max, *or_one), path),
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

    fn mistyped(&mut self, node: &Node, shape: &Shape, path: &str) -> Json {
        let found = match &node.value {
            _ if node.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map (quote this if it is text that begins with `{`)",
        };
        let what = format!("expected {}, found {found}", describe(shape));
        self.problem(&node.place, path, what, "correct the value");
        Json::Null
    }

    // Maps and lists

    fn object(&mut self, node: &Node, object: &Object, path: &str) -> Json {
        let entries = match &node.value {
            Value::Mapping(entries) => entries.as_slice(),
            _ if node.is_null() => &[],
            _ => return self.mistyped(node, &Shape::Document, path),
        };
        let mut fields = Map::new();
        if self.kind_is_refused(entries, object, path) {
            return Json::Null;
        }
        for entry in entries {
            let path = child(path, &entry.key);
            self.places.note(&path, &entry.place);
            match object.fields.iter().find(|field| field.name == entry.key) {
                None => self.unknown(entry, object, &path),
                Some(field) => {
                    if let Need::Refused(otherwise) = field.need {
                        let what = "is not supported here";
                        self.problem(&entry.place, &path, what, otherwise);
                        continue;
                    }
                    let value = self.walk(&entry.value, field.shape, &path);
                    fields.insert(entry.key.clone(), value);
                }
            }
        }
        for field in object.fields {
            if !fields.contains_key(field.name) {
                self.absent(node, field, path, &mut fields);
            }
        }
        Json::Object(fields)
    }

    /// Whether the whole map is of a kind that is refused; then only that is reported.
    fn kind_is_refused(&mut self, entries: &[Entry], object: &Object, path: &str) -> bool {
        let Some(kind) = object.kind else {
            return false;
        };
        let Some(entry) = entries.iter().find(|entry| entry.key == kind.field) else {
            return false;
        };
        let Value::Scalar(scalar) = &entry.value.value else {
            return false;
        };
        let field = object.fields.iter().find(|field| field.name == kind.field);
        match field {
            Some(field) if kind.refused.contains(&scalar.text.as_str()) => {
                let path = child(path, &entry.key);
                self.walk(&entry.value, field.shape, &path);
                true
            }
            _ => false,
        }
    }

    fn unknown(&mut self, entry: &Entry, object: &Object, path: &str) {
        let known = object
            .fields
            .iter()
            .filter(|field| !matches!(field.need, Need::Refused(_)))
            .map(|field| field.name);
        let remedy = match nearest(&entry.key, known.clone()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.problem(&entry.place, path, "unknown key", &remedy);
    }

    fn absent(&mut self, node: &Node, field: &Field, path: &str, fields: &mut Map<String, Json>) {
        let value = match field.need {
            Need::Optional | Need::Refused(_) => return,
            Need::Required => {
                let what = format!("`{}` is missing", field.name);
                let remedy = format!("add it: {}", field.doc);
                self.problem(&node.place, path, what, &remedy);
                return;
            }
            Need::Default(text) => Value::Scalar(Scalar {
                text: text.to_owned(),
                plain: true,
            }),
            Need::Empty => Value::Mapping(Vec::new()),
        };
        let standing_in = Node {
            place: node.place.clone(),
            value,
        };
        let value = self.walk(&standing_in, field.shape, &child(path, field.name));
        fields.insert(field.name.to_owned(), value);
    }

    fn map(&mut self, node: &Node, key: &Text, value: &Shape, max: usize, path: &str) -> Json {
        let entries = match &node.value {
            Value::Mapping(entries) => entries.as_slice(),
            _ if node.is_null() => &[],
            _ => return self.mistyped(node, &Shape::Document, path),
        };
        if entries.len() > max {
            let what = format!("has {} entries", entries.len());
            self.problem(&node.place, path, what, &format!("keep at most {max}"));
        }
        let mut fields = Map::new();
        for entry in entries {
            let path = child(path, &entry.key);
            self.key(entry, key, &path);
            let value = self.walk(&entry.value, value, &path);
            self.places.note(&path, &entry.place);
            fields.insert(entry.key.clone(), value);
        }
        Json::Object(fields)
    }

    fn key(&mut self, entry: &Entry, rule: &Text, path: &str) {
        if substitute::asks(&entry.key) {
            let what = "a substitution stands in a key";
            self.problem(
                &entry.place,
                path,
                what,
                "write the key out; values can be substituted",
            );
        } else if let Err(what) = self.text(&entry.key, rule, &entry.place) {
            let shape = Shape::Text(*rule);
            let remedy = format!("use {} as the key", describe(&shape));
            self.problem(&entry.place, path, what, &remedy);
        }
    }

    fn list(
        &mut self,
        node: &Node,
        shape: &Shape,
        (inner, min, max, or_one): (&Shape, usize, usize, bool),
        path: &str,
    ) -> Json {
        let items = match &node.value {
            Value::Sequence(items) => items.as_slice(),
            _ if node.is_null() && min == 0 => &[],
            Value::Scalar(_) if or_one && !node.is_null() => std::slice::from_ref(node),
            _ => return self.mistyped(node, shape, path),
        };
        if items.len() < min || items.len() > max {
            let what = format!("has {} items", items.len());
            let remedy = format!("keep it between {min} and {max}");
            self.problem(&node.place, path, what, &remedy);
        }
        let alone = matches!(node.value, Value::Scalar(_));
        let mut values = Vec::new();
        for (index, value) in items.iter().enumerate() {
            let path = if alone {
                path.to_owned()
            } else {
                item(path, index)
            };
            values.push(self.walk(value, inner, &path));
        }
        Json::Array(values)
    }

    /// Any value, its scalars typed by YAML's core schema.
    fn document(&mut self, node: &Node, path: &str) -> Json {
        match &node.value {
            Value::Scalar(scalar) => match self.resolve(scalar, node, path) {
                Some(resolved) => scalar::core(&resolved.text, scalar.plain),
                None => Json::Null,
            },
            Value::Sequence(items) => {
                let walk = |(index, value)| {
                    let path = item(path, index);
                    self.places.note(&path, &node.place);
                    self.document(value, &path)
                };
                Json::Array(items.iter().enumerate().map(walk).collect())
            }
            Value::Mapping(entries) => {
                let mut fields = Map::new();
                for entry in entries {
                    let path = child(path, &entry.key);
                    self.places.note(&path, &entry.place);
                    let value = self.document(&entry.value, &path);
                    fields.insert(entry.key.clone(), value);
                }
                Json::Object(fields)
            }
        }
    }

    // Scalars

    fn only(
        &mut self,
        node: &Node,
        shape: &Shape,
        accepted: &[&str],
        otherwise: &str,
        path: &str,
    ) -> Json {
        let Value::Scalar(scalar) = &node.value else {
            return self.mistyped(node, shape, path);
        };
        let Some(resolved) = self.resolve(scalar, node, path) else {
            return Json::Null;
        };
        if accepted.contains(&resolved.text.as_str()) {
            return self.walk(node, shape, path);
        }
        let what = format!("{} is not supported", shown(scalar, false));
        self.problem(&node.place, path, what, otherwise);
        Json::Null
    }

    fn or(
        &mut self,
        node: &Node,
        outer: &Shape,
        words: &[&str],
        inner: &Shape,
        path: &str,
    ) -> Json {
        let Value::Scalar(scalar) = &node.value else {
            return match inner {
                Shape::Object(_) | Shape::List { .. } | Shape::Map { .. } => {
                    self.walk(node, inner, path)
                }
                _ => self.mistyped(node, outer, path),
            };
        };
        let Some(resolved) = self.resolve(scalar, node, path) else {
            return Json::Null;
        };
        match words.iter().find(|word| **word == resolved.text) {
            Some(word) => Json::String((*word).to_owned()),
            None => self.scalar(node, inner, outer, path),
        }
    }

    /// A scalar of shape `inner`; `outer` is what a message says it should be.
    fn scalar(&mut self, node: &Node, inner: &Shape, outer: &Shape, path: &str) -> Json {
        let Value::Scalar(scalar) = &node.value else {
            return self.mistyped(node, outer, path);
        };
        let Some(resolved) = self.resolve(scalar, node, path) else {
            return Json::Null;
        };
        if node.is_null() {
            return self.mistyped(node, outer, path);
        }
        let value = match inner {
            Shape::Text(rule) => self
                .text(&resolved.text, rule, &node.place)
                .map(Json::String),
            Shape::Choice(choices) => {
                let refused = choices
                    .iter()
                    .find(|choice| choice.word == resolved.text)
                    .and_then(|choice| choice.refused);
                if let Some(otherwise) = refused {
                    let what = format!("{} is not supported here", shown(scalar, false));
                    self.problem(&node.place, path, what, otherwise);
                    return Json::Null;
                }
                scalar::typed(inner, &resolved)
            }
            _ => scalar::typed(inner, &resolved),
        };
        value.unwrap_or_else(|what| {
            let secret = matches!(inner, Shape::Text(rule) if rule.secret);
            let what = format!("{} {what}", shown(scalar, secret));
            let remedy = format!("write {}", describe(outer));
            self.problem(&node.place, path, what, &remedy);
            Json::Null
        })
    }

    fn text(&mut self, text: &str, rule: &Text, place: &Place) -> Result<String, String> {
        let length = text.chars().count();
        if length < rule.min || length > rule.max {
            return Err(format!("has {length} characters"));
        }
        let misfit = || "does not have the right form".to_owned();
        match rule.form {
            Form::Pattern(pattern, _) => {
                let pattern = self.patterns.entry(pattern).or_insert_with(|| {
                    Regex::new(pattern).expect("a test compiles every pattern of the tables")
                });
                if !pattern.is_match(text) {
                    return Err(misfit());
                }
                Ok(text.to_owned())
            }
            Form::Path => Ok(resolve_path(place, text).to_string_lossy().into_owned()),
            Form::Content(limit) => self
                .read(text, place, limit)
                .map_err(|error| format!("cannot be read: {error}")),
            Form::Destination => match text.strip_prefix("file:") {
                Some(path) if !path.is_empty() => {
                    Ok(format!("file:{}", resolve_path(place, path).display()))
                }
                _ if matches!(text, "stdout" | "stderr") => Ok(text.to_owned()),
                _ => Err("is no destination of this gateway".to_owned()),
            },
            Form::Any | Form::Address | Form::Network | Form::Endpoint => {
                rule.form.normal(text).ok_or_else(misfit)
            }
        }
    }

    /// The scalar after substitution; `None` when that failed, with the reason in the report.
    fn resolve(&mut self, scalar: &Scalar, node: &Node, path: &str) -> Option<Resolved> {
        if !substitute::asks(&scalar.text) {
            return Some(Resolved {
                text: scalar.text.clone(),
                plain: scalar.plain,
            });
        }
        let mut sources = FromMachine {
            walker: self,
            place: &node.place,
        };
        match substitute::substitute(&scalar.text, &mut sources) {
            Ok(text) => {
                self.places.note_written(path, &scalar.text);
                Some(Resolved { text, plain: true })
            }
            Err(problem) => {
                self.problem(&node.place, path, problem.what, &problem.remedy);
                None
            }
        }
    }

    /// The text of a file that a scalar names.
    fn read(&mut self, path: &str, place: &Place, limit: usize) -> Result<String, String> {
        let path = resolve_path(place, path);
        let content = self.surroundings.read(&path, limit)?;
        self.files.insert(path);
        self.substituted_bytes = self.substituted_bytes.saturating_add(content.len());
        if self.substituted_bytes > SUBSTITUTED_BYTES {
            return Err(format!(
                "files of more than {SUBSTITUTED_BYTES} bytes are taken in altogether"
            ));
        }
        String::from_utf8(content).map_err(|_| "it is not UTF-8 text".to_owned())
    }
}

struct FromMachine<'w, 'a> {
    walker: &'w mut Walker<'a>,
    place: &'w Place,
}

impl Sources for FromMachine<'_, '_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.walker.surroundings.environment().get(name).cloned()
    }

    fn file(&mut self, path: &str) -> Result<String, String> {
        self.walker.read(path, self.place, FILE_BYTES)
    }
}

/// Relative paths follow the text they stand in.
fn resolve_path(place: &Place, path: &str) -> PathBuf {
    place.origin.directory.join(Path::new(path))
}

/// A scalar for a message: as it stands in the text, and not at all when it is a secret.
fn shown(scalar: &Scalar, secret: bool) -> String {
    if secret {
        return "this value".to_owned();
    }
    let mut text: String = scalar.text.chars().take(SHOWN_CHARACTERS).collect();
    if text.len() < scalar.text.len() {
        text.push('…');
    }
    format!("`{}`", text.escape_debug())
}

/// The known name that was probably meant.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|known| {
            let distance = strsim::damerau_levenshtein(
                &known.to_ascii_lowercase(),
                &name.to_ascii_lowercase(),
            );
            (distance, known)
        })
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min()
        .map(|(_, known)| known)
}
