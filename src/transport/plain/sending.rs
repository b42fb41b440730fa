//! An answer on its way to the client.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use hyper::body::{Body as _, Frame};

use super::answer::{Framing, Head};
use super::line::Line;
use crate::base::body::{BoxError, Payload};
use crate::base::clock::EpochMillis;
use crate::transport::edge::Answer;

/// Bytes that are put together before they are written; larger pieces are written as they are.
const JOINED_BYTES: usize = 16 * 1024;

thread_local! {
    /// Room in which an answer was put together, for the next one.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An answer, of which nothing has been written yet.
pub(super) struct Sending {
    /// The head, and a small body.
    out: Vec<u8>,
    body: Following,
}

/// What follows.
enum Following {
    Whole(Bytes),
    /// Boxed: few answers have one.
    Streamed(Box<Streamed>),
}

/// A body that is still on its way.
struct Streamed {
    body: Payload,
    framing: Framing,
}

impl Sending {
    /// An answer; `for_head` when it is to a HEAD request, and `last` when the connection ends with it.
    pub(super) fn new(answer: Answer, for_head: bool, last: bool, now: EpochMillis) -> Self {
        let (parts, body) = answer.into_parts();
        let head = Head {
            for_head,
            status: parts.status,
            headers: &parts.headers,
            last,
        };
        let mut out = ROOM.take();
        let framing = head.write(&body, now, &mut out);
        let body = match (framing, body.into_whole()) {
            (Framing::Nothing, _) => Following::Whole(Bytes::new()),
            (_, Ok(whole)) if out.len() + whole.len() <= JOINED_BYTES => {
                out.extend_from_slice(&whole);
                Following::Whole(Bytes::new())
            }
            (_, Ok(whole)) => Following::Whole(whole),
            (framing, Err(body)) => Following::Streamed(Box::new(Streamed { body, framing })),
        };
        Self { out, body }
    }
}

impl Line {
    /// Sends an answer.
    ///
    /// # Errors
    /// When the client is gone, or the body breaks off; the connection is of no use then.
    pub(super) async fn send(&mut self, sending: &mut Sending) -> io::Result<()> {
        let Sending { out, body } = sending;
        match body {
            Following::Whole(rest) => self.write(out, rest).await?,
            Following::Streamed(streamed) => Box::pin(self.stream(streamed, out)).await?,
        }
        ROOM.set(std::mem::take(out));
        Ok(())
    }

    async fn stream(&mut self, streamed: &mut Streamed, out: &mut Vec<u8>) -> io::Result<()> {
        let Streamed { body, framing } = streamed;
        match framing {
            Framing::Nothing => {}
            Framing::Length(left) => self.bytes(body, *left, out).await?,
            Framing::Chunked => self.chunks(body, out).await?,
        }
        self.write(out, &[]).await
    }

    /// Sends a body of a length that was told.
    async fn bytes(
        &mut self,
        body: &mut Payload,
        mut left: u64,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        while left > 0 {
            let Some(mut data) = self.piece(body, out).await? else {
                // Fewer bytes than were told: only the end of the connection can say so.
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= data.len() as u64;
            self.put(out, &data).await?;
        }
        Ok(())
    }

    /// Sends a body in chunks (RFC 9112 section 7.1).
    async fn chunks(&mut self, body: &mut Payload, out: &mut Vec<u8>) -> io::Result<()> {
        while let Some(data) = self.piece(body, out).await? {
            if data.is_empty() {
                continue; // It would be the last.
            }
            out.extend_from_slice(format!("{:X}\r\n", data.len()).as_bytes());
            self.put(out, &data).await?;
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
        Ok(())
    }

    /// The next piece of a body. While it is waited for, what is there already goes out.
    async fn piece(&mut self, body: &mut Payload, out: &mut Vec<u8>) -> io::Result<Option<Bytes>> {
        loop {
            let next = poll_fn(|context| match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(frame) => Poll::Ready(Next::Frame(frame)),
                Poll::Pending if !out.is_empty() => Poll::Ready(Next::Wait),
                Poll::Pending => self.poll_gone(context).map(|()| Next::Gone),
            });
            match next.await {
                Next::Frame(None) => return Ok(None),
                Next::Frame(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Next::Frame(Some(Err(error))) => return Err(io::Error::other(error)),
                Next::Wait => self.write(out, &[]).await?,
                Next::Gone => return Err(io::ErrorKind::ConnectionReset.into()),
            }
        }
    }

    /// Adds bytes to those that go out together, or writes both when they are many.
    async fn put(&mut self, out: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
        if out.len() + bytes.len() <= JOINED_BYTES {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        self.write(out, bytes).await
    }
}

/// What comes next of a body.
enum Next {
    Frame(Option<Result<Frame<Bytes>, BoxError>>),
    /// Nothing yet.
    Wait,
    /// Nobody waits for it any more.
    Gone,
}
