//! What a request must be to be served without hyper (RFC 9112): whole at hand, and framed in the plainest way.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use httparse::{ParserConfig, Status};

use crate::base::body::Payload;
use crate::transport::head::{HeadFacts, body_bytes, has_bare_line_feed};

/// Most header fields.
const FIELDS: usize = 64;
/// Most bytes of a request, head and body.
const MOST_BYTES: usize = 64 * 1024;

/// A request, and what came behind it.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) request: Request<Payload>,
    pub(super) head: HeadFacts,
    /// Whether it asks for another protocol, so that what is behind it is no request.
    pub(super) upgrade: bool,
    pub(super) rest: Bytes,
}

/// How a request is framed, and what becomes of its connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    upgrade: bool,
    /// Whether `Connection` speaks of an upgrade.
    upgrades: bool,
    /// Whether it is the last.
    close: bool,
}

/// Why there is no request to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is a plain one, but its body is still on its way: that many bytes are to be there in all.
    Short(usize),
    /// Something unusual, or too little to tell.
    Other,
}

/// Reads the request that `bytes` begin with.
///
/// # Errors
/// Why it was not.
pub(super) fn read(bytes: &Bytes) -> Result<Plain, Unread> {
    plain(bytes).unwrap_or(Err(Unread::Other))
}

/// The same; `None` where it is nothing for here.
fn plain(bytes: &Bytes) -> Option<Result<Plain, Unread>> {
    // Empty lines in front would be passed over.
    bytes.first().filter(|byte| byte.is_ascii_alphabetic())?;
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let status =
        ParserConfig::default().parse_request_with_uninit_headers(&mut parsed, bytes, &mut fields);
    let Ok(Status::Complete(head_bytes)) = status else {
        return None;
    };
    let head = bytes.slice(..head_bytes);
    let path = parsed.path.filter(|path| path.starts_with('/'))?;
    if parsed.version != Some(1) || has_bare_line_feed(&head) {
        return None;
    }
    let method = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    let (headers, framing) = headers(bytes, parsed.headers)?;
    let length = usize::try_from(framing.length.unwrap_or_default()).ok()?;
    let end = head_bytes.checked_add(length)?;
    let upgrade = framing.upgrade;
    if method == Method::CONNECT
        || upgrade != framing.upgrades
        || (upgrade && (framing.length.is_some() || framing.close))
        || end > MOST_BYTES
    {
        return None;
    }
    if end > bytes.len() {
        return Some(Err(Unread::Short(end)));
    }
    let mut request = Request::new(Payload::from(bytes.slice(head_bytes..end)));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_maybe_shared(bytes.slice_ref(path.as_bytes())).ok()?;
    *request.headers_mut() = headers;
    Some(Ok(Plain {
        request,
        head: HeadFacts::plain(head, upgrade || framing.close),
        upgrade,
        rest: bytes.slice(end..),
    }))
}

fn headers(bytes: &Bytes, fields: &[httparse::Header<'_>]) -> Option<(HeaderMap, Framing)> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    let mut framing = Framing::default();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        framing.note(&name, field.value)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).ok()?;
        headers.append(name, value);
    }
    Some((headers, framing))
}

impl Framing {
    /// Takes note of a field; `None` when it makes the request an unusual one.
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> Option<()> {
        match *name {
            header::CONTENT_LENGTH => {
                let length = body_bytes(value)?;
                self.length.replace(length).is_none().then_some(())
            }
            header::CONNECTION => value.split(|byte| *byte == b',').try_for_each(|option| {
                let option = option.trim_ascii();
                let upgrade = option.eq_ignore_ascii_case(b"upgrade");
                self.upgrades |= upgrade;
                let close = option.eq_ignore_ascii_case(b"close");
                self.close |= close;
                let usual = upgrade || close || option.eq_ignore_ascii_case(b"keep-alive");
                usual.then_some(())
            }),
            header::UPGRADE => {
                let first = !std::mem::replace(&mut self.upgrade, true);
                (first && value.eq_ignore_ascii_case(b"websocket")).then_some(())
            }
            header::TRANSFER_ENCODING | header::EXPECT | header::TE | header::TRAILER => None,
            _ => Some(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_requests_are_read() {
        let check = |text: &'static str, body: &str, upgrade: bool, rest: &str| {
            let plain = read(&Bytes::from_static(text.as_bytes()));
            let plain = plain.unwrap_or_else(|why| panic!("{text:?} is plain, not {why:?}"));
            let found = plain.request.body().whole().expect("whole");
            assert_eq!(found, body.as_bytes(), "{text:?}");
            assert_eq!(plain.upgrade, upgrade, "{text:?}");
            assert_eq!(plain.rest, rest.as_bytes(), "{text:?}");
        };
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", false, "");
        check("GET / HTTP/1.1\r\n\r\nGET /", "", false, "GET /");
        check("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "", false, "");
        check(
            "PUT /a?b HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET",
            "hi",
            false,
            "GET",
        );
        check(
            "GET / HTTP/1.1\r\nConnection: Keep-Alive\r\n\r\n",
            "",
            false,
            "",
        );
        check(
            "GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n\u{1}",
            "",
            true,
            "\u{1}",
        );
    }

    #[test]
    fn anything_else_is_left_to_hyper() {
        for text in [
            "",
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{e4} HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            "PUT / HTTP/1.1\r\nContent-Length: +1\r\n\r\nh",
            "PUT / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nh",
            "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nh",
            "PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nh",
            "PUT / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nh",
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nh",
            "GET / HTTP/1.1\r\nTE: trailers\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: x-token\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: upgrade\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        ] {
            let plain = read(&Bytes::from_static(text.as_bytes()));
            assert_eq!(plain.err(), Some(Unread::Other), "{text:?}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(FIELDS + 1));
        assert_eq!(read(&many.into()).err(), Some(Unread::Other));
    }

    #[test]
    fn small_bodies_are_waited_for() {
        let head = "PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\n".len();
        let check = |length: usize, expected: Option<Unread>| {
            let text = format!("PUT / HTTP/1.1\r\nContent-Length: {length}\r\n\r\nh");
            let unread = read(&text.into()).err();
            assert_eq!(unread, expected, "{length}");
        };
        check(1, None);
        check(2, Some(Unread::Short(head + 2)));
        check(60_000, Some(Unread::Short(head + 4 + 60_000)));
        check(MOST_BYTES, Some(Unread::Other));
    }
}
