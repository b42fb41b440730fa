//! The store of a single node: a sharded table in memory.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures_util::future::{BoxFuture, FutureExt as _, ready};

use crate::connection::{Connection, ConnectionView};
use crate::id::ConnectionId;
use crate::outbox::{CloseRequest, Delivery, Outgoing};
use crate::{Address, ConnectionStore, StoreError};

/// Ids carry 60 random bits that only the mint chooses, so hashing them again would buy nothing.
#[derive(Default)]
struct RandomAlready(u64);

impl Hasher for RandomAlready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type Table = DashMap<ConnectionId, Arc<Connection>, BuildHasherDefault<RandomAlready>>;

/// Keeps connections in this process only.
#[derive(Debug, Default)]
pub struct MemoryStore {
    connections: Table,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn find(&self, address: Address<'_>) -> Option<Arc<Connection>> {
        let found = self.connections.get(&address.id)?;
        let record = &found.record;
        let same = *record.api == *address.api && *record.stage == *address.stage;
        (same && found.outbox.is_open()).then(|| Arc::clone(&found))
    }
}

impl ConnectionStore for MemoryStore {
    fn insert(&self, connection: Arc<Connection>) -> BoxFuture<'_, Result<(), StoreError>> {
        let id = connection.record.id;
        let outcome = match self.connections.entry(id) {
            Entry::Occupied(_) => Err(StoreError::Duplicate(id)),
            Entry::Vacant(vacant) => {
                vacant.insert(connection);
                Ok(())
            }
        };
        ready(outcome).boxed()
    }

    fn deliver<'a>(
        &'a self,
        address: Address<'a>,
        message: Outgoing,
        now: u64,
    ) -> BoxFuture<'a, Result<Delivery, StoreError>> {
        let Some(connection) = self.find(address) else {
            return ready(Ok(Delivery::Gone)).boxed();
        };
        let delivery = connection.outbox.push(message);
        if delivery == Delivery::Queued {
            connection.touch(now);
        }
        ready(Ok(delivery)).boxed()
    }

    fn describe<'a>(
        &'a self,
        address: Address<'a>,
    ) -> BoxFuture<'a, Result<Option<ConnectionView>, StoreError>> {
        let view = self.find(address).map(|connection| connection.view());
        ready(Ok(view)).boxed()
    }

    fn close<'a>(
        &'a self,
        address: Address<'a>,
        request: CloseRequest,
    ) -> BoxFuture<'a, Result<Delivery, StoreError>> {
        let delivery = match self.find(address) {
            Some(connection) => connection.outbox.close(request),
            None => Delivery::Gone,
        };
        ready(Ok(delivery)).boxed()
    }

    fn remove(&self, id: ConnectionId) -> BoxFuture<'_, Result<bool, StoreError>> {
        ready(Ok(self.connections.remove(&id).is_some())).boxed()
    }

    fn place(&self, id: ConnectionId) -> Option<(Arc<str>, Arc<str>)> {
        let found = self.connections.get(&id)?;
        let record = &found.record;
        let place = (Arc::clone(&record.api), Arc::clone(&record.stage));
        found.outbox.is_open().then_some(place)
    }

    fn local(&self) -> Vec<Arc<Connection>> {
        self.connections
            .iter()
            .map(|entry| Arc::clone(entry.value()))
            .collect()
    }

    fn local_count(&self) -> usize {
        self.connections.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_memory_store_conforms() {
        crate::conformance::run(|| Arc::new(MemoryStore::new())).await;
    }
}
