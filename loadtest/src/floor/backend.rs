//! The backend behind a gateway: accepts `$connect` and `$disconnect`, echoes messages.

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{Body, MAX_BODY_BYTES, ok, status};

/// The body of a POST, with its content type; otherwise an empty 200.
pub(super) async fn answer(request: Request<Incoming>) -> Response<Body> {
    if request.method() != Method::POST {
        return status(StatusCode::OK);
    }
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY_BYTES)
        .collect()
        .await
    else {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let mut response = ok(body.to_bytes());
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}
