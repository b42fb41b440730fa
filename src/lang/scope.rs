//! Names to values: what every language is evaluated against.
//!
//! The names are written without `$` and are the same for all languages:
//!
//! | name | value |
//! |---|---|
//! | `context.NAME` | a context variable, see [`crate::lang::context_names`] |
//! | `stageVariables.NAME` | a stage variable |
//! | `route.request.header.NAME`, `route.request.querystring.NAME` | of the handshake or request |
//! | `route.request.body` | the message or request body as text |
//! | `integration.response.statuscode`, `integration.response.header.NAME` | of the backend's answer |
//!
//! HTTP APIs have these for parameter mapping, beside `context` and `stageVariables`:
//!
//! | name | value |
//! |---|---|
//! | `request.header.NAME`, `request.querystring.NAME` | of the request as it came; names of headers in any case |
//! | `request.path` | the path without the stage, decoded |
//! | `request.path.NAME` | a variable of the route's path, decoded |
//! | `request.body`, `response.body` | the whole body as text |
//! | `response.header.NAME` | of the backend's answer |

use std::borrow::Cow;

use serde_json::Value;

/// The facts of one event, by name.
pub trait Scope {
    /// The text behind a dotted name, `None` when it is not set. A header or parameter that came more than once gives its
    /// last value (API Gateway Developer Guide, "Mapping template and access logging variable reference").
    fn value(&self, name: &str) -> Option<Cow<'_, str>>;

    /// All texts behind a name, in the order received; what repeats are headers and query parameters.
    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        self.value(name).into_iter().collect()
    }

    /// The message or request body as JSON, `None` when there is none or it is not JSON. On HTTP APIs only the beginning of it
    /// is read, see [`crate::lang::http_mapping::body_as_json`].
    fn body(&self) -> Option<&Value> {
        None
    }

    /// The backend's answer as JSON, `None` when there is none or it is not JSON; on HTTP APIs as [`Self::body`].
    fn response_body(&self) -> Option<&Value> {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A scope for tests: pairs in order, and bodies parsed from text.
    #[derive(Default)]
    pub(crate) struct Facts {
        pairs: Vec<(String, String)>,
        body: Option<Value>,
        response_body: Option<Value>,
    }

    impl Facts {
        pub(crate) fn new(pairs: &[(&str, &str)]) -> Self {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()));
            Self {
                pairs: pairs.collect(),
                ..Self::default()
            }
        }

        pub(crate) fn with_body(mut self, body: &str) -> Self {
            self.body = serde_json::from_str(body).ok();
            for name in ["route.request.body", "request.body"] {
                self.pairs.push((name.to_owned(), body.to_owned()));
            }
            self
        }

        pub(crate) fn with_response_body(mut self, body: &str) -> Self {
            self.response_body = serde_json::from_str(body).ok();
            self.pairs
                .push(("response.body".to_owned(), body.to_owned()));
            self
        }
    }

    impl Scope for Facts {
        fn value(&self, name: &str) -> Option<Cow<'_, str>> {
            self.values(name).pop()
        }

        fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
            let named = self.pairs.iter().filter(|(known, _)| known == name);
            named
                .map(|(_, value)| Cow::Borrowed(value.as_str()))
                .collect()
        }

        fn body(&self) -> Option<&Value> {
            self.body.as_ref()
        }

        fn response_body(&self) -> Option<&Value> {
            self.response_body.as_ref()
        }
    }

    #[test]
    fn a_repeated_name_gives_its_last_value() {
        let facts = Facts::new(&[("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(facts.value("a").as_deref(), Some("3"));
        assert_eq!(facts.values("a"), ["1", "3"]);
        assert_eq!(facts.value("c"), None);
        assert!(facts.body().is_none() && facts.response_body().is_none());
    }
}
