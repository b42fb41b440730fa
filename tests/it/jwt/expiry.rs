//! What the end of a token means: for those who come with it, and for connections that came with it.

use std::time::Duration;

use serde_json::json;

use super::{HEADER, bearing, guarded};
use crate::harness::issuer::{Issuer, NOW};
use crate::harness::{Rig, Setup, WsClient, echo};

const SECOND: Duration = Duration::from_secs(1);

async fn rig(issuer: &Issuer, fields: &str) -> Rig {
    Setup::new(guarded(issuer, HEADER, fields, ""))
        .manual()
        .function("backend", echo)
        .start()
        .await
}

const CLOSE: &str = ", tidegate: { onTokenExpiry: close }";

/// Connects with a token that is good for so many seconds more.
async fn connect(rig: &Rig, issuer: &Issuer, seconds: u64) -> WsClient {
    let token = issuer.token(json!({ "exp": NOW + seconds }));
    let mut client = rig.connect(&bearing(&token)).await;
    rig.event_of("CONNECT").await;
    // The whole way in has been gone once something came back.
    client.silent().await;
    client
}

#[tokio::test]
async fn a_remembered_token_is_refused_once_it_has_expired() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, "").await;
    let token = issuer.token(json!({ "exp": NOW + 30 }));
    for _ in 0..2 {
        let client = rig.connect(&bearing(&token)).await;
        rig.event_of("CONNECT").await;
        client.leave().await;
        rig.disconnect().await;
    }
    rig.advance(30 * SECOND);
    let refused = rig.refused(&bearing(&token)).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("the token has expired"), "{challenge}");
    rig.close().await;
}

#[tokio::test]
async fn a_difference_of_clocks_can_be_granted() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, ", tidegate: { clockSkew: 30s }").await;
    let check = async |changes, status: u16| match WsClient::open(
        rig.address(),
        &bearing(&issuer.token(changes)),
    )
    .await
    {
        Ok(client) => {
            assert_eq!(status, 101);
            rig.event_of("CONNECT").await;
            client.leave().await;
            rig.disconnect().await;
        }
        Err(response) => assert_eq!(response.status, status),
    };
    check(json!({ "exp": NOW - 29 }), 101).await;
    check(json!({ "exp": NOW - 30 }), 401).await;
    check(json!({ "nbf": NOW + 30, "iat": NOW + 30 }), 101).await;
    check(json!({ "nbf": NOW + 31 }), 401).await;
    rig.close().await;
}

#[tokio::test]
async fn a_connection_outlives_its_token_by_default() {
    let issuer = Issuer::start().await;
    for fields in ["", ", tidegate: { onTokenExpiry: keep }"] {
        let rig = rig(&issuer, fields).await;
        let mut client = connect(&rig, &issuer, 3).await;
        rig.advance(60 * SECOND);
        rig.settle_tasks().await;
        assert_eq!(client.ask("hi").await, "hi");
        rig.event_of("MESSAGE").await;
        client.leave().await;
        rig.disconnect().await;
        rig.close().await;
    }
}

#[tokio::test]
async fn a_connection_can_end_with_its_token() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, CLOSE).await;
    let mut client = connect(&rig, &issuer, 60).await;
    rig.advance(59 * SECOND);
    // Being busy does not help.
    assert_eq!(client.ask("hi").await, "hi");
    rig.event_of("MESSAGE").await;
    rig.advance(2 * SECOND);
    assert_eq!(client.closed().await, (4401, "Token expired".to_owned()));
    let ending = rig.disconnect().await;
    assert_eq!(ending, (4401, "Token expired".to_owned()));
    rig.close().await;
}

#[tokio::test]
async fn a_token_that_ends_in_three_seconds_ends_its_connection_within_five() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, CLOSE).await;
    let client = connect(&rig, &issuer, 3).await;
    let mut other = connect(&rig, &issuer, 3600).await;
    rig.advance(4 * SECOND);
    assert_eq!(client.closed().await.0, 4401);
    assert_eq!(rig.disconnect().await.0, 4401);
    // Only the one whose token it was.
    other.silent().await;
    other.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn the_grace_of_a_clock_is_granted_to_connections_too() {
    let issuer = Issuer::start().await;
    let fields = ", tidegate: { onTokenExpiry: close, clockSkew: 30s }";
    let rig = rig(&issuer, fields).await;
    let mut client = connect(&rig, &issuer, 3).await;
    rig.advance(30 * SECOND);
    client.silent().await;
    rig.advance(4 * SECOND);
    assert_eq!(client.closed().await.0, 4401);
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn idle_time_still_ends_a_connection_first() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, CLOSE).await;
    let client = connect(&rig, &issuer, 3600).await;
    rig.advance(601 * SECOND);
    assert_eq!(client.closed().await.0, 1001);
    assert_eq!(rig.disconnect().await.0, 1001);
    rig.close().await;
}
