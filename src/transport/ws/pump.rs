//! Moves bytes between a socket, its [`Session`] and its outbox. One task for each connection, without a buffer of its
//! own while nothing is in flight: reads go through a buffer that all connections of a thread share.

mod deadline;

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use connection_store::{CloseRequest, Connection, Outgoing};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::ReusableBoxFuture;

use crate::base::clock::Tick;
use crate::base::pace::Turn;
use crate::error::CloseReason;
use crate::pipeline::{Moment, Services, runs_serially};
use crate::plan::stage::{ConnectionSettings, Stage};
use crate::transport::scratch;
use crate::transport::tls::Stream;
use crate::transport::ws::gate::Gate;
use crate::transport::ws::session::{ABNORMAL, Ending, Session, Step};

/// Bytes of frames that are put together before they are written.
const WRITE_BATCH: usize = 64 * 1024;
/// Unwritten bytes beyond which nothing more is read from a peer.
const WRITE_HIGH: usize = 256 * 1024;
/// Longest wait for the peer's close frame, and for the last bytes to leave.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time that messages from before a request to close may take to leave, however slowly the peer reads.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time without any progress in writing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// What becomes of a message: its reply, if there is one.
type Replying = ReusableBoxFuture<'static, Option<Outgoing>>;

thread_local! {
    /// Room in which a message was answered at once, for the next one. What was in it is over.
    static ROOM: Cell<Option<Replying>> = const { Cell::new(None) };
}

/// What a connection's bytes go through.
pub(super) trait Conduit: AsyncRead + AsyncWrite + Unpin {
    /// [`Stream::has_ended`].
    fn has_ended(&self) -> bool;
}

impl Conduit for Stream {
    fn has_ended(&self) -> bool {
        self.has_ended()
    }
}

/// Runs a connection until it ends and says how. `leftover` are bytes that came behind the handshake.
///
/// No `async fn`, which would keep room for the arguments beside the pump.
pub(super) fn run<S>(
    services: Arc<Services>,
    connection: Arc<Connection>,
    settings: Arc<ConnectionSettings>,
    stream: S,
    leftover: Vec<u8>,
) -> impl Future<Output = Ending>
where
    S: Conduit,
{
    let mut pump = Pump {
        gate: Gate::new(settings.in_flight),
        services,
        connection,
        settings,
        stream,
        session: Session::new(),
        backlog: leftover.into(),
        out: Vec::new(),
        written: 0,
        unflushed: false,
        since: None,
        leaving: None,
        timer: None,
        parting: None,
        shut: false,
    };
    let pumping = std::future::poll_fn(move |context| pump.poll(context));
    AssertUnwindSafe(pumping).catch_unwind().map(|ending| {
        ending.unwrap_or_else(|_| {
            tracing::error!("a connection's task panicked");
            Ending {
                code: ABNORMAL,
                reason: String::new(),
            }
        })
    })
}

struct Pump<S> {
    services: Arc<Services>,
    connection: Arc<Connection>,
    settings: Arc<ConnectionSettings>,
    stream: S,
    session: Session,
    gate: Arc<Gate>,
    /// Bytes that were read but may not be looked at yet, because enough messages are in flight.
    backlog: Bytes,
    /// Frames on their way out, of which `written` bytes have left.
    out: Vec<u8>,
    written: usize,
    /// Whether the stream may hold back some of what was written to it.
    unflushed: bool,
    /// When writing last made progress, or closing began: what [`WRITE_TIMEOUT`] and [`CLOSE_TIMEOUT`] count from.
    since: Option<Tick>,
    /// A request to close that waits for older messages to leave, and since when.
    leaving: Option<(Tick, CloseRequest)>,
    timer: Option<(Tick, BoxFuture<'static, ()>)>,
    /// The end, when it has come or is known to come: the wait for its turn, if there is one.
    parting: Option<Option<Turn>>,
    /// Whether our side of the stream is shut, or given up.
    shut: bool,
}

impl<S: Conduit> Pump<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        self.connection.outbox.register(context);
        loop {
            self.take_outbox();
            if self.session.ending().is_some() || self.is_deserted() {
                self.connection.outbox.seal();
                ready!(self.poll_parting(context));
            }
            let mut progress = self.poll_write(context);
            if let Some(ending) = self.poll_end(context) {
                return Poll::Ready(ending);
            }
            progress |= self.read_backlog(context);
            progress |= self.poll_read(context);
            self.note_leaving();
            progress |= self.poll_timer(context);
            if !progress {
                return Poll::Pending;
            }
        }
    }

    fn now(&self) -> Tick {
        self.services.clock.now()
    }

    fn unwritten(&self) -> usize {
        self.out.len() - self.written
    }

    fn take_outbox(&mut self) {
        if !self.session.is_open() {
            // Nothing is sent behind a close frame, so nothing may be acknowledged any more.
            self.connection.outbox.seal();
            return;
        }
        if self.unwritten() >= WRITE_BATCH {
            return;
        }
        let mut batch: Vec<Outgoing> = Vec::new();
        let taken = self.connection.outbox.take(&mut batch, WRITE_BATCH);
        if !batch.is_empty() {
            self.connection.touch(self.now().0);
        }
        for message in &batch {
            self.session.send(message, &mut self.out);
        }
        if taken.ping {
            self.session.ping(&mut self.out);
        }
        if let Some(request) = taken.close {
            self.session.close(request, &mut self.out);
            self.since = Some(self.now());
        }
    }

    /// Writes what waits; `true` when some of it left.
    fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        let mut progress = false;
        while self.unwritten() > 0 {
            let rest = self.out.get(self.written..).unwrap_or_default();
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.written += count;
                    self.unflushed = true;
                    progress = true;
                    self.advanced();
                }
                Poll::Ready(_) => {
                    self.give_up();
                    return true;
                }
                Poll::Pending => {
                    self.stalled();
                    return progress;
                }
            }
        }
        if self.written > 0 {
            // An idle connection keeps no buffer.
            self.out = Vec::new();
            self.written = 0;
        }
        self.poll_flush(context);
        progress
    }

    /// TLS holds back what was written until it is flushed, and nobody but us asks for that.
    fn poll_flush(&mut self, context: &mut Context<'_>) {
        if !self.unflushed {
            return;
        }
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                self.advanced();
            }
            Poll::Ready(Err(_)) => self.give_up(),
            Poll::Pending => self.stalled(),
        }
    }

    fn advanced(&mut self) {
        if self.session.is_open() {
            self.since = None;
        }
    }

    fn stalled(&mut self) {
        let now = self.now();
        self.since.get_or_insert(now);
    }

    /// Nothing that still waits will ever leave.
    fn give_up(&mut self) {
        self.out = Vec::new();
        self.written = 0;
        self.unflushed = false;
        self.shut = true;
        self.session.lost();
    }

    /// The ending, once everything that should still leave has left.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Option<Ending> {
        let over = self.session.ending().is_some();
        let hang_up = over || self.session.is_deaf();
        if hang_up && self.unwritten() == 0 && !self.shut {
            // A failure here only means that the peer is gone already.
            self.shut = Pin::new(&mut self.stream).poll_shutdown(context).is_ready();
        }
        if over && !self.shut {
            self.stalled();
            return None;
        }
        self.session.ending().cloned()
    }

    /// Whether the peer is one of many that are gone: then it may wait for its turn before it is read from. Not if something is still
    /// to be sent to it: it may have closed its own side only.
    fn is_deserted(&self) -> bool {
        match &self.parting {
            None => {
                self.services.crowds.departures.is_crowded()
                    && self.unwritten() == 0
                    && self.connection.outbox.is_clear()
                    && self.stream.has_ended()
            }
            Some(waiting) => waiting.is_some(),
        }
    }

    /// Waits until the connection may end: when thousands do at once, it is not they who have something to lose.
    fn poll_parting(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let services = &self.services;
        let departures = &services.crowds.departures;
        let waiting = self
            .parting
            .get_or_insert_with(|| departures.step(services.clock.now()));
        if let Some(turn) = waiting {
            ready!(turn.poll_unpin(context));
            *waiting = None;
        }
        Poll::Ready(())
    }

    fn may_read(&self) -> bool {
        let crowded = || self.unwritten() >= WRITE_HIGH || self.connection.outbox.crowded();
        !self.session.is_open() || (self.gate.is_open() && !crowded())
    }

    fn read_backlog(&mut self, context: &mut Context<'_>) -> bool {
        if self.backlog.is_empty() || !self.may_read() {
            return false;
        }
        let mut backlog = std::mem::take(&mut self.backlog);
        let rest = self.digest(&backlog, context);
        // A view of the same bytes: a backlog of many messages is not copied for each of them.
        self.backlog = backlog.split_off(backlog.len() - rest);
        true
    }

    /// Reads once; `true` when bytes came or the peer ended.
    fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        if !self.backlog.is_empty() || !self.may_read() || self.session.ending().is_some() {
            return false;
        }
        scratch::with(
            |buffer| match Pin::new(&mut self.stream).poll_read(context, buffer) {
                Poll::Pending => false,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.connection.heard(self.now().0);
                    let rest = self.digest(buffer.filled(), context);
                    let kept = buffer.filled().len() - rest;
                    let kept = buffer.filled().get(kept..).unwrap_or_default();
                    self.backlog = Bytes::copy_from_slice(kept);
                    true
                }
                Poll::Ready(_) => {
                    self.session.lost();
                    true
                }
            },
        )
    }

    /// Hears what `input` says; gives how many of its last bytes may not be looked at yet.
    fn digest(&mut self, mut input: &[u8], context: &mut Context<'_>) -> usize {
        let arrived = self.services.moment();
        let now = arrived.tick();
        let was_open = self.session.is_open();
        let stage = self.services.stage_of(&self.connection);
        // Looked at before every message: each may have a long reply.
        while self.may_read() {
            match self
                .session
                .receive(&self.settings, now, &mut input, &mut self.out)
            {
                Step::Read => break,
                Step::Dispatch(message) => {
                    self.connection.touch(now.0);
                    self.dispatch(stage.as_ref(), message, arrived, context);
                }
                Step::Pinged if self.settings.pings_reset_idle => self.connection.touch(now.0),
                Step::Pinged => {}
            }
        }
        if was_open && !self.session.is_open() {
            self.since = Some(now);
        }
        input.len()
    }

    fn dispatch(
        &mut self,
        stage: Option<&Arc<Stage>>,
        message: Outgoing,
        arrived: Moment,
        context: &mut Context<'_>,
    ) {
        let Some(stage) = stage.map(Arc::clone) else {
            // The stage was taken away under an open connection.
            self.connection.outbox.close(CloseReason::AWAY);
            return;
        };
        let serial = runs_serially(&stage, &message);
        let services = Arc::clone(&self.services);
        let connection = Arc::clone(&self.connection);
        let replying = async move { services.message(stage, connection, message, arrived).await };
        let mut exchange = match ROOM.take() {
            Some(mut room) => {
                room.set(replying);
                room
            }
            None => Replying::new(replying),
        };
        // Much is answered at once; only what must wait for a backend is worth a task.
        match exchange.poll(context) {
            Poll::Ready(reply) => {
                ROOM.set(Some(exchange));
                if let Some(reply) = reply {
                    self.reply(reply);
                }
            }
            Poll::Pending => {
                let pass = self.gate.enter(&self.connection, serial);
                let connection = Arc::clone(&self.connection);
                self.services.tasks.spawn("message", async move {
                    if let Some(reply) = exchange.await {
                        connection.outbox.push_reply(reply);
                    }
                    drop(pass);
                });
            }
        }
    }

    /// Sends a reply without a way through the outbox and a wake-up, unless something waits there that came before it.
    fn reply(&mut self, reply: Outgoing) {
        // The outbox of a peer that is gone is sealed and was clear before.
        if self.parting.is_some() || self.connection.outbox.is_clear() {
            self.session.send(&reply, &mut self.out);
        } else {
            self.connection.outbox.push_reply(reply);
        }
    }
}

#[cfg(test)]
mod tests;
