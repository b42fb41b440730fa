//! What every [`ConnectionStore`] must do, as a suite that any store can run in its tests.
//!
//! Call [`run`] with a function that makes an empty store. It panics at the first breach, naming it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Address, CloseRequest, Connection, ConnectionId, ConnectionRecord, ConnectionStore, Delivery,
    IdMint, OutboxLimits, Outgoing, Owner, StoreError,
};

const DELETE: CloseRequest = CloseRequest {
    code: 1000,
    reason: "Connection Closed Normally",
};

/// Runs every check against fresh stores.
///
/// # Panics
/// At the first rule that the store breaks.
pub async fn run<F>(make: F)
where
    F: Fn() -> Arc<dyn ConnectionStore>,
{
    unknown_connections_are_gone(make().as_ref()).await;
    a_delivered_message_is_in_the_queue(make().as_ref()).await;
    deliveries_keep_their_order(make().as_ref()).await;
    a_full_queue_is_an_answer(make().as_ref()).await;
    other_apis_and_stages_see_nothing(make().as_ref()).await;
    a_description_follows_activity(make().as_ref()).await;
    a_close_ends_deliveries(make().as_ref()).await;
    a_removed_connection_is_gone(make().as_ref()).await;
    ids_are_unique(make().as_ref()).await;
    concurrent_deliveries_are_each_accounted_for(make()).await;
}

fn id(number: u64) -> ConnectionId {
    let owner = Owner { slot: 0, epoch: 0 };
    IdMint::new(&[1; 32], owner).mint(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn connection(number: u64) -> Arc<Connection> {
    let record = ConnectionRecord {
        id: id(number),
        api: "chat".into(),
        stage: "prod".into(),
        connected_at_epoch_ms: 1_000_000,
        source_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
        user_agent: Some("suite/1".into()),
        domain_name: "chat.example.com".into(),
        identity: None,
        authorizer: None,
        expires_at_epoch_ms: None,
        api_key: None,
    };
    let limits = OutboxLimits {
        messages: 4,
        bytes: 64,
    };
    Arc::new(Connection::new(record, limits, 500))
}

fn address(id: ConnectionId) -> Address<'static> {
    Address {
        id,
        api: "chat",
        stage: "prod",
    }
}

fn text(payload: impl Into<Bytes>) -> Outgoing {
    Outgoing::Text(payload.into())
}

async fn open(store: &dyn ConnectionStore, number: u64) -> Arc<Connection> {
    let connection = connection(number);
    let inserted = store.insert(Arc::clone(&connection)).await;
    assert_eq!(inserted, Ok(()), "inserting a new connection succeeds");
    connection
}

fn drain(connection: &Connection) -> Vec<Outgoing> {
    let mut batch = Vec::new();
    connection.outbox.take(&mut batch, usize::MAX);
    batch
}

async fn unknown_connections_are_gone(store: &dyn ConnectionStore) {
    let nobody = address(id(1));
    let delivered = store.deliver(nobody, text("x"), 0).await;
    assert_eq!(delivered, Ok(Delivery::Gone), "nobody can be reached");
    assert_eq!(
        store.describe(nobody).await,
        Ok(None),
        "nobody is described"
    );
    assert_eq!(store.close(nobody, DELETE).await, Ok(Delivery::Gone));
    assert_eq!(store.remove(nobody.id).await, Ok(false));
    assert_eq!(store.place(nobody.id), None);
    assert_eq!(store.local_count(), 0);
}

async fn a_delivered_message_is_in_the_queue(store: &dyn ConnectionStore) {
    let connection = open(store, 2).await;
    let delivered = store.deliver(address(id(2)), text("hello"), 600).await;
    assert_eq!(delivered, Ok(Delivery::Queued));
    assert_eq!(drain(&connection), [text("hello")], "queued means queued");
    let place = store.place(id(2));
    assert_eq!(place, Some(("chat".into(), "prod".into())));
}

async fn deliveries_keep_their_order(store: &dyn ConnectionStore) {
    let connection = open(store, 3).await;
    for payload in ["1", "2", "3"] {
        let delivered = store.deliver(address(id(3)), text(payload), 600).await;
        assert_eq!(delivered, Ok(Delivery::Queued));
    }
    assert_eq!(drain(&connection), [text("1"), text("2"), text("3")]);
}

async fn a_full_queue_is_an_answer(store: &dyn ConnectionStore) {
    let connection = open(store, 4).await;
    for _ in 0..4 {
        let delivered = store.deliver(address(id(4)), text("x"), 600).await;
        assert_eq!(delivered, Ok(Delivery::Queued));
    }
    let delivered = store.deliver(address(id(4)), text("x"), 700).await;
    assert_eq!(delivered, Ok(Delivery::Full), "a full queue takes no more");
    assert_eq!(
        connection.last_active(),
        600,
        "a refused message is no activity"
    );
    assert_eq!(
        drain(&connection).len(),
        4,
        "what was refused is not queued"
    );
}

async fn other_apis_and_stages_see_nothing(store: &dyn ConnectionStore) {
    let connection = open(store, 5).await;
    for (api, stage) in [
        ("chat", "beta"),
        ("shop", "prod"),
        ("", ""),
        ("prod", "chat"),
    ] {
        let elsewhere = Address {
            id: id(5),
            api,
            stage,
        };
        let delivered = store.deliver(elsewhere, text("x"), 600).await;
        assert_eq!(
            delivered,
            Ok(Delivery::Gone),
            "{api}/{stage} must not reach it"
        );
        assert_eq!(store.describe(elsewhere).await, Ok(None));
        assert_eq!(store.close(elsewhere, DELETE).await, Ok(Delivery::Gone));
    }
    assert!(drain(&connection).is_empty());
}

async fn a_description_follows_activity(store: &dyn ConnectionStore) {
    let connection = open(store, 6).await;
    connection.touch(750);
    let view = match store.describe(address(id(6))).await {
        Ok(Some(view)) => view,
        other => panic!("an open connection is described, not {other:?}"),
    };
    assert_eq!(view.connected_at_epoch_ms, 1_000_000);
    assert_eq!(view.last_active_at_epoch_ms, 1_000_250);
    assert_eq!(view.user_agent.as_deref(), Some("suite/1"));
}

async fn a_close_ends_deliveries(store: &dyn ConnectionStore) {
    let connection = open(store, 7).await;
    let delivered = store.deliver(address(id(7)), text("last"), 600).await;
    assert_eq!(delivered, Ok(Delivery::Queued));
    assert_eq!(
        store.close(address(id(7)), DELETE).await,
        Ok(Delivery::Queued)
    );
    let delivered = store.deliver(address(id(7)), text("late"), 600).await;
    assert_eq!(
        delivered,
        Ok(Delivery::Gone),
        "a closing connection is gone"
    );
    let mut batch = Vec::new();
    let taken = connection.outbox.take(&mut batch, usize::MAX);
    assert_eq!(
        batch,
        [text("last")],
        "what was acknowledged still goes out"
    );
    assert_eq!(taken.close, Some(DELETE));
}

async fn a_removed_connection_is_gone(store: &dyn ConnectionStore) {
    open(store, 8).await;
    assert_eq!(store.local_count(), 1);
    assert_eq!(store.local().len(), 1);
    assert_eq!(store.remove(id(8)).await, Ok(true));
    assert_eq!(
        store.remove(id(8)).await,
        Ok(false),
        "removing is done once"
    );
    let delivered = store.deliver(address(id(8)), text("x"), 600).await;
    assert_eq!(delivered, Ok(Delivery::Gone));
    assert_eq!(store.local_count(), 0);
}

async fn ids_are_unique(store: &dyn ConnectionStore) {
    open(store, 9).await;
    let again = store.insert(connection(9)).await;
    assert_eq!(again, Err(StoreError::Duplicate(id(9))));
}

async fn concurrent_deliveries_are_each_accounted_for(store: Arc<dyn ConnectionStore>) {
    let connection = open(store.as_ref(), 10).await;
    let attempts = (0..32u8).map(|number| {
        let store = Arc::clone(&store);
        async move {
            store
                .deliver(address(id(10)), text(vec![b'a' + number % 26]), 600)
                .await
        }
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    let queued = outcomes
        .iter()
        .filter(|outcome| **outcome == Ok(Delivery::Queued))
        .count();
    assert_eq!(
        queued,
        drain(&connection).len(),
        "every 200 is in the queue"
    );
}
