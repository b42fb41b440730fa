//! Simulated clients: TCP, TLS, WebSocket and HTTP/1.1, each wait bounded, each failure named.
//!
//! Nothing here knows what a scenario measures. A client is kept small: its WebSocket owns a read buffer of
//! [`READ_BUFFER_BYTES`], or [`SPARSE_BUFFER_BYTES`] or [`IDLE_BUFFER_BYTES`] where little is received; its write buffer grows only while
//! something is being sent.

mod dialer;
mod handshake;
mod http;
mod identify;
mod signer;
mod wire;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};

pub use dialer::Dialer;
pub use http::{Answer, Drained, HttpClient};
pub use identify::{ConnectionIdSource, find_connection_id};
pub use signer::Signer;
pub use wire::Wire;

use crate::measure::{Failure, Wait};

/// Read buffer of one simulated client.
pub const READ_BUFFER_BYTES: usize = 2 * 1024;
/// Read buffer of a simulated client that is held and rarely receives anything.
pub const IDLE_BUFFER_BYTES: usize = 64;
/// Read buffer of one of many simulated clients that receive small messages: a push of 64 bytes is one read.
pub const SPARSE_BUFFER_BYTES: usize = 256;
/// Longest message a simulated client accepts; AWS allows 128 KiB.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Bytes a simulated client queues towards its socket.
pub const MAX_WRITE_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

/// One simulated client's WebSocket.
pub type Socket = WebSocketStream<Wire>;

/// How every WebSocket here is set up.
pub(crate) fn socket_config(read_buffer_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(read_buffer_bytes)
        .write_buffer_size(read_buffer_bytes)
        .max_write_buffer_size(MAX_WRITE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}

/// The payload of a text or binary message; `None` for control frames, which the library answers.
///
/// # Errors
///
/// The message closes the connection.
pub fn payload(message: Message) -> Result<Option<Bytes>, Failure> {
    if let Some(closed) = Failure::closed(&message) {
        return Err(closed);
    }
    Ok((message.is_text() || message.is_binary()).then(|| message.into_data()))
}

/// The next payload from the peer. Waits for ever: put a bound around it, or something else to wait for.
///
/// # Errors
///
/// The connection ended, or the peer broke the protocol.
pub async fn receive(socket: &mut Socket) -> Result<Bytes, Failure> {
    loop {
        let message = socket.next().await.ok_or(Failure::Reset)??;
        if let Some(payload) = payload(message)? {
            return Ok(payload);
        }
    }
}

/// Sends one message within `patience`.
///
/// # Errors
///
/// The connection ended, or the peer does not read.
pub async fn send(
    socket: &mut Socket,
    message: Message,
    patience: Duration,
) -> Result<(), Failure> {
    tokio::time::timeout(patience, socket.send(message))
        .await
        .map_err(|_| Failure::Timeout(Wait::Write))?
        .map_err(Failure::from)
}

/// Keeps `socket` alive, answering pings and dropping payloads, until `until` is done.
///
/// # Errors
///
/// The connection ended before.
pub async fn linger<T>(socket: &mut Socket, until: impl Future<Output = T>) -> Result<T, Failure> {
    let mut until = std::pin::pin!(until);
    loop {
        tokio::select! {
            biased;
            done = &mut until => return Ok(done),
            received = receive(socket) => drop(received?),
        }
    }
}

/// Closes the connection, waiting no longer than `patience` for the peer, and hands what the peer had sent
/// before it knew to `last`. How the peer closes is not reported: the measuring is over.
pub async fn close(socket: &mut Socket, patience: Duration, mut last: impl FnMut(Bytes)) {
    let handshake = async {
        if socket.close(None).await.is_ok() {
            while let Ok(payload) = receive(socket).await {
                last(payload);
            }
        }
    };
    // A peer that does not answer in time is left alone: the connection ends when the socket is dropped.
    drop(tokio::time::timeout(patience, handshake).await);
}

#[cfg(test)]
mod tests;
