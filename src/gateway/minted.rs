//! The key pair that the gateway gives to the functions it hosts, so that they can push to its connections.

use aws_credential_types::Credentials;
use rand::Rng as _;
use serde_json::json;

use crate::lang::policy::Policy;
use crate::lang::sigv4::SigningSecret;
use crate::plan::Plan;
use crate::plan::credentials::Credential;

const USER: &str = "tidegate-functions";
const KEY_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A key pair of this process; it ends with it.
pub(super) struct Minted {
    access_key_id: String,
    secret_access_key: String,
    region: String,
    account_id: String,
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").finish_non_exhaustive()
    }
}

impl Minted {
    /// A fresh pair that may manage the connections of this gateway.
    pub(super) fn new(region: &str, account_id: &str) -> Self {
        Self {
            access_key_id: format!("AKIA{}", random(KEY_LETTERS, 16)),
            secret_access_key: random(SECRET_LETTERS, 40),
            region: region.to_owned(),
            account_id: account_id.to_owned(),
        }
    }

    /// The pair as functions get it.
    pub(super) fn credentials(&self) -> Credentials {
        Credentials::new(
            &self.access_key_id,
            &self.secret_access_key,
            None,
            None,
            "tidegate",
        )
    }

    /// The plan, with this pair among those who may sign.
    pub(super) fn admit(&self, mut plan: Plan) -> Plan {
        let everything = format!("arn:aws:execute-api:{}:{}:*", self.region, self.account_id);
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": everything }
            ],
        });
        // The document is ours, so it always reads.
        if let Ok(policy) = Policy::parse(&document) {
            plan.credentials.add(Credential {
                access_key_id: self.access_key_id.clone(),
                secret: SigningSecret::permanent(&self.secret_access_key),
                user_name: USER.to_owned(),
                user_arn: format!("arn:aws:iam::{}:user/{USER}", self.account_id),
                account_id: self.account_id.clone(),
                policy,
            });
        }
        plan
    }
}

fn random(letters: &[u8], length: usize) -> String {
    let mut source = rand::rng();
    (0..length)
        .filter_map(|_| letters.get(source.random_range(0..letters.len())))
        .map(|letter| char::from(*letter))
        .collect()
}
