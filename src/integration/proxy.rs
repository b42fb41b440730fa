//! `HTTP_PROXY` of HTTP APIs: the request goes on to a backend, bodies stream both ways.
//!
//! Source: developer guide, "Create HTTP proxy integrations for HTTP APIs" and "Amazon API Gateway important notes"; what a
//! backend sees is from captures.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use ::http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, VIA};
use bytes::Bytes;
use hyper::body::Body as _;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::forwarded;
use crate::base::body::Payload;
use crate::base::clock::Tick;
use crate::base::quotas;
use crate::base::stream::{Bounded, Fate, Lively};
use crate::client::http::CallError;
use crate::client::proxy::{self, Answered, Destination, Ready, RequestHead, Room};
use crate::exchange::{Exchange, ExchangeScope, GatewayRequest};
use crate::integration::answer::Answer;
use crate::integration::{BackendError, Backends, trace};
use crate::lang::http_mapping::{RequestEdits, RequestMapping, RequestTarget};
use crate::plan::integration::{Integration, ProxyBackend, ProxyTarget, Target};
use crate::plan::proxy_uri::Address;

/// What a path may hold as it is (RFC 3986 section 3.3); percent signs of a decoded path are text.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// AWS: added to what the client sent under that name.
const OUR_VIA: HeaderValue = HeaderValue::from_static("HTTP/1.1 AmazonAPIGateway");

/// A request that is ready to be sent, but for its body.
#[derive(Debug)]
pub struct ProxyCall {
    integration: Arc<Integration>,
    /// Where it goes; behind a VPC link `None` until a target has been chosen.
    destination: Option<Destination>,
    method: Method,
    target: proxy::Target<'static>,
    host: HeaderValue,
    /// What is changed in the client's headers.
    edits: RequestEdits,
}

/// Builds the request for the backend.
///
/// # Errors
/// When what was mapped or substituted cannot be sent.
pub(super) fn prepare(
    exchange: &Exchange,
    integration: &Arc<Integration>,
    target: &ProxyTarget,
) -> Result<ProxyCall, BackendError> {
    let scope = ExchangeScope::new(exchange);
    let came = &exchange.request;
    let edits = RequestEdits::resolve(&target.mappings, &scope)
        .map_err(|problem| unsendable("requestParameters", problem))?;
    let query = edits.apply_to_query(came.query.as_deref());
    let (destination, host, asked) = match &target.backend {
        ProxyBackend::Public(public) => {
            let parameter = |name: &str| path_parameter(exchange, name);
            let address = public.uri.address(&scope, &parameter);
            let address = address.map_err(|problem| unsendable("integrationUri", problem))?;
            let path = match (edits.path(), public.appends_path) {
                (Some(path), _) => Some(Cow::Borrowed(path)),
                (None, true) => Some(Cow::Owned(append(address.path(), &came.route_path))),
                (None, false) => None,
            };
            let destination = Destination {
                secure: address.origin.secure,
                authority: address.origin.authority.clone(),
                server_name: public.server_name.clone(),
            };
            let host = address.origin.host.clone();
            let asked = request_target(address, path.as_deref(), query.as_deref());
            (Some(destination), host, asked.into_owned())
        }
        ProxyBackend::Private(private) => {
            // AWS: a private backend sees the host that the client asked for (reported).
            let host = came.forwarding.as_ref().map_or("", |came| &came.host);
            let host = HeaderValue::from_str(host);
            let host = host.map_err(|problem| unsendable("Host", problem))?;
            let asked = private_target(&private.base, &edits, came, query.as_deref());
            (None, host, asked)
        }
    };
    Ok(ProxyCall {
        integration: Arc::clone(integration),
        destination,
        method: target.method.as_ref().unwrap_or(&came.method).clone(),
        target: proxy::Target::parse(asked)
            .map_err(|problem| unsendable("integrationUri", problem))?,
        host,
        edits,
    })
}

/// The head of the request, with all headers.
fn head(exchange: &Exchange, call: &ProxyCall, room: Room) -> RequestHead {
    let ProxyCall {
        method,
        target,
        host,
        edits,
        ..
    } = call;
    let mappings = match &call.integration.target {
        Target::Proxy(target) => target.mappings.as_slice(),
        _ => &[],
    };
    if !edits.touch_headers() {
        let mut head = RequestHead::new(room, method, target, host);
        each_field(exchange, mappings, |name, value| head.field(name, value));
        for (name, text) in trace::fields(exchange) {
            head.text(&name, &text);
        }
        return head;
    }
    let mut headers = HeaderMap::new();
    each_field(exchange, mappings, |name, value| {
        headers.append(name.clone(), value.clone());
    });
    trace::write(exchange, &mut headers);
    headers.insert(HOST, host.clone());
    edits.apply_to_headers(&mut headers);
    let mut head = RequestHead::new(room, method, target, headers.get(HOST).unwrap_or(host));
    for (name, value) in headers.iter().filter(|(name, _)| *name != HOST) {
        head.field(name, value);
    }
    head
}

/// The value of a path variable, and whether it is the greedy one, whose slashes stay slashes.
fn path_parameter<'e>(exchange: &'e Exchange, name: &str) -> Option<(&'e str, bool)> {
    let mut parameters = exchange.request.path_parameters.iter();
    let (_, value) = parameters.find(|(known, _)| known == name)?;
    let key = exchange.context.route_key.as_deref().unwrap_or_default();
    let last = key.rsplit_once('{').map_or("", |(_, last)| last);
    let greedy = last.strip_suffix("+}") == Some(name);
    Some((value, greedy))
}

/// The path of the request behind that of the URI. What was decoded for routing is encoded again, so that the backend sees
/// the path that was authorized, in one spelling.
fn append(base: &str, path: &crate::lang::http_path::RoutePath<'_>) -> String {
    let base = base.strip_suffix('/').unwrap_or(base);
    let mut all = base.to_owned();
    all.extend(utf8_percent_encode(path.decoded(), PATH));
    all
}

/// What is asked of the backend: the address, with another path if there is one, and with the client's query behind its own.
fn request_target<'a>(
    address: Address<'a>,
    path: Option<&str>,
    query: Option<&str>,
) -> Cow<'a, str> {
    let has_query = address.query().is_some();
    let mut target = match (path, address.query()) {
        (None, _) => address.target,
        (Some(path), None) => path.to_owned().into(),
        (Some(path), Some(query)) => format!("{path}?{query}").into(),
    };
    if let Some(query) = query {
        let target = target.to_mut();
        target.push(if has_query { '&' } else { '?' });
        target.push_str(query);
    }
    target
}

/// What is asked of a private backend: AWS sends the client's path with the stage in front of it.
fn private_target(
    base: &str,
    edits: &RequestEdits,
    came: &GatewayRequest,
    query: Option<&str>,
) -> String {
    let mut target = match edits.path() {
        Some(path) => path.to_owned(),
        None => append(base, &came.route_path),
    };
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    target
}

/// The client's headers without those of its own connection and those that a backend may take for one that is mapped, and
/// `Via`.
fn each_field(
    exchange: &Exchange,
    mappings: &[RequestMapping],
    mut take: impl FnMut(&HeaderName, &HeaderValue),
) {
    let fields = &exchange.request.fields;
    let nominated = forwarded::nominated(fields);
    let mapped = |name: &HeaderName| {
        mappings.iter().any(|mapping| match mapping.target() {
            RequestTarget::Header(target) => forwarded::are_twins(name, target),
            RequestTarget::Query(_) | RequestTarget::Path => false,
        })
    };
    for (name, value) in fields {
        if forwarded::goes_on(name) && !nominated.contains(name) && !mapped(name) {
            take(name, value);
        }
    }
    take(&VIA, &OUR_VIA);
}

fn unsendable(name: &str, problem: impl std::fmt::Display) -> BackendError {
    BackendError::Parameter {
        name: name.to_owned(),
        problem: problem.to_string(),
    }
}

/// Sends the request and waits for the head of the answer; its body streams.
pub(super) async fn call(
    backends: &Backends,
    exchange: &mut Exchange,
    mut call: Box<ProxyCall>,
    limit: Duration,
) -> Result<Answer, BackendError> {
    let started = backends.clock.nanos();
    let deadline = Tick::at(started).after(limit);
    let result = attempts(backends, exchange, &mut call, deadline).await;
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
    let body = match (body.whole(), &call.integration.target) {
        (None, Target::Proxy(target)) => {
            let clock = Arc::clone(&backends.clock);
            Payload::stream(Lively::new(body, clock, target.body_idle_timeout))
        }
        _ => body,
    };
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body,
        binary: false,
    })
}

/// Sends the request; once more on a new connection when a kept-alive one turns out to be dead and nothing is lost by it.
async fn attempts(
    backends: &Backends,
    exchange: &mut Exchange,
    call: &mut ProxyCall,
    deadline: Tick,
) -> Result<Answered, BackendError> {
    let (body, fate) = body(exchange)?;
    let whole = body.whole().cloned();
    let again = whole.filter(|_| call.method.is_idempotent());
    let kept = call.destination.as_ref();
    let ready = match kept.and_then(|destination| backends.proxy.kept(destination)) {
        Some(ready) => ready,
        // Boxed: a request that finds a connection should not carry what it takes to make one.
        None => Box::pin(reach(backends, call, deadline)).await?,
    };
    let reused = ready.is_reused();
    let ended = |how: fn(&Fate) -> bool| fate.as_ref().is_some_and(how);
    match (send(exchange, call, ready, body, deadline).await, again) {
        (Err(CallError::Unanswered(_)), Some(body)) if reused => {
            Box::pin(once_more(backends, exchange, call, body, deadline)).await
        }
        (Err(_), _) if ended(Fate::is_exceeded) => Err(BackendError::RequestTooLarge),
        (Err(_), _) if ended(Fate::is_broken) => Err(BackendError::RequestBroken),
        (result, _) => Ok(result?),
    }
}

/// A new connection, or one to a target behind a VPC link: where the call goes from then on.
async fn reach(
    backends: &Backends,
    call: &mut ProxyCall,
    deadline: Tick,
) -> Result<Ready, CallError> {
    let proxy = &backends.proxy;
    let upstream = match &call.integration.target {
        Target::Proxy(target) => target.backend.upstream(),
        _ => None,
    };
    match (&call.destination, upstream) {
        (None, Some(upstream)) => {
            let ready = proxy.choose(upstream, deadline).await?;
            call.destination = Some(ready.destination().clone());
            Ok(ready)
        }
        (Some(destination), _) => proxy.connect(destination, deadline).await,
        (None, None) => Err(CallError::Invalid("it leads nowhere".to_owned())),
    }
}

async fn once_more(
    backends: &Backends,
    exchange: &Exchange,
    call: &mut ProxyCall,
    body: Bytes,
    deadline: Tick,
) -> Result<Answered, BackendError> {
    let ready = reach(backends, call, deadline).await?;
    Ok(send(exchange, call, ready, Payload::from(body), deadline).await?)
}

fn send(
    exchange: &Exchange,
    call: &ProxyCall,
    mut ready: Ready,
    body: Payload,
    deadline: Tick,
) -> impl Future<Output = Result<Answered, CallError>> + use<> {
    let mut head = head(exchange, call, ready.room());
    // AWS: private backends are not told by whom.
    let by = match &call.integration.target {
        Target::Proxy(target) if target.backend.upstream().is_some() => None,
        _ => Some(ready.local_ip()),
    };
    if let Some(forwarded) = forwarded::value(&exchange.request, by) {
        head.text(&FORWARDED, &forwarded);
    }
    ready.send(head, body, deadline)
}

/// The body for the backend, which ends with an error where it becomes larger than an HTTP API takes; and, if it
/// is still on its way, how it will have ended.
fn body(exchange: &mut Exchange) -> Result<(Payload, Option<Fate>), BackendError> {
    let body = std::mem::take(&mut exchange.request.body);
    let length = body.size_hint().lower();
    if length > quotas::HTTP_BODY_BYTES as u64 {
        return Err(BackendError::RequestTooLarge);
    }
    if let Some(whole) = body.whole() {
        // What logs and mappings ask of the body, they ask later.
        exchange.request.body = Payload::from(whole.clone());
        return Ok((body, None));
    }
    let (bounded, fate) = Bounded::new(body, quotas::HTTP_BODY_BYTES);
    Ok((Payload::stream(bounded), Some(fate)))
}
