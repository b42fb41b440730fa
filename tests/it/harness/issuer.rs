//! An OpenID Connect issuer on loopback: it signs tokens of every kind, changes its keys, counts who asks, and misbehaves on
//! request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::fake_http::FakeHttp;
use super::gateway::START;

/// Path of the issuer below its address: a token's `iss` has it.
const POOL: &str = "/pool";
const DISCOVERY: &str = "/pool/.well-known/openid-configuration";
const KEYS: &str = "/pool/keys";

/// Seconds since 1970 when the manual clock starts, rounded down.
pub(crate) const NOW: u64 = START / 1000;

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key with its id.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    private: Arc<Private>,
}

enum Private {
    Rsa(rsa::KeyPair),
    Curve(&'static str, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Making an RSA key takes a while, so a run of the tests has one.
static RSA: LazyLock<Arc<Private>> = LazyLock::new(|| {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048);
    Arc::new(Private::Rsa(pair.unwrap()))
});

impl Key {
    pub(crate) fn rsa(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            private: Arc::clone(&RSA),
        }
    }

    pub(crate) fn p256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self::of(id, Private::Curve("P-256", pair.unwrap()))
    }

    pub(crate) fn p384(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING);
        Self::of(id, Private::Curve("P-384", pair.unwrap()))
    }

    pub(crate) fn ed25519(id: &str) -> Self {
        Self::of(id, Private::Ed25519(Ed25519KeyPair::generate().unwrap()))
    }

    fn of(id: &str, private: Private) -> Self {
        Self {
            id: id.to_owned(),
            private: Arc::new(private),
        }
    }

    /// The public key.
    pub(crate) fn jwk(&self) -> Value {
        match &*self.private {
            Private::Rsa(pair) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "use": "sig", "kid": self.id, "n": n, "e": e })
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

    /// A token of these claims, whose header has the key's id and the first algorithm that goes with it.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let algorithm = match &*self.private {
            Private::Rsa(_) => "RS256",
            Private::Curve("P-256", _) => "ES256",
            Private::Curve(..) => "ES384",
            Private::Ed25519(_) => "EdDSA",
        };
        self.token_by(algorithm, claims)
    }

    /// The same by that algorithm.
    pub(crate) fn token_by(&self, algorithm: &str, claims: &Value) -> String {
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": self.id });
        self.sign(algorithm, &header.to_string(), &claims.to_string())
    }

    /// A token of any header and payload at all; `algorithm` matters to RSA keys only.
    pub(crate) fn sign(&self, algorithm: &str, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature = self.signature(algorithm, message.as_bytes());
        format!("{message}.{}", encode(signature))
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.private {
            Private::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
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

    /// The public key in the form that a verifier is most likely to mistake for a shared secret.
    pub(crate) fn public_pem(&self) -> String {
        let Private::Rsa(pair) = &*self.private else {
            panic!("only RSA keys are asked for this");
        };
        let base64 = base64::engine::general_purpose::STANDARD.encode(pair.public_key());
        format!("-----BEGIN RSA PUBLIC KEY-----\n{base64}\n-----END RSA PUBLIC KEY-----\n")
    }
}

/// What an issuer answers at one of its addresses.
#[derive(Clone)]
pub(crate) enum Says {
    /// What it should.
    Truth,
    /// Nothing, ever.
    Nothing,
    /// This status, with a `Location` that has the truth.
    Status(u16),
    /// This text with a 200.
    Text(String),
}

struct State {
    address: SocketAddr,
    published: Vec<Key>,
    discovery: Says,
    keys: Says,
}

/// A running issuer. Its own key is of P-256; others can be published beside it.
pub(crate) struct Issuer {
    backend: FakeHttp,
    state: Arc<Mutex<Option<State>>>,
    discoveries: Arc<AtomicUsize>,
    fetches: Arc<AtomicUsize>,
    pub(crate) key: Key,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let state: Arc<Mutex<Option<State>>> = Arc::default();
        let (discoveries, fetches) = (Arc::default(), Arc::default());
        let script = script(&state, &discoveries, &fetches);
        let backend = FakeHttp::start(script).await;
        let key = Key::p256("first");
        *state.lock().unwrap() = Some(State {
            address: backend.address,
            published: vec![key.clone()],
            discovery: Says::Truth,
            keys: Says::Truth,
        });
        Self {
            backend,
            state,
            discoveries,
            fetches,
            key,
        }
    }

    /// `iss` of its tokens.
    pub(crate) fn url(&self) -> String {
        self.backend.url(POOL)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state: MutexGuard<'_, Option<State>> = self.state.lock().unwrap();
        change(state.as_mut().expect("the issuer runs"))
    }

    /// Publishes exactly these keys.
    pub(crate) fn publish(&self, keys: &[&Key]) {
        let keys = keys.iter().map(|&key| key.clone()).collect();
        self.with(|state| state.published = keys);
    }

    /// What it answers where its discovery document is.
    pub(crate) fn discovery(&self, says: Says) {
        self.with(|state| state.discovery = says);
    }

    /// What it answers where its keys are.
    pub(crate) fn keys(&self, says: Says) {
        self.with(|state| state.keys = says);
    }

    /// How often its discovery document was asked for.
    pub(crate) fn discoveries(&self) -> usize {
        self.discoveries.load(Ordering::SeqCst)
    }

    /// How often its keys were asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Claims of a good token for `web`, some of them replaced; `null` takes one away.
    pub(crate) fn claims(&self, changes: Value) -> Value {
        let mut claims = json!({ "iss": self.url(), "aud": "web", "sub": "u-1", "exp": NOW + 600 });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let fields = claims.as_object_mut().unwrap();
        fields.retain(|_, value| !value.is_null());
        claims
    }

    /// A token of its own key with such claims.
    pub(crate) fn token(&self, changes: Value) -> String {
        self.key.token(&self.claims(changes))
    }
}

fn script(
    state: &Arc<Mutex<Option<State>>>,
    discoveries: &Arc<AtomicUsize>,
    fetches: &Arc<AtomicUsize>,
) -> impl Fn(&super::fake_http::Recorded) -> Option<http::Response<Bytes>> + use<> {
    let (state, discoveries, fetches) = (
        Arc::clone(state),
        Arc::clone(discoveries),
        Arc::clone(fetches),
    );
    move |request| {
        let state = state.lock().unwrap();
        let state = state.as_ref()?;
        let (says, truth) = match &*request.target {
            DISCOVERY => {
                discoveries.fetch_add(1, Ordering::SeqCst);
                let at = |path: &str| format!("http://{}{path}", state.address);
                let document = json!({ "issuer": at(POOL), "jwks_uri": at(KEYS) });
                (state.discovery.clone(), document)
            }
            KEYS => {
                fetches.fetch_add(1, Ordering::SeqCst);
                let keys: Vec<_> = state.published.iter().map(Key::jwk).collect();
                (state.keys.clone(), json!({ "keys": keys }))
            }
            other => panic!("nobody is told of {other}"),
        };
        let answer = |status: u16, body: String| {
            let response = http::Response::builder().status(status);
            let response = response.header("location", format!("http://{}{KEYS}", state.address));
            Some(response.body(Bytes::from(body)).unwrap())
        };
        match says {
            Says::Truth => answer(200, truth.to_string()),
            Says::Nothing => None,
            Says::Status(status) => answer(status, String::new()),
            Says::Text(text) => answer(200, text),
        }
    }
}
