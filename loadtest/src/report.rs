//! The result of a run: one JSON document, a summary for people, and the verdict.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::measure::process::{self, Usage};
use crate::measure::{Failures, Summary};
use crate::options::{Common, Misuse, Thresholds};
use crate::run::{Run, read};

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
    ///
    /// # Errors
    ///
    /// A process cannot be looked at.
    pub fn begin(common: &Common) -> Result<Self, Misuse> {
        Ok(Self {
            servers: process::begin(&common.server_pids).map_err(Misuse)?,
            own: process::begin_own().map_err(Misuse)?,
        })
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

/// Adds a problem for every goal that was missed.
fn judge(goals: &Thresholds, failures: &Failures, outcome: &mut Outcome) {
    let mut problems = Vec::new();
    if failures.total() > goals.max_errors {
        problems.push(format!(
            "{} failures, at most {} tolerated",
            failures.total(),
            goals.max_errors
        ));
    }
    if let Some((name, main)) = outcome.latencies.first() {
        let slow = |limit: Option<Duration>, value: f64, what: &str| {
            let limit = limit?.as_secs_f64() * 1e6;
            (value > limit || main.count == 0)
                .then(|| format!("{name} {what} is {value} µs, at most {limit} µs allowed"))
        };
        problems.extend(slow(goals.max_p50, main.p50, "p50"));
        problems.extend(slow(goals.max_p99, main.p99, "p99"));
    }
    let rate = rate(outcome);
    if goals.min_rate.is_some_and(|least| rate < least) {
        problems.push(format!("{rate:.1} operations/s, too few"));
    }
    let cpu = cpu_per_operation(cpu_seconds(&outcome.servers), outcome.operations);
    if let Some(most) = goals.max_cpu_us
        && cpu.is_none_or(|cpu| cpu > most)
    {
        let cpu = cpu.map_or("unknown".to_owned(), |cpu| format!("{cpu:.2} µs"));
        problems.push(format!(
            "CPU time per operation is {cpu}, at most {most} µs allowed"
        ));
    }
    outcome.problems.append(&mut problems);
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

fn summary(heading: &Heading<'_>, run: &Run, outcome: &Outcome) -> String {
    let mut text = format!("{} {}\n", heading.scenario, heading.common.url);
    let mut line = |name: &str, value: String| {
        writeln!(text, "  {name:<26}{value}").expect("a String takes every write");
    };
    let live = &run.live;
    line(
        "connections",
        format!(
            "{} opened, {} failed, {} dropped",
            read(&live.connected),
            read(&live.unconnected),
            read(&live.dropped)
        ),
    );
    for (name, value) in outcome.counts.iter().chain(&outcome.details) {
        line(name, value.to_string());
    }
    if outcome.operations > 0 {
        line("operations/s", format!("{:.1}", rate(outcome)));
    }
    for (name, s) in outcome.latencies.iter().filter(|(_, s)| s.count > 0) {
        let values = format!(
            "p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
            s.p50, s.p90, s.p99, s.p99_9, s.max
        );
        line(&format!("{name} µs"), values);
    }
    for (name, usages) in [
        ("server", outcome.servers.as_slice()),
        ("client", outcome.own.as_slice()),
    ] {
        for usage in usages {
            let per = cpu_per_operation(usage.cpu_seconds, outcome.operations)
                .map(|per| format!(", {per:.2} µs an operation"))
                .unwrap_or_default();
            line(
                &format!("{name} {}", usage.pid),
                format!("{:.2} s CPU{per}", usage.cpu_seconds),
            );
        }
    }
    if run.failures.total() > 0 {
        line("errors", json!(*run.failures).to_string());
    }
    for problem in &outcome.problems {
        line("FAILED", problem.clone());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::process::Sample;
    use crate::measure::{Failure, Latency};

    fn outcome() -> Outcome {
        let latency = Latency::default();
        for micros in 1..=100 {
            latency.record(0, Duration::from_micros(micros));
        }
        let server = Usage {
            pid: 1,
            before: Sample::default(),
            after: None,
            cpu_seconds: 0.001,
        };
        Outcome {
            operations: 100,
            measured: Duration::from_secs(2),
            latencies: vec![("reply", latency.summary())],
            servers: vec![server],
            ..Outcome::default()
        }
    }

    #[test]
    fn missed_goals_are_problems() {
        let check = |goals: Thresholds, failures: u64, problem: Option<&str>| {
            let counted = Failures::default();
            counted.add_many(&Failure::Reset, failures);
            let mut outcome = outcome();
            judge(&goals, &counted, &mut outcome);
            match problem {
                None => assert_eq!(outcome.problems, Vec::<String>::new()),
                Some(problem) => assert_eq!(outcome.problems, [problem]),
            }
        };
        let none = Thresholds::default;
        let micros = |n| Some(Duration::from_micros(n));
        check(none(), 0, None);
        check(none(), 2, Some("2 failures, at most 0 tolerated"));
        check(
            Thresholds {
                max_errors: 2,
                ..none()
            },
            2,
            None,
        );
        check(
            Thresholds {
                max_p50: micros(60),
                ..none()
            },
            0,
            None,
        );
        check(
            Thresholds {
                max_p50: micros(40),
                ..none()
            },
            0,
            Some("reply p50 is 50 µs, at most 40 µs allowed"),
        );
        check(
            Thresholds {
                max_p99: micros(90),
                ..none()
            },
            0,
            Some("reply p99 is 99 µs, at most 90 µs allowed"),
        );
        check(
            Thresholds {
                min_rate: Some(50.0),
                ..none()
            },
            0,
            None,
        );
        check(
            Thresholds {
                min_rate: Some(50.5),
                ..none()
            },
            0,
            Some("50.0 operations/s, too few"),
        );
        check(
            Thresholds {
                max_cpu_us: Some(11.0),
                ..none()
            },
            0,
            None,
        );
        check(
            Thresholds {
                max_cpu_us: Some(9.0),
                ..none()
            },
            0,
            Some("CPU time per operation is 10.00 µs, at most 9 µs allowed"),
        );
    }

    #[test]
    fn nothing_measured_reaches_no_goal() {
        let goals = Thresholds {
            max_p99: Some(Duration::from_secs(1)),
            min_rate: Some(1.0),
            max_cpu_us: Some(1.0),
            ..Thresholds::default()
        };
        let mut outcome = Outcome {
            latencies: vec![("reply", Latency::default().summary())],
            ..Outcome::default()
        };
        judge(&goals, &Failures::default(), &mut outcome);
        assert_eq!(outcome.problems.len(), 3, "{:?}", outcome.problems);
    }
}
