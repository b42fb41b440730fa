//! Tokens of every kind, good and bad, signed on the spot.

mod claims;
mod confusion;
mod corpus;
mod keys;
pub(crate) mod mint;
mod mutations;
mod vectors;

use serde_json::{Value, json};

use super::*;
use mint::{Mint, NOW, mints};

const ISSUER: &str = "https://id.example.com/pool";

fn rules() -> JwtRules {
    rules_with(Duration::ZERO)
}

fn rules_with(skew: Duration) -> JwtRules {
    let audience = vec!["web".to_owned(), "mobile".to_owned()];
    JwtRules::new(ISSUER.to_owned(), audience, skew)
}

fn set(mints: &[&Mint]) -> KeySet {
    let keys: Vec<_> = mints.iter().map(|mint| mint.jwk()).collect();
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// Claims of a good token, some of them replaced; `null` takes one away.
fn claims(changes: Value) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": "web", "sub": "u-1", "exp": NOW + 600 });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn at(seconds: u64) -> EpochMillis {
    EpochMillis(seconds * 1000)
}

/// The verdict on a token of the P-256 key with these claims.
fn verdict(changes: Value) -> Result<Verified, JwtError> {
    let mint = &mints().p256;
    let token = mint.sign("ES256", &claims(changes));
    verify(&token, &set(&[mint]), &rules(), at(NOW))
}

#[test]
fn every_accepted_algorithm_verifies() {
    let all = mints();
    let keys = set(&[&all.rsa, &all.p256, &all.p384, &all.ed25519]);
    let check = |mint: &Mint, algorithm: &str| {
        let token = mint.sign(algorithm, &claims(json!({})));
        let verified = verify(&token, &keys, &rules(), at(NOW)).unwrap();
        assert_eq!(verified.claims["sub"], "u-1", "{algorithm}");
    };
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        check(&all.rsa, algorithm);
    }
    check(&all.p256, "ES256");
    check(&all.p384, "ES384");
    check(&all.ed25519, "EdDSA");
}

#[test]
fn the_token_stands_alone_or_behind_bearer() {
    let check =
        |value: &str, expected: Option<&str>| assert_eq!(bare(value), expected, "{value:?}");
    check("a.b.c", Some("a.b.c"));
    check("Bearer a.b.c", Some("a.b.c"));
    check("bearer a.b.c", Some("a.b.c"));
    check("BEARER   a.b.c ", Some("a.b.c"));
    check("Bearer\ta.b.c", Some("a.b.c"));
    check("", None);
    check("  ", None);
    check("Bearer", None);
    check("Bearer ", None);
    // Another scheme is no token at all, which the verdict on it will say.
    check("Basic dXNlcg==", Some("Basic dXNlcg=="));
    check("Bearera.b.c", Some("Bearera.b.c"));
}

#[test]
fn tokens_out_of_form() {
    let mint = &mints().p256;
    let keys = set(&[mint]);
    let good = mint.sign("ES256", &claims(json!({})));
    let check = |token: &str, expected: JwtError| {
        let verdict = verify(token, &keys, &rules(), at(NOW));
        assert_eq!(verdict, Err(expected), "{token}");
    };
    check("", JwtError::Segments);
    check("a", JwtError::Segments);
    check("a.b", JwtError::Segments);
    check("a.b.c.d", JwtError::Segments);
    check("a.b.c.d.e", JwtError::Segments);
    check(&format!("{good}."), JwtError::Segments);
    check(&format!(" {good}"), JwtError::Encoding);
    check(&format!("{good}="), JwtError::Signature);
    check(&good.replacen('.', "=.", 1), JwtError::Encoding);
    check(&good.replacen('.', "+.", 1), JwtError::Encoding);
    check("!.e30.", JwtError::Encoding);
    check("e30.e30.", JwtError::Header);
    check(&"a".repeat(TOKEN_BYTES + 1), JwtError::TooLong);
    check(&"a".repeat(TOKEN_BYTES), JwtError::Segments);
    check("é.é.é", JwtError::Encoding);
}

#[test]
fn headers_out_of_form() {
    let mint = &mints().p256;
    let check = |header: &str, expected: JwtError| {
        let token = mint.sign_raw(header, &claims(json!({})).to_string());
        let verdict = verify(&token, &set(&[mint]), &rules(), at(NOW));
        assert_eq!(verdict, Err(expected), "{header}");
    };
    check("", JwtError::Header);
    check("[]", JwtError::Header);
    check(r#"["ES256","p256"]"#, JwtError::Header);
    check(r#""ES256""#, JwtError::Header);
    check("{}", JwtError::Header);
    check(r#"{"alg":null}"#, JwtError::Header);
    check(r#"{"alg":7}"#, JwtError::Header);
    check(r#"{"alg":["ES256"]}"#, JwtError::Header);
    check(
        r#"{"alg":"ES256","alg":"ES256","kid":"p256"}"#,
        JwtError::Header,
    );
    check(
        r#"{"alg":"ES256","kid":"p256","kid":"p256"}"#,
        JwtError::Header,
    );
    check(r#"{"alg":"ES256","kid":7}"#, JwtError::Header);
    check(r#"{"alg":"ES256","kid":["p256"]}"#, JwtError::Header);
    let long = "k".repeat(KEY_ID_BYTES + 1);
    check(
        &format!(r#"{{"alg":"ES256","kid":"{long}"}}"#),
        JwtError::Header,
    );
    let longest = "k".repeat(KEY_ID_BYTES);
    check(
        &format!(r#"{{"alg":"ES256","kid":"{longest}"}}"#),
        JwtError::UnknownKey,
    );
    check(
        r#"{"alg":"ES256","kid":"p256","crit":[]}"#,
        JwtError::Critical,
    );
    check(
        r#"{"alg":"ES256","kid":"p256","crit":null}"#,
        JwtError::Critical,
    );
    check(
        r#"{"alg":"ES256","kid":"p256","crit":["exp"],"exp":1}"#,
        JwtError::Critical,
    );
    check(
        r#"{"alg":"ES256","kid":"p256","crit":["b64"],"b64":false}"#,
        JwtError::Critical,
    );
    let deep = "[".repeat(500);
    check(&format!(r#"{{"alg":"ES256","x":{deep}"#), JwtError::Header);
}

#[test]
fn a_key_id_is_nothing_but_a_name() {
    let mint = &mints().p256;
    let names = [
        "../../etc/passwd",
        "file:///dev/null",
        "http://127.0.0.1:1/keys",
        "' OR 1=1 --",
        "p256\\u0000",
        "P256",
        " p256",
        "",
    ];
    for name in names {
        let header = format!(r#"{{"alg":"ES256","kid":"{name}"}}"#);
        let token = mint.sign_raw(&header, &claims(json!({})).to_string());
        let verdict = verify(&token, &set(&[mint]), &rules(), at(NOW));
        assert_eq!(verdict, Err(JwtError::UnknownKey), "{name}");
    }
}

#[test]
fn what_a_token_says_about_keys_is_not_heard() {
    let all = mints();
    let trusted = set(&[&all.p256]);
    let jwk = all.stranger.jwk();
    let headers = [
        json!({ "alg": "ES256", "jwk": jwk }),
        json!({ "alg": "ES256", "kid": "p256", "jwk": jwk }),
        json!({ "alg": "ES256", "kid": "p256", "jku": "http://127.0.0.1:1/keys" }),
        json!({ "alg": "ES256", "kid": "p256", "x5u": "http://127.0.0.1:1/chain" }),
        json!({ "alg": "ES256", "kid": "p256", "x5c": ["MIIB"], "x5t": "AAAA" }),
    ];
    for header in headers {
        let payload = claims(json!({})).to_string();
        let forged = all.stranger.sign_raw(&header.to_string(), &payload);
        let verdict = verify(&forged, &trusted, &rules(), at(NOW));
        let refused = [Err(JwtError::Signature), Err(JwtError::UnknownKey)];
        assert!(refused.contains(&verdict), "{header}: {verdict:?}");
        // They do not make a good token bad either.
        let good = all.p256.sign_raw(&header.to_string(), &payload);
        assert!(
            verify(&good, &trusted, &rules(), at(NOW)).is_ok(),
            "{header}"
        );
    }
}

#[test]
fn issuer_and_audience_are_equal_to_the_byte() {
    let check = |changes: Value, expected: Option<JwtError>| {
        assert_eq!(verdict(changes.clone()).err(), expected, "{changes}");
    };
    let issuer = Some(JwtError::Issuer);
    check(json!({ "iss": null }), issuer);
    check(json!({ "iss": "" }), issuer);
    check(json!({ "iss": "https://id.example.com/pool/" }), issuer);
    check(json!({ "iss": "https://ID.example.com/pool" }), issuer);
    check(json!({ "iss": "https://id.example.com" }), issuer);
    check(json!({ "iss": [ISSUER] }), issuer);
    check(json!({ "iss": 7 }), issuer);
    let audience = Some(JwtError::Audience);
    check(json!({ "aud": "mobile" }), None);
    check(json!({ "aud": ["tv", "mobile"] }), None);
    check(json!({ "aud": "tv" }), audience);
    check(json!({ "aud": "WEB" }), audience);
    check(json!({ "aud": "web mobile" }), audience);
    check(json!({ "aud": [] }), audience);
    check(json!({ "aud": "" }), audience);
    check(json!({ "aud": [["web"]] }), audience);
    check(json!({ "aud": { "web": true } }), audience);
    check(json!({ "aud": null }), audience);
    check(json!({ "aud": null, "client_id": "web" }), None);
    check(json!({ "aud": null, "client_id": "tv" }), audience);
    check(json!({ "aud": null, "client_id": ["web"] }), audience);
    check(json!({ "aud": "tv", "client_id": "web" }), audience);
    check(json!({ "aud": [], "client_id": "web" }), audience);
    check(json!({ "aud": 7, "client_id": "web" }), audience);
}

#[test]
fn an_aud_that_is_null_is_there() {
    let mint = &mints().p256;
    let payload = format!(
        r#"{{"iss":"{ISSUER}","aud":null,"client_id":"web","exp":{}}}"#,
        NOW + 1
    );
    let token = mint.sign_raw(r#"{"alg":"ES256","kid":"p256"}"#, &payload);
    let verdict = verify(&token, &set(&[mint]), &rules(), at(NOW));
    assert_eq!(verdict, Err(JwtError::Audience));
}

#[test]
fn times_are_numbers_and_have_no_leeway() {
    let check = |changes: Value, expected: Option<JwtError>| {
        assert_eq!(verdict(changes.clone()).err(), expected, "{changes}");
    };
    check(json!({ "exp": null }), Some(JwtError::NoExpiry));
    check(json!({ "exp": NOW + 1 }), None);
    check(json!({ "exp": NOW }), Some(JwtError::Expired));
    check(json!({ "exp": NOW - 1 }), Some(JwtError::Expired));
    check(json!({ "exp": NOW as f64 + 0.5 }), None);
    check(json!({ "exp": NOW as f64 - 0.5 }), Some(JwtError::Expired));
    check(json!({ "exp": 0 }), Some(JwtError::Expired));
    check(json!({ "exp": -1 }), Some(JwtError::Expired));
    check(json!({ "exp": 1e300 }), None);
    check(json!({ "exp": -1e300 }), Some(JwtError::Expired));
    for wrong in [
        json!("1790000000"),
        json!(true),
        json!([NOW + 1]),
        json!({}),
    ] {
        check(json!({ "exp": wrong }), Some(JwtError::Claim("exp")));
        check(json!({ "nbf": wrong }), Some(JwtError::Claim("nbf")));
        check(json!({ "iat": wrong }), Some(JwtError::Claim("iat")));
    }
    check(json!({ "nbf": NOW }), None);
    check(json!({ "nbf": NOW + 1 }), Some(JwtError::NotYetValid));
    check(
        json!({ "nbf": NOW as f64 + 0.001 }),
        Some(JwtError::NotYetValid),
    );
    check(json!({ "nbf": 1e300 }), Some(JwtError::NotYetValid));
    check(json!({ "iat": NOW }), None);
    check(json!({ "iat": NOW + 1 }), Some(JwtError::IssuedInFuture));
    check(json!({ "iat": NOW as f64 - 0.5 }), None);
}

#[test]
fn a_null_time_is_of_the_wrong_type() {
    let mint = &mints().p256;
    for name in ["exp", "nbf", "iat"] {
        let mut claims = claims(json!({}));
        claims[name] = Value::Null;
        let token = mint.sign("ES256", &claims);
        let verdict = verify(&token, &set(&[mint]), &rules(), at(NOW));
        assert_eq!(verdict, Err(JwtError::Claim(name)));
    }
}

#[test]
fn a_difference_of_clocks_is_granted_up_to_a_minute() {
    let mint = &mints().p256;
    let check = |skew: u64, changes: Value, now: u64, expected: Option<JwtError>| {
        let token = mint.sign("ES256", &claims(changes.clone()));
        let rules = rules_with(Duration::from_secs(skew));
        let verdict = verify(&token, &set(&[mint]), &rules, at(now));
        assert_eq!(verdict.err(), expected, "{skew} s, {changes}, at {now}");
    };
    check(30, json!({ "exp": NOW }), NOW + 29, None);
    check(30, json!({ "exp": NOW }), NOW + 30, Some(JwtError::Expired));
    check(30, json!({ "nbf": NOW + 30 }), NOW, None);
    check(
        30,
        json!({ "nbf": NOW + 31 }),
        NOW,
        Some(JwtError::NotYetValid),
    );
    check(30, json!({ "iat": NOW + 30 }), NOW, None);
    check(
        30,
        json!({ "iat": NOW + 31 }),
        NOW,
        Some(JwtError::IssuedInFuture),
    );
    check(3600, json!({ "exp": NOW }), NOW + 59, None);
    check(
        3600,
        json!({ "exp": NOW }),
        NOW + 60,
        Some(JwtError::Expired),
    );
}

#[test]
fn a_good_token_knows_its_time() {
    let changes = json!({ "exp": NOW as f64 + 9.5, "nbf": NOW - 5, "iat": NOW - 7 });
    let lifetime = verdict(changes).unwrap().lifetime;
    assert_eq!(lifetime.begins, at(NOW - 5));
    assert_eq!(lifetime.ends, EpochMillis(NOW * 1000 + 9500));
    assert_eq!(lifetime.check(at(NOW + 9)), Ok(()));
    assert_eq!(lifetime.check(at(NOW + 10)), Err(JwtError::Expired));
    assert_eq!(lifetime.check(at(NOW - 6)), Err(JwtError::NotYetValid));
}

#[test]
fn rules_are_told_apart() {
    let with = |issuer: &str, audience: &[&str], skew: u64| {
        let audience = audience.iter().map(|&text| text.to_owned()).collect();
        JwtRules::new(issuer.to_owned(), audience, Duration::from_secs(skew))
            .fingerprint()
            .to_owned()
    };
    let ids = [
        with("i", &["a", "b"], 0),
        with("i", &["ab"], 0),
        with("i", &["b", "a"], 0),
        with("ia", &["b"], 0),
        with("i", &["a", "b"], 1),
        *rules().fingerprint(),
    ];
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    assert_eq!(with("i", &["a"], 0), with("i", &["a"], 0));
}

#[test]
fn challenges_are_in_the_recorded_layout() {
    let scopes = ["orders/read".to_owned(), "orders/write".to_owned()];
    assert_eq!(
        challenge::invalid_token(&[], JwtError::Audience),
        r#"Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience""#
    );
    assert_eq!(
        challenge::insufficient_scope(&scopes),
        r#"Bearer scope="orders/read orders/write" error="insufficient_scope" error_description="the token does not have a valid scope""#
    );
}
