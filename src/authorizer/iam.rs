//! `AWS_IAM`: signatures checked against the definition's credentials, then their policies.
//!
//! Source: developer guide, "Control access to a WebSocket API with IAM authorization"; the wire form is Signature
//! Version 4. The same check guards `$connect`, `@connections` and the control plane.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
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
/// Signing keys that are kept of one credential; each serves one day, region and service.
const KEPT_KEYS: usize = 8;
/// Credentials whose signing keys are kept.
const KEPT_CREDENTIALS: usize = 1024;

/// The latest signing keys of one credential, which a reload may replace by another of the same access key.
#[derive(Clone)]
struct Keyring {
    owner: Arc<Credential>,
    keys: Vec<Arc<SigningKey>>,
}

impl Keyring {
    /// The keyring with one more key, in place of the oldest if need be.
    fn with(&self, key: &Arc<SigningKey>) -> Self {
        let kept = self.keys.iter().take(KEPT_KEYS - 1);
        Self {
            owner: Arc::clone(&self.owner),
            keys: [key].into_iter().chain(kept).map(Arc::clone).collect(),
        }
    }
}

/// Keyrings by access key id.
type Keyrings = HashMap<Arc<str>, Arc<Keyring>>;

/// Checks signatures and remembers the day's signing keys.
///
/// Keys are looked up for every request and derived a few times a day: readers wait for nobody, and a new key copies the table.
#[derive(Default)]
pub struct SignatureVerifier {
    keyrings: ArcSwap<Keyrings>,
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
        let kept = self.keyrings.load();
        match kept_key(&kept, credential, claim.date(), &expected) {
            Some(key) => claim.verify_with_key(request, key, &expected)?,
            None => {
                let key = self.derive(credential, claim.date(), &expected);
                claim.verify_with_key(request, &key, &expected)?;
            }
        }
        Ok(Arc::clone(credential))
    }

    /// Derives a signing key and keeps it.
    fn derive(
        &self,
        credential: &Arc<Credential>,
        date: &str,
        expected: &Expected<'_>,
    ) -> Arc<SigningKey> {
        let (region, service) = (expected.region, expected.service);
        let key = SigningKey::derive(&credential.secret, date, region, service);
        let key = Arc::new(key);
        self.keyrings.rcu(|kept| keep(kept, credential, &key));
        key
    }
}

fn kept_key<'a>(
    kept: &'a Keyrings,
    credential: &Arc<Credential>,
    date: &str,
    expected: &Expected<'_>,
) -> Option<&'a SigningKey> {
    let keyring = kept.get(credential.access_key_id.as_str())?;
    // A reload may have changed the secret behind an access key.
    if !Arc::ptr_eq(&keyring.owner, credential) {
        return None;
    }
    let mut keys = keyring.keys.iter().map(AsRef::as_ref);
    keys.find(|key: &&SigningKey| key.serves(date, expected.region, expected.service))
}

/// The keyrings with one more key.
fn keep(kept: &Keyrings, credential: &Arc<Credential>, key: &Arc<SigningKey>) -> Keyrings {
    let name = credential.access_key_id.as_str();
    let keyring = match kept.get(name) {
        Some(keyring) if Arc::ptr_eq(&keyring.owner, credential) => keyring.with(key),
        Some(_) | None => Keyring {
            owner: Arc::clone(credential),
            keys: vec![Arc::clone(key)],
        },
    };
    let mut kept = match kept.len() < KEPT_CREDENTIALS || kept.contains_key(name) {
        true => kept.clone(),
        false => Keyrings::new(),
    };
    kept.insert(name.into(), Arc::new(keyring));
    kept
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
        self.facts_among(|_| true)
    }

    /// Those facts whose condition keys are wanted.
    fn facts_among(&self, wanted: impl Fn(&str) -> bool) -> Facts {
        let now = self.now.seconds();
        let time = || {
            let moment = OffsetDateTime::from_unix_timestamp(now).ok()?;
            moment.format(&Rfc3339).ok()
        };
        let known: [(&str, &dyn Fn() -> Option<String>); 5] = [
            (key::SOURCE_IP, &|| Some(self.source_ip.to_string())),
            (key::SECURE_TRANSPORT, &|| Some(self.secure.to_string())),
            (key::EPOCH_TIME, &|| Some(now.to_string())),
            (key::CURRENT_TIME, &time),
            (key::USER_AGENT, &|| self.user_agent.map(str::to_owned)),
        ];
        let mut facts = Facts::new();
        for (key, value) in known.into_iter().filter(|(key, _)| wanted(key)) {
            if let Some(value) = value() {
                facts = facts.with(key, value);
            }
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
    match decide(credential, action, resource, circumstances) {
        (Decision::Allow, _) => Ok(()),
        (_, refusal) => Err(refusal),
    }
}

/// Whether the caller's policy does not deny `action` on `resource`, be it that it does not speak of it: for what is part of a call that
/// is allowed as a whole.
///
/// # Errors
/// Amazon's text of the refusal.
pub fn check_not_denied(
    credential: &Credential,
    action: &str,
    resource: &str,
    circumstances: &Circumstances<'_>,
) -> Result<(), String> {
    match decide(credential, action, resource, circumstances) {
        (Decision::ExplicitDeny, refusal) => Err(refusal),
        (Decision::Allow | Decision::ImplicitDeny, _) => Ok(()),
    }
}

/// What the caller's policy says, and Amazon's text of it for a refusal.
fn decide(
    credential: &Credential,
    action: &str,
    resource: &str,
    circumstances: &Circumstances<'_>,
) -> (Decision, String) {
    let wanted = |key: &str| credential.policy.asks(key);
    let caller = [
        (key::USERNAME, credential.user_name.as_str()),
        (key::USERID, &credential.access_key_id),
        (key::PRINCIPAL_ARN, &credential.user_arn),
        (key::PRINCIPAL_ACCOUNT, &credential.account_id),
        (key::PRINCIPAL_TYPE, "User"),
    ];
    let mut facts = circumstances.facts_among(wanted);
    for (key, value) in caller.into_iter().filter(|(key, _)| wanted(key)) {
        facts = facts.with(key, value);
    }
    let request = Request {
        action,
        resource,
        facts: &facts,
    };
    let decision = credential.policy.evaluate(&request);
    let refusal = match decision {
        Decision::Allow => String::new(),
        refused => access_denied_message(&credential.user_arn, &request, refused),
    };
    (decision, refusal)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::policy::Policy;
    use crate::lang::sigv4::SigningSecret;

    fn credential(access_key_id: &str) -> Arc<Credential> {
        Arc::new(Credential {
            access_key_id: access_key_id.to_owned(),
            secret: SigningSecret::permanent("secret"),
            user_name: "ann".to_owned(),
            user_arn: "arn:aws:iam::111122223333:user/ann".to_owned(),
            account_id: "111122223333".to_owned(),
            policy: Policy::default(),
        })
    }

    fn expected(region: &str) -> Expected<'_> {
        Expected {
            region,
            service: Service::ExecuteApi.name(),
            now_epoch_seconds: 0,
            skew_seconds: SKEW_SECONDS,
        }
    }

    fn is_kept(verifier: &SignatureVerifier, owner: &Arc<Credential>, region: &str) -> bool {
        let kept = verifier.keyrings.load();
        kept_key(&kept, owner, "20150830", &expected(region)).is_some()
    }

    #[test]
    fn a_kept_key_belongs_to_one_credential_and_scope() {
        let verifier = SignatureVerifier::new();
        let owner = credential("AKIA");
        verifier.derive(&owner, "20150830", &expected("eu-central-1"));
        assert!(is_kept(&verifier, &owner, "eu-central-1"));
        assert!(!is_kept(&verifier, &owner, "eu-west-1"));
        let reloaded = credential("AKIA");
        assert!(!is_kept(&verifier, &reloaded, "eu-central-1"));
        verifier.derive(&reloaded, "20150830", &expected("eu-central-1"));
        assert!(is_kept(&verifier, &reloaded, "eu-central-1"));
        assert!(!is_kept(&verifier, &owner, "eu-central-1"));
    }

    #[test]
    fn kept_keys_are_bounded() {
        let verifier = SignatureVerifier::new();
        let owner = credential("AKIA");
        for region in 0..=KEPT_KEYS {
            verifier.derive(&owner, "20150830", &expected(&region.to_string()));
        }
        assert!(!is_kept(&verifier, &owner, "0"));
        for region in 1..=KEPT_KEYS {
            assert!(is_kept(&verifier, &owner, &region.to_string()), "{region}");
        }
        let key = verifier.derive(&owner, "20150830", &expected("0"));
        let mut kept = Keyrings::new();
        for index in 0..=KEPT_CREDENTIALS {
            kept = keep(&kept, &credential(&index.to_string()), &key);
            assert!(kept.len() <= KEPT_CREDENTIALS);
        }
        assert!(kept.contains_key(KEPT_CREDENTIALS.to_string().as_str()));
    }

    #[test]
    fn facts_are_gathered_as_far_as_they_are_asked_for() {
        let mut owner = credential("AKIA");
        let circumstances = Circumstances {
            source_ip: IpAddr::from([203, 0, 113, 9]),
            user_agent: Some("curl"),
            now: EpochMillis(1_440_938_160_000),
            secure: true,
        };
        let mut check = |condition: Value, resource: &str, expected: bool| {
            let document = serde_json::json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow", "Action": "*", "Resource": resource, "Condition": condition,
                }],
            });
            let policy = Policy::parse(&document).unwrap();
            Arc::get_mut(&mut owner).unwrap().policy = policy;
            let allowed = authorize(&owner, "execute-api:Invoke", "arn:ann", &circumstances);
            assert_eq!(allowed.is_ok(), expected, "{document}");
        };
        check(serde_json::json!({}), "*", true);
        check(serde_json::json!({}), "arn:${AWS:UserName}", true);
        check(serde_json::json!({}), "arn:${aws:userid}", false);
        for (operator, key, value) in [
            ("IpAddress", "AWS:sourceip", "203.0.113.0/24"),
            ("Bool", "aws:SecureTransport", "true"),
            ("NumericEquals", "aws:EpochTime", "1440938160"),
            ("DateEquals", "aws:CurrentTime", "2015-08-30T12:36:00Z"),
            ("StringEquals", "aws:UserAgent", "curl"),
            ("StringEquals", "aws:username", "${aws:username}"),
            ("StringEquals", "aws:userid", "AKIA"),
            ("StringLike", "aws:PrincipalArn", "*:user/${aws:username}"),
            ("StringEquals", "aws:PrincipalAccount", "111122223333"),
            ("StringEquals", "aws:PrincipalType", "User"),
        ] {
            check(serde_json::json!({ operator: { key: value } }), "*", true);
            let absent = serde_json::json!({ "Null": { key: "true" } });
            check(absent, "*", false);
        }
    }
}
