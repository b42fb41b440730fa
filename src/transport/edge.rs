//! Host and path to a face: which API and stage a request is for, and who answers it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

use crate::base::ids::RequestId;
use crate::base::quotas;
use crate::error::ServiceException;
use crate::exchange::Headers;
use crate::management::{self, ManagementRequest};
use crate::plan::Plan;
use crate::plan::stage::Stage;
use crate::transport::admin;
use crate::transport::front::Front;
use crate::transport::head::{HeadFacts, HeadSlot};
use crate::transport::http::Socket;
use crate::transport::ws::handshake;

/// Prefix of addresses that name API and stage themselves.
const ALWAYS: &str = "/_apis/";
/// Path segment of the management API.
const CONNECTIONS: &str = "@connections";

/// An HTTP answer with its whole body.
pub type Answer = Response<Full<Bytes>>;

/// Who listens on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Clients: WebSocket, `@connections`.
    Clients,
    /// Operators: health. Also everything that clients get.
    Administration,
}

/// A request with everything that was found out about it on the way in.
#[derive(Debug)]
pub struct Arrival {
    /// The request as hyper read it.
    pub request: Request<Incoming>,
    /// Its headers, spelled as the client did, with those that the gateway adds.
    pub headers: Headers,
    /// The host that the client asked for, with its port unless that is the scheme's own.
    pub domain_name: String,
    /// The client's address.
    pub source_ip: IpAddr,
    /// Whether the client spoke TLS, here or with a trusted proxy.
    pub secure: bool,
    /// `X-Amzn-Trace-Id`.
    pub trace_id: String,
}

impl Arrival {
    fn into_management(self) -> ManagementRequest<Incoming> {
        let (parts, body) = self.request.into_parts();
        ManagementRequest {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: self.headers,
            source_ip: self.source_ip,
            secure: self.secure,
            body,
        }
    }
}

/// Where a request leads.
#[derive(Debug)]
enum Place {
    Stage(Arc<Stage>),
    /// A path below a stage, where WebSocket APIs have nothing.
    Below(Arc<Stage>),
    Connections(Arc<Stage>, String),
    Nowhere,
}

/// Answers one request.
pub(super) async fn answer(
    front: Arc<Front>,
    face: Face,
    socket: Socket,
    slot: HeadSlot,
    request: Request<Incoming>,
) -> Answer {
    let head = match request.version() {
        Version::HTTP_2 => HeadFacts::default(),
        _ => slot.take(),
    };
    let mut answer = match refuse_head(&request, &head) {
        Some((status, text)) => message(status, text),
        None => admitted(front, face, &socket, &head, request).await,
    };
    if head.last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        // What follows may be anything but another request: bytes behind a handshake were never meant to be HTTP.
        close_after(&mut answer);
    }
    answer
}

fn close_after(answer: &mut Answer) {
    let close = HeaderValue::from_static("close");
    answer.headers_mut().append(header::CONNECTION, close);
}

async fn admitted(
    front: Arc<Front>,
    face: Face,
    socket: &Socket,
    head: &HeadFacts,
    request: Request<Incoming>,
) -> Answer {
    if face == Face::Administration
        && let Some(answer) = admin::answer(&front, &request)
    {
        return answer;
    }
    let Some(arrival) = arrive(&front, socket, head, request) else {
        return message(StatusCode::BAD_REQUEST, "Bad Request");
    };
    let plan = front.services.plan();
    match place(&plan, arrival.request.uri().path(), &arrival.domain_name) {
        Place::Nowhere => management::refuse(&ServiceException::forbidden()),
        Place::Connections(stage, id) => {
            management::answer(&front.services, &stage, &id, arrival.into_management()).await
        }
        Place::Below(_) if is_upgrade(&arrival) => {
            management::refuse(&ServiceException::forbidden())
        }
        Place::Stage(stage) | Place::Below(stage) => at_stage(front, socket, stage, arrival).await,
    }
}

async fn at_stage(
    front: Arc<Front>,
    socket: &Socket,
    stage: Arc<Stage>,
    arrival: Arrival,
) -> Answer {
    if is_upgrade(&arrival) {
        return handshake::answer(front, stage, arrival, Arc::clone(&socket.seat)).await;
    }
    match (&stage.page, arrival.request.method()) {
        (Some(page), &Method::GET | &Method::HEAD) => self::page(page),
        _ => upgrade_required(),
    }
}

fn is_upgrade(arrival: &Arrival) -> bool {
    arrival.request.headers().contains_key(header::UPGRADE)
}

fn page(page: &Bytes) -> Answer {
    let mut answer = Response::new(Full::new(page.clone()));
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    answer
}

/// 426: the stage speaks WebSocket only.
pub(super) fn upgrade_required() -> Answer {
    let mut answer = message(StatusCode::UPGRADE_REQUIRED, "Upgrade Required");
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    answer
}

/// A JSON answer of the gateway's own: `{"message":"…"}`.
pub fn message(status: StatusCode, text: &str) -> Answer {
    let body = serde_json::json!({ "message": text }).to_string();
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Ok(id) = HeaderValue::from_str(RequestId::mint().as_str()) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    answer
}

fn refuse_head(
    request: &Request<Incoming>,
    head: &HeadFacts,
) -> Option<(StatusCode, &'static str)> {
    if head.fault.is_some() {
        return Some((StatusCode::BAD_REQUEST, "Bad Request"));
    }
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let fields = request.headers().iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if head.bytes.max(target + fields) > quotas::REQUEST_HEAD_BYTES {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some((status, "Request Header Fields Too Large"));
    }
    if target > quotas::WEBSOCKET_URL_CHARACTERS {
        return Some((StatusCode::URI_TOO_LONG, "URI Too Long"));
    }
    None
}

/// Gathers the facts about a request; `None` when it does not say for whom it is.
fn arrive(
    front: &Front,
    socket: &Socket,
    head: &HeadFacts,
    request: Request<Incoming>,
) -> Option<Arrival> {
    let host = host(&request)?;
    let mut headers = Headers::from_map(request.headers(), |name| head.spell(name));
    let peer = socket.peer.ip();
    let forwarded_for = joined(&headers, "x-forwarded-for");
    let source_ip = front.source_ip(peer, forwarded_for.as_deref());
    let trusted = front.trusts(peer.to_canonical());
    let forwarded = |name: &str| headers.last(name).filter(|_| trusted).map(str::to_owned);
    let scheme = forwarded("x-forwarded-proto").unwrap_or_else(|| socket.scheme().to_owned());
    let port = forwarded("x-forwarded-port").unwrap_or_else(|| socket.local.port().to_string());
    let trace_id = headers
        .last("x-amzn-trace-id")
        .map(str::to_owned)
        .unwrap_or_else(|| {
            crate::base::ids::mint_trace_root(front.services.clock.wall().seconds())
        });
    let chain = match forwarded_for {
        Some(chain) => format!("{chain}, {}", peer.to_canonical()),
        None => peer.to_canonical().to_string(),
    };
    if headers.last("host").is_none() {
        headers.push("Host", &host);
    }
    headers.set("X-Amzn-Trace-Id", &trace_id);
    headers.set("X-Forwarded-For", &chain);
    headers.set("X-Forwarded-Port", &port);
    headers.set("X-Forwarded-Proto", &scheme);
    let secure = scheme == "https";
    Some(Arrival {
        request,
        headers,
        domain_name: without_default_port(&host, secure),
        source_ip,
        secure,
        trace_id,
    })
}

fn joined(headers: &Headers, name: &str) -> Option<String> {
    let all: Vec<_> = headers.all(name).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The one host that a request names; `None` when it names none, several, or nonsense.
fn host(request: &Request<Incoming>) -> Option<String> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return None;
    }
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let host = match (first, authority) {
        (Some(host), None) => host.to_str().ok()?,
        (None, Some(authority)) if request.version() == Version::HTTP_2 => authority,
        (Some(host), Some(authority)) => host
            .to_str()
            .ok()
            .filter(|host| host.eq_ignore_ascii_case(authority))?,
        _ => return None,
    };
    is_host(host).then(|| host.to_owned())
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (
                "v6",
                rest.strip_prefix(':')
                    .or_else(|| rest.is_empty().then_some("0")),
            )
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, Some("0")),
        },
    };
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let number = |port: &str| !port.starts_with('+') && port.parse::<u16>().is_ok();
    !name.is_empty() && name.bytes().all(letter) && port.is_some_and(number)
}

fn without_default_port(host: &str, secure: bool) -> String {
    let default = match secure {
        true => ":443",
        false => ":80",
    };
    host.strip_suffix(default).unwrap_or(host).to_owned()
}

/// Finds API, stage and what is wanted of them.
fn place(plan: &Plan, path: &str, host: &str) -> Place {
    let (api, rest) = match path.strip_prefix(ALWAYS) {
        Some(rest) => match rest.split_once('/') {
            Some((api, rest)) => (Some(api), rest),
            None => (Some(rest), ""),
        },
        None => (api_of_host(plan, host), path.trim_start_matches('/')),
    };
    let (stage, rest) = match rest.split_once('/') {
        Some((stage, rest)) => (stage, rest),
        None => (rest, ""),
    };
    let Some(stage) = api.and_then(|api| plan.stage(api, stage)) else {
        return Place::Nowhere;
    };
    if path.split('/').skip(1).any(is_dubious) {
        // A signature covers the path without such segments, so they must not lead anywhere.
        return Place::Nowhere;
    }
    let stage = Arc::clone(stage);
    match rest.split_once('/') {
        Some((segment, id)) if decoded(segment) == CONNECTIONS => {
            Place::Connections(stage, decoded(id))
        }
        _ if rest.is_empty() => Place::Stage(stage),
        _ => Place::Below(stage),
    }
}

fn is_dubious(segment: &str) -> bool {
    matches!(decoded(segment).as_str(), "." | "..")
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `{apiId}.execute-api.<anything>`, or the only API there is.
fn api_of_host<'a>(plan: &'a Plan, host: &'a str) -> Option<&'a str> {
    match host.split_once(".execute-api.") {
        Some((api, _)) if plan.has_api(api) => Some(api),
        _ => plan.only_api().map(|api| &**api),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let check = |text: &str, expected: bool| assert_eq!(is_host(text), expected, "{text}");
        check("example.com", true);
        check("127.0.0.1:8080", true);
        check("[::1]:8080", true);
        check("[::1]", true);
        check("chat.execute-api.us-east-1.amazonaws.com", true);
        check("", false);
        check(":80", false);
        check("a b", false);
        check("a:b", false);
        check("a:", false);
        check("a:99999", false);
        check("a:1:2", false);
        check("[::1", false);
        check("[zz]:1", false);
        check("a/b", false);
        check("user@a", false);
    }

    #[test]
    fn default_ports_are_left_out() {
        let check = |host: &str, secure, expected: &str| {
            assert_eq!(without_default_port(host, secure), expected);
        };
        check("a.example:443", true, "a.example");
        check("a.example:80", true, "a.example:80");
        check("a.example:80", false, "a.example");
        check("127.0.0.1:8080", false, "127.0.0.1:8080");
    }
}
