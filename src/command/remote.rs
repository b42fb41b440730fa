//! Calls of a running gateway's control plane.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::Value;
use tidegate::base::clock::{Clock as _, SystemClock};
use tidegate::client::aws::Signer;
use tidegate::client::http::HttpClient;

use super::{aws_credentials, environment};

/// Where a gateway's administration listener is unless somebody says otherwise.
const ENDPOINT: &str = "http://127.0.0.1:8081";
const PATH: &str = "/v2/tidegate/definition";
const REGION: &str = "us-east-1";
/// Longest wait for an answer: a large definition takes its time to compile.
const DEADLINE: Duration = Duration::from_secs(60);
/// Largest answer that is taken, in bytes.
const ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// Which gateway, and who asks. Calls are signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN where they
/// are set; `server.adminAuth: none` needs none.
#[derive(Debug, Args)]
pub(super) struct Remote {
    /// The administration listener; AWS_ENDPOINT_URL_APIGATEWAYV2 and AWS_ENDPOINT_URL stand in for it, then http://127.0.0.1:8081.
    #[arg(long)]
    endpoint: Option<String>,
    /// The gateway's region, which is part of signatures; AWS_REGION and AWS_DEFAULT_REGION stand in for it, then us-east-1.
    #[arg(long)]
    region: Option<String>,
}

/// Why there is no answer that is of use.
pub(super) enum Failure {
    /// The gateway refuses: one problem a line.
    Refused(String),
    /// It was not reached, or is none.
    Unusable(String),
}

impl Remote {
    /// `GET` of the definition.
    pub(super) fn get(&self, with_file: bool) -> Result<Value, Failure> {
        let query = if with_file { "?file=true" } else { "" };
        self.call(Method::GET, query, Bytes::new())
    }

    /// `PUT` of a definition.
    pub(super) fn put(
        &self,
        definition: &Value,
        prune: bool,
        trial: bool,
    ) -> Result<Value, Failure> {
        let query = format!("?prune={prune}&dryRun={trial}");
        self.call(Method::PUT, &query, definition.to_string().into())
    }

    fn call(&self, method: Method, query: &str, body: Bytes) -> Result<Value, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|problem| {
            Failure::Unusable(format!("the runtime does not start: {problem}"))
        })?;
        runtime.block_on(self.answer(method, query, body))
    }

    async fn answer(&self, method: Method, query: &str, body: Bytes) -> Result<Value, Failure> {
        let variables = environment();
        let endpoint = self.endpoint(&variables);
        let unusable = |problem: String| Failure::Unusable(format!("{endpoint}: {problem}"));
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{endpoint}{PATH}{query}"))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|problem| unusable(problem.to_string()))?;
        let clock = Arc::new(SystemClock::new());
        if let Some(credentials) = aws_credentials() {
            self.sign(&mut request, &credentials, &variables, &clock)
                .map_err(unusable)?;
        }
        let client = HttpClient::new(clock).map_err(|problem| unusable(problem.to_string()))?;
        let answer = client.send(request, DEADLINE, ANSWER_BYTES).await;
        let answer = answer.map_err(|problem| unusable(problem.to_string()))?;
        let status = answer.status();
        let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match (status.is_success(), told["message"].as_str()) {
            (true, _) if told.is_object() => Ok(told),
            (false, Some(message)) => Err(Failure::Refused(message.to_owned())),
            _ => Err(unusable(format!(
                "answered {status}, which is no answer of Tidegate's administration listener"
            ))),
        }
    }

    fn endpoint(&self, variables: &BTreeMap<String, String>) -> String {
        let said = ["AWS_ENDPOINT_URL_APIGATEWAYV2", "AWS_ENDPOINT_URL"];
        let said = said.iter().filter_map(|name| variables.get(*name));
        let mut said = said.filter(|value| !value.is_empty());
        let endpoint = self.endpoint.as_ref().or_else(|| said.next());
        let endpoint = endpoint.map_or(ENDPOINT, String::as_str);
        endpoint.trim_end_matches('/').to_owned()
    }

    fn sign(
        &self,
        request: &mut http::Request<Bytes>,
        credentials: &Credentials,
        variables: &BTreeMap<String, String>,
        clock: &SystemClock,
    ) -> Result<(), String> {
        let said = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let mut said = said.iter().filter_map(|name| variables.get(*name));
        let region = self.region.as_ref().or_else(|| said.next());
        let signer = Signer {
            credentials,
            region: region.map_or(REGION, String::as_str),
            service: "apigateway",
        };
        let signed = signer.sign(request, clock.wall());
        signed.map_err(|problem| problem.to_string())
    }
}
