//! What the publishers and receivers of a run share.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::watch;

use super::channel::{Channel, Payload};
use crate::client::{ConnectionIdSource, Dialer};
use crate::measure::Latency;
use crate::pace::Schedule;
use crate::run::{Run, read};

/// How often it is looked whether the last payloads have arrived.
const DRAIN_POLL: Duration = Duration::from_millis(2);

/// What publishers and receivers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) run: Run,
    pub(super) dialer: Dialer,
    /// Where a connection learns its id; without it, the id is chosen here.
    pub(super) id_source: Option<ConnectionIdSource>,
    pub(super) payload: Payload,
    pub(super) reply_timeout: Duration,
    /// Connections that are ready to receive.
    pub(super) channels: Mutex<Vec<Arc<Channel>>>,
    /// Turns true when the receivers may go.
    pub(super) release: watch::Sender<bool>,
    /// From the instant a POST was due to the receipt of its payload; only with a rate.
    pub(super) receipt_from_schedule: Latency,
    pub(super) scheduled: bool,
    /// From sending a POST to its answer.
    pub(super) post: Latency,
    pub(super) statuses: Mutex<BTreeMap<u16, u64>>,
    pub(super) tallies: Tallies,
}

/// What became of the payloads, beside what each connection's ledger knows.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    pub(super) acknowledged: AtomicU64,
    /// Posted as they were made before the clock ran.
    pub(super) made_ahead: AtomicU64,
    pub(super) duplicated: AtomicU64,
    pub(super) reordered: AtomicU64,
    pub(super) misdelivered: AtomicU64,
    pub(super) corrupted: AtomicU64,
    pub(super) unidentified: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) uncertain: AtomicU64,
    /// Nanoseconds from the start to the last receipt.
    pub(super) last_receipt: AtomicU64,
}

/// When the publishers begin and end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) start: Instant,
    /// No payload is due at or after it.
    pub(super) end: Option<Instant>,
    /// Payloads of all publishers together.
    pub(super) messages: Option<u64>,
    pub(super) schedule: Option<Schedule>,
    pub(super) publishers: u64,
}

impl Shared {
    /// Takes a connection that is ready among those that are posted to.
    pub(super) fn enter(&self, channel: Arc<Channel>) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.push(channel);
    }

    pub(super) fn channels(&self) -> Vec<Arc<Channel>> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.clone()
    }

    /// Waits until every acknowledged payload has arrived, or until none has arrived for the reply timeout.
    pub(super) async fn drain(&self, channels: &[Arc<Channel>]) {
        let mut interval = tokio::time::interval(DRAIN_POLL);
        let mut seen = read(&self.run.live.received);
        let mut since = Instant::now();
        let is_missing = |channel: &Arc<Channel>| channel.is_open() && channel.lost() > 0;
        while channels.iter().any(is_missing) && since.elapsed() < self.reply_timeout {
            interval.tick().await;
            let received = read(&self.run.live.received);
            if received != seen {
                seen = received;
                since = Instant::now();
            }
        }
    }

    /// Counts the status of one answer.
    pub(super) fn note_status(&self, status: StatusCode) {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        *statuses.entry(status.as_u16()).or_default() += 1;
    }
}
