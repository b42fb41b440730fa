//! Issuers that rotate their keys, hang, lie and die, and tokens that try to make the gateway ask them too often.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{HEADER, bearing, guarded, setup};
use crate::harness::issuer::{Issuer, Key, NOW, Says};
use crate::harness::{Rig, Setup, WsClient, answers, eventually};
use crate::reload::reload;

const SECOND: Duration = Duration::from_secs(1);
const CANNOT: &str = "the keys of an issuer cannot be fetched";

async fn rig(issuer: &Issuer) -> Rig {
    setup(issuer)
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await
}

/// The status of a handshake with that token; an accepted one is left again.
async fn status(rig: &Rig, token: &str) -> u16 {
    match WsClient::open(rig.address(), &bearing(token)).await {
        Ok(client) => {
            client.leave().await;
            101
        }
        Err(response) => response.status,
    }
}

async fn description(rig: &Rig, token: &str) -> String {
    let refused = rig.refused(&bearing(token)).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").unwrap().to_owned();
    let (_, description) = challenge.split_once("error_description=").unwrap();
    description.to_owned()
}

/// Reads what is left of the events.
async fn close(rig: Rig, warnings: &[&str]) {
    rig.settle(0).await;
    rig.functions["backend"].rest().await;
    rig.close_after(warnings).await;
}

#[tokio::test]
async fn keys_change_without_a_failed_request() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let mut key = issuer.key.clone();
    for round in 0..5 {
        let claims = issuer.claims(json!({ "jti": round }));
        let next = Key::p256(&format!("key-{round}"));
        // The issuer publishes its next key and signs with it at once; tokens of the one before are still about.
        issuer.publish(&[&key, &next]);
        let (old, new) = (key.token(&claims), next.token(&claims));
        let crowd = (0..40).map(|index| {
            let (rig, token) = (&rig, if index % 2 == 0 { &old } else { &new });
            async move { status(rig, token).await }
        });
        let statuses = join_all(crowd).await;
        assert!(statuses.iter().all(|status| *status == 101), "{statuses:?}");
        assert_eq!(issuer.fetches(), round + 1);
        key = next;
        rig.advance(30 * SECOND);
    }
    close(rig, &[]).await;
}

#[tokio::test]
async fn a_key_that_is_gone_is_gone_for_remembered_tokens_too() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let token = issuer.token(json!({ "exp": NOW + 86_400 }));
    assert_eq!(status(&rig, &token).await, 101);
    issuer.publish(&[&Key::p256("next")]);
    // Until the keys are an hour old nobody looks.
    assert_eq!(status(&rig, &token).await, 101);
    rig.advance(3600 * SECOND);
    assert_eq!(status(&rig, &token).await, 101);
    eventually("the keys to be fetched", || issuer.fetches() == 2).await;
    rig.settle(0).await;
    assert_eq!(status(&rig, &token).await, 401);
    close(rig, &[]).await;
}

#[tokio::test]
async fn a_storm_of_unknown_keys_is_no_storm_at_the_issuer() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let good = issuer.token(json!({}));
    assert_eq!(status(&rig, &good).await, 101);
    let claims = issuer.claims(json!({}));
    for minute in 0..60 {
        let storm = (0..20).map(|index| {
            let token = Key::p256(&format!("{minute}-{index}")).token(&claims);
            let rig = &rig;
            async move { status(rig, &token).await }
        });
        let statuses = join_all(storm).await;
        assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
        rig.advance(SECOND);
    }
    assert!(issuer.fetches() <= 3, "{} fetches", issuer.fetches());
    assert_eq!(status(&rig, &good).await, 101);
    close(rig, &[]).await;
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_nobody_who_has_its_keys() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let good = issuer.token(json!({ "exp": NOW + 86_400 }));
    assert_eq!(status(&rig, &good).await, 101);
    issuer.discovery(Says::Nothing);
    rig.advance(3600 * SECOND);
    // Time stands still: whoever waited for the issuer would wait for ever.
    for _ in 0..5 {
        assert_eq!(status(&rig, &good).await, 101);
    }
    eventually("the issuer to be asked", || issuer.discoveries() == 2).await;
    rig.advance(2 * SECOND);
    rig.settle(0).await;
    assert_eq!(status(&rig, &good).await, 101);
    close(rig, &[CANNOT]).await;
}

#[tokio::test]
async fn an_issuer_that_hangs_from_the_beginning() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    issuer.keys(Says::Nothing);
    let good = issuer.token(json!({}));
    let crowd = join_all((0..10).map(|_| description(&rig, &good)));
    let clock = async {
        eventually("the issuer to be asked", || issuer.fetches() == 1).await;
        rig.settle_tasks().await;
        rig.advance(2 * SECOND);
    };
    let (descriptions, ()) = futures_util::join!(crowd, clock);
    for description in descriptions {
        assert_eq!(description, r#""JWKS communication error""#);
    }
    // It is left alone for a while, and whoever comes is told at once.
    assert_eq!(
        description(&rig, &good).await,
        r#""JWKS communication error""#
    );
    assert_eq!(issuer.fetches(), 1);
    issuer.keys(Says::Truth);
    rig.advance(5 * SECOND);
    assert_eq!(status(&rig, &good).await, 101);
    close(rig, &[CANNOT]).await;
}

#[tokio::test]
async fn issuers_that_lie_are_not_believed() {
    let discovery = r#""OIDC discovery endpoint communication error""#;
    let jwks = r#""JWKS communication error""#;
    let huge = || Says::Text(" ".repeat(200_000));
    let check = async |where_: &str, says: Says, expected: &str| {
        let issuer = Issuer::start().await;
        match where_ {
            "discovery" => issuer.discovery(says),
            _ => issuer.keys(says),
        }
        let rig = rig(&issuer).await;
        let token = issuer.token(json!({}));
        assert_eq!(description(&rig, &token).await, expected);
        close(rig, &[CANNOT]).await;
    };
    for says in [
        Says::Status(302),
        Says::Status(500),
        Says::Text("<html>".to_owned()),
        Says::Text(json!({ "issuer": "http://other", "jwks_uri": "http://other" }).to_string()),
        huge(),
    ] {
        check("discovery", says, discovery).await;
    }
    let secret = json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": "first" }] });
    for says in [
        Says::Status(302),
        Says::Status(404),
        Says::Text("<html>".to_owned()),
        Says::Text(json!({ "keys": [] }).to_string()),
        Says::Text(secret.to_string()),
        huge(),
    ] {
        check("keys", says, jwks).await;
    }
}

#[tokio::test]
async fn a_dead_issuer_does_not_end_those_who_have_its_tokens() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let good = issuer.token(json!({ "exp": NOW + 86_400 }));
    assert_eq!(status(&rig, &good).await, 101);
    issuer.keys(Says::Status(503));
    for _ in 0..3 {
        rig.advance(35 * 60 * SECOND);
        assert_eq!(status(&rig, &good).await, 101);
        rig.settle(0).await;
    }
    // Two hours without any news of a key are enough.
    rig.advance(15 * 60 * SECOND);
    assert_eq!(
        description(&rig, &good).await,
        r#""JWKS communication error""#
    );
    close(rig, &[CANNOT]).await;
}

#[tokio::test]
async fn an_issuer_whose_tls_fails() {
    let issuer = Issuer::start().await;
    // It speaks plain HTTP, so no handshake of TLS can come about.
    let secure = issuer.url().replace("http:", "https:");
    let definition = guarded(&issuer, HEADER, "", "").replace(&issuer.url(), &secure);
    let rig = Setup::new(definition)
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let token = issuer.token(json!({ "iss": secure }));
    assert_eq!(
        description(&rig, &token).await,
        r#""OIDC discovery endpoint communication error""#
    );
    assert_eq!(issuer.discoveries(), 0);
    close(rig, &[CANNOT]).await;
}

#[tokio::test]
async fn a_new_definition_judges_remembered_tokens_anew() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let token = issuer.token(json!({}));
    assert_eq!(status(&rig, &token).await, 101);
    let definition = guarded(&issuer, HEADER, "", "");
    let other = definition.replace("audience: [web, mobile]", "audience: [mobile]");
    reload(&rig.gateway, "", &other).unwrap();
    assert_eq!(
        description(&rig, &token).await,
        r#""the token does not have a valid audience""#
    );
    assert_eq!(issuer.fetches(), 1);
    // Without the authorizer nobody needs the issuer, and its keys are forgotten.
    let open = definition.replace("authorizationType: JWT, authorizerId: login", "");
    reload(&rig.gateway, "", &open).unwrap();
    assert_eq!(status(&rig, "none").await, 101);
    reload(&rig.gateway, "", &definition).unwrap();
    assert_eq!(status(&rig, &token).await, 101);
    assert_eq!(issuer.fetches(), 2);
    close(rig, &[]).await;
}
