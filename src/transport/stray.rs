//! Requests that the gateway answers before they meet a stage: no exchange tells of them, so this does.

use http::{Request, header};
use tracing::debug;

use crate::observe::names::Stray;
use crate::transport::edge::Answer;
use crate::transport::front::Front;

/// Counts and notes a request that gets this answer.
pub(super) fn turn_away<B>(
    front: &Front,
    request: &Request<B>,
    reason: Stray,
    answer: Answer,
) -> Answer {
    front.services.observers.metrics.stray(reason);
    let (method, uri) = (request.method(), request.uri());
    debug!(
        reason = reason.label(),
        status = answer.status().as_u16(),
        %method,
        host = ?request.headers().get(header::HOST),
        // Without the query string, which may hold a token.
        path = uri.path(),
        "a request met no stage"
    );
    answer
}
