//! Keys of integration responses: `$default`, a status such as `200`, or a regular expression in slashes such as `/5\d\d/`.
//!
//! The expression whose result is matched lives in [`crate::lang::selection`].
//!
//! Source: API Gateway Developer Guide, "Setting up WebSocket API integration responses".

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::lang::syntax::SyntaxError;

/// Longest key, in bytes (ours).
const KEY_BYTES: usize = 512;
/// Largest compiled pattern, in bytes (ours).
const PATTERN_BYTES: usize = 1024 * 1024;
/// Longest text that a pattern is tried on, in bytes (ours); a longer one matches no pattern.
pub const SUBJECT_BYTES: usize = 10 * 1024;

/// An integration response key.
#[derive(Debug, Clone)]
pub enum ResponseKey {
    /// `$default`: what no other key takes.
    Default,
    /// Text that must be equal.
    Exact(String),
    /// A pattern that must match as a whole; its source is kept without slashes.
    Pattern {
        /// What stands between the slashes.
        source: String,
        /// The same, anchored at both ends.
        compiled: Regex,
    },
}

/// Whether `key` is a regular expression in slashes.
pub fn is_pattern(key: &str) -> bool {
    key.strip_prefix('/')
        .is_some_and(|rest| rest.ends_with('/'))
}

impl ResponseKey {
    /// Reads a key.
    ///
    /// # Errors
    /// An empty or overlong key, a `$` key other than `$default`, a pattern that is no regular expression or too large.
    pub fn parse(key: &str) -> Result<Self, SyntaxError> {
        if key.len() > KEY_BYTES {
            let remedy = format!("write at most {KEY_BYTES} bytes");
            return Err(SyntaxError::new(1, "the key is too long", remedy));
        }
        if let Some(source) = key
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'))
        {
            return Self::pattern(source);
        }
        match key {
            "$default" => Ok(Self::Default),
            "" => Err(SyntaxError::new(
                1,
                "the key is empty",
                "write $default, a status such as 200, or a pattern such as /4\\d\\d/",
            )),
            _ if key.starts_with('$') => Err(SyntaxError::new(
                1,
                "the only key with a dollar sign is $default",
                "write $default, or a key without the dollar sign",
            )),
            _ if key.starts_with('/') => Err(SyntaxError::new(
                key.chars().count() + 1,
                "the pattern has no closing slash",
                "write a pattern such as /4\\d\\d/",
            )),
            _ => Ok(Self::Exact(key.to_owned())),
        }
    }

    fn pattern(source: &str) -> Result<Self, SyntaxError> {
        if source.is_empty() {
            let problem = "the pattern is empty";
            return Err(SyntaxError::new(
                2,
                problem,
                "write a pattern such as /4\\d\\d/",
            ));
        }
        // Checked alone first, so that no bracket in it can close the group below.
        let compile = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_BYTES).build();
        let compiled = compile(source).and_then(|_| compile(&format!("^(?:{source})$")));
        match compiled {
            Ok(compiled) => Ok(Self::Pattern {
                source: source.to_owned(),
                compiled,
            }),
            Err(error) => Err(SyntaxError::new(
                2,
                pattern_problem(&error),
                "write a regular expression without look-around and back-references",
            )),
        }
    }

    /// Whether this key takes `text`; `$default` takes any.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Default => true,
            Self::Exact(key) => key == text,
            Self::Pattern { compiled, .. } => {
                text.len() <= SUBJECT_BYTES && compiled.is_match(text)
            }
        }
    }

    /// The position of the key that takes `text`: an equal one, else the first pattern that matches, else `$default`.
    pub fn select<'k>(keys: impl IntoIterator<Item = &'k Self>, text: &str) -> Option<usize> {
        let taking = keys
            .into_iter()
            .enumerate()
            .filter(|(_, key)| key.matches(text));
        taking
            .min_by_key(|(_, key)| key.rank())
            .map(|(position, _)| position)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Exact(_) => 0,
            Self::Pattern { .. } => 1,
            Self::Default => 2,
        }
    }
}

fn pattern_problem(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
        other => {
            // The crate draws the place over several lines; its last line says what is wrong.
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!(
                "this is not a regular expression ({})",
                last.trim_start_matches("error: ")
            )
        }
    }
}

impl fmt::Display for ResponseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("$default"),
            Self::Exact(key) => f.write_str(key),
            Self::Pattern { source, .. } => write!(f, "/{source}/"),
        }
    }
}

impl PartialEq for ResponseKey {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for ResponseKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_match() {
        fn check(key: &str, text: &str, expected: bool) {
            let parsed = ResponseKey::parse(key).unwrap();
            assert_eq!(parsed.matches(text), expected, "{key} {text}");
            assert_eq!(parsed.to_string(), key);
            assert_eq!(ResponseKey::parse(&parsed.to_string()), Ok(parsed));
        }
        check("$default", "anything", true);
        check("200", "200", true);
        check("200", "2000", false);
        check(r"/2\d\d/", "204", true);
        check(r"/2\d\d/", "1204", false);
        check(r"/2\d\d/", "2040", false);
        check("/a|b/", "b", true);
        check("/a|b/", "ab", false);
        check("/.*denied.*/", "access denied: x", true);
        check("/.*denied.*/", "access\ndenied", false);
        check("/(?s).*denied.*/", "access\ndenied", true);
        check("/(?x) a /", "a", true);
        check("/a/b/", "a/b", true);
        check("/.*/", "", true);
        check("/.*/", &"x".repeat(SUBJECT_BYTES), true);
        check("/.*/", &"x".repeat(SUBJECT_BYTES + 1), false);
        check("/(a+)+$/", &"a".repeat(SUBJECT_BYTES), true);
    }

    #[test]
    fn refuses() {
        fn check(key: &str, expected: &str) {
            let message = ResponseKey::parse(key).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{key}: {message}");
        }
        check("", "character 1: the key is empty");
        check(
            "$other",
            "character 1: the only key with a dollar sign is $default",
        );
        check("/200", "character 5: the pattern has no closing slash");
        check("/", "character 2: the pattern has no closing slash");
        check("//", "character 2: the pattern is empty");
        check(
            "/(/",
            "character 2: this is not a regular expression (unclosed group)",
        );
        check(
            "/a)(b/",
            "character 2: this is not a regular expression (unopened group)",
        );
        check(
            "/(?=x)/",
            "character 2: this is not a regular expression (look-around",
        );
        check(
            r"/(a)\1/",
            "character 2: this is not a regular expression (backreferences",
        );
        // A comment would swallow the end of the group.
        check(
            "/(?x) a # note/",
            "character 2: this is not a regular expression (unclosed group)",
        );
        check("/(\\w{500}){500}/", "character 2: the pattern is too large");
        check(&"x".repeat(513), "character 1: the key is too long");
    }

    #[test]
    fn the_nearest_key_is_selected() {
        fn check(text: &str, expected: Option<usize>) {
            let keys = ["$default", r"/4\d\d/", "404", r"/\d*/"];
            let keys: Vec<_> = keys
                .iter()
                .map(|key| ResponseKey::parse(key).unwrap())
                .collect();
            assert_eq!(ResponseKey::select(&keys, text), expected, "{text}");
        }
        check("404", Some(2));
        check("400", Some(1));
        check("500", Some(3));
        check("oops", Some(0));
        assert_eq!(
            ResponseKey::select(&[ResponseKey::Exact("a".into())], "b"),
            None
        );
    }

    #[test]
    fn patterns_are_recognised() {
        fn check(key: &str, expected: bool) {
            assert_eq!(is_pattern(key), expected, "{key}");
        }
        check("/a/", true);
        check("//", true);
        check("/", false);
        check("/a", false);
        check("a/", false);
        check("$default", false);
    }
}
