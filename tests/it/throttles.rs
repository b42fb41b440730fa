//! Token buckets of the account, of routes, and of single connections.

use std::time::Duration;

use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, Rig, Setup, WsClient, chat, echo};
use crate::reload::reload;

const LASTING: &str = "{ tidegate: { limits: { idleTimeout: off, connectionDuration: off } } }";
const ASK: &str = r#"{"action":"ask"}"#;

async fn started(definition: String, server: &str) -> Rig {
    Setup::new(definition)
        .server(server)
        .manual()
        .function("backend", echo)
        .start()
        .await
}

async fn served(rig: &Rig, client: &mut WsClient, message: &str) {
    assert_eq!(client.ask(message).await, message);
    rig.event_of("MESSAGE").await;
}

async fn throttled(client: &mut WsClient, message: &str) {
    client.send(message).await;
    assert_eq!(client.error().await, "Too Many Requests");
}

async fn open(rig: &Rig) -> WsClient {
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    client
}

async fn leave(rig: &Rig, client: WsClient) {
    client.leave().await;
    rig.disconnect().await;
}

#[tokio::test]
async fn a_connection_has_a_message_rate_of_its_own() {
    let definition = chat(LASTING).replace(
        "ask: { target: integrations/backend,",
        "ask: { target: integrations/backend, tidegate: { messageRate: { rate: 0.5, burst: 2 } },",
    );
    let rig = started(definition.clone(), "region: us-east-1").await;
    let services = rig.gateway.services().clone();
    let (mut one, mut other) = (open(&rig).await, open(&rig).await);
    // Nothing is kept for connections that send no such message.
    served(&rig, &mut one, "hi").await;
    assert_eq!(services.limiter.buckets(), 0);
    for client in [&mut one, &mut other] {
        served(&rig, client, ASK).await;
        served(&rig, client, ASK).await;
        throttled(client, ASK).await;
    }
    served(&rig, &mut one, "other routes are free").await;
    // A redeploy does not refill a bucket.
    reload(&rig.gateway, "", &definition).unwrap();
    throttled(&mut one, ASK).await;
    rig.advance(Duration::from_secs(2));
    served(&rig, &mut one, ASK).await;
    throttled(&mut one, ASK).await;
    assert_eq!(services.limiter.buckets(), 2);
    // A connection takes its bucket with it; one that is full again is dropped.
    leave(&rig, one).await;
    rig.settle(1).await;
    assert_eq!(services.limiter.buckets(), 1);
    rig.advance(Duration::from_secs(10));
    crate::harness::eventually("the idle bucket to be dropped", || {
        services.limiter.buckets() == 0
    })
    .await;
    leave(&rig, other).await;
    rig.close().await;
}

#[tokio::test]
async fn a_message_rate_without_a_burst_has_a_second_of_it() {
    let check = async |rate: &str, burst: usize| {
        let definition = chat(LASTING).replace(
            "ask: { target: integrations/backend,",
            &format!(
                "ask: {{ target: integrations/backend, tidegate: {{ messageRate: {{ rate: {rate} }} }},"
            ),
        );
        let rig = started(definition, "region: us-east-1").await;
        let mut client = open(&rig).await;
        for _ in 0..burst {
            served(&rig, &mut client, ASK).await;
        }
        throttled(&mut client, ASK).await;
        leave(&rig, client).await;
        rig.close().await;
    };
    check("0.1", 1).await;
    check("3", 3).await;
}

#[tokio::test]
async fn routes_have_buckets_that_a_redeploy_keeps() {
    let settings = "{ routeSettings: { ask: { throttlingRateLimit: 1, throttlingBurstLimit: 2 } }, tidegate: { limits: { idleTimeout: off } } }";
    let rig = started(chat(settings), "region: us-east-1").await;
    let (mut one, mut other) = (open(&rig).await, open(&rig).await);
    served(&rig, &mut one, ASK).await;
    served(&rig, &mut other, ASK).await;
    throttled(&mut one, ASK).await;
    throttled(&mut other, ASK).await;
    served(&rig, &mut one, "another route").await;
    reload(&rig.gateway, "", &chat(settings)).unwrap();
    throttled(&mut one, ASK).await;
    rig.advance(Duration::from_secs(1));
    served(&rig, &mut one, ASK).await;
    throttled(&mut other, ASK).await;
    leave(&rig, one).await;
    leave(&rig, other).await;
    rig.close().await;
}

#[tokio::test]
async fn a_route_without_tokens_admits_nobody() {
    let settings = "{ defaultRouteSettings: { throttlingRateLimit: 0, throttlingBurstLimit: 0 } }";
    let rig = started(chat(settings), "region: us-east-1").await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(
        (refused.status, &*refused.refusal()),
        (429, "Too Many Requests")
    );
    rig.close().await;
}

#[tokio::test]
async fn the_account_has_one_bucket_for_all() {
    let limits = "limits: { requestRate: 1, requestBurst: 3 }";
    let rig = started(chat(LASTING), limits).await;
    let mut client = open(&rig).await;
    served(&rig, &mut client, "hi").await;
    served(&rig, &mut client, ASK).await;
    throttled(&mut client, ASK).await;
    assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 429);
    rig.advance(Duration::from_secs(1));
    served(&rig, &mut client, ASK).await;
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn new_connections_have_a_rate() {
    let rig = started(chat(LASTING), "limits: { connectRate: 2 }").await;
    let (one, other) = (open(&rig).await, open(&rig).await);
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(
        (refused.status, &*refused.refusal()),
        (429, "Too Many Requests")
    );
    rig.advance(Duration::from_millis(500));
    let third = open(&rig).await;
    assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 429);
    for client in [one, other, third] {
        leave(&rig, client).await;
    }
    rig.close().await;
}

/// An HTTP API of one route with these stage settings.
fn shop(stage: &str) -> String {
    format!(
        "apis: {{ shop: {{ protocolType: HTTP, corsConfiguration: {{ allowOrigins: ['https://a.example'], allowMethods: [GET] }}, routes: {{ 'GET /a': {{ target: integrations/f }}, 'GET /b': {{ target: integrations/f }}, 'GET /signed': {{ target: integrations/f, authorizationType: AWS_IAM }} }}, integrations: {{ f: {{ integrationType: AWS_PROXY, integrationUri: 'function:backend', payloadFormatVersion: 2.0 }} }}, stages: {{ $default: {stage} }} }} }}"
    )
}

async fn status(rig: &Rig, method: &str, path: &str) -> u16 {
    let headers = [
        ("Origin", "https://a.example"),
        ("Access-Control-Request-Method", "GET"),
    ];
    let answer = send(rig.address(), &request(method, path, &headers, b"")).await;
    match answer.status {
        200 => drop(rig.event("backend").await),
        429 => assert_eq!(answer.text(), r#"{"message":"Too Many Requests"}"#),
        _ => {}
    }
    answer.status
}

#[tokio::test]
async fn routes_of_http_apis_have_buckets_that_a_redeploy_keeps() {
    let stage = "{ defaultRouteSettings: { throttlingRateLimit: 1, throttlingBurstLimit: 2 }, routeSettings: { 'GET /b': { throttlingBurstLimit: 1 } } }";
    let rig = started(shop(stage), "region: us-east-1").await;
    assert_eq!(status(&rig, "GET", "/a").await, 200);
    assert_eq!(status(&rig, "GET", "/a").await, 200);
    assert_eq!(status(&rig, "GET", "/a").await, 429);
    assert_eq!(status(&rig, "GET", "/b").await, 200);
    assert_eq!(status(&rig, "GET", "/b").await, 429);
    reload(&rig.gateway, "", &shop(stage)).unwrap();
    assert_eq!(status(&rig, "GET", "/a").await, 429);
    rig.advance(Duration::from_secs(1));
    assert_eq!(status(&rig, "GET", "/a").await, 200);
    assert_eq!(status(&rig, "GET", "/a").await, 429);
    rig.close().await;
}

/// Vector 25: what is throttled to nothing says so before it asks who calls.
#[tokio::test]
async fn nothing_is_admitted_where_the_limit_is_nothing() {
    let stage = "{ defaultRouteSettings: { throttlingRateLimit: 0, throttlingBurstLimit: 0 } }";
    let rig = started(shop(stage), "region: us-east-1").await;
    assert_eq!(status(&rig, "GET", "/a").await, 429);
    assert_eq!(status(&rig, "GET", "/signed").await, 429);
    assert_eq!(status(&rig, "GET", "/nowhere").await, 404);
    rig.close().await;
}

#[tokio::test]
async fn requests_messages_and_preflights_share_the_accounts_bucket() {
    let shop = shop("{}").replacen("apis: { ", "  ", 1);
    let definition = format!("{}{}\n", chat(LASTING), shop.strip_suffix(" }").unwrap());
    let limits = "limits: { requestRate: 1, requestBurst: 4, connectRate: 1 }";
    let rig = started(definition, limits).await;
    let mut client = rig.connect(&Handshake::new("/_apis/chat/prod")).await;
    rig.event_of("CONNECT").await;
    assert_eq!(status(&rig, "GET", "/_apis/shop/$default/a").await, 200);
    assert_eq!(status(&rig, "OPTIONS", "/_apis/shop/$default/a").await, 204);
    served(&rig, &mut client, ASK).await;
    throttled(&mut client, ASK).await;
    assert_eq!(status(&rig, "GET", "/_apis/shop/$default/a").await, 429);
    assert_eq!(status(&rig, "OPTIONS", "/_apis/shop/$default/a").await, 429);
    leave(&rig, client).await;
    rig.close().await;
}

/// The rate of new connections is no matter to requests.
#[tokio::test]
async fn requests_are_no_connections() {
    let rig = started(shop("{}"), "limits: { connectRate: 0 }").await;
    for _ in 0..5 {
        assert_eq!(status(&rig, "GET", "/a").await, 200);
    }
    rig.close().await;
}
