//! Reaching connections from within the program, without HTTP and signatures.

use std::sync::Arc;

use bytes::Bytes;
use connection_store::{Address, ConnectionId, Delivery, Outgoing, StoreError};

use crate::base::quotas::MESSAGE_BYTES;
use crate::error::CloseReason;
use crate::observe::names::Counter;
use crate::pipeline::Services;

/// Why a message could not be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// There is no such connection; what `@connections` answers with 410.
    #[error("there is no such connection")]
    Gone,
    /// The connection's queue is full; what `@connections` answers with 429.
    #[error("the connection's send buffer is full")]
    Full,
    /// The message is larger than 128 KiB; what `@connections` answers with 413.
    #[error("the message is larger than {} bytes", MESSAGE_BYTES)]
    TooLarge,
    /// The connection store does not answer.
    #[error("the connection cannot be reached now")]
    Unreachable,
}

/// Reaches the connections of a gateway. Cheap to clone; keeps working until the gateway has stopped.
#[derive(Debug, Clone)]
pub struct Pusher(pub(super) Arc<Services>);

impl Pusher {
    /// Sends a message to one connection, as `POST @connections` does: text if it is UTF-8, binary otherwise.
    ///
    /// # Errors
    /// Why the message is not in the connection's queue.
    pub async fn push(
        &self,
        api: &str,
        stage: &str,
        connection_id: &str,
        payload: impl Into<Bytes>,
    ) -> Result<(), PushError> {
        let id: ConnectionId = connection_id.parse().map_err(|_| PushError::Gone)?;
        let address = Address { id, api, stage };
        let payload = payload.into();
        if payload.len() > MESSAGE_BYTES {
            return Err(PushError::TooLarge);
        }
        let message = Outgoing::from_bytes(payload);
        let now = self.0.clock.now().0;
        let delivered = settle(self.0.store.deliver(address, message, now).await);
        if delivered.is_ok() {
            let metrics = &self.0.observers.metrics;
            metrics.count(api, stage, Counter::MessageCount);
        }
        delivered
    }

    /// Closes one connection, as `DELETE @connections` does: with code 1000, after what is queued.
    ///
    /// # Errors
    /// [`PushError::Gone`] when it is not open.
    pub async fn close(
        &self,
        api: &str,
        stage: &str,
        connection_id: &str,
    ) -> Result<(), PushError> {
        let id: ConnectionId = connection_id.parse().map_err(|_| PushError::Gone)?;
        let address = Address { id, api, stage };
        settle(self.0.store.close(address, CloseReason::DELETE).await)
    }
}

fn settle(delivery: Result<Delivery, StoreError>) -> Result<(), PushError> {
    match delivery {
        Ok(Delivery::Queued) => Ok(()),
        Ok(Delivery::Full) => Err(PushError::Full),
        Ok(Delivery::Gone) => Err(PushError::Gone),
        Ok(Delivery::Unreachable) | Err(_) => Err(PushError::Unreachable),
    }
}
