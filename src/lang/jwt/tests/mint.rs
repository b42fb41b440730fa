//! Keys of every kind, made once for a run, and tokens signed with them by aws-lc alone.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The moment at which tests look at tokens: 2026-03-12T08:15:30Z.
pub(crate) const NOW: u64 = 1_773_303_330;

/// A private key with its id.
pub(crate) struct Mint {
    id: &'static str,
    key: Private,
}

enum Private {
    Rsa(rsa::KeyPair),
    Curve(&'static str, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// One key of each kind, and another of a stranger who claims the id of the P-256 key.
pub(crate) struct Mints {
    pub(crate) rsa: Mint,
    pub(crate) p256: Mint,
    pub(crate) p384: Mint,
    pub(crate) ed25519: Mint,
    pub(crate) stranger: Mint,
}

pub(crate) fn mints() -> &'static Mints {
    static MINTS: OnceLock<Mints> = OnceLock::new();
    MINTS.get_or_init(|| {
        let p256 = |id| {
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            Mint {
                id,
                key: Private::Curve("P-256", key),
            }
        };
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Mints {
            rsa: Mint {
                id: "rsa",
                key: Private::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap()),
            },
            p256: p256("p256"),
            p384: Mint {
                id: "p384",
                key: Private::Curve("P-384", p384),
            },
            ed25519: Mint {
                id: "ed25519",
                key: Private::Ed25519(Ed25519KeyPair::generate().unwrap()),
            },
            stranger: p256("p256"),
        }
    })
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Mint {
    /// The public key.
    pub(crate) fn jwk(&self) -> Value {
        match &self.key {
            Private::Rsa(pair) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "kid": self.id, "n": n, "e": e })
            }
            Private::Curve(name, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": name, "kid": self.id, "x": encode(x), "y": encode(y) })
            }
            Private::Ed25519(pair) => {
                let x = encode(pair.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x })
            }
        }
    }

    /// A token whose header has the key's id.
    pub(crate) fn sign(&self, algorithm: &str, claims: &Value) -> String {
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": self.id });
        self.sign_as(algorithm, &header.to_string(), &claims.to_string())
    }

    /// A token with any header at all, signed as the key signs by itself.
    pub(crate) fn sign_raw(&self, header: &str, payload: &str) -> String {
        self.sign_as("RS256", header, payload)
    }

    /// A token with any header at all; `algorithm` matters to RSA keys only.
    pub(crate) fn sign_as(&self, algorithm: &str, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature = self.signature(algorithm, message.as_bytes());
        format!("{message}.{}", encode(signature))
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Private::Rsa(pair) => {
                let encoding: &'static dyn signature::RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Private::Curve(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Private::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Every text form of the public key that a verifier might mistake for a shared secret.
    pub(crate) fn public_forms(&self) -> Vec<Vec<u8>> {
        let jwk = self.jwk();
        let mut forms = vec![jwk.to_string().into_bytes()];
        for member in ["n", "e", "x", "y"] {
            if let Some(text) = jwk[member].as_str() {
                forms.push(text.as_bytes().to_vec());
                forms.push(URL_SAFE_NO_PAD.decode(text).unwrap());
            }
        }
        let der = match &self.key {
            Private::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Private::Curve(_, pair) => pair.public_key().as_ref().to_vec(),
            Private::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        };
        let base64 = base64::engine::general_purpose::STANDARD.encode(&der);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
        forms.extend([der, pem.into_bytes()]);
        forms
    }
}
