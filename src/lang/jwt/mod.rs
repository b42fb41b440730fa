//! JSON Web Tokens: is this one signed by a key of its issuer, meant for us, and good at this moment?
//!
//! Pure: token, keys, rules and time in, claims out. Keys are never taken from the token itself.
//!
//! Source: developer guide, "Control access to HTTP APIs with JWT authorizers in API Gateway"; RFC 7515, 7519 and 8725. Beyond
//! Amazon's RSA with SHA-2, RSA-PSS, ECDSA on P-256 and P-384, and Ed25519 are accepted.

pub mod challenge;
mod claims;
mod error;
mod keys;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

pub use error::JwtError;
pub use keys::{Fingerprint, KEYS_MAX, KeySet, KeySetError};

use crate::base::clock::EpochMillis;

/// Largest token, in bytes.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// Largest `kid`, in bytes.
pub const KEY_ID_BYTES: usize = 256;
/// Largest difference that may be granted between an issuer's clock and ours.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(60);

/// What an authorizer demands of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtRules {
    issuer: String,
    audience: Vec<String>,
    clock_skew: Duration,
    fingerprint: Fingerprint,
}

impl JwtRules {
    /// Tokens of `issuer` for one of `audience`; a `clock_skew` beyond [`CLOCK_SKEW_MAX`] is cut.
    pub fn new(issuer: String, audience: Vec<String>, clock_skew: Duration) -> Self {
        let clock_skew = clock_skew.min(CLOCK_SKEW_MAX);
        let skew = clock_skew.as_nanos().to_be_bytes();
        let pieces = [skew.as_slice(), issuer.as_bytes()].into_iter();
        let fingerprint = keys::sha256(pieces.chain(audience.iter().map(String::as_bytes)));
        Self {
            issuer,
            audience,
            clock_skew,
            fingerprint,
        }
    }

    /// `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Tells rules apart: equal for equal rules only.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The claims as events carry them: every value a text.
    pub claims: Map<String, Value>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// When it is good.
    pub lifetime: Lifetime,
}

/// When a token is good, any difference of clocks allowed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The first moment at which it is.
    pub begins: EpochMillis,
    /// The first moment at which it is no more.
    pub ends: EpochMillis,
}

impl Lifetime {
    /// Whether a token that was good once is so now.
    ///
    /// # Errors
    /// [`JwtError::Expired`] or [`JwtError::NotYetValid`].
    pub fn check(self, now: EpochMillis) -> Result<(), JwtError> {
        if now >= self.ends {
            return Err(JwtError::Expired);
        }
        if now < self.begins {
            return Err(JwtError::NotYetValid);
        }
        Ok(())
    }
}

/// The token in the value of an identity source: alone, or behind `Bearer` in any case. `None` when there is none.
pub fn bare(value: &str) -> Option<&str> {
    let value = value.trim_matches([' ', '\t']);
    let token = match value.split_once([' ', '\t']) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        None if value.eq_ignore_ascii_case("bearer") => "",
        _ => value,
    };
    (!token.is_empty()).then_some(token)
}

/// What `token` says, once everything about it is right.
///
/// The order is Amazon's: form, key, signature, issuer, audience, times. The first failure decides.
///
/// # Errors
/// See [`JwtError`].
pub fn verify(
    token: &str,
    keys: &KeySet,
    rules: &JwtRules,
    now: EpochMillis,
) -> Result<Verified, JwtError> {
    if token.len() > TOKEN_BYTES {
        return Err(JwtError::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Segments)?;
    let (header, payload) = message.split_once('.').ok_or(JwtError::Segments)?;
    if payload.contains('.') {
        return Err(JwtError::Segments);
    }
    let header = Header::read(&decode(header)?)?;
    let payload = decode(payload)?;
    check_signature(&header, message.as_bytes(), signature, keys)?;
    let claims = claims::read(&payload)?;
    check_parties(&claims, rules)?;
    Ok(Verified {
        lifetime: check_times(&claims, rules.clock_skew, now)?,
        claims: claims::rendered(&claims),
        scopes: claims::scopes(&claims),
    })
}

fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Encoding)
}

/// What matters of a token's header. Keys and addresses of keys in it (`jwk`, `jku`, `x5c`, `x5u`) are not even read.
struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
}

impl Header {
    fn read(json: &[u8]) -> Result<Self, JwtError> {
        let fields = claims::read(json).map_err(|_| JwtError::Header)?;
        if fields.contains_key("crit") {
            return Err(JwtError::Critical);
        }
        let key_id = match fields.get("kid") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) if id.len() <= KEY_ID_BYTES => Some(id.clone()),
            Some(_) => return Err(JwtError::Header),
        };
        let name = fields.get("alg").and_then(Value::as_str);
        let name = name.ok_or(JwtError::Header)?;
        Ok(Self {
            algorithm: algorithm(name).ok_or(JwtError::Algorithm)?,
            key_id,
        })
    }
}

/// The algorithms that are accepted, all of them asymmetric; anything else has no place here.
fn algorithm(name: &str) -> Option<Algorithm> {
    use Algorithm as A;
    const ACCEPTED: [(&str, Algorithm); 9] = [
        ("RS256", A::RS256),
        ("RS384", A::RS384),
        ("RS512", A::RS512),
        ("PS256", A::PS256),
        ("PS384", A::PS384),
        ("PS512", A::PS512),
        ("ES256", A::ES256),
        ("ES384", A::ES384),
        ("EdDSA", A::EdDSA),
    ];
    let found = ACCEPTED.iter().find(|(known, _)| *known == name);
    found.map(|(_, algorithm)| *algorithm)
}

fn check_signature(
    header: &Header,
    message: &[u8],
    signature: &str,
    keys: &KeySet,
) -> Result<(), JwtError> {
    let id = header.key_id.as_deref();
    let key = keys
        .find(id, header.algorithm)
        .ok_or(JwtError::UnknownKey)?;
    let verdict = jsonwebtoken::crypto::verify(signature, message, key, header.algorithm);
    match (verdict, id) {
        (Ok(true), _) => Ok(()),
        // Without an id, the key may just be the one before the issuer's newest.
        (_, None) => Err(JwtError::UnknownKey),
        (_, Some(_)) => Err(JwtError::Signature),
    }
}

fn check_parties(claims: &Map<String, Value>, rules: &JwtRules) -> Result<(), JwtError> {
    if claims.get("iss").and_then(Value::as_str) != Some(&*rules.issuer) {
        return Err(JwtError::Issuer);
    }
    if !claims::is_meant_for(claims, &rules.audience) {
        return Err(JwtError::Audience);
    }
    Ok(())
}

fn check_times(
    claims: &Map<String, Value>,
    skew: Duration,
    now: EpochMillis,
) -> Result<Lifetime, JwtError> {
    let skew = skew.as_secs_f64();
    let expiry = claims::date(claims, "exp")?.ok_or(JwtError::NoExpiry)?;
    let not_before = claims::date(claims, "nbf")?;
    let issued_at = claims::date(claims, "iat")?;
    let ends = moment(expiry + skew);
    if now >= ends {
        return Err(JwtError::Expired);
    }
    let begins = |seconds: Option<f64>| seconds.map(|seconds| moment(seconds - skew));
    let (not_before, issued_at) = (begins(not_before), begins(issued_at));
    if not_before.is_some_and(|begins| now < begins) {
        return Err(JwtError::NotYetValid);
    }
    if issued_at.is_some_and(|begins| now < begins) {
        return Err(JwtError::IssuedInFuture);
    }
    let begins = not_before.max(issued_at).unwrap_or_default();
    Ok(Lifetime { begins, ends })
}

/// The first millisecond at or after a time in seconds; the beginning or the end of time where that lies beyond.
fn moment(seconds: f64) -> EpochMillis {
    EpochMillis((seconds * 1000.0).ceil() as u64)
}

#[cfg(test)]
pub(crate) mod tests;
