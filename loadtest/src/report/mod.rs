//! The result of a run: one JSON document, a summary for people, and the verdict.

mod judge;
mod summary;

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::measure::Summary;
use crate::measure::process::Usage;
use crate::options::Common;
use crate::run::{Run, read};
use judge::judge;
use summary::summary;

/// What a scenario found out.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was counted, in the order of the result.
    pub counts: Map<String, Value>,
    /// Operations that CPU time and rate are divided by.
    pub operations: u64,
    /// How long the measured part took.
    pub measured: Duration,
    /// Latency distributions by name; the first is the main one, which the thresholds look at.
    pub latencies: Vec<(&'static str, Summary)>,
    /// Further findings that only this scenario has.
    pub details: Map<String, Value>,
    /// Why the run does not pass, beside failures and thresholds.
    pub problems: Vec<String>,
    /// The gateway's processes during the measured part.
    pub servers: Vec<Usage>,
    /// This program during the measured part.
    pub own: Option<Usage>,
}

impl Outcome {
    /// Adds a count to the result.
    pub fn count(&mut self, name: &str, value: u64) {
        self.counts.insert(name.to_owned(), value.into());
    }

    /// Adds a count that must be zero for the run to pass.
    pub fn count_fault(&mut self, name: &str, value: u64) {
        self.count(name, value);
        if value > 0 {
            self.problems.push(format!("{value} {name}"));
        }
    }
}

/// Measures processes from its making until [`Watch::finish`].
#[derive(Debug)]
pub struct Watch {
    servers: Vec<Usage>,
    own: Usage,
}

impl Watch {
    /// Begins to measure the gateway's processes and this program.
    pub fn begin(common: &Common) -> Self {
        let pids = common.server_pids.iter();
        Self {
            servers: pids.map(|pid| Usage::begin(*pid)).collect(),
            own: Usage::begin(std::process::id()),
        }
    }

    /// Ends measuring and puts what was found into `outcome`. A process that has ended is a problem.
    pub fn finish(mut self, outcome: &mut Outcome) {
        for server in &mut self.servers {
            if !server.finish() {
                let problem = format!("process {} has ended", server.pid);
                outcome.problems.push(problem);
            }
        }
        self.own.finish();
        outcome.servers = self.servers;
        outcome.own = Some(self.own);
    }
}

/// A finished run.
#[derive(Debug)]
pub struct Report {
    json: Value,
    passed: bool,
    summary: String,
}

/// What is known about a run apart from its outcome.
#[derive(Debug)]
pub struct Heading<'a> {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// Its options.
    pub config: Value,
    /// The options every scenario has.
    pub common: &'a Common,
    /// When it began.
    pub started: SystemTime,
}

impl Report {
    /// Judges `outcome` and writes everything down.
    pub fn new(heading: &Heading<'_>, run: &Run, mut outcome: Outcome) -> Self {
        judge(&heading.common.thresholds, &run.failures, &mut outcome);
        outcome.latencies.push(("connect", run.connect.summary()));
        let passed = outcome.problems.is_empty();
        let date = |time| humantime::format_rfc3339_millis(time).to_string();
        let latencies: Map<String, Value> = outcome
            .latencies
            .iter()
            .map(|(name, summary)| ((*name).to_owned(), json!(summary)))
            .collect();
        let json = json!({
            "tool": concat!("loadtest ", env!("CARGO_PKG_VERSION")),
            "scenario": heading.scenario,
            "started_at": date(heading.started),
            "finished_at": date(SystemTime::now()),
            "interrupted": run.stop.requested(),
            "passed": passed,
            "problems": outcome.problems,
            "config": heading.config,
            "connections": connections(run),
            "counts": outcome.counts,
            "measured_seconds": outcome.measured.as_secs_f64(),
            "operations_per_second": rounded(rate(&outcome)),
            "latency_us": latencies,
            "errors": *run.failures,
            "servers": uses(&outcome.servers, outcome.operations),
            "client": uses(outcome.own.as_slice(), outcome.operations).pop(),
            "details": outcome.details,
        });
        let summary = summary(heading, run, &outcome);
        Self {
            json,
            passed,
            summary,
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

fn connections(run: &Run) -> Value {
    json!({
        "opened": read(&run.live.connected),
        "failed": read(&run.live.unconnected),
        "dropped": read(&run.live.dropped),
    })
}

fn rate(outcome: &Outcome) -> f64 {
    let seconds = outcome.measured.as_secs_f64();
    if seconds > 0.0 {
        outcome.operations as f64 / seconds
    } else {
        0.0
    }
}

fn cpu_seconds(usages: &[Usage]) -> f64 {
    usages.iter().map(|usage| usage.cpu_seconds).sum()
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
    let one = |usage| {
        let per_operation = cpu_per_operation(cpu_seconds(std::slice::from_ref(usage)), operations);
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
