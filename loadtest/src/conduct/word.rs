//! What a worker tells the process that started it, one JSON line each on its standard output. The other direction,
//! its standard input, carries an empty line for each moment that all workers have reached; its end means that nobody
//! listens any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measure::{Distribution, Moment};
use crate::report::Outcome;
use crate::run::{Run, Totals};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    /// What happened since the last word of this kind.
    Grown(Box<Growth>),
    /// The worker waits for the others.
    Reached(Moment),
    /// The worker is done.
    Found(Box<Outcome>),
    /// The worker cannot do what is asked.
    Refused(String),
}

/// How counts and latencies have grown.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Growth {
    totals: Totals,
    failures: BTreeMap<String, u64>,
    connect: Distribution,
    main: Distribution,
}

impl Growth {
    /// What is in `run` until now.
    fn until_now(run: &Run) -> Self {
        Self {
            totals: run.totals(),
            failures: run.failures.by_name(),
            connect: run.connect.distribution(),
            main: run.latency(),
        }
    }

    /// Adds the growth to another run.
    pub(super) fn add_to(&self, run: &Run) {
        run.live.add(&self.totals);
        for (name, times) in &self.failures {
            run.failures.add_named(name, *times);
        }
        run.connect.add(&self.connect);
        run.main.add(&self.main);
    }
}

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Told(Growth);

impl Told {
    /// What has happened in `run` since the last call.
    pub(super) fn growth(&mut self, run: &Run) -> Growth {
        let now = Growth::until_now(run);
        let told = &self.0;
        let known = |name: &String| told.failures.get(name).copied().unwrap_or_default();
        let failures = now.failures.iter();
        let growth = Growth {
            totals: now.totals.since(&told.totals),
            failures: failures
                .map(|(name, times)| (name.clone(), times - known(name)))
                .filter(|(_, times)| *times > 0)
                .collect(),
            connect: now.connect.since(&told.connect),
            main: now.main.since(&told.main),
        };
        self.0 = now;
        growth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Failure;
    use crate::run::{Moments, count};
    use crate::stop;
    use std::time::Duration;

    #[test]
    fn what_grows_in_one_process_grows_in_the_other() {
        let (_switch, stop) = stop::pair();
        let worker = Run::new(stop.clone(), Moments::Part);
        let whole = Run::new(stop, Moments::Part);
        let mut told = Told::default();
        for _ in 0..3 {
            count(&worker.live.sent);
            worker.failures.add(&Failure::Refused);
            worker.main.record(0, Duration::from_micros(5));
            worker.connect.record(0, Duration::from_micros(9));
            let word = Word::Grown(Box::new(told.growth(&worker)));
            let line = serde_json::to_string(&word).unwrap();
            match serde_json::from_str(&line).unwrap() {
                Word::Grown(growth) => growth.add_to(&whole),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(whole.totals(), worker.totals());
        assert_eq!(whole.failures.by_name(), worker.failures.by_name());
        assert_eq!(whole.latency().summary(), worker.latency().summary());
        assert_eq!(whole.connect.distribution().summary().count, 3);
    }
}
