//! What must hold for every parameter mapping and whatever a client sends into it: it changes its target and nothing else.
//!
//! An input is UTF-8 text: the key of a mapping in its first line, its value in the second, and what all variables give after
//! that.

use std::borrow::Cow;

use http::HeaderMap;

use super::lang::http_mapping::{
    MappingValue, RequestEdits, RequestMapping, ResponseEdits, ResponseMapping, Side,
};
use super::lang::scope::Scope;

/// A scope where every variable has one value.
struct Everything<'t>(&'t str, Option<serde_json::Value>);

impl Scope for Everything<'_> {
    fn value(&self, _: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0))
    }

    fn body(&self) -> Option<&serde_json::Value> {
        self.1.as_ref()
    }

    fn response_body(&self) -> Option<&serde_json::Value> {
        self.1.as_ref()
    }
}

/// What became of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is a mapping neither of requests nor of answers.
    NoMapping,
    /// The value does not fit its target.
    Unfit,
    /// Something is changed, or left alone because there is no value.
    Mapped,
}

/// Panics when a property does not hold.
pub(crate) fn check(data: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(data);
    let (key, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (value, sent) = rest.split_once('\n').unwrap_or((rest, ""));
    for side in [Side::Request, Side::Response] {
        if let Ok(parsed) = MappingValue::parse(value, side) {
            let again = MappingValue::parse(&parsed.to_string(), side);
            assert_eq!(again, Ok(parsed), "{value:?} is read differently");
        }
    }
    let scope = Everything(sent, serde_json::from_str(sent).ok());
    let response = ResponseMapping::parse(key, value).ok();
    if let Some(mapping) = &response {
        let edits = ResponseEdits::resolve(std::slice::from_ref(mapping), &scope);
        let status = edits.status().map(|status| status.as_u16());
        assert!(status.is_none_or(|status| (200..600).contains(&status)));
        touches_one(key, |headers| edits.apply_to_headers(headers));
    }
    match RequestMapping::parse(key, value) {
        Ok(mapping) => map(key, &mapping, &scope),
        Err(_) if response.is_some() => Outcome::Mapped,
        Err(_) => Outcome::NoMapping,
    }
}

fn map(key: &str, mapping: &RequestMapping, scope: &Everything<'_>) -> Outcome {
    let Ok(edits) = RequestEdits::resolve(std::slice::from_ref(mapping), scope) else {
        return Outcome::Unfit;
    };
    touches_one(key, |headers| edits.apply_to_headers(headers));
    if let Some(path) = edits.path() {
        let uri: http::Uri = path.parse().expect("a path that can be sent");
        assert_eq!((uri.path(), uri.query(), uri.host()), (path, None, None));
        let plain = super::lang::http_path::RoutePath::parse(path);
        assert!(plain.is_ok(), "{path:?} has two readings");
    }
    let query = edits.apply_to_query(Some("a=1&b=2"));
    let query = query.unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%=&".contains(&byte);
    assert!(query.bytes().all(allowed), "{query:?}");
    assert!(query.split('&').count() <= 3, "{query:?}");
    Outcome::Mapped
}

/// No header but the one that the key names, and none that belongs to the gateway, is there afterwards.
fn touches_one(key: &str, apply: impl Fn(&mut HeaderMap)) {
    let mut headers = HeaderMap::new();
    apply(&mut headers);
    for (name, value) in &headers {
        let named = key.to_ascii_lowercase().ends_with(name.as_str());
        assert!(
            named && !name.as_str().starts_with("x-amzn-"),
            "{key:?} {name}"
        );
        let bad = |byte: &u8| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f;
        assert!(!value.as_bytes().iter().any(bad), "{value:?}");
    }
    assert!(headers.len() <= 1);
}
