//! From definitions to a [`Plan`], or to every problem that stands in the way.
//!
//! Names become what they name, texts become parsed expressions, limits are checked. A stage is compiled with its own
//! stage variables, so that what cannot work on one stage shows before it runs. No file is read and no address called.

mod api;
mod authorizer;
mod function;
mod integration;
mod mock;
mod route;
mod stage;

use crate::definition::{Diagnostic, Loaded, Places, Report};
use crate::lang::policy::Policy;
use crate::lang::sigv4::SigningSecret;
use crate::model::definition::{Credential as CredentialModel, Definition, ManagementAuth, Server};
use crate::plan::credentials::{Credential, Credentials};
use crate::plan::route::RateLimit;
use crate::plan::{AccountLimits, Plan};

/// What every part of the compile step looks at, and where it puts problems.
struct Compiler<'a> {
    definition: &'a Definition,
    places: &'a Places,
    /// Functions that the embedding program brings.
    in_process: &'a [String],
    report: Report,
}

/// Compiles a definition; `in_process` names functions besides those it defines.
///
/// # Errors
/// Every problem there is, in the order of the text.
pub fn compile(loaded: &Loaded, in_process: &[String]) -> Result<Plan, Vec<Diagnostic>> {
    let mut compiler = Compiler {
        definition: &loaded.definition,
        places: &loaded.places,
        in_process,
        report: Report::default(),
    };
    let credentials = compiler.credentials();
    let mut stages = Vec::new();
    for (id, api) in &loaded.definition.apis {
        stages.extend(compiler.api(id, api));
    }
    if compiler.report.is_empty() {
        let account = account(&loaded.definition.server);
        Ok(Plan::new(stages, credentials, account))
    } else {
        Err(compiler.report.finish())
    }
}

impl Compiler<'_> {
    fn problem(&mut self, path: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.report.add(self.places.of(path), path, what, remedy);
    }

    /// A problem that a parser found at a character of the setting's text.
    fn syntax(&mut self, path: &str, error: &crate::lang::syntax::SyntaxError) {
        let what = format!("character {}: {}", error.position, error.problem);
        self.problem(path, what, error.remedy.clone());
    }

    fn credentials(&mut self) -> Credentials {
        let definition = self.definition;
        let account_id = &definition.server.account_id;
        let mut all: Vec<Credential> = Vec::new();
        for (index, credential) in definition.credentials.iter().enumerate() {
            let path = crate::definition::item("credentials", index);
            let known = |other: &Credential| other.access_key_id == credential.access_key_id;
            if all.iter().any(known) {
                let path = crate::definition::child(&path, "accessKeyId");
                self.problem(
                    &path,
                    "this access key is defined twice",
                    "remove one of them",
                );
            }
            let policy = self.policy(&path, credential);
            let user_name = credential
                .user_name
                .clone()
                .unwrap_or_else(|| credential.access_key_id.clone());
            let key = credential.secret_access_key.reveal();
            all.push(Credential {
                access_key_id: credential.access_key_id.clone(),
                secret: match &credential.session_token {
                    Some(token) => SigningSecret::temporary(key, token.reveal()),
                    None => SigningSecret::permanent(key),
                },
                user_arn: format!("arn:aws:iam::{account_id}:user/{user_name}"),
                user_name,
                account_id: account_id.clone(),
                policy,
            });
        }
        let open = definition.server.management_auth == Some(ManagementAuth::None);
        Credentials::new(all, open)
    }

    /// The user's policy; without one the user may do everything that concerns this gateway.
    fn policy(&mut self, path: &str, credential: &CredentialModel) -> Policy {
        let everything = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": ["execute-api:*", "apigateway:*"], "Resource": "*" }],
        });
        let document = credential.policy.as_ref().unwrap_or(&everything);
        Policy::parse(document).unwrap_or_else(|problems| {
            for problem in problems {
                let path = format!("{path}.policy{}", dotted(&problem.path));
                let (what, remedy) = split(&problem.message);
                self.problem(&path, what, remedy);
            }
            Policy::default()
        })
    }
}

/// A JSON pointer as the definition's paths are written: `/Statement/0/Effect` as `.Statement[0].Effect`.
fn dotted(pointer: &str) -> String {
    let segments = pointer.split('/').skip(1);
    let written = segments.map(|segment| match segment.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{segment}"),
    });
    written.collect()
}

/// What is wrong and what would be right, where a message holds both.
fn split(message: &str) -> (String, String) {
    match message.split_once("; ") {
        Some((what, remedy)) => (what.to_owned(), remedy.to_owned()),
        None => (
            message.to_owned(),
            "see the IAM JSON policy reference".to_owned(),
        ),
    }
}

fn account(server: &Server) -> AccountLimits {
    let limits = &server.limits;
    let requests = limits.request_rate.bound().map(|rate| RateLimit {
        rate,
        burst: limits.request_burst.bound().unwrap_or(u32::MAX),
    });
    let connects = limits.connect_rate.bound().map(|rate| RateLimit {
        rate,
        // A second's worth may come at once. Float to integer conversion saturates.
        burst: (rate.ceil() as u32).max(1),
    });
    AccountLimits { requests, connects }
}
