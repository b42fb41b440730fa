//! Verdicts of Lambda authorizers that are kept for a while.
//!
//! The key is whose verdict it is and every value of every identity source, each with its length in front, so that no two
//! requests with other values share one. It is hashed: no token stays in memory. Refusals and failures differ: a verdict of
//! no is kept, a function that failed is asked again.
//!
//! How much is kept is moka's to bound; whether a verdict still counts is decided here, by the gateway's clock.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

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

/// Scopes whose resets are told apart; with more of them, everything is forgotten at once.
const RESETS: usize = 10_000;

type Key = [u8; SHA256_OUTPUT_LEN];

/// The kept verdicts of every authorizer.
pub struct Verdicts {
    kept: Cache<Key, Kept>,
    /// How often the verdicts of a scope were reset. It is part of their keys, so one that was asked for before a reset and comes
    /// after it is not found either.
    resets: RwLock<HashMap<Key, u64>>,
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
            resets: RwLock::default(),
        }
    }

    /// Forgets the verdicts of one scope.
    pub fn reset(&self, scope: &[u8; SHA256_OUTPUT_LEN]) {
        let mut resets = self.resets.write().unwrap_or_else(PoisonError::into_inner);
        if resets.len() >= RESETS && !resets.contains_key(scope) {
            self.kept.invalidate_all();
            resets.clear();
        }
        *resets.entry(*scope).or_default() += 1;
    }

    fn resets(&self, scope: &[u8; SHA256_OUTPUT_LEN]) -> u64 {
        let resets = self.resets.read().unwrap_or_else(PoisonError::into_inner);
        resets.get(scope).copied().unwrap_or_default()
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
        let key = key(caching, self.resets(&caching.scope), identities);
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

fn key(caching: &ResultCaching, resets: u64, identities: &Identities) -> Key {
    let mut hash = Context::new(&SHA256);
    let update_length = |hash: &mut Context, length: usize| {
        hash.update(&(length as u64).to_be_bytes());
    };
    hash.update(&caching.scope);
    hash.update(&resets.to_be_bytes());
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
