//! Whether a value stays where it is over a long run.

use serde::Serialize;

/// How a value moved: the median of the first and of the last fifth of what was seen, and the slope in between.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drift {
    /// Median of the first fifth.
    pub first: f64,
    /// Median of the last fifth.
    pub last: f64,
    /// What it grows by in an hour, by least squares over everything seen.
    pub per_hour: f64,
}

impl Drift {
    /// The drift of `(seconds, value)` pairs in the order of time; `None` for fewer than ten.
    pub fn of(seen: &[(f64, f64)]) -> Option<Self> {
        let fifth = seen.len() / 5;
        if fifth < 2 {
            return None;
        }
        Some(Self {
            first: median(seen.get(..fifth)?),
            last: median(seen.get(seen.len() - fifth..)?),
            per_hour: (slope(seen) * 3600.0).round(),
        })
    }

    /// By what part of itself the value has grown; negative when it shrank.
    pub fn growth(&self) -> f64 {
        if self.first > 0.0 {
            self.last / self.first - 1.0
        } else {
            self.last
        }
    }
}

fn median(seen: &[(f64, f64)]) -> f64 {
    let mut values: Vec<f64> = seen.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn slope(seen: &[(f64, f64)]) -> f64 {
    let count = seen.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| seen.iter().map(value).sum::<f64>() / count;
    let (mean_time, mean_value) = (mean(|one| one.0), mean(|one| one.1));
    let mut rise = 0.0;
    let mut run = 0.0;
    for (time, value) in seen {
        rise += (time - mean_time) * (value - mean_value);
        run += (time - mean_time).powi(2);
    }
    if run > 0.0 { rise / run } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..100)
            .map(|n| (f64::from(n), value(f64::from(n))))
            .collect()
    }

    #[test]
    fn growth_is_told_from_noise() {
        let check = |value: &dyn Fn(f64) -> f64, growth: f64, per_hour: f64| {
            let drift = Drift::of(&seen(value)).unwrap();
            assert!((drift.growth() - growth).abs() < 0.01, "{drift:?}");
            assert!((drift.per_hour - per_hour).abs() <= 1.0, "{drift:?}");
        };
        check(&|_| 500.0, 0.0, 0.0);
        check(&|n| 100.0 + n, 80.0 / 110.0, 3600.0);
        check(&|n| 200.0 - n, -80.0 / 190.0, -3600.0);
        // One outlier in each fifth changes no median.
        let noisy = seen(|n| if n % 20.0 == 7.0 { 900.0 } else { 100.0 });
        assert_eq!(Drift::of(&noisy).unwrap().growth(), 0.0);
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(Drift::of(&[]), None);
        assert_eq!(Drift::of(&seen(|n| n)[..9]), None);
    }
}
