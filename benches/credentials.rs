//! What it costs to know who calls: signatures (SigV4) and tokens (JWT).
//!
//! `cargo bench --bench credentials` measures; with `-- --test` everything runs once.

#![allow(
    missing_docs,
    reason = "a benchmark has no readers of its documentation"
)]

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::Criterion;
use serde_json::{Value, json};
use tidegate::authorizer::jwt::VerifiedTokens;
use tidegate::base::clock::EpochMillis;
use tidegate::lang::jwt::{self, JwtRules, KeySet};
use tidegate::lang::sigv4::{Claim, Expected, SignedRequest, SigningKey, SigningSecret};

const NOW: u64 = 1_773_303_330;
const REGION: &str = "eu-central-1";
const SERVICE: &str = "execute-api";
const SECRET: &str = "a-secret-of-forty-characters-for-a-bench";
const HOST: &str = "ws.example.com";
const PATH: &str = "/prod/@connections/Zk3bXfH2DoECJ0w%3D";
const ISSUER: &str = "https://id.example.com/pool";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    signatures(&mut criterion);
    tokens(&mut criterion);
    criterion.final_summary();
}

/// Header fields of a push, signed as an SDK signs.
fn signed(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "bench").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(SERVICE)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
        .settings(SigningSettings::default())
        .build()
        .expect("everything is set");
    let uri = format!("https://{HOST}{PATH}");
    let plain = [("host", HOST), ("content-type", "application/octet-stream")];
    let request = SignableRequest::new("POST", uri, plain.into_iter(), SignableBody::Bytes(body));
    let output = sign(request.expect("a request"), &parameters.into()).expect("a signature");
    let (instructions, _) = output.into_parts();
    let added = instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.into()));
    let plain = plain.map(|(name, value)| (name.to_owned(), value.into()));
    plain.into_iter().chain(added).collect()
}

fn signatures(criterion: &mut Criterion) {
    let expected = Expected {
        region: REGION,
        service: SERVICE,
        now_epoch_seconds: NOW as i64,
        skew_seconds: 300,
    };
    let secret = SigningSecret::permanent(SECRET);
    for bytes in [64, 32 * 1024] {
        let body = vec![b'x'; bytes];
        let headers = signed(&body);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        let request = SignedRequest {
            method: "POST",
            path: PATH,
            query: None,
            headers: &headers,
            body: &body,
        };
        let claim = Claim::parse(&request)
            .expect("well formed")
            .expect("signed");
        let key = SigningKey::derive(&secret, claim.date(), REGION, SERVICE);
        assert_eq!(claim.verify_with_key(&request, &key, &expected), Ok(()));
        criterion.bench_function(
            &format!("sigv4/key of the day known, {bytes} bytes"),
            |bencher| {
                bencher.iter(|| {
                    let claim = Claim::parse(black_box(&request))
                        .expect("well formed")
                        .expect("signed");
                    claim.verify_with_key(&request, &key, &expected).is_ok()
                });
            },
        );
        criterion.bench_function(
            &format!("sigv4/first of the day, {bytes} bytes"),
            |bencher| {
                bencher.iter(|| {
                    let claim = Claim::parse(black_box(&request))
                        .expect("well formed")
                        .expect("signed");
                    claim.verify(&request, &secret, &expected).is_ok()
                });
            },
        );
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is signed of a token that is good for an hour.
fn unsigned(algorithm: &str) -> String {
    let header = json!({ "alg": algorithm, "kid": algorithm, "typ": "JWT" });
    let claims = json!({ "iss": ISSUER, "aud": "shop", "sub": "u-1", "scope": "read write", "iat": NOW, "exp": NOW + 3600 });
    format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    )
}

/// A public key and a token signed with it.
fn rsa() -> (Value, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let public = pair.public_key();
    let n = encode(public.modulus().big_endian_without_leading_zero());
    let e = encode(public.exponent().big_endian_without_leading_zero());
    let text = unsigned("RS256");
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
        .expect("a signature");
    let key = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "RS256", "n": n, "e": e });
    (key, format!("{text}.{}", encode(signature)))
}

/// The same on a curve.
fn p256() -> (Value, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let text = unsigned("ES256");
    let signature = pair
        .sign(&SystemRandom::new(), text.as_bytes())
        .expect("a signature");
    let key = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "ES256", "x": encode(x), "y": encode(y) });
    (key, format!("{text}.{}", encode(signature)))
}

fn tokens(criterion: &mut Criterion) {
    let rules = JwtRules::new(ISSUER.to_owned(), vec!["shop".to_owned()], Duration::ZERO);
    let now = EpochMillis(NOW * 1000 + 1);
    let (rsa_key, rsa_token) = rsa();
    let (curve_key, curve_token) = p256();
    let keys = json!({ "keys": [rsa_key, curve_key] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).expect("keys");
    for (name, token) in [("RS256", rsa_token), ("ES256", curve_token)] {
        criterion.bench_function(&format!("jwt/{name}, first"), |bencher| {
            bencher
                .iter(|| jwt::verify(black_box(&token), &keys, &rules, now).expect("a good token"));
        });
        let known = VerifiedTokens::new();
        criterion.bench_function(&format!("jwt/{name}, remembered"), |bencher| {
            bencher.iter(|| {
                known
                    .verify(black_box(&token), &keys, &rules, now)
                    .expect("a good token")
            });
        });
    }
}
