//! Mapping templates that are plain text.
//!
//! A template with `$` or `#` needs the template engine and is refused; so is one over Amazon's size.

use crate::base::quotas::MAPPING_TEMPLATE_BYTES;
use crate::lang::syntax::SyntaxError;

/// A mapping template whose result is its own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteralTemplate(String);

impl LiteralTemplate {
    /// Accepts text without `$` and `#`.
    ///
    /// # Errors
    /// A template of more than [`MAPPING_TEMPLATE_BYTES`], and the first `$` or `#`.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > MAPPING_TEMPLATE_BYTES {
            return Err(SyntaxError::new(
                1,
                format!("the template has {} bytes", text.len()),
                format!("write at most {MAPPING_TEMPLATE_BYTES}"),
            ));
        }
        match text
            .chars()
            .position(|character| matches!(character, '$' | '#'))
        {
            Some(before) => Err(SyntaxError::new(
                before + 1,
                "mapping templates with $ or # are refused until the template engine lands",
                "write literal text",
            )),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The result, the same for every event.
    pub fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_text_is_its_own_result() {
        fn check(text: &str) {
            let template = LiteralTemplate::parse(text).unwrap();
            assert_eq!(template.text(), text);
        }
        check("");
        check(r#"{"statusCode":200}"#);
        check("zeile\nzwei äöü \\ ' \"");
        check(&"x".repeat(MAPPING_TEMPLATE_BYTES));
    }

    #[test]
    fn refuses_the_engine_and_the_oversize() {
        fn check(text: &str, expected: &str) {
            assert_eq!(
                LiteralTemplate::parse(text).unwrap_err().to_string(),
                expected
            );
        }
        let engine = "mapping templates with $ or # are refused until the template engine lands; write literal text";
        check("$input.body", &format!("character 1: {engine}"));
        check("äö#set($a = 1)", &format!("character 3: {engine}"));
        check("price: 3 $", &format!("character 10: {engine}"));
        check(
            &"x".repeat(MAPPING_TEMPLATE_BYTES + 1),
            "character 1: the template has 307201 bytes; write at most 307200",
        );
    }
}
