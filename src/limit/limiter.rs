//! The buckets of this node: the account's two, and all others by their names.

use connection_store::ConnectionId;
use dashmap::DashMap;
use foldhash::fast::RandomState;

use crate::limit::token_bucket::TokenBucket;
use crate::plan::AccountLimits;
use crate::plan::throttle::{BucketId, Throttle};

/// All buckets of this node.
///
/// The account's are always there. Others are made when they are first taken from, and dropped by
/// [`RateLimiter::sweep`] once they are full again: a full bucket and none are the same.
#[derive(Debug, Default)]
pub struct RateLimiter {
    requests: TokenBucket,
    connects: TokenBucket,
    named: DashMap<Owner, TokenBucket, RandomState>,
}

/// Who shares a bucket with whom under a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// All who meet the limit have one bucket.
    Everybody,
    /// Each API key has its own: [`crate::plan::usage::ApiKey::holder`].
    Key(BucketId),
    /// Each connection has its own.
    Connection(ConnectionId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Owner {
    bucket: BucketId,
    holder: Holder,
}

impl RateLimiter {
    /// Full buckets.
    pub fn new() -> Self {
        Self::default()
    }

    /// One request against the account's bucket.
    pub fn request(&self, account: &AccountLimits, now: u64) -> bool {
        account
            .requests
            .is_none_or(|limit| self.requests.take(limit, now))
    }

    /// One new connection against the account's bucket.
    pub fn connect(&self, account: &AccountLimits, now: u64) -> bool {
        account
            .connects
            .is_none_or(|limit| self.connects.take(limit, now))
    }

    /// One request against the holder's bucket.
    pub fn take(&self, throttle: &Throttle, holder: Holder, now: u64) -> bool {
        let owner = Owner {
            bucket: throttle.bucket,
            holder,
        };
        // Taken from under the lock of the bucket's shard, so that no sweep comes between.
        if let Some(bucket) = self.named.get(&owner) {
            return bucket.take(throttle.limit, now);
        }
        let bucket = self.named.entry(owner).or_default();
        bucket.take(throttle.limit, now)
    }

    /// Forgets a holder's bucket, because the holder is gone for good.
    pub fn forget(&self, bucket: BucketId, holder: Holder) {
        self.named.remove(&Owner { bucket, holder });
    }

    /// Drops the buckets that are full again. Called now and then, never on the way of a request.
    pub fn sweep(&self, now: u64) {
        self.named.retain(|_, bucket| !bucket.is_full(now));
        // Gives back what a crowd that is gone has needed.
        if self.named.capacity() > SPACIOUS && self.named.len() < self.named.capacity() / 4 {
            self.named.shrink_to_fit();
        }
    }

    /// How many buckets there are besides the account's.
    pub fn buckets(&self) -> usize {
        self.named.len()
    }
}

/// Room for buckets that is kept in any case.
const SPACIOUS: usize = 4096;

#[cfg(test)]
mod tests {
    use connection_store::{IdMint, Owner as Node};

    use super::*;
    use crate::plan::route::RateLimit;

    const SECOND: u64 = 1_000_000_000;

    fn throttle(name: &str, rate: f64, burst: u32) -> Throttle {
        Throttle {
            bucket: BucketId::of("route", &[name]),
            limit: RateLimit { rate, burst },
        }
    }

    #[test]
    fn buckets_are_each_their_own() {
        let limiter = RateLimiter::new();
        let mint = IdMint::new(&[7; 32], Node { slot: 0, epoch: 0 });
        let (a, b) = (throttle("a", 1.0, 1), throttle("b", 1.0, 1));
        let holders = [
            Holder::Everybody,
            Holder::Connection(mint.mint(1)),
            Holder::Connection(mint.mint(2)),
            Holder::Key(a.bucket),
            Holder::Key(b.bucket),
        ];
        for holder in holders {
            for throttle in [&a, &b] {
                assert!(limiter.take(throttle, holder, 0));
                assert!(!limiter.take(throttle, holder, 0));
            }
        }
        limiter.forget(a.bucket, holders[1]);
        assert!(limiter.take(&a, holders[1], 0));
        assert!(!limiter.take(&b, holders[1], 0));
        assert!(!limiter.take(&a, holders[2], 0));
    }

    #[test]
    fn a_bucket_keeps_what_is_in_it_when_its_limit_changes() {
        let limiter = RateLimiter::new();
        assert!((0..10).all(|_| limiter.take(&throttle("a", 1.0, 10), Holder::Everybody, 0)));
        assert!(!limiter.take(&throttle("a", 1.0, 10), Holder::Everybody, 0));
        // Ten tokens have been taken; a larger bucket has the rest.
        let larger = throttle("a", 1.0, 15);
        assert_eq!(
            (0..20)
                .filter(|_| limiter.take(&larger, Holder::Everybody, 0))
                .count(),
            5
        );
    }

    #[test]
    fn idle_buckets_are_dropped_and_busy_ones_kept() {
        let limiter = RateLimiter::new();
        let slow = throttle("slow", 0.1, 1);
        assert!(limiter.take(&slow, Holder::Everybody, 0));
        for number in 0..10_000 {
            limiter.take(
                &throttle(&number.to_string(), 10.0, 5),
                Holder::Everybody,
                0,
            );
        }
        assert_eq!(limiter.buckets(), 10_001);
        limiter.sweep(SECOND);
        assert_eq!(limiter.buckets(), 1);
        assert!(!limiter.take(&slow, Holder::Everybody, SECOND));
        limiter.sweep(10 * SECOND);
        assert_eq!(limiter.buckets(), 0);
        assert!(limiter.take(&slow, Holder::Everybody, 10 * SECOND));
    }

    /// Fifty thousand attempts a second for ten seconds: what is admitted is what the limit says, within two percent.
    #[test]
    fn limits_admit_what_they_say_at_fifty_thousand_attempts_a_second() {
        const ATTEMPTS: u64 = 500_000;
        let check = |rate: f64, burst: u32| {
            let limiter = RateLimiter::new();
            let throttle = throttle("a", rate, burst);
            let moments = (0..ATTEMPTS).map(|attempt| attempt * (10 * SECOND / ATTEMPTS));
            let admitted = moments
                .filter(|now| limiter.take(&throttle, Holder::Everybody, *now))
                .count();
            let expected = (rate * 10.0 + f64::from(burst)).min(ATTEMPTS as f64);
            let off = admitted as f64 / expected - 1.0;
            assert!(off.abs() < 0.02, "{rate} {burst}: {admitted} ({off:+.3})");
        };
        check(10.0, 1);
        check(100.0, 100);
        check(333.3, 7);
        check(10_000.0, 5000);
        check(30_000.0, 2);
        check(49_000.0, 10);
        check(60_000.0, 10);
    }

    #[test]
    fn threads_take_no_token_twice_and_lose_none() {
        let limiter = RateLimiter::new();
        let throttle = throttle("a", 1.0, 10_000);
        let attempt = || {
            let attempts = 0..10_000;
            attempts
                .filter(|_| limiter.take(&throttle, Holder::Everybody, 0))
                .count()
        };
        let admitted: usize = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(attempt));
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert_eq!(admitted, 10_000);
    }
}
