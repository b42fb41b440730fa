//! An exchange as the languages see it: names to values.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use super::{Event, Exchange};
use crate::lang::http_mapping::body_as_json;
use crate::lang::scope::Scope;

/// Reads an exchange by name; the message is parsed as JSON only when something asks for it.
#[derive(Debug)]
pub struct ExchangeScope<'a> {
    exchange: &'a Exchange,
    body: OnceCell<Option<Value>>,
    hides_secrets: bool,
}

/// Characters of an API key that a log shows.
const SHOWN: usize = 6;

impl<'a> ExchangeScope<'a> {
    /// A view of `exchange`.
    pub fn new(exchange: &'a Exchange) -> Self {
        Self {
            exchange,
            body: OnceCell::new(),
            hides_secrets: false,
        }
    }

    /// A view for logs.
    ///
    /// AWS: of API keys they show the last six characters.
    pub fn for_log(exchange: &'a Exchange) -> Self {
        Self {
            hides_secrets: true,
            ..Self::new(exchange)
        }
    }
}

/// What a log shows of a secret.
fn masked(secret: &str) -> String {
    let hidden = secret.chars().count().saturating_sub(SHOWN);
    let end: String = secret.chars().skip(hidden).collect();
    format!("**********{end}")
}

impl ExchangeScope<'_> {
    /// `request.path` and `request.path.NAME`, given what follows `request.path`.
    fn path_value(&self, rest: &str) -> Option<Cow<'_, str>> {
        let request = &self.exchange.request;
        let Some(name) = rest.strip_prefix('.') else {
            return rest.is_empty().then(|| request.route_path.decoded().into());
        };
        let mut parameters = request.path_parameters.iter();
        let found = parameters.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str().into())
    }
}

impl Scope for ExchangeScope<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(name) = name.strip_prefix("context.") {
            let value = self.exchange.variable(name);
            return match (name, self.hides_secrets) {
                ("identity.apiKey", true) => value.map(|key| masked(&key).into()),
                _ => value,
            };
        }
        if let Some(name) = name.strip_prefix("stageVariables.") {
            return Some(self.exchange.stage.variables.get(name)?.into());
        }
        if matches!(name, "route.request.body" | "request.body") {
            return self.exchange.text().map(Cow::Borrowed);
        }
        if let Some(name) = name.strip_prefix("request.path") {
            return self.path_value(name);
        }
        if name.starts_with("request.") {
            // AWS: mappings of HTTP APIs see repeated headers and parameters joined.
            let values = self.values(name);
            return (!values.is_empty()).then(|| values.join(",").into());
        }
        self.values(name).pop()
    }

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let request = &self.exchange.request;
        // Routes of WebSocket APIs write `route.request`, those of HTTP APIs `request`.
        let part = name.strip_prefix("route.").unwrap_or(name);
        if let Some(name) = part.strip_prefix("request.header.") {
            return request.header_values(name);
        }
        if let Some(name) = part.strip_prefix("request.querystring.") {
            let parameters = request.query_parameters().into_iter();
            return parameters
                .filter(|(known, _)| known == name)
                .map(|(_, value)| Cow::Owned(value))
                .collect();
        }
        if name.starts_with("route.request.") {
            return Vec::new();
        }
        if name.starts_with("request.") && !name.starts_with("request.path") {
            return Vec::new();
        }
        self.value(name).into_iter().collect()
    }

    fn body(&self) -> Option<&Value> {
        self.body
            .get_or_init(|| match self.exchange.event {
                Event::Http => body_as_json(self.exchange.payload()),
                _ => serde_json::from_str(self.exchange.text()?).ok(),
            })
            .as_ref()
    }
}
