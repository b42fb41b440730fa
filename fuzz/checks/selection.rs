//! What must hold for every selection expression and message. Run by the fuzz target and, on its corpus, by the unit tests.
//!
//! An input is UTF-8 text: the expression in its first line, the message after it.

use std::borrow::Cow;

use super::lang::scope::Scope;
use super::lang::selection::{RouteKeyChoice, SelectionExpression};

/// A scope that knows one message and nothing else.
struct Message<'m> {
    text: &'m str,
    body: Option<serde_json::Value>,
}

impl Scope for Message<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "route.request.body").then_some(Cow::Borrowed(self.text))
    }

    fn body(&self) -> Option<&serde_json::Value> {
        self.body.as_ref()
    }
}

/// Panics when a property does not hold.
pub(super) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (expression, message) = text.split_once('\n').unwrap_or((text, ""));
    let expression = match SelectionExpression::parse(expression) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(error.position >= 1);
            assert!(error.position <= expression.chars().count() + 1);
            return;
        }
    };
    let printed = expression.to_string();
    assert_eq!(
        SelectionExpression::parse(&printed).as_ref(),
        Ok(&expression),
        "{printed} is read differently"
    );
    let body = serde_json::from_str(message).ok();
    let scope = Message {
        text: message,
        body,
    };
    match expression.route_key(message) {
        RouteKeyChoice::NotJson => assert!(scope.body.is_none(), "JSON was not recognised"),
        RouteKeyChoice::Key(key) => {
            assert!(scope.body.is_some(), "taken for JSON");
            assert_eq!(key, expression.evaluate(&scope));
        }
    }
}
