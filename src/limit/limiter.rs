//! The buckets of this node, in Amazon's order: route, then account.

use dashmap::DashMap;

use crate::limit::token_bucket::TokenBucket;
use crate::plan::AccountLimits;
use crate::plan::route::RateLimit;

/// Route buckets beyond this number are dropped once they are full again.
const ROUTE_BUCKETS: usize = 100_000;

/// All buckets of this node.
#[derive(Debug, Default)]
pub struct RateLimiter {
    requests: TokenBucket,
    connects: TokenBucket,
    routes: DashMap<Box<str>, TokenBucket>,
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

    /// One request against a route's own bucket.
    pub fn route(&self, api: &str, stage: &str, route: &str, limit: RateLimit, now: u64) -> bool {
        let key = format!("{api}\n{stage}\n{route}");
        if let Some(bucket) = self.routes.get(&*key) {
            return bucket.take(limit, now);
        }
        if self.routes.len() >= ROUTE_BUCKETS {
            self.routes.retain(|_, bucket| !bucket.is_full(now));
        }
        let bucket = self.routes.entry(key.into()).or_default();
        bucket.take(limit, now)
    }
}
