//! The trace that an HTTP backend is told of, in both spellings.

use std::borrow::Cow;

use ::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::exchange::Exchange;

const AMZN: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Whether only this module writes that header.
pub(super) fn is_ours(name: &HeaderName) -> bool {
    [AMZN, TRACEPARENT, TRACESTATE].contains(name)
}

/// The headers of the exchange's trace.
pub(super) fn fields(exchange: &Exchange) -> impl Iterator<Item = (HeaderName, Cow<'_, str>)> {
    let trace = &exchange.context.trace;
    let state = trace.tracestate().map(Cow::Borrowed);
    let always = [
        (AMZN, trace.amzn()),
        (TRACEPARENT, Cow::Owned(trace.traceparent())),
    ];
    always
        .into_iter()
        .chain(state.map(|state| (TRACESTATE, state)))
}

/// Writes the headers over those that are there.
pub(super) fn write(exchange: &Exchange, headers: &mut HeaderMap) {
    headers.remove(TRACESTATE);
    for (name, text) in fields(exchange) {
        // What is in the trace came as a header, or is ours; there is nothing here that could not be sent.
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}
