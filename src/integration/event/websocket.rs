//! Events of WebSocket APIs, field by field.
//!
//! Source: developer guide, "Set up WebSocket API integration requests" and "Create an API Gateway Lambda authorizer",
//! with key order and letter case as captured from the service. Absent optional maps are left out of proxy events and
//! empty in authorizer events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use connection_store::Outgoing;
use serde_json::{Map, Value, json};

use crate::exchange::{Event, Exchange};
use crate::plan::integration::ContentHandling;

/// Request headers that a proxy event leaves out; an authorizer event has them.
const HIDDEN: [&str; 3] = ["connection", "upgrade", "content-length"];
/// What a DISCONNECT event has for headers besides `Host`, each with an empty value.
const SYNTHETIC: [&str; 3] = ["x-api-key", "X-Forwarded-For", "x-restapi"];

/// The event for an `AWS_PROXY` integration, as JSON text.
pub fn proxy(exchange: &Exchange, content: ContentHandling) -> Bytes {
    let mut event = Map::new();
    let mut base64_encoded = false;
    match &exchange.event {
        Event::Connect => {
            let visible = |name: &str| {
                !HIDDEN
                    .iter()
                    .any(|hidden| name.eq_ignore_ascii_case(hidden))
            };
            insert_headers(&mut event, exchange, visible);
            insert_query(&mut event, exchange, Absent::LeaveOut);
        }
        Event::Message { .. } | Event::Http => {}
        Event::Disconnect { .. } => insert_disconnect_headers(&mut event, exchange),
    }
    insert_stage_variables(&mut event, exchange, Absent::LeaveOut);
    event.insert("requestContext".into(), request_context(exchange));
    if let Event::Message { payload, .. } = &exchange.event {
        let (body, encoded) = body(payload, content);
        base64_encoded = encoded;
        event.insert("body".into(), body.into());
    }
    event.insert("isBase64Encoded".into(), base64_encoded.into());
    to_bytes(&event)
}

/// The event for a Lambda `REQUEST` authorizer, as JSON text.
pub fn authorizer(exchange: &Exchange, method_arn: &str) -> Bytes {
    let mut event = Map::new();
    event.insert("type".into(), "REQUEST".into());
    event.insert("methodArn".into(), method_arn.into());
    insert_headers(&mut event, exchange, |_| true);
    insert_query(&mut event, exchange, Absent::Empty);
    insert_stage_variables(&mut event, exchange, Absent::Empty);
    event.insert("requestContext".into(), request_context(exchange));
    to_bytes(&event)
}

/// What becomes of a map without entries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    LeaveOut,
    Empty,
}

fn to_bytes(event: &Map<String, Value>) -> Bytes {
    // A map of strings and numbers always has a JSON form.
    serde_json::to_vec(event).unwrap_or_default().into()
}

fn insert_headers(
    event: &mut Map<String, Value>,
    exchange: &Exchange,
    visible: impl Fn(&str) -> bool,
) {
    let mut single = Map::new();
    let mut multi: Map<String, Value> = Map::new();
    for (name, value) in exchange
        .request
        .headers()
        .iter()
        .filter(|(name, _)| visible(name))
    {
        // One entry for each name, spelled as it came first.
        let known = multi.keys().find(|known| known.eq_ignore_ascii_case(name));
        let name = known.cloned().unwrap_or_else(|| name.to_owned());
        append(&mut multi, &name, value);
        single.insert(name, value.into());
    }
    event.insert("headers".into(), single.into());
    event.insert("multiValueHeaders".into(), multi.into());
}

fn insert_query(event: &mut Map<String, Value>, exchange: &Exchange, absent: Absent) {
    let mut single = Map::new();
    let mut multi = Map::new();
    for (name, value) in exchange.request.query_parameters() {
        append(&mut multi, &name, &value);
        single.insert(name, value.into());
    }
    if !single.is_empty() || absent == Absent::Empty {
        event.insert("queryStringParameters".into(), single.into());
        event.insert("multiValueQueryStringParameters".into(), multi.into());
    }
}

fn append(multi: &mut Map<String, Value>, name: &str, value: &str) {
    let values = multi
        .entry(name)
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(values) = values {
        values.push(value.into());
    }
}

fn insert_disconnect_headers(event: &mut Map<String, Value>, exchange: &Exchange) {
    let host = exchange.context.party.domain_name();
    let mut single = Map::new();
    let mut multi = Map::new();
    single.insert("Host".into(), host.into());
    multi.insert("Host".into(), json!([host]));
    for name in SYNTHETIC {
        single.insert(name.into(), "".into());
        multi.insert(name.into(), json!([""]));
    }
    event.insert("headers".into(), single.into());
    event.insert("multiValueHeaders".into(), multi.into());
}

fn insert_stage_variables(event: &mut Map<String, Value>, exchange: &Exchange, absent: Absent) {
    let variables = &exchange.stage.variables;
    if !variables.is_empty() || absent == Absent::Empty {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        event.insert("stageVariables".into(), Value::Object(variables.collect()));
    }
}

/// `requestContext`, the same for every kind of event but for the fields of its kind.
fn request_context(exchange: &Exchange) -> Value {
    let party = &exchange.context.party;
    let record = party.record();
    let request_id = exchange.context.request_id.as_str();
    let mut context = Map::new();
    let mut set = |name: &str, value: Value| {
        context.insert(name.to_owned(), value);
    };
    set(
        "routeKey",
        exchange
            .context
            .route_key
            .as_deref()
            .unwrap_or_default()
            .into(),
    );
    match &exchange.event {
        Event::Connect | Event::Http => {}
        Event::Message { id, .. } => set("messageId", id.as_str().into()),
        Event::Disconnect { code, .. } => set("disconnectStatusCode", (*code).into()),
    }
    set("eventType", exchange.event.name().into());
    set("extendedRequestId", request_id.into());
    set("requestTime", exchange.request_time().into());
    set("messageDirection", "IN".into());
    if let Event::Disconnect { reason, .. } = &exchange.event {
        set("disconnectReason", reason.as_str().into());
    }
    set("stage", (*exchange.stage.name).into());
    let connected_at = record.map(|record| record.connected_at_epoch_ms);
    set("connectedAt", connected_at.into());
    set("requestTimeEpoch", exchange.context.time.0.into());
    set("identity", identity(exchange));
    set("requestId", request_id.into());
    set("domainName", party.domain_name().into());
    let connection_id = record.map(|record| record.id.to_string());
    set("connectionId", connection_id.into());
    set("apiId", (*exchange.stage.api.id).into());
    if let Some(authorizer) = exchange.context.connection_authorizer() {
        set("authorizer", Value::Object(authorizer.clone()));
    }
    context.into()
}

fn identity(exchange: &Exchange) -> Value {
    let party = &exchange.context.party;
    let mut identity = exchange.context.identity().cloned().unwrap_or_default();
    if let Some(user_agent) = party.user_agent() {
        identity.insert("userAgent".into(), user_agent.into());
    }
    if let Some(key) = party.api_key() {
        identity.insert("apiKey".into(), (*key.value).into());
        identity.insert("apiKeyId".into(), (*key.id).into());
    }
    identity.insert("sourceIp".into(), party.source_ip().to_string().into());
    identity.into()
}

/// The message as an event carries it, and whether that is base64.
fn body(payload: &Outgoing, content: ContentHandling) -> (String, bool) {
    match (payload, content, std::str::from_utf8(payload.payload())) {
        (Outgoing::Text(_), ContentHandling::Unchanged, Ok(text)) => (text.to_owned(), false),
        // AWS: base64 text from the client stands for bytes, which events carry as base64 again.
        (Outgoing::Text(_), ContentHandling::ToBinary, Ok(text)) => (text.to_owned(), true),
        (_, ContentHandling::ToText, _) => (STANDARD.encode(payload.payload()), false),
        _ => (STANDARD.encode(payload.payload()), true),
    }
}
