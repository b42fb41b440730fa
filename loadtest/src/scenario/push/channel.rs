//! One receiving connection: its id and its account, shared by its publisher and its receiver.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::measure::ledger::Ledger;
use crate::measure::marker::{MARKER_BYTES, Marker, Markers};

const HEAD: &str = r#"{"push":""#;
const MIDDLE: &str = r#"","pad":""#;
const TAIL: &str = r#""}"#;

/// A connection that payloads are posted to.
#[derive(Debug)]
pub(super) struct Channel {
    /// Number of the connection in the run.
    pub(super) number: u32,
    /// Its id, percent-encoded for a path.
    pub(super) path_id: String,
    ledger: Mutex<Ledger>,
    open: AtomicBool,
}

impl Channel {
    /// An open connection that nothing was posted to yet.
    pub(super) fn new(number: u32, path_id: String) -> Self {
        Self {
            number,
            path_id,
            ledger: Mutex::default(),
            open: AtomicBool::new(true),
        }
    }

    /// The mark of a payload, by its number on this connection.
    pub(super) fn marker(&self, sequence: u64) -> Marker {
        Marker {
            connection: self.number,
            sequence,
        }
    }

    /// The account; held only for one entry.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the connection has ended, so that nothing more can arrive.
    pub(super) fn end(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    /// Whether payloads can still arrive.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Payloads acknowledged and not received.
    pub(super) fn lost(&self) -> u64 {
        self.ledger().lost()
    }

    /// Payloads received and not acknowledged.
    pub(super) fn unacknowledged(&self) -> u64 {
        self.ledger().unacknowledged()
    }
}

/// What is posted: a small JSON document with a marker and padding.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    rest: String,
}

impl Payload {
    /// Payloads of `size` bytes, or as few as one can have.
    pub(super) fn new(size: usize) -> Self {
        let bare = HEAD.len() + MARKER_BYTES + TAIL.len();
        let pad = size.saturating_sub(bare + MIDDLE.len());
        let rest = if pad == 0 {
            TAIL.to_owned()
        } else {
            format!("{MIDDLE}{}{TAIL}", "x".repeat(pad))
        };
        Self { rest }
    }

    /// The payload with `marker`.
    pub(super) fn bytes(&self, markers: &Markers, marker: Marker) -> Bytes {
        Bytes::from([HEAD, &markers.text(marker), &self.rest].concat())
    }

    /// The marker of a payload, and whether the payload is as it was posted.
    pub(super) fn read(&self, markers: &Markers, payload: &[u8]) -> Option<(Marker, bool)> {
        let (marker, at) = markers.find(payload, HEAD.len())?;
        let rest = payload.get(at + MARKER_BYTES..).unwrap_or_default();
        let head = payload.get(..at).unwrap_or_default();
        let intact = head == HEAD.as_bytes() && rest == self.rest.as_bytes();
        Some((marker, intact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_their_size() {
        let markers = Markers::new(7);
        let marker = Marker {
            connection: 1,
            sequence: 2,
        };
        let check = |size: usize, bytes: usize| {
            let payload = Payload::new(size);
            let posted = payload.bytes(&markers, marker);
            assert_eq!(posted.len(), bytes, "{size}");
            assert!(serde_json::from_slice::<serde_json::Value>(&posted).is_ok());
            assert_eq!(payload.read(&markers, &posted), Some((marker, true)));
        };
        check(0, 33);
        check(33, 33);
        check(42, 33);
        check(43, 43);
        check(64, 64);
        check(100_000, 100_000);
    }

    #[test]
    fn a_changed_payload_is_noticed() {
        let markers = Markers::new(7);
        let marker = Marker {
            connection: 1,
            sequence: 2,
        };
        let payload = Payload::new(64);
        let posted = payload.bytes(&markers, marker);
        let text = std::str::from_utf8(&posted).unwrap();
        let check = |received: String, expected: Option<bool>| {
            let read = payload.read(&markers, received.as_bytes());
            assert_eq!(read.map(|(_, intact)| intact), expected, "{received}");
        };
        check(text.replace("xx\"", "xy\""), Some(false));
        check(text.replace("x\"}", "\"}"), Some(false));
        check(format!(" {text}"), Some(false));
        check(text.replace("lt0007", "lt0008"), None);
        check(String::new(), None);
    }
}
