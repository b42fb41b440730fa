//! Where access-log lines go: one queue and one writer task for each destination.
//!
//! Lines are put together where they wait, and what has gathered is written at once. Queues are bounded and senders wait, so a
//! slow disk slows exchanges down but loses no line.

mod queue;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use foldhash::HashMap;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tracing::error;

use self::queue::{Queue, Refused};
use crate::base::clock::{Clock, Tick};
use crate::base::tasks::Tasks;
use crate::plan::access_log::Destination;

/// Least time between two writes, unless there is much to write or somebody waits for it: each goes through another thread.
const PAUSE: Duration = Duration::from_millis(5);
/// Room for lines that is kept between two writes, in bytes.
const KEPT_BYTES: usize = 128 * 1024;

type Open = HashMap<Destination, Arc<Queue>>;

/// The open access logs of this process.
#[derive(Debug)]
pub struct AccessLogs {
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    open: ArcSwap<Open>,
    /// Held while [`Self::open`] changes.
    opening: Mutex<()>,
    lost: Arc<AtomicU64>,
}

impl AccessLogs {
    /// No destination is open yet; each is opened with its first line.
    pub fn new(clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        Self {
            clock,
            tasks,
            open: ArcSwap::default(),
            opening: Mutex::default(),
            lost: Arc::default(),
        }
    }

    /// Hands over one line, without its line end; `false` when there is no room for it now.
    pub fn try_write(&self, destination: &Destination, line: &str) -> bool {
        loop {
            let pushed = match self.open.load().get(destination) {
                Some(queue) => queue.push(line),
                None => self.queue(destination).push(line),
            };
            match pushed {
                Ok(()) => return true,
                Err(Refused::Full) => return false,
                Err(Refused::Ended) => drop(self.queue(destination)),
            }
        }
    }

    /// Hands over one line, without its line end, when there is room for it.
    pub async fn write(&self, destination: &Destination, line: &str) {
        while !self.try_write(destination, line) {
            self.queue(destination).room().await;
        }
    }

    /// Hands over one line from where nothing can wait. When the queue is full a task waits in its place.
    pub fn write_later(self: &Arc<Self>, destination: &Destination, line: String) {
        if self.try_write(destination, &line) {
            return;
        }
        let (logs, destination) = (Arc::clone(self), destination.clone());
        let waiting = async move { logs.write(&destination, &line).await };
        self.tasks.spawn("access log line", waiting);
    }

    /// Waits until everything written so far has reached its destination.
    pub async fn flush(&self) {
        let queues: Vec<_> = self.open.load().values().cloned().collect();
        for queue in queues {
            queue.written().await;
        }
    }

    /// How many lines wait for a destination now.
    pub fn waiting(&self) -> u64 {
        self.open.load().values().map(|queue| queue.waiting()).sum()
    }

    /// How many lines did not reach their destination.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Opens every destination anew with its next line, so that log files can be moved away.
    pub fn reopen(&self) {
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in self.open.swap(Arc::default()).values() {
            queue.close();
        }
    }

    /// The queue of a destination, which is opened if need be.
    fn queue(&self, destination: &Destination) -> Arc<Queue> {
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.open.load_full();
        if let Some(queue) = open.get(destination)
            && !queue.has_ended()
        {
            return Arc::clone(queue);
        }
        let queue = Arc::new(Queue::default());
        let writer = Writer {
            destination: destination.clone(),
            queue: Arc::clone(&queue),
            clock: Arc::clone(&self.clock),
            lost: Arc::clone(&self.lost),
        };
        self.tasks.spawn("access log", writer.run());
        let mut open = Open::clone(&open);
        open.insert(destination.clone(), Arc::clone(&queue));
        self.open.store(Arc::new(open));
        queue
    }
}

impl Drop for AccessLogs {
    fn drop(&mut self) {
        // Their writers end.
        self.reopen();
    }
}

/// Takes lines out of a queue and writes them.
struct Writer {
    destination: Destination,
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    lost: Arc<AtomicU64>,
}

impl Writer {
    async fn run(self) {
        let (mut sink, opened) = open(&self.destination).await;
        let mut batch = String::new();
        let mut again = Tick::default();
        while self.queue.has_lines().await {
            let pause = self.clock.sleep_until(again);
            tokio::select! {
                () = pause => {}
                () = self.queue.is_urgent() => {}
            }
            // Whoever else has a line ready hands it over first.
            tokio::task::yield_now().await;
            let lines = self.queue.take(&mut batch);
            let written = write_all(&mut sink, batch.as_bytes()).await;
            if written.is_err() || !opened {
                self.lost.fetch_add(lines, Ordering::Relaxed);
            }
            if let Err(problem) = written {
                error!(destination = ?self.destination, %problem, "access log lines could not be written");
            }
            self.queue.wrote(lines);
            batch.clear();
            batch.shrink_to(KEPT_BYTES);
            again = self.clock.now().after(PAUSE);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Lines that nobody will write; there are some only if this task did not end by itself.
        self.lost.fetch_add(self.queue.end(), Ordering::Relaxed);
    }
}

type Sink = Box<dyn AsyncWrite + Send + Unpin>;

/// Where the lines of a destination go, and whether they get there.
async fn open(destination: &Destination) -> (Sink, bool) {
    match destination {
        Destination::Stdout => (Box::new(tokio::io::stdout()), true),
        Destination::Stderr => (Box::new(tokio::io::stderr()), true),
        Destination::File(path) => match open_file(path).await {
            Ok(file) => (Box::new(file), true),
            Err(problem) => {
                error!(path = %path.display(), %problem, "the access log cannot be opened; lines are thrown away");
                (Box::new(tokio::io::sink()), false)
            }
        },
    }
}

async fn open_file(path: &Path) -> std::io::Result<tokio::fs::File> {
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).append(true).open(path).await
}

async fn write_all(sink: &mut Sink, batch: &[u8]) -> std::io::Result<()> {
    sink.write_all(batch).await?;
    sink.flush().await
}

#[cfg(test)]
mod tests;
