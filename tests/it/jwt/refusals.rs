//! Tokens that are refused: each with its status, its words, and nothing called.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::{bearing, setup};
use crate::harness::issuer::{Issuer, Key, NOW, encode};
use crate::harness::{Handshake, Rig, answers};

struct Gate {
    issuer: Issuer,
    rig: Rig,
    rsa: Key,
}

async fn gate() -> Gate {
    let issuer = Issuer::start().await;
    let rsa = Key::rsa("rsa");
    issuer.publish(&[&issuer.key, &rsa]);
    let rig = setup(&issuer)
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    Gate { issuer, rig, rsa }
}

impl Gate {
    /// What a handshake without a good token is told.
    async fn challenge(&self, handshake: &Handshake) -> String {
        let refused = self.rig.refused(handshake).await;
        assert_eq!(
            (refused.status, refused.refusal()),
            (401, "Unauthorized".into())
        );
        let challenge = refused.header("www-authenticate");
        challenge.expect("a challenge").to_owned()
    }

    async fn check(&self, token: &str, description: &str) {
        let challenge = self.challenge(&bearing(token)).await;
        let expected =
            format!(r#"Bearer scope="" error="invalid_token" error_description="{description}""#);
        assert_eq!(challenge, expected, "{token}");
    }

    async fn check_claims(&self, changes: Value, description: &str) {
        let token = self.issuer.token(changes);
        self.check(&token, description).await;
    }

    async fn close(self) {
        assert_eq!(self.rig.calls("backend"), 0);
        self.rig.close().await;
    }
}

#[tokio::test]
async fn no_token_at_all() {
    let gate = gate().await;
    for handshake in [
        Handshake::new("/prod"),
        Handshake::new("/prod").header("Authorization", ""),
        Handshake::new("/prod").header("Authorization", "Bearer"),
        Handshake::new("/prod").header("Authorization", "bearer  "),
        Handshake::new("/prod?Authorization=x"),
    ] {
        assert_eq!(gate.challenge(&handshake).await, "Bearer");
    }
    assert_eq!(gate.issuer.discoveries(), 0);
    gate.close().await;
}

#[tokio::test]
async fn what_is_no_token() {
    let gate = gate().await;
    let segments = "token contains an invalid number of segments";
    gate.check("x", segments).await;
    gate.check("a.b.c.d", segments).await;
    gate.check("dXNlcjpwYXNz", segments).await;
    gate.check("a!.b.c", "the token is not base64url encoded")
        .await;
    gate.check("e30.e30.", "the token does not have a valid header")
        .await;
    gate.check(&"a".repeat(8193), "the token is too long").await;
    let twice = bearing(&gate.issuer.token(json!({}))).header("Authorization", "Bearer x.y.z");
    assert!(gate.challenge(&twice).await.contains("invalid_token"));
    let basic = Handshake::new("/prod").header("Authorization", "Basic dXNlcjpwYXNz");
    assert!(gate.challenge(&basic).await.contains(segments));
    gate.close().await;
}

#[tokio::test]
async fn algorithms_that_are_not_the_keys() {
    let gate = gate().await;
    let payload = gate.issuer.claims(json!({})).to_string();
    let invalid = "signing method is invalid";
    for (name, id) in [("none", "first"), ("None", "rsa"), ("", "first")] {
        let header = encode(json!({ "alg": name, "kid": id }).to_string());
        gate.check(&format!("{header}.{}.", encode(&payload)), invalid)
            .await;
    }
    // Signed with the public key as if it were a shared secret.
    let header = json!({ "alg": "HS256", "kid": "rsa" }).to_string();
    let message = format!("{}.{}", encode(header), encode(&payload));
    for secret in [gate.rsa.public_pem(), gate.rsa.jwk().to_string()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = encode(hmac::sign(&key, message.as_bytes()));
        gate.check(&format!("{message}.{tag}"), invalid).await;
    }
    // An RSA signature for an EC key, and the other way round.
    let unknown = "the token is not signed with a key of the issuer";
    let header = json!({ "alg": "RS256", "kid": "first" }).to_string();
    gate.check(&gate.rsa.sign("RS256", &header, &payload), unknown)
        .await;
    let header = json!({ "alg": "ES256", "kid": "rsa" }).to_string();
    gate.check(&gate.issuer.key.sign("ES256", &header, &payload), unknown)
        .await;
    gate.close().await;
}

#[tokio::test]
async fn forged_tokens() {
    let gate = gate().await;
    let forged = "the token does not have a valid signature";
    let claims = gate.issuer.claims(json!({}));
    let stranger = Key::p256("first");
    gate.check(&stranger.token(&claims), forged).await;
    // Good signatures with other claims under them.
    let good = gate.issuer.token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let header = message.split_once('.').unwrap().0;
    let better = encode(gate.issuer.claims(json!({ "sub": "admin" })).to_string());
    gate.check(&format!("{header}.{better}.{signature}"), forged)
        .await;
    gate.check(&format!("{message}."), forged).await;
    // A key that the token itself brings along.
    let own = json!({ "alg": "ES256", "kid": "first", "jwk": stranger.jwk() });
    let token = stranger.sign("ES256", &own.to_string(), &claims.to_string());
    gate.check(&token, forged).await;
    let critical = json!({ "alg": "ES256", "kid": "first", "crit": ["exp"] });
    let token = gate
        .issuer
        .key
        .sign("ES256", &critical.to_string(), &claims.to_string());
    gate.check(
        &token,
        "the token has a critical header that is not understood",
    )
    .await;
    gate.close().await;
}

#[tokio::test]
async fn claims_that_do_not_fit() {
    let gate = gate().await;
    let audience = "the token does not have a valid audience";
    gate.check_claims(json!({ "aud": "tv" }), audience).await;
    gate.check_claims(json!({ "aud": null }), audience).await;
    gate.check_claims(json!({ "aud": "tv", "client_id": "web" }), audience)
        .await;
    let issuer = "issuer does not match";
    let other = format!("{}/", gate.issuer.url());
    gate.check_claims(json!({ "iss": other }), issuer).await;
    gate.check_claims(json!({ "iss": null }), issuer).await;
    let expired = "the token has expired";
    gate.check_claims(json!({ "exp": NOW }), expired).await;
    gate.check_claims(json!({ "exp": NOW - 1 }), expired).await;
    let missing = "the token does not have an expiry time";
    gate.check_claims(json!({ "exp": null }), missing).await;
    let wrong = "the token does not have a valid exp claim";
    gate.check_claims(json!({ "exp": (NOW + 60).to_string() }), wrong)
        .await;
    let early = "the token is not valid yet";
    gate.check_claims(json!({ "nbf": NOW + 1 }), early).await;
    let future = "the token was issued in the future";
    gate.check_claims(json!({ "iat": NOW + 1 }), future).await;
    gate.close().await;
}

#[tokio::test]
async fn a_good_token_without_aud_needs_a_client_id() {
    let gate = gate().await;
    let token = gate
        .issuer
        .token(json!({ "aud": null, "client_id": "mobile" }));
    let client = gate.rig.connect(&bearing(&token)).await;
    gate.rig.event_of("CONNECT").await;
    client.leave().await;
    gate.rig.disconnect().await;
    gate.rig.close().await;
}
