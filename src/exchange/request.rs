//! The HTTP request behind an event, in the form that events and mappings need.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::OnceLock;

use http::{HeaderMap, Method};

use crate::base::body::Payload;
use crate::lang::http_path::RoutePath;
use crate::lang::trace::Trace;

/// Name of the stage that is served without a name in its address.
pub const DEFAULT_STAGE: &str = "$default";

/// Room for the headers of most requests, in bytes.
const TEXT_BYTES: usize = 1024;
/// Headers that the gateway adds to a client's.
const ADDED: usize = 5;

/// Header fields in the order and the letter case in which they came.
///
/// AWS: events carry names as the client wrote them, which HTTP libraries forget.
///
/// All of them are one text, since every handshake has a dozen.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    text: String,
    fields: Vec<Field>,
}

/// Where a name begins and ends in the text, and where the value behind it ends.
#[derive(Debug, Clone, Copy)]
struct Field(usize, usize, usize);

impl Field {
    fn name(self, text: &str) -> &str {
        text.get(self.0..self.1).unwrap_or_default()
    }

    fn value(self, text: &str) -> &str {
        text.get(self.1..self.2).unwrap_or_default()
    }
}

impl Headers {
    /// The fields of `map`, whose names `spell` writes. Values that are not UTF-8 are read as Latin-1.
    pub fn from_map(map: &HeaderMap, mut spell: impl FnMut(&str, &mut String)) -> Self {
        let mut headers = Self {
            text: String::with_capacity(TEXT_BYTES),
            fields: Vec::with_capacity(map.len() + ADDED),
        };
        for (name, value) in map {
            let value = latin(value.as_bytes());
            headers.add(|text| spell(name.as_str(), text), &value);
        }
        headers
    }

    /// Adds a field.
    pub fn push(&mut self, name: &str, value: &str) {
        self.add(|text| text.push_str(name), value);
    }

    fn add(&mut self, name: impl FnOnce(&mut String), value: &str) {
        let begin = self.text.len();
        name(&mut self.text);
        let between = self.text.len();
        self.text.push_str(value);
        self.fields.push(Field(begin, between, self.text.len()));
    }

    /// Replaces every field of that name by one.
    pub fn set(&mut self, name: &str, value: &str) {
        let text = &self.text;
        self.fields
            .retain(|field| !field.name(text).eq_ignore_ascii_case(name));
        self.push(name, value);
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.fields.iter();
        fields.map(|field| (field.name(&self.text), field.value(&self.text)))
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

/// How a request reached the gateway, for the headers that tell backends about it.
#[derive(Debug, Clone)]
pub struct Forwarding {
    /// The host that the client asked for, as it wrote it.
    pub host: String,
    /// Address of the other end of the socket: a client or a proxy.
    pub peer: IpAddr,
    /// Port that the client connected to.
    pub port: u16,
    /// Whether the client spoke TLS, here or with a trusted proxy.
    pub secure: bool,
    /// The trace of which its headers tell, or which begins here.
    pub trace: Trace,
}

impl Forwarding {
    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self.secure {
            true => "https",
            false => "http",
        }
    }

    /// Header fields as events show them: named as `spell` writes them, with what the gateway adds or replaces.
    ///
    /// AWS: the peer's address is appended to what `X-Forwarded-For` says already.
    pub fn headers(&self, fields: &HeaderMap, spell: impl FnMut(&str, &mut String)) -> Headers {
        let mut headers = Headers::from_map(fields, spell);
        let peer = self.peer.to_string();
        let before: Vec<_> = headers.all("x-forwarded-for").collect();
        let chain = match before.is_empty() {
            true => peer,
            false => format!("{}, {peer}", before.join(", ")),
        };
        if headers.last("host").is_none() {
            headers.push("Host", &self.host);
        }
        headers.set("X-Amzn-Trace-Id", &self.trace.amzn());
        headers.set("X-Forwarded-For", &chain);
        headers.set("X-Forwarded-Port", &self.port.to_string());
        headers.set("X-Forwarded-Proto", self.scheme());
        headers
    }
}

/// The HTTP request that a handshake or a call of an HTTP API is.
#[derive(Debug, Default)]
pub struct GatewayRequest {
    /// Its method.
    pub method: Method,
    /// Path as the client sent it, percent-encoding and all.
    pub path: String,
    /// Query string as the client sent it, without the question mark.
    pub query: Option<String>,
    /// HTTP APIs: where in [`Self::path`] the part below the stage begins, in bytes.
    pub below_stage: usize,
    /// HTTP APIs: the path below the stage as routes are matched against it, once that has happened.
    pub route_path: RoutePath<'static>,
    /// HTTP APIs: what the route's variables stand for, decoded, in the order of the route.
    pub path_parameters: Vec<(String, String)>,
    /// HTTP APIs: header fields as they came. Handshakes have theirs in [`Self::headers`] only.
    pub fields: HeaderMap,
    /// HTTP APIs: how the request came in.
    pub forwarding: Option<Forwarding>,
    /// HTTP APIs: the body, which may still be on its way.
    pub body: Payload,
    headers: OnceLock<Headers>,
}

impl GatewayRequest {
    /// A handshake, with its header fields in the client's spelling and those of the gateway.
    pub fn handshake(method: Method, path: &str, query: Option<&str>, headers: Headers) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: OnceLock::from(headers),
            ..Self::default()
        }
    }

    /// Header fields as events show them, those of the gateway included. Built when first asked for: a request that is
    /// just passed on never needs them.
    pub fn headers(&self) -> &Headers {
        self.headers.get_or_init(|| match &self.forwarding {
            Some(forwarding) => forwarding.headers(&self.fields, plain),
            None => Headers::from_map(&self.fields, plain),
        })
    }

    /// HTTP APIs: the path below the stage as the client sent it; at least `/`.
    pub fn path_below_stage(&self) -> &str {
        match self.path.get(self.below_stage..) {
            None | Some("") => "/",
            Some(path) => path,
        }
    }

    /// HTTP APIs: the decoded path, under the name of the stage unless that is `$default`.
    ///
    /// AWS: `rawPath` of events and `$context.path`.
    pub fn full_path(&self, stage: &str) -> String {
        let below = match self.route_path.raw() {
            // Or else it makes no sense, and there is nothing but what came.
            "/" => self.path_below_stage(),
            _ => self.route_path.decoded(),
        };
        match stage {
            DEFAULT_STAGE => below.to_owned(),
            _ => format!("/{stage}{below}"),
        }
    }

    /// The values of a header, whatever its case: of one that a client of an HTTP API sent, or of any that events of a
    /// connection show.
    pub fn header_values(&self, name: &str) -> Vec<Cow<'_, str>> {
        if self.forwarding.is_none() {
            let fields = self.headers().iter();
            return fields
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| Cow::Borrowed(value))
                .collect();
        }
        let values = self.fields.get_all(name).iter();
        values.map(|value| latin(value.as_bytes())).collect()
    }

    /// All cookies as one field. HTTP/2 may send each in a field of its own (RFC 9113, section 8.2.3).
    pub fn cookies(&self) -> Option<Cow<'_, str>> {
        let mut fields = self.header_values("cookie");
        match fields.len() {
            0 | 1 => fields.pop(),
            _ => Some(fields.join("; ").into()),
        }
    }

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

/// Names as HTTP/2 writes them and hyper keeps them.
pub fn plain(name: &str, text: &mut String) {
    text.push_str(name);
}

/// Bytes of a header value as text: UTF-8, or else Latin-1.
fn latin(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
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
    fn cookies_of_several_fields_are_one() {
        let check = |values: &[&str], expected: Option<&str>| {
            let mut headers = Headers::default();
            for value in values {
                headers.push("Cookie", value);
            }
            let request = GatewayRequest::handshake(Method::GET, "/", None, headers);
            assert_eq!(request.cookies().as_deref(), expected);
        };
        check(&[], None);
        check(&["a=1; b=2"], Some("a=1; b=2"));
        check(&["a=1", "b=2; c=3"], Some("a=1; b=2; c=3"));
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
