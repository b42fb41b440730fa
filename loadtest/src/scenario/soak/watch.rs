//! How much the gateway's processes may drift.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::measure::process::Sample;
use crate::measure::{Drift, Point};
use crate::options::{duration, seconds};
use crate::report::Outcome;
use crate::scenario::End;

/// Files and threads that come and go with requests under way: growth by so few is none.
const NOISE: f64 = 16.0;

/// How much the gateway may drift. Medians of the first and of the last fifth of the time are compared.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Limits {
    /// What passes before the gateway is watched, once the held connections are open [at most half of the duration]
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub warm_up: Duration,

    /// Fail if resident memory grows by more, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub max_rss_growth: f64,

    /// Fail if the number of open files grows by more, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub max_files_growth: f64,

    /// Fail if the number of threads grows by more, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub max_threads_growth: f64,
}

impl Limits {
    /// Writes down how each process drifted while the mix ran, the last `time` of the run, and what drifted too far.
    pub(super) fn watch(&self, time: Duration, end: &End<'_>, outcome: &mut Outcome) {
        let points = self.watched(time, end.timeline.points());
        let mut drifts = Vec::new();
        for (place, pid) in end.looks.servers.iter().enumerate() {
            let mut found = Map::from_iter([("pid".to_owned(), json!(pid))]);
            for (name, limit, noise, value) in self.rules() {
                let Some(drift) = drift(points, place, value) else {
                    continue;
                };
                found.insert(name.to_owned(), json!(drift));
                let grown = drift.growth() * 100.0;
                outcome.problem_if(
                    grown > limit && drift.last - drift.first > noise,
                    format!(
                        "process {pid}: {name} went from {} to {}, by {grown:.1} %, at most {limit} % allowed",
                        drift.first, drift.last
                    ),
                );
            }
            drifts.push(Value::Object(found));
        }
        if !drifts.is_empty() {
            outcome.detail("drift", drifts);
        }
    }

    #[expect(clippy::type_complexity, reason = "a table")]
    fn rules(&self) -> [(&'static str, f64, f64, fn(&Sample) -> Option<u64>); 3] {
        [
            ("rss_bytes", self.max_rss_growth, 0.0, |s| Some(s.rss_bytes)),
            ("open_files", self.max_files_growth, NOISE, |s| s.open_files),
            ("threads", self.max_threads_growth, NOISE, |s| {
                Some(s.threads)
            }),
        ]
    }

    /// The points of the mix without those of the warm-up.
    fn watched<'a>(&self, time: Duration, points: &'a [Point]) -> &'a [Point] {
        let last = points.last().map_or(0.0, |point| point.at);
        let warm_up = self.warm_up.min(time / 2);
        let from = last - time.as_secs_f64() + warm_up.as_secs_f64();
        let first = points.partition_point(|point| point.at < from);
        points.get(first..).unwrap_or_default()
    }
}

/// The drift of one value of the process at `place`.
fn drift(points: &[Point], place: usize, value: fn(&Sample) -> Option<u64>) -> Option<Drift> {
    let one = |point: &Point| {
        let sample = point.servers.get(place).copied().flatten()?;
        Some((point.at, value(&sample)? as f64))
    };
    let seen: Vec<(f64, f64)> = points.iter().filter_map(one).collect();
    Drift::of(&seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Looks, Timeline};
    use crate::run::Totals;

    /// The problems of a gateway whose memory and files were such after so many seconds.
    fn problems(rss: fn(u64) -> u64, files: fn(u64) -> u64) -> Vec<String> {
        let mut timeline = Timeline::default();
        for second in 0..400 {
            timeline.push(Point {
                at: second as f64,
                length: 1.0,
                servers: vec![Some(Sample {
                    rss_bytes: rss(second),
                    open_files: Some(files(second)),
                    threads: 4,
                    ..Sample::default()
                })],
                ..Point::default()
            });
        }
        let limits = Limits {
            warm_up: Duration::from_secs(100),
            max_rss_growth: 5.0,
            max_files_growth: 5.0,
            max_threads_growth: 5.0,
        };
        let end = End {
            interrupted: false,
            totals: Totals::default(),
            looks: &Looks::of(&[7]),
            timeline: &timeline,
        };
        let mut outcome = Outcome::default();
        limits.watch(Duration::from_secs(300), &end, &mut outcome);
        assert_eq!(outcome.details["drift"][0]["threads"]["last"], 4.0);
        outcome.problems
    }

    #[test]
    fn what_drifts_is_named() {
        let steady: fn(u64) -> u64 = |_| 10_000;
        assert_eq!(problems(steady, steady), Vec::<String>::new());
        // What grows while the gateway warms up is no drift, nor is noise.
        assert_eq!(
            problems(|s| 10_000 + s.min(200) * 1000, steady),
            Vec::<String>::new()
        );
        assert_eq!(
            problems(|s| 10_000 + s % 7, |s| 20 + s % 10),
            Vec::<String>::new()
        );
        let found = problems(|s| 10_000 + 10 * s, steady);
        assert!(
            found.len() == 1 && found[0].contains("rss_bytes"),
            "{found:?}"
        );
        let found = problems(steady, |s| 100 + s);
        assert!(
            found.len() == 1 && found[0].contains("open_files"),
            "{found:?}"
        );
    }
}
