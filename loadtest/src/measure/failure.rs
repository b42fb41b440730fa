//! Names for what goes wrong, and how often each did.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

/// What a bounded wait was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The TCP connection.
    Connect,
    /// The TLS or WebSocket handshake.
    Handshake,
    /// Room to send: the peer does not read.
    Write,
    /// The reply to a message.
    Reply,
    /// The answer to an HTTP request.
    Answer,
    /// The next piece of an HTTP answer's body.
    Body,
    /// The answer to a ping.
    Pong,
}

/// One way in which a connection, message or request failed.
///
/// Its text form is the key under which a result counts it, so it carries only closed sets: kinds,
/// HTTP statuses, WebSocket close codes (RFC 6455 section 7.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens at the address.
    Refused,
    /// The peer ended the connection without a closing handshake.
    Reset,
    /// A bounded wait ended.
    Timeout(Wait),
    /// The TLS handshake failed: certificate, name or version.
    Tls,
    /// The WebSocket handshake was answered with this HTTP status instead of 101.
    Handshake(u16),
    /// The peer closed with this code; `None` when its close frame carried none.
    Closed(Option<u16>),
    /// The peer broke the WebSocket or HTTP protocol.
    Protocol(String),
    /// The peer sent more than a client here accepts.
    TooLarge,
    /// An HTTP request was answered with this status, which is no success.
    Status(u16),
    /// The body of an HTTP answer does not have the expected length.
    Length,
    /// No frame carried a connection id.
    NoConnectionId,
    /// Any other operating system error.
    Io(io::ErrorKind),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused => f.write_str("refused"),
            Failure::Reset => f.write_str("reset"),
            Failure::Timeout(wait) => f.write_str(match wait {
                Wait::Connect => "timeout: connect",
                Wait::Handshake => "timeout: handshake",
                Wait::Write => "timeout: write",
                Wait::Reply => "timeout: reply",
                Wait::Answer => "timeout: answer",
                Wait::Body => "timeout: body",
                Wait::Pong => "timeout: pong",
            }),
            Failure::Tls => f.write_str("tls"),
            Failure::Handshake(status) => write!(f, "handshake status {status}"),
            Failure::Closed(Some(code)) => write!(f, "closed {code}"),
            Failure::Closed(None) => f.write_str("closed without code"),
            Failure::Protocol(what) => write!(f, "protocol: {what}"),
            Failure::TooLarge => f.write_str("too large"),
            Failure::Status(status) => write!(f, "status {status}"),
            Failure::Length => f.write_str("unexpected length"),
            Failure::NoConnectionId => f.write_str("no connection id"),
            Failure::Io(kind) => write!(f, "io: {kind}"),
        }
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Failure::Refused,
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::NotConnected
            | Kind::UnexpectedEof => Failure::Reset,
            Kind::TimedOut => Failure::Timeout(Wait::Connect),
            kind => Failure::Io(kind),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::from(&error)
    }
}

impl From<SocketError> for Failure {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::ConnectionClosed | SocketError::AlreadyClosed => Failure::Closed(None),
            SocketError::Io(error) => Failure::from(&error),
            SocketError::Tls(_) => Failure::Tls,
            SocketError::Http(answer) => Failure::Handshake(answer.status().as_u16()),
            SocketError::Capacity(_) | SocketError::WriteBufferFull(_) => Failure::TooLarge,
            SocketError::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
            ) => Failure::Reset,
            SocketError::Protocol(error) => Failure::Protocol(error.to_string()),
            SocketError::Utf8(_) => Failure::Protocol("invalid UTF-8".to_owned()),
            SocketError::AttackAttempt => Failure::Protocol("endless handshake".to_owned()),
            SocketError::Url(_) | SocketError::HttpFormat(_) => {
                Failure::Protocol("malformed handshake".to_owned())
            }
        }
    }
}

impl Failure {
    /// The failure a close frame means.
    pub fn closed(message: &Message) -> Option<Self> {
        match message {
            Message::Close(frame) => Some(Failure::Closed(frame.as_ref().map(|f| f.code.into()))),
            _ => None,
        }
    }
}

/// How often each failure happened. The parts of one run count together, each under names of its own.
#[derive(Debug, Default)]
pub struct Failures {
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
    prefix: String,
}

impl Failures {
    /// The same counts for a part of the run: its names begin with that of the part.
    pub fn part(&self, name: &str) -> Self {
        Self {
            counts: self.counts.clone(),
            prefix: format!("{}{name}: ", self.prefix),
        }
    }

    /// Counts one failure.
    pub fn add(&self, failure: &Failure) {
        self.add_many(failure, 1);
    }

    /// Counts the same failure `times` times.
    pub fn add_many(&self, failure: &Failure, times: u64) {
        if times > 0 {
            self.add_named(&failure.to_string(), times);
        }
    }

    /// Counts what another process has counted under `name`.
    pub fn add_named(&self, name: &str, times: u64) {
        let name = format!("{}{name}", self.prefix);
        *self.counts().entry(name).or_default() += times;
    }

    /// How often `failure` happened.
    pub fn count(&self, failure: &Failure) -> u64 {
        let name = format!("{}{failure}", self.prefix);
        self.counts().get(&name).copied().unwrap_or_default()
    }

    /// All failures together, also those of other parts.
    pub fn total(&self) -> u64 {
        self.counts().values().sum()
    }

    /// All failures by name.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        self.counts().clone()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Serialize for Failures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.counts().iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::protocol::CloseFrame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

    #[test]
    fn every_failure_has_a_name() {
        let check = |failure: Failure, name: &str| assert_eq!(failure.to_string(), name);
        let io = |kind: io::ErrorKind| Failure::from(io::Error::from(kind));
        check(io(io::ErrorKind::ConnectionRefused), "refused");
        check(io(io::ErrorKind::ConnectionReset), "reset");
        check(io(io::ErrorKind::BrokenPipe), "reset");
        check(io(io::ErrorKind::UnexpectedEof), "reset");
        check(io(io::ErrorKind::TimedOut), "timeout: connect");
        check(
            io(io::ErrorKind::AddrNotAvailable),
            "io: address not available",
        );
        check(Failure::Timeout(Wait::Reply), "timeout: reply");
        check(Failure::Handshake(403), "handshake status 403");
        check(SocketError::ConnectionClosed.into(), "closed without code");
        check(
            SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake).into(),
            "reset",
        );
        check(
            SocketError::Protocol(ProtocolError::NonZeroReservedBits).into(),
            "protocol: Reserved bits are non-zero",
        );
        check(
            SocketError::Utf8(String::new()).into(),
            "protocol: invalid UTF-8",
        );
    }

    #[test]
    fn a_close_frame_is_named_by_its_code() {
        let frame = |code| {
            Message::Close(Some(CloseFrame {
                code,
                reason: "".into(),
            }))
        };
        let check = |message: Message, name: Option<&str>| {
            let failure = Failure::closed(&message).map(|f| f.to_string());
            assert_eq!(failure.as_deref(), name);
        };
        check(frame(CloseCode::Away), Some("closed 1001"));
        check(frame(CloseCode::Library(4000)), Some("closed 4000"));
        check(Message::Close(None), Some("closed without code"));
        check(Message::text("still here"), None);
    }

    #[test]
    fn failures_are_counted_by_name() {
        let failures = Failures::default();
        failures.add(&Failure::Refused);
        failures.add_many(&Failure::Closed(Some(1009)), 3);
        failures.add_many(&Failure::Reset, 0);
        assert_eq!(failures.total(), 4);
        assert_eq!(failures.count(&Failure::Closed(Some(1009))), 3);
        let json = serde_json::to_string(&failures).unwrap();
        assert_eq!(json, r#"{"closed 1009":3,"refused":1}"#);
        let part = failures.part("push");
        part.add(&Failure::Refused);
        assert_eq!(part.count(&Failure::Refused), 1);
        assert_eq!((part.total(), failures.total()), (5, 5));
        assert_eq!(failures.by_name()["push: refused"], 1);
    }
}
