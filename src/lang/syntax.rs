//! What every parser here shares: the error with a position and a remedy, a cursor over text, and name rules.
//!
//! No grammar lives here.

use thiserror::Error;

/// A text that does not follow its grammar: where, what is wrong and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("character {position}: {problem}; {remedy}")]
pub struct SyntaxError {
    /// The first offending character, counted from 1.
    pub position: usize,
    /// What is wrong, lower case, without a full stop.
    pub problem: String,
    /// How to fix it, lower case, without a full stop.
    pub remedy: String,
}

impl SyntaxError {
    /// An error at a character counted from 1.
    pub fn new(position: usize, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            position,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// Exactly that many bytes, written in lower-case hexadecimal digits and nothing else.
pub(crate) fn bytes_of_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    let mut bytes = [0; N];
    // The library would take a `0x` in front, and capitals.
    let decoded =
        text.bytes().all(is_digit) && const_hex::decode_to_slice(text, &mut bytes).is_ok();
    decoded.then_some(bytes)
}

/// A place in a text that only moves forward.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'t> {
    rest: &'t str,
    position: usize,
}

impl<'t> Cursor<'t> {
    /// Starts at the first character of `text`, which has `position` (from 1) in the whole.
    pub(crate) fn new(text: &'t str, position: usize) -> Self {
        Self {
            rest: text,
            position,
        }
    }

    /// The position of the next character, counted from 1.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'t str {
        self.rest
    }

    /// The next character, not consumed.
    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// The next character, consumed.
    pub(crate) fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        self.position += 1;
        Some(next)
    }

    /// Consumes `expected` when it comes next.
    pub(crate) fn eat(&mut self, expected: &str) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                self.position += expected.chars().count();
                true
            }
            None => false,
        }
    }

    /// Consumes characters while they satisfy `wanted`.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self
            .rest
            .find(|character: char| !wanted(character))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.position += taken.chars().count();
        taken
    }

    /// An error at the next character.
    pub(crate) fn error(
        &self,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> SyntaxError {
        SyntaxError::new(self.position, problem, remedy)
    }
}

/// Whether `name` matches `^[a-zA-Z0-9._$-]+$`, the rule for names of mapped parameters.
///
/// Source: API Gateway Developer Guide, "Setting up data mapping for WebSocket APIs".
pub(crate) fn is_parameter_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._$-".contains(&byte))
}

/// The nearest of `known`, when it is near enough to be what was meant.
pub(crate) fn nearest<'k>(
    given: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    // A name is read again only to help a person; far longer ones cannot be near and would cost time squared.
    if given.len() > 128 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(given, name), name))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_counts_characters_not_bytes() {
        let mut cursor = Cursor::new("äb$c", 1);
        assert_eq!(cursor.take_while(char::is_alphabetic), "äb");
        assert_eq!(cursor.position(), 3);
        assert!(cursor.eat("$"));
        assert!(!cursor.eat("$"));
        assert_eq!(cursor.peek(), Some('c'));
        assert_eq!(cursor.next(), Some('c'));
        assert_eq!(cursor.next(), None);
        assert_eq!(cursor.position(), 5);
        assert_eq!(cursor.rest(), "");
    }

    #[test]
    fn parameter_names() {
        fn check(name: &str, expected: bool) {
            assert_eq!(is_parameter_name(name), expected, "{name}");
        }
        check("a", true);
        check("X-Api_Key.$1", true);
        check("", false);
        check("a b", false);
        check("a:b", false);
        check("ä", false);
        check("a\n", false);
    }

    #[test]
    fn nearest_names() {
        fn check(given: &str, expected: Option<&str>) {
            assert_eq!(
                nearest(given, ["connectionId", "requestId", "stage"]),
                expected,
                "{given}"
            );
        }
        check("conectionId", Some("connectionId"));
        check("requestID", Some("requestId"));
        check("zzz", None);
        check("", None);
        check(&"stage".repeat(100), None);
    }
}
