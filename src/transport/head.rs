//! Watches the bytes of request heads on their way to hyper, and keeps what it does not tell.
//!
//! Hyper parses every request; what it forgets or forgives is seen here: how the client spelled header names, heads that
//! are too large or too slow, bare line feeds and repeated framing headers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::transport::chunks::{Chunks, Progress};

/// Most bytes of a head that are kept; hyper refuses larger ones itself.
const KEPT_BYTES: usize = 16 * 1024;

/// What was seen of the requests of one connection.
#[derive(Debug, Default)]
struct Seen {
    /// Heads that nobody has taken yet, oldest first; several only when a client does not wait for answers.
    heads: VecDeque<HeadFacts>,
    /// The head that is coming in.
    partial: Vec<u8>,
    /// Whether any byte of it has come, if only an empty line in front.
    begun: bool,
    coming: Coming,
}

/// What the next bytes are.
#[derive(Debug, Default)]
enum Coming {
    #[default]
    Head,
    /// So many bytes of a body, then a head.
    Body(u64),
    /// A chunked body, then a head.
    Chunked(Chunks),
    /// Nothing that is looked at: the connection ends with the request that was seen last.
    Rest,
}

/// The place where the watcher leaves heads and the service finds them.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadSlot(Arc<Mutex<Seen>>);

/// The facts about a head that hyper does not tell.
#[derive(Debug, Default)]
pub(super) struct HeadFacts {
    /// The head itself.
    head: Bytes,
    /// Bytes of the request line and all headers.
    pub(super) bytes: usize,
    /// Why the head is refused although hyper would take it.
    pub(super) fault: Option<&'static str>,
    /// Whether no further head can be told from what follows this one, so that the connection has to end with it.
    pub(super) last: bool,
    body: Framing,
}

/// How the body of a request that is not the last is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
}

impl Default for Framing {
    fn default() -> Self {
        Self::Length(0)
    }
}

impl HeadSlot {
    /// Takes the oldest head that was seen and not taken yet.
    pub(super) fn take(&self) -> HeadFacts {
        let head = self.lock().heads.pop_front();
        head.unwrap_or_else(|| HeadFacts {
            last: true,
            ..HeadFacts::default()
        })
    }

    /// Takes note of bytes that came in; gives whether a head ended in them, and whether one has begun that goes on.
    pub(super) fn note(&self, added: &[u8]) -> (bool, bool) {
        let mut seen = self.lock();
        (seen.note(added), seen.begun)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Takes note of bytes; `true` when a head ended in them.
    fn note(&mut self, mut added: &[u8]) -> bool {
        let mut ended = false;
        while !added.is_empty() {
            match &mut self.coming {
                Coming::Rest => break,
                Coming::Chunked(chunks) => match chunks.follow(added) {
                    Progress::Within => break,
                    Progress::Malformed => self.coming = Coming::Rest,
                    Progress::Ended(bytes) => {
                        added = added.get(bytes..).unwrap_or_default();
                        self.coming = Coming::Head;
                    }
                },
                Coming::Body(left) => {
                    let left = *left;
                    let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(added.len());
                    added = added.get(skipped..).unwrap_or_default();
                    self.coming = match left.saturating_sub(skipped as u64) {
                        0 => Coming::Head,
                        left => Coming::Body(left),
                    };
                }
                Coming::Head => {
                    added = self.note_head(added);
                    ended |= !self.begun;
                }
            }
        }
        ended
    }

    /// Adds to the head that is coming in; gives what lies behind it.
    fn note_head<'a>(&mut self, mut added: &'a [u8]) -> &'a [u8] {
        self.begun = true;
        if self.partial.is_empty() {
            // RFC 9112 section 2.2: empty lines in front are passed over.
            let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let start = added.iter().position(|byte| !blank(byte));
            added = start
                .and_then(|start| added.get(start..))
                .unwrap_or_default();
        }
        let before = self.partial.len();
        let room = KEPT_BYTES.saturating_sub(before);
        let kept = added.len().min(room);
        self.partial
            .extend_from_slice(added.get(..kept).unwrap_or_default());
        let end = head_end(&self.partial);
        if end.is_none() && self.partial.len() < KEPT_BYTES {
            return &[];
        }
        let head = HeadFacts::read(std::mem::take(&mut self.partial));
        self.coming = match (head.last, head.body) {
            (true, _) => Coming::Rest,
            (false, Framing::Length(0)) => Coming::Head,
            (false, Framing::Length(body)) => Coming::Body(body),
            (false, Framing::Chunked) => Coming::Chunked(Chunks::default()),
        };
        self.heads.push_back(head);
        self.begun = false;
        end.and_then(|end| added.get(end.saturating_sub(before)..))
            .unwrap_or_default()
    }
}

impl HeadFacts {
    /// Those of a head with which nothing is wrong; `last` when what follows its request is none.
    pub(super) fn plain(head: Bytes, last: bool) -> Self {
        Self {
            bytes: head.len(),
            head,
            last,
            ..Self::default()
        }
    }

    /// Reads a head; what lies behind it is cut off.
    fn read(mut bytes: Vec<u8>) -> Self {
        let end = head_end(&bytes).unwrap_or(bytes.len());
        bytes.truncate(end);
        let mut facts = Self {
            bytes: end,
            last: true,
            ..Self::default()
        };
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut fields);
        if request.parse(&bytes).is_ok_and(|read| read.is_complete()) {
            facts.frame(&request, &bytes);
        }
        facts.head = bytes.into();
        facts
    }

    fn frame(&mut self, request: &httparse::Request<'_, '_>, head: &[u8]) {
        let (mut lengths, mut codings, mut upgrades) = (0, 0, 0);
        let (mut length, mut other_coding) = (Some(0), false);
        for field in request.headers.iter() {
            // Most names are told apart by their length alone.
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                lengths += 1;
                length = body_bytes(field.value);
            } else if is("transfer-encoding") {
                codings += 1;
                other_coding |= !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            } else if is("upgrade") {
                upgrades += 1;
            }
        }
        self.fault = if has_bare_line_feed(head) {
            Some("bare line feed")
        } else if codings > 1 || lengths > 1 {
            Some("repeated framing header")
        } else if other_coding {
            Some("transfer coding other than chunked")
        } else if codings == 1 && lengths == 1 {
            Some("both Content-Length and Transfer-Encoding")
        } else {
            None
        };
        let switching = upgrades > 0 || request.method == Some("CONNECT");
        // HTTP/1.0 has no chunks; hyper refuses them there.
        let unclear = length.is_none() || (codings == 1 && request.version == Some(0));
        self.last = self.fault.is_some() || switching || unclear;
        self.body = match codings {
            0 => Framing::Length(length.unwrap_or_default()),
            _ => Framing::Chunked,
        };
    }

    /// How the client spelled header names.
    pub(super) fn names(&self) -> Names<'_> {
        let fields = memchr::memchr(b'\n', &self.head).map_or(&[][..], |end| &self.head[end + 1..]);
        Names {
            fields,
            rest: fields,
        }
    }
}

/// The spelling of header names, looked up quickest in the order in which they came.
#[derive(Debug)]
pub(super) struct Names<'h> {
    fields: &'h [u8],
    /// What follows the name that was found last.
    rest: &'h [u8],
}

impl<'h> Names<'h> {
    /// Writes a name as the client did; in the usual spelling where that is not known.
    pub(super) fn spell(&mut self, name: &str, text: &mut String) {
        let found = match find(self.rest, name) {
            Some(found) => Some(found),
            None => find(self.fields, name),
        };
        let known = found.and_then(|(known, rest)| {
            self.rest = rest;
            std::str::from_utf8(known).ok()
        });
        match known {
            Some(known) => text.push_str(known),
            None => text.push_str(&usual_spelling(name)),
        }
    }
}

/// That name as the first line spells it that has it, and the lines behind.
fn find<'h>(mut lines: &'h [u8], name: &str) -> Option<(&'h [u8], &'h [u8])> {
    while !lines.is_empty() {
        let end = memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1);
        let (line, rest) = lines.split_at(end);
        if let Some((known, behind)) = line.split_at_checked(name.len())
            && behind.first() == Some(&b':')
            && known.eq_ignore_ascii_case(name.as_bytes())
        {
            return Some((known, rest));
        }
        lines = rest;
    }
    None
}

/// The value of `Content-Length`, which is digits and nothing else (RFC 9110 section 8.6).
pub(super) fn body_bytes(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits)?;
    text.parse().ok()
}

fn usual_spelling(name: &str) -> String {
    let words = name.split('-').map(|word| match word {
        "websocket" => "WebSocket".to_owned(),
        _ => {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    });
    words.collect::<Vec<_>>().join("-")
}

/// Where the empty line ends that ends a head.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for position in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes.get(line_start..position).unwrap_or_default();
        if line_start > 0 && (line.is_empty() || line == b"\r") {
            return Some(position + 1);
        }
        line_start = position + 1;
    }
    None
}

pub(super) fn has_bare_line_feed(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|position| {
        let before = position.checked_sub(1).and_then(|before| head.get(before));
        before != Some(&b'\r')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_clients_spelling() {
        let facts = HeadFacts::read(b"GET / HTTP/1.1\r\nHost: a\r\nx-ToKeN: 1\r\n\r\nGET".to_vec());
        let mut names = facts.names();
        let mut check = |name: &str, expected: &str| {
            let mut spelled = String::new();
            names.spell(name, &mut spelled);
            assert_eq!(spelled, expected);
        };
        check("host", "Host");
        check("x-token", "x-ToKeN");
        check("sec-websocket-key", "Sec-WebSocket-Key");
        check("user-agent", "User-Agent");
        assert_eq!(
            facts.bytes,
            "GET / HTTP/1.1\r\nHost: a\r\nx-ToKeN: 1\r\n\r\n".len()
        );
    }

    #[test]
    fn what_hyper_would_forgive() {
        let check = |head: &str, expected: Option<&str>| {
            assert_eq!(
                HeadFacts::read(head.as_bytes().to_vec()).fault,
                expected,
                "{head:?}"
            );
        };
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", None);
        check("GET / HTTP/1.1\nHost: a\r\n\r\n", Some("bare line feed"));
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
            Some("repeated framing header"),
        );
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            Some("transfer coding other than chunked"),
        );
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding:  Chunked \r\n\r\n",
            None,
        );
        check(
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Some("both Content-Length and Transfer-Encoding"),
        );
    }

    #[test]
    fn heads_are_told_from_bodies_however_the_bytes_arrive() {
        let check = |bytes: &str, expected: &[(usize, bool)]| {
            for cut in 0..=bytes.len() {
                let mut seen = Seen::default();
                for piece in [bytes.get(..cut), bytes.get(cut..)] {
                    seen.note(piece.expect("ASCII").as_bytes());
                }
                let heads: Vec<_> = seen
                    .heads
                    .iter()
                    .map(|head| (head.bytes, head.last))
                    .collect();
                assert_eq!(heads, expected, "{bytes:?} cut at {cut}");
            }
        };
        let get = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
        check("", &[]);
        check("GET / HTTP/1.1\r\nA: b", &[]);
        check(get, &[(24, false)]);
        check(
            &format!("\r\n\r\n{get}\r\n{get}GET"),
            &[(24, false), (24, false)],
        );
        let post = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n";
        check(&format!("{post}\r\n\r\n{get}"), &[(38, false), (24, false)]);
        check(&format!("{post}GET /{get}"), &[(38, false), (25, true)]);
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(
            &format!("{chunked}0\r\n\r\n{get}"),
            &[(47, false), (24, false)],
        );
        check(
            &format!("{chunked}2\r\nhi\r\n0\r\na: b\r\n\r\n{get}"),
            &[(47, false), (24, false)],
        );
        check(&format!("{chunked}{get}"), &[(47, false)]);
        let old = chunked.replace("1.1", "1.0");
        check(&format!("{old}0\r\n\r\n{get}"), &[(47, true)]);
        let upgrade = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        check(&format!("{upgrade}{get}"), &[(38, true)]);
        check(&format!("no request\r\n\r\n{get}"), &[(14, true)]);
        let endless = "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n";
        check(&format!("{endless}{get}"), &[(57, true)]);
    }
}
