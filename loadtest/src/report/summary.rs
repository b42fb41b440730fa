//! The result in a few lines for people.

use std::fmt::Write as _;

use serde_json::json;

use super::{Findings, cpu_per_operation};

/// What standard error shows at the end of a run.
pub(super) fn summary(findings: &Findings<'_>) -> String {
    let Findings {
        heading,
        run,
        outcome,
        ..
    } = findings;
    let scenario = heading.scenario;
    let mut text = format!("{} {}\n", scenario.name(), scenario.common().shown_url());
    let mut line = |name: &str, value: String| {
        writeln!(text, "  {name:<32} {value}").expect("a String takes every write");
    };
    let totals = run.totals();
    line(
        "connections",
        format!(
            "{} opened, {} failed, {} dropped",
            totals.connected, totals.unconnected, totals.dropped
        ),
    );
    let details = outcome
        .details
        .iter()
        .filter(|(_, value)| !value.is_array() && !value.is_null());
    for (name, value) in outcome.counts.iter().chain(details) {
        line(name, value.to_string());
    }
    if outcome.operations > 0 {
        line("operations/s", format!("{:.1}", findings.rate()));
    }
    for (name, distribution) in outcome.latencies.iter().filter(|(_, d)| !d.is_empty()) {
        let s = distribution.summary();
        let values = format!(
            "p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
            s.p50, s.p90, s.p99, s.p99_9, s.max
        );
        line(&format!("{name} µs"), values);
    }
    for (name, usages) in [
        ("server", findings.servers.as_slice()),
        ("client", findings.client.as_slice()),
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
