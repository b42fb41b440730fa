//! The administration listener's own addresses: liveness, readiness, metrics, and the control plane.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use crate::base::body::Payload;
use crate::control;
use crate::observe::metrics;
use crate::transport::arrival::Arrival;
use crate::transport::edge::Answer;
use crate::transport::front::Front;
use crate::transport::place;

/// Answers `/livez`, `/readyz` and `/metrics`; `None` for every other path.
pub(super) fn answer(front: &Front, request: &Request<Payload>) -> Option<Answer> {
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

/// Whether a request is for the control plane. An API of the gateway may have such a path too: it is told by its host, or by what
/// the request is signed for.
pub(super) fn is_control(front: &Front, arrival: &Arrival) -> bool {
    let plan = front.services.plan();
    control::serves(arrival.request().uri().path())
        && !place::is_named(&plan, &arrival.domain_name)
        && !is_signed_for_an_api(arrival.request())
}

fn is_signed_for_an_api(request: &Request<Payload>) -> bool {
    let scope = "/execute-api/aws4_request";
    let mut signatures = request.headers().get_all(AUTHORIZATION).iter();
    signatures.any(|value| value.to_str().is_ok_and(|text| text.contains(scope)))
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
