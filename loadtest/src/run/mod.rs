//! What the scenarios share while they run: the wish to stop, the counts, the failures, the moments at which
//! processes are looked at, and the fleet of connections.

mod fleet;
mod live;
mod moments;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use fleet::pass_on_panic;
pub use fleet::{Arrival, Fleet, reserve_files};
pub use live::{Live, Totals};
pub(crate) use live::{count, read};
pub use moments::{Arrived, Moments};

use crate::client::{Dialer, Socket};
use crate::measure::marker::Markers;
use crate::measure::{Distribution, Failure, Failures, Latency, Moment};
use crate::stop::Stop;

/// Longest wait for a peer's half of a closing handshake.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// The latency that the scenario is about.
    pub main: Arc<Latency>,
    /// What grows while it runs.
    pub live: Arc<Live>,
    moments: Moments,
    parts: Arc<Mutex<Vec<Part>>>,
}

/// What a run knows of its parts.
#[derive(Debug)]
struct Part {
    live: Arc<Live>,
    /// Its latency, if it is one with that of the whole.
    main: Option<Arc<Latency>>,
}

impl Run {
    /// A run that nothing has happened in yet.
    pub fn new(stop: Stop, moments: Moments) -> Self {
        Self {
            stop,
            markers: Markers::new(rand::random()),
            failures: Arc::default(),
            connect: Arc::default(),
            main: Arc::default(),
            live: Arc::default(),
            moments,
            parts: Arc::default(),
        }
    }

    /// A run for one part of this one: its failures are named after it, its counts are also those of the whole.
    /// It ends when its own `stop` is asked for.
    pub fn part(&self, name: &str, stop: Stop) -> Self {
        self.branch(name, stop, true)
    }

    /// As [`Run::part`], but its latency is another than that of the whole, and no part of it.
    pub fn aside(&self, name: &str, stop: Stop) -> Self {
        self.branch(name, stop, false)
    }

    fn branch(&self, name: &str, stop: Stop, alike: bool) -> Self {
        let part = Self {
            stop,
            markers: Markers::new(rand::random()),
            failures: Arc::new(self.failures.part(name)),
            connect: self.connect.clone(),
            main: Arc::default(),
            live: Arc::default(),
            moments: Moments::Part,
            parts: Arc::default(),
        };
        let known = Part {
            live: part.live.clone(),
            main: alike.then(|| part.main.clone()),
        };
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push(known);
        part
    }

    /// The counts of this run and of its parts.
    pub fn totals(&self) -> Totals {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().fold(self.live.totals(), |all, part| {
            all.plus(&part.live.totals())
        })
    }

    /// The main latency of this run and of its parts so far.
    pub fn latency(&self) -> Distribution {
        let mut all = self.main.distribution();
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        for main in parts.iter().filter_map(|part| part.main.as_ref()) {
            all.add(&main.distribution());
        }
        all
    }

    /// Says that the scenario has come to `moment`; returns when the processes have been looked at.
    pub async fn reach(&self, moment: Moment) {
        self.moments.reach(moment).await;
    }

    /// The processes that drive the load.
    pub fn clients(&self) -> Vec<u32> {
        self.moments.looks().clients
    }

    /// Opens one connection, counts it and its latency, or counts what kept it from being opened.
    pub async fn connect(&self, dialer: &Dialer, number: u32) -> Option<Socket> {
        self.open(dialer.socket(), number).await
    }

    /// As [`Run::connect`], with `id` wherever the URL has `{id}`.
    pub async fn connect_as(&self, dialer: &Dialer, number: u32, id: &str) -> Option<Socket> {
        self.open(dialer.socket_of(id), number).await
    }

    async fn open(
        &self,
        opening: impl Future<Output = Result<Socket, Failure>>,
        number: u32,
    ) -> Option<Socket> {
        let start = Instant::now();
        let opened = tokio::select! {
            biased;
            opened = opening => opened,
            // What was not finished when the run was stopped is no failure.
            () = self.stop.wait() => return None,
        };
        self.opened(opened, number, start)
    }

    /// Counts a connection that was opened since `start`, or what kept it from being opened.
    pub fn opened<T>(&self, opened: Result<T, Failure>, number: u32, start: Instant) -> Option<T> {
        match opened {
            Ok(connection) => {
                self.connect.record(number as usize, start.elapsed());
                count(&self.live.connected);
                Some(connection)
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

    /// Counts a connection that the scenario ended.
    pub fn ended(&self) {
        count(&self.live.ended);
    }

    /// Waits for `time`, or less if the run is asked to stop.
    pub async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stop.wait() => {}
        }
    }
}
