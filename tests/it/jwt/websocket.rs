//! Tokens at `$connect`: where they are brought, and what events know of them.

use serde_json::{Value, json};

use super::{HEADER, SUBPROTOCOL, bearing, guarded, setup};
use crate::harness::issuer::{Issuer, Key, NOW};
use crate::harness::{Handshake, Rig, Setup, answers, echo};

async fn rig(issuer: &Issuer) -> Rig {
    setup(issuer).function("backend", echo).start().await
}

#[tokio::test]
async fn every_event_knows_whose_token_it_was() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let token = issuer.token(json!({ "scope": "a b", "g": ["x", "y"], "n": 7, "o": { "k": 1 } }));
    let mut client = rig.connect(&bearing(&token)).await;
    let expected = json!({
        "principalId": "u-1",
        "claims": {
            "iss": issuer.url(), "aud": "web", "sub": "u-1", "exp": (NOW + 600).to_string(),
            "scope": "a b", "g": "[x y]", "n": "7", "o": r#"{"k":1}"#,
        },
        "scopes": null,
    });
    let check = |event: Value| assert_eq!(event["requestContext"]["authorizer"], expected);
    check(rig.event_of("CONNECT").await);
    assert_eq!(client.ask("hi").await, "hi");
    check(rig.event_of("MESSAGE").await);
    client.leave().await;
    check(rig.event_of("DISCONNECT").await);
    assert_eq!((issuer.discoveries(), issuer.fetches()), (1, 1));
    rig.close().await;
}

#[tokio::test]
async fn scopes_are_shown_where_the_route_wants_some() {
    let issuer = Issuer::start().await;
    let definition = guarded(&issuer, HEADER, "", ", authorizationScopes: [a, z]");
    let rig = Setup::new(definition)
        .manual()
        .function("backend", echo)
        .start()
        .await;
    let token = issuer.token(json!({ "scope": "a b" }));
    let client = rig.connect(&bearing(&token)).await;
    let event = rig.event_of("CONNECT").await;
    let authorizer = &event["requestContext"]["authorizer"];
    assert_eq!(authorizer["scopes"], json!(["a", "b"]));
    client.leave().await;
    rig.disconnect().await;
    let refused = rig
        .refused(&bearing(&issuer.token(json!({ "scope": "b" }))))
        .await;
    assert_eq!(
        (refused.status, refused.refusal()),
        (403, "Forbidden".into())
    );
    assert_eq!(
        refused.header("www-authenticate"),
        Some(
            r#"Bearer scope="a z" error="insufficient_scope" error_description="the token does not have a valid scope""#
        )
    );
    rig.close().await;
}

#[tokio::test]
async fn every_kind_of_key_lets_in() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let keys = [Key::rsa("r"), Key::p384("p384"), Key::ed25519("ed")];
    let all: Vec<_> = keys.iter().chain([&issuer.key]).collect();
    issuer.publish(&all);
    let claims = issuer.claims(json!({}));
    let mut tokens: Vec<_> = all.iter().map(|key| key.token(&claims)).collect();
    for name in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
        tokens.push(keys[0].token_by(name, &claims));
    }
    for token in tokens {
        let client = rig.connect(&bearing(&token)).await;
        rig.event_of("CONNECT").await;
        client.leave().await;
        rig.disconnect().await;
    }
    assert_eq!(issuer.fetches(), 1);
    rig.close().await;
}

#[tokio::test]
async fn a_token_may_be_in_the_query() {
    let issuer = Issuer::start().await;
    for source in [
        "$request.querystring.token",
        "route.request.querystring.token",
    ] {
        let rig = Setup::new(guarded(&issuer, source, "", ""))
            .manual()
            .function("backend", echo)
            .start()
            .await;
        let token = issuer.token(json!({}));
        let client = rig
            .connect(&Handshake::new(&format!("/prod?token={token}")))
            .await;
        rig.event_of("CONNECT").await;
        client.leave().await;
        rig.disconnect().await;
        let elsewhere = rig.refused(&bearing(&token)).await;
        assert_eq!(elsewhere.status, 401);
        assert_eq!(elsewhere.header("www-authenticate"), Some("Bearer"));
        rig.close().await;
    }
}

/// Offers `offered`, in which `TOKEN` stands for a good one; gives the answer to an integration that answers `chosen`.
async fn subprotocol(offered: &str, chosen: Option<&str>) -> (u16, Option<String>) {
    let issuer = Issuer::start().await;
    let token = issuer.token(json!({}));
    let put = |text: &str| text.replace("TOKEN", &token);
    let output = match chosen {
        Some(chosen) => {
            json!({ "statusCode": 200, "headers": { "Sec-WebSocket-Protocol": put(chosen) } })
        }
        None => json!({ "statusCode": 200 }),
    };
    let rig = Setup::new(guarded(&issuer, SUBPROTOCOL, "", ""))
        .manual()
        .function("backend", answers(output))
        .start()
        .await;
    let handshake = Handshake::new("/prod").header("Sec-WebSocket-Protocol", &put(offered));
    let address = rig.address();
    let response = match crate::harness::WsClient::open(address, &handshake).await {
        Ok(client) => {
            rig.event_of("CONNECT").await;
            let response = client.response.clone();
            client.leave().await;
            rig.disconnect().await;
            response
        }
        Err(response) => response,
    };
    rig.close().await;
    let answer = response.header("sec-websocket-protocol");
    (response.status, answer.map(str::to_owned))
}

#[tokio::test]
async fn a_token_may_be_offered_as_a_subprotocol() {
    let check = async |offered: &str, chosen: Option<&str>, expected: Option<&str>| {
        let answer = subprotocol(offered, chosen).await;
        let status = if expected.is_some() { 101 } else { 401 };
        let expected = (status, expected.map(str::to_owned));
        assert_eq!(answer, expected, "{offered}, {chosen:?}");
    };
    check("bearer, TOKEN", None, Some("bearer")).await;
    check("chat, bearer, TOKEN", None, Some("chat")).await;
    check("bearer, TOKEN, chat", None, Some("chat")).await;
    check("chat, v2, bearer, TOKEN", Some("v2"), Some("v2")).await;
    // Whatever the integration says, the token is not sent back.
    check("bearer, TOKEN", Some("TOKEN"), Some("bearer")).await;
    check(
        "chat, bearer, TOKEN",
        Some("chat, bearer, TOKEN"),
        Some("chat"),
    )
    .await;
    check("TOKEN", None, None).await;
    check("bearer", None, None).await;
    check("chat", None, None).await;
}

#[tokio::test]
async fn without_an_integration_the_token_decides_alone() {
    let issuer = Issuer::start().await;
    let definition = guarded(&issuer, SUBPROTOCOL, "", "")
        .replace("$connect: { target: integrations/backend, ", "$connect: { ");
    let rig = Setup::new(definition)
        .manual()
        .function("backend", echo)
        .start()
        .await;
    let offered = format!("bearer, {}", issuer.token(json!({})));
    let handshake = Handshake::new("/prod").header("Sec-WebSocket-Protocol", &offered);
    let mut client = rig.connect(&handshake).await;
    assert_eq!(
        client.response.header("sec-websocket-protocol"),
        Some("bearer")
    );
    assert_eq!(client.ask("hi").await, "hi");
    let event = rig.event_of("MESSAGE").await;
    assert_eq!(event["requestContext"]["authorizer"]["principalId"], "u-1");
    client.leave().await;
    rig.disconnect().await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(refused.status, 401);
    rig.close().await;
}
