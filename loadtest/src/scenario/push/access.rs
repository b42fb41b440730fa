//! How connections are addressed and requests signed.

use clap::Args;
use serde::Serialize;
use url::{Position, Url};

use crate::client::{ConnectionIdSource, Signer};
use crate::options::Misuse;

/// Where payloads are posted, how connections learn their ids, and whose signature requests carry.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Access {
    /// Base of the management URL, before /@connections [default: the URL with http for ws]
    #[arg(long, value_name = "URL")]
    #[serde(skip)]
    pub management: Option<Url>,

    /// Text message to which the gateway answers with the connection's id, or with an error frame that has it
    #[arg(long, value_name = "TEXT", default_value = "whoami")]
    pub id_message: String,

    /// JSON Pointer to the id in that answer [default: the first member named connectionId]
    #[arg(long, value_name = "POINTER", value_parser = pointer)]
    pub id_pointer: Option<String>,

    /// Choose the ids instead of asking for them: each connection's replaces {id} in the URL
    #[arg(long, conflicts_with = "id_pointer")]
    pub choose_ids: bool,

    /// What follows the management URL; {id} becomes the connection's id
    #[arg(long, value_name = "PATH", default_value = "/@connections/{id}")]
    pub post_path: String,

    /// Whose signature the requests carry; without it they are not signed
    #[arg(long, env = "AWS_ACCESS_KEY_ID", requires = "secret_access_key")]
    #[serde(skip)]
    pub access_key_id: Option<String>,

    /// The secret of that key
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true,
        requires = "access_key_id"
    )]
    #[serde(skip)]
    pub secret_access_key: Option<String>,

    /// The token of temporary credentials
    #[arg(
        long,
        env = "AWS_SESSION_TOKEN",
        hide_env_values = true,
        requires = "access_key_id"
    )]
    #[serde(skip)]
    pub session_token: Option<String>,

    /// Region of the signature
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub region: String,
}

impl Access {
    /// The management URL without a slash at its end; `url` is where clients connect.
    pub(super) fn management(&self, url: &Url) -> Result<String, Misuse> {
        let url = self.management.as_ref().unwrap_or(url);
        let scheme = match url.scheme() {
            "ws" | "http" => "http",
            "wss" | "https" => "https",
            other => {
                return Err(Misuse(format!(
                    "{url}: scheme {other} is not http or https"
                )));
            }
        };
        let middle = &url[Position::BeforeHost..Position::AfterPath];
        Ok(format!("{scheme}://{}", middle.trim_end_matches('/')))
    }

    pub(super) fn id_source(&self) -> ConnectionIdSource {
        ConnectionIdSource {
            message: self.id_message.clone(),
            pointer: self.id_pointer.clone(),
        }
    }

    pub(super) fn signer(&self) -> Option<Signer> {
        let secret = self.secret_access_key.as_deref();
        let (id, secret) = self.access_key_id.as_deref().zip(secret)?;
        let token = self.session_token.as_deref();
        Some(Signer::new(id, secret, token, &self.region))
    }
}

fn pointer(text: &str) -> Result<String, String> {
    // RFC 6901: a pointer is empty or begins with a slash.
    if text.is_empty() || text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a JSON Pointer begins with /".to_owned())
    }
}
