//! One connection as a pure state machine, described in `LIFECYCLE.md` beside this file.
//!
//! Bytes, wishes and times go in; messages to dispatch and bytes to write come out. Invariants: nothing is written after
//! a close frame, nothing is dispatched once the connection is ending, and there is exactly one [`Ending`].

use bytes::Bytes;
use connection_store::{CloseRequest, Outgoing};

use crate::base::clock::Tick;
use crate::error::CloseReason;
use crate::plan::stage::ConnectionSettings;
use crate::transport::ws::decoder::{Decoder, Incoming};
use crate::transport::ws::encoder;

/// `disconnectReason` for a client that closes without a status.
const NO_STATUS: &str = "Client-side close frame status not set";
/// `disconnectReason` for a peer that is gone without a word; Amazon's text is not known.
const LOST: &str = "Connection closed abnormally";
/// Code that stands for a peer that is gone without a word (RFC 6455 section 7.1.5); never sent.
pub const ABNORMAL: u16 = 1006;

/// Why a connection ended: what `$disconnect` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// `disconnectStatusCode`.
    pub code: u16,
    /// `disconnectReason`.
    pub reason: String,
}

/// What the session wants after some input.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More bytes.
    Read,
    /// The message dispatched; then to be asked again.
    Dispatch(Outgoing),
    /// Note that the peer is active, although it sent no message; then to be asked again.
    Pinged,
}

#[derive(Debug)]
enum State {
    Open,
    /// A close frame was sent; the peer's own is awaited for a while.
    Closing(Ending),
    /// Nothing more is expected from the peer.
    Closed(Ending),
}

/// The protocol state of one connection.
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    state: State,
    /// After a breach of protocol nothing the peer says makes sense any more.
    deaf: bool,
}

impl Session {
    /// A connection that has just been accepted.
    pub fn new() -> Self {
        Self {
            decoder: Decoder::default(),
            state: State::Open,
            deaf: false,
        }
    }

    /// Takes bytes from `input` until there is something to do; answers go to `out`.
    pub fn receive(
        &mut self,
        settings: &ConnectionSettings,
        now: Tick,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Step {
        while !input.is_empty() {
            if self.deaf || matches!(self.state, State::Closed(_)) {
                *input = &[];
                break;
            }
            match self.decoder.next(settings, now, input) {
                Ok(None) => {}
                Ok(Some(incoming)) => {
                    if let Some(step) = self.hear(incoming, out) {
                        return step;
                    }
                }
                Err(reason) => {
                    self.deaf = true;
                    self.fail(&reason, out);
                }
            }
        }
        Step::Read
    }

    fn hear(&mut self, incoming: Incoming, out: &mut Vec<u8>) -> Option<Step> {
        match (incoming, &self.state) {
            (Incoming::Message(message), State::Open) => Some(Step::Dispatch(message)),
            (Incoming::Ping(payload), State::Open) => {
                encoder::pong(&payload, out);
                Some(Step::Pinged)
            }
            (Incoming::Close(status), _) => {
                self.peer_closes(status, out);
                None
            }
            (Incoming::Pong | Incoming::Message(_) | Incoming::Ping(_), _) => None,
        }
    }

    fn peer_closes(&mut self, status: Option<(u16, String)>, out: &mut Vec<u8>) {
        let state = std::mem::replace(&mut self.state, State::Open);
        self.state = State::Closed(match state {
            State::Closing(ending) | State::Closed(ending) => ending,
            State::Open => {
                encoder::close(status.as_ref().map(|(code, _)| (*code, "")), out);
                let (code, reason) = status.unwrap_or((1005, NO_STATUS.to_owned()));
                Ending { code, reason }
            }
        });
    }

    /// Appends a message, unless the connection is ending.
    pub fn send(&mut self, message: &Outgoing, out: &mut Vec<u8>) {
        if matches!(self.state, State::Open) {
            encoder::message(message, out);
        }
    }

    /// Appends a ping, unless the connection is ending.
    pub fn ping(&mut self, out: &mut Vec<u8>) {
        if matches!(self.state, State::Open) {
            encoder::ping(out);
        }
    }

    /// Begins to close on the gateway's own account. Code 1006 means that the peer is not there to be told.
    pub fn close(&mut self, request: CloseRequest, out: &mut Vec<u8>) {
        if request.code == ABNORMAL {
            self.lost();
        } else {
            self.begin_close(request.code, request.reason, out);
        }
    }

    fn fail(&mut self, reason: &CloseReason, out: &mut Vec<u8>) {
        self.begin_close(reason.code(), &reason.text(), out);
    }

    fn begin_close(&mut self, code: u16, reason: &str, out: &mut Vec<u8>) {
        if matches!(self.state, State::Open) {
            encoder::close(Some((code, reason)), out);
            self.state = State::Closing(Ending {
                code,
                reason: reason.to_owned(),
            });
        }
    }

    /// The peer is too slow to send the rest of a message.
    pub fn assembly_timed_out(&mut self, out: &mut Vec<u8>) {
        self.deaf = true;
        self.fail(&CloseReason::PolicyViolation("Message took too long"), out);
    }

    /// The socket has ended, failed, or outlived the time for closing.
    pub fn lost(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Open);
        self.state = State::Closed(match state {
            State::Closing(ending) | State::Closed(ending) => ending,
            State::Open => Ending {
                code: ABNORMAL,
                reason: LOST.to_owned(),
            },
        });
    }

    /// Whether messages may still be sent and dispatched.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether a close frame was sent that the peer has not answered.
    pub fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing(_))
    }

    /// Whether the peer broke the protocol, so that the sending side should be shut at once.
    pub fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// The ending, once nothing more is expected from the peer.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.state {
            State::Closed(ending) => Some(ending),
            State::Open | State::Closing(_) => None,
        }
    }

    /// When the first byte of an unfinished message came.
    pub fn assembling_since(&self) -> Option<Tick> {
        self.decoder.assembling_since()
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

/// A whole connection's worth of input, for fuzzing: frames in, nothing may break an invariant.
///
/// # Panics
/// When an invariant of [`Session`] is broken.
pub fn exercise(input: &[u8]) {
    let mut session = Session::new();
    let settings = ConnectionSettings {
        binary_frames: crate::plan::stage::BinaryFrames::Accept,
        ..ConnectionSettings::default()
    };
    let mut out = Vec::new();
    for (round, piece) in input.chunks(37).enumerate() {
        let mut rest = piece;
        let now = Tick(round as u64);
        while !rest.is_empty() {
            let before = rest.len();
            let open = session.is_open();
            let step = session.receive(&settings, now, &mut rest, &mut out);
            assert!(rest.len() < before, "a step consumes something");
            if let Step::Dispatch(message) = step {
                assert!(open, "nothing is dispatched once the connection is ending");
                assert!(
                    message.payload().len() <= 128 * 1024,
                    "messages are bounded"
                );
                session.send(&Outgoing::Text(Bytes::from_static(b"reply")), &mut out);
            }
        }
    }
    session.lost();
    assert!(session.ending().is_some(), "there is exactly one ending");
    let written = out.len();
    session.send(&Outgoing::Text(Bytes::from_static(b"late")), &mut out);
    assert_eq!(out.len(), written, "nothing is written after the end");
}

#[cfg(test)]
mod tests;
