//! What a scenario found out: the part of a result that several processes can bring together.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::measure::Distribution;

/// What a scenario found out.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// What was counted, in the order of the result.
    pub counts: Map<String, Value>,
    /// Counts that must be zero for the run to pass.
    pub faults: BTreeSet<String>,
    /// Operations that CPU time and rate are divided by.
    pub operations: u64,
    /// How long the measured part took.
    pub measured: Duration,
    /// Latency distributions by name; the first is the main one, which the thresholds look at.
    pub latencies: Vec<(String, Distribution)>,
    /// Further findings that only this scenario has.
    pub details: Map<String, Value>,
    /// Why the run does not pass, beside failures and thresholds.
    pub problems: Vec<String>,
}

impl Outcome {
    /// Adds a count to the result.
    pub fn count(&mut self, name: &str, value: u64) {
        self.counts.insert(name.to_owned(), value.into());
    }

    /// Adds a count that must be zero for the run to pass.
    pub fn count_fault(&mut self, name: &str, value: u64) {
        self.count(name, value);
        self.faults.insert(name.to_owned());
    }

    /// The count `name`; zero if there is none.
    pub fn counted(&self, name: &str) -> u64 {
        let count = self.counts.get(name).and_then(Value::as_u64);
        count.unwrap_or_default()
    }

    /// Adds a latency distribution.
    pub fn latency(&mut self, name: &str, distribution: Distribution) {
        self.latencies.push((name.to_owned(), distribution));
    }

    /// Adds a finding.
    pub fn detail(&mut self, name: &str, value: impl Serialize) {
        self.details.insert(name.to_owned(), json!(value));
    }

    /// Adds a problem when `condition` holds.
    pub fn problem_if(&mut self, condition: bool, problem: impl Into<String>) {
        if condition {
            self.problems.push(problem.into());
        }
    }

    /// Adds what another process found: it drove its share of the same load at the same time.
    pub fn join(&mut self, other: Self) {
        add(&mut self.counts, other.counts);
        self.faults.extend(other.faults);
        self.operations += other.operations;
        self.measured = self.measured.max(other.measured);
        for (name, distribution) in other.latencies {
            match self.latencies.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => own.add(&distribution),
                None => self.latencies.push((name, distribution)),
            }
        }
        add(&mut self.details, other.details);
        for problem in other.problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Adds what one part of this scenario found, under names that begin with the part's.
    pub fn adopt(&mut self, part: &str, found: Self) {
        for (name, value) in found.counts {
            self.counts.insert(format!("{part}_{name}"), value);
        }
        let faults = found.faults.into_iter();
        self.faults
            .extend(faults.map(|name| format!("{part}_{name}")));
        for (name, distribution) in found.latencies {
            self.latency(&format!("{part}_{name}"), distribution);
        }
        for (name, value) in found.details {
            self.details.insert(format!("{part}_{name}"), value);
        }
        let problems = found.problems.into_iter();
        self.problems
            .extend(problems.map(|problem| format!("{part}: {problem}")));
    }
}

/// Adds numbers to numbers, member by member; what is no number stays as it was first.
fn add(all: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (all.get_mut(&name), value) {
            (None, value) => {
                all.insert(name, value);
            }
            (Some(Value::Object(own)), Value::Object(other)) => add(own, other),
            (Some(own), other) => {
                if let (Some(a), Some(b)) = (own.as_u64(), other.as_u64()) {
                    *own = json!(a + b);
                } else if let (Some(a), Some(b)) = (own.as_f64(), other.as_f64()) {
                    *own = json!(a + b);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Latency;

    fn outcome(count: u64) -> Outcome {
        let latency = Latency::default();
        for n in 1..=count {
            latency.record(0, Duration::from_micros(n));
        }
        let mut outcome = Outcome {
            operations: count,
            measured: Duration::from_secs(count),
            ..Outcome::default()
        };
        outcome.count("sent", count);
        outcome.count_fault("lost", 1);
        outcome.latency("reply", latency.distribution());
        outcome.detail("statuses", json!({ "200": count, count.to_string(): 1 }));
        outcome.detail("signed", true);
        outcome
    }

    #[test]
    fn what_processes_found_adds_up() {
        let mut all = outcome(10);
        let text = serde_json::to_string(&outcome(20)).unwrap();
        all.join(serde_json::from_str(&text).unwrap());
        assert_eq!((all.operations, all.measured.as_secs()), (30, 20));
        assert_eq!((all.counted("sent"), all.counted("lost")), (30, 2));
        assert_eq!(all.faults.iter().collect::<Vec<_>>(), ["lost"]);
        assert_eq!(all.latencies.len(), 1);
        assert_eq!(all.latencies[0].1.summary().count, 30);
        let statuses = json!({"200": 30, "10": 1, "20": 1});
        assert_eq!(
            json!(all.details),
            json!({"statuses": statuses, "signed": true})
        );
    }

    #[test]
    fn parts_keep_their_names() {
        let mut all = Outcome::default();
        let mut part = outcome(2);
        part.problem_if(true, "too slow");
        part.problem_if(false, "too fast");
        all.adopt("echo", part);
        assert_eq!(all.counted("echo_sent"), 2);
        assert!(all.faults.contains("echo_lost"));
        assert_eq!(all.latencies[0].0, "echo_reply");
        assert_eq!(all.problems, ["echo: too slow"]);
    }
}
