//! Whoever must not come in: tokens of every wrong kind, issuers that hang or lie, authorizers that fail, and what is too large.
//! Each has its status, and the backend is never called.

use aws_lc_rs::hmac;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::{ask, shop};
use crate::harness::http_client::{connect, read_response, request};
use crate::harness::issuer::{Issuer, Key, NOW, Says, encode};
use crate::harness::{Rig, Setup, answers, eventually};

async fn started(issuer: &Issuer) -> Rig {
    let lines = format!(
        r#"    authorizers:
      login: {{ authorizerType: JWT, identitySource: [$request.header.Authorization], jwtConfiguration: {{ issuer: "{}", audience: [web] }} }}
      judge: {{ authorizerType: REQUEST, authorizerUri: "function:judge", authorizerPayloadFormatVersion: "2.0", enableSimpleResponses: true }}
    routes:
      GET /token: {{ target: integrations/f, authorizationType: JWT, authorizerId: login }}
      GET /judged: {{ target: integrations/f, authorizationType: CUSTOM, authorizerId: judge }}
      POST /open: {{ target: integrations/f }}
    integrations: {{ f: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }} }}
"#,
        issuer.url()
    );
    Setup::new(shop(&lines))
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("judge", |_| futures_util::future::pending().boxed())
        .start()
        .await
}

async fn with_token(rig: &Rig, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    ask(rig, "GET", "/token", &[("Authorization", &bearer)])
        .await
        .status
}

/// What a good token lacks or has wrong, with the token.
fn forgeries(issuer: &Issuer, rsa: &Key) -> Vec<(&'static str, String)> {
    let claims = issuer.claims(json!({}));
    let good = issuer.token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let with = |changes: Value| issuer.token(changes);
    let headed = |header: Value| {
        let key = &issuer.key;
        key.sign("ES256", &header.to_string(), &claims.to_string())
    };
    let unsigned = |alg: &str| {
        let header = encode(json!({ "alg": alg, "kid": "first" }).to_string());
        format!("{header}.{}.", encode(claims.to_string()))
    };
    let by_public_key = |secret: String| {
        let header = encode(json!({ "alg": "HS256", "kid": "rsa" }).to_string());
        let message = format!("{header}.{}", encode(claims.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = encode(hmac::sign(&key, message.as_bytes()));
        format!("{message}.{tag}")
    };
    let admin = encode(issuer.claims(json!({ "sub": "admin" })).to_string());
    let stranger = Key::p256("first");
    let for_ec = json!({ "alg": "RS256", "kid": "first" }).to_string();
    let for_rsa = json!({ "alg": "ES256", "kid": "rsa" }).to_string();
    vec![
        ("nothing", String::new()),
        ("no token", "x".to_owned()),
        ("four segments", "a.b.c.d".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(9000))),
        ("none", unsigned("none")),
        ("NONE", unsigned("NONE")),
        ("no algorithm", unsigned("")),
        (
            "the public key as a secret",
            by_public_key(rsa.public_pem()),
        ),
        (
            "the key document as a secret",
            by_public_key(rsa.jwk().to_string()),
        ),
        (
            "an RSA signature for an EC key",
            rsa.sign("RS256", &for_ec, &claims.to_string()),
        ),
        (
            "an EC signature for an RSA key",
            issuer.key.sign("ES256", &for_rsa, &claims.to_string()),
        ),
        ("a stranger's signature", stranger.token(&claims)),
        ("other claims", format!("{header}.{admin}.{signature}")),
        ("no signature", format!("{message}.")),
        (
            "half a signature",
            format!("{message}.{}", &signature[..40]),
        ),
        (
            "a key of its own",
            headed(json!({ "alg": "ES256", "kid": "other", "jwk": stranger.jwk() })),
        ),
        (
            "a key elsewhere",
            headed(json!({ "alg": "ES256", "kid": "other", "jku": "http://127.0.0.1:1/" })),
        ),
        (
            "a critical header",
            headed(json!({ "alg": "ES256", "kid": "first", "crit": ["exp"] })),
        ),
        (
            "a kid that is a path",
            headed(json!({ "alg": "ES256", "kid": "../../../../dev/null" })),
        ),
        (
            "a kid that is no text",
            headed(json!({ "alg": "ES256", "kid": 1 })),
        ),
        ("expired", with(json!({ "exp": NOW }))),
        ("no expiry", with(json!({ "exp": null }))),
        (
            "an expiry in text",
            with(json!({ "exp": (NOW + 600).to_string() })),
        ),
        ("not yet valid", with(json!({ "nbf": NOW + 1 }))),
        ("issued later", with(json!({ "iat": NOW + 1 }))),
        ("another audience", with(json!({ "aud": "tv" }))),
        (
            "another issuer",
            with(json!({ "iss": format!("{}/", issuer.url()) })),
        ),
    ]
}

#[tokio::test]
async fn tokens_of_every_wrong_kind() {
    let issuer = Issuer::start().await;
    let rsa = Key::rsa("rsa");
    issuer.publish(&[&issuer.key, &rsa]);
    let rig = started(&issuer).await;
    let forgeries = forgeries(&issuer, &rsa);
    for (what, token) in &forgeries {
        // A token beyond the whole head's size is a matter of the head.
        let expected = if *what == "too long" {
            [401, 431]
        } else {
            [401; 2]
        };
        let status = with_token(&rig, token).await;
        assert!(expected.contains(&status), "{what}: {status}");
    }
    assert_eq!(forgeries.len(), 27);
    assert_eq!(rig.calls("backend"), 0);
    // The good one they were made from is good.
    assert_eq!(with_token(&rig, &issuer.token(json!({}))).await, 200);
    rig.event("backend").await;
    rig.close().await;
}

#[tokio::test]
async fn issuers_that_lie_or_hang() {
    let lies = [
        Says::Status(302),
        Says::Status(500),
        Says::Text("<html>".to_owned()),
        Says::Text(json!({ "keys": [] }).to_string()),
        Says::Text(
            json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": "first" }] }).to_string(),
        ),
        Says::Text(" ".repeat(200_000)),
    ];
    for lie in lies {
        let issuer = Issuer::start().await;
        issuer.keys(lie);
        let rig = started(&issuer).await;
        assert_eq!(with_token(&rig, &issuer.token(json!({}))).await, 401);
        assert_eq!(rig.calls("backend"), 0);
        rig.close_after(&["the keys of an issuer cannot be fetched"])
            .await;
    }
    let issuer = Issuer::start().await;
    issuer.keys(Says::Nothing);
    let rig = started(&issuer).await;
    let good = issuer.token(json!({}));
    let asking = with_token(&rig, &good);
    let clock = async {
        eventually("the issuer to be asked", || issuer.fetches() == 1).await;
        rig.settle_tasks().await;
        rig.advance(std::time::Duration::from_millis(1_501));
    };
    let (status, ()) = futures_util::join!(asking, clock);
    assert_eq!((status, rig.calls("backend")), (401, 0));
    rig.close_after(&["the keys of an issuer cannot be fetched"])
        .await;
}

#[tokio::test]
async fn an_authorizer_that_hangs_lets_nobody_through() {
    let issuer = Issuer::start().await;
    let rig = started(&issuer).await;
    let asking = ask(&rig, "GET", "/judged", &[]);
    let clock = async {
        rig.event("judge").await;
        rig.settle_tasks().await;
        rig.advance(std::time::Duration::from_millis(10_001));
    };
    let (answer, ()) = futures_util::join!(asking, clock);
    assert_eq!((answer.status, rig.calls("backend")), (500, 0));
    rig.close_after(&["an exchange failed"]).await;
}

#[tokio::test]
async fn bodies_too_large_reach_nobody() {
    let issuer = Issuer::start().await;
    let rig = started(&issuer).await;
    let limit = 10 * 1024 * 1024;
    // Announced, and not.
    let announced = [("Content-Length", "10485761")];
    let mut stream = connect(rig.address()).await;
    let head = request("POST", "/open", &announced, b"");
    tokio::io::AsyncWriteExt::write_all(&mut stream, &head)
        .await
        .unwrap();
    let answer = read_response(&mut stream, &mut Vec::new()).await.unwrap();
    assert_eq!(answer.status, 413);
    let mut stream = connect(rig.address()).await;
    let head = request("POST", "/open", &[("Transfer-Encoding", "chunked")], b"");
    let piece = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    let (mut reader, mut writer) = stream.split();
    let writing = async {
        use tokio::io::AsyncWriteExt as _;
        writer.write_all(&head).await.ok();
        for _ in 0..=limit / (1 << 20) {
            // It may have heard enough.
            writer.write_all(piece.as_bytes()).await.ok();
        }
        writer.write_all(b"0\r\n\r\n").await.ok();
    };
    let mut buffer = Vec::new();
    let reading = read_response(&mut reader, &mut buffer);
    let (answer, ()) = futures_util::join!(reading, writing);
    assert_eq!(answer.unwrap().status, 413);
    assert_eq!(rig.calls("backend"), 0);
    rig.close().await;
}
