//! Stopping without dropping anyone unheard.

use std::time::Duration;

use tracing::{info, warn};

use crate::base::clock::within;
use crate::base::tasks::Shutdown;
use crate::error::CloseReason;
use crate::pipeline::Services;

/// Longest wait for what serves no client.
pub(super) const LAST_WAIT: Duration = Duration::from_secs(5);
/// In how many batches sockets are closed, so that clients do not all come back at once.
const BATCHES: usize = 10;
/// A batch is never smaller than this: few sockets need no pacing.
const BATCH_AT_LEAST: usize = 100;
/// Share of the time limit that pauses between batches may take, as a divisor.
const PACING_SHARE: u32 = 2;

/// Closes every connection within `limit` and waits for what they still do.
pub(super) async fn drain(services: &Services, stop: &Shutdown, limit: Duration) {
    stop.begin();
    let clock = services.clock.as_ref();
    let deadline = clock.now().after(limit);
    info!(connections = services.store.local_count(), "draining");
    close_all(services, limit / PACING_SHARE).await;
    let left = deadline.since(clock.now());
    if within(clock, left, services.tasks.idle()).await.is_none() {
        warn!(
            tasks = services.tasks.live(),
            "not everything ended in time"
        );
    }
}

async fn close_all(services: &Services, pacing: Duration) {
    let clock = &services.clock;
    let connections = services.store.local();
    let batch = (connections.len() / BATCHES).max(BATCH_AT_LEAST);
    let pause = pacing / u32::try_from(BATCHES).unwrap_or(1);
    let mut batches = connections.chunks(batch).peekable();
    while let Some(batch) = batches.next() {
        for connection in batch {
            connection.outbox.close(CloseReason::AWAY);
        }
        if batches.peek().is_some() {
            clock.sleep_until(clock.now().after(pause)).await;
        }
    }
}
