//! `JWT`: where a request has its token, and tokens that were found good, remembered while they are.
//!
//! Source: developer guide, "Control access to HTTP APIs with JWT authorizers in API Gateway".

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use foldhash::quality::RandomState;
use http::header::{HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};
use serde_json::{Map, Value};

use crate::base::clock::EpochMillis;
use crate::exchange::{GatewayRequest, JwtFacts};
use crate::lang::jwt::{self, Fingerprint, JwtError, JwtRules, KeySet, Lifetime, Verified};
use crate::plan::authorizer::TokenSource;

/// Subprotocol behind which a client offers its token as another.
///
/// AWS: WebSocket APIs have no JWT authorizers. The convention is the one that browsers allow: `new WebSocket(url, ["bearer",
/// token])`, with subprotocols of the application anywhere else in the list.
pub const BEARER: &str = "bearer";

/// Memory that remembered tokens may take, in bytes, by estimate.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Tokens that are remembered in most cases; there may be more.
const USUAL_TOKENS: usize = 1024;
/// Estimated memory of a remembered token, beside what grows with its length.
const ENTRY_BYTES: usize = 512;
/// How many times its own length a token takes: itself, and its claims with and without scopes, each three times as large.
const LENGTH_FACTOR: usize = 7;

/// The token of a request. `None` when there is none.
///
/// A header or parameter that comes twice is joined with a comma, and so is no good token: a backend may read the other one.
pub fn token<'a>(request: &'a GatewayRequest, source: &'a TokenSource) -> Option<Cow<'a, str>> {
    let value = match source {
        TokenSource::Header(name) => header(request, name)?,
        TokenSource::QueryString(name) => query_parameter(request, name)?,
        TokenSource::Subprotocol => {
            let offered = header(request, &SEC_WEBSOCKET_PROTOCOL)?;
            return Some(Cow::Owned(offered_token(&offered)?.to_owned()));
        }
    };
    match value {
        Cow::Borrowed(value) => jwt::bare(value).map(Cow::Borrowed),
        Cow::Owned(value) => jwt::bare(&value).map(|token| Cow::Owned(token.to_owned())),
    }
}

fn header<'a>(request: &'a GatewayRequest, name: &'a HeaderName) -> Option<Cow<'a, str>> {
    if request.fields.is_empty() {
        // A handshake.
        return joined(request.headers().all(name.as_str()).map(Cow::Borrowed));
    }
    let values = request.fields.get_all(name).iter();
    // Bytes that are no text are no token either, but something was sent.
    joined(values.map(|value| Cow::Borrowed(value.to_str().unwrap_or("?"))))
}

fn query_parameter<'a>(request: &'a GatewayRequest, name: &str) -> Option<Cow<'a, str>> {
    let query = request.query.as_deref()?;
    let parameters = url::form_urlencoded::parse(query.as_bytes());
    joined(
        parameters
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value),
    )
}

fn joined<'a>(mut values: impl Iterator<Item = Cow<'a, str>>) -> Option<Cow<'a, str>> {
    let first = values.next()?;
    let Some(second) = values.next() else {
        return Some(first);
    };
    let rest = values.map(|value| format!(",{value}")).collect::<String>();
    Some(Cow::Owned(format!("{first},{second}{rest}")))
}

fn subprotocols(offered: &str) -> impl Iterator<Item = &str> {
    let names = offered
        .split(',')
        .map(|name| name.trim_matches([' ', '\t']));
    names.filter(|name| !name.is_empty())
}

/// What stands behind [`BEARER`].
fn offered_token(offered: &str) -> Option<&str> {
    let mut names = subprotocols(offered);
    names.find(|name| *name == BEARER)?;
    names.next()
}

/// The subprotocol for the answer to a client that offered its token as one: what the integration chose, unless that shows the
/// token; else the first of the application's; else [`BEARER`]. Browsers insist on one of those they offered.
pub fn subprotocol(request: &GatewayRequest, chosen: Option<HeaderValue>) -> Option<HeaderValue> {
    let offered = header(request, &SEC_WEBSOCKET_PROTOCOL)?;
    let chosen = chosen.as_ref().and_then(|chosen| chosen.to_str().ok());
    HeaderValue::from_str(answered(&offered, chosen)).ok()
}

fn answered<'a>(offered: &'a str, chosen: Option<&'a str>) -> &'a str {
    let token = offered_token(offered);
    let harmless = |names: &&str| token.is_none_or(|token| !names.contains(token));
    let mut of_application =
        subprotocols(offered).filter(|name| *name != BEARER && Some(*name) != token);
    let chosen = chosen.filter(harmless).or_else(|| of_application.next());
    chosen.unwrap_or(BEARER)
}

/// A token that was found good.
#[derive(Debug)]
pub struct GoodToken {
    scopes: Vec<String>,
    plain: Arc<JwtFacts>,
    scoped: OnceLock<Arc<JwtFacts>>,
    lifetime: Lifetime,
    /// The keys by which it was found good.
    keys: Fingerprint,
    /// Memory that it takes, by estimate.
    bytes: u64,
}

impl GoodToken {
    fn new(token: &str, verified: Verified, keys: &KeySet) -> Self {
        let bytes = ENTRY_BYTES + token.len() * LENGTH_FACTOR;
        Self {
            scopes: verified.scopes,
            plain: Arc::new(JwtFacts {
                claims: verified.claims,
                scopes: None,
            }),
            scoped: OnceLock::new(),
            lifetime: verified.lifetime,
            keys: *keys.fingerprint(),
            bytes: bytes as u64,
        }
    }

    /// When it ends.
    pub fn ends(&self) -> EpochMillis {
        self.lifetime.ends
    }

    /// Whether it has one of the scopes that a route wants, or the route wants none.
    pub fn suffices_for(&self, wanted: &[String]) -> bool {
        wanted.is_empty() || wanted.iter().any(|scope| self.scopes.contains(scope))
    }

    /// What events show of it on a route that wants these scopes.
    ///
    /// AWS: `scopes` is null unless the route wants some, and then it is all that the token has.
    pub fn facts(&self, wanted: &[String]) -> Arc<JwtFacts> {
        if wanted.is_empty() {
            return Arc::clone(&self.plain);
        }
        let scoped = self.scoped.get_or_init(|| {
            Arc::new(JwtFacts {
                claims: self.plain.claims.clone(),
                scopes: Some(self.scopes.clone()),
            })
        });
        Arc::clone(scoped)
    }

    /// `requestContext.authorizer` of a connection: the principal is the token's subject.
    ///
    /// AWS: WebSocket APIs have no JWT authorizers; this is what a Lambda authorizer would hand on, beside what HTTP APIs show.
    pub fn for_connection(&self, wanted: &[String]) -> Map<String, Value> {
        let facts = self.facts(wanted);
        let mut authorizer = Map::new();
        if let Some(subject) = facts.claims.get("sub") {
            authorizer.insert("principalId".into(), subject.clone());
        }
        authorizer.insert("claims".into(), Value::Object(facts.claims.clone()));
        authorizer.insert("scopes".into(), facts.scopes.clone().into());
        authorizer
    }
}

/// Tokens that were found good. Refused ones are not remembered: whoever makes them up would fill the memory.
pub struct VerifiedTokens {
    known: Cache<Key, Arc<GoodToken>, Weights, RandomState, Lifecycle>,
}

type Lifecycle = DefaultLifecycle<Key, Arc<GoodToken>>;

/// What a verdict is kept under: the token and the rules it was judged by, both as a whole. Only good tokens are keys, so nobody
/// can choose keys that collide.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    rules: Fingerprint,
    token: Box<str>,
}

/// The same, borrowed; it hashes alike.
#[derive(Debug, Hash)]
struct Wanted<'t> {
    rules: &'t Fingerprint,
    token: &'t str,
}

impl Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.rules == key.rules && *self.token == *key.token
    }
}

#[derive(Debug, Clone)]
struct Weights;

impl Weighter<Key, Arc<GoodToken>> for Weights {
    fn weight(&self, _: &Key, token: &Arc<GoodToken>) -> u64 {
        token.bytes
    }
}

impl std::fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedTokens").finish_non_exhaustive()
    }
}

impl VerifiedTokens {
    /// None so far.
    pub fn new() -> Self {
        Self {
            known: Cache::with(
                USUAL_TOKENS,
                CACHE_BYTES,
                Weights,
                RandomState::default(),
                Lifecycle::default(),
            ),
        }
    }

    /// Forgets the tokens that have ended. Called now and then, never on the way of a request.
    pub fn sweep(&self, now: EpochMillis) {
        self.known.retain(|_, token| now < token.ends());
    }

    /// Whether a token is good now. One that was so before, by the same rules and the same keys, needs no second look at its
    /// signature; its times are looked at every time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(
        &self,
        token: &str,
        keys: &KeySet,
        rules: &JwtRules,
        now: EpochMillis,
    ) -> Result<Arc<GoodToken>, JwtError> {
        if token.len() > jwt::TOKEN_BYTES {
            return Err(JwtError::TooLong);
        }
        let wanted = Wanted {
            rules: rules.fingerprint(),
            token,
        };
        if let Some(known) = self.known.get(&wanted)
            && known.keys == *keys.fingerprint()
        {
            let verdict = known.lifetime.check(now);
            if verdict == Err(JwtError::Expired) {
                self.known.remove(&wanted);
            }
            return verdict.map(|()| known);
        }
        let verified = jwt::verify(token, keys, rules, now)?;
        let good = Arc::new(GoodToken::new(token, verified, keys));
        let key = Key {
            rules: *rules.fingerprint(),
            token: token.into(),
        };
        self.known.insert(key, Arc::clone(&good));
        Ok(good)
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
