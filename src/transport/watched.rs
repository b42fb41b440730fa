//! The socket below hyper, which shows [`super::head`] every head that comes in and gives up on those that do not.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::debug;

use crate::base::clock::{Clock, Tick};
use crate::transport::head::HeadSlot;
use crate::transport::listener::TLS_HANDSHAKE;

/// Answers up to this size leave in one piece, in bytes.
const JOINED_BYTES: usize = 1024;
/// Longest time from the first byte of a head to its last; for the first head, from when the socket can be read.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket whose incoming heads are watched.
pub(super) struct Watched<S> {
    stream: S,
    slot: HeadSlot,
    clock: Arc<dyn Clock>,
    deadline: Option<BoxFuture<'static, ()>>,
    /// What was read before and is read again.
    before: Bytes,
    /// Whether nothing has come yet.
    silent: bool,
}

impl<S> Watched<S> {
    /// A socket from which `before` was read already; the head that is coming must be there at `at`.
    pub(super) fn new(
        stream: S,
        before: Bytes,
        slot: HeadSlot,
        clock: Arc<dyn Clock>,
        at: Tick,
    ) -> Self {
        let deadline = Some(clock.sleep_until(at));
        Self {
            stream,
            slot,
            clock,
            deadline,
            before,
            silent: true,
        }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// Takes note of what came.
    ///
    /// # Errors
    /// When it is no HTTP at all, so that an answer would only confuse its sender.
    fn note(&mut self, added: &[u8]) -> io::Result<()> {
        if std::mem::take(&mut self.silent) && added.first() == Some(&TLS_HANDSHAKE) {
            debug!("a client speaks TLS where it is not spoken: server.tls is not set");
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (ended, begun) = self.slot.note(added);
        if ended {
            self.deadline = None;
        }
        if begun && self.deadline.is_none() {
            let at = self.clock.now().after(HEAD_TIMEOUT);
            self.deadline = Some(self.clock.sleep_until(at));
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.before.is_empty() {
            let length = self.before.len().min(buffer.remaining());
            let again = self.before.split_to(length);
            buffer.put_slice(&again);
            return Poll::Ready(self.note(&again));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                let added = buffer.filled().get(before..).unwrap_or_default();
                Poll::Ready(self.note(added))
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

/// A small answer in one piece: the system takes that faster than two.
fn join<'j>(pieces: &[io::IoSlice<'_>], joined: &'j mut [u8; JOINED_BYTES]) -> Option<&'j [u8]> {
    let mut length = 0;
    for piece in pieces {
        let end = length + piece.len();
        joined.get_mut(length..end)?.copy_from_slice(piece);
        length = end;
    }
    joined.get(..length)
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
        let mut joined = [0; JOINED_BYTES];
        match join(buffers, &mut joined) {
            Some(joined) => Pin::new(&mut self.stream).poll_write(context, joined),
            None => Pin::new(&mut self.stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_socket_and_a_slow_head_are_given_up() {
        use crate::base::clock::{EpochMillis, ManualClock};
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let check = async |sent: &[u8], expected: Option<io::ErrorKind>| {
            let clock = ManualClock::new(EpochMillis(0));
            let (mut client, server) = tokio::io::duplex(1024);
            let late = clock.now().after(HEAD_TIMEOUT);
            let slot = HeadSlot::default();
            let mut watched = Watched::new(server, Bytes::new(), slot, clock.clone(), late);
            client.write_all(sent).await.expect("there is room");
            let mut buffer = vec![0; sent.len()];
            let read = watched.read_exact(&mut buffer).await;
            read.expect("it is all there");
            clock.advance(HEAD_TIMEOUT);
            let next = futures_util::future::poll_immediate(watched.read_u8()).await;
            assert_eq!(
                next.map(|read| read.map_err(|error| error.kind()).err()),
                expected.map(Some)
            );
        };
        check(b"", Some(io::ErrorKind::TimedOut)).await;
        check(b"GET / HT", Some(io::ErrorKind::TimedOut)).await;
        check(b"GET / HTTP/1.1\r\n\r\n", None).await;
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None).await;
    }
}
