//! Algorithms that do not belong to a key (RFC 8725 sections 2.1 and 3.1).

use aws_lc_rs::hmac;
use serde_json::json;

use super::mint::encode;
use super::*;

fn refused(token: &str, keys: &KeySet, expected: JwtError) {
    let verdict = verify(token, keys, &rules(), at(NOW));
    assert_eq!(verdict, Err(expected), "{token}");
}

#[test]
fn no_algorithm_is_no_signature() {
    let all = mints();
    let keys = set(&[&all.rsa, &all.p256]);
    let payload = encode(claims(json!({})).to_string());
    for name in ["none", "None", "NONE", "nOnE", "", "null", "NULL"] {
        for id in ["rsa", "p256"] {
            let header = encode(json!({ "alg": name, "kid": id }).to_string());
            refused(&format!("{header}.{payload}."), &keys, JwtError::Algorithm);
            refused(
                &format!("{header}.{payload}.AAAA"),
                &keys,
                JwtError::Algorithm,
            );
        }
    }
    // A signed algorithm, and no signature.
    let header = encode(json!({ "alg": "RS256", "kid": "rsa" }).to_string());
    refused(&format!("{header}.{payload}."), &keys, JwtError::Signature);
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let all = mints();
    let keys = set(&[&all.rsa, &all.p256, &all.p384, &all.ed25519]);
    let payload = encode(claims(json!({})).to_string());
    let families = [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ];
    let mut tried = 0;
    for (name, family) in families {
        for (id, mint) in [
            ("rsa", &all.rsa),
            ("p256", &all.p256),
            ("ed25519", &all.ed25519),
        ] {
            let header = encode(json!({ "alg": name, "kid": id }).to_string());
            let message = format!("{header}.{payload}");
            for secret in mint.public_forms() {
                let tag = hmac::sign(&hmac::Key::new(family, &secret), message.as_bytes());
                refused(
                    &format!("{message}.{}", encode(tag)),
                    &keys,
                    JwtError::Algorithm,
                );
                tried += 1;
            }
        }
    }
    assert!(tried >= 45, "{tried}");
}

#[test]
fn a_key_signs_with_its_own_algorithms_only() {
    let all = mints();
    let keys = set(&[&all.rsa, &all.p256, &all.p384, &all.ed25519]);
    let own = |id: &str, name: &str| match id {
        "rsa" => name.starts_with("RS") || name.starts_with("PS"),
        "p256" => name == "ES256",
        "p384" => name == "ES384",
        _ => name == "EdDSA",
    };
    let all_keys = [
        ("rsa", &all.rsa),
        ("p256", &all.p256),
        ("p384", &all.p384),
        ("ed25519", &all.ed25519),
    ];
    let names = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
    for (id, mint) in all_keys {
        for name in names.into_iter().filter(|name| !own(id, name)) {
            let header = json!({ "alg": name, "kid": id }).to_string();
            let token = mint.sign_as(name, &header, &claims(json!({})).to_string());
            refused(&token, &keys, JwtError::UnknownKey);
        }
    }
    let unknown = [
        "ES512", "ES256K", "RSA-OAEP", "RS1", "EDDSA", "Ed25519", "rs256", "A128KW", "dir",
    ];
    for name in unknown {
        let token = all.rsa.sign(name, &claims(json!({})));
        refused(&token, &keys, JwtError::Algorithm);
    }
}

#[test]
fn a_signature_of_another_algorithm_of_the_same_key_is_none() {
    let all = mints();
    let keys = set(&[&all.rsa]);
    for (said, used) in [("RS256", "RS384"), ("RS256", "PS256"), ("PS512", "PS256")] {
        let header = json!({ "alg": said, "kid": "rsa" }).to_string();
        let token = all
            .rsa
            .sign_as(used, &header, &claims(json!({})).to_string());
        refused(&token, &keys, JwtError::Signature);
    }
}

#[test]
fn an_elliptic_signature_of_zeros_is_none() {
    let all = mints();
    let keys = set(&[&all.p256, &all.ed25519]);
    let payload = encode(claims(json!({})).to_string());
    for (name, id) in [("ES256", "p256"), ("EdDSA", "ed25519")] {
        let header = encode(json!({ "alg": name, "kid": id }).to_string());
        for signature in [
            vec![0; 64],
            vec![0xff; 64],
            vec![0; 63],
            vec![0; 65],
            vec![],
        ] {
            let token = format!("{header}.{payload}.{}", encode(signature));
            refused(&token, &keys, JwtError::Signature);
        }
    }
}

#[test]
fn a_key_that_says_its_algorithm_takes_no_other() {
    let all = mints();
    let mut jwk = all.rsa.jwk();
    jwk["alg"] = "RS256".into();
    let keys = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    let good = all.rsa.sign("RS256", &claims(json!({})));
    assert!(verify(&good, &keys, &rules(), at(NOW)).is_ok());
    for name in ["RS384", "RS512", "PS256"] {
        let token = all.rsa.sign(name, &claims(json!({})));
        refused(&token, &keys, JwtError::UnknownKey);
    }
}
