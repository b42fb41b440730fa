//! `AWS_IAM`: signatures checked against the definition's credentials, then their policies.
//!
//! Source: developer guide, "Control access to a WebSocket API with IAM authorization"; the wire form is Signature
//! Version 4. The same check guards `$connect`, `@connections` and the control plane.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::base::clock::EpochMillis;
use crate::lang::policy::{Decision, Facts, Request, access_denied_message, key};
use crate::lang::sigv4::{Claim, Expected, SigV4Error, SignedRequest, SigningKey};
use crate::plan::credentials::{Credential, Credentials};

/// The service in the scope of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `execute-api`: what clients and backends ask of an API.
    ExecuteApi,
    /// `apigateway`: the control plane.
    ApiGateway,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::ExecuteApi => "execute-api",
            Self::ApiGateway => "apigateway",
        }
    }
}

/// How far a signature's time may be from ours, in seconds.
const SKEW_SECONDS: i64 = 300;
/// Signing keys that are kept; each serves one credential for one day, region and service.
const CACHED_KEYS: usize = 1024;

type CachedKey = (Arc<Credential>, Arc<SigningKey>);

/// Checks signatures and remembers the day's signing keys.
#[derive(Default)]
pub struct SignatureVerifier {
    keys: Mutex<HashMap<String, CachedKey>>,
}

impl std::fmt::Debug for SignatureVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignatureVerifier").finish_non_exhaustive()
    }
}

impl SignatureVerifier {
    /// A verifier that remembers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who signed `request` for `service`.
    ///
    /// # Errors
    /// Amazon's name and text for what is wrong with the signature.
    pub fn authenticate(
        &self,
        credentials: &Credentials,
        request: &SignedRequest<'_>,
        service: Service,
        region: &str,
        now: EpochMillis,
    ) -> Result<Arc<Credential>, SigV4Error> {
        let claim = Claim::parse(request)?.ok_or(SigV4Error::MissingAuthenticationToken)?;
        let expected = Expected {
            region,
            service: service.name(),
            now_epoch_seconds: now.seconds(),
            skew_seconds: SKEW_SECONDS,
        };
        claim.check_scope(&expected)?;
        // Before a key is derived and kept for the claim's day.
        claim.check_time(&expected)?;
        let credential = credentials
            .find(claim.access_key_id())
            .ok_or(SigV4Error::UnrecognizedClient)?;
        let key = self.signing_key(credential, claim.date(), region, service);
        claim.verify_with_key(request, &key, &expected)?;
        Ok(Arc::clone(credential))
    }

    fn signing_key(
        &self,
        credential: &Arc<Credential>,
        date: &str,
        region: &str,
        service: Service,
    ) -> Arc<SigningKey> {
        let service = service.name();
        let name = format!("{date}/{region}/{service}/{}", credential.access_key_id);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        // A reload may have changed the secret behind an access key.
        if let Some((owner, key)) = keys.get(&name)
            && Arc::ptr_eq(owner, credential)
        {
            return Arc::clone(key);
        }
        if keys.len() >= CACHED_KEYS {
            keys.clear();
        }
        let key = Arc::new(SigningKey::derive(
            &credential.secret,
            date,
            region,
            service,
        ));
        keys.insert(name, (Arc::clone(credential), Arc::clone(&key)));
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
    /// The facts about a request whose caller is not known.
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::new()
            .with(key::SOURCE_IP, self.source_ip.to_string())
            .with(key::SECURE_TRANSPORT, self.secure.to_string())
            .with(key::EPOCH_TIME, self.now.seconds().to_string());
        let moment = OffsetDateTime::from_unix_timestamp(self.now.seconds()).ok();
        if let Some(time) = moment.and_then(|moment| moment.format(&Rfc3339).ok()) {
            facts = facts.with(key::CURRENT_TIME, time);
        }
        if let Some(user_agent) = self.user_agent {
            facts = facts.with(key::USER_AGENT, user_agent);
        }
        facts
    }
}

/// Whether the caller's policy allows `action` on `resource`.
///
/// # Errors
/// Amazon's text of the refusal.
pub fn authorize(
    credential: &Credential,
    action: &str,
    resource: &str,
    circumstances: &Circumstances<'_>,
) -> Result<(), String> {
    let facts = circumstances
        .facts()
        .with(key::USERNAME, &credential.user_name)
        .with(key::USERID, &credential.access_key_id)
        .with(key::PRINCIPAL_ARN, &credential.user_arn)
        .with(key::PRINCIPAL_ACCOUNT, &credential.account_id)
        .with(key::PRINCIPAL_TYPE, "User");
    let request = Request {
        action,
        resource,
        facts: &facts,
    };
    match credential.policy.evaluate(&request) {
        Decision::Allow => Ok(()),
        refused => Err(access_denied_message(
            &credential.user_arn,
            &request,
            refused,
        )),
    }
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
