//! Key sets, good ones and those that lie.

use serde_json::json;

use super::mint::encode;
use super::*;

fn parse(keys: Value) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

/// Whether a set of this one key is of any use.
fn check(jwk: &Value, usable: bool) {
    let expected = match usable {
        true => None,
        false => Some(KeySetError::NoneUsable(1)),
    };
    assert_eq!(parse(json!([jwk])).err(), expected, "{jwk}");
}

fn with(jwk: &Value, name: &str, value: Value) -> Value {
    let mut jwk = jwk.clone();
    jwk[name] = value;
    jwk
}

fn without(jwk: &Value, name: &str) -> Value {
    let mut jwk = jwk.clone();
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

#[test]
fn documents_that_are_no_key_set() {
    for text in [
        "",
        "null",
        "[]",
        "[[]]",
        "{}",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":\"k\"}",
        "<html>",
        "{\"keys\":[",
    ] {
        let parsed = KeySet::parse(text.as_bytes());
        assert_eq!(parsed.err(), Some(KeySetError::Malformed), "{text}");
    }
    assert_eq!(parse(json!([])).err(), Some(KeySetError::NoneUsable(0)));
    let many: Vec<_> = (0..=KEYS_MAX).map(|_| json!({})).collect();
    assert_eq!(
        parse(many.into()).err(),
        Some(KeySetError::TooMany(KEYS_MAX + 1))
    );
    let deep = format!("{{\"keys\":{}", "[".repeat(150_000));
    assert_eq!(
        KeySet::parse(deep.as_bytes()).err(),
        Some(KeySetError::Malformed)
    );
}

#[test]
fn keys_that_cannot_verify_are_passed_over() {
    let all = mints();
    let (rsa, p256, ed25519) = (all.rsa.jwk(), all.p256.jwk(), all.ed25519.jwk());
    for good in [&rsa, &p256, &all.p384.jwk(), &ed25519] {
        check(good, true);
        check(&without(good, "kid"), true);
        check(&with(good, "use", "sig".into()), true);
        check(&with(good, "key_ops", json!(["verify"])), true);
        check(&with(good, "x5c", json!(["MIIB"])), true);
        check(&with(good, "use", "enc".into()), false);
        check(&with(good, "key_ops", json!(["encrypt"])), false);
        check(&with(good, "key_ops", json!([])), false);
        check(&with(good, "alg", "HS256".into()), false);
        check(&with(good, "alg", "none".into()), false);
        check(&with(good, "alg", 7.into()), false);
        check(&with(good, "kty", "oct".into()), false);
        check(&without(good, "kty"), false);
        check(&with(good, "kid", 7.into()), false);
        check(&with(good, "kid", "k".repeat(257).into()), false);
    }
    check(
        &json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "rsa" }),
        false,
    );
    check(
        &json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "RS256" }),
        false,
    );
    check(&with(&rsa, "alg", "ES256".into()), false);
    check(&with(&rsa, "n", "".into()), false);
    check(&with(&rsa, "n", "!".into()), false);
    check(&with(&rsa, "n", encode([0xff; 128]).into()), false);
    check(&with(&rsa, "n", encode([0xff; 255]).into()), false);
    check(&with(&rsa, "n", encode([0xff; 1025]).into()), false);
    check(&without(&rsa, "e"), false);
    check(&with(&rsa, "e", "AA".into()), false);
    check(&with(&p256, "crv", "P-384".into()), false);
    check(&with(&p256, "crv", "P-521".into()), false);
    check(&with(&p256, "crv", "secp256k1".into()), false);
    check(&with(&p256, "crv", "Ed25519".into()), false);
    check(&with(&p256, "alg", "ES384".into()), false);
    check(&without(&p256, "crv"), false);
    check(&without(&p256, "y"), false);
    check(&with(&p256, "x", encode([1; 31]).into()), false);
    check(&with(&ed25519, "x", encode([1; 31]).into()), false);
    check(&with(&ed25519, "crv", "Ed448".into()), false);
    check(&with(&ed25519, "crv", "X25519".into()), false);
    check(&json!("key"), false);
    check(&json!(["RSA"]), false);
}

#[test]
fn a_bad_key_does_not_spoil_the_set() {
    let all = mints();
    let keys = parse(json!([
        { "kty": "oct", "k": "AAAA", "kid": "p256" },
        7,
        { "kty": "PQ", "kid": "next" },
        all.p256.jwk(),
    ]))
    .unwrap();
    let token = all.p256.sign("ES256", &claims(json!({})));
    assert!(verify(&token, &keys, &rules(), at(NOW)).is_ok());
}

#[test]
fn leading_zeros_of_a_modulus_do_not_matter() {
    let all = mints();
    let jwk = all.rsa.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let padded = encode([&[0, 0], &*modulus].concat());
    let keys = parse(json!([with(&jwk, "n", padded.into())])).unwrap();
    let token = all.rsa.sign("RS256", &claims(json!({})));
    assert!(verify(&token, &keys, &rules(), at(NOW)).is_ok());
    assert_eq!(keys.fingerprint(), set(&[&all.rsa]).fingerprint());
}

#[test]
fn without_an_id_only_a_single_fitting_key_will_do() {
    let all = mints();
    let header = r#"{"alg":"ES256"}"#;
    let token = all.p256.sign_raw(header, &claims(json!({})).to_string());
    let check = |keys: Value, expected: Option<JwtError>| {
        let keys = parse(keys).unwrap();
        let verdict = verify(&token, &keys, &rules(), at(NOW));
        assert_eq!(verdict.err(), expected);
    };
    let own = all.p256.jwk();
    let other = with(&all.stranger.jwk(), "kid", "other".into());
    check(json!([own]), None);
    check(json!([without(&own, "kid")]), None);
    // Keys of other kinds do not fit, so they do not count; a key that is listed twice is one.
    check(json!([own, all.rsa.jwk(), all.p384.jwk()]), None);
    check(json!([own, own]), None);
    check(json!([own, other]), Some(JwtError::UnknownKey));
    check(json!([other]), Some(JwtError::UnknownKey));
}

#[test]
fn with_an_id_only_a_single_key_of_that_id_will_do() {
    let all = mints();
    let token = all.p256.sign("ES256", &claims(json!({})));
    let check = |keys: Value, expected: Option<JwtError>| {
        let keys = parse(keys).unwrap();
        let verdict = verify(&token, &keys, &rules(), at(NOW));
        assert_eq!(verdict.err(), expected);
    };
    let own = all.p256.jwk();
    let impostor = all.stranger.jwk();
    let namesake = with(&all.rsa.jwk(), "kid", "p256".into());
    check(json!([namesake, own]), None);
    check(json!([impostor]), Some(JwtError::Signature));
    check(json!([own, impostor]), Some(JwtError::UnknownKey));
    check(json!([without(&own, "kid")]), Some(JwtError::UnknownKey));
    assert!(JwtError::UnknownKey.depends_on_keys());
    assert!(!JwtError::Signature.depends_on_keys());
}

#[test]
fn sets_are_told_apart_by_what_they_hold() {
    let all = mints();
    let (a, b) = (all.p256.jwk(), all.rsa.jwk());
    let print = |keys: Value| *parse(keys).unwrap().fingerprint();
    let both = print(json!([a, b]));
    assert_eq!(both, print(json!([b, a])));
    assert_eq!(both, print(json!([b, a, b, 7])));
    assert_ne!(both, print(json!([a])));
    assert_ne!(both, print(json!([with(&a, "kid", "z".into()), b])));
    assert_ne!(both, print(json!([a, with(&b, "alg", "RS256".into())])));
    assert_ne!(both, print(json!([a, without(&b, "kid")])));
}
