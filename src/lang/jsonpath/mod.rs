//! Paths into JSON, in the dialect of Goessner that Amazon takes: `$.a.b[0]`, `$['a b']`, `$.items[*].id`.
//!
//! A path of names and indexes finds one value and is walked here; [`JsonPath::pick`] does so on text without building the
//! document. Everything else (wildcards, slices, unions, `..`, filters) finds a list and is evaluated by the
//! `serde_json_path` crate, after `parse` has bounded what it may cost. No expression or template syntax lives here.

mod parse;
mod pick;
mod text;

use std::fmt;

use serde_json::Value;

use crate::lang::syntax::SyntaxError;

pub use pick::{NotJson, validate};
pub use text::{TEXT_BYTES, json_text, stringify};

/// A parsed path, printed as written.
#[derive(Debug, Clone)]
pub struct JsonPath {
    /// The source without the leading `$`.
    suffix: String,
    route: Route,
}

/// How a path is walked.
#[derive(Debug, Clone)]
enum Route {
    /// Names and indexes: at most one value.
    Definite(Vec<Step>),
    /// Any number of values.
    Query(serde_json_path::JsonPath),
}

/// One step of a definite path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The member of an object.
    Name(String),
    /// The element of an array, from 0; from the end when negative.
    Index(i64),
}

/// What a path found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'v> {
    /// The value of a definite path.
    One(&'v Value),
    /// The values of any other path, in document order; never empty.
    Many(Vec<&'v Value>),
}

impl JsonPath {
    /// Reads a path that starts with `$`.
    ///
    /// # Errors
    /// Text that is not a path, and paths whose evaluation could cost far more than the document is long.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        match text.strip_prefix('$') {
            Some(suffix) => Self::parse_suffix(suffix, 2),
            None => Err(SyntaxError::new(
                1,
                "a JSON path starts with `$`",
                "write a path such as $.action",
            )),
        }
    }

    /// Reads what follows the `$`, which has `position` (from 1) in a larger text: ``, `.a.b`, `[0].c`.
    pub(crate) fn parse_suffix(suffix: &str, position: usize) -> Result<Self, SyntaxError> {
        let route = parse::parse(suffix, position)?;
        Ok(Self {
            suffix: suffix.to_owned(),
            route,
        })
    }

    /// The source without the leading `$`.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Whether this is `$`, the whole document.
    pub fn is_root(&self) -> bool {
        self.suffix.is_empty()
    }

    /// Whether the path finds a list, by wildcard, slice, union, descent or filter: evaluating it costs time in proportion to
    /// the whole document.
    pub fn is_query(&self) -> bool {
        matches!(self.route, Route::Query(_))
    }

    /// What the path finds in `root`, `None` when nothing.
    pub fn find<'v>(&self, root: &'v Value) -> Option<Found<'v>> {
        match &self.route {
            Route::Definite(steps) => walk(root, steps).map(Found::One),
            Route::Query(query) => {
                let nodes = query.query(root).all();
                (!nodes.is_empty()).then_some(Found::Many(nodes))
            }
        }
    }
}

fn walk<'v>(root: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    let mut value = root;
    for step in steps {
        value = match (step, value) {
            (Step::Name(name), Value::Object(members)) => members.get(name)?,
            (Step::Index(index), Value::Array(elements)) => {
                let from_start = match usize::try_from(*index) {
                    Ok(index) => index,
                    Err(_) => {
                        let from_end = usize::try_from(index.unsigned_abs()).ok()?;
                        elements.len().checked_sub(from_end)?
                    }
                };
                elements.get(from_start)?
            }
            _ => return None,
        };
    }
    Some(value)
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.suffix)
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.suffix == other.suffix
    }
}

impl Eq for JsonPath {}

#[cfg(test)]
mod tests;
