//! The counts that grow while a scenario runs.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Counts that grow while a scenario runs.
#[derive(Debug, Default)]
pub struct Live {
    /// Connections opened.
    pub connected: AtomicU64,
    /// Connections that could not be opened or prepared.
    pub unconnected: AtomicU64,
    /// Connections that ended before the scenario ended them.
    pub dropped: AtomicU64,
    /// Connections that the scenario ended.
    pub ended: AtomicU64,
    /// Messages sent, payloads posted, requests made.
    pub sent: AtomicU64,
    /// Replies, payloads or answers received and matched.
    pub received: AtomicU64,
}

/// The counts at one moment, or how much they grew in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in Live")]
pub struct Totals {
    pub connected: u64,
    pub unconnected: u64,
    pub dropped: u64,
    pub ended: u64,
    pub sent: u64,
    pub received: u64,
}

/// Adds one to a count.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Reads a count.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Live {
    /// The counts now.
    pub fn totals(&self) -> Totals {
        Totals {
            connected: read(&self.connected),
            unconnected: read(&self.unconnected),
            dropped: read(&self.dropped),
            ended: read(&self.ended),
            sent: read(&self.sent),
            received: read(&self.received),
        }
    }

    /// Adds what another process has counted.
    pub fn add(&self, growth: &Totals) {
        for (counter, by) in [
            (&self.connected, growth.connected),
            (&self.unconnected, growth.unconnected),
            (&self.dropped, growth.dropped),
            (&self.ended, growth.ended),
            (&self.sent, growth.sent),
            (&self.received, growth.received),
        ] {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }
}

impl Totals {
    /// Connections that are open.
    pub fn open(&self) -> u64 {
        self.connected.saturating_sub(self.dropped + self.ended)
    }

    /// How much the counts have grown since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.with(earlier, u64::saturating_sub)
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn with(&self, other: &Self, both: fn(u64, u64) -> u64) -> Self {
        Self {
            connected: both(self.connected, other.connected),
            unconnected: both(self.unconnected, other.unconnected),
            dropped: both(self.dropped, other.dropped),
            ended: both(self.ended, other.ended),
            sent: both(self.sent, other.sent),
            received: both(self.received, other.received),
        }
    }
}
