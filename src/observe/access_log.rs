//! Where access-log lines go: one writer task for each destination.
//!
//! Queues are bounded and senders wait, so a slow disk slows exchanges down but loses no line.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use crate::base::tasks::Tasks;
use crate::plan::access_log::Destination;

/// Lines that may wait for one destination.
const QUEUED_LINES: usize = 4096;
/// Bytes that are put together before they are written.
const BATCH_BYTES: usize = 64 * 1024;

#[derive(Debug)]
enum Order {
    Line(String),
    Flush(oneshot::Sender<()>),
}

/// The open access logs of this process.
#[derive(Debug)]
pub struct AccessLogs {
    tasks: Tasks,
    open: Mutex<HashMap<Destination, mpsc::Sender<Order>>>,
    lost: Arc<AtomicU64>,
}

impl AccessLogs {
    /// No destination is open yet; each is opened with its first line.
    pub fn new(tasks: Tasks) -> Self {
        Self {
            tasks,
            open: Mutex::default(),
            lost: Arc::default(),
        }
    }

    /// Hands over one line, without its line end.
    pub async fn write(&self, destination: &Destination, line: String) {
        let sender = self.sender(destination);
        if sender.send(Order::Line(line)).await.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            error!(?destination, "the access log's writer has ended");
        }
    }

    /// Hands over one line from where nothing can wait. When the queue is full a task waits in its place.
    pub fn write_later(&self, destination: &Destination, line: String) {
        let sender = self.sender(destination);
        if let Err(mpsc::error::TrySendError::Full(order)) = sender.try_send(Order::Line(line)) {
            let waiting = async move { drop(sender.send(order).await) };
            self.tasks.spawn("access log line", waiting);
        }
    }

    /// Waits until everything written so far has reached its destination.
    pub async fn flush(&self) {
        let senders: Vec<_> = self.lock().values().cloned().collect();
        for sender in senders {
            let (done, flushed) = oneshot::channel();
            if sender.send(Order::Flush(done)).await.is_ok() {
                // The writer answers or has ended; either way nothing is left to wait for.
                flushed.await.ok();
            }
        }
    }

    /// How many lines wait for a destination now.
    pub fn waiting(&self) -> usize {
        let open = self.lock();
        let queued = |sender: &mpsc::Sender<Order>| sender.max_capacity() - sender.capacity();
        open.values().map(queued).sum()
    }

    /// How many lines did not reach their destination.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Opens every destination anew with its next line, so that log files can be moved away.
    pub fn reopen(&self) {
        self.lock().clear();
    }

    fn sender(&self, destination: &Destination) -> mpsc::Sender<Order> {
        let mut open = self.lock();
        if let Some(sender) = open.get(destination) {
            return sender.clone();
        }
        let (sender, orders) = mpsc::channel(QUEUED_LINES);
        let writer = run(destination.clone(), orders, Arc::clone(&self.lost));
        self.tasks.spawn("access log", writer);
        open.insert(destination.clone(), sender.clone());
        sender
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Destination, mpsc::Sender<Order>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(destination: Destination, mut orders: mpsc::Receiver<Order>, lost: Arc<AtomicU64>) {
    let mut opened = true;
    let mut sink: Box<dyn AsyncWrite + Send + Unpin> = match &destination {
        Destination::Stdout => Box::new(tokio::io::stdout()),
        Destination::Stderr => Box::new(tokio::io::stderr()),
        Destination::File(path) => match open(path).await {
            Ok(file) => Box::new(file),
            Err(problem) => {
                error!(path = %path.display(), %problem, "the access log cannot be opened; lines are thrown away");
                opened = false;
                Box::new(tokio::io::sink())
            }
        },
    };
    while let Some(first) = orders.recv().await {
        // Whoever else has a line ready hands it over first: every write goes through another thread.
        tokio::task::yield_now().await;
        let mut batch = Vec::new();
        let mut waiting = Vec::new();
        let mut lines = 0;
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Line(line) => {
                    batch.extend_from_slice(line.as_bytes());
                    batch.push(b'\n');
                    lines += 1;
                }
                Order::Flush(done) => waiting.push(done),
            }
            next = match batch.len() < BATCH_BYTES {
                true => orders.try_recv().ok(),
                false => None,
            };
        }
        let written = write_all(&mut sink, &batch).await;
        if written.is_err() || !opened {
            lost.fetch_add(lines, Ordering::Relaxed);
        }
        if let Err(problem) = written {
            error!(?destination, %problem, "access log lines could not be written");
        }
        for done in waiting {
            done.send(()).ok();
        }
    }
}

async fn open(path: &Path) -> std::io::Result<tokio::fs::File> {
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).append(true).open(path).await
}

async fn write_all(
    sink: &mut (dyn AsyncWrite + Send + Unpin),
    batch: &[u8],
) -> std::io::Result<()> {
    sink.write_all(batch).await?;
    sink.flush().await
}
