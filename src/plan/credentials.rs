//! Who may sign requests, and what they may do.

use std::collections::HashMap;
use std::sync::Arc;

use crate::lang::policy::Policy;
use crate::lang::sigv4::SigningSecret;

/// All credentials by their access key id.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    by_access_key: HashMap<String, Arc<Credential>>,
    /// Whether `@connections` may be called without a signature (`managementAuth: none`).
    pub management_open: bool,
    /// Whether the control plane may be called without a signature (`adminAuth: none`).
    pub control_open: bool,
}

/// One pair of keys.
#[derive(Debug)]
pub struct Credential {
    /// `accessKeyId`.
    pub access_key_id: String,
    /// `secretAccessKey`, with the `sessionToken` that must then come with every request.
    pub secret: SigningSecret,
    /// `userName`.
    pub user_name: String,
    /// `arn:aws:iam::{account}:user/{userName}`.
    pub user_arn: String,
    /// Account of the user: twelve digits.
    pub account_id: String,
    /// What the user may do.
    pub policy: Policy,
}

impl Credentials {
    /// A set of credentials; a later one of the same access key replaces an earlier one. Everything must be signed.
    pub fn new(all: impl IntoIterator<Item = Credential>) -> Self {
        Self {
            by_access_key: all
                .into_iter()
                .map(|credential| (credential.access_key_id.clone(), Arc::new(credential)))
                .collect(),
            management_open: false,
            control_open: false,
        }
    }

    /// Adds a credential, in place of one with the same access key.
    pub fn add(&mut self, credential: Credential) {
        let name = credential.access_key_id.clone();
        self.by_access_key.insert(name, Arc::new(credential));
    }

    /// The credential with that access key id.
    pub fn find(&self, access_key_id: &str) -> Option<&Arc<Credential>> {
        self.by_access_key.get(access_key_id)
    }
}
