//! What is done now and then while a gateway runs: idle buckets are dropped, and what was used of quotas is written.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::limit::{Journal, JournalError, keep};
use crate::pipeline::Services;
use crate::plan::Plan;
use crate::transport::Background;

/// How often idle buckets are looked for.
const SWEEP_PERIOD: Duration = Duration::from_secs(10);

/// Keeps usage in the state directory, from the first definition on that has a quota.
#[derive(Debug)]
pub(super) struct UsageKeeper {
    directory: PathBuf,
    keeps: AtomicBool,
}

impl UsageKeeper {
    /// Nothing is kept yet.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            keeps: AtomicBool::new(false),
        }
    }

    /// Begins to keep usage if the plan needs it and that has not been done; what was used before is there again when this
    /// returns.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub(super) fn begin(
        &self,
        plan: &Plan,
        services: &Services,
        background: &Background,
    ) -> Result<(), JournalError> {
        if !plan.usage.has_quota() || self.keeps.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (usage, clock) = (Arc::clone(&services.usage), Arc::clone(&services.clock));
        let journal = Journal::open(&self.directory, &usage, clock.wall())?;
        let keeping = keep(usage, journal, clock, background.stop.clone());
        background.tasks.spawn("usage", keeping);
        self.keeps.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Drops what is idle, until the background work is told to stop.
pub(super) async fn sweep(services: Arc<Services>, background: Background) {
    let clock = &services.clock;
    loop {
        tokio::select! {
            () = clock.sleep_until(clock.now().after(SWEEP_PERIOD)) => {}
            () = background.stop.wait() => return,
        }
        services.limiter.sweep(clock.nanos());
        services.usage.sweep(clock.wall());
        services.tokens.sweep(clock.wall());
    }
}
