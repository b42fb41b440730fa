//! Looks at a run twice a second, for its timeline and for the live view.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::measure::process::{self, Sample};
use crate::measure::{Distribution, Point, Timeline};
use crate::progress::Progress;
use crate::run::{Run, Totals};
use crate::scenario::Scenario;

const PERIOD: Duration = Duration::from_millis(500);

/// Records a run until it is finished or dropped.
#[derive(Debug)]
pub(super) struct Recorder {
    observer: Arc<Mutex<Observer>>,
    task: JoinHandle<()>,
}

/// What was last seen, and the timeline so far.
#[derive(Debug)]
struct Observer {
    run: Run,
    pids: Vec<u32>,
    start: Instant,
    at: Instant,
    totals: Totals,
    errors: u64,
    latency: Distribution,
    servers: Vec<Option<Sample>>,
    timeline: Timeline,
}

impl Recorder {
    /// Begins to record `run` of `scenario`, and to show how it goes.
    pub(super) fn start(run: &Run, scenario: &dyn Scenario) -> Self {
        let common = scenario.common();
        let now = Instant::now();
        let observer = Observer {
            run: run.clone(),
            pids: common.server_pids.clone(),
            start: now,
            at: now,
            totals: Totals::default(),
            errors: 0,
            latency: Distribution::default(),
            servers: glances(&common.server_pids),
            timeline: Timeline::default(),
        };
        let observer = Arc::new(Mutex::new(observer));
        let progress = Progress::new(scenario.name(), common.quiet);
        let task = tokio::spawn(record(observer.clone(), progress));
        Self { observer, task }
    }

    /// Ends recording; the timeline.
    pub(super) fn finish(self) -> Timeline {
        self.task.abort();
        let mut observer = lock(&self.observer);
        let last = observer.observe();
        observer.timeline.finish(last);
        std::mem::take(&mut observer.timeline)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(observer: &Mutex<Observer>) -> MutexGuard<'_, Observer> {
    observer.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn record(observer: Arc<Mutex<Observer>>, mut progress: Progress) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first tick comes at once, before there is anything to see.
    interval.tick().await;
    loop {
        interval.tick().await;
        let mut observer = lock(&observer);
        let point = observer.observe();
        progress.show(&point, &observer.totals, observer.errors);
        observer.timeline.push(point);
    }
}

fn glances(pids: &[u32]) -> Vec<Option<Sample>> {
    pids.iter().map(|pid| process::glance(*pid).ok()).collect()
}

impl Observer {
    /// What happened since the last look.
    fn observe(&mut self) -> Point {
        let now = Instant::now();
        let length = now.saturating_duration_since(self.at).as_secs_f64();
        let totals = self.run.totals();
        let growth = totals.since(&self.totals);
        let latency = self.run.latency();
        let interval = latency.since(&self.latency);
        let errors = self.run.failures.total();
        let servers = glances(&self.pids);
        let clients = glances(&self.run.clients());
        let client_bytes = clients.iter().flatten().map(|one| one.rss_anon_bytes).sum();
        let point = Point {
            at: now.saturating_duration_since(self.start).as_secs_f64(),
            length,
            connections: totals.open(),
            connected: growth.connected,
            sent: growth.sent,
            received: growth.received,
            errors: errors.saturating_sub(self.errors),
            latency: percentiles(&interval),
            cores: cores(&self.servers, &servers, length),
            servers: servers.clone(),
            client_bytes,
        };
        self.at = now;
        self.totals = totals;
        self.errors = errors;
        self.latency = latency;
        self.servers = servers;
        point
    }
}

fn percentiles(interval: &Distribution) -> Option<[f64; 4]> {
    let summary = interval.summary();
    (!interval.is_empty()).then_some([summary.p50, summary.p99, summary.p99_9, summary.max])
}

/// CPUs that each process kept busy.
fn cores(before: &[Option<Sample>], after: &[Option<Sample>], seconds: f64) -> Vec<f64> {
    let busy = |(before, after): (&Option<Sample>, &Option<Sample>)| match (before, after) {
        (Some(before), Some(after)) if seconds > 0.0 => {
            (after.cpu_seconds - before.cpu_seconds).max(0.0) / seconds
        }
        _ => 0.0,
    };
    before.iter().zip(after).map(busy).collect()
}
