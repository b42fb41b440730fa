//! The HTTP request behind an event, in the form that events and mappings need.

use http::{HeaderMap, Method};

/// Header fields in the order and the letter case in which they came.
///
/// AWS: events carry names as the client wrote them, which HTTP libraries forget.
#[derive(Debug, Clone, Default)]
pub struct Headers(Vec<(Box<str>, Box<str>)>);

impl Headers {
    /// The fields of `map`, named as `spell` spells them. Values that are not UTF-8 are read as Latin-1.
    pub fn from_map(map: &HeaderMap, spell: impl Fn(&str) -> String) -> Self {
        let fields = map.iter().map(|(name, value)| {
            let text = match std::str::from_utf8(value.as_bytes()) {
                Ok(text) => text.to_owned(),
                Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
            };
            (spell(name.as_str()).into(), text.into())
        });
        Self(fields.collect())
    }

    /// Adds a field.
    pub fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.into(), value.into()));
    }

    /// Replaces every field of that name by one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.push(name, value);
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// All values of one name, whatever its case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The last value of one name, whatever its case: what single-value maps of events hold.
    pub fn last<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).last()
    }
}

/// The HTTP request that a handshake is.
#[derive(Debug, Clone, Default)]
pub struct GatewayRequest {
    /// Its method.
    pub method: Method,
    /// Path as the client sent it, percent-encoding and all.
    pub path: String,
    /// Query string as the client sent it, without the question mark.
    pub query: Option<String>,
    /// Header fields, those of the gateway included.
    pub headers: Headers,
}

impl GatewayRequest {
    /// The parameters of the query string, decoded, in order.
    pub fn query_parameters(&self) -> Vec<(String, String)> {
        let query = self.query.as_deref().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The last value of a query parameter.
    pub fn query_parameter(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .filter(|(known, _)| known == name)
            .last()
            .map(|(_, value)| value.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_case_and_match_without_it() {
        let mut headers = Headers::default();
        headers.push("X-Token", "a");
        headers.push("x-token", "b");
        assert_eq!(headers.last("X-TOKEN"), Some("b"));
        assert_eq!(headers.all("x-token").count(), 2);
        headers.set("X-Token", "c");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("X-Token", "c")]);
    }

    #[test]
    fn the_last_of_repeated_parameters_wins() {
        let request = GatewayRequest {
            query: Some("room=red&room=blue+sky&x=%C3%A4".to_owned()),
            ..GatewayRequest::default()
        };
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(request.query_parameter(name).as_deref(), expected);
        };
        check("room", Some("blue sky"));
        check("x", Some("ä"));
        check("nope", None);
    }
}
