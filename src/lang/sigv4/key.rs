//! Secrets and the keys derived from them. Nothing here prints what it holds.

use std::fmt;

use aws_lc_rs::hmac;

use super::TERMINATOR;
use super::credential::Credential;

/// The secret half of a pair of credentials, with the session token that temporary credentials have.
pub struct SigningSecret {
    secret_access_key: String,
    session_token: Option<String>,
}

impl SigningSecret {
    /// The secret of permanent credentials (`AKIA…`).
    pub fn permanent(secret_access_key: impl Into<String>) -> Self {
        Self {
            secret_access_key: secret_access_key.into(),
            session_token: None,
        }
    }

    /// The secret of temporary credentials (`ASIA…`), which are good only together with their session token.
    pub fn temporary(
        secret_access_key: impl Into<String>,
        session_token: impl Into<String>,
    ) -> Self {
        Self {
            secret_access_key: secret_access_key.into(),
            session_token: Some(session_token.into()),
        }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

/// A secret's key for one day, region and service, with the secret's session token. Good for as many requests as the
/// day has; four HMACs are saved for each.
#[derive(Clone)]
pub struct SigningKey {
    key: hmac::Key,
    date: String,
    region: String,
    service: String,
    session_token: Option<String>,
}

impl SigningKey {
    /// Derives the key; `date` is `YYYYMMDD`.
    ///
    /// Source: IAM User Guide, "Create a signed AWS API request", "Derive a signing key".
    pub fn derive(secret: &SigningSecret, date: &str, region: &str, service: &str) -> Self {
        let start = format!("AWS4{}", secret.secret_access_key);
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, start.as_bytes());
        for element in [date, region, service, TERMINATOR] {
            let tag = hmac::sign(&key, element.as_bytes());
            key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
        }
        Self {
            key,
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            session_token: secret.session_token.clone(),
        }
    }

    /// The day the key is for, as `YYYYMMDD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Whether the key was derived for this credential's scope.
    pub(super) fn is_for(&self, credential: &Credential) -> bool {
        self.serves(credential.date(), credential.region(), credential.service())
    }

    /// Whether the key was derived for this day, region and service.
    pub fn serves(&self, date: &str, region: &str, service: &str) -> bool {
        self.date == date && self.region == region && self.service == service
    }

    /// The signature over `text`, as tests that sign by hand write it.
    #[cfg(test)]
    pub(super) fn sign(&self, text: &[u8]) -> String {
        const_hex::encode(hmac::sign(&self.key, text))
    }

    /// Whether `signature` is this key's over `text`, in constant time.
    pub(super) fn signed(&self, text: &[u8], signature: &[u8; 32]) -> bool {
        hmac::verify(&self.key, text, signature).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("date", &self.date)
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
