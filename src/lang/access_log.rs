//! Access log formats: text with `$context` variables, one line for each event.
//!
//! Where the line goes is decided elsewhere. Values are written as they are, as Amazon does, but for what would let a client
//! write lines or fields of its own: control characters and line separators are escaped as in JSON everywhere, so one event is
//! one line whatever a client sends; quotes and backslashes are escaped where the format has quotes around the variable, so a
//! format written as JSON, or a quoted field of the Common Log Format, stays what it is. The latter is ours.
//! `$context.error.messageString` is a JSON string with its quotes, also when unset.
//!
//! Source: API Gateway Developer Guide, "Configuring logging for a WebSocket API".

use std::fmt;

use crate::base::quotas::ACCESS_LOG_FORMAT_BYTES;
use crate::lang::context_names::{self, Protocol, Reach};
use crate::lang::scope::Scope;
use crate::lang::syntax::{Cursor, SyntaxError};

/// Longest value in a line, in bytes after escaping (ours): with it a line stays under the 1 MB that Amazon allows an entry.
pub const VALUE_BYTES: usize = 4 * 1024;

/// What stands for a variable that is not set.
const UNSET: &str = "-";

/// The variable whose value has its own quotes; it is made from `context.error.message`, so that it is escaped once.
const QUOTED: &str = "context.error.messageString";

/// A parsed access log format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogFormat {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable {
        /// With `context.`, as the scope knows it.
        name: String,
        /// Whether it stands between quotes.
        quoted: bool,
    },
}

impl AccessLogFormat {
    /// Reads a format of an API of this kind: one line of at most 3 KB with `$context.NAME` or `${context.NAME}`, among them
    /// the request id.
    ///
    /// # Errors
    /// What is not that, and variables that do not exist, with the nearest one that does.
    pub fn parse(text: &str, protocol: Protocol) -> Result<Self, SyntaxError> {
        if text.len() > ACCESS_LOG_FORMAT_BYTES {
            let problem = format!("the format has {} bytes", text.len());
            let remedy = format!("write at most {ACCESS_LOG_FORMAT_BYTES}");
            return Err(SyntaxError::new(1, problem, remedy));
        }
        let mut cursor = Cursor::new(text, 1);
        let mut parts = Vec::new();
        let mut quoted = false;
        while let Some(character) = cursor.peek() {
            match character {
                '$' => parts.push(Part::Variable {
                    name: variable(&mut cursor, protocol)?,
                    quoted,
                }),
                '\n' | '\r' => {
                    let problem = "the format has more than one line";
                    return Err(cursor.error(problem, "write it on one line"));
                }
                _ if breaks_line(character) => {
                    let problem = "there is a control character in the format";
                    return Err(cursor.error(problem, "remove it"));
                }
                _ => {
                    let literal = cursor.take_while(|c| c != '$' && !breaks_line(c));
                    quoted = ends_quoted(literal, quoted);
                    parts.push(Part::Literal(literal.to_owned()));
                }
            }
        }
        let format = Self { parts };
        if format
            .variables()
            .any(|name| matches!(name, "context.requestId" | "context.extendedRequestId"))
        {
            return Ok(format);
        }
        Err(SyntaxError::new(
            1,
            "the format has no request id",
            "add $context.requestId or $context.extendedRequestId",
        ))
    }

    /// The variables in order, each with `context.`.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { name, .. } => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Adds the line of one event to `out`, without a line end; less than 1 MiB, and without control characters.
    pub fn render(&self, scope: &dyn Scope, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Variable { name, .. } if name == QUOTED => {
                    out.push('"');
                    match scope.value("context.error.message") {
                        Some(value) => escape(&value, true, out),
                        None => out.push_str(UNSET),
                    }
                    out.push('"');
                }
                Part::Variable { name, quoted } => match scope.value(name) {
                    Some(value) => escape(&value, *quoted, out),
                    None => out.push_str(UNSET),
                },
            }
        }
    }
}

/// Consumes `$context.NAME` or `${context.NAME}` and gives `context.NAME`.
fn variable(cursor: &mut Cursor<'_>, protocol: Protocol) -> Result<String, SyntaxError> {
    const REMEDY: &str = "write variables as $context.NAME";
    let start = cursor.clone();
    cursor.eat("$");
    let braced = cursor.eat("{");
    if !cursor.eat("context.") {
        let problem = "an access log format has $context variables only";
        return Err(start.error(problem, REMEDY));
    }
    let position = cursor.position();
    let name = if braced {
        let name = cursor.take_while(|character| character != '}');
        if !cursor.eat("}") {
            return Err(start.error("this `${` is never closed", "write the missing `}`"));
        }
        name
    } else {
        take_bare(cursor)
    };
    match context_names::check(name, protocol, Reach::AccessLog) {
        Ok(()) => Ok(format!("context.{name}")),
        Err(refused) => Err(SyntaxError::new(position, refused.problem, refused.remedy)),
    }
}

/// Consumes letters, digits and `_`, and dots that such a character follows: what ends a sentence is not part of a name.
fn take_bare<'t>(cursor: &mut Cursor<'t>) -> &'t str {
    let whole = cursor.rest();
    let name = whole
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .and_then(|end| whole.get(..end))
        .unwrap_or(whole)
        .trim_end_matches('.');
    cursor.eat(name);
    name
}

/// Control characters, and what some readers of text take for the end of a line.
fn breaks_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether what follows `literal` stands between quotes, given whether it does so itself.
fn ends_quoted(literal: &str, quoted: bool) -> bool {
    let mut escaped = false;
    literal.chars().fold(quoted, |quoted, character| {
        let turns = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        quoted != turns
    })
}

/// Adds `value`, cut before the character that would exceed [`VALUE_BYTES`]; between quotes as the inside of a JSON string,
/// elsewhere as it is but for control characters.
fn escape(value: &str, quoted: bool, out: &mut String) {
    // Most values are plain, and are taken as a whole.
    let plain =
        |byte: u8| matches!(byte, b' '..=b'~') && (!quoted || !matches!(byte, b'"' | b'\\'));
    if value.len() <= VALUE_BYTES && value.bytes().all(plain) {
        out.push_str(value);
        return;
    }
    let start = out.len();
    for character in value.chars() {
        let before = out.len();
        match character {
            '"' if quoted => out.push_str("\\\""),
            '\\' if quoted => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if breaks_line(character) => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => out.push(character),
        }
        if out.len() - start > VALUE_BYTES {
            out.truncate(before);
            return;
        }
    }
}

impl fmt::Display for AccessLogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Variable { name, .. } => write!(f, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
