//! The administration listener's own addresses: liveness, readiness and metrics.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::base::body::Payload;
use crate::observe::metrics;
use crate::transport::edge::Answer;
use crate::transport::front::Front;

/// Answers `/livez`, `/readyz` and `/metrics`; `None` for every other path.
pub(super) fn answer(front: &Front, request: &Request<Incoming>) -> Option<Answer> {
    let allowed = matches!(*request.method(), Method::GET | Method::HEAD);
    Some(match request.uri().path() {
        "/livez" | "/readyz" | "/metrics" if !allowed => {
            text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n")
        }
        "/readyz" if front.stop.begun() => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        "/livez" | "/readyz" => text(StatusCode::OK, "ok\n"),
        "/metrics" => metrics(front),
        _ => return None,
    })
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Payload::from(text));
    *answer.status_mut() = status;
    answer
}

fn metrics(front: &Front) -> Answer {
    let mut answer = Response::new(Payload::from(front.services.observers.page()));
    let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
