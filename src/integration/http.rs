//! `HTTP_PROXY`: the event as a plain HTTP request.
//!
//! Source: developer guide, "Set up WebSocket API integration requests"; what a backend sees is from captures.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use ::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use bytes::Bytes;
use url::form_urlencoded;

use crate::base::body::{BodyError, Payload, collect};
use crate::base::clock::{Tick, within};
use crate::base::quotas;
use crate::client::http::CallError;
use crate::client::proxy::{Destination, RequestHead, Room, Target, Upstream};
use crate::exchange::{Event, Exchange, ExchangeScope, IntegrationFacts};
use crate::integration::answer::Answer;
use crate::integration::forwarded;
use crate::integration::{BackendError, Backends, payload, trace};
use crate::lang::parameter::{ParameterTarget, header_safe};
use crate::plan::integration::{HttpTarget, Integration};
use crate::plan::proxy_uri::Address;

/// Handshake headers that belong to the client's own connection and do not reach a backend.
const NOT_FORWARDED: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Largest answer of a backend where a stage has lifted the limit of messages.
const LIFTED_BODY_BYTES: usize = 128 * 1024 * 1024;
const USER_AGENT_VALUE: &str = "AmazonAPIGateway";

/// A request that is ready to be sent.
#[derive(Debug)]
pub struct HttpCall {
    way: Way,
    head: RequestHead,
    body: Bytes,
}

/// Where a request goes.
#[derive(Debug)]
enum Way {
    /// To what the URL names.
    To(Destination),
    /// To one of the targets behind a VPC link.
    Through(Arc<Upstream>),
}

/// Builds the request: the handshake's headers or the raw message, then what is mapped over them.
pub(super) fn prepare(
    exchange: &Exchange,
    integration: &Integration,
    target: &HttpTarget,
) -> Result<HttpCall, BackendError> {
    let mut request = Request {
        headers: default_headers(exchange),
        query: Vec::new(),
        path: BTreeMap::new(),
    };
    if let (Event::Connect, Some(_)) = (&exchange.event, &exchange.request.query) {
        request.query = exchange.request.query_parameters();
    }
    let scope = ExchangeScope::new(exchange);
    for mapping in &integration.parameters {
        let values = mapping.resolve(&scope);
        if !values.is_empty() {
            request.set(mapping.target(), values)?;
        }
    }
    let parameter = |name: &str| Some((request.path.get(name)?.as_str(), false));
    let address = target.uri.address(&scope, &parameter);
    let address = address.map_err(|problem| unsendable("integrationUri", problem))?;
    let body = match target.method {
        Method::GET | Method::HEAD => Bytes::new(),
        _ => payload(exchange, integration.content)?,
    };
    Ok(HttpCall {
        head: request.head(&target.method, &address)?,
        body,
        way: match &target.upstream {
            Some(upstream) => Way::Through(Arc::clone(upstream)),
            None => Way::To(Destination {
                secure: address.origin.secure,
                authority: address.origin.authority.clone(),
                server_name: None,
            }),
        },
    })
}

/// The parts of a request that mappings can change.
struct Request {
    headers: HeaderMap,
    query: Vec<(String, String)>,
    path: BTreeMap<String, String>,
}

impl Request {
    fn set(
        &mut self,
        target: &ParameterTarget,
        values: Vec<std::borrow::Cow<'_, str>>,
    ) -> Result<(), BackendError> {
        match target {
            ParameterTarget::Header(name) => {
                let (name, value) = header(name, &values.join(","))?;
                self.headers.insert(name, value);
            }
            ParameterTarget::Query(name) => {
                self.query.retain(|(known, _)| known != name);
                let values = values
                    .into_iter()
                    .map(|value| (name.clone(), value.into_owned()));
                self.query.extend(values);
            }
            ParameterTarget::Path(name) => {
                self.path.insert(name.clone(), values.join(","));
            }
        }
        Ok(())
    }

    /// How it goes over the wire, to that address.
    fn head(&self, method: &Method, address: &Address<'_>) -> Result<RequestHead, BackendError> {
        let mut target = Cow::Borrowed(&*address.target);
        if !self.query.is_empty() {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.query);
            let between = if address.query().is_some() { '&' } else { '?' };
            target.to_mut().push(between);
            target.to_mut().push_str(&query.finish());
        }
        let host = self.headers.get(HOST).unwrap_or(&address.origin.host);
        let target = Target::parse(target);
        let target = target.map_err(|problem| unsendable("integrationUri", problem))?;
        let mut head = RequestHead::new(Room::default(), method, &target, host);
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != HOST) {
            head.field(name, value);
        }
        Ok(head)
    }
}

fn default_headers(exchange: &Exchange) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in exchange.request.headers().iter() {
        // As backends read it that put headers into variables.
        let plain = name.to_ascii_lowercase().replace('_', "-");
        let kept = NOT_FORWARDED.contains(&&*plain) || forwarded::is_ours(&plain);
        if let (false, Ok((name, value))) = (kept, header(name, value)) {
            headers.append(name, value);
        }
    }
    if let Ok(api) = HeaderValue::from_str(&exchange.stage.api.id) {
        headers.insert(HeaderName::from_static("x-amzn-apigateway-api-id"), api);
    }
    trace::write(exchange, &mut headers);
    if let Event::Message { payload, .. } = &exchange.event {
        let kind = match payload {
            connection_store::Outgoing::Text(_) => "application/json",
            connection_store::Outgoing::Binary(_) => "application/octet-stream",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    let user_agent = HeaderValue::from_static(USER_AGENT_VALUE);
    headers.entry(USER_AGENT).or_insert(user_agent);
    headers
}

/// A header built from text that a client may have chosen: controls never reach a backend.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BackendError> {
    if !header_safe(value) {
        return Err(unsendable(name, "it has control characters"));
    }
    let key = HeaderName::from_bytes(name.as_bytes());
    let key = key.map_err(|problem| unsendable(name, problem))?;
    let value = HeaderValue::from_bytes(value.as_bytes());
    let value = value.map_err(|problem| unsendable(name, problem))?;
    Ok((key, value))
}

fn unsendable(name: &str, problem: impl std::fmt::Display) -> BackendError {
    BackendError::Parameter {
        name: name.to_owned(),
        problem: problem.to_string(),
    }
}

/// Sends the request and reads the whole answer.
pub(super) async fn call(
    backends: &Backends,
    exchange: &mut Exchange,
    call: HttpCall,
    limit: Duration,
) -> Result<Answer, BackendError> {
    let started = backends.clock.nanos();
    let deadline = Tick::at(started).after(limit);
    let result = answer(backends, call, deadline, body_limit(exchange)).await;
    let facts = &mut exchange.context.integration;
    facts.latency = Some(backends.since(started));
    let answer = result?;
    if answer.status().is_informational() {
        // AWS: a backend that tries to upgrade is one that does not answer (reported as 504).
        let problem = format!("it answered with {}", answer.status());
        return Err(BackendError::Unreachable(problem));
    }
    let (parts, body) = answer.into_parts();
    facts.status = Some(parts.status.as_u16());
    facts.call_status = Some(parts.status.as_u16());
    note_ids(facts, &parts.headers);
    Ok(Answer {
        status: parts.status,
        binary: is_binary(&parts.headers),
        headers: parts.headers,
        body: Payload::from(body),
    })
}

/// The answer with all of its body.
async fn answer(
    backends: &Backends,
    call: HttpCall,
    deadline: Tick,
    limit: usize,
) -> Result<::http::Response<Bytes>, CallError> {
    let proxy = &backends.proxy;
    let answered = match &call.way {
        Way::To(destination) => {
            proxy
                .ask(destination, &call.head, call.body, deadline)
                .await
        }
        // Boxed, since most requests go elsewhere.
        Way::Through(upstream) => {
            Box::pin(proxy.ask_one(upstream, &call.head, call.body, deadline)).await
        }
    };
    let (parts, body) = answered?.into_parts();
    let body = match body.into_whole() {
        Ok(whole) if whole.len() > limit => Err(CallError::TooLarge(limit)),
        Ok(whole) => Ok(whole),
        Err(coming) => Box::pin(rest(backends, coming, deadline, limit)).await,
    };
    Ok(::http::Response::from_parts(parts, body?))
}

/// A body that was still on its way when its head came.
async fn rest(
    backends: &Backends,
    body: Payload,
    deadline: Tick,
    limit: usize,
) -> Result<Bytes, CallError> {
    let clock = backends.clock.as_ref();
    let left = deadline.since(clock.now());
    match within(clock, left, collect(body, limit)).await {
        Some(Ok(collected)) => Ok(collected.bytes),
        Some(Err(BodyError::TooLarge { limit })) => Err(CallError::TooLarge(limit)),
        Some(Err(BodyError::Broken(reason))) => Err(CallError::Broken(reason)),
        None => Err(CallError::TimedOut),
    }
}

/// Most bytes that are read of an answer: Amazon's limit, or what a stage that lifts its own lets through.
fn body_limit(exchange: &Exchange) -> usize {
    let messages = exchange.stage.connections.message_bytes;
    messages
        .unwrap_or(LIFTED_BODY_BYTES)
        .max(quotas::INTEGRATION_BODY_BYTES)
}

/// Notes the ids that a backend of Amazon's gives its answer.
pub(super) fn note_ids(facts: &mut IntegrationFacts, headers: &HeaderMap) {
    if !headers.keys().any(|name| name.as_str().starts_with("x-am")) {
        return;
    }
    let id = |names: &[&str]| {
        let value = names.iter().find_map(|name| headers.get(*name))?;
        Some(value.to_str().ok()?.to_owned())
    };
    facts.request_id = id(&["x-amzn-requestid", "x-amz-request-id"]);
    facts.second_request_id = id(&["x-amz-id-2"]);
}

fn is_binary(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/octet-stream"))
}
