//! Whoever tries out API keys gets few tries, and nobody else suffers for it.

use std::time::Duration;

use super::{ACME, KEYS, ZETA, chat};
use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, Response, Rig, Setup, echo};

/// Wrong keys that one address may show at once, and in a second.
const TRIES: usize = 100;
const TRIES_A_SECOND: usize = 10;
const FORBIDDEN: (u16, &str) = (403, r#"{"message":"Forbidden"}"#);
const TOO_MANY: (u16, &str) = (429, r#"{"message":"Too Many Requests"}"#);

/// An HTTP API and a WebSocket API whose routes want a key, behind a proxy that says who asks.
async fn started() -> Rig {
    let chat = chat("{}").replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, apiKeyRequired: true }",
    );
    let definition = format!(
        "{chat}  shop:\n    protocolType: HTTP\n    routes:\n      'GET /closed': {{ target: integrations/f, apiKeyRequired: true }}\n      'GET /open': {{ target: integrations/f }}\n    integrations:\n      f: {{ integrationType: AWS_PROXY, integrationUri: 'function:backend', payloadFormatVersion: 2.0 }}\n    stages: {{ $default: {{}} }}\n{KEYS}usagePlans:\n  gold: {{ apiStages: [{{ apiId: shop, stage: $default }}, {{ apiId: chat, stage: prod }}], keys: [acme, zeta, late] }}\n"
    );
    let setup = Setup::new(definition).manual().function("backend", echo);
    let setup = setup.server("trustedProxies: [127.0.0.0/8]");
    let setup = setup.server("limits: { requestRate: off, connectRate: off }");
    setup.start().await
}

async fn get(rig: &Rig, path: &str, from: &str, key: Option<&str>) -> Response {
    let path = format!("/_apis/shop/$default{path}");
    let mut headers = vec![("X-Forwarded-For", from)];
    headers.extend(key.map(|key| ("x-api-key", key)));
    send(rig.address(), &request("GET", &path, &headers, b"")).await
}

async fn refused(rig: &Rig, from: &str, key: Option<&str>, expected: (u16, &str)) {
    let answer = get(rig, "/closed", from, key).await;
    assert_eq!((answer.status, answer.text()), expected, "{from} {key:?}");
}

async fn served(rig: &Rig, from: &str, key: &str) {
    assert_eq!(get(rig, "/closed", from, Some(key)).await.status, 200);
    rig.event("backend").await;
}

async fn guess(rig: &Rig, from: &str, times: usize) {
    for number in 0..times {
        let key = format!("guess-guess-guess-{number:06}");
        refused(rig, from, Some(&key), FORBIDDEN).await;
    }
}

#[tokio::test]
async fn an_address_may_guess_now_and_then() {
    let rig = started().await;
    let (guesser, other) = ("198.51.100.1", "198.51.100.2");
    guess(&rig, guesser, TRIES).await;
    refused(&rig, guesser, Some("guess-guess-guess-guess"), TOO_MANY).await;
    // Nothing tells whether a guess would have been right.
    for key in [ACME, ZETA, "late-late-late-late-late", ""] {
        refused(&rig, guesser, Some(key), TOO_MANY).await;
    }
    refused(&rig, guesser, None, TOO_MANY).await;
    // Others may ask, and what needs no key is open to all.
    served(&rig, other, ACME).await;
    assert_eq!(get(&rig, "/open", guesser, None).await.status, 200);
    rig.event("backend").await;
    rig.advance(Duration::from_secs(1));
    guess(&rig, guesser, TRIES_A_SECOND).await;
    refused(&rig, guesser, Some("guess-guess-guess-guess"), TOO_MANY).await;
    rig.advance(Duration::from_secs(60));
    served(&rig, guesser, ZETA).await;
    rig.close().await;
}

#[tokio::test]
async fn a_key_that_an_address_has_used_before_stays_good_there() {
    let rig = started().await;
    let shared = "198.51.100.1";
    served(&rig, shared, ACME).await;
    guess(&rig, shared, TRIES).await;
    refused(&rig, shared, Some("guess-guess-guess-guess"), TOO_MANY).await;
    served(&rig, shared, ACME).await;
    refused(&rig, shared, Some(ZETA), TOO_MANY).await;
    rig.close().await;
}

#[tokio::test]
async fn showing_no_key_is_no_guess() {
    let rig = started().await;
    let careless = "198.51.100.1";
    for _ in 0..TRIES + 50 {
        refused(&rig, careless, None, FORBIDDEN).await;
    }
    served(&rig, careless, ACME).await;
    rig.close().await;
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    let rig = started().await;
    for number in 0..TRIES {
        let from = format!("2001:db8:1:1::{number:x}");
        refused(&rig, &from, Some("guess-guess-guess-guess"), FORBIDDEN).await;
    }
    refused(&rig, "2001:db8:1:1:ffff::1", Some(ACME), TOO_MANY).await;
    served(&rig, "2001:db8:1:2::1", ACME).await;
    rig.close().await;
}

#[tokio::test]
async fn handshakes_and_requests_are_counted_together() {
    let rig = started().await;
    let guesser = "198.51.100.1";
    guess(&rig, guesser, TRIES - 1).await;
    let handshake = |key: &str| {
        let handshake = Handshake::new("/_apis/chat/prod").header("x-api-key", key);
        handshake.header("X-Forwarded-For", guesser)
    };
    let wrong = handshake("guess-guess-guess-guess");
    assert_eq!(rig.refused(&wrong).await.status, 403);
    assert_eq!(rig.refused(&wrong).await.status, 429);
    assert_eq!(rig.refused(&handshake(ACME)).await.status, 429);
    refused(&rig, guesser, Some(ACME), TOO_MANY).await;
    rig.close().await;
}
