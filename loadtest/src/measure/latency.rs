//! Latency distributions, kept in HdrHistograms.
//!
//! A [`Latency`] is what tasks add to; a [`Distribution`] is what it held at one moment. Distributions can be added and
//! subtracted without loss, which is how several processes make one result and how an interval is told apart.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Several tasks record at once; each goes to the shard of its number, so that they rarely meet.
const SHARDS: usize = 8;
/// Longest latency told apart, in nanoseconds; longer ones count as this one.
const LONGEST_NANOS: u64 = 600_000_000_000;
/// Three significant digits: a value is off by a thousandth at most.
const DIGITS: u8 = 3;
/// Percentiles that a distribution is drawn with: ever finer towards the slowest.
pub const CURVE: [f64; 18] = [
    0.0, 10.0, 25.0, 50.0, 75.0, 80.0, 85.0, 90.0, 92.5, 95.0, 97.5, 99.0, 99.5, 99.9, 99.95,
    99.99, 99.999, 100.0,
];

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

    /// Adds what another process has recorded.
    pub fn add(&self, other: &Distribution) {
        if let Some(shard) = self.shards.first() {
            let mut histogram = shard.lock().unwrap_or_else(PoisonError::into_inner);
            join(&mut histogram, &other.0);
        }
    }

    /// The distribution so far.
    pub fn distribution(&self) -> Distribution {
        let mut all = empty();
        for shard in &self.shards {
            let histogram = shard.lock().unwrap_or_else(PoisonError::into_inner);
            join(&mut all, &histogram);
        }
        Distribution(all)
    }
}

/// Latencies recorded until one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution(Histogram<u64>);

impl Default for Distribution {
    fn default() -> Self {
        Self(empty())
    }
}

impl Distribution {
    /// In numbers.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.0)
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what another one holds.
    pub fn add(&mut self, other: &Self) {
        join(&mut self.0, &other.0);
    }

    /// What was recorded after `earlier`, which was taken from the same [`Latency`].
    pub fn since(&self, earlier: &Self) -> Self {
        let mut interval = self.0.clone();
        interval
            .subtract(&earlier.0)
            .expect("an earlier distribution holds no more than this one");
        Self(interval)
    }

    /// Latency in microseconds at each of [`CURVE`]'s percentiles; empty when nothing was recorded.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        if self.is_empty() {
            return Vec::new();
        }
        let at = |percentile: f64| micros(self.0.value_at_percentile(percentile) as f64);
        CURVE.iter().map(|one| (*one, at(*one))).collect()
    }
}

/// As pairs of nanoseconds and how often they were recorded.
impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let recorded = self.0.iter_recorded();
        serializer.collect_seq(recorded.map(|v| (v.value_iterated_to(), v.count_at_value())))
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = empty();
        for (nanos, times) in Vec::<(u64, u64)>::deserialize(deserializer)? {
            all.saturating_record_n(nanos, times);
        }
        Ok(Self(all))
    }
}

fn join(all: &mut Histogram<u64>, more: &Histogram<u64>) {
    all.add(more).expect("all histograms have the same bounds");
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
        let summary = latency.distribution().summary();
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
        assert_eq!(latency.distribution().summary().count, 0);
        assert_eq!(latency.distribution().summary().max, 0.0);
        latency.record(0, Duration::ZERO);
        latency.record(0, Duration::MAX);
        let summary = latency.distribution().summary();
        assert_eq!(summary.count, 2);
        assert!(summary.max >= LONGEST_NANOS as f64 / 1000.0);
    }

    #[test]
    fn distributions_are_added_subtracted_and_sent() {
        let latency = Latency::default();
        let record = |range: std::ops::Range<u64>| {
            for n in range {
                latency.record(n as usize, Duration::from_micros(n));
            }
        };
        record(0..500);
        let earlier = latency.distribution();
        record(500..1000);
        let interval = latency.distribution().since(&earlier);
        assert_eq!(interval.summary().count, 500);
        assert!(interval.summary().min >= 499.0);
        let text = serde_json::to_string(&interval).unwrap();
        let mut sent: Distribution = serde_json::from_str(&text).unwrap();
        assert_eq!(sent.summary(), interval.summary());
        sent.add(&earlier);
        assert_eq!(sent.summary(), latency.distribution().summary());
        let elsewhere = Latency::default();
        elsewhere.add(&sent);
        assert_eq!(elsewhere.distribution().summary(), sent.summary());
    }

    #[test]
    fn a_curve_rises() {
        assert_eq!(Distribution::default().curve(), []);
        let latency = Latency::default();
        for n in 1..=1000 {
            latency.record(0, Duration::from_micros(n));
        }
        let curve = latency.distribution().curve();
        assert_eq!(curve.len(), CURVE.len());
        assert!(
            curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
            "{curve:?}"
        );
    }
}
