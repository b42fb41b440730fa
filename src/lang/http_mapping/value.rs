//! The value of a mapping: a variable, text, or text with variables in braces.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use super::source::{Side, Source};
use crate::base::quotas::PARAMETER_VALUE_CHARACTERS;
use crate::lang::scope::Scope;
use crate::lang::syntax::{Cursor, SyntaxError};

/// A parsed value; also that of a request parameter of an AWS service integration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MappingValue {
    /// Never two literals in a row, never an empty one.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Source(Source),
}

/// The value of one event exceeds what its place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the value is too long")]
pub struct TooLong;

impl MappingValue {
    /// Reads a value of 1 to 512 characters.
    ///
    /// # Errors
    /// Unknown variables, and variables that do not exist on this side; variables among text without braces.
    pub fn parse(text: &str, side: Side) -> Result<Self, SyntaxError> {
        let length = text.chars().count();
        if length == 0 || length > PARAMETER_VALUE_CHARACTERS {
            let problem = format!("the value has {length} characters");
            return Err(SyntaxError::new(1, problem, "write 1 to 512 characters"));
        }
        let mut cursor = Cursor::new(text, 1);
        if text.starts_with('$') && !text.starts_with("${") {
            cursor.next();
            let source = bare(&cursor, side)?;
            return Ok(Self {
                parts: vec![Part::Source(source)],
            });
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        while let Some(character) = cursor.peek() {
            if cursor.rest().starts_with("${") {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Source(braced(&mut cursor, side)?));
                continue;
            }
            check_dollar(&cursor, character)?;
            literal.push(character);
            cursor.next();
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    /// The variables, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.parts.iter().filter_map(|part| match part {
            Part::Source(source) => Some(source),
            Part::Literal(_) => None,
        })
    }

    /// The value when it does not depend on any variable.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether a variable reads the body of the request.
    pub fn reads_request_body(&self) -> bool {
        self.sources()
            .any(|source| matches!(source, Source::RequestBody(_)))
    }

    /// Whether a variable reads the body of the answer.
    pub fn reads_response_body(&self) -> bool {
        self.sources()
            .any(|source| matches!(source, Source::ResponseBody(_)))
    }

    /// The value for one event, in at most `limit` bytes; `None` when it is one variable, which is not set. Among text, what
    /// is not set is empty.
    ///
    /// # Errors
    /// [`TooLong`]
    pub fn resolve<'a>(
        &'a self,
        scope: &'a dyn Scope,
        limit: usize,
    ) -> Result<Option<Cow<'a, str>>, TooLong> {
        self.resolve_with(scope, limit, |text| text)
    }

    /// As [`Self::resolve`], with what variables give passed through `encode`.
    pub(super) fn resolve_with<'a>(
        &'a self,
        scope: &'a dyn Scope,
        limit: usize,
        encode: impl Fn(Cow<'a, str>) -> Cow<'a, str>,
    ) -> Result<Option<Cow<'a, str>>, TooLong> {
        let bounded = |text: Cow<'a, str>| match text.len() > limit {
            true => Err(TooLong),
            false => Ok(text),
        };
        // Bounded before it is encoded too: encoding triples a text at most.
        let value = |source: &'a Source| match source.resolve(scope) {
            Some(text) => bounded(text).map(&encode).and_then(bounded).map(Some),
            None => Ok(None),
        };
        match self.parts.as_slice() {
            [] => return Ok(Some(Cow::Borrowed(""))),
            [Part::Literal(text)] => return bounded(Cow::Borrowed(text)).map(Some),
            [Part::Source(source)] => return value(source),
            _ => {}
        }
        let mut whole = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => whole.push_str(text),
                Part::Source(source) => whole.push_str(&value(source)?.unwrap_or_default()),
            }
            if whole.len() > limit {
                return Err(TooLong);
            }
        }
        Ok(Some(Cow::Owned(whole)))
    }

    /// Whether the value is the whole body of the request, and nothing else.
    pub fn is_request_body(&self) -> bool {
        match self.parts.as_slice() {
            [Part::Source(Source::RequestBody(path))] => path.is_root(),
            _ => false,
        }
    }

    /// Text and variables, in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text between variables.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Source(_) => None,
        })
    }

    /// The text that the value begins with, when it does not begin with a variable.
    pub(super) fn leading_literal(&self) -> Option<&str> {
        match self.parts.first() {
            Some(Part::Literal(text)) => Some(text),
            _ => None,
        }
    }
}

/// A variable without braces: the whole rest of the value.
fn bare(cursor: &Cursor<'_>, side: Side) -> Result<Source, SyntaxError> {
    if !cursor.rest().contains('.') {
        let shown: String = cursor.rest().chars().take(64).collect();
        let problem = match shown.is_empty() {
            true => "there is nothing behind the dollar sign".to_owned(),
            false => format!("`${shown}` is not a variable"),
        };
        let remedy = "text cannot start with a dollar sign; write a variable such as $request.header.NAME or \
                      $context.requestId";
        return Err(SyntaxError::new(1, problem, remedy));
    }
    Source::parse(cursor.rest(), cursor.position(), side)
}

/// Consumes `${…}`; a brace inside quotes, which a path into a body can have, does not close it.
fn braced(cursor: &mut Cursor<'_>, side: Side) -> Result<Source, SyntaxError> {
    let open = cursor.clone();
    cursor.eat("${");
    let (text, position) = (cursor.rest(), cursor.position());
    let mut quote = None;
    let mut length = 0;
    while let Some(character) = cursor.next() {
        match (quote, character) {
            (None, '}') => {
                let inside = text.get(..length).unwrap_or_default();
                return Source::parse(inside, position, side);
            }
            (None, '\'' | '"') if text.get(..length).is_some_and(|head| head.ends_with('[')) => {
                quote = Some(character);
            }
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        length += character.len_utf8();
    }
    Err(open.error("this `${` is never closed", "write the missing `}`"))
}

/// A dollar sign among text is text, unless it looks like a variable.
fn check_dollar(cursor: &Cursor<'_>, character: char) -> Result<(), SyntaxError> {
    let behind = cursor.rest().strip_prefix('$').unwrap_or_default();
    if character == '$' && Source::starts(behind) {
        let problem = "a variable among text needs braces";
        let remedy = "write it as ${context.requestId}, for instance";
        return Err(cursor.error(problem, remedy));
    }
    Ok(())
}

impl fmt::Display for MappingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Source(source) => write!(f, "${{{source}}}")?,
            }
        }
        Ok(())
    }
}
