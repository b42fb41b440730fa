//! The echo floor: a hyper upgrade and a message loop.

use std::future::Future;

use futures_util::{SinkExt, StreamExt};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Body, status};
use crate::client::socket_config;

/// Read buffer of one of a floor's sockets.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// A floor's side of a WebSocket.
pub(super) type ServerSocket = WebSocketStream<TokioIo<Upgraded>>;

/// Answers a WebSocket handshake (RFC 6455 section 4.2.2) and runs `serve` on the socket; 426 otherwise.
pub(super) fn upgrade<F>(
    mut request: Request<Incoming>,
    serve: impl FnOnce(ServerSocket) -> F + Send + 'static,
) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    let headers = request.headers();
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|_| {
            headers
                .get(SEC_WEBSOCKET_VERSION)
                .is_some_and(|v| v == "13")
        })
        .map(|key| derive_accept_key(key.as_bytes()));
    let accept = key.and_then(|key| HeaderValue::from_str(&key).ok());
    let Some(accept) = accept else {
        return status(StatusCode::UPGRADE_REQUIRED);
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let config = Some(socket_config(READ_BUFFER_BYTES));
            let io = TokioIo::new(upgraded);
            serve(WebSocketStream::from_raw_socket(io, Role::Server, config).await).await;
        }
    });
    let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Sends every message back until either side ends the connection.
pub(super) async fn echo(mut socket: ServerSocket) {
    while let Some(Ok(message)) = socket.next().await {
        let is_payload = message.is_text() || message.is_binary();
        if is_payload && socket.send(message).await.is_err() {
            return;
        }
    }
}
