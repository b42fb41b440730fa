//! Scalars: substitution, words, and texts that mean files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use regex::Regex;
use serde_json::{Map, Value as Json};

use super::super::diagnostic::{Place, child};
use super::super::scalar::{core, describe, typed};
use super::super::shape::{Form, Shape, Text};
use super::super::substitute::{self, Sources};
use super::super::tree::{Node, Scalar, Value};
use super::{Source, Walker};

/// Largest file that a scalar may take in, in bytes.
const FILE_BYTES: usize = 1024 * 1024;
/// Bytes that all scalars together may take in.
const SUBSTITUTED_BYTES: usize = 16 * 1024 * 1024;
/// Characters of a value that a message repeats.
const SHOWN_CHARACTERS: usize = 80;

/// A scalar after substitution.
pub(in super::super) struct Resolved {
    /// The text.
    pub(in super::super) text: String,
    /// Whether it may be a number or a boolean: it stood without quotes, came from outside, or stands in a template.
    pub(in super::super) plain: bool,
}

impl Walker<'_> {
    /// Any value, its scalars typed by YAML's core schema.
    pub(super) fn document(&mut self, node: &Node, path: &str) -> Option<Json> {
        match &node.value {
            Value::Scalar(scalar) => {
                let resolved = self.resolve(scalar, node, path)?;
                Some(core(&resolved.text, scalar.plain))
            }
            Value::Sequence(items) => Some(self.each(items, path, |walker, value, path| {
                walker.places.note(path, &value.place);
                walker.document(value, path)
            })),
            Value::Mapping(entries) => {
                let mut fields = Map::new();
                for entry in entries {
                    let path = child(path, &entry.key);
                    self.places.note(&path, &entry.place);
                    if let Some(value) = self.document(&entry.value, &path) {
                        fields.insert(entry.key.clone(), value);
                    }
                }
                Some(Json::Object(fields))
            }
        }
    }

    pub(super) fn only(
        &mut self,
        node: &Node,
        shape: &Shape,
        accepted: &[&str],
        otherwise: &str,
        path: &str,
    ) -> Option<Json> {
        let Value::Scalar(scalar) = &node.value else {
            return self.mistyped(node, shape, path);
        };
        let resolved = self.resolve(scalar, node, path)?;
        if accepted.contains(&resolved.text.as_str()) {
            return self.walk(node, shape, path);
        }
        let what = format!("{} is not supported", shown(scalar, false));
        self.problem(&node.place, path, what, otherwise);
        None
    }

    pub(super) fn or(
        &mut self,
        node: &Node,
        outer: &Shape,
        words: &[&str],
        inner: &Shape,
        path: &str,
    ) -> Option<Json> {
        let Value::Scalar(scalar) = &node.value else {
            return match inner {
                Shape::Object(_) | Shape::List { .. } | Shape::Map { .. } => {
                    self.walk(node, inner, path)
                }
                _ => self.mistyped(node, outer, path),
            };
        };
        let resolved = self.resolve(scalar, node, path)?;
        match words.iter().find(|word| **word == resolved.text) {
            Some(word) => Some(Json::String((*word).to_owned())),
            None => self.scalar(node, inner, outer, path),
        }
    }

    /// A scalar of shape `inner`; `outer` is what a message says it should be.
    pub(super) fn scalar(
        &mut self,
        node: &Node,
        inner: &Shape,
        outer: &Shape,
        path: &str,
    ) -> Option<Json> {
        let Value::Scalar(scalar) = &node.value else {
            return self.mistyped(node, outer, path);
        };
        if node.is_null() {
            return self.mistyped(node, outer, path);
        }
        let resolved = self.resolve(scalar, node, path)?;
        if let Some(otherwise) = refused_word(inner, &resolved.text) {
            let what = format!("{} is not supported here", shown(scalar, false));
            self.problem(&node.place, path, what, otherwise);
            return None;
        }
        let value = match inner {
            Shape::Text(_) if scalar.plain && self.is_call() => Err("is no text".to_owned()),
            Shape::Text(rule) => self
                .text(&resolved.text, rule, &node.place)
                .map(Json::String),
            _ => typed(inner, &resolved),
        };
        match value {
            Ok(value) => Some(value),
            Err(what) => {
                let secret = matches!(inner, Shape::Text(rule) if rule.secret);
                let what = format!("{} {what}", shown(scalar, secret));
                let remedy = format!("write {}", describe(outer));
                self.problem(&node.place, path, what, &remedy);
                None
            }
        }
    }

    /// A text in its normal form, or what is wrong with it.
    pub(super) fn text(
        &mut self,
        text: &str,
        rule: &Text,
        place: &Place,
    ) -> Result<String, String> {
        let length = text.chars().count();
        if length < rule.min || length > rule.max {
            return Err(format!("has {length} characters"));
        }
        let misfit = || "does not have the right form".to_owned();
        match rule.form {
            Form::Pattern(pattern, _) => {
                let fits = compiled(pattern).is_match(text);
                fits.then(|| text.to_owned()).ok_or_else(misfit)
            }
            Form::Path | Form::File(_) | Form::Content(_) if self.is_call() => {
                Err("names a file, which only the definition file may do".to_owned())
            }
            Form::Destination if self.is_call() && text.starts_with("file:") => {
                Err("names a file, which only the definition file may do".to_owned())
            }
            Form::Path => Ok(resolve_path(place, text).to_string_lossy().into_owned()),
            Form::File(limit) => self
                .readable(text, place, limit)
                .map_err(|error| format!("cannot be read: {error}")),
            Form::Content(limit) => self
                .read(text, place, limit)
                .map_err(|error| format!("cannot be read: {error}")),
            Form::Destination => match text.strip_prefix("file:") {
                Some(path) if !path.is_empty() => {
                    Ok(format!("file:{}", resolve_path(place, path).display()))
                }
                _ if matches!(text, "stdout" | "stderr") || is_log_group(text) => {
                    Ok(text.to_owned())
                }
                _ => Err("is no destination of this gateway".to_owned()),
            },
            Form::Any | Form::Address | Form::Network | Form::Endpoint => {
                rule.form.normal(text).ok_or_else(misfit)
            }
        }
    }

    /// Whether a caller of the control plane wrote it. Defaults are ours, and written as in a file.
    fn is_call(&self) -> bool {
        self.source == Source::Call && !self.standing_in
    }

    /// The scalar after substitution; `None` when that failed, with the reason in the report.
    fn resolve(&mut self, scalar: &Scalar, node: &Node, path: &str) -> Option<Resolved> {
        if self.is_call() || !substitute::asks(&scalar.text) {
            return Some(Resolved {
                text: scalar.text.clone(),
                plain: scalar.plain || self.source == Source::Template,
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

    /// The path of a file that a scalar names, if it can be read; what is in it is for others to say.
    fn readable(&mut self, path: &str, place: &Place, limit: usize) -> Result<String, String> {
        let path = resolve_path(place, path);
        self.surroundings.read(&path, limit)?;
        let name = path.to_string_lossy().into_owned();
        self.files.insert(path);
        Ok(name)
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

/// The patterns of the tables, each compiled once for the life of the program: the control plane walks an API with every call, and
/// every API there is when the gateway starts.
static PATTERNS: RwLock<BTreeMap<&'static str, Regex>> = RwLock::new(BTreeMap::new());

fn compiled(pattern: &'static str) -> Regex {
    let known = PATTERNS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(pattern) {
        return known.clone();
    }
    drop(known);
    let new = Regex::new(pattern).expect("a test compiles every pattern of the tables");
    let mut known = PATTERNS.write().unwrap_or_else(PoisonError::into_inner);
    known.entry(pattern).or_insert(new).clone()
}

/// Why a word of a choice is refused, if it is.
fn refused_word(shape: &Shape, text: &str) -> Option<&'static str> {
    match shape {
        Shape::Choice(choices) => choices
            .iter()
            .find(|choice| choice.word == text)
            .and_then(|choice| choice.refused),
        _ => None,
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

/// Whether a text is `arn:{partition}:logs:{region}:{account}:log-group:{name}`.
fn is_log_group(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    matches!(parts[..], ["arn", _, "logs", _, _, "log-group", name] if !name.is_empty())
}
