//! A request with everything that is found out about it on the way in: who asks whom, and as part of which trace.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName};
use http::{Request, Version};
use hyper::body::Body as _;

use crate::base::body::Payload;
use crate::base::ids;
use crate::exchange::{Forwarding, Headers};
use crate::lang::certificate::CertificateFacts;
use crate::lang::trace::{Carried, Trace};
use crate::management::ServiceCall;
use crate::transport::front::Front;
use crate::transport::head::HeadFacts;
use crate::transport::http::Socket;
use crate::transport::plain::Handover;

/// A request as it was read.
#[derive(Debug)]
pub(super) struct Asked {
    /// The request.
    pub(super) request: Request<Payload>,
    /// What hyper does not tell of its head.
    pub(super) head: HeadFacts,
    /// Where a handshake that hyper did not read gets its socket from.
    pub(super) handover: Option<Handover>,
}

/// A request with everything that was found out about it on the way in.
#[derive(Debug)]
pub(super) struct Arrival {
    /// The request as it was read.
    pub(super) asked: Asked,
    /// How it came in.
    pub forwarding: Forwarding,
    /// The host that the client asked for, with its port unless that is the scheme's own.
    pub domain_name: String,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The client's certificate, where its host wants one.
    pub certificate: Option<Arc<CertificateFacts>>,
}

impl Arrival {
    /// The request.
    pub(super) fn request(&self) -> &Request<Payload> {
        &self.asked.request
    }

    /// Its headers, spelled as the client did, with those that the gateway adds.
    pub(super) fn headers(&self) -> Headers {
        let fields = self.request().headers();
        let mut names = self.asked.head.names();
        self.forwarding
            .headers(fields, |name, text| names.spell(name, text))
    }

    /// Whether the connection certainly outlives the answer: nothing is left to be read of this request, nor is it the last.
    pub(super) fn stays_open(&self) -> bool {
        let request = self.request();
        let closes = request.headers().contains_key(header::CONNECTION);
        let body = request.body();
        let whole = body.whole().is_some() || body.is_end_stream();
        request.version() == Version::HTTP_11 && whole && !closes && !self.asked.head.last
    }

    /// As a call of one of the gateway's own services.
    pub(super) fn into_call(self) -> ServiceCall {
        let (parts, body) = self.asked.request.into_parts();
        ServiceCall {
            method: parts.method,
            uri: parts.uri,
            fields: parts.headers,
            forwarding: self.forwarding,
            source_ip: self.source_ip,
            host: self.domain_name,
            body,
        }
    }
}
/// Gathers the facts about a request.
pub(super) fn arrive(front: &Front, socket: &Socket, host: String, asked: Asked) -> Arrival {
    let fields = asked.request.headers();
    let peer = socket.peer.ip().to_canonical();
    let trusted = front.trusts(peer);
    let source_ip = match trusted {
        true => front.source_ip(peer, joined(fields, "x-forwarded-for").as_deref()),
        false => peer,
    };
    let forwarded = |name: &str| trusted.then(|| last(fields, name)).flatten();
    let scheme = forwarded("x-forwarded-proto").unwrap_or_else(|| socket.scheme());
    let secure = scheme.eq_ignore_ascii_case("https");
    let port = forwarded("x-forwarded-port").and_then(|port| port.parse().ok());
    let now = front.services.clock.wall();
    let forwarding = Forwarding {
        peer,
        port: port.unwrap_or(socket.local.port()),
        secure,
        trace: trace(fields, now.seconds()),
        host,
    };
    Arrival {
        domain_name: without_default_port(&forwarding.host, secure),
        asked,
        forwarding,
        source_ip,
        certificate: None,
    }
}

/// The trace that the request says it belongs to, or a new one.
fn trace(fields: &HeaderMap, epoch_seconds: i64) -> Trace {
    let speaks_of_it = |name: &HeaderName| {
        let name = name.as_str();
        name.starts_with("trace") || name.starts_with("x-amzn-trace")
    };
    if !fields.keys().any(speaks_of_it) {
        return Trace::begin(epoch_seconds, ids::random());
    }
    let mut parents = fields.get_all("traceparent").iter();
    let (parent, second) = (parents.next(), parents.next());
    let state = joined(fields, "tracestate");
    let carried = Carried {
        amzn: last(fields, "x-amzn-trace-id"),
        traceparent: parent
            .filter(|_| second.is_none())
            .and_then(|parent| parent.to_str().ok()),
        tracestate: state.as_deref(),
    };
    Trace::resume(&carried, epoch_seconds, ids::random())
}

fn last<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a str> {
    fields.get_all(name).iter().next_back()?.to_str().ok()
}

fn joined(fields: &HeaderMap, name: &str) -> Option<String> {
    let all = fields.get_all(name).iter();
    let all: Vec<_> = all.filter_map(|value| value.to_str().ok()).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The one host that a request names; `None` when it names none, several, or nonsense.
pub(super) fn host<B>(request: &Request<B>) -> Option<String> {
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
