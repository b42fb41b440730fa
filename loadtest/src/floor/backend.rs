//! The backend behind a gateway: accepts `$connect` and `$disconnect`, echoes messages, and answers with as many
//! bytes as the query asks for.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use url::form_urlencoded;

use super::{Body, MAX_BODY_BYTES, ok, status};
use crate::options::duration;

/// Piece of a long answer.
const PIECE: Bytes = Bytes::from_static(&[b'x'; 64 * 1024]);

/// What the query of a request asks for; without any, a POST is echoed and all else answered with an empty 200.
#[derive(Debug, Default, PartialEq)]
struct Wishes {
    /// `bytes=N`: an answer of so many bytes, streamed.
    bytes: Option<u64>,
    /// `status=N`.
    status: Option<StatusCode>,
    /// `delay=TIME`: what passes before the answer.
    delay: Option<Duration>,
}

impl Wishes {
    /// Reads a query; `None` when a wish cannot be read. Other parameters are left alone.
    fn read(query: &str) -> Option<Self> {
        let mut wishes = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "bytes" => wishes.bytes = Some(value.parse().ok()?),
                "status" => wishes.status = Some(value.parse().ok().filter(is_final)?),
                "delay" => wishes.delay = Some(duration(&value).ok()?),
                _ => {}
            }
        }
        Some(wishes)
    }
}

/// Whether a status can end an exchange.
fn is_final(status: &StatusCode) -> bool {
    !status.is_informational()
}

/// The body of a POST, with its content type, or what the query asks for; 400 for a wish that cannot be read.
pub(super) async fn answer(request: Request<Incoming>) -> Response<Body> {
    let wishes = match request.uri().query() {
        None => Wishes::default(),
        Some(query) => match Wishes::read(query) {
            Some(wishes) => wishes,
            None => return status(StatusCode::BAD_REQUEST),
        },
    };
    if let Some(delay) = wishes.delay {
        tokio::time::sleep(delay).await;
    }
    let mut response = match wishes.bytes {
        Some(bytes) => stream_of(bytes),
        None => echo(request).await,
    };
    if let Some(status) = wishes.status {
        *response.status_mut() = status;
    }
    response
}

async fn echo(request: Request<Incoming>) -> Response<Body> {
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

/// A 200 with `bytes` bytes that are never in memory together.
fn stream_of(bytes: u64) -> Response<Body> {
    let pieces = stream::unfold(bytes, |left| async move {
        let length = left.min(PIECE.len() as u64);
        let piece = PIECE.slice(..length as usize);
        (length > 0).then(|| (Ok::<_, Infallible>(Frame::data(piece)), left - length))
    });
    let body = StreamBody::new(pieces).map_err(|never| match never {});
    let mut response = Response::new(body.boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_or_refused() {
        let check = |query: &str, wishes: Option<Wishes>| {
            assert_eq!(Wishes::read(query), wishes, "{query}");
        };
        check("", Some(Wishes::default()));
        check("page=2&bytesize=x", Some(Wishes::default()));
        let all = Wishes {
            bytes: Some(1_073_741_824),
            status: Some(StatusCode::IM_A_TEAPOT),
            delay: Some(Duration::from_millis(5)),
        };
        check("bytes=1073741824&status=418&delay=5ms", Some(all));
        for query in ["bytes=-1", "bytes=", "status=99", "status=101", "delay=5"] {
            check(query, None);
        }
    }
}
