//! What must hold for every set of route keys and every request: the tree finds what going through the list finds.
//!
//! An input is UTF-8 text: method and path in its first line, a route key in each line after it.

use std::cmp::Reverse;

use super::lang::http_path::RoutePath;
use super::lang::http_route::{HttpRouteKey, METHODS, Router, Segment};

/// What became of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its first line is no request, or its path is refused.
    NoRequest,
    /// No key takes the request.
    NotFound,
    /// This key takes it.
    Found(String),
}

/// Panics when a property does not hold.
pub(crate) fn check(data: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let request = lines.next().unwrap_or_default();
    let keys: Vec<HttpRouteKey> = lines.take(64).filter_map(read).collect();
    let Some((method, path)) = request.split_once(' ') else {
        return Outcome::NoRequest;
    };
    let Some(method) = METHODS.into_iter().find(|known| known.as_str() == method) else {
        return Outcome::NoRequest;
    };
    let Ok(path) = RoutePath::parse(path) else {
        return Outcome::NoRequest;
    };
    let number = |keys: &[HttpRouteKey]| Router::new(keys.iter().cloned().zip(0..));
    let router = number(&keys);
    let found = router.select(&method, &path);
    let segments: Vec<_> = path.segments().collect();
    let fitting = keys.iter().filter(|key| {
        let of_method = key.method().is_none_or(|own| *own == method);
        of_method && fits(key, &segments)
    });
    let expected = fitting.max_by_key(|key| rank(key));
    let shape = |key: &HttpRouteKey| key.shape();
    let found_shape = found.as_ref().map(|found| shape(found.key));
    assert_eq!(found_shape, expected.map(shape), "{request:?} {keys:?}");
    // The order of the keys is nobody's business.
    let reversed: Vec<_> = keys.iter().rev().cloned().collect();
    let reversed = number(&reversed);
    let again = reversed
        .select(&method, &path)
        .map(|found| shape(found.key));
    assert_eq!(again, found_shape);
    let Some(found) = found else {
        return Outcome::NotFound;
    };
    let names: Vec<_> = found
        .variables
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, found.key.variables().collect::<Vec<_>>());
    assert!(found.variables.iter().all(|(_, value)| !value.is_empty()));
    Outcome::Found(found.key.to_string())
}

/// A key, which prints as it was written.
fn read(line: &str) -> Option<HttpRouteKey> {
    match HttpRouteKey::parse(line) {
        Ok(key) => {
            assert_eq!(key.to_string(), line);
            Some(key)
        }
        Err(error) => {
            assert!(
                (1..=line.chars().count() + 1).contains(&error.position),
                "{line:?}"
            );
            None
        }
    }
}

fn fits(key: &HttpRouteKey, segments: &[&str]) -> bool {
    if key.is_default() {
        return true;
    }
    if key.segments().is_empty() {
        return segments == [""];
    }
    let own = key.segments();
    for (at, segment) in own.iter().enumerate() {
        let sent = segments.get(at);
        match (segment, sent) {
            (Segment::Greedy(_), Some(_)) => {
                return segments[at..].iter().any(|sent| !sent.is_empty());
            }
            (Segment::Variable(_), Some(sent)) if !sent.is_empty() => {}
            (Segment::Literal(text), Some(sent)) if decodes_to(sent, text) => {}
            _ => return false,
        }
    }
    own.len() == segments.len()
}

/// Literals of keys are letters, digits and `._:-`: escapes of those are all that matters here.
fn decodes_to(sent: &str, text: &str) -> bool {
    let mut sent = sent.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = sent.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte.unwrap_or_default()).to_digit(16);
                let (high, low) = (digit(sent.next()), digit(sent.next()));
                let byte = high.unwrap_or_default() * 16 + low.unwrap_or_default();
                decoded.push(u8::try_from(byte).unwrap_or_default());
            }
            byte => decoded.push(byte),
        }
    }
    decoded == text.as_bytes()
}

/// Full before greedy before `$default`, the method itself before `ANY`, then segment by segment.
fn rank(key: &HttpRouteKey) -> impl Ord + use<> {
    let greedy = matches!(key.segments().last(), Some(Segment::Greedy(_)));
    let kinds = key.segments().iter().map(|segment| match segment {
        Segment::Literal(_) => 2,
        Segment::Variable(_) => 1,
        Segment::Greedy(_) => 0,
    });
    (
        Reverse(key.is_default()),
        Reverse(greedy),
        key.method().is_some(),
        kinds.collect::<Vec<u8>>(),
    )
}
