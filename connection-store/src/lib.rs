//! Who is connected, where, and how to reach them.
//!
//! The connection registry of Tidegate: ids, records, outgoing queues and the [`ConnectionStore`] that finds them. It
//! knows nothing of AWS, HTTP or sockets, and it reads no clock: every moment is an argument, in milliseconds of the
//! caller's monotonic clock unless the name says `epoch`.
//!
//! Invariant: a store hands a message to a connection's [`Outbox`] or says that it did not. It never drops one silently.

pub mod conformance;
mod connection;
mod id;
mod memory;
mod outbox;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use connection::{ApiKey, Connection, ConnectionRecord, ConnectionView};
pub use id::{ConnectionId, IdError, IdMint, Owner};
pub use memory::MemoryStore;
pub use outbox::{CloseRequest, Delivery, Outbox, OutboxLimits, Outgoing, Taken};

/// Names one connection of one stage. A connection of another API or stage is treated as unknown.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// The connection.
    pub id: ConnectionId,
    /// The API that the caller speaks for.
    pub api: &'a str,
    /// The stage that the caller speaks for.
    pub stage: &'a str,
}

/// Why a store could not answer. A single-node store never fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An id was inserted twice.
    #[error("connection {0} is registered already")]
    Duplicate(ConnectionId),
    /// What the store keeps its data in cannot be reached now.
    #[error("the connection store cannot be reached: {0}")]
    Unavailable(String),
}

/// The registry of open connections. Third parties may write one; [`conformance`] says what it must do.
///
/// Methods return boxed futures so that a store can be chosen at run time.
pub trait ConnectionStore: std::fmt::Debug + Send + Sync + 'static {
    /// Makes a connection of this node reachable.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken.
    fn insert(&self, connection: Arc<Connection>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Puts `message` into the connection's queue, or says why not. `now` counts as activity when it was queued.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the store itself cannot say.
    fn deliver<'a>(
        &'a self,
        address: Address<'a>,
        message: Outgoing,
        now: u64,
    ) -> BoxFuture<'a, Result<Delivery, StoreError>>;

    /// What is known of an open connection; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the store itself cannot say.
    fn describe<'a>(
        &'a self,
        address: Address<'a>,
    ) -> BoxFuture<'a, Result<Option<ConnectionView>, StoreError>>;

    /// Asks the connection to close once what is queued has been written. [`Delivery::Queued`] when it was open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the store itself cannot say.
    fn close<'a>(
        &'a self,
        address: Address<'a>,
        request: CloseRequest,
    ) -> BoxFuture<'a, Result<Delivery, StoreError>>;

    /// Forgets a connection of this node; `true` when it was known. It is unreachable from then on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the store itself cannot say.
    fn remove(&self, id: ConnectionId) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// API and stage of an open connection of this node, for callers that know nothing but its id.
    fn place(&self, id: ConnectionId) -> Option<(Arc<str>, Arc<str>)> {
        let open = self.local().into_iter();
        let wanted = |connection: &Arc<Connection>| {
            connection.record.id == id && connection.outbox.is_open()
        };
        let mut found = open.filter(wanted);
        let record = &found.next()?.record;
        Some((Arc::clone(&record.api), Arc::clone(&record.stage)))
    }

    /// The open connections of this node, at some moment during the call.
    fn local(&self) -> Vec<Arc<Connection>>;

    /// How many connections this node has open.
    fn local_count(&self) -> usize;
}
