//! A backend that is played by the test, byte by byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::soon;

/// Where the backend listens.
pub(super) struct Lines {
    pub(super) address: SocketAddr,
    listener: TcpListener,
}

/// One connection of the gateway's.
pub(super) struct Line {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
}

/// A request head as it came over the wire.
#[derive(Debug)]
pub(super) struct Head(String);

impl Head {
    /// Method, target and version.
    pub(super) fn first_line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    /// The values of a header.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self
            .0
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        fields
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

impl Lines {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            listener,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> Line {
        let accepted = soon("a connection to the backend", self.listener.accept()).await;
        let (stream, _) = accepted.unwrap();
        stream.set_nodelay(true).unwrap();
        Line {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The next connection, once a request without body has come over it.
    pub(super) async fn asked(&self) -> Line {
        let mut line = self.accept().await;
        line.head().await;
        line
    }

    /// Whether nobody has connected that has not been accepted.
    pub(super) async fn is_quiet(&self) -> bool {
        futures_util::future::poll_immediate(self.listener.accept())
            .await
            .is_none()
    }
}

impl Line {
    /// Reads the head of a request.
    pub(super) async fn head(&mut self) -> Head {
        loop {
            let end = self
                .buffer
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                let head = self.buffer.drain(..end + 4).collect();
                return Head(String::from_utf8(head).unwrap());
            }
            assert!(self.fill().await, "the request breaks off");
        }
    }

    /// Reads so many bytes of a body.
    pub(super) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill().await, "the request breaks off");
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads until some bytes have come in all these.
    pub(super) async fn take_until(&mut self, end: &[u8]) -> Vec<u8> {
        while !self.buffer.ends_with(end) {
            assert!(self.fill().await, "the request breaks off");
        }
        std::mem::take(&mut self.buffer)
    }

    pub(super) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let said = self.stream.write_all(bytes.as_ref());
        soon("the gateway to read", said).await.unwrap();
    }

    /// Says something to a gateway that may not want to hear it.
    pub(super) async fn try_say(&mut self, bytes: impl AsRef<[u8]>) {
        let said = self.stream.write_all(bytes.as_ref());
        soon("the gateway to read or to close", said).await.ok();
    }

    /// Waits until the gateway has closed; gives what it had said before.
    pub(super) async fn ended(mut self) -> Vec<u8> {
        while self.fill().await {}
        self.buffer
    }

    async fn fill(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        matches!(soon("bytes from the gateway", read).await, Ok(1..))
    }
}
