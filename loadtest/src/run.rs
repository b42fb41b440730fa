//! What the scenarios share while they run: the wish to stop, the counts that the progress line shows,
//! the failures, and the fleet of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::client::{Dialer, Socket};
use crate::measure::marker::Markers;
use crate::measure::{Failure, Failures, Latency};
use crate::options::{Common, Misuse};
use crate::pace::{Schedule, Timer};
use crate::stop::Stop;

/// Longest wait for a peer's half of a closing handshake.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// File descriptors this program needs beside those of the connections.
const SPARE_FILES: u64 = 64;

/// One run of one scenario. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Run {
    /// The wish to end early.
    pub stop: Stop,
    /// How the messages of this run are marked.
    pub markers: Markers,
    /// What failed, by name.
    pub failures: Arc<Failures>,
    /// How long it took to open a connection, handshakes included.
    pub connect: Arc<Latency>,
    /// What the progress line shows.
    pub live: Arc<Live>,
}

/// Counts that grow while a scenario runs.
#[derive(Debug, Default)]
pub struct Live {
    /// Connections opened.
    pub connected: AtomicU64,
    /// Connections that could not be opened or prepared.
    pub unconnected: AtomicU64,
    /// Connections that ended before the scenario ended them.
    pub dropped: AtomicU64,
    /// Messages sent or payloads posted.
    pub sent: AtomicU64,
    /// Replies or payloads received and matched.
    pub received: AtomicU64,
}

/// Adds one to a count.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Reads a count.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Run {
    /// A run that nothing has happened in yet.
    pub fn new(stop: Stop) -> Self {
        Self {
            stop,
            markers: Markers::new(rand::random()),
            failures: Arc::default(),
            connect: Arc::default(),
            live: Arc::default(),
        }
    }

    /// Opens one connection, counts it and its latency, or counts what kept it from being opened.
    pub async fn connect(&self, dialer: &Dialer, number: u32) -> Option<Socket> {
        let start = Instant::now();
        match dialer.socket().await {
            Ok(socket) => {
                self.connect.record(number as usize, start.elapsed());
                count(&self.live.connected);
                Some(socket)
            }
            Err(failure) => {
                self.failures.add(&failure);
                count(&self.live.unconnected);
                None
            }
        }
    }

    /// Counts a connection that ended before the scenario ended it.
    pub fn dropped(&self, failure: &Failure) {
        self.failures.add(failure);
        count(&self.live.dropped);
    }

    /// Waits for `time`, or less if the run is asked to stop.
    pub async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stop.wait() => {}
        }
    }
}

/// Many connections, each with a task of its own.
#[derive(Debug)]
pub struct Fleet {
    sessions: JoinSet<()>,
    settled: watch::Receiver<u32>,
    launched: u32,
}

/// Held by a session until its connection is ready, or has failed: the next one may then be opened.
#[derive(Debug)]
pub struct Arrival {
    settled: Arc<watch::Sender<u32>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.settled.send_modify(|settled| *settled += 1);
    }
}

impl Fleet {
    /// Starts `session(number, arrival)` for each of `count` connections, at the rate and with the
    /// concurrency that `common` asks for, and returns when each has dropped its [`Arrival`] or ended.
    /// Starts fewer when the run is asked to stop.
    ///
    /// # Errors
    ///
    /// The system has no timer for the connect rate.
    pub async fn launch<F>(
        run: &Run,
        common: &Common,
        count: u32,
        session: impl Fn(u32, Arrival) -> F,
    ) -> Result<Self, Misuse>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(common.connect_concurrency as usize));
        let (sender, settled) = watch::channel(0);
        let sender = Arc::new(sender);
        let mut fleet = Self {
            sessions: JoinSet::new(),
            settled,
            launched: 0,
        };
        let mut timer = Timer::new().map_err(|error| Misuse(format!("no timer: {error}")))?;
        let start = Instant::now();
        let schedule = common.connect_rate.map(|rate| Schedule::new(start, rate));
        for number in 0..count {
            let turn = async {
                if let Some(schedule) = &schedule {
                    timer.sleep_until(schedule.due(number.into())).await.ok()?;
                }
                slots.clone().acquire_owned().await.ok()
            };
            let permit = tokio::select! {
                biased;
                () = run.stop.wait() => break,
                permit = turn => permit,
            };
            let Some(permit) = permit else { break };
            let arrival = Arrival {
                settled: sender.clone(),
                _permit: permit,
            };
            fleet.sessions.spawn(session(number, arrival));
            fleet.launched += 1;
        }
        fleet.settle().await;
        Ok(fleet)
    }

    /// Every session ends within the connect and reply timeouts or drops its arrival, so this ends too.
    async fn settle(&mut self) {
        let launched = self.launched;
        drop(self.settled.wait_for(|settled| *settled >= launched).await);
    }

    /// Returns when every session has ended.
    pub async fn join(&mut self) {
        while let Some(ended) = self.sessions.join_next().await {
            if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
                // A session that panics is a defect of this program and must not look like a pass.
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// Raises the limit of open files as far as the system lets us.
///
/// # Errors
///
/// The limit is too low for `connections`; the text says what to do.
pub fn reserve_files(connections: u64) -> Result<(), Misuse> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal leaves the old limit in place, which is what is looked at next.
    setrlimit(Resource::Nofile, limit).ok();
    let needed = connections + SPARE_FILES;
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => Err(Misuse(format!(
            "{connections} connections need {needed} open files and this process may have {allowed}: \
             raise the limit (ulimit -n) or divide the connections among several processes"
        ))),
        _ => Ok(()),
    }
}
