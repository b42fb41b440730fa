//! Heads of answers as HTTP/1.1 has them on the wire (RFC 9112), just as hyper writes them.

use std::cell::RefCell;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::body::Body as _;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::base::body::Payload;
use crate::base::clock::EpochMillis;

/// `Date` (RFC 9110 section 5.6.7).
const IMF_FIXDATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// How a body goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Not at all, whatever there is of it.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// Pieces that tell their sizes.
    Chunked,
}

/// What is sent, but for its body.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// Whether the request was HEAD.
    pub(super) for_head: bool,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// Whether the connection ends with this answer.
    pub(super) last: bool,
}

impl Head<'_> {
    /// Writes it, and says how the body has to follow.
    pub(super) fn write(&self, body: &Payload, now: EpochMillis, out: &mut Vec<u8>) -> Framing {
        self.status_line(out);
        let mut length = self.length(body);
        for (name, value) in self.headers {
            match *name {
                header::CONTENT_LENGTH => length = length.or_said(value),
                // The connection's own.
                header::TRANSFER_ENCODING => {}
                header::CONNECTION if self.last => {}
                _ => field(name, value.as_bytes(), out),
            }
        }
        length.write(out);
        if !self.headers.contains_key(header::DATE) {
            out.extend_from_slice(b"Date: ");
            date(now, out);
            out.extend_from_slice(b"\r\n");
        }
        if self.last {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        match self.has_body() {
            true => length.framing(),
            false => Framing::Nothing,
        }
    }

    fn status_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.push(b' ');
        let reason = self.status.canonical_reason().unwrap_or("<none>");
        out.extend_from_slice(reason.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// Whether the status is one that says that there is no body (RFC 9110 section 6.4.1).
    fn is_bodyless(&self) -> bool {
        let none = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        self.status.is_informational() || none.contains(&self.status)
    }

    fn has_body(&self) -> bool {
        !self.for_head && !self.is_bodyless()
    }

    fn length(&self, body: &Payload) -> Length {
        let known = body.size_hint().exact();
        match (self.is_bodyless(), self.for_head, known) {
            (true, ..) => Length::Unsaid,
            // There it tells of a body that a GET would have got, which only the answer itself can know.
            (false, true, None | Some(0)) => Length::Said(None),
            (false, _, Some(length)) => Length::Known(length),
            (false, false, None) => Length::Open,
        }
    }
}

/// What is known about the length of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    /// There is none, and nothing is said about it.
    Unsaid,
    /// There is none, but the answer may tell of one.
    Said(Option<u64>),
    Known(u64),
    /// It ends when it ends.
    Open,
}

impl Length {
    /// The same, when the answer itself speaks of its length.
    fn or_said(self, value: &HeaderValue) -> Self {
        let said = || value.to_str().ok().and_then(|text| text.parse().ok());
        match self {
            Self::Unsaid | Self::Known(_) => self,
            Self::Said(_) => Self::Said(said()),
            Self::Open => said().map_or(Self::Open, Self::Known),
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Unsaid | Self::Said(None) => {}
            Self::Said(Some(length)) | Self::Known(length) => {
                out.extend_from_slice(b"Content-Length: ");
                out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Open => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
    }

    fn framing(self) -> Framing {
        match self {
            Self::Unsaid | Self::Said(_) => Framing::Nothing,
            Self::Known(length) => Framing::Length(length),
            Self::Open => Framing::Chunked,
        }
    }
}

/// One field, its name in Title-Case as AWS sends it over HTTP/1.1.
fn field(name: &HeaderName, value: &[u8], out: &mut Vec<u8>) {
    let mut start = true;
    out.extend(name.as_str().bytes().map(|byte| {
        let letter = match start {
            true => byte.to_ascii_uppercase(),
            false => byte,
        };
        start = byte == b'-';
        letter
    }));
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The date, which each thread writes once a second.
fn date(now: EpochMillis, out: &mut Vec<u8>) {
    thread_local! {
        static WRITTEN: RefCell<(i64, Vec<u8>)> = const { RefCell::new((-1, Vec::new())) };
    }
    let second = now.seconds();
    WRITTEN.with_borrow_mut(|(of, text)| {
        if *of != second {
            text.clear();
            let time = OffsetDateTime::from_unix_timestamp(second);
            let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
            // Neither the format nor writing to memory can fail.
            time.format_into(text, IMF_FIXDATE).ok();
            *of = second;
        }
        out.extend_from_slice(text);
    });
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;
    use crate::base::body::BoxError;

    fn open() -> Payload {
        let none: [Result<Frame<Bytes>, BoxError>; 0] = [];
        Payload::stream(StreamBody::new(futures_util::stream::iter(none)))
    }

    #[test]
    fn heads_tell_what_follows() {
        let check =
            |method: Method, status: u16, body: Payload, said: &[(&str, &str)], expected| {
                let headers: HeaderMap = said
                    .iter()
                    .map(|(name, value)| {
                        (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
                    })
                    .collect();
                let head = Head {
                    for_head: method == Method::HEAD,
                    status: StatusCode::from_u16(status).unwrap(),
                    headers: &headers,
                    last: false,
                };
                let mut out = Vec::new();
                let framing = head.write(&body, EpochMillis(1_000_000_000_000), &mut out);
                let text = String::from_utf8(out).unwrap();
                let (line, rest) = text.split_once("\r\n").unwrap();
                let rest = rest.strip_suffix("Date: Sun, 09 Sep 2001 01:46:40 GMT\r\n\r\n");
                let rest = rest.unwrap().replace("\r\n", "|");
                assert_eq!((line, rest.as_str(), framing), expected);
            };
        let ok = "HTTP/1.1 200 OK";
        let (empty, hi) = (Payload::default, || Payload::from("hi"));
        check(
            Method::GET,
            200,
            hi(),
            &[("x-a", "1")],
            (ok, "X-A: 1|Content-Length: 2|", Framing::Length(2)),
        );
        check(
            Method::GET,
            200,
            empty(),
            &[],
            (ok, "Content-Length: 0|", Framing::Length(0)),
        );
        check(
            Method::GET,
            200,
            open(),
            &[],
            (ok, "Transfer-Encoding: chunked|", Framing::Chunked),
        );
        let said = [("content-length", "7")];
        check(
            Method::GET,
            200,
            open(),
            &said,
            (ok, "Content-Length: 7|", Framing::Length(7)),
        );
        check(
            Method::GET,
            200,
            hi(),
            &said,
            (ok, "Content-Length: 2|", Framing::Length(2)),
        );
        check(
            Method::HEAD,
            200,
            hi(),
            &[],
            (ok, "Content-Length: 2|", Framing::Nothing),
        );
        check(
            Method::HEAD,
            200,
            empty(),
            &said,
            (ok, "Content-Length: 7|", Framing::Nothing),
        );
        check(Method::HEAD, 200, empty(), &[], (ok, "", Framing::Nothing));
        check(Method::HEAD, 200, open(), &[], (ok, "", Framing::Nothing));
        let none = "HTTP/1.1 204 No Content";
        check(
            Method::DELETE,
            204,
            hi(),
            &said,
            (none, "", Framing::Nothing),
        );
        check(
            Method::DELETE,
            204,
            empty(),
            &[],
            (none, "", Framing::Nothing),
        );
        check(
            Method::GET,
            299,
            empty(),
            &[],
            (
                "HTTP/1.1 299 <none>",
                "Content-Length: 0|",
                Framing::Length(0),
            ),
        );
        let switching = "HTTP/1.1 101 Switching Protocols";
        let upgrade = [("connection", "upgrade"), ("sec-websocket-accept", "x")];
        check(
            Method::GET,
            101,
            empty(),
            &upgrade,
            (
                switching,
                "Connection: upgrade|Sec-Websocket-Accept: x|",
                Framing::Nothing,
            ),
        );
    }

    #[test]
    fn the_last_answer_says_so() {
        let headers =
            HeaderMap::from_iter([(header::CONNECTION, HeaderValue::from_static("keep-alive"))]);
        let head = Head {
            for_head: false,
            status: StatusCode::OK,
            headers: &headers,
            last: true,
        };
        let mut out = Vec::new();
        head.write(&Payload::default(), EpochMillis(0), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("Connection: ").count(), 1, "{text}");
        assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
    }
}
