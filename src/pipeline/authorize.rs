//! Who is it, and may it? Decided at `$connect` for the whole life of the connection.

use std::sync::Arc;

use crate::authorizer::iam::{self, Circumstances};
use crate::authorizer::{Identified, lambda};
use crate::base::quotas;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Exchange, Party};
use crate::integration::{FunctionCall, event, invoke_function};
use crate::lang::sigv4::{SigV4Error, SignedRequest};
use crate::pipeline::Services;
use crate::plan::authorizer::Authorizer;
use crate::plan::route::{Authorization, Route};

const INVOKE: &str = "execute-api:Invoke";

/// Evidence that a caller was let in.
#[derive(Debug)]
pub(super) struct Caller(());

/// Asks whoever the route names.
///
/// # Errors
/// 401, 403 or 500 as the authorizer has it.
pub(super) async fn authorize(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
) -> Result<Caller, GatewayError> {
    let identified = match &route.authorization {
        Authorization::Open | Authorization::FromConnect => return Ok(Caller(())),
        Authorization::Iam => signed(services, exchange, route)?,
        Authorization::Custom(authorizer) => {
            custom(services, exchange, route, Arc::clone(authorizer)).await?
        }
    };
    if let Party::Joining(record) = &mut exchange.context.party {
        record.authorizer = identified.authorizer;
        record.identity = identified.identity;
    }
    Ok(Caller(()))
}

/// What policies may ask about the request of an exchange.
pub fn circumstances(exchange: &Exchange) -> Circumstances<'_> {
    let record = exchange.context.party.record();
    Circumstances {
        source_ip: record.source_ip,
        user_agent: record.user_agent.as_deref(),
        now: exchange.context.time,
        secure: exchange.request.headers.last("X-Forwarded-Proto") == Some("https"),
    }
}

fn signed(
    services: &Services,
    exchange: &Exchange,
    route: &Route,
) -> Result<Identified, GatewayError> {
    let headers: Vec<_> = exchange
        .request
        .headers
        .iter()
        .map(|(name, value)| (name, value.as_bytes()))
        .collect();
    let request = SignedRequest {
        method: exchange.request.method.as_str(),
        path: &exchange.request.path,
        query: exchange.request.query.as_deref(),
        headers: &headers,
        body: &[],
    };
    let plan = services.plan();
    let region = &exchange.stage.api.region;
    let credential = services
        .signatures
        .authenticate(&plan.credentials, &request, region, exchange.context.time)
        .map_err(|error| refuse(&error))?;
    let arn = exchange.stage.execute_api_arn(&route.key);
    iam::authorize(&credential, INVOKE, &arn, &circumstances(exchange))
        .map_err(|cause| GatewayError::new(ResponseType::AccessDenied).because(cause))?;
    Ok(Identified {
        authorizer: None,
        identity: Some(Arc::new(iam::identity(&credential))),
    })
}

fn refuse(error: &SigV4Error) -> GatewayError {
    let kind = match error {
        SigV4Error::MissingAuthenticationToken => ResponseType::MissingAuthenticationToken,
        _ => ResponseType::InvalidSignature,
    };
    // AWS: the caller of a handshake is told no more than the family of the failure.
    GatewayError::new(kind).because(error)
}

async fn custom(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
    authorizer: Arc<Authorizer>,
) -> Result<Identified, GatewayError> {
    lambda::check_sources(exchange, &authorizer)?;
    let arn = exchange.stage.execute_api_arn(&route.key);
    let call = FunctionCall {
        target: authorizer.function.clone(),
        payload: event::websocket::authorizer(exchange, &arn),
        request_id: exchange.context.request_id.to_string(),
        trace_id: exchange.context.trace_id.clone(),
    };
    let mut facts = std::mem::take(&mut exchange.context.authorizer);
    let output = invoke_function(
        &services.backends,
        &mut facts,
        call,
        quotas::AUTHORIZER_TIMEOUT,
    )
    .await;
    let latency = facts.latency.unwrap_or_default();
    let judged = output
        .map_err(|error| lambda::refuse(&error))
        .and_then(|answer| {
            let about = circumstances(exchange);
            lambda::judge(&answer.payload, &arn, &about.facts(), latency)
        });
    facts.status = Some(match &judged {
        Ok(_) => 200,
        Err(error) => error.http_status().as_u16(),
    });
    if let Err(error) = &judged {
        facts.error = Some(error.cause().unwrap_or(error.client_message()).to_owned());
    }
    exchange.context.authorizer = facts;
    judged
}
