//! Verdicts of Lambda authorizers that are kept for a while.
//!
//! The key is whose verdict it is and every value of every identity source, each with its length in front, so that no two
//! requests with other values share one. It is hashed: no token stays in memory. Refusals and failures differ: a verdict of
//! no is kept, a function that failed is asked again.
//!
//! How much is kept is moka's to bound; whether a verdict still counts is decided here, by the gateway's clock.

use std::future::Future;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use moka::future::Cache;

use crate::authorizer::lambda::{Identities, Refusal, Verdict};
use crate::base::clock::{Clock, Tick};
use crate::base::quotas;
use crate::plan::authorizer::ResultCaching;

/// Memory that kept verdicts may take, in bytes, by estimate.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Estimated memory of a verdict beside what the function said; with [`CACHE_BYTES`] it bounds their number, to 131 072.
const ENTRY_BYTES: usize = 512;

type Key = [u8; SHA256_OUTPUT_LEN];

/// The kept verdicts of every authorizer.
pub struct Verdicts {
    kept: Cache<Key, Kept>,
}

#[derive(Clone)]
struct Kept {
    verdict: Arc<Verdict>,
    until: Tick,
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdicts").finish_non_exhaustive()
    }
}

impl Verdicts {
    /// None so far.
    pub fn new() -> Self {
        let weigh = |_: &Key, kept: &Kept| {
            let bytes = ENTRY_BYTES.saturating_add(kept.verdict.bytes());
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            kept: Cache::builder()
                .max_capacity(CACHE_BYTES)
                .weigher(weigh)
                // What nobody asks for again goes away by itself.
                .time_to_live(quotas::AUTHORIZER_RESULT_TTL_MAX)
                .build(),
        }
    }

    /// The verdict about these identities: a kept one, or that which `ask` brings. Of several who want the same one at the
    /// same time one asks, and the others wait for it.
    ///
    /// # Errors
    /// The refusal that `ask` came to, which all get who waited for it, and nobody later.
    pub async fn about(
        &self,
        caching: &ResultCaching,
        identities: &Identities,
        clock: &dyn Clock,
        ask: impl Future<Output = Result<Verdict, Refusal>>,
    ) -> Result<Arc<Verdict>, Arc<Refusal>> {
        let key = key(caching, identities);
        if let Some(kept) = self.kept.get(&key).await {
            if clock.now() < kept.until {
                return Ok(kept.verdict);
            }
            self.kept.invalidate(&key).await;
        }
        let asking = async {
            let verdict = Arc::new(ask.await?);
            let until = clock.now().after(caching.ttl);
            Ok(Kept { verdict, until })
        };
        let kept = self.kept.try_get_with(key, asking).await?;
        Ok(kept.verdict)
    }
}

impl Default for Verdicts {
    fn default() -> Self {
        Self::new()
    }
}

fn key(caching: &ResultCaching, identities: &Identities) -> Key {
    let mut hash = Context::new(&SHA256);
    let update_length = |hash: &mut Context, length: usize| {
        hash.update(&(length as u64).to_be_bytes());
    };
    hash.update(&caching.scope);
    for values in identities.iter() {
        update_length(&mut hash, values.len());
        for value in values {
            update_length(&mut hash, value.len());
            hash.update(value.as_bytes());
        }
    }
    let mut key = Key::default();
    key.copy_from_slice(hash.finish().as_ref());
    key
}

#[cfg(test)]
mod tests;
