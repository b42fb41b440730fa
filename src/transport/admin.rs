//! The administration listener's own addresses: liveness and readiness.

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::base::body::Payload;
use crate::transport::edge::Answer;
use crate::transport::front::Front;

/// Answers `/livez` and `/readyz`; `None` for every other path.
pub(super) fn answer(front: &Front, request: &Request<Incoming>) -> Option<Answer> {
    let (status, text) = match request.uri().path() {
        "/livez" => (StatusCode::OK, "ok\n"),
        "/readyz" if front.stop.begun() => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        "/readyz" => (StatusCode::OK, "ok\n"),
        _ => return None,
    };
    let allowed = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, text) = match allowed {
        true => (status, text),
        false => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
    };
    let mut answer = Response::new(Payload::from(text));
    *answer.status_mut() = status;
    Some(answer)
}
