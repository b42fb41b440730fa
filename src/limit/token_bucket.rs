//! A token bucket whose whole state is one instant.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::route::RateLimit;

/// Parts of a nanosecond that the state is counted in, so that rates up to hundreds of millions a second are kept within a
/// percent; the count then lasts 36 years.
const PARTS: u64 = 16;
const SECOND: f64 = 1_000_000_000.0 * PARTS as f64;

/// A bucket that starts full. Lock-free; safe to share.
///
/// The state is the instant of the caller's clock at which the bucket would be full again: the "theoretical arrival time"
/// of the generic cell rate algorithm.
#[derive(Debug, Default)]
pub struct TokenBucket {
    full_at: AtomicU64,
}

impl TokenBucket {
    /// Takes one token at `now`, in nanoseconds; `false` when there is none. A limit with rate or burst zero admits nothing.
    pub fn take(&self, limit: RateLimit, now: u64) -> bool {
        let admit = |full_at| after_one(full_at, limit, now);
        self.full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, admit)
            .is_ok()
    }

    /// Whether [`TokenBucket::take`] would give one.
    pub fn has_one(&self, limit: RateLimit, now: u64) -> bool {
        let full_at = self.full_at.load(Ordering::Relaxed);
        after_one(full_at, limit, now).is_some()
    }

    /// Whether the bucket is full at `now`, in nanoseconds, so that forgetting it changes nothing.
    pub fn is_full(&self, now: u64) -> bool {
        self.full_at.load(Ordering::Relaxed) <= now.saturating_mul(PARTS)
    }
}

/// The state after one token has been taken; `None` when there is none.
fn after_one(full_at: u64, limit: RateLimit, now: u64) -> Option<u64> {
    if limit.rate <= 0.0 || limit.burst == 0 {
        return None;
    }
    let now = now.saturating_mul(PARTS);
    // Float to integer conversion saturates, which is what an extreme rate should do.
    let price = (SECOND / limit.rate).ceil() as u64;
    let depth = price.saturating_mul(u64::from(limit.burst));
    let next = full_at.max(now).saturating_add(price);
    (next <= now.saturating_add(depth)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_starts_full_and_refills() {
        let bucket = TokenBucket::default();
        let limit = RateLimit {
            rate: 2.0,
            burst: 3,
        };
        let taken = |now| (0..10).filter(|_| bucket.take(limit, now)).count();
        assert_eq!(taken(0), 3);
        assert_eq!(taken(500_000_000), 1);
        assert_eq!(taken(60_000_000_000), 3);
        assert!(!bucket.is_full(60_000_000_000));
        assert!(bucket.is_full(62_000_000_000));
    }

    #[test]
    fn nothing_comes_out_of_an_empty_limit() {
        let bucket = TokenBucket::default();
        assert!(!bucket.take(
            RateLimit {
                rate: 0.0,
                burst: 5
            },
            0
        ));
        assert!(!bucket.take(
            RateLimit {
                rate: 5.0,
                burst: 0
            },
            0
        ));
    }

    proptest! {
        #[test]
        fn a_bucket_never_exceeds_rate_and_burst(
            rate in 1.0f64..5000.0,
            burst in 1u32..100,
            gaps in prop::collection::vec(0u64..50_000_000, 1..400),
        ) {
            let bucket = TokenBucket::default();
            let mut now = 0u64;
            let mut taken = 0u32;
            for gap in gaps {
                now += gap;
                taken += u32::from(bucket.take(RateLimit { rate, burst }, now));
            }
            let bound = f64::from(burst) + rate * (now as f64) / 1e9 + 1e-6;
            prop_assert!(f64::from(taken) <= bound, "{taken} > {bound}");
        }
    }
}
