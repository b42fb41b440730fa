//! Whether a run reached its goals.

use std::time::Duration;

use super::{Outcome, cpu_per_operation, cpu_seconds, rate};
use crate::measure::Failures;
use crate::options::Thresholds;

/// Adds a problem for every goal that was missed.
pub(super) fn judge(goals: &Thresholds, failures: &Failures, outcome: &mut Outcome) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::process::{Sample, Usage};
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
