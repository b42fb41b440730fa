//! What one HTTP/2 connection may make of its streams: so many in all, and few that it gives up before they are answered.
//!
//! A client that resets its streams at once has more requests under way than the bound on concurrent streams allows (rapid reset,
//! CVE-2023-44487). The h2 crate sees those that it has not handed on yet; the others are counted here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::debug;

use crate::base::clock::Clock;
use crate::limit::TokenBucket;
use crate::plan::route::RateLimit;

/// Streams of one connection; the client is then asked to open another.
const STREAMS: u32 = 10_000;
/// Streams that may still come in while the client hears of it.
const STREAMS_ON_TOP: u32 = 1_000;
/// Streams that a client may give up before they are answered: 200 in ten seconds.
const RESETS: RateLimit = RateLimit {
    rate: 20.0,
    burst: 200,
};
/// Longest life of a connection after its client was found to flood.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// The streams of one connection.
#[derive(Debug)]
pub(super) struct Streams {
    clock: Arc<dyn Clock>,
    opened: AtomicU32,
    resets: TokenBucket,
    flooded: AtomicBool,
    ended: Notify,
}

/// A stream that is not answered yet; dropped before, it was reset.
#[derive(Debug)]
pub(super) struct Unanswered(Option<Arc<Streams>>);

impl Streams {
    /// None yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            opened: AtomicU32::new(0),
            resets: TokenBucket::default(),
            flooded: AtomicBool::new(false),
            ended: Notify::new(),
        })
    }

    /// Counts a stream; `None` when its request must not be looked at any more.
    pub(super) fn open(self: &Arc<Self>) -> Option<Unanswered> {
        let opened = self
            .opened
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        if opened == STREAMS {
            self.ended.notify_one();
        }
        if opened > STREAMS + STREAMS_ON_TOP {
            // It was told to go and does not.
            self.flood();
        }
        (!self.is_flood()).then(|| Unanswered(Some(Arc::clone(self))))
    }

    /// Waits until the connection has had all that it may have: its client is to be sent away.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Waits until a client that floods has had the time to hear that it is sent away. Others may stay until they are answered.
    pub(super) async fn overstayed(&self) {
        while !self.is_flood() {
            self.ended.notified().await;
        }
        let end = self.clock.now().after(LAST_MOMENTS);
        self.clock.sleep_until(end).await;
    }

    fn is_flood(&self) -> bool {
        self.flooded.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        if !self.resets.take(RESETS, self.clock.nanos()) {
            self.flood();
        }
    }

    fn flood(&self) {
        if !self.flooded.swap(true, Ordering::Relaxed) {
            debug!("a client floods its HTTP/2 connection with streams");
            self.ended.notify_one();
        }
    }
}

impl Unanswered {
    /// It was answered.
    pub(super) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(streams) = self.0.take() {
            streams.reset();
        }
    }
}
