//! Credentials: keys that are unique, and policies that can be read.

use serde_json::json;

use super::Bench;
use crate::definition::child;
use crate::lang::policy::{Policy, PolicyError};
use crate::lang::sigv4::SigningSecret;
use crate::model::definition::{self as model, Auth};
use crate::plan::credentials::{Credential, Credentials};

/// All credentials; those with problems are noted and left out.
pub(super) fn compile(bench: &mut Bench<'_>) -> Credentials {
    let definition = bench.definition;
    let mut compiled: Vec<Credential> = Vec::new();
    for (index, credential) in definition.credentials.iter().enumerate() {
        let path = bench.scribe.item("credentials", index);
        let twice = compiled
            .iter()
            .any(|other| other.access_key_id == credential.access_key_id);
        if twice {
            let path = child(&path, "accessKeyId");
            let what = "another credential has the same access key id";
            bench.scribe.problem(&path, what, "keep one of them");
        }
        compiled.extend(compile_one(bench, credential, &path));
    }
    let mut credentials = Credentials::new(compiled);
    credentials.management_open = definition.server.management_auth == Some(Auth::None);
    credentials.control_open = definition.server.admin_auth == Some(Auth::None);
    credentials
}

fn compile_one(
    bench: &mut Bench<'_>,
    credential: &model::Credential,
    path: &str,
) -> Option<Credential> {
    let server = &bench.definition.server;
    let policy = match &credential.policy {
        Some(document) => Policy::parse(document),
        None => everything(&server.region, &server.account_id),
    };
    let policy = match policy {
        Ok(policy) => policy,
        Err(errors) => {
            refuse(bench, &child(path, "policy"), &errors);
            return None;
        }
    };
    let key = credential.secret_access_key.reveal();
    let secret = match &credential.session_token {
        Some(token) => SigningSecret::temporary(key, token.reveal()),
        None => SigningSecret::permanent(key),
    };
    let user_name = credential
        .user_name
        .clone()
        .unwrap_or_else(|| credential.access_key_id.clone());
    Some(Credential {
        access_key_id: credential.access_key_id.clone(),
        secret,
        user_arn: format!("arn:aws:iam::{}:user/{user_name}", server.account_id),
        user_name,
        account_id: server.account_id.clone(),
        policy,
    })
}

/// What a credential without a policy may do: everything on this gateway.
fn everything(region: &str, account_id: &str) -> Result<Policy, Vec<PolicyError>> {
    Policy::parse(&json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["execute-api:*", "apigateway:*"],
            "Resource": [
                format!("arn:aws:execute-api:{region}:{account_id}:*"),
                format!("arn:aws:apigateway:{region}::*"),
            ],
        }],
    }))
}

fn refuse(bench: &mut Bench<'_>, path: &str, errors: &[PolicyError]) {
    for error in errors {
        let path = bench.scribe.below(path, &error.path);
        let what = if bench.scribe.hides(&path) {
            "what stands here is wrong after substitution".to_owned()
        } else {
            error.message.clone()
        };
        bench.scribe.problem(&path, what, "correct the policy");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_a_credential_without_one_reads() {
        assert!(everything("us-east-1", "000000000000").is_ok());
    }
}
