//! The path of an HTTP request, as sent and decoded, and the paths that are refused before anything is looked up by them.
//!
//! A path can be read in more than one way (`%2F`, `//`, `%2e%2e`), and whoever reads it differently from the gateway reaches
//! what the gateway meant to protect. So everything with a dangerous second reading is refused here, and what is left over,
//! slashes, is told by [`RoutePath::canonical`].
//!
//! Which route takes a path is in `lang::http_route`.
//!
//! Sources: RFC 3986, sections 2.1, 3.3 and 5.2.4; API Gateway Developer Guide, "Amazon API Gateway important notes".

use std::borrow::Cow;

use thiserror::Error;

/// A path without its stage and its query, fit to be routed.
///
/// Invariants: it starts with `/`; every escape in it is whole and decodes to UTF-8 without control characters and without
/// backslash; no reading of it has a segment `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePath<'a> {
    raw: Cow<'a, str>,
    /// `None` when the decoded path is the raw one.
    decoded: Option<String>,
}

/// Why a path is not looked up; all are answered with status 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// It does not start with a slash.
    #[error("the path does not start with a slash")]
    Relative,
    /// A `%` without two hexadecimal digits behind it.
    #[error("the path has a malformed escape")]
    Escape,
    /// The decoded bytes are not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// The decoded path has a control character, NUL for instance.
    #[error("the path has a control character")]
    Control,
    /// The decoded path has a backslash, which some backends read as a slash.
    #[error("the path has a backslash")]
    Backslash,
    /// A segment is `.` or `..`, as sent, decoded, or decoded twice.
    #[error("the path has a dot segment")]
    DotSegment,
}

impl Default for RoutePath<'_> {
    /// The path `/`.
    fn default() -> Self {
        Self {
            raw: Cow::Borrowed("/"),
            decoded: None,
        }
    }
}

impl<'a> RoutePath<'a> {
    /// Reads a path as sent; a plain one is not copied.
    ///
    /// # Errors
    /// [`PathError`], for paths that a backend could read differently.
    pub fn parse(raw: impl Into<Cow<'a, str>>) -> Result<Self, PathError> {
        let raw = raw.into();
        if !raw.starts_with('/') {
            return Err(PathError::Relative);
        }
        let decoded = decode(&raw)?;
        check_characters(&decoded)?;
        check_dots(&decoded)?;
        let decoded = match decoded {
            Cow::Borrowed(_) => None,
            Cow::Owned(mut decoded) => {
                // AWS: what follows an encoded question mark does not reach the backend (seen in live captures).
                if let Some(cut) = decoded.find('?') {
                    decoded.truncate(cut);
                }
                Some(decoded)
            }
        };
        Ok(Self { raw, decoded })
    }

    /// The path as sent.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The path with all escapes decoded, `%2F` too, and cut before a decoded `?`: what an event calls `rawPath`.
    pub fn decoded(&self) -> &str {
        self.decoded.as_deref().unwrap_or(&self.raw)
    }

    /// The segments as sent, each without its slash; `/` has one, which is empty.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.after_slash().split('/')
    }

    /// The same path after another decoding and with runs of slashes merged, when that has other segments: what a backend may
    /// read in `/a%2Fb`, `//a/b` and `/a/b%3Fc`. `None` when there is only one reading.
    ///
    /// A caller that lets a request pass because of the route of one reading asks which routes [`Self::other_readings`] have.
    pub fn canonical(&self) -> Option<RoutePath<'static>> {
        let decoded = self.decoded();
        let bytes = decoded.as_bytes().iter();
        let has_run = bytes
            .clone()
            .zip(bytes.skip(1))
            .any(|pair| pair == (&b'/', &b'/'));
        let has_other_slashes = decoded.len() < self.raw.len()
            && decoded.matches('/').count() != self.raw.matches('/').count();
        let is_cut = self.decoded.is_some() && has_encoded_question_mark(&self.raw);
        if !has_run && !has_other_slashes && !is_cut {
            return None;
        }
        Some(Self::of_decoded(merged(decoded)))
    }

    /// Every other way in which a backend may split the path: slashes decoded and merged as [`Self::canonical`] has it, decoded
    /// only, merged only. None where there is only one reading.
    pub fn other_readings(&self) -> Vec<RoutePath<'static>> {
        let Some(canonical) = self.canonical() else {
            return Vec::new();
        };
        let mut readings = vec![canonical];
        let (decoded, sent) = (self.decoded(), merged(&self.raw));
        let unmerged = Self::of_decoded(decoded.to_owned());
        for reading in [Some(unmerged), RoutePath::parse(sent).ok()] {
            let other = |reading: &RoutePath<'_>| reading.raw != self.raw;
            let reading = reading.filter(|reading| other(reading) && !readings.contains(reading));
            readings.extend(reading);
        }
        readings
    }

    /// The path whose decoded text this is.
    fn of_decoded(text: String) -> RoutePath<'static> {
        let raw = text.replace('%', "%25");
        let decoded = (raw != text).then_some(text);
        RoutePath {
            raw: Cow::Owned(raw),
            decoded,
        }
    }

    /// The same path without a borrow.
    pub fn into_owned(self) -> RoutePath<'static> {
        RoutePath {
            raw: Cow::Owned(self.raw.into_owned()),
            decoded: self.decoded,
        }
    }

    /// The path as sent, without the first slash.
    pub(crate) fn after_slash(&self) -> &str {
        self.raw.strip_prefix('/').unwrap_or_default()
    }
}

/// Text of a [`RoutePath`] without its escapes, which are known to be whole and UTF-8.
pub(crate) fn decoded_part(raw: &str) -> Cow<'_, str> {
    match raw.contains('%') {
        true => percent_encoding::percent_decode_str(raw).decode_utf8_lossy(),
        false => Cow::Borrowed(raw),
    }
}

/// A path with one slash in place of each run of them.
fn merged(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

/// Decodes every escape; borrowed when there is none.
fn decode(raw: &str) -> Result<Cow<'_, str>, PathError> {
    let bytes = raw.as_bytes();
    if !bytes.contains(&b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut escapes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    let whole = escapes.all(|(at, _)| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !whole {
        return Err(PathError::Escape);
    }
    let decoded = percent_encoding::percent_decode_str(raw).decode_utf8();
    decoded.map_err(|_| PathError::NotUtf8)
}

fn check_characters(decoded: &str) -> Result<(), PathError> {
    // Most paths are plain.
    if decoded
        .bytes()
        .all(|byte| matches!(byte, b'!'..=b'[' | b']'..=b'~'))
    {
        return Ok(());
    }
    for character in decoded.chars() {
        if character.is_control() {
            return Err(PathError::Control);
        }
        if character == '\\' {
            return Err(PathError::Backslash);
        }
    }
    Ok(())
}

/// Refuses dot segments in a decoded path, and those that one more decoding would make.
fn check_dots(decoded: &str) -> Result<(), PathError> {
    // Most paths have no dot at all.
    if !decoded.bytes().any(|byte| matches!(byte, b'.' | b'%')) {
        return Ok(());
    }
    let has_dots = |path: &str| path.split(['/', '\\']).any(is_dot_segment);
    if has_dots(decoded) {
        return Err(PathError::DotSegment);
    }
    if decoded.contains('%') {
        let twice: Vec<u8> = percent_encoding::percent_decode_str(decoded).collect();
        if has_dots(&String::from_utf8_lossy(&twice)) {
            return Err(PathError::DotSegment);
        }
    }
    Ok(())
}

/// `.` and `..`, also with what is cut off before anybody climbs: a parameter behind a semicolon, which servlet containers cut
/// off, and what follows a question mark, which we do.
fn is_dot_segment(segment: &str) -> bool {
    let name = segment
        .split_once([';', '?'])
        .map_or(segment, |(name, _)| name);
    name == "." || name == ".."
}

/// The encoded form is all digits, so there is one spelling.
fn has_encoded_question_mark(raw: &str) -> bool {
    raw.contains("%3f") || raw.contains("%3F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        fn check(raw: &str, expected: &str) {
            let path = RoutePath::parse(raw).unwrap();
            assert_eq!(path.decoded(), expected, "{raw}");
            assert_eq!(path.raw(), raw);
        }
        check("/", "/");
        check("/orders/7", "/orders/7");
        check("/users/John%20D", "/users/John D");
        check("/caf%C3%A9/%e2%82%ac", "/café/€");
        check("/a%2Fb%2fc", "/a/b/c");
        check("/a+b", "/a+b");
        check("/100%25", "/100%");
        check("/100%2541", "/100%41");
        check("/a%3Fb=c", "/a");
        check("/a%3F", "/a");
        check("/a/%3Fx/y", "/a/");
        check("//a//", "//a//");
        check("/...", "/...");
        check("/..a/b..", "/..a/b..");
        check("/.well-known/x", "/.well-known/x");
        check("/a;b=c", "/a;b=c");
        check("/a%23b", "/a#b");
        check("/ä", "/ä");
    }

    #[test]
    fn refuses_what_can_be_read_differently() {
        fn check(raw: &str, expected: PathError) {
            assert_eq!(RoutePath::parse(raw), Err(expected), "{raw:?}");
        }
        check("", PathError::Relative);
        check("*", PathError::Relative);
        check("a/b", PathError::Relative);
        check("%2Fa", PathError::Relative);
        check("/%", PathError::Escape);
        check("/a%2", PathError::Escape);
        check("/%zz", PathError::Escape);
        check("/%2g", PathError::Escape);
        check("/%u002e", PathError::Escape);
        check("/%%32e", PathError::Escape);
        check("/%ff", PathError::NotUtf8);
        check("/%c0%ae%c0%ae/x", PathError::NotUtf8);
        check("/%ed%a0%80", PathError::NotUtf8);
        check("/%00", PathError::Control);
        check("/a%0d%0ab", PathError::Control);
        check("/%7F", PathError::Control);
        check("/%C2%85", PathError::Control);
        check("/a%5Cb", PathError::Backslash);
        check("/a\\b", PathError::Backslash);
        check("/..%5Cb", PathError::Backslash);
        check("/.", PathError::DotSegment);
        check("/..", PathError::DotSegment);
        check("/a/../b", PathError::DotSegment);
        check("/a/./b", PathError::DotSegment);
        check("/a/%2e%2E/b", PathError::DotSegment);
        check("/a/.%2e/b", PathError::DotSegment);
        check("/a/..%2Fb", PathError::DotSegment);
        check("/a%2F..%2Fb", PathError::DotSegment);
        check("/a/%252e%252e/b", PathError::DotSegment);
        check("/a/%252e./b", PathError::DotSegment);
        check("/a/..%252fb", PathError::DotSegment);
        check("/a%252f..%252fb", PathError::DotSegment);
        check("/a/..%255cb", PathError::DotSegment);
        check("/a/..;x/b", PathError::DotSegment);
        check("/a/..%3Bx/b", PathError::DotSegment);
        check("/a/..%3Fx/b", PathError::DotSegment);
        check("/%2e%3f", PathError::DotSegment);
        check("/a/..%253Fx", PathError::DotSegment);
        // What is cut off is looked at too.
        check("/a%3F/../b", PathError::DotSegment);
    }

    #[test]
    fn plain_paths_are_not_copied() {
        let path = RoutePath::parse("/orders/7").unwrap();
        assert!(matches!(path.raw, Cow::Borrowed(_)) && path.decoded.is_none());
        let owned = path.clone().into_owned();
        assert!(owned == path && matches!(owned.raw, Cow::Owned(_)));
    }

    #[test]
    fn segments_are_those_of_the_raw_path() {
        fn check(raw: &str, expected: &[&str]) {
            let path = RoutePath::parse(raw).unwrap();
            assert_eq!(path.segments().collect::<Vec<_>>(), expected, "{raw}");
        }
        check("/", &[""]);
        check("/a", &["a"]);
        check("/a/", &["a", ""]);
        check("/a%2Fb//c", &["a%2Fb", "", "c"]);
    }

    #[test]
    fn the_other_reading_is_told_when_there_is_one() {
        fn check(raw: &str, expected: Option<&str>) {
            let path = RoutePath::parse(raw).unwrap();
            let other = path.canonical();
            assert_eq!(other.as_ref().map(|path| path.decoded()), expected, "{raw}");
            if let Some(other) = other {
                assert_eq!(RoutePath::parse(other.raw().to_owned()), Ok(other.clone()));
                assert_eq!(other.canonical(), None, "{raw}: once is enough");
            }
        }
        check("/", None);
        check("/a/b", None);
        check("/a/", None);
        check("/John%20D", None);
        check("/100%25", None);
        check("//", Some("/"));
        check("//a///b/", Some("/a/b/"));
        check("/a%2Fb", Some("/a/b"));
        check("/a%2f%2Fb", Some("/a/b"));
        check("/a/%2Fb", Some("/a/b"));
        check("/a/b%3Fc", Some("/a/b"));
        check("/a%3F", Some("/a"));
        check("/a%3F%2Fb/c", Some("/a"));
        check("//100%2525", Some("/100%25"));
    }

    #[test]
    fn every_other_reading_is_told() {
        fn check(raw: &str, expected: &[&str]) {
            let path = RoutePath::parse(raw).unwrap();
            let readings = path.other_readings();
            let raws: Vec<_> = readings.iter().map(RoutePath::raw).collect();
            assert_eq!(raws, expected, "{raw}");
        }
        check("/a/b", &[]);
        check("/a%20b", &[]);
        check("//a", &["/a"]);
        check("/a%2Fb", &["/a/b"]);
        check("/a%2F%2Fb", &["/a/b", "/a//b"]);
        check("//a/b%2Fc", &["/a/b/c", "//a/b/c", "/a/b%2Fc"]);
        check("/a%3Fb", &["/a"]);
        check("/100%2525%2Fa", &["/100%2525/a"]);
    }
}
