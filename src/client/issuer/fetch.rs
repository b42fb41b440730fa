//! One fetch of an issuer's keys: discovery document, then key set (OpenID Connect Discovery 1.0 section 4).

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::base::quotas;
use crate::client::http::{CallError, HttpClient};
use crate::lang::jwt::KeySet;

/// Where an issuer says where its keys are, below its own URL.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Why an issuer's keys could not be fetched. `Display` is for the log, [`IssuerError::description`] for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The discovery document could not be had, or is not about this issuer.
    #[error("{DISCOVERY}: {0}")]
    Discovery(String),
    /// The key set could not be had, or has no usable key.
    #[error("jwks_uri: {0}")]
    KeySet(String),
}

impl IssuerError {
    /// What a client reads in `error_description`, in Amazon's words.
    pub fn description(&self) -> &'static str {
        match self {
            Self::Discovery(_) => "OIDC discovery endpoint communication error",
            Self::KeySet(_) => "JWKS communication error",
        }
    }
}

/// An issuer's keys, fresh from the issuer.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    /// How long the issuer lets its answer be kept (RFC 9111 section 5.2.2.1).
    pub(super) max_age: Option<Duration>,
}

/// Fetches the keys of `issuer`.
pub(super) async fn fetch(http: &HttpClient, issuer: &str) -> Result<Fetched, IssuerError> {
    let address = format!("{}{DISCOVERY}", issuer.trim_end_matches('/'));
    let document = get(http, &address).await.map_err(IssuerError::Discovery)?;
    let address = keys_address(issuer, document.body()).map_err(IssuerError::Discovery)?;
    let answer = get(http, address.as_str())
        .await
        .map_err(IssuerError::KeySet)?;
    let keys = KeySet::parse(answer.body());
    Ok(Fetched {
        keys: keys.map_err(|error| IssuerError::KeySet(error.to_string()))?,
        max_age: max_age(&answer),
    })
}

async fn get(http: &HttpClient, address: &str) -> Result<Response<Bytes>, String> {
    let request = Request::get(address)
        .header(ACCEPT, "application/json")
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let answer = http
        .send(request, quotas::JWKS_TIMEOUT, quotas::JWKS_BYTES)
        .await;
    let answer = answer.map_err(|error: CallError| error.to_string())?;
    match answer.status() {
        StatusCode::OK => Ok(answer),
        // A redirect is one of these: whom to trust is the definition's to say, not an answer's.
        status => Err(format!("the answer has status {status}")),
    }
}

fn keys_address(issuer: &str, document: &[u8]) -> Result<Url, String> {
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: String,
    }
    let document: Document =
        serde_json::from_slice(document).map_err(|error| format!("malformed: {error}"))?;
    if document.issuer != issuer {
        return Err("it names another issuer".to_owned());
    }
    let address = Url::parse(&document.jwks_uri)
        .map_err(|error| format!("its jwks_uri is no URL: {error}"))?;
    match address.scheme() {
        "https" => Ok(address),
        // What an https issuer says must not be turned into plain text on the way.
        "http" if !issuer.starts_with("https:") => Ok(address),
        _ => Err("its jwks_uri is not an https URL".to_owned()),
    }
}

fn max_age(answer: &Response<Bytes>) -> Option<Duration> {
    let values = answer.headers().get_all(CACHE_CONTROL).iter();
    let mut directives = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let seconds = directives.find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let named = name.eq_ignore_ascii_case("max-age");
        named.then(|| value.trim_matches('"').parse().ok())?
    })?;
    Some(Duration::from_secs(seconds))
}
