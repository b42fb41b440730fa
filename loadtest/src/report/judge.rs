//! Whether a run reached its goals.

use std::time::Duration;

use super::Findings;

/// Adds a problem for every loss, every process that has ended, and every goal that was missed.
pub(super) fn judge(findings: &mut Findings<'_>) {
    let problems = problems(findings);
    findings.outcome.problems.extend(problems);
}

fn problems(findings: &Findings<'_>) -> Vec<String> {
    let goals = &findings.heading.scenario.common().thresholds;
    let outcome = &findings.outcome;
    let mut problems = Vec::new();
    for name in &outcome.faults {
        let count = outcome.counted(name);
        if count > 0 {
            problems.push(format!("{count} {name}"));
        }
    }
    let ended = findings
        .servers
        .iter()
        .filter(|usage| usage.after.is_none());
    problems.extend(ended.map(|server| format!("process {} has ended", server.pid)));
    let failures = findings.run.failures.total();
    if failures > goals.max_errors {
        problems.push(format!(
            "{failures} failures, at most {} tolerated",
            goals.max_errors
        ));
    }
    if let Some((name, main)) = outcome.latencies.first() {
        let main = main.summary();
        let slow = |limit: Option<Duration>, value: f64, what: &str| {
            let limit = limit?.as_secs_f64() * 1e6;
            (value > limit || main.count == 0)
                .then(|| format!("{name} {what} is {value} µs, at most {limit} µs allowed"))
        };
        problems.extend(slow(goals.max_p50, main.p50, "p50"));
        problems.extend(slow(goals.max_p99, main.p99, "p99"));
    }
    let rate = findings.rate();
    if goals.min_rate.is_some_and(|least| rate < least) {
        problems.push(format!("{rate:.1} operations/s, too few"));
    }
    let cpu = findings.server_cpu();
    if let Some(most) = goals.max_cpu_us
        && cpu.is_none_or(|cpu| cpu > most)
    {
        let cpu = cpu.map_or("unknown".to_owned(), |cpu| format!("{cpu:.2} µs"));
        problems.push(format!(
            "CPU time per operation is {cpu}, at most {most} µs allowed"
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    use super::super::{Heading, Outcome};
    use crate::cli::Cli;
    use crate::measure::process::{Sample, Usage};
    use crate::measure::{Failure, Latency};
    use crate::options::Thresholds;
    use crate::run::{Moments, Run};
    use crate::stop;
    use clap::Parser;

    fn outcome() -> Outcome {
        let latency = Latency::default();
        for micros in 1..=100 {
            latency.record(0, Duration::from_micros(micros));
        }
        let mut outcome = Outcome {
            operations: 100,
            measured: Duration::from_secs(2),
            ..Outcome::default()
        };
        outcome.latency("reply", latency.distribution());
        outcome
    }

    /// The problems of a run with these goals, so many failures and this outcome.
    fn judged(goals: Thresholds, failures: u64, outcome: Outcome) -> Vec<String> {
        let cli = Cli::try_parse_from(["loadtest", "echo", "ws://h/"]).unwrap();
        let mut scenario = cli.command.scenario().unwrap();
        scenario.common_mut().thresholds = goals;
        let (_switch, stop) = stop::pair();
        let run = Run::new(stop, Moments::Part);
        run.failures.add_many(&Failure::Reset, failures);
        let heading = Heading {
            scenario: &*scenario,
            name: None,
            started: SystemTime::now(),
            workers: 1,
        };
        let server = Usage {
            pid: 1,
            before: Sample::default(),
            after: Some(Sample::default()),
            cpu_seconds: 0.001,
        };
        problems(&Findings {
            heading: &heading,
            run: &run,
            outcome,
            servers: vec![server],
            client: None,
        })
    }

    #[test]
    fn missed_goals_are_problems() {
        let check = |goals: Thresholds, failures: u64, problem: Option<&str>| {
            let expected: Vec<&str> = problem.into_iter().collect();
            assert_eq!(judged(goals, failures, outcome()), expected);
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
        let mut outcome = Outcome::default();
        outcome.latency("reply", Latency::default().distribution());
        let problems = judged(goals, 0, outcome);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn faults_are_problems() {
        let mut outcome = outcome();
        outcome.count_fault("lost", 0);
        outcome.count_fault("duplicated", 3);
        let problems = judged(Thresholds::default(), 0, outcome);
        assert_eq!(problems, ["3 duplicated"]);
    }
}
