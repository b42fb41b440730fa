//! Heads of requests, as bytes on the wire (RFC 9112).

use std::borrow::Cow;

use http::Method;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{InvalidUri, PathAndQuery};

/// Room for the head of most requests, in bytes.
const HEAD_BYTES: usize = 512;

/// What is asked of a backend: a path with or without a query, fit to be sent.
#[derive(Debug)]
pub struct Target<'t>(Cow<'t, str>);

impl<'t> Target<'t> {
    /// Reads one.
    ///
    /// # Errors
    /// When it cannot go over the wire.
    pub fn parse(text: impl Into<Cow<'t, str>>) -> Result<Self, InvalidUri> {
        let text = text.into();
        if is_plain(&text) {
            return Ok(Self(text));
        }
        // A fragment does not go on.
        let parsed = PathAndQuery::try_from(&*text)?;
        Ok(Self(parsed.as_str().to_owned().into()))
    }
}

/// Whether a target has nothing but what every path may have. Most of them are so.
fn is_plain(target: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b'%')
    };
    target.starts_with('/') && target.bytes().all(plain)
}

/// Room for a head that is to be written.
#[derive(Debug, Default)]
pub struct Room(Vec<u8>);

impl Room {
    /// Room that was used before; it is empty.
    pub(super) fn again(buffer: Vec<u8>) -> Self {
        Self(buffer)
    }
}

/// A request but for its body, as it goes over the wire.
#[derive(Debug)]
pub struct RequestHead {
    method: Method,
    lines: Vec<u8>,
}

impl RequestHead {
    /// The head of a request with no headers but `Host`, written into `room`. What frames the body is added when it is sent.
    pub fn new(room: Room, method: &Method, target: &Target<'_>, host: &HeaderValue) -> Self {
        let mut lines = room.0;
        lines.reserve(HEAD_BYTES);
        lines.extend_from_slice(method.as_str().as_bytes());
        lines.push(b' ');
        lines.extend_from_slice(target.0.as_bytes());
        lines.extend_from_slice(b" HTTP/1.1\r\n");
        // RFC 9110 section 7.2: the host comes first.
        field(&header::HOST, host, &mut lines);
        Self {
            method: method.clone(),
            lines,
        }
    }

    /// The same once more.
    pub(super) fn copied(&self, room: Room) -> Self {
        let mut lines = room.0;
        lines.extend_from_slice(&self.lines);
        Self {
            method: self.method.clone(),
            lines,
        }
    }

    /// Adds a header: none about the framing of the body, and none of the connection's own.
    pub fn field(&mut self, name: &HeaderName, value: &HeaderValue) {
        field(name, value, &mut self.lines);
    }

    /// Adds a header with a value of our own; one that could not be sent is left out.
    pub fn text(&mut self, name: &HeaderName, value: &str) {
        // As a `HeaderValue` has it.
        let sendable = |byte: u8| (byte >= b' ' && byte != 0x7f) || byte == b'\t';
        if value.bytes().all(sendable) {
            line(name, value.as_bytes(), &mut self.lines);
        }
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Ends it; gives the method and what goes over the wire. `length` is that of its body; `None` when it goes in chunks.
    pub(super) fn end(self, length: Option<u64>) -> (Method, Vec<u8>) {
        let Self {
            method,
            lines: mut out,
        } = self;
        match length {
            None => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Some(length) if length > 0 || expects_length(&method) => {
                out.extend_from_slice(b"content-length: ");
                out.extend_from_slice(length.to_string().as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Some(_) => {}
        }
        out.extend_from_slice(b"\r\n");
        (method, out)
    }
}

fn field(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    line(name, value.as_bytes(), out);
}

fn line(name: &HeaderName, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// RFC 9110 section 8.6: such a request says its length even when it is 0; some servers insist.
fn expects_length(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_looks_like() {
        let check = |method: Method, length: Option<u64>, expected: &str| {
            let host = HeaderValue::from_static("h:1");
            let target = Target::parse("/a%20b?c=d").expect("a target");
            let mut request = RequestHead::new(Room::default(), &method, &target, &host);
            let name = HeaderName::from_static("x-a");
            request.field(&name, &HeaderValue::from_static("1"));
            request.text(&name, "2");
            request.text(&name, "2\r\nx-b: 3");
            let again = request.copied(Room::default());
            let (_, out) = request.end(length);
            assert_eq!(again.end(length).1, out);
            let (first, rest) = expected.split_once(' ').expect("a method and more");
            let expected = format!(
                "{first} /a%20b?c=d HTTP/1.1\r\nhost: h:1\r\nx-a: 1\r\nx-a: 2\r\n{rest}\r\n"
            );
            assert_eq!(String::from_utf8_lossy(&out), expected);
        };
        check(Method::GET, Some(0), "GET ");
        check(Method::GET, Some(5), "GET content-length: 5\r\n");
        check(Method::POST, Some(0), "POST content-length: 0\r\n");
        check(Method::PUT, None, "PUT transfer-encoding: chunked\r\n");
    }

    #[test]
    fn targets() {
        let check = |text: &str, expected: Option<&str>| {
            let target = Target::parse(text).ok();
            assert_eq!(target.as_ref().map(|target| &*target.0), expected, "{text}");
        };
        check("/", Some("/"));
        check("/a-b.c_d~e%20", Some("/a-b.c_d~e%20"));
        check("/a?b=c&d", Some("/a?b=c&d"));
        check("/a!$&'()*+,;=:@", Some("/a!$&'()*+,;=:@"));
        check("/a#b", Some("/a"));
        check("/a b", None);
        check("/a\r\nx: y", None);
        check("/a?b\u{7}", None);
    }
}
