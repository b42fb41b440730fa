//! What the owners of API keys have used of their quotas.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use crate::base::clock::EpochMillis;
use crate::limit::quota::{Counter, Used};
use crate::plan::throttle::BucketId;
use crate::plan::usage::{ApiKey, Quota, Subscriber, UsagePlan};

/// The counters of this node: one for each key in each plan with a quota, from its first request of a period on.
#[derive(Debug, Default)]
pub struct UsageCounters {
    counters: DashMap<Address, Entry>,
}

/// Whose counter it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Address {
    plan: BucketId,
    key: BucketId,
}

#[derive(Debug)]
struct Entry {
    plan: Arc<str>,
    key: Arc<str>,
    counter: Counter,
    /// The state that the journal has, packed; 0 when it has none.
    kept: AtomicU64,
}

/// One line of the journal: what a key has used in a turn of its plan's period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) plan: Arc<str>,
    pub(super) key: Arc<str>,
    pub(super) used: Used,
    address: Address,
}

impl UsageCounters {
    /// Nothing has been used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one request of a subscriber at `now`, by the wall clock; `false`, without counting, when the quota is spent.
    pub fn count(&self, subscriber: &Subscriber, quota: &Quota, now: EpochMillis) -> bool {
        let Subscriber { key, plan } = subscriber;
        let address = Address {
            plan: plan.counter,
            key: key.holder,
        };
        // Counted under the lock of the counter's shard, so that it is not dropped meanwhile.
        if let Some(entry) = self.counters.get(&address) {
            return entry.counter.count(quota, now);
        }
        let fresh = || Entry::new(&plan.id, &key.id, Counter::default());
        let entry = self.counters.entry(address).or_insert_with(fresh);
        entry.counter.count(quota, now)
    }

    /// Requests that were counted in the turn that was counted last, if any was.
    pub fn used(&self, subscriber: &Subscriber) -> Option<u64> {
        let address = Address {
            plan: subscriber.plan.counter,
            key: subscriber.key.holder,
        };
        let used = self.counters.get(&address)?.counter.used()?;
        Some(used.requests)
    }

    /// Drops counters whose turn is over: they would begin anew.
    pub fn sweep(&self, now: EpochMillis) {
        let counts = |entry: &Entry| entry.counter.used().is_some_and(|used| !used.is_over(now));
        self.counters.retain(|_, entry| counts(entry));
    }

    /// What the journal says was used.
    pub(super) fn restore(&self, record: Record) {
        let entry = Entry::new(&record.plan, &record.key, Counter::of(record.used));
        self.counters.insert(record.address, entry);
    }

    /// Everything that was used.
    pub(super) fn all(&self) -> Vec<Record> {
        let counters = self.counters.iter();
        counters
            .filter_map(|entry| entry.record(*entry.key()))
            .collect()
    }

    /// What the journal does not have yet.
    pub(super) fn changed(&self) -> Vec<Record> {
        let counters = self.counters.iter();
        counters
            .filter_map(|entry| {
                let record = entry.record(*entry.key())?;
                (entry.kept.load(Ordering::Relaxed) != record.used.pack()).then_some(record)
            })
            .collect()
    }

    /// Notes that the journal has these.
    pub(super) fn keep(&self, records: &[Record]) {
        for record in records {
            if let Some(entry) = self.counters.get(&record.address) {
                entry.kept.store(record.used.pack(), Ordering::Relaxed);
            }
        }
    }
}

impl Record {
    /// What the key of a plan has used, both named by their ids.
    pub(super) fn new(plan: &str, key: &str, used: Used) -> Self {
        Self {
            plan: plan.into(),
            key: key.into(),
            used,
            address: Address {
                plan: UsagePlan::counter_of(plan),
                key: ApiKey::holder_of(key),
            },
        }
    }
}

impl Entry {
    fn new(plan: &Arc<str>, key: &Arc<str>, counter: Counter) -> Self {
        Self {
            plan: Arc::clone(plan),
            key: Arc::clone(key),
            counter,
            kept: AtomicU64::new(0),
        }
    }

    fn record(&self, address: Address) -> Option<Record> {
        Some(Record {
            plan: Arc::clone(&self.plan),
            key: Arc::clone(&self.key),
            used: self.counter.used()?,
            address,
        })
    }
}
