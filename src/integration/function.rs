//! Lambda functions: hosted here, or behind an Invoke API.

use std::time::Duration;

use bytes::Bytes;

use crate::exchange::{Exchange, IntegrationFacts};
use crate::function::{FunctionAnswer, FunctionError, Invocation};
use crate::integration::answer::{Answer, read_proxy};
use crate::integration::{BackendError, Backends, reading};
use crate::plan::integration::FunctionTarget;

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
    let result = match &call.target {
        FunctionTarget::Hosted(name) => backends.functions.invoke(name, invocation).await,
        FunctionTarget::Remote(function) => {
            let signer = backends.lambda_credentials.as_ref();
            backends.lambda.invoke(function, signer, invocation).await
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

/// Invokes the function of an integration and reads its output.
pub(super) async fn call(
    backends: &Backends,
    exchange: &mut Exchange,
    call: FunctionCall,
    limit: Duration,
) -> Result<Answer, BackendError> {
    let facts = &mut exchange.context.integration;
    let answer = invoke_function(backends, facts, call, limit).await?;
    let answer = read_proxy(&answer.payload, reading(exchange)).inspect_err(|error| {
        exchange.context.integration.error = Some(error.to_string());
    })?;
    exchange.context.integration.status = Some(answer.status.as_u16());
    Ok(answer)
}
