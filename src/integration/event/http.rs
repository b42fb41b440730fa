//! What the events of HTTP APIs have in common, whatever their format: fields, query, paths, body.
//!
//! Source: developer guide, "Create AWS Lambda proxy integrations for HTTP APIs", with details as captured from the service.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::body::Body as _;
use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};

use crate::exchange::{DEFAULT_STAGE, Exchange, GatewayRequest};
use crate::integration::forwarded;

/// Request headers that belong to one connection (RFC 9110, section 7.6.1), and so do not reach a function.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const CONTENT_LENGTH: &str = "content-length";
const COOKIE: &str = "cookie";
/// Headers that the gateway writes itself, whatever the client says of them.
const WRITTEN: [&str; 5] = [
    "host",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// What an event takes beside its body, in bytes, as a guess that saves growing.
const EVENT_BYTES: usize = 2048;

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Names and values, those of one name side by side.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a>(Vec<Pair<'a>>);

impl<'a> Pairs<'a> {
    /// The header fields of a request without cookies, in the order of their names, which `spell` spells. Those of the client's own
    /// connection end here, and under the gateway's names the trace alone is told, which the gateway writes.
    pub(super) fn of_headers(exchange: &'a Exchange, spell: fn(&str) -> String) -> Self {
        let request = &exchange.request;
        let nominated = forwarded::nominated(&request.fields);
        let hidden = |name: &str| {
            let name = name.to_ascii_lowercase();
            let mut hidden = HOP_BY_HOP.iter().chain(&[CONTENT_LENGTH, COOKIE]);
            let hidden = hidden.any(|hidden| name == *hidden)
                || nominated.iter().any(|nominated| *nominated == *name)
                || forwarded::is_ours(&name);
            hidden && !WRITTEN.contains(&&*name)
        };
        let fields = request.headers().iter();
        let mut pairs: Vec<Pair<'a>> = fields
            .filter(|(name, _)| !hidden(name))
            .map(|(name, value)| (Cow::Owned(spell(name)), Cow::Borrowed(value)))
            .collect();
        // AWS: the length of what was received, `0` without a body; unknown while the body is still on its way.
        if let Some(length) = request.body.size_hint().exact() {
            let name = spell(CONTENT_LENGTH);
            pairs.push((Cow::Owned(name), Cow::Owned(length.to_string())));
        }
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self(pairs)
    }

    /// The parameters of a query string, decoded, in the order in which their names came first.
    pub(super) fn of_query(request: &'a GatewayRequest) -> Self {
        let query = request.query.as_deref().unwrap_or_default();
        let mut pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let mut ranks: HashMap<String, usize> = HashMap::new();
        for (rank, (name, _)) in pairs.iter().enumerate() {
            if !ranks.contains_key(name.as_ref()) {
                ranks.insert(name.clone().into_owned(), rank);
            }
        }
        pairs.sort_by_key(|(name, _)| ranks.get(name.as_ref()).copied());
        Self(pairs)
    }

    /// Adds a name that is not there yet.
    pub(super) fn push(&mut self, name: &'static str, value: Cow<'a, str>) {
        self.0.push((Cow::Borrowed(name), value));
    }

    /// Itself, unless there is nothing in it.
    pub(super) fn some(&self) -> Option<&Self> {
        (!self.0.is_empty()).then_some(self)
    }

    /// Each name with its values.
    fn groups(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &str> + Clone)> {
        self.0
            .chunk_by(|(one, _), (other, _)| one == other)
            .filter_map(|group| {
                let (name, _) = group.first()?;
                Some((name.as_ref(), group.iter().map(|(_, value)| value.as_ref())))
            })
    }
}

/// A map from each name to all its values with commas in between.
pub(super) struct Joined<'p>(pub(super) &'p Pairs<'p>);

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.groups().map(|(name, mut values)| {
            let first = values.next().unwrap_or_default();
            let mut joined = Cow::Borrowed(first);
            for value in values {
                let joined = joined.to_mut();
                joined.push(',');
                joined.push_str(value);
            }
            (name, joined)
        }))
    }
}

/// A map from each name to its last value.
pub(super) struct Last<'p>(pub(super) &'p Pairs<'p>);

impl Serialize for Last<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self.0.groups();
        serializer.collect_map(groups.map(|(name, values)| (name, values.last())))
    }
}

/// A map from each name to the list of its values.
pub(super) struct Lists<'p>(pub(super) &'p Pairs<'p>);

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self.0.groups();
        serializer.collect_map(groups.map(|(name, values)| (name, values.collect::<Vec<_>>())))
    }
}

/// `pathParameters`: what the variables of the route stand for.
pub(super) struct PathParameters<'a>(&'a [(String, String)]);

impl Serialize for PathParameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// `pathParameters`, where the route has variables.
pub(super) fn path_parameters(exchange: &Exchange) -> Option<PathParameters<'_>> {
    let parameters = &exchange.request.path_parameters;
    (!parameters.is_empty()).then_some(PathParameters(parameters))
}

/// A body as an event carries it.
pub(super) enum Body<'a> {
    Text(&'a str),
    /// Encoded as it is written.
    Base64(&'a [u8]),
}

impl<'a> Body<'a> {
    /// The body of a request; `None` when there is none.
    pub(super) fn of(request: &'a GatewayRequest) -> Option<Self> {
        let bytes = request.body.whole().filter(|bytes| !bytes.is_empty())?;
        Some(match std::str::from_utf8(bytes) {
            Ok(text) if is_text(request) => Self::Text(text),
            // JSON has no other place for bytes that are no text, whatever they say they are.
            _ => Self::Base64(bytes),
        })
    }

    pub(super) fn is_base64(&self) -> bool {
        matches!(self, Self::Base64(_))
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Base64(bytes) => serializer.collect_str(&Base64Display::new(bytes, &STANDARD)),
        }
    }
}

/// Whether the body of a request is text by its headers.
///
/// AWS: four kinds of media types are, whatever their parameters; forms are not, nor is what names no type (checked against
/// the service). That an encoded body is not is our choice.
fn is_text(request: &GatewayRequest) -> bool {
    if request.fields.contains_key(CONTENT_ENCODING) {
        return false;
    }
    let kind = request.fields.get_all(CONTENT_TYPE).iter().next_back();
    let Some(kind) = kind.and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(
            &*kind,
            "application/json" | "application/xml" | "application/javascript"
        )
}

/// The path as the client sent it, under the name of the stage unless that is `$default`; on a custom domain under the key
/// of the mapping.
pub(super) fn encoded_path(exchange: &Exchange) -> String {
    if exchange.context.base_path.is_some() {
        return exchange.request.path.clone();
    }
    let path = exchange.request.path_below_stage();
    match &*exchange.stage.name {
        DEFAULT_STAGE => path.to_owned(),
        stage => format!("/{stage}{path}"),
    }
}

/// The same path, decoded.
pub(super) fn decoded_path(exchange: &Exchange) -> String {
    if exchange.context.base_path.is_some() {
        let path = percent_decode_str(&exchange.request.path);
        return path.decode_utf8_lossy().into_owned();
    }
    exchange.request.full_path(&exchange.stage.name)
}

/// `routeKey`.
pub(super) fn route_key(exchange: &Exchange) -> &str {
    exchange.context.route_key.as_deref().unwrap_or_default()
}

/// The path of the route; `$default` has none and is named instead.
pub(super) fn resource(exchange: &Exchange) -> &str {
    let key = route_key(exchange);
    key.split_once(' ').map_or(key, |(_, path)| path)
}

/// An event as JSON text.
pub(super) fn to_bytes(event: &impl Serialize, body: Option<&Body<'_>>) -> Bytes {
    let body = match body {
        None => 0,
        Some(Body::Text(text)) => text.len() + text.len() / 8,
        Some(Body::Base64(bytes)) => bytes.len() / 3 * 4,
    };
    let mut text = Vec::with_capacity(EVENT_BYTES + body);
    // Maps of texts always have a JSON form, and memory takes whatever is written to it.
    match serde_json::to_writer(&mut text, event) {
        Ok(()) => text.into(),
        Err(_) => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    use crate::base::body::Payload;

    fn request(fields: &[(&'static str, &'static str)], body: &'static [u8]) -> GatewayRequest {
        let mut request = GatewayRequest::default();
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        request.fields = map;
        request.body = Payload::from(Bytes::from_static(body));
        request
    }

    #[test]
    fn media_types_decide_about_base64() {
        let check = |kind: &'static str, base64: bool| {
            let request = request(&[("content-type", kind)], b"a=1");
            let body = Body::of(&request).unwrap();
            assert_eq!(body.is_base64(), base64, "{kind}");
        };
        check("text/plain", false);
        check("text/html; charset=utf-8", false);
        check("TEXT/CSV", false);
        check("application/json", false);
        check("Application/JSON;charset=utf-8", false);
        check("application/xml", false);
        check("application/javascript", false);
        check("application/x-www-form-urlencoded", true);
        check("multipart/form-data; boundary=x", true);
        check("application/octet-stream", true);
        check("application/problem+json", true);
        check("application/soap+xml", true);
        check("application/jsonp", true);
        check("image/svg+xml", true);
        check("textual", true);
        check("", true);
    }

    #[test]
    fn what_cannot_be_text_is_base64() {
        let check = |fields: &[(&'static str, &'static str)], body: &'static [u8], base64| {
            let request = request(fields, body);
            let is_base64 = Body::of(&request).map(|body| body.is_base64());
            assert_eq!(is_base64, base64, "{fields:?}");
        };
        check(&[], b"", None);
        check(&[("content-type", "application/octet-stream")], b"", None);
        check(&[], b"x", Some(true));
        check(&[("content-type", "text/plain")], b"\xff", Some(true));
        let zipped = [("content-type", "text/plain"), ("content-encoding", "gzip")];
        check(&zipped, b"x", Some(true));
    }

    #[test]
    fn parameters_keep_the_order_of_their_names() {
        let mut request = GatewayRequest::default();
        request.query = Some("tag=red&q=a+b&tag=blue&empty=&q=c%2Bd&bare&tag=%C3%A4".to_owned());
        let pairs = Pairs::of_query(&request);
        let check = |map: String, expected: &str| assert_eq!(map, expected);
        check(
            serde_json::to_string(&Joined(&pairs)).unwrap(),
            r#"{"tag":"red,blue,ä","q":"a b,c+d","empty":"","bare":""}"#,
        );
        check(
            serde_json::to_string(&Last(&pairs)).unwrap(),
            r#"{"tag":"ä","q":"c+d","empty":"","bare":""}"#,
        );
        check(
            serde_json::to_string(&Lists(&pairs)).unwrap(),
            r#"{"tag":["red","blue","ä"],"q":["a b","c+d"],"empty":[""],"bare":[""]}"#,
        );
        request.query = Some("&&".to_owned());
        assert!(Pairs::of_query(&request).some().is_none());
    }
}
