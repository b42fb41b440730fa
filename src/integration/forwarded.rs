//! Which headers go on to a backend, and how it is told where the request came from.
//!
//! Source: RFC 9110 section 7.6.1 (connection-specific fields), RFC 7239 (`Forwarded`); developer guide, "Amazon API Gateway
//! important notes" for HTTP APIs: `X-Forwarded-*` become `Forwarded`.

use std::borrow::Cow;
use std::net::IpAddr;

use ::http::header::{self, HeaderMap, HeaderName};

use crate::base::ip::push_ip;
use crate::exchange::{Forwarding, GatewayRequest};
use crate::integration::trace;

/// Headers that end here: those of the client's own connection, and those that are written anew.
const ENDING: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// The same, for names that have no constant.
const ENDING_NAMES: [&str; 6] = [
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];
/// How the names begin of what `Forwarded` stands for.
const X_FORWARDED: &str = "x-forwarded-";
/// Room for what is written in most cases, in bytes.
const TEXT_BYTES: usize = 96;
/// Names that only the gateway may speak under.
const OURS: [&str; 2] = ["apigw-", "x-amzn-"];

/// Whether a client's header goes on to the backend.
///
/// Backends that put headers into variables (RFC 3875 section 4.1.18) read `x_amzn_y` as `x-amzn-y`: what must not go on in one
/// spelling does not go on in the other.
pub(super) fn goes_on(name: &HeaderName) -> bool {
    let text = name.as_str();
    if text.contains('_') {
        let twin = text.replace('_', "-");
        return !ENDING.iter().any(|ending| *ending == *twin) && may_speak(&twin);
    }
    !ENDING.contains(name) && !trace::is_ours(name) && may_speak(text)
}

fn may_speak(name: &str) -> bool {
    !ENDING_NAMES.contains(&name) && !is_ours(name)
}

/// Whether only the gateway may speak under this name, in lower case.
pub(super) fn is_ours(name: &str) -> bool {
    OURS.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether two different names are one to backends that cannot tell `-` from `_`.
pub(super) fn are_twins(one: &HeaderName, other: &HeaderName) -> bool {
    let (one, other) = (one.as_str().bytes(), other.as_str().bytes());
    if one.len() != other.len() || one.clone().eq(other.clone()) {
        return false;
    }
    let dashed = |byte: u8| if byte == b'_' { b'-' } else { byte };
    one.map(dashed).eq(other.map(dashed))
}

/// The headers that the client's `Connection` names as its own.
pub(super) fn nominated(fields: &HeaderMap) -> Vec<HeaderName> {
    let values = fields.get_all(header::CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect()
}

/// What `Forwarded` says behind what the client sent under that name: the client's `X-Forwarded-*` in this form, and our own
/// part. `by` is our address towards the backend, where it is told.
pub(super) fn value(request: &GatewayRequest, by: Option<IpAddr>) -> Option<String> {
    let forwarding = request.forwarding.as_ref()?;
    let mut text = String::with_capacity(TEXT_BYTES);
    if request
        .fields
        .keys()
        .any(|name| name.as_str().starts_with(X_FORWARDED))
    {
        fold(&request.fields, &mut text);
    }
    ours(forwarding, by, &mut text);
    Some(text)
}

// Every request has this, so the formatter is left out of it.
fn ours(forwarding: &Forwarding, by: Option<IpAddr>, text: &mut String) {
    if let Some(by) = by {
        text.push_str("by=");
        push_node(by, text);
        text.push(';');
    }
    text.push_str("for=");
    push_node(forwarding.peer, text);
    text.push_str(";host=");
    text.push_str(&quoted(&forwarding.host));
    text.push_str(";proto=");
    text.push_str(forwarding.scheme());
}

/// An address as RFC 7239 section 6 writes it.
fn push_node(address: IpAddr, text: &mut String) {
    match address {
        IpAddr::V4(_) => push_ip(address, text),
        IpAddr::V6(_) => {
            text.push_str("\"[");
            push_ip(address, text);
            text.push_str("]\"");
        }
    }
}

/// Writes a client's `X-Forwarded-*` as elements of `Forwarded`, with a comma behind each.
fn fold(fields: &HeaderMap, text: &mut String) {
    let chain = joined(fields, "x-forwarded-for");
    let proto = joined(fields, "x-forwarded-proto");
    let host = joined(fields, "x-forwarded-host");
    if chain.is_empty() && proto.is_empty() && host.is_empty() {
        return;
    }
    let hops: Vec<&str> = match chain.is_empty() {
        true => vec![""],
        false => chain.split(',').map(str::trim).collect(),
    };
    for (position, hop) in hops.into_iter().enumerate() {
        let mut parts = Vec::new();
        if !hop.is_empty() {
            let mut part = "for=".to_owned();
            match hop.parse::<IpAddr>() {
                Ok(address) => push_node(address, &mut part),
                Err(_) => part.push_str(&quoted(hop)),
            }
            parts.push(part);
        }
        // What the first proxy wrote is about the client itself.
        if position == 0 && !host.is_empty() {
            parts.push(format!("host={}", quoted(&host)));
        }
        if position == 0 && !proto.is_empty() {
            parts.push(format!("proto={}", quoted(&proto)));
        }
        if !parts.is_empty() {
            text.push_str(&parts.join(";"));
            text.push_str(", ");
        }
    }
}

fn joined(fields: &HeaderMap, name: &str) -> String {
    let values = fields.get_all(name).iter();
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// A token as it is, anything else as a quoted string (RFC 9110 section 5.6).
fn quoted(text: &str) -> Cow<'_, str> {
    // AWS: a host with a port stands there without quotes.
    let common = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-');
    let plain = |byte: u8| common(byte) || b"!#$%&'*+^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")).into()
}
