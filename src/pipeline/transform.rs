//! From an event to a call, and from an answer to a reply.

use std::sync::Arc;

use connection_store::Outgoing;
use http::Method;
use http::header::{self, HeaderMap, HeaderName};

use crate::authorizer::jwt;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Acceptance, Event, Exchange, HttpReply, Party, Reply};
use crate::integration::{self, Answer, Call};
use crate::pipeline::{Services, integrate};
use crate::plan::route::{Direction, Route};

/// Headers of a backend's answer that belong to its own connection, or that framing sets anew.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::DATE,
];

/// Builds the call; a route without integration has its answer already.
///
/// # Errors
/// When a mapped value cannot be sent.
pub(super) fn request(exchange: &mut Exchange, route: &Route) -> Result<Call, GatewayError> {
    match (&route.integration, &exchange.event) {
        (Some(integration), _) => {
            let call = integration::prepare(exchange, integration);
            call.map_err(|error| integrate::failed(exchange, error))
        }
        // AWS: a route without target may be deployed, and fails when it is called.
        (None, Event::Http) => Err(GatewayError::new(ResponseType::ApiConfigurationError)
            .because("the route has no target")),
        (None, _) => Ok(Call::Answered(Box::new(Answer::none()))),
    }
}

/// Turns the backend's answer into what the transport does.
///
/// # Errors
/// When the answer cannot be sent.
pub(super) async fn response(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
    answer: Answer,
) -> Result<Reply, GatewayError> {
    match (&exchange.event, route.direction) {
        (Event::Connect, _) => handshake(exchange, route, answer),
        (Event::Message { .. }, Direction::TwoWay) => frame(exchange, answer),
        (Event::Message { .. }, Direction::OneWay) | (Event::Disconnect { .. }, _) => {
            Ok(Reply::Nothing)
        }
        (Event::Http, _) => answered(services, exchange, route, answer).await,
    }
}

/// The answer to a request, changed by the mappings of its status.
async fn answered(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
    mut answer: Answer,
) -> Result<Reply, GatewayError> {
    if let Some(integration) = &route.integration
        && !integration.responses.is_empty()
    {
        let mapped = integration::map_response(&services.backends, exchange, integration, answer);
        answer = Box::pin(mapped).await?;
    }
    Ok(Reply::Http(Box::new(HttpReply {
        status: answer.status,
        headers: match exchange.request.method {
            // The length of the body that a GET would have had; nothing frames it here.
            Method::HEAD => with_length(answer.headers),
            _ => end_to_end(answer.headers),
        },
        body: answer.body,
    })))
}

// AWS: any 2xx accepts, and only the subprotocol of the answer is used; any other status passes through.
fn handshake(
    exchange: &mut Exchange,
    route: &Route,
    mut answer: Answer,
) -> Result<Reply, GatewayError> {
    if answer.status.is_informational() {
        let status = http::StatusCode::BAD_GATEWAY;
        return Err(GatewayError::new(ResponseType::IntegrationFailure)
            .status(status)
            .because("$connect answered with an informational status"));
    }
    if answer.status.is_success()
        && let Party::Joining(record) = &exchange.context.party
    {
        let chosen = answer.headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
        return Ok(Reply::Accept(Box::new(Acceptance {
            record: (**record).clone(),
            subprotocol: match route.authorization.takes_subprotocol() {
                true => jwt::subprotocol(&exchange.request, chosen),
                false => chosen,
            },
        })));
    }
    Ok(Reply::Http(Box::new(HttpReply {
        status: answer.status,
        headers: end_to_end(answer.headers),
        body: answer.body,
    })))
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let ends_here = |name: &&HeaderName| HOP_BY_HOP.contains(name) || *name == "keep-alive";
    // Of those there are few, and looking each of them up costs more.
    while let Some(name) = headers.keys().find(ends_here).cloned() {
        headers.remove(name);
    }
    headers
}

fn with_length(headers: HeaderMap) -> HeaderMap {
    let length = headers.get(header::CONTENT_LENGTH).cloned();
    let mut headers = end_to_end(headers);
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    headers
}

fn frame(exchange: &Exchange, answer: Answer) -> Result<Reply, GatewayError> {
    let limit = exchange.stage.connections.message_bytes;
    let Ok(body) = answer.body.into_whole() else {
        return Err(GatewayError::new(ResponseType::IntegrationFailure)
            .because("an answer that has not been read"));
    };
    if limit.is_some_and(|limit| body.len() > limit) {
        let cause = format!("an answer of {} bytes", body.len());
        return Err(GatewayError::new(ResponseType::IntegrationFailure).because(cause));
    }
    Ok(Reply::Frame(match answer.binary {
        true => Outgoing::Binary(body),
        false => Outgoing::from_bytes(body),
    }))
}

/// Keeps the route alive for the call; a plan may be swapped while it runs.
pub(super) fn timeout(route: &Arc<Route>) -> std::time::Duration {
    let integration = route.integration.as_ref();
    integration.map_or(std::time::Duration::ZERO, |integration| integration.timeout)
}
