//! The short way for HTTP/1.1: requests that are whole at hand and plainly framed, which are nearly all, are read, answered and
//! awaited here, without buffers of the connection's own.
//!
//! Whatever else comes is hyper's, and the connection with it: see [`serve`].

mod answer;
mod request;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use hyper::body::{Body as _, Frame};
use tokio::io::{AsyncRead as _, AsyncWrite as _};
use tokio::sync::oneshot;

use crate::base::alarm::Alarm;
use crate::base::body::{BoxError, Payload};
use crate::base::clock::{Clock, Tick};
use crate::transport::arrival::Asked;
use crate::transport::edge::{self, Answer, Answering, Face};
use crate::transport::front::Front;
use crate::transport::http::{KEEP_ALIVE, Socket};
use crate::transport::scratch;
use crate::transport::tls::Stream;
use crate::transport::watched::HEAD_TIMEOUT;
use answer::{Framing, Head};
use request::{Plain, Unread};

/// How long the body of a plain request may take before it is hyper's to read.
const BODY_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that may wait behind a request until it is answered; a client that sends more is not read from.
const AHEAD_BYTES: usize = 64 * 1024;
/// Bytes that are put together before they are written; larger pieces are written as they are.
const JOINED_BYTES: usize = 16 * 1024;

/// The way on which a handshake's socket, and what the client sent behind it, come to the connection.
pub(super) type Handover = oneshot::Receiver<(Stream, Vec<u8>)>;

/// A connection that is hyper's from now on.
pub(super) struct Rest {
    /// The socket.
    pub(super) stream: Stream,
    /// What was read from it.
    pub(super) read: Bytes,
    /// When the head that is coming must be there.
    pub(super) late: Tick,
}

/// Serves requests until the connection ends, or until something comes that is hyper's to read.
///
/// Hyper then sees the connection as if it had served it from the start: nothing of what it is given was answered.
pub(super) async fn serve(
    front: &Arc<Front>,
    face: Face,
    stream: Stream,
    socket: &Socket,
) -> Option<Rest> {
    let (_, stop) = front.lifetime(face);
    let mut stopped = pin!(stop.wait());
    let clock = Arc::clone(&front.services.clock);
    let mut line = Line {
        stream,
        read: Bytes::new(),
        alarm: Alarm::new(Arc::clone(&clock)),
    };
    let mut patience = HEAD_TIMEOUT;
    loop {
        if line.read.is_empty() {
            let late = clock.now().after(patience);
            tokio::select! {
                biased;
                came = line.more(late) => if !came { return None },
                () = &mut stopped => return None,
            }
        }
        patience = KEEP_ALIVE;
        let Some(plain) = line.whole(clock.as_ref()).await else {
            return Some(Rest {
                stream: line.stream,
                read: line.read,
                late: clock.now().after(HEAD_TIMEOUT),
            });
        };
        let Plain {
            request,
            head,
            upgrade,
            rest,
        } = plain;
        line.read = rest;
        let method = request.method().clone();
        let (sender, handover) = match upgrade {
            true => Some(oneshot::channel()).unzip(),
            false => (None, None),
        };
        let asked = Asked {
            request,
            head,
            handover,
        };
        let answer = line
            .answer(edge::answer(front, face, socket, asked))
            .await?;
        let switching = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        let last = closes(&answer) || (stop.begun() && !switching);
        line.send(&method, answer, last, front).await.ok()?;
        match sender {
            Some(connection) if switching => {
                // Nobody takes it when the gateway ends the connection at once.
                connection.send((line.stream, line.read.to_vec())).ok();
                return None;
            }
            _ if last => {
                poll_fn(|context| Pin::new(&mut line.stream).poll_shutdown(context))
                    .await
                    .ok();
                return None;
            }
            _ => {}
        }
    }
}

fn closes(answer: &Answer) -> bool {
    let values = answer.headers().get_all(header::CONNECTION);
    values
        .iter()
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// A connection: its socket, and what came in on it.
struct Line {
    stream: Stream,
    /// What was read and belongs to no request yet.
    read: Bytes,
    alarm: Alarm,
}

impl Line {
    /// Waits for bytes; `false` when there will be none, or none in time.
    async fn more(&mut self, late: Tick) -> bool {
        poll_fn(|context| match self.poll_more(context) {
            Poll::Pending => self.alarm.poll(late, context).map(|()| false),
            came => came,
        })
        .await
    }

    /// The request that is there, with all of its body; `None` when it is not a plain one, or does not come at once.
    async fn whole(&mut self, clock: &dyn Clock) -> Option<Plain> {
        let mut late = None;
        loop {
            match request::read(&self.read) {
                Ok(plain) => return Some(plain),
                Err(Unread::Other) => return None,
                Err(Unread::Short) => {
                    let late = *late.get_or_insert_with(|| clock.now().after(BODY_PATIENCE));
                    if !self.more(late).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Reads what there is; `false` at the end.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        scratch::with(|buffer| {
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
            let came = buffer.filled();
            if self.read.is_empty() {
                self.read = Bytes::copy_from_slice(came);
            } else {
                self.read = [&self.read, came].concat().into();
            }
            Poll::Ready(read.is_ok() && !came.is_empty())
        })
    }

    /// Whether the client has hung up. What it sends meanwhile is kept.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.read.len() < AHEAD_BYTES {
            if !ready!(self.poll_more(context)) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Waits for an answer; `None` when its client does not.
    async fn answer(&mut self, mut answering: Answering) -> Option<Answer> {
        poll_fn(|context| match Pin::new(&mut answering).poll(context) {
            Poll::Ready(Ok(answer)) => Poll::Ready(Some(answer)),
            Poll::Pending => self.poll_gone(context).map(|()| None),
        })
        .await
    }

    /// Sends an answer.
    async fn send(
        &mut self,
        method: &Method,
        answer: Answer,
        last: bool,
        front: &Front,
    ) -> io::Result<()> {
        let (parts, mut body) = answer.into_parts();
        let head = Head {
            method,
            status: parts.status,
            headers: &parts.headers,
            last,
        };
        let mut out = Vec::with_capacity(JOINED_BYTES);
        let framing = head.write(&body, front.services.clock.wall(), &mut out);
        match framing {
            Framing::Nothing => {}
            Framing::Length(left) => self.send_bytes(&mut body, left, &mut out).await?,
            Framing::Chunked => self.send_chunks(&mut body, &mut out).await?,
        }
        self.write(&mut out, &[]).await?;
        poll_fn(|context| Pin::new(&mut self.stream).poll_flush(context)).await
    }

    /// Sends a body of a length that was told.
    async fn send_bytes(
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
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            data.truncate(most);
            left -= data.len() as u64;
            self.put(out, &data).await?;
        }
        Ok(())
    }

    /// Sends a body in chunks (RFC 9112 section 7.1).
    async fn send_chunks(&mut self, body: &mut Payload, out: &mut Vec<u8>) -> io::Result<()> {
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
                Next::Wait => {
                    self.write(out, &[]).await?;
                    poll_fn(|context| Pin::new(&mut self.stream).poll_flush(context)).await?;
                }
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

    /// Writes both, and leaves `out` empty.
    async fn write(&mut self, out: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
        let (mut first, mut second) = (out.as_slice(), bytes);
        while !first.is_empty() || !second.is_empty() {
            let stream = &mut self.stream;
            let written = poll_fn(|context| {
                let stream = Pin::new(&mut *stream);
                if first.is_empty() || second.is_empty() {
                    let one = if first.is_empty() { second } else { first };
                    return stream.poll_write(context, one);
                }
                let both = [io::IoSlice::new(first), io::IoSlice::new(second)];
                stream.poll_write_vectored(context, &both)
            })
            .await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let of_first = written.min(first.len());
            first = first.get(of_first..).unwrap_or_default();
            second = second.get(written - of_first..).unwrap_or_default();
        }
        out.clear();
        Ok(())
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
