//! Lambda functions: hosted here, or behind an Invoke API.

use std::time::Duration;

use bytes::Bytes;

use crate::base::quotas;
use crate::exchange::{Event, Exchange, IntegrationFacts};
use crate::function::{FunctionAnswer, FunctionError, Invocation};
use crate::integration::answer::{Answer, MalformedAnswer, Reading, http_api, read_proxy};
use crate::integration::{BackendError, Backends, Call, event};
use crate::plan::integration::{FunctionTarget, Integration, PayloadFormat};

/// A function, and the event for it.
#[derive(Debug)]
pub struct FunctionCall {
    /// The function.
    pub target: FunctionTarget,
    /// The event as JSON text.
    pub payload: Bytes,
    /// The gateway's request id, which a hosted function sees as its own.
    pub request_id: String,
    /// `X-Amzn-Trace-Id`.
    pub trace_id: Option<String>,
}

/// Invokes a function, wherever it is, and notes in `facts` how that went.
///
/// # Errors
/// How the function failed.
pub async fn invoke_function(
    backends: &Backends,
    facts: &mut IntegrationFacts,
    call: FunctionCall,
    limit: Duration,
) -> Result<FunctionAnswer, FunctionError> {
    let started = backends.clock.nanos();
    let invocation = Invocation {
        request_id: call.request_id,
        payload: call.payload,
        deadline: limit,
        trace_id: call.trace_id,
    };
    // Boxed: an exchange that calls no function should not carry what it takes to call one.
    let result = match &call.target {
        FunctionTarget::Hosted(name) => {
            let invoking = backends.functions.invoke(name, invocation);
            Box::pin(invoking).await
        }
        FunctionTarget::Remote(function) => {
            let signer = backends.aws_credentials.as_ref();
            let invoking = backends.lambda.invoke(function, signer, invocation);
            Box::pin(invoking).await
        }
    };
    facts.latency = Some(backends.since(started));
    match &result {
        Ok(answer) => {
            facts.call_status = Some(answer.status);
            facts.request_id.clone_from(&answer.request_id);
        }
        Err(error) => {
            facts.call_status = error.status();
            facts.error = Some(error.to_string());
        }
    }
    result
}

/// Builds the event in the integration's format.
pub(super) fn prepare(
    exchange: &Exchange,
    integration: &Integration,
    target: &FunctionTarget,
) -> Result<Call, BackendError> {
    if exchange.payload().len() > quotas::LAMBDA_PAYLOAD_BYTES {
        // No event could carry it: none is made.
        return Err(FunctionError::RequestTooLarge.into());
    }
    let call = FunctionCall {
        target: target.clone(),
        payload: match integration.format {
            PayloadFormat::WebSocket => event::websocket::proxy(exchange, integration.content),
            PayloadFormat::V1 => event::http_v1::proxy(exchange),
            PayloadFormat::V2 => event::http_v2::proxy(exchange),
        },
        request_id: exchange.context.request_id.to_string(),
        trace_id: Some(exchange.context.trace.amzn().into_owned()),
    };
    Ok(Call::Function(call, integration.format))
}

/// Invokes the function of an integration and reads its output.
pub(super) async fn call(
    backends: &Backends,
    exchange: &mut Exchange,
    call: FunctionCall,
    format: PayloadFormat,
    limit: Duration,
) -> Result<Answer, BackendError> {
    let facts = &mut exchange.context.integration;
    let answer = invoke_function(backends, facts, call, limit).await?;
    let answer = read(answer.payload, format, &exchange.event).inspect_err(|error| {
        exchange.context.integration.error = Some(error.to_string());
    })?;
    exchange.context.integration.status = Some(answer.status.as_u16());
    Ok(answer)
}

fn read(output: Bytes, format: PayloadFormat, event: &Event) -> Result<Answer, MalformedAnswer> {
    match (format, event) {
        (PayloadFormat::WebSocket, Event::Connect) => read_proxy(&output, Reading::Handshake),
        (PayloadFormat::WebSocket, _) => read_proxy(&output, Reading::Message),
        (PayloadFormat::V1, _) => http_api::read_v1(output),
        (PayloadFormat::V2, _) => http_api::read_v2(output),
    }
}
