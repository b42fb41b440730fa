//! The public keys of an issuer: what a JSON Web Key Set says (RFC 7517, RFC 7518 section 6, RFC 8037).

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::KEY_ID_BYTES;

/// Most keys that a set may have. Issuers have two to ten.
pub const KEYS_MAX: usize = 256;
/// Sizes of RSA keys that are taken, in bits: smaller ones can be broken, larger ones cost more than a request is worth.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Why a key set is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JSON object with a list `keys`.
    #[error("it is not a JSON Web Key Set")]
    Malformed,
    /// More than [`KEYS_MAX`].
    #[error("it has {0} keys, more than {KEYS_MAX}")]
    TooMany(usize),
    /// No key in it can verify a token.
    #[error(
        "none of its {0} keys can verify a token: RSA of at least 2048 bits, P-256, P-384 or Ed25519"
    )]
    NoneUsable(usize),
}

/// The keys of an issuer that can verify tokens. Secret, weak, unknown and malformed ones are not among them.
pub struct KeySet {
    keys: Vec<Key>,
    fingerprint: Fingerprint,
}

/// Tells key sets apart: equal for equal sets only.
pub type Fingerprint = [u8; SHA256_OUTPUT_LEN];

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|key| key.id.as_deref());
        f.debug_list().entries(ids).finish()
    }
}

struct Key {
    id: Option<Box<str>>,
    kind: Kind,
    /// The one algorithm that the issuer uses the key with, where it says so.
    only: Option<Algorithm>,
    key: DecodingKey,
    material: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    /// RFC 8725 section 3.1: each kind of key goes with algorithms of its own and with no others.
    fn goes_with(self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        match self {
            Self::Rsa => matches!(
                algorithm,
                A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512
            ),
            Self::P256 => algorithm == A::ES256,
            Self::P384 => algorithm == A::ES384,
            Self::Ed25519 => algorithm == A::EdDSA,
        }
    }
}

impl KeySet {
    /// Reads a key set. Keys that cannot verify tokens are passed over, as RFC 7517 section 5 has it.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let document = serde_json::from_slice(json).ok();
        let listed = document
            .as_ref()
            .and_then(|document: &Value| document.get("keys"));
        let listed = listed
            .and_then(Value::as_array)
            .ok_or(KeySetError::Malformed)?;
        let count = listed.len();
        if count > KEYS_MAX {
            return Err(KeySetError::TooMany(count));
        }
        let mut keys: Vec<Key> = Vec::new();
        for key in listed.iter().filter_map(Key::read) {
            // A key that is listed twice is one key.
            if !keys.iter().any(|known| known.material == key.material) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoneUsable(count));
        }
        let mut materials: Vec<_> = keys.iter().map(|key| &*key.material).collect();
        materials.sort_unstable();
        let fingerprint = sha256(materials.into_iter());
        Ok(Self { keys, fingerprint })
    }

    /// What tells this set from others.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The one key that fits; without an id only where no other fits.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.kind.goes_with(algorithm)
                && key.only.is_none_or(|only| only == algorithm)
                && (id.is_none() || key.id.as_deref() == id)
        });
        let found = fitting.next()?;
        fitting.next().is_none().then_some(&found.key)
    }
}

impl Key {
    fn read(value: &Value) -> Option<Self> {
        let jwk = Jwk::deserialize(value.as_object()?).ok()?;
        let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
        let verifies = jwk
            .operations
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        let too_long = |id: &String| id.len() > KEY_ID_BYTES;
        if !signs || !verifies || jwk.id.as_ref().is_some_and(too_long) {
            return None;
        }
        let only = match &jwk.algorithm {
            Some(name) => Some(super::algorithm(name)?),
            None => None,
        };
        let (kind, key, numbers) = jwk.public_key()?;
        if only.is_some_and(|only| !kind.goes_with(only)) {
            return None;
        }
        let name = jwk.id.as_deref().unwrap_or_default();
        let algorithm = jwk.algorithm.as_deref().unwrap_or_default();
        let has_id = [u8::from(jwk.id.is_some())];
        let pieces = [&has_id, name.as_bytes(), algorithm.as_bytes()];
        let pieces = pieces.into_iter().chain(numbers.iter().map(Vec::as_slice));
        Some(Self {
            material: sha256(pieces).to_vec(),
            id: jwk.id.map(Into::into),
            kind,
            only,
            key,
        })
    }
}

/// The members of a JSON Web Key that matter here. Certificates and URLs in it are not looked at.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    #[serde(rename = "key_ops")]
    operations: Option<Vec<String>>,
    #[serde(rename = "alg")]
    algorithm: Option<String>,
    #[serde(rename = "kid")]
    id: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// The key, and the numbers that it is made of.
    fn public_key(&self) -> Option<(Kind, DecodingKey, Vec<Vec<u8>>)> {
        match (&*self.kty, self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (number(&self.n)?, number(&self.e)?);
                let key = DecodingKey::from_rsa_raw_components(&n, &e);
                RSA_BITS
                    .contains(&bits(&n))
                    .then_some((Kind::Rsa, key, vec![n, e]))
            }
            ("EC", Some("P-256")) => self.curve_point(Kind::P256, 32),
            ("EC", Some("P-384")) => self.curve_point(Kind::P384, 48),
            ("OKP", Some("Ed25519")) => {
                let x = bytes(&self.x).filter(|x| x.len() == 32)?;
                Some((Kind::Ed25519, DecodingKey::from_ed_der(&x), vec![x]))
            }
            _ => None,
        }
    }

    fn curve_point(&self, kind: Kind, size: usize) -> Option<(Kind, DecodingKey, Vec<Vec<u8>>)> {
        let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
        if x.len() != size || y.len() != size {
            return None;
        }
        // An uncompressed point (SEC 1 section 2.3.3).
        let point = [&[4], &*x, &*y].concat();
        Some((kind, DecodingKey::from_ec_der(&point), vec![point]))
    }
}

fn bytes(text: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.as_deref()?).ok()
}

/// A positive number without leading zeros: some issuers write them, against RFC 7518 section 6.3.1.1.
fn number(text: &Option<String>) -> Option<Vec<u8>> {
    let bytes = bytes(text)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(first..).map(<[u8]>::to_vec)
}

fn bits(number: &[u8]) -> usize {
    let zeros = number.first().map_or(0, |first| first.leading_zeros());
    (number.len() * 8).saturating_sub(zeros as usize)
}

/// A hash of pieces that keeps their boundaries.
pub(super) fn sha256<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Fingerprint {
    let mut context = Context::new(&SHA256);
    for piece in pieces {
        context.update(&(piece.len() as u64).to_be_bytes());
        context.update(piece);
    }
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}
