//! The result of a run: one JSON document, a summary for people, and the verdict.

pub mod html;
mod judge;
mod outcome;
mod summary;

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::measure::process::{Sample, Usage};
use crate::measure::{Looks, Timeline};
use crate::run::Run;
use crate::scenario::{End, Scenario};
use judge::judge;
use summary::summary;

pub use outcome::Outcome;

/// A finished run.
#[derive(Debug)]
pub struct Report {
    json: Value,
    passed: bool,
    summary: String,
}

/// What is known about a run apart from what its scenario found.
#[derive(Debug)]
pub struct Heading<'a> {
    /// The scenario with its options.
    pub scenario: &'a dyn Scenario,
    /// What the run is called, when a scenario file has given it a name.
    pub name: Option<&'a str>,
    /// When it began.
    pub started: SystemTime,
    /// Processes that drove the load.
    pub workers: u32,
}

/// Everything that is judged.
struct Findings<'a> {
    heading: &'a Heading<'a>,
    run: &'a Run,
    outcome: Outcome,
    servers: Vec<Usage>,
    client: Option<Usage>,
}

impl Report {
    /// Judges `outcome` and writes everything down.
    pub fn new(
        heading: &Heading<'_>,
        run: &Run,
        timeline: &Timeline,
        looks: &Looks,
        mut outcome: Outcome,
    ) -> Self {
        let end = End {
            interrupted: run.stop.requested(),
            totals: run.totals(),
            looks,
            timeline,
        };
        heading.scenario.conclude(&end, &mut outcome);
        let mut findings = Findings {
            heading,
            run,
            outcome,
            servers: looks.server_usage(),
            client: together(looks.client_usage()),
        };
        judge(&mut findings);
        let connect = run.connect.distribution();
        findings.outcome.latency("connect", connect);
        Self {
            json: findings.json(timeline, looks),
            passed: findings.outcome.problems.is_empty(),
            summary: summary(&findings),
        }
    }

    /// The whole result.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Whether nothing was lost and every goal was reached.
    pub fn passed(&self) -> bool {
        self.passed
    }

    /// The result in a few lines for people.
    pub fn summary(&self) -> &str {
        &self.summary
    }
}

impl Findings<'_> {
    fn json(&self, timeline: &Timeline, looks: &Looks) -> Value {
        let Self {
            heading,
            run,
            outcome,
            ..
        } = self;
        let date = |time| humantime::format_rfc3339_millis(time).to_string();
        let scenario = heading.scenario;
        json!({
            "tool": concat!("loadtest ", env!("CARGO_PKG_VERSION")),
            "scenario": scenario.name(),
            "name": heading.name,
            "started_at": date(heading.started),
            "finished_at": date(SystemTime::now()),
            "interrupted": run.stop.requested(),
            "passed": outcome.problems.is_empty(),
            "problems": outcome.problems,
            "config": scenario.config(),
            "workers": heading.workers,
            "connections": self.connections(),
            "counts": outcome.counts,
            "measured_seconds": outcome.measured.as_secs_f64(),
            "operations_per_second": rounded(self.rate()),
            "latency_us": self.latencies(|distribution| json!(distribution.summary())),
            "errors": *run.failures,
            "servers": uses(&self.servers, outcome.operations),
            "client": uses(self.client.as_slice(), outcome.operations).pop(),
            "details": outcome.details,
            "curves_us": self.latencies(|distribution| json!(distribution.curve())),
            "timeline": timeline.columns(&looks.servers),
        })
    }

    fn latencies(&self, value: fn(&crate::measure::Distribution) -> Value) -> Map<String, Value> {
        let all = self.outcome.latencies.iter();
        all.map(|(name, distribution)| (name.clone(), value(distribution)))
            .collect()
    }

    fn connections(&self) -> Value {
        let totals = self.run.totals();
        json!({
            "opened": totals.connected,
            "failed": totals.unconnected,
            "dropped": totals.dropped,
        })
    }

    fn rate(&self) -> f64 {
        let seconds = self.outcome.measured.as_secs_f64();
        if seconds > 0.0 {
            self.outcome.operations as f64 / seconds
        } else {
            0.0
        }
    }

    /// Microseconds of the gateway's CPU time for one operation.
    fn server_cpu(&self) -> Option<f64> {
        let seconds = self.servers.iter().map(|usage| usage.cpu_seconds).sum();
        cpu_per_operation(seconds, self.outcome.operations)
    }
}

/// Several processes as one; the first gives it its id.
fn together(usages: Vec<Usage>) -> Option<Usage> {
    usages.into_iter().reduce(|all, one| {
        let after = all.after.zip(one.after).map(|(a, b)| sum(a, b));
        Usage::between(all.pid, sum(all.before, one.before), after)
    })
}

fn sum(a: Sample, b: Sample) -> Sample {
    let both = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b);
    Sample {
        rss_bytes: a.rss_bytes + b.rss_bytes,
        rss_anon_bytes: a.rss_anon_bytes + b.rss_anon_bytes,
        pss_bytes: both(a.pss_bytes, b.pss_bytes),
        open_files: both(a.open_files, b.open_files),
        threads: a.threads + b.threads,
        cpu_seconds: a.cpu_seconds + b.cpu_seconds,
    }
}

fn cpu_per_operation(seconds: f64, operations: u64) -> Option<f64> {
    (operations > 0).then(|| seconds * 1e6 / operations as f64)
}

#[derive(Serialize)]
struct Use<'a> {
    #[serde(flatten)]
    usage: &'a Usage,
    cpu_us_per_operation: Option<f64>,
}

fn uses(usages: &[Usage], operations: u64) -> Vec<Value> {
    let one = |usage: &Usage| {
        let per_operation = cpu_per_operation(usage.cpu_seconds, operations);
        json!(Use {
            usage,
            cpu_us_per_operation: per_operation.map(rounded),
        })
    };
    usages.iter().map(one).collect()
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
