//! Connections that wait for their next request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::Destination;
use super::link::Link;
use crate::base::clock::{Clock, Tick};
use crate::base::tasks::{Shutdown, Tasks};

/// Idle connections kept for each destination.
const IDLE_CONNECTIONS: usize = 256;
/// How long an idle connection is kept: less than the 5 s after which Node's server closes its side, so that a request rarely
/// meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Idle connections by destination, the one used last on top.
pub(super) struct Pool {
    idle: DashMap<Destination, Vec<Idle>, RandomState>,
    pub(super) clock: Arc<dyn Clock>,
    tasks: Tasks,
    stop: Shutdown,
    /// Whether a task is there that closes what has waited too long.
    swept: AtomicBool,
}

struct Idle {
    link: Box<Link>,
    since: Tick,
}

impl Pool {
    pub(super) fn new(clock: Arc<dyn Clock>, tasks: Tasks, stop: Shutdown) -> Self {
        Self {
            idle: DashMap::default(),
            clock,
            tasks,
            stop,
            swept: AtomicBool::new(false),
        }
    }

    /// A connection that was used not long ago.
    pub(super) fn take(&self, destination: &Destination) -> Option<Box<Link>> {
        let mut waiting = self.idle.get_mut(destination)?;
        let idle = waiting.pop()?;
        // Those below have waited even longer; the sweep closes them.
        let fresh = self.clock.now().since(idle.since) < IDLE_TIMEOUT;
        fresh.then_some(idle.link)
    }

    /// Takes back a connection whose answer has been read, if another request can be sent over it.
    pub(super) fn take_back(self: &Arc<Self>, destination: Destination, mut link: Box<Link>) {
        if link.renew() {
            self.put(destination, link);
        }
    }

    /// Keeps a connection for the next request.
    fn put(self: &Arc<Self>, destination: Destination, link: Box<Link>) {
        let since = self.clock.now();
        let mut waiting = match self.idle.get_mut(&destination) {
            Some(waiting) => waiting,
            None => self.idle.entry(destination).or_default(),
        };
        if waiting.len() < IDLE_CONNECTIONS {
            waiting.push(Idle { link, since });
        }
        drop(waiting);
        if !self.swept.swap(true, Ordering::Relaxed) {
            let pool = Arc::downgrade(self);
            let (clock, stop) = (Arc::clone(&self.clock), self.stop.clone());
            self.tasks
                .spawn("idle backend connections", sweep(pool, clock, stop));
        }
    }

    /// Closes what has waited too long; `true` when nothing is left.
    fn close_old(&self, now: Tick) -> bool {
        let young = |idle: &Idle| now.since(idle.since) < IDLE_TIMEOUT;
        self.idle.retain(|_, waiting| {
            waiting.retain(young);
            !waiting.is_empty()
        });
        self.idle.is_empty()
    }
}

/// Closes old connections as long as there are any, and then ends.
async fn sweep(pool: Weak<Pool>, clock: Arc<dyn Clock>, stop: Shutdown) {
    loop {
        let turn = clock.sleep_until(clock.now().after(IDLE_TIMEOUT));
        tokio::select! {
            () = turn => {}
            () = stop.wait() => return,
        }
        let Some(pool) = pool.upgrade() else {
            return;
        };
        if pool.close_old(clock.now()) {
            pool.swept.store(false, Ordering::Relaxed);
            // Whoever has put one back in between has seen the switch on.
            if pool.idle.is_empty() || pool.swept.swap(true, Ordering::Relaxed) {
                return;
            }
        }
    }
}
