//! A connection for the tests of this folder.

use std::sync::Arc;

use connection_store::{Connection, ConnectionRecord, IdMint, Owner};

use crate::plan::stage::ConnectionSettings;

/// A connection of that stage, accepted at the beginning of time.
pub(super) fn connection(api: &str, stage: &str) -> Arc<Connection> {
    let mint = IdMint::new(&[0; 32], Owner { slot: 0, epoch: 0 });
    let record = ConnectionRecord {
        id: mint.mint(1),
        api: api.into(),
        stage: stage.into(),
        connected_at_epoch_ms: 0,
        source_ip: [127, 0, 0, 1].into(),
        user_agent: None,
        domain_name: "h".into(),
        identity: None,
        authorizer: None,
    };
    let limits = ConnectionSettings::default().outbox;
    Arc::new(Connection::new(record, limits, 0))
}
