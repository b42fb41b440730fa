//! `AWS_PROXY` with a subtype: one signed call of an AWS service, whose answer is the client's.
//!
//! The answer passes through whole, status, document and headers, refusals of the service included; so a client can tell
//! what is wrong with what it sent. Amazon's gateway has been seen to say 500 in place of a service's refusal: where that is
//! wanted, `responseParameters` map the statuses. Documents are JSON throughout.
//!
//! Source: developer guide, "Create AWS service integrations for HTTP APIs".

mod request;

use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;

use crate::base::body::Payload;
use crate::base::quotas;
use crate::client::aws::Signer;
use crate::exchange::{Exchange, ExchangeScope};
use crate::integration::answer::Answer;
use crate::integration::{BackendError, Backends};
use crate::plan::service::ServiceTarget;

pub(super) use request::ServiceCall;

/// What AWS SDKs call their JSON, in front of a version.
const AWS_JSON: &str = "application/x-amz-json-";
/// Longest name of an exception that is kept, in characters.
const EXCEPTION_CHARACTERS: usize = 128;

/// Builds the call.
///
/// # Errors
/// When a parameter has no value, or none that can be sent.
pub(super) fn prepare(
    exchange: &Exchange,
    target: &ServiceTarget,
) -> Result<ServiceCall, BackendError> {
    let scope = ExchangeScope::new(exchange);
    let mut call = ServiceCall::new(target, &scope, exchange.payload())?;
    // A trace id comes from a client: one that is not a header value is left out.
    let trace_id = exchange.context.trace.amzn();
    if let Ok(trace_id) = HeaderValue::from_str(&trace_id) {
        call.request
            .headers_mut()
            .insert("x-amzn-trace-id", trace_id);
    }
    Ok(call)
}

/// Signs the call, makes it once, and reads the whole answer.
pub(super) async fn call(
    backends: &Backends,
    exchange: &mut Exchange,
    mut call: ServiceCall,
    limit: Duration,
) -> Result<Answer, BackendError> {
    sign(backends, &mut call)?;
    let started = backends.clock.nanos();
    let result = backends
        .http
        .send(call.request, limit, quotas::INTEGRATION_BODY_BYTES)
        .await;
    let facts = &mut exchange.context.integration;
    facts.latency = Some(backends.since(started));
    let (parts, body) = result?.into_parts();
    if parts.status.is_informational() {
        let problem = format!("it answered with {}", parts.status);
        return Err(BackendError::Unreachable(problem));
    }
    facts.status = Some(parts.status.as_u16());
    facts.call_status = Some(parts.status.as_u16());
    super::http::note_ids(facts, &parts.headers);
    if !parts.status.is_success() {
        facts.error = exception(&parts.headers, &body);
    }
    Ok(Answer {
        status: parts.status,
        headers: for_clients(parts.headers),
        body: Payload::from(body),
        binary: false,
    })
}

/// Signs with the gateway's own credentials. Without any, only what stands in for AWS is called, which may not care.
fn sign(backends: &Backends, call: &mut ServiceCall) -> Result<(), BackendError> {
    let Some(credentials) = &backends.aws_credentials else {
        return match call.stands_in {
            true => Ok(()),
            false => Err(BackendError::Unsigned(
                "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    .to_owned(),
            )),
        };
    };
    let signer = Signer {
        credentials,
        region: &call.region,
        service: call.signing_name,
    };
    let signed = signer.sign(&mut call.request, backends.clock.wall());
    signed.map_err(|error| BackendError::Unsigned(error.to_string()))
}

/// The headers of the answer. A client of an HTTP API speaks no AWS protocol, and its libraries may look for JSON by name.
fn for_clients(mut headers: HeaderMap) -> HeaderMap {
    let is_json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(AWS_JSON.as_bytes()));
    if is_json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers
}

/// The name of the service's exception. Its message may repeat what a client sent, and stays out of logs.
fn exception(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(rename = "__type")]
        exception: String,
    }
    let header = headers.get("x-amzn-errortype");
    let name = match header.and_then(|name| name.to_str().ok()) {
        Some(name) => name.to_owned(),
        None => serde_json::from_slice::<Document>(body).ok()?.exception,
    };
    // The address of a description may stand before or behind it.
    let name = name.rsplit('#').next()?.split(':').next()?;
    let letter = |character: &char| character.is_ascii_alphanumeric() || "._-".contains(*character);
    Some(
        name.chars()
            .filter(letter)
            .take(EXCEPTION_CHARACTERS)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_told_by_name() {
        let check = |header: Option<&'static str>, body: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("x-amzn-errortype", HeaderValue::from_static(header));
            }
            assert_eq!(
                exception(&headers, body.as_bytes()).as_deref(),
                expected,
                "{body}"
            );
        };
        check(Some("NotFound:http://x/"), "{}", Some("NotFound"));
        check(
            None,
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"x"}"#,
            Some("QueueDoesNotExist"),
        );
        check(None, r#"{"__type":"Bad\nName"}"#, Some("BadName"));
        check(None, r#"{"message":"x"}"#, None);
        check(None, "<Error/>", None);
    }

    #[test]
    fn aws_json_is_json_to_clients() {
        let check = |kind: &'static str, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(for_clients(headers)[CONTENT_TYPE], expected);
        };
        check("application/x-amz-json-1.0", "application/json");
        check("application/x-amz-json-1.1", "application/json");
        check("text/plain", "text/plain");
        assert!(for_clients(HeaderMap::new()).is_empty());
    }
}
