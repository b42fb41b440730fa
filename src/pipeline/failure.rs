//! The only place where a failure becomes something a client sees.

use bytes::Bytes;
use connection_store::Outgoing;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::error::GatewayError;
use crate::exchange::{ErrorFacts, Event, Exchange, HttpReply, Reply};

/// Notes the failure in the context and says what the client gets.
pub(super) fn reply(exchange: &mut Exchange, error: &GatewayError) -> Reply {
    exchange.context.error = Some(ErrorFacts {
        message: error.client_message().to_owned(),
        response_type: error.response_type.name(),
    });
    let record = exchange.context.party.record();
    let text = error_text(
        error.client_message(),
        &record.id.to_string(),
        exchange.context.request_id.as_str(),
    );
    match exchange.event {
        Event::Connect => Reply::Http(Box::new(HttpReply {
            status: error.http_status(),
            headers: headers(exchange),
            body: text,
        })),
        Event::Message { .. } => Reply::Frame(Outgoing::Text(text)),
        Event::Disconnect { .. } => Reply::Nothing,
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

fn headers(exchange: &Exchange) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(exchange.context.request_id.as_str()) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    headers
}
