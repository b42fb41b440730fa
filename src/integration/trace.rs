//! The trace that an HTTP backend is told of, in both spellings.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::exchange::Exchange;

const AMZN: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Writes the headers over those that the client may have sent.
pub(super) fn write(exchange: &Exchange, headers: &mut HeaderMap) {
    let trace = &exchange.context.trace;
    set(headers, AMZN, Some(trace.amzn().into_owned()));
    set(headers, TRACEPARENT, Some(trace.traceparent()));
    set(headers, TRACESTATE, trace.tracestate().map(str::to_owned));
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) {
    match value.map(HeaderValue::try_from) {
        Some(Ok(value)) => drop(headers.insert(name, value)),
        // What is in the trace came as a header, or is ours; there is nothing here that could not be sent.
        Some(Err(_)) | None => drop(headers.remove(name)),
    }
}
