//! Heads of answers (RFC 9112), and how long their bodies are.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use httparse::{ParserConfig, Status};

use super::chunked::Chunked;

/// Most header fields of an answer.
const FIELDS: usize = 200;
/// What belongs to a connection and not to the answer (RFC 9110 section 7.6.1), for names that have no constant.
const KEEP_ALIVE: &str = "keep-alive";

/// How far a body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Pieces that tell their sizes.
    Chunked(Chunked),
    /// To the end of the connection.
    UntilClose,
}

/// An answer without its body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    /// Without those of the backend's connection.
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// All of the body, where it was taken along.
    pub(super) body: Option<Bytes>,
    /// Whether the connection may be used again: the backend means to keep it, and nothing about the framing is in doubt.
    pub(super) lasting: bool,
}

/// What the backend sent is no HTTP; the text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Where a head ends in `bytes`, in which no end was found before `searched`.
pub(super) fn end(bytes: &[u8], searched: usize) -> Option<usize> {
    // An end may have begun in what was searched.
    let from = searched.saturating_sub(3);
    let tail = bytes.get(from..)?;
    memchr::memchr_iter(b'\n', tail).find_map(|position| {
        let rest = tail.get(position + 1..)?;
        let length = match rest {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return None,
        };
        Some(from + position + 1 + length)
    })
}

/// Reads a whole head, which an empty line ends. `asked` is the method of the request. Values are slices of `bytes`.
///
/// # Errors
/// [`Malformed`]: what cannot be read in one way only is not read at all.
pub(super) fn read(bytes: &Bytes, asked: &Method) -> Result<Head, Malformed> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut fields,
    );
    match parsed {
        Ok(Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(Malformed("the head has no end")),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed("too many header fields")),
        Err(_) => return Err(Malformed("the head is malformed")),
    }
    let status = response
        .code
        .and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Malformed("the status is malformed"))?;
    let mut facts = Facts::default();
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let name = name.map_err(|_| Malformed("the name of a header is malformed"))?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value));
        let value = value.map_err(|_| Malformed("the value of a header is malformed"))?;
        if facts.note(&name, &value)? {
            headers.append(name, value);
        }
    }
    for nominated in facts.nominated() {
        headers.remove(nominated);
    }
    let modern = response.version == Some(1);
    let (framing, clear) = facts.framing(status, asked, modern)?;
    Ok(Head {
        status,
        headers,
        framing,
        body: None,
        lasting: clear && modern && !facts.closes(),
    })
}

/// What the fields of a head say about body and connection.
#[derive(Default)]
struct Facts {
    /// `Connection`, where it says more than that the connection stays open.
    connection: Vec<HeaderValue>,
    length: Option<u64>,
    /// Whether the length is there more than once.
    repeated: bool,
    chunked: bool,
}

impl Facts {
    /// Takes note of a field; `true` when it is part of the answer and not of the connection.
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<bool, Malformed> {
        match *name {
            header::CONTENT_LENGTH => {
                let length = digits(value.as_bytes()).ok_or(Malformed("the length is none"))?;
                if self.length.is_some_and(|known| known != length) {
                    return Err(Malformed("there are two lengths"));
                }
                self.repeated |= self.length.replace(length).is_some();
                Ok(true)
            }
            header::TRANSFER_ENCODING => {
                if self.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed("a transfer coding other than chunked"));
                }
                self.chunked = true;
                Ok(false)
            }
            header::CONNECTION => {
                if value != KEEP_ALIVE {
                    self.connection.push(value.clone());
                }
                Ok(false)
            }
            header::UPGRADE
            | header::TE
            | header::TRAILER
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION => Ok(false),
            _ => Ok(name.as_str() != KEEP_ALIVE),
        }
    }

    /// What `Connection` names.
    fn options(&self) -> impl Iterator<Item = &str> {
        let values = self
            .connection
            .iter()
            .filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim)
    }

    /// The headers that belong to the connection because `Connection` says so.
    fn nominated(&self) -> impl Iterator<Item = HeaderName> {
        let others = self.options().filter(|option| {
            !option.eq_ignore_ascii_case("close") && !option.eq_ignore_ascii_case(KEEP_ALIVE)
        });
        others
            .filter_map(|option| option.parse().ok())
            // Nobody takes away what frames the body.
            .filter(|name| *name != header::CONTENT_LENGTH)
    }

    fn closes(&self) -> bool {
        self.options()
            .any(|option| option.eq_ignore_ascii_case("close"))
    }

    /// How far the body goes (RFC 9112 section 6.3), and whether every reader would say so.
    fn framing(
        &self,
        status: StatusCode,
        asked: &Method,
        modern: bool,
    ) -> Result<(Framing, bool), Malformed> {
        if self.chunked && !modern {
            return Err(Malformed("chunks in an old version of HTTP"));
        }
        let twice = self.repeated || (self.chunked && self.length.is_some());
        let bodiless = *asked == Method::HEAD
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let framing = match (self.chunked, self.length) {
            _ if bodiless => Framing::Length(0),
            (true, _) => Framing::Chunked(Chunked::default()),
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::UntilClose,
        };
        Ok((framing, !twice))
    }
}

/// RFC 9110 section 8.6: digits and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, method: Method) -> Result<Head, Malformed> {
        read(&Bytes::copy_from_slice(text.as_bytes()), &method)
    }

    #[test]
    fn the_end_of_a_head() {
        let check = |text: &str, expected: Option<usize>| {
            for searched in 0..=expected.map_or(text.len(), |end| end - 1) {
                assert_eq!(
                    end(text.as_bytes(), searched),
                    expected,
                    "{text:?} from {searched}"
                );
            }
        };
        check("", None);
        check("HTTP/1.1 200 OK\r\nA: b\r\n\r", None);
        check("HTTP/1.1 200 OK\r\n\r\n", Some(19));
        check("HTTP/1.1 200 OK\r\n\r\n\r\n", Some(19));
        check("HTTP/1.1 200 OK\n\n", Some(17));
        check("A: b\r\n\nmore", Some(7));
    }

    #[test]
    fn the_body_of_an_answer() {
        let check = |method: Method, text: &str, expected: Option<(Framing, bool)>| {
            let read = answer(&format!("HTTP/1.1 {text}\r\n\r\n"), method);
            let read = read.map(|head| (head.framing, head.lasting)).ok();
            assert_eq!(read, expected, "{text}");
        };
        let chunked = Framing::Chunked(Chunked::default());
        let get = || Method::GET;
        check(
            get(),
            "200 OK\r\nContent-Length: 5",
            Some((Framing::Length(5), true)),
        );
        check(
            get(),
            "200 OK\r\nTransfer-Encoding: Chunked",
            Some((chunked, true)),
        );
        check(get(), "200 OK", Some((Framing::UntilClose, true)));
        check(
            get(),
            "204 No Content\r\nContent-Length: 5",
            Some((Framing::Length(0), true)),
        );
        check(
            get(),
            "304 x\r\nTransfer-Encoding: chunked",
            Some((Framing::Length(0), true)),
        );
        check(
            Method::HEAD,
            "200 OK\r\nContent-Length: 5",
            Some((Framing::Length(0), true)),
        );
        check(
            get(),
            "200 OK\r\nConnection: x, Close\r\nContent-Length: 5",
            Some((Framing::Length(5), false)),
        );
        check(
            get(),
            "200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
            Some((chunked, false)),
        );
        check(
            get(),
            "200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
            Some((Framing::Length(5), false)),
        );
        check(
            get(),
            "200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
            None,
        );
        check(get(), "200 OK\r\nContent-Length: 5, 5", None);
        check(get(), "200 OK\r\nContent-Length: +5", None);
        check(get(), "200 OK\r\nContent-Length:", None);
        check(
            get(),
            "200 OK\r\nContent-Length: 18446744073709551616",
            None,
        );
        check(get(), "200 OK\r\nTransfer-Encoding: gzip, chunked", None);
        check(
            get(),
            "200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            None,
        );
    }

    #[test]
    fn old_answers_end_their_connection() {
        let old = answer("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Method::GET);
        let old = old.map(|head| (head.framing, head.lasting)).ok();
        assert_eq!(old, Some((Framing::Length(5), false)));
        let chunked = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(answer(chunked, Method::GET).is_err());
    }

    #[test]
    fn headers_of_the_connection_are_left_out() {
        let text = "HTTP/1.1 200 OK\r\nConnection: X-A, content-length, keep-alive\r\nKeep-Alive: 5\r\nX-A: 1\r\n\
                    X-B: 2\r\nUpgrade: x\r\nContent-Length: 0\r\nx-b: 3\r\n\r\n";
        let head = answer(text, Method::GET).expect("a head");
        let fields = head.headers.iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .collect();
        assert_eq!(
            fields,
            [("content-length", "0"), ("x-b", "2"), ("x-b", "3")]
        );
        assert!(head.lasting);
    }
}
