//! `AWS_IAM`: signatures checked against the definition's credentials, then their policies.
//!
//! Source: developer guide, "Control access to a WebSocket API with IAM authorization"; the wire form is Signature
//! Version 4. The same check guards `$connect` and `@connections`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::base::clock::EpochMillis;
use crate::lang::policy::{Decision, Request};
use crate::lang::sigv4::{
    Claim, Expected, Presented, SERVICE_EXECUTE_API, SigV4Error, SignedRequest, SigningKey,
};
use crate::plan::credentials::{Credential, Credentials};

/// How far a signature's time may be from ours, in seconds.
const SKEW_SECONDS: i64 = 300;
/// Signing keys that are kept; each serves one access key for one day.
const CACHED_KEYS: usize = 1024;

/// Checks signatures and remembers the day's signing keys.
#[derive(Debug, Default)]
pub struct SignatureVerifier {
    keys: Mutex<HashMap<String, Arc<SigningKey>>>,
}

impl SignatureVerifier {
    /// A verifier that remembers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who signed `request`.
    ///
    /// # Errors
    /// Amazon's name and text for what is wrong with the signature.
    pub fn authenticate(
        &self,
        credentials: &Credentials,
        request: &SignedRequest<'_>,
        region: &str,
        now: EpochMillis,
    ) -> Result<Arc<Credential>, SigV4Error> {
        let Presented::Signed(claim) = Claim::parse(request)? else {
            return Err(SigV4Error::MissingAuthenticationToken);
        };
        let expected = Expected {
            region,
            service: SERVICE_EXECUTE_API,
            now_epoch_seconds: now.seconds(),
            skew_seconds: SKEW_SECONDS,
        };
        claim.check_scope(&expected)?;
        let credential = credentials
            .find(claim.access_key_id())
            .ok_or(SigV4Error::UnknownAccessKey)?;
        let key = self.signing_key(credential, claim.date(), region);
        claim.verify_with_key(request, &key, credential.session_token.as_deref(), &expected)?;
        Ok(Arc::clone(credential))
    }

    fn signing_key(&self, credential: &Credential, date: &str, region: &str) -> Arc<SigningKey> {
        let name = format!("{date}/{region}/{}", credential.access_key_id);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&name).filter(|key| key.is_for(&credential.secret)) {
            return Arc::clone(key);
        }
        if keys.len() >= CACHED_KEYS {
            keys.clear();
        }
        let key = Arc::new(SigningKey::derive(
            &credential.secret,
            date,
            region,
            SERVICE_EXECUTE_API,
        ));
        keys.insert(name, Arc::clone(&key));
        key
    }
}

/// What policies may ask about a request.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// The caller's address.
    pub source_ip: IpAddr,
    /// The caller's `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// When the request came.
    pub now: EpochMillis,
    /// Whether it came over TLS.
    pub secure: bool,
}

impl Circumstances<'_> {
    /// The value of a condition key such as `aws:SourceIp`, for an unsigned caller.
    pub fn fact(&self, name: &str) -> Option<String> {
        match name.to_ascii_lowercase().as_str() {
            "aws:sourceip" => Some(self.source_ip.to_string()),
            "aws:useragent" => self.user_agent.map(str::to_owned),
            "aws:securetransport" => Some(self.secure.to_string()),
            "aws:epochtime" => Some(self.now.seconds().to_string()),
            "aws:currenttime" => OffsetDateTime::from_unix_timestamp(self.now.seconds())
                .ok()?
                .format(&Rfc3339)
                .ok(),
            _ => None,
        }
    }
}

/// Whether the caller's policy allows `action` on `resource`.
pub fn allows(
    credential: &Credential,
    action: &str,
    resource: &str,
    circumstances: &Circumstances<'_>,
) -> bool {
    let facts = |name: &str| match name.to_ascii_lowercase().as_str() {
        "aws:username" => Some(credential.user_name.clone()),
        "aws:userid" => Some(credential.access_key_id.clone()),
        "aws:principalarn" => Some(credential.user_arn.clone()),
        "aws:principalaccount" => Some(credential.account_id.clone()),
        "aws:principaltype" => Some("User".to_owned()),
        _ => circumstances.fact(name),
    };
    let request = Request {
        action,
        resource,
        facts: &facts,
    };
    credential.policy.evaluate(&request) == Decision::Allow
}

/// `requestContext.identity` entries of a signed caller.
pub fn identity(credential: &Credential) -> Map<String, Value> {
    let facts = [
        ("accountId", &credential.account_id),
        ("accessKey", &credential.access_key_id),
        ("caller", &credential.access_key_id),
        ("user", &credential.access_key_id),
        ("userArn", &credential.user_arn),
    ];
    facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value.as_str())))
        .collect()
}
