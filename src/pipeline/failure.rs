//! The only place where a failure becomes something a client sees.

use bytes::Bytes;
use connection_store::Outgoing;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};

use crate::base::body::Payload;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::{ErrorFacts, Event, Exchange, HttpReply, Reply};

/// Notes the failure in the context and says what the client gets.
pub(super) fn reply(exchange: &mut Exchange, error: &GatewayError) -> Reply {
    let (status, message) = match exchange.event {
        Event::Http => of_http_api(error),
        _ => (error.http_status(), error.client_message()),
    };
    exchange.context.error = Some(Box::new(ErrorFacts {
        message: message.to_owned(),
        response_type: error.response_type,
        status,
    }));
    let Some(record) = exchange.context.party.record() else {
        let body = serde_json::json!({ "message": message }).to_string();
        return http(status, headers(exchange, error), body);
    };
    let id = record.id.to_string();
    let text = error_text(message, &id, exchange.context.request_id.as_str());
    match exchange.event {
        Event::Connect | Event::Http => http(status, headers(exchange, error), text),
        Event::Message { .. } => Reply::Frame(Outgoing::Text(text)),
        Event::Disconnect { .. } => Reply::Nothing,
    }
}

fn http(status: StatusCode, headers: HeaderMap, body: impl Into<Bytes>) -> Reply {
    Reply::Http(Box::new(HttpReply {
        status,
        headers,
        body: Payload::from(body.into()),
    }))
}

/// Status and text of a failure of an HTTP API, where they differ from those of the other kinds of API.
///
/// AWS: the catalogue of gateway-made errors; a late or unreachable backend is 503, whatever makes no sense is 500.
fn of_http_api(error: &GatewayError) -> (StatusCode, &str) {
    use ResponseType as Type;
    match error.response_type {
        Type::ResourceNotFound => (StatusCode::NOT_FOUND, "Not Found"),
        Type::IntegrationTimeout => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Type::IntegrationFailure if error.http_status() == StatusCode::GATEWAY_TIMEOUT => {
            (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
        Type::AccessDenied
        | Type::ExpiredToken
        | Type::InvalidApiKey
        | Type::InvalidSignature
        | Type::MissingAuthenticationToken => (StatusCode::FORBIDDEN, "Forbidden"),
        Type::ApiConfigurationError
        | Type::AuthorizerConfigurationError
        | Type::AuthorizerFailure
        | Type::IntegrationFailure
        | Type::Default5xx => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        _ => (error.http_status(), error.client_message()),
    }
}

/// The text of an error frame.
///
/// AWS: this exact layout, with spaces where captures have them and nowhere else.
pub fn error_text(message: &str, connection_id: &str, request_id: &str) -> Bytes {
    let message = serde_json::Value::from(message);
    let text = format!(
        r#"{{"message": {message}, "connectionId":"{connection_id}", "requestId":"{request_id}"}}"#
    );
    text.into()
}

fn headers(exchange: &Exchange, error: &GatewayError) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(challenge) = error.challenge() {
        headers.insert(WWW_AUTHENTICATE, challenge.clone());
    }
    if matches!(exchange.event, Event::Http) {
        // Its answers have their own header for the id, failed or not.
        return headers;
    }
    if let Ok(id) = HeaderValue::from_str(exchange.context.request_id.as_str()) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    headers
}
