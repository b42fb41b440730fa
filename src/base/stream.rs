//! Bounds on bodies that nobody reads as a whole: how much may come, and how long nothing may come.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::base::alarm::Alarm;
use crate::base::body::{BoxError, Payload};
use crate::base::clock::{Clock, Tick};

/// Ends a body with an error once more than `limit` bytes have come.
pub struct Bounded {
    body: Payload,
    left: u64,
    fate: Fate,
}

/// Tells how a [`Bounded`] body ended, wherever it went.
#[derive(Debug, Clone, Default)]
pub struct Fate(Arc<AtomicU8>);

const EXCEEDED: u8 = 1;
const BROKEN: u8 = 2;

impl Fate {
    /// Whether more came than was allowed.
    pub fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) == EXCEEDED
    }

    /// Whether its sender broke off, or sent what is no body.
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::Relaxed) == BROKEN
    }
}

impl Bounded {
    /// A body of at most `limit` bytes.
    pub fn new(body: Payload, limit: usize) -> (Self, Fate) {
        let fate = Fate::default();
        let bounded = Self {
            body,
            left: limit as u64,
            fate: fate.clone(),
        };
        (bounded, fate)
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(piece)) => {
                let length = piece.data_ref().map_or(0, Bytes::len) as u64;
                match self.left.checked_sub(length) {
                    Some(left) => self.left = left,
                    None => {
                        self.fate.0.store(EXCEEDED, Ordering::Relaxed);
                        return Poll::Ready(Some(Err("the body is too large".into())));
                    }
                }
            }
            Some(Err(_)) => self.fate.0.store(BROKEN, Ordering::Relaxed),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends a body with an error when no piece of it comes for too long.
pub struct Lively {
    body: Payload,
    alarm: Alarm,
    limit: Duration,
    /// The end of the wait for the next piece; there is none while pieces are there before they are asked for.
    patience: Option<Tick>,
}

impl Lively {
    /// A body whose pieces are at most `limit` apart. Time in which nobody asks for a piece does not count.
    pub fn new(body: Payload, clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self {
            body,
            alarm: Alarm::new(clock),
            limit,
            patience: None,
        }
    }
}

impl Body for Lively {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.patience = None;
            return Poll::Ready(frame);
        }
        let (alarm, limit) = (&mut this.alarm, this.limit);
        let end = || alarm.clock().now().after(limit);
        let patience = *this.patience.get_or_insert_with(end);
        ready!(alarm.poll(patience, context));
        let silent = format!("no piece of the body came for {limit:?}");
        Poll::Ready(Some(Err(silent.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Lively {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lively").finish_non_exhaustive()
    }
}
