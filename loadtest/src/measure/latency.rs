//! Latency distributions, kept in HdrHistograms.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Several tasks record at once; each goes to the shard of its number, so that they rarely meet.
const SHARDS: usize = 8;
/// Longest latency told apart, in nanoseconds; longer ones count as this one.
const LONGEST_NANOS: u64 = 600_000_000_000;
/// Three significant digits: a value is off by a thousandth at most.
const DIGITS: u8 = 3;

/// A latency distribution that many tasks add to.
#[derive(Debug)]
pub struct Latency {
    shards: Vec<Mutex<Histogram<u64>>>,
}

/// A distribution in numbers; all times are microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Values recorded; with none, every other field is zero.
    pub count: u64,
    /// Smallest value.
    pub min: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p99_9: f64,
    /// Largest value.
    pub max: f64,
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NANOS, DIGITS).expect("the bounds are constants in range")
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(empty())).collect(),
        }
    }
}

impl Latency {
    /// Adds one latency; `task` is any number that tells the caller from its neighbours.
    pub fn record(&self, task: usize, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        if let Some(shard) = self.shards.get(task % SHARDS) {
            let mut histogram = shard.lock().unwrap_or_else(PoisonError::into_inner);
            histogram.saturating_record(nanos.max(1));
        }
    }

    /// The distribution so far.
    pub fn summary(&self) -> Summary {
        let mut all = empty();
        for shard in &self.shards {
            let histogram = shard.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(&*histogram)
                .expect("all shards have the same bounds");
        }
        Summary::of(&all)
    }
}

impl Summary {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile: f64| micros(histogram.value_at_quantile(quantile) as f64);
        Self {
            count: histogram.len(),
            min: micros(histogram.min() as f64),
            mean: micros(histogram.mean()),
            p50: at(0.50),
            p90: at(0.90),
            p99: at(0.99),
            p99_9: at(0.999),
            max: micros(histogram.max() as f64),
        }
    }
}

/// Nanoseconds as microseconds with one decimal.
fn micros(nanos: f64) -> f64 {
    (nanos / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_microseconds() {
        let latency = Latency::default();
        for n in 1..=1000_u64 {
            latency.record(n as usize, Duration::from_micros(n));
        }
        let summary = latency.summary();
        let check = |name: &str, value: f64, expected: f64| {
            assert!(
                (value - expected).abs() <= expected / 500.0,
                "{name}: {value} is not {expected}"
            );
        };
        assert_eq!(summary.count, 1000);
        check("min", summary.min, 1.0);
        check("mean", summary.mean, 500.5);
        check("p50", summary.p50, 500.0);
        check("p90", summary.p90, 900.0);
        check("p99", summary.p99, 990.0);
        check("p99.9", summary.p99_9, 999.0);
        check("max", summary.max, 1000.0);
    }

    #[test]
    fn the_extremes_are_kept() {
        let latency = Latency::default();
        assert_eq!(latency.summary().count, 0);
        assert_eq!(latency.summary().max, 0.0);
        latency.record(0, Duration::ZERO);
        latency.record(0, Duration::MAX);
        let summary = latency.summary();
        assert_eq!(summary.count, 2);
        assert!(summary.max >= LONGEST_NANOS as f64 / 1000.0);
    }
}
