//! One connection's share of the messages.
//!
//! Receiving and sending happen in one poll: replies that arrived together are answered with messages that
//! leave together, and a peer that does not read can never keep us from reading.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Session, Shared};
use crate::client::{self, Socket};
use crate::measure::marker::Marker;
use crate::measure::window::{Answer, Departure, Window};
use crate::measure::{Failure, Wait};
use crate::run::{CLOSE_TIMEOUT, count};

/// Frames looked at after the end; a peer that sends more has been noticed by then.
const MAX_LAST: usize = 1024;

/// A connection that sends its share and matches the replies.
#[derive(Debug)]
pub(super) struct Conversation {
    shared: Arc<Shared>,
    session: Session,
    number: u32,
    lane: u64,
    socket: Socket,
    wake: mpsc::Receiver<()>,
    /// Looks after messages that wait too long.
    ticks: Interval,
    window: Window,
    sent: u64,
    unflushed: bool,
    blocked_since: Option<Instant>,
    /// Where in a reply the marker was last found.
    marker_at: usize,
    last_reply: Duration,
}

impl Conversation {
    /// A conversation of connection `number` (which is in its messages' ids), taking turn `lane` among the others.
    pub(super) fn new(
        shared: Arc<Shared>,
        session: Session,
        (number, lane): (u32, u64),
        socket: Socket,
        wake: mpsc::Receiver<()>,
    ) -> Self {
        let period = shared.reply_timeout / 8;
        let period = period.clamp(Duration::from_millis(5), Duration::from_millis(250));
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            shared,
            session,
            number,
            lane,
            socket,
            wake,
            ticks,
            window: Window::default(),
            sent: 0,
            unflushed: false,
            blocked_since: None,
            marker_at: 0,
            last_reply: Duration::ZERO,
        }
    }

    /// Talks until everything is sent and answered or given up, then closes the connection.
    ///
    /// # Errors
    ///
    /// The connection ended before.
    pub(super) async fn hold(&mut self) -> Result<(), Failure> {
        let result = std::future::poll_fn(|cx| self.poll_turn(cx)).await;
        if result.is_ok() {
            self.close().await;
        }
        let tallies = &self.shared.tallies;
        let lost = self.window.given_up() + self.window.waiting() as u64;
        tallies.lost.fetch_add(lost, Ordering::Relaxed);
        let last_reply = u64::try_from(self.last_reply.as_nanos()).unwrap_or(u64::MAX);
        tallies.last_reply.fetch_max(last_reply, Ordering::Relaxed);
        result
    }

    /// Closes the connection; a reply that comes twice may come the second time now.
    async fn close(&mut self) {
        let mut last = Vec::new();
        client::close(&mut self.socket, CLOSE_TIMEOUT, |payload| {
            if last.len() < MAX_LAST {
                last.push(payload);
            }
        })
        .await;
        for payload in &last {
            self.receive(payload);
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while let Poll::Ready(Some(())) = self.wake.poll_recv(cx) {}
        while let Poll::Ready(message) = self.socket.poll_next_unpin(cx) {
            let message = message.ok_or(Failure::Reset)??;
            if let Some(payload) = client::payload(message)? {
                self.receive(&payload);
            }
        }
        let now = Instant::now();
        self.poll_send(cx, now)?;
        self.poll_flush(cx, now)?;
        while self.ticks.poll_tick(cx).is_ready() {
            self.tick(now)?;
        }
        if self.window.waiting() == 0 && !self.unflushed && self.is_over(now) {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn receive(&mut self, payload: &Bytes) {
        let tallies = &self.shared.tallies;
        if self.shared.in_order {
            return match self.window.receive(self.window.oldest()) {
                Answer::Matched { departure, .. } => self.answered(departure),
                // Nothing waits: one of the earlier replies came twice, or was given up.
                Answer::Late | Answer::Duplicate | Answer::NeverSent => {
                    count(&tallies.unidentified)
                }
            };
        }
        let Some((marker, at)) = self.shared.run.markers.find(payload, self.marker_at) else {
            return count(&tallies.unidentified);
        };
        self.marker_at = at;
        if marker.connection != self.number {
            return count(&tallies.mismatched);
        }
        match self.window.receive(marker.sequence) {
            Answer::Matched {
                departure,
                in_order,
            } => {
                if !in_order {
                    count(&tallies.reordered);
                }
                self.answered(departure);
            }
            Answer::Late => count(&tallies.late),
            Answer::Duplicate => count(&tallies.duplicated),
            Answer::NeverSent => count(&tallies.mismatched),
        }
    }

    fn answered(&mut self, departure: Departure) {
        let now = Instant::now();
        let task = self.number as usize;
        let latency = now.saturating_duration_since(departure.scheduled);
        self.shared.run.main.record(task, latency);
        if self.shared.open_loop {
            let latency = now.saturating_duration_since(departure.sent);
            self.shared.reply_from_send.record(task, latency);
        }
        self.last_reply = now.saturating_duration_since(self.session.start);
        count(&self.shared.run.live.received);
    }

    /// Hands every message that is due to the socket, as long as it takes them.
    fn poll_send(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Failure> {
        while let Some(scheduled) = self.due(now) {
            match self.socket.poll_ready_unpin(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => {
                    self.blocked_since.get_or_insert(now);
                    return Ok(());
                }
            }
            let marker = Marker {
                connection: self.number,
                sequence: self.window.next(),
            };
            let message = self
                .shared
                .template
                .message(&self.shared.run.markers, marker);
            self.socket.start_send_unpin(message)?;
            self.window.send(Departure {
                scheduled,
                sent: now,
            });
            self.sent += 1;
            self.unflushed = true;
            count(&self.shared.run.live.sent);
        }
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Failure> {
        if !self.unflushed {
            return Ok(());
        }
        match self.socket.poll_flush_unpin(cx) {
            Poll::Ready(flushed) => {
                flushed?;
                self.unflushed = false;
                self.blocked_since = None;
            }
            Poll::Pending => {
                self.blocked_since.get_or_insert(now);
            }
        }
        Ok(())
    }

    /// Gives up what waits too long: messages for their reply, the whole connection for room to send.
    fn tick(&mut self, now: Instant) -> Result<(), Failure> {
        let patience = self.shared.reply_timeout;
        let expired = self.window.expire(now, patience);
        let failures = &self.shared.run.failures;
        failures.add_many(&Failure::Timeout(Wait::Reply), expired);
        match self.blocked_since {
            Some(since) if now.saturating_duration_since(since) >= patience => {
                Err(Failure::Timeout(Wait::Write))
            }
            _ => Ok(()),
        }
    }

    /// The place of the next message among those of all connections.
    fn slot(&self) -> u64 {
        self.lane + self.sent * self.session.lanes
    }

    /// When the next message is due, if that is now or earlier and there is room in flight.
    fn due(&self, now: Instant) -> Option<Instant> {
        if self.window.waiting() >= self.shared.in_flight || self.is_over(now) {
            return None;
        }
        Some(self.scheduled(now)).filter(|due| *due <= now)
    }

    fn scheduled(&self, now: Instant) -> Instant {
        match &self.session.schedule {
            Some(schedule) => schedule.due(self.slot()),
            None => now,
        }
    }

    /// Whether there is nothing more to send.
    fn is_over(&self, now: Instant) -> bool {
        self.session.messages.is_some_and(|all| self.slot() >= all)
            || self
                .session
                .end
                .is_some_and(|end| self.scheduled(now) >= end)
            || self.shared.run.stop.requested()
    }
}
