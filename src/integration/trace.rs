//! The trace that an HTTP backend is told of, in both spellings.

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
pub(super) fn fields(exchange: &Exchange) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let trace = &exchange.context.trace;
    let texts = [
        (AMZN, Some(trace.amzn().into_owned())),
        (TRACEPARENT, Some(trace.traceparent())),
        (TRACESTATE, trace.tracestate().map(str::to_owned)),
    ];
    // What is in the trace came as a header, or is ours; there is nothing here that could not be sent.
    texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text?).ok()?)))
}

/// Writes the headers over those that are there.
pub(super) fn write(exchange: &Exchange, headers: &mut HeaderMap) {
    headers.remove(TRACESTATE);
    for (name, value) in fields(exchange) {
        headers.insert(name, value);
    }
}
