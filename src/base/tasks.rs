//! The only place that spawns tasks, and the signal that tells them to stop.
//!
//! A task that panics is logged and counted here; it never takes another task with it.

#![expect(
    clippy::disallowed_methods,
    reason = "tasks are spawned here and nowhere else"
)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::error;

/// Spawns tasks and knows how many of them are still running.
///
/// Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Tasks {
    live: Arc<Live>,
}

/// How many tasks run, and who waits for there to be none. An atomic, as messages that wait for a backend are tasks.
#[derive(Debug, Default)]
struct Live {
    count: AtomicUsize,
    none: Notify,
}

impl Tasks {
    /// An empty set of tasks.
    pub fn new() -> Self {
        Self {
            live: Arc::default(),
        }
    }

    /// Runs `future` on the runtime; `name` appears in the log if it panics.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let guard = Counted::enter(self.live.clone(), name);
        tokio::spawn(async move {
            let mut guard = guard;
            let output = future.await;
            guard.finished = true;
            Some(output)
        })
    }

    /// Tasks that have not ended yet.
    pub fn live(&self) -> usize {
        self.live.count.load(Ordering::Acquire)
    }

    /// Completes when no task is running any more.
    pub async fn idle(&self) {
        loop {
            let mut none = pin!(self.live.none.notified());
            // Asked to be told before looking, so that the last task cannot end unnoticed in between.
            none.as_mut().enable();
            if self.live() == 0 {
                return;
            }
            none.await;
        }
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

struct Counted {
    live: Arc<Live>,
    name: &'static str,
    finished: bool,
}

impl Counted {
    fn enter(live: Arc<Live>, name: &'static str) -> Self {
        live.count.fetch_add(1, Ordering::AcqRel);
        Self {
            live,
            name,
            finished: false,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.live.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.live.none.notify_waiters();
        }
        if !self.finished && std::thread::panicking() {
            error!(task = self.name, "a task panicked");
        }
    }
}

/// A one-way switch that many tasks can wait for.
#[derive(Debug, Clone)]
pub struct Shutdown {
    on: Arc<watch::Sender<bool>>,
}

impl Shutdown {
    /// A switch that is off.
    pub fn new() -> Self {
        Self {
            on: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Throws the switch; doing it twice is harmless.
    pub fn begin(&self) {
        self.on.send_replace(true);
    }

    /// Whether the switch has been thrown.
    pub fn begun(&self) -> bool {
        *self.on.borrow()
    }

    /// Completes once the switch has been thrown.
    pub async fn wait(&self) {
        let mut on = self.on.subscribe();
        on.wait_for(|on| *on).await.ok();
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
