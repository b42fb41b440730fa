//! The push floor: a registry, a queue for each socket, and an unsigned `POST /@connections/{id}`.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::socket::{ServerSocket, upgrade};
use super::{Body, MAX_BODY_BYTES, status};

/// Payloads waiting for one socket; with more a POST is answered 429.
const QUEUE: usize = 16;

/// Who is connected: each connection's id and the queue to its socket.
#[derive(Debug, Default)]
pub struct Registry {
    queues: DashMap<String, mpsc::Sender<Bytes>>,
}

/// Takes the connection out of the registry, however its task ends.
struct Registration {
    registry: Arc<Registry>,
    id: String,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.queues.remove(&self.id);
    }
}

/// Accepts a socket, or delivers a payload to one.
pub(super) async fn answer(registry: Arc<Registry>, request: Request<Incoming>) -> Response<Body> {
    let Some(id) = connection_id(request.uri().path()) else {
        return upgrade(request, |socket| serve(registry, socket));
    };
    if request.method() != Method::POST {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY_BYTES)
        .collect()
        .await
    else {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    };
    status(registry.deliver(&id, body.to_bytes()))
}

impl Registry {
    fn deliver(&self, id: &str, payload: Bytes) -> StatusCode {
        // The sender is cloned so that no lock of the map is held while sending.
        let queue = self.queues.get(id).map(|entry| entry.value().clone());
        match queue.map(|queue| queue.try_send(payload)) {
            Some(Ok(())) => StatusCode::OK,
            Some(Err(TrySendError::Full(_))) => StatusCode::TOO_MANY_REQUESTS,
            Some(Err(TrySendError::Closed(_))) | None => StatusCode::GONE,
        }
    }
}

/// Sends what is posted, and the connection's id in answer to any message.
async fn serve(registry: Arc<Registry>, mut socket: ServerSocket) {
    let (sender, mut queue) = mpsc::channel(QUEUE);
    let id = format!("{:016x}", rand::random::<u64>());
    registry.queues.insert(id.clone(), sender);
    let registration = Registration { registry, id };
    let who = format!(r#"{{"connectionId":"{}"}}"#, registration.id);
    loop {
        let message = tokio::select! {
            received = socket.next() => match received {
                Some(Ok(message)) if message.is_text() || message.is_binary() => {
                    Message::text(who.clone())
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            payload = queue.recv() => match payload {
                Some(payload) => message(payload),
                None => return,
            },
        };
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

/// A text message if the payload is UTF-8, else a binary one.
fn message(payload: Bytes) -> Message {
    match Utf8Bytes::try_from(payload.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(payload),
    }
}

/// The id in a path that ends in `/@connections/{id}`, percent-decoded.
fn connection_id(path: &str) -> Option<String> {
    let (_, id) = path
        .rsplit_once("/@connections/")
        .or_else(|| path.rsplit_once("/%40connections/"))?;
    let id = percent_decode_str(id).decode_utf8().ok()?;
    Some(id.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_from_the_path() {
        let check = |path: &str, id: Option<&str>| {
            assert_eq!(connection_id(path).as_deref(), id, "{path}");
        };
        check("/@connections/abc", Some("abc"));
        check("/dev/@connections/abc%3D", Some("abc="));
        check("/dev/%40connections/abc=", Some("abc="));
        check("/", None);
        check("/@connections", None);
        check("/@connections/%ff", None);
    }
}
