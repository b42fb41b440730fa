//! How much traffic the account, a route, a connection and the owner of an API key may make: token buckets and quotas. And how
//! often an address may show API keys that are none.
//!
//! Throttles are per node and best effort, as Amazon documents its own. Buckets and counters have the names that a plan gives
//! them and live outside of it, so a new definition neither refills them nor forgets what was used. What was used of quotas
//! is kept in a file as well.

mod guesses;
mod journal;
mod limiter;
mod quota;
mod token_bucket;
mod usage;

pub use guesses::{Guesses, Shown};
pub use journal::{Journal, JournalError, keep};
pub use limiter::{Holder, RateLimiter};
pub use token_bucket::TokenBucket;
pub use usage::UsageCounters;
