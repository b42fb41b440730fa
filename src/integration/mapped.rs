//! `responseParameters` of HTTP APIs: what becomes of an answer with a certain status.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Duration;

use ::http::HeaderMap;
use serde_json::Value;

use crate::base::body::{BodyError, Payload, collect};
use crate::base::clock::within;
use crate::base::quotas;
use crate::exchange::{Exchange, ExchangeScope};
use crate::integration::answer::Answer;
use crate::integration::{BackendError, Backends};
use crate::lang::http_mapping::{ResponseEdits, ResponseMapping, body_as_json};
use crate::lang::scope::Scope;
use crate::plan::integration::Integration;

/// Changes the answer as the mappings of its status say. Where one of them reads the body, that is read first, within the
/// integration's time.
///
/// # Errors
/// When such a body is too large, too late, or breaks off.
pub async fn map_response(
    backends: &Backends,
    exchange: &Exchange,
    integration: &Integration,
    mut answer: Answer,
) -> Result<Answer, BackendError> {
    let Some(mappings) = integration.responses.get(&answer.status.as_u16()) else {
        return Ok(answer);
    };
    if mappings.iter().any(ResponseMapping::reads_response_body) {
        answer.body = whole(backends, answer.body, integration.timeout).await?;
    }
    let scope = AnswerScope {
        exchange: ExchangeScope::new(exchange),
        headers: &answer.headers,
        body: &answer.body,
        json: OnceCell::new(),
    };
    let edits = ResponseEdits::resolve(mappings, &scope);
    edits.apply_to_headers(&mut answer.headers);
    if let Some(status) = edits.status() {
        answer.status = status;
    }
    Ok(answer)
}

async fn whole(
    backends: &Backends,
    body: Payload,
    limit: Duration,
) -> Result<Payload, BackendError> {
    let reading = collect(body, quotas::INTEGRATION_BODY_BYTES);
    match within(backends.clock.as_ref(), limit, reading).await {
        Some(Ok(collected)) => Ok(Payload::from(collected.bytes)),
        Some(Err(BodyError::TooLarge { .. })) => Err(BackendError::TooLarge),
        Some(Err(BodyError::Broken(reason))) => Err(BackendError::Unreachable(reason)),
        None => Err(BackendError::TimedOut),
    }
}

/// An exchange with the answer to it, by name.
struct AnswerScope<'a> {
    exchange: ExchangeScope<'a>,
    headers: &'a HeaderMap,
    body: &'a Payload,
    json: OnceCell<Option<Value>>,
}

impl Scope for AnswerScope<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(name) = name.strip_prefix("response.header.") {
            let values = self.headers.get_all(name).iter();
            let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
            return (!values.is_empty()).then(|| values.join(",").into());
        }
        if name == "response.body" {
            return std::str::from_utf8(self.body.whole()?)
                .ok()
                .map(Cow::Borrowed);
        }
        self.exchange.value(name)
    }

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name.starts_with("response.") {
            true => self.value(name).into_iter().collect(),
            false => self.exchange.values(name),
        }
    }

    fn body(&self) -> Option<&Value> {
        self.exchange.body()
    }

    fn response_body(&self) -> Option<&Value> {
        let read = || body_as_json(self.body.whole()?);
        self.json.get_or_init(read).as_ref()
    }
}
