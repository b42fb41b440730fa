//! Limits on traffic, and the names of the buckets and counters that hold them.
//!
//! The live state is not here: a plan only names it, by the same name in every plan, so that a new definition finds the
//! buckets of the old one as they are.

use aws_lc_rs::digest;

use crate::plan::route::RateLimit;

/// Names one token bucket or usage counter.
///
/// Sixteen bytes of a hash of what it belongs to, made once when a definition is compiled: finding a bucket then costs
/// neither an allocation nor a comparison of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(u128);

impl BucketId {
    /// The bucket of a kind of thing, e.g. `route`, that is told from others of its kind by these names.
    pub fn of(kind: &str, names: &[&str]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in [kind].iter().chain(names) {
            // Lengths keep `a`, `bc` from being `ab`, `c`.
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let hash = hash.finish();
        let half = hash.as_ref().first_chunk().copied().unwrap_or_default();
        Self(u128::from_be_bytes(half))
    }
}

/// A limit and the bucket that it is taken from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// Whose bucket.
    pub bucket: BucketId,
    /// How much it lets through.
    pub limit: RateLimit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_each_time_and_another_for_each_thing() {
        let id = BucketId::of("route", &["chat", "prod", "ask"]);
        assert_eq!(id, BucketId::of("route", &["chat", "prod", "ask"]));
        for other in [
            BucketId::of("route", &["chat", "prod", "tell"]),
            BucketId::of("route", &["chat", "proda", "sk"]),
            BucketId::of("route", &["chat", "prod", "ask", ""]),
            BucketId::of("plan", &["chat", "prod", "ask"]),
        ] {
            assert_ne!(id, other);
        }
    }
}
