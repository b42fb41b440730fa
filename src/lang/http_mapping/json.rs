//! Values for a place that holds JSON: what a variable gives stays data, whatever it is.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use thiserror::Error;

use super::value::{MappingValue, Part, TooLong};
use crate::lang::scope::Scope;

/// A value for a place that holds JSON does not fit there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unjson {
    /// What a variable gives stands outside of quotes and is not JSON.
    #[error("what a variable gives is not JSON")]
    NotJson,
    /// More bytes than the place takes.
    #[error("the value is too long")]
    TooLong,
}

impl From<TooLong> for Unjson {
    fn from(TooLong: TooLong) -> Self {
        Self::TooLong
    }
}

impl MappingValue {
    /// As [`Self::resolve`], for text that is JSON around its variables: what a variable gives is escaped inside of quotes,
    /// and outside of them must be one JSON value, `null` when it is not set. So it can neither end the string it stands in
    /// nor add members. A value that is one variable is given as it is.
    ///
    /// # Errors
    /// [`Unjson`]
    pub fn resolve_json<'a>(
        &'a self,
        scope: &'a dyn Scope,
        limit: usize,
    ) -> Result<Option<Cow<'a, str>>, Unjson> {
        if self.parts().len() < 2 {
            return Ok(self.resolve(scope, limit)?);
        }
        let mut whole = String::new();
        let mut place = Place::default();
        for part in self.parts() {
            match part {
                Part::Literal(text) => {
                    place.pass(text);
                    whole.push_str(text);
                }
                Part::Source(source) => {
                    let text = source.resolve(scope).unwrap_or_default();
                    // Before it is escaped as well, which makes text six times as long at most.
                    if text.len() > limit {
                        return Err(Unjson::TooLong);
                    }
                    place.fill(&text, &mut whole)?;
                }
            }
            if whole.len() > limit {
                return Err(Unjson::TooLong);
            }
        }
        Ok(Some(Cow::Owned(whole)))
    }
}

/// Where in a JSON text something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Outside,
    String,
    /// Behind a backslash in a string.
    Escape,
}

impl Place {
    fn pass(&mut self, text: &str) {
        for character in text.chars() {
            *self = match (*self, character) {
                (Self::Outside, '"') => Self::String,
                (Self::Outside, _) => Self::Outside,
                (Self::String, '"') => Self::Outside,
                (Self::String, '\\') => Self::Escape,
                (Self::String | Self::Escape, _) => Self::String,
            };
        }
    }

    fn fill(self, text: &str, whole: &mut String) -> Result<(), Unjson> {
        match self {
            Self::Outside if text.is_empty() => whole.push_str("null"),
            Self::Outside => {
                serde_json::from_str::<IgnoredAny>(text).map_err(|_| Unjson::NotJson)?;
                whole.push_str(text);
            }
            // A backslash before a variable would join what the variable begins with.
            Self::Escape => return Err(Unjson::NotJson),
            Self::String => {
                let quoted = serde_json::Value::from(text).to_string();
                let inside = quoted
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                whole.push_str(inside.unwrap_or_default());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Side;
    use super::*;
    use crate::lang::scope::tests::Facts;

    fn facts() -> Facts {
        Facts::new(&[
            ("request.header.plain", "blue"),
            ("request.header.quote", r#"a","evil":"b"#),
            ("request.header.slash", r"a\"),
            ("request.header.line", "a\nb"),
            ("request.header.members", r#"1,"evil":2"#),
            ("request.header.close", r#"1},{"a":2"#),
        ])
        .with_body(r#"{"o":{"k":[1,"two"]},"n":1.5,"s":"text"}"#)
    }

    fn resolved(value: &str, limit: usize) -> Result<Option<String>, Unjson> {
        let parsed = MappingValue::parse(value, Side::Request).unwrap();
        let facts = facts();
        let found = parsed.resolve_json(&facts, limit)?;
        Ok(found.map(Cow::into_owned))
    }

    #[test]
    fn variables_stay_data() {
        fn check(value: &str, expected: Result<Option<&str>, Unjson>) {
            let expected = expected.map(|text| text.map(str::to_owned));
            assert_eq!(resolved(value, 1000), expected, "{value}");
        }
        check(
            r#"{"a":"${request.header.plain}"}"#,
            Ok(Some(r#"{"a":"blue"}"#)),
        );
        check(
            r#"{"a":"<${request.header.quote}>"}"#,
            Ok(Some(r#"{"a":"<a\",\"evil\":\"b>"}"#)),
        );
        check(
            r#"{"a":"${request.header.slash}","b":1}"#,
            Ok(Some(r#"{"a":"a\\","b":1}"#)),
        );
        check(
            r#"{"a":"${request.header.line}"}"#,
            Ok(Some(r#"{"a":"a\nb"}"#)),
        );
        check(
            r#"{"\"":"${request.header.plain}"}"#,
            Ok(Some(r#"{"\"":"blue"}"#)),
        );
        check(
            r#"{"${request.header.plain}":1}"#,
            Ok(Some(r#"{"blue":1}"#)),
        );
        check(r#"{"a":${request.body.n}}"#, Ok(Some(r#"{"a":1.5}"#)));
        check(
            r#"{"a":${request.body.o}}"#,
            Ok(Some(r#"{"a":{"k":[1,"two"]}}"#)),
        );
        check(
            r#"{"a":"${request.body.o}"}"#,
            Ok(Some(r#"{"a":"{\"k\":[1,\"two\"]}"}"#)),
        );
        check(r#"{"a":${request.body.nope}}"#, Ok(Some(r#"{"a":null}"#)));
        check(r#"{"a":"${request.body.nope}"}"#, Ok(Some(r#"{"a":""}"#)));
        check(r#"{"a":${request.body.s}}"#, Err(Unjson::NotJson));
        check(r#"{"a":${request.header.members}}"#, Err(Unjson::NotJson));
        check(r#"[{"a":${request.header.close}}]"#, Err(Unjson::NotJson));
        check(r#"{"a":"\${request.header.plain}"}"#, Err(Unjson::NotJson));
        // One variable, or none, is what it is.
        check("$request.body.s", Ok(Some("text")));
        check("$request.body.nope", Ok(None));
        check("constant", Ok(Some("constant")));
    }

    #[test]
    fn the_whole_is_bounded() {
        let value = r#"{"a":"${request.header.quote}"}"#;
        let whole = resolved(value, 1000).unwrap().unwrap();
        assert_eq!(resolved(value, whole.len()), Ok(Some(whole.clone())));
        assert_eq!(resolved(value, whole.len() - 1), Err(Unjson::TooLong));
        assert_eq!(resolved("$request.body.s", 3), Err(Unjson::TooLong));
    }
}
