//! Token buckets: how much traffic the account, a route and new connections may make.
//!
//! Throttles are per node and best effort, as Amazon documents its own. Buckets are keyed by names and live outside the
//! plan, so a new definition does not refill them.

mod limiter;
mod token_bucket;

pub use limiter::RateLimiter;
pub use token_bucket::TokenBucket;
