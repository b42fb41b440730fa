//! A client that reads an answer piece by piece.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::http_client::{connect, request};
use crate::harness::{Rig, soon};

/// A connection to a gateway.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
}

/// Head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    text: String,
}

/// How an answer's body ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As its framing announced.
    Proper(Vec<u8>),
    /// The connection ended first.
    Broken(Vec<u8>),
}

impl Head {
    /// The values of a header.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.text.lines().filter_map(|line| line.split_once(": "));
        fields
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    fn is_chunked(&self) -> bool {
        self.all("transfer-encoding") == ["chunked"]
    }
}

impl Client {
    pub(super) async fn connect(rig: &Rig) -> Self {
        Self {
            stream: connect(rig.address()).await,
            buffer: Vec::new(),
        }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.stream.write_all(bytes.as_ref());
        soon("the gateway to read", sent).await.unwrap();
    }

    /// Sends a request without a body.
    pub(super) async fn get(&mut self, path: &str) {
        self.send(request("GET", path, &[], b"")).await;
    }

    pub(super) async fn head(&mut self) -> Head {
        loop {
            let end = self
                .buffer
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                let head = self.buffer.drain(..end + 4).collect();
                let text = String::from_utf8(head).unwrap();
                let status = text.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse();
                return Head {
                    status: status.unwrap(),
                    text,
                };
            }
            assert!(self.fill().await, "no answer");
        }
    }

    /// Reads so many bytes as they come over the wire.
    pub(super) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill().await, "the answer breaks off");
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads one chunk of a chunked body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(end) = self.buffer.windows(2).position(|bytes| bytes == b"\r\n") {
                break self.buffer.drain(..end + 2).collect::<Vec<_>>();
            }
            assert!(self.fill().await, "the answer breaks off");
        };
        let length = std::str::from_utf8(&line).unwrap().trim_end();
        let length = usize::from_str_radix(length, 16).unwrap();
        let mut chunk = self.take(length + 2).await;
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    /// Reads a body to its end, however that comes about.
    pub(super) async fn body(&mut self, head: &Head) -> End {
        let length = head.all("content-length").first().map(|text| text.parse());
        let length: Option<usize> = length.map(Result::unwrap);
        let mut body = Vec::new();
        loop {
            let more = match (head.is_chunked(), length) {
                (true, _) => match self.whole_chunk() {
                    Some(chunk) if chunk.is_empty() => return End::Proper(body),
                    Some(chunk) => {
                        body.extend(chunk);
                        continue;
                    }
                    None => self.fill().await,
                },
                (false, Some(length)) if self.buffer.len() >= length => {
                    return End::Proper(self.buffer.drain(..length).collect());
                }
                (false, Some(_)) => self.fill().await,
                (false, None) => panic!("a body without length: {head:?}"),
            };
            if !more {
                body.append(&mut self.buffer);
                return End::Broken(body);
            }
        }
    }

    /// A chunk, when all of it has been read.
    fn whole_chunk(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer.windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = std::str::from_utf8(&self.buffer[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        let all = end + 2 + length + 2;
        if self.buffer.len() < all {
            return None;
        }
        let chunk = self.buffer.drain(..all).collect::<Vec<_>>();
        Some(chunk[end + 2..all - 2].to_vec())
    }

    /// Waits until the gateway has closed; nothing may come before.
    pub(super) async fn ended(mut self) {
        let more = self.fill().await;
        assert!(!more, "{:?}", String::from_utf8_lossy(&self.buffer));
    }

    async fn fill(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        matches!(soon("bytes from the gateway", read).await, Ok(1..))
    }
}
