//! A connection for the tests of this folder.

use std::sync::Arc;

use connection_store::{Connection, ConnectionRecord, IdMint, Owner};

use crate::plan::stage::ConnectionSettings;

/// A connection of that stage, accepted at the beginning of time.
pub(super) fn connection(api: &str, stage: &str) -> Arc<Connection> {
    of(record(api, stage))
}

/// A connection whose caller's right to be connected ends.
pub(super) fn expiring(at_epoch_ms: u64) -> Arc<Connection> {
    of(ConnectionRecord {
        expires_at_epoch_ms: Some(at_epoch_ms),
        ..record("a", "s")
    })
}

fn of(record: ConnectionRecord) -> Arc<Connection> {
    let limits = ConnectionSettings::default().outbox;
    Arc::new(Connection::new(record, limits, 0))
}

fn record(api: &str, stage: &str) -> ConnectionRecord {
    let mint = IdMint::new(&[0; 32], Owner { slot: 0, epoch: 0 });
    ConnectionRecord {
        id: mint.mint(1),
        api: api.into(),
        stage: stage.into(),
        connected_at_epoch_ms: 0,
        source_ip: [127, 0, 0, 1].into(),
        user_agent: None,
        domain_name: "h".into(),
        identity: None,
        authorizer: None,
        expires_at_epoch_ms: None,
        api_key: None,
    }
}
