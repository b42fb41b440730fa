//! An exchange as the languages see it: names to values.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use super::Exchange;
use crate::lang::scope::Scope;

/// Reads an exchange by name; the message is parsed as JSON only when something asks for it.
#[derive(Debug)]
pub struct ExchangeScope<'a> {
    exchange: &'a Exchange,
    body: OnceCell<Option<Value>>,
}

impl<'a> ExchangeScope<'a> {
    /// A view of `exchange`.
    pub fn new(exchange: &'a Exchange) -> Self {
        Self {
            exchange,
            body: OnceCell::new(),
        }
    }
}

impl Scope for ExchangeScope<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(name) = name.strip_prefix("context.") {
            return self.exchange.variable(name);
        }
        if let Some(name) = name.strip_prefix("stageVariables.") {
            return Some(self.exchange.stage.variables.get(name)?.into());
        }
        if name == "route.request.body" {
            return self.exchange.text().map(Cow::Borrowed);
        }
        self.values(name).pop()
    }

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let request = &self.exchange.request;
        if let Some(name) = name.strip_prefix("route.request.header.") {
            let fields = request.headers.iter();
            return fields
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| Cow::Borrowed(value))
                .collect();
        }
        if let Some(name) = name.strip_prefix("route.request.querystring.") {
            let parameters = request.query_parameters().into_iter();
            return parameters
                .filter(|(known, _)| known == name)
                .map(|(_, value)| Cow::Owned(value))
                .collect();
        }
        if name.starts_with("route.request.") {
            return Vec::new();
        }
        self.value(name).into_iter().collect()
    }

    fn body(&self) -> Option<&Value> {
        self.body
            .get_or_init(|| serde_json::from_str(self.exchange.text()?).ok())
            .as_ref()
    }
}
