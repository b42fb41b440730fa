//! Watches the bytes of request heads on their way to hyper.
//!
//! Hyper parses every request; what it forgets or forgives is seen here: how the client spelled header names, heads that
//! are too large or too slow, bare line feeds and repeated framing headers.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::base::clock::Clock;

/// Longest time from the first byte of a head to its last.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a head that are kept; hyper refuses larger ones itself.
const KEPT_BYTES: usize = 16 * 1024;

/// What was seen of the current request's head.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    complete: bool,
}

/// The place where the watcher leaves a head and the service finds it.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadSlot(Arc<Mutex<Head>>);

/// The facts about a head that hyper does not tell.
#[derive(Debug, Default)]
pub(super) struct HeadFacts {
    spelling: HashMap<String, String>,
    /// Bytes of the request line and all headers.
    pub(super) bytes: usize,
    /// Why the head is refused although hyper would take it.
    pub(super) fault: Option<&'static str>,
}

impl HeadSlot {
    /// Takes what was seen, and stops watching until [`HeadSlot::rearm`].
    pub(super) fn take(&self) -> HeadFacts {
        let bytes = std::mem::take(&mut self.lock().bytes);
        HeadFacts::read(&bytes)
    }

    /// Watches for the next head; the last request has been answered.
    pub(super) fn rearm(&self) {
        let mut head = self.lock();
        head.complete = false;
        head.bytes.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeadFacts {
    fn read(bytes: &[u8]) -> Self {
        let end = head_end(bytes).unwrap_or(bytes.len());
        let head = bytes.get(..end).unwrap_or_default();
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut fields);
        let mut facts = Self {
            bytes: head.len(),
            ..Self::default()
        };
        if request.parse(head).is_err() {
            return facts;
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for field in request.headers.iter() {
            let name = field.name.to_ascii_lowercase();
            *counts.entry(name.clone()).or_default() += 1;
            facts
                .spelling
                .entry(name)
                .or_insert_with(|| field.name.to_owned());
        }
        let count = |name: &str| counts.get(name).copied().unwrap_or_default();
        let other_coding = request.headers.iter().any(|field| {
            field.name.eq_ignore_ascii_case("transfer-encoding")
                && !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked")
        });
        facts.fault = if has_bare_line_feed(head) {
            Some("bare line feed")
        } else if count("transfer-encoding") > 1 || count("content-length") > 1 {
            Some("repeated framing header")
        } else if other_coding {
            Some("transfer coding other than chunked")
        } else if count("transfer-encoding") == 1 && count("content-length") == 1 {
            Some("both Content-Length and Transfer-Encoding")
        } else {
            None
        };
        facts
    }

    /// How the client spelled a header name; the usual spelling where that is not known.
    pub(super) fn spell(&self, name: &str) -> String {
        match self.spelling.get(name) {
            Some(spelled) => spelled.clone(),
            None => usual_spelling(name),
        }
    }
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
    for (position, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            let line = bytes.get(line_start..position).unwrap_or_default();
            if line_start > 0 && (line.is_empty() || line == b"\r") {
                return Some(position + 1);
            }
            line_start = position + 1;
        }
    }
    None
}

fn has_bare_line_feed(head: &[u8]) -> bool {
    let mut previous = 0;
    head.iter().any(|byte| {
        let bare = *byte == b'\n' && previous != b'\r';
        previous = *byte;
        bare
    })
}

/// A socket whose incoming heads are watched.
pub(super) struct Watched<S> {
    stream: S,
    slot: HeadSlot,
    clock: Arc<dyn Clock>,
    deadline: Option<BoxFuture<'static, ()>>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, slot: HeadSlot, clock: Arc<dyn Clock>) -> Self {
        Self {
            stream,
            slot,
            clock,
            deadline: None,
        }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    fn note(&mut self, added: &[u8]) {
        let mut head = self.slot.lock();
        if head.complete || added.is_empty() {
            return;
        }
        let room = KEPT_BYTES.saturating_sub(head.bytes.len());
        head.bytes.extend(added.iter().take(room));
        head.complete = room <= added.len() || head_end(&head.bytes).is_some();
        if head.complete {
            self.deadline = None;
        } else if self.deadline.is_none() {
            let at = self.clock.now().after(HEAD_TIMEOUT);
            self.deadline = Some(self.clock.sleep_until(at));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                let added = buffer.filled().get(before..).unwrap_or_default();
                self.note(added);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                let waiting = self.deadline.as_mut();
                let late =
                    waiting.is_some_and(|deadline| deadline.as_mut().poll(context).is_ready());
                match late {
                    true => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    false => Poll::Pending,
                }
            }
            failed => failed,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_clients_spelling() {
        let facts = HeadFacts::read(b"GET / HTTP/1.1\r\nHost: a\r\nx-ToKeN: 1\r\n\r\nGET");
        let check = |name: &str, expected: &str| assert_eq!(facts.spell(name), expected);
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
            assert_eq!(HeadFacts::read(head.as_bytes()).fault, expected, "{head:?}");
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
}
