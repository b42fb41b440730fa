//! One connection's outgoing queue: bounded in messages and bytes, empty of allocations while nothing waits.
//!
//! Producers are pushes and replies; the one consumer is the task that owns the socket. Two rules make an
//! acknowledgement a promise: a message is either in the queue or its producer was told otherwise, and a request to
//! close lets everything queued before it go out first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

/// A message on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// Valid UTF-8, sent as a text message.
    Text(Bytes),
    /// Sent as a binary message.
    Binary(Bytes),
}

impl Outgoing {
    /// Text when the bytes are valid UTF-8, binary otherwise.
    pub fn from_bytes(payload: Bytes) -> Self {
        if std::str::from_utf8(&payload).is_ok() {
            Self::Text(payload)
        } else {
            Self::Binary(payload)
        }
    }

    /// The payload, whatever its kind.
    pub fn payload(&self) -> &Bytes {
        match self {
            Self::Text(payload) | Self::Binary(payload) => payload,
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is in the connection's queue.
    Queued,
    /// The queue is full; the message was not taken.
    Full,
    /// There is no such connection, or it is closing.
    Gone,
    /// The node that owns the connection does not answer.
    Unreachable,
}

/// A wish to end the connection: the WebSocket close code and reason that the client is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseRequest {
    /// RFC 6455 section 7.4 status code.
    pub code: u16,
    /// Close reason, at most 123 bytes.
    pub reason: &'static str,
}

/// Bounds of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Messages that may wait.
    pub messages: usize,
    /// Payload bytes that may wait.
    pub bytes: usize,
}

/// What the consumer finds: messages were appended to its batch, and perhaps the end is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Close the connection after the batch; only said once the queue is empty.
    pub close: Option<CloseRequest>,
    /// A ping is due.
    pub ping: bool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Outgoing>,
    bytes: usize,
    close: Option<CloseRequest>,
    sealed: bool,
    ping: bool,
}

/// The queue between everyone who wants to reach a client and the task that writes to its socket.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    consumer: AtomicWaker,
    limits: OutboxLimits,
}

impl Outbox {
    /// An empty outbox.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            queue: Mutex::default(),
            consumer: AtomicWaker::new(),
            limits,
        }
    }

    /// Queues a message if there is room. An empty queue takes any message, however large.
    pub fn push(&self, message: Outgoing) -> Delivery {
        let size = message.payload().len();
        let mut queue = self.lock();
        if queue.sealed || queue.close.is_some() {
            return Delivery::Gone;
        }
        let crowded = queue.waiting.len() >= self.limits.messages
            || queue.bytes.saturating_add(size) > self.limits.bytes;
        if crowded && !queue.waiting.is_empty() {
            return Delivery::Full;
        }
        queue.bytes += size;
        queue.waiting.push_back(message);
        drop(queue);
        self.consumer.wake();
        Delivery::Queued
    }

    /// Queues the answer to one of the client's own messages, even beyond the limits.
    ///
    /// The producers of replies are bounded elsewhere (messages in flight), and the socket is not read while the
    /// outbox is [`Outbox::crowded`]; so the excess is at most one reply for each message in flight.
    pub fn push_reply(&self, message: Outgoing) -> Delivery {
        let mut queue = self.lock();
        if queue.sealed || queue.close.is_some() {
            return Delivery::Gone;
        }
        queue.bytes += message.payload().len();
        queue.waiting.push_back(message);
        drop(queue);
        self.consumer.wake();
        Delivery::Queued
    }

    /// Whether the consumer may write a reply at once, past the queue: nothing waits in it, and no close was asked for.
    pub fn is_clear(&self) -> bool {
        let queue = self.lock();
        queue.waiting.is_empty() && queue.close.is_none() && !queue.sealed
    }

    /// Whether a limit has been reached, so that no more input should be taken from the client.
    pub fn crowded(&self) -> bool {
        let queue = self.lock();
        queue.waiting.len() >= self.limits.messages || queue.bytes >= self.limits.bytes
    }

    /// Asks for the connection to be closed after what is queued now; the first request wins.
    pub fn close(&self, request: CloseRequest) -> Delivery {
        let mut queue = self.lock();
        if queue.sealed || queue.close.is_some() {
            return Delivery::Gone;
        }
        queue.close = Some(request);
        drop(queue);
        self.consumer.wake();
        Delivery::Queued
    }

    /// Whether messages are still taken.
    pub fn is_open(&self) -> bool {
        let queue = self.lock();
        !queue.sealed && queue.close.is_none()
    }

    /// The request to close, also while messages from before it still wait.
    pub fn closing(&self) -> Option<CloseRequest> {
        self.lock().close
    }

    /// Asks the consumer to send a ping.
    pub fn ping(&self) {
        let mut queue = self.lock();
        queue.ping = true;
        drop(queue);
        self.consumer.wake();
    }

    /// Wakes the consumer without saying anything: something else it watches has changed.
    pub fn wake(&self) {
        self.consumer.wake();
    }

    /// Refuses everything from now on and throws away what still waits. For the consumer, when the socket is gone.
    pub fn seal(&self) {
        let mut queue = self.lock();
        queue.sealed = true;
        queue.waiting = VecDeque::new();
        queue.bytes = 0;
    }

    /// Registers the consumer for a wake-up at the next change. Call it before [`Outbox::take`].
    pub fn register(&self, context: &Context<'_>) {
        self.consumer.register(context.waker());
    }

    /// Moves messages of together at most `budget` bytes (but at least one) to the end of `batch`.
    pub fn take(&self, batch: &mut Vec<Outgoing>, budget: usize) -> Taken {
        let mut queue = self.lock();
        if queue.waiting.is_empty() {
            return Taken {
                close: queue.close,
                ping: std::mem::take(&mut queue.ping),
            };
        }
        let mut room = budget;
        while let Some(message) = queue.waiting.front() {
            let size = message.payload().len();
            if size > room && !batch.is_empty() {
                break;
            }
            room = room.saturating_sub(size);
            queue.bytes = queue.bytes.saturating_sub(size);
            batch.extend(queue.waiting.pop_front());
        }
        let empty = queue.waiting.is_empty();
        if empty {
            // An idle connection keeps no buffer.
            queue.waiting = VecDeque::new();
        }
        Taken {
            close: if empty { queue.close } else { None },
            ping: std::mem::take(&mut queue.ping),
        }
    }

    /// [`Outbox::register`] and [`Outbox::take`] in one, for a consumer that has nothing else to watch.
    pub fn poll_take(
        &self,
        context: &Context<'_>,
        batch: &mut Vec<Outgoing>,
        budget: usize,
    ) -> Poll<Taken> {
        self.register(context);
        let taken = self.take(batch, budget);
        if batch.is_empty() && taken.close.is_none() && !taken.ping {
            return Poll::Pending;
        }
        Poll::Ready(taken)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here can panic half-way, so a poisoned lock still guards a sound queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(payload: &'static str) -> Outgoing {
        Outgoing::Text(Bytes::from_static(payload.as_bytes()))
    }

    fn outbox(messages: usize, bytes: usize) -> Outbox {
        Outbox::new(OutboxLimits { messages, bytes })
    }

    const GOODBYE: CloseRequest = CloseRequest {
        code: 1000,
        reason: "",
    };

    #[test]
    fn limits_are_answers() {
        let outbox = outbox(2, 10);
        assert_eq!(
            outbox.push(text("a-very-long-first-message")),
            Delivery::Queued
        );
        assert_eq!(outbox.push(text("b")), Delivery::Full);
        outbox.take(&mut Vec::new(), usize::MAX);
        assert_eq!(outbox.push(text("a")), Delivery::Queued);
        assert_eq!(outbox.push(text("b")), Delivery::Queued);
        assert!(outbox.crowded());
        assert_eq!(outbox.push(text("c")), Delivery::Full);
        assert_eq!(outbox.push_reply(text("c")), Delivery::Queued);
    }

    #[test]
    fn a_close_waits_for_what_was_queued_before() {
        let outbox = outbox(8, 100);
        outbox.push(text("one"));
        outbox.push(text("two"));
        assert_eq!(outbox.closing(), None);
        assert_eq!(outbox.close(GOODBYE), Delivery::Queued);
        assert_eq!(outbox.closing(), Some(GOODBYE));
        assert_eq!(outbox.close(GOODBYE), Delivery::Gone);
        assert_eq!(outbox.push(text("late")), Delivery::Gone);
        let mut batch = Vec::new();
        assert_eq!(outbox.take(&mut batch, 3).close, None);
        assert_eq!(batch, [text("one")]);
        batch.clear();
        assert_eq!(outbox.take(&mut batch, 3).close, Some(GOODBYE));
        assert_eq!(batch, [text("two")]);
    }

    #[test]
    fn a_reply_passes_only_where_nothing_waits() {
        let waiting = outbox(8, 100);
        assert!(waiting.is_clear());
        waiting.push(text("one"));
        assert!(!waiting.is_clear());
        waiting.take(&mut Vec::new(), 100);
        assert!(waiting.is_clear());
        waiting.close(GOODBYE);
        assert!(!waiting.is_clear());
        let sealed = outbox(8, 100);
        sealed.seal();
        assert!(!sealed.is_clear());
    }

    #[test]
    fn a_sealed_outbox_takes_nothing() {
        let outbox = outbox(8, 100);
        outbox.push(text("lost"));
        outbox.seal();
        assert_eq!(outbox.push(text("late")), Delivery::Gone);
        assert_eq!(outbox.push_reply(text("late")), Delivery::Gone);
        let mut batch = Vec::new();
        outbox.take(&mut batch, 100);
        assert!(batch.is_empty());
    }

    #[test]
    fn a_ping_is_asked_for_once() {
        let outbox = outbox(8, 100);
        outbox.ping();
        assert!(outbox.take(&mut Vec::new(), 1).ping);
        assert!(!outbox.take(&mut Vec::new(), 1).ping);
    }

    proptest! {
        #[test]
        fn what_was_queued_comes_out_in_order(sizes in prop::collection::vec(0usize..40, 0..60), budget in 1usize..64) {
            let outbox = outbox(16, 200);
            let mut accepted = Vec::new();
            let mut received = Vec::new();
            for (number, size) in sizes.into_iter().enumerate() {
                let message = Outgoing::Binary(vec![number as u8; size].into());
                if outbox.push(message.clone()) == Delivery::Queued {
                    accepted.push(message);
                }
                if number % 3 == 0 {
                    let mut batch = Vec::new();
                    outbox.take(&mut batch, budget);
                    received.append(&mut batch);
                }
            }
            while received.len() < accepted.len() {
                let before = received.len();
                let mut batch = Vec::new();
                outbox.take(&mut batch, budget);
                received.append(&mut batch);
                prop_assert!(received.len() > before);
            }
            prop_assert_eq!(accepted, received);
        }
    }
}
