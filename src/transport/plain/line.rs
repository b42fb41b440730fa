//! A connection's socket, and what came in on it.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncWrite as _};

use super::Rest;
use super::request::{self, Plain, Unread};
use crate::base::alarm::Alarm;
use crate::base::clock::{Clock, Tick};
use crate::transport::edge::{Answer, Answering};
use crate::transport::scratch;
use crate::transport::tls::Stream;

/// How long the body of a plain request may take before it is hyper's to read.
const BODY_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that may wait behind a request until it is answered; a client that sends more is not read from.
const AHEAD_BYTES: usize = 64 * 1024;

/// A connection.
pub(super) struct Line {
    stream: Stream,
    /// What was read and belongs to no request yet.
    read: Bytes,
    alarm: Alarm,
}

impl Line {
    pub(super) fn new(stream: Stream, clock: Arc<dyn Clock>) -> Self {
        Self {
            stream,
            read: Bytes::new(),
            alarm: Alarm::new(clock),
        }
    }

    /// Whether nothing is there to look at.
    pub(super) fn is_idle(&self) -> bool {
        self.read.is_empty()
    }

    /// Takes the request that is there.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn take(&mut self) -> Result<Plain, Unread> {
        let mut plain = request::read(&self.read)?;
        self.read = std::mem::take(&mut plain.rest);
        Ok(plain)
    }

    /// Waits until the first bytes, or the client's end, can be read; `false` when neither comes in time.
    pub(super) async fn first(&mut self, late: Tick) -> bool {
        poll_fn(|context| match self.stream.poll_first(context) {
            Poll::Pending => self.alarm.poll(late, context).map(|()| false),
            Poll::Ready(()) => Poll::Ready(true),
        })
        .await
    }

    /// Waits for bytes; `false` when there will be none, or none in time.
    pub(super) async fn more(&mut self, late: Tick) -> bool {
        poll_fn(|context| match self.poll_more(context) {
            Poll::Pending => self.alarm.poll(late, context).map(|()| false),
            came => came,
        })
        .await
    }

    /// Waits for the body of a plain request, until so many bytes are there in all; `false` when they do not come at once.
    pub(super) async fn body(&mut self, bytes: usize, clock: &dyn Clock) -> bool {
        let late = clock.now().after(BODY_PATIENCE);
        while self.read.len() < bytes {
            if !self.more(late).await {
                return false;
            }
        }
        true
    }

    /// Waits for an answer; `None` when its client does not.
    pub(super) async fn answer(&mut self, answering: &mut Answering) -> Option<Answer> {
        poll_fn(|context| match Pin::new(&mut *answering).poll(context) {
            Poll::Ready(Ok(answer)) => Poll::Ready(Some(answer)),
            Poll::Pending => self.poll_gone(context).map(|()| None),
        })
        .await
    }

    /// Whether the client has hung up. What it sends meanwhile is kept.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.read.len() < AHEAD_BYTES {
            if !ready!(self.poll_more(context)) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Reads what there is; `false` at the end.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        scratch::with(|buffer| {
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
            let came = buffer.filled();
            self.read = match self.read.is_empty() {
                true => Bytes::copy_from_slice(came),
                false => {
                    // It grows where it is, so that many small pieces are not copied once for each.
                    let mut read = BytesMut::from(std::mem::take(&mut self.read));
                    read.extend_from_slice(came);
                    read.freeze()
                }
            };
            Poll::Ready(read.is_ok() && !came.is_empty())
        })
    }

    /// Writes both, and leaves `first` empty.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) async fn write(&mut self, first: &mut Vec<u8>, second: &[u8]) -> io::Result<()> {
        let (mut one, mut two) = (first.as_slice(), second);
        while !one.is_empty() || !two.is_empty() {
            let written = poll_fn(|context| {
                let stream = Pin::new(&mut self.stream);
                match (one.is_empty(), two.is_empty()) {
                    (true, _) => stream.poll_write(context, two),
                    (_, true) => stream.poll_write(context, one),
                    _ => {
                        let both = [io::IoSlice::new(one), io::IoSlice::new(two)];
                        stream.poll_write_vectored(context, &both)
                    }
                }
            });
            let written = written.await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let of_one = written.min(one.len());
            one = one.get(of_one..).unwrap_or_default();
            two = two.get(written - of_one..).unwrap_or_default();
        }
        first.clear();
        poll_fn(|context| Pin::new(&mut self.stream).poll_flush(context)).await
    }

    /// Ends our side.
    pub(super) async fn shut(&mut self) {
        // A failure here only means that the client is gone already.
        poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context))
            .await
            .ok();
    }

    /// What is hyper's to serve; the head that is coming must be there at `late`.
    pub(super) fn rest(self, late: Tick) -> Rest {
        Rest {
            stream: self.stream,
            read: self.read,
            late,
        }
    }

    /// The bare socket, and what came behind the last request.
    pub(super) fn into_parts(self) -> (Stream, Vec<u8>) {
        (self.stream, self.read.to_vec())
    }
}
