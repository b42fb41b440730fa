//! The WebSocket handshake, without the buffer it leaves behind.
//!
//! The library reads the answer into a buffer of 4 KiB, which the socket then keeps for as long as it lives. Here it is
//! shown the head of the answer alone; the socket is made anew, with its own small buffer and what came behind the head.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Socket, Wire};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Sends `request` over `wire` and waits for the answer.
pub(super) async fn handshake(
    request: Request,
    wire: Wire,
    config: WebSocketConfig,
) -> Result<Socket, SocketError> {
    let (socket, _) = client_async(request, HeadOnly::new(wire)).await?;
    let HeadOnly { wire, behind, .. } = socket.into_inner();
    let socket = WebSocketStream::from_partially_read(wire, behind, Role::Client, Some(config));
    Ok(socket.await)
}

/// Reads as far as the first empty line; what came with it waits in `behind`.
#[derive(Debug)]
struct HeadOnly<S> {
    wire: S,
    /// How much of [`END_OF_HEAD`] the bytes so far end in.
    matched: usize,
    behind: Vec<u8>,
}

impl<S> HeadOnly<S> {
    fn new(wire: S) -> Self {
        Self {
            wire,
            matched: 0,
            behind: Vec::new(),
        }
    }

    /// How many of `bytes` belong to the head.
    fn advance(&mut self, bytes: &[u8]) -> usize {
        for (position, byte) in bytes.iter().enumerate() {
            self.matched = match END_OF_HEAD.get(self.matched) {
                Some(expected) if expected == byte => self.matched + 1,
                _ if *byte == b'\r' => 1,
                _ => 0,
            };
            if self.matched == END_OF_HEAD.len() {
                return position + 1;
            }
        }
        bytes.len()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadOnly<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.matched == END_OF_HEAD.len() {
            // The head was all there is to see: whoever wants more has misread it.
            return Poll::Ready(Ok(()));
        }
        let mut chunk = [0; CHUNK_BYTES];
        let room = chunk.len().min(buf.remaining());
        let mut read = ReadBuf::new(chunk.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut this.wire).poll_read(cx, &mut read))?;
        let length = this.advance(read.filled());
        let (head, behind) = read.filled().split_at(length);
        buf.put_slice(head);
        this.behind.extend_from_slice(behind);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadOnly<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn the_head_ends_at_the_empty_line() {
        let check = async |text: &'static str, head: &str, behind: &str| {
            let mut reader = HeadOnly::new(text.as_bytes());
            let mut seen = String::new();
            reader.read_to_string(&mut seen).await.unwrap();
            assert_eq!((&*seen, &*reader.behind), (head, behind.as_bytes()));
        };
        check("a\r\nb\r\n\r\nframe", "a\r\nb\r\n\r\n", "frame").await;
        check("a\r\n\r\r\n\r\n\r\n\r\n", "a\r\n\r\r\n\r\n", "\r\n\r\n").await;
        check("never ends\r\n\r", "never ends\r\n\r", "").await;
        check("", "", "").await;
    }
}
