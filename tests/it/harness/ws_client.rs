//! A WebSocket client that writes any bytes it is given, and reads frames one by one.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::http_client::{self, Response, fill, read_response};
use super::soon;

/// The sample nonce of RFC 6455 section 1.3.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What a server makes of [`KEY`], in the same place.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;
/// The bit of a message's last frame.
pub(crate) const FINAL: u8 = 0x80;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The opening handshake, line by line.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    request_line: String,
    headers: Vec<(String, String)>,
    trailing: Vec<u8>,
}

impl Handshake {
    /// What every client sends, and nothing more.
    pub(crate) fn new(target: &str) -> Self {
        let headers = [
            ("Host", "gateway.test"),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            request_line: format!("GET {target} HTTP/1.1"),
            headers: headers.into(),
            trailing: Vec::new(),
        }
    }

    /// Puts another request line first.
    pub(crate) fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.request_line);
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Replaces a header where it stands.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        for (known, old) in &mut self.headers {
            if known == name {
                value.clone_into(old);
            }
        }
        self
    }

    /// Sends these bytes in one piece with the handshake, not waiting for its answer.
    pub(crate) fn followed_by(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.trailing = bytes.into();
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.request_line);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.trailing);
        bytes
    }
}

/// One frame as the gateway sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) last: bool,
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// An open connection.
pub(crate) struct WsClient {
    /// The 101.
    pub(crate) response: Response,
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// A masked frame; `first` is its first byte: FIN, reserved bits, opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Only the header of a masked frame whose payload has this length.
pub(crate) fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes
}

/// The payload of a close frame.
pub(crate) fn status(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    payload
}

/// `message` of an error frame, which must be in Amazon's layout to the byte.
pub(crate) fn error_message(text: &str) -> String {
    let fields: serde_json::Value = serde_json::from_str(text).expect("an error in JSON");
    let field = |name: &str| fields[name].as_str().expect("a text").to_owned();
    let (message, connection) = (field("message"), field("connectionId"));
    let request = field("requestId");
    assert!(is_id(&connection) && is_id(&request), "{text}");
    let layout = format!(
        r#"{{"message": "{message}", "connectionId":"{connection}", "requestId":"{request}"}}"#
    );
    assert_eq!(text, layout);
    message
}

/// Whether this is an id as Amazon makes them: URL-safe base64 of eleven bytes.
pub(crate) fn is_id(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == 16
        && text
            .strip_suffix('=')
            .is_some_and(|id| id.bytes().all(letter))
}

impl WsClient {
    /// Sends a handshake and waits for its answer.
    pub(crate) async fn open(address: SocketAddr, handshake: &Handshake) -> Result<Self, Response> {
        let stream = http_client::connect(address).await;
        Self::upgrade(stream, handshake).await
    }

    /// The same on a socket that is there already.
    pub(crate) async fn upgrade(
        mut stream: TcpStream,
        handshake: &Handshake,
    ) -> Result<Self, Response> {
        stream.write_all(&handshake.bytes()).await.unwrap();
        let mut buffer = Vec::new();
        let response = read_response(&mut stream, &mut buffer).await;
        let response = response.expect("an answer to the handshake");
        if response.status != 101 {
            return Err(response);
        }
        assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
        Ok(Self {
            response,
            stream,
            buffer,
        })
    }

    /// Writes these bytes; the gateway may have hung up by then.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let written = soon("the gateway to read", self.stream.write_all(bytes)).await;
        written.ok();
    }

    /// Sends a text message.
    pub(crate) async fn send(&mut self, text: &str) {
        self.write(&frame(FINAL | TEXT, text.as_bytes())).await;
    }

    /// The next frame; `None` when the gateway closes the socket.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer) {
                return Some(frame);
            }
            if !fill(&mut self.stream, &mut self.buffer).await {
                assert!(self.buffer.is_empty(), "a frame that breaks off");
                return None;
            }
        }
    }

    /// The next frame, which must be a whole message of this kind.
    pub(crate) async fn message(&mut self, opcode: u8) -> Vec<u8> {
        let frame = self.frame().await.expect("a frame and not the end");
        let text = String::from_utf8_lossy(&frame.payload);
        assert!(
            frame.last && frame.opcode == opcode,
            "{:x}: {text}",
            frame.opcode
        );
        frame.payload
    }

    /// The next frame, which must be a text message.
    pub(crate) async fn text(&mut self) -> String {
        String::from_utf8(self.message(TEXT).await).expect("UTF-8")
    }

    /// `message` of the next frame, which must be an error frame.
    pub(crate) async fn error(&mut self) -> String {
        error_message(&self.text().await)
    }

    /// Sends text and gives the text that comes back.
    pub(crate) async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.text().await
    }

    /// Shows that the gateway has read everything so far and that nothing of it made it write.
    pub(crate) async fn silent(&mut self) {
        self.write(&frame(FINAL | PING, b"still there?")).await;
        assert_eq!(self.message(PONG).await, b"still there?");
    }

    /// Waits for the gateway to close: gives code and reason, answers, sees the end of the socket, and is gone.
    pub(crate) async fn closed(mut self) -> (u16, String) {
        let payload = self.message(CLOSE).await;
        let (code, reason) = payload.split_at(2);
        let code = u16::from_be_bytes([code[0], code[1]]);
        let reason = String::from_utf8(reason.to_vec()).expect("UTF-8");
        self.write(&frame(FINAL | CLOSE, &status(code, ""))).await;
        assert_eq!(self.frame().await, None);
        (code, reason)
    }

    /// Closes with this payload of a close frame; gives the payload of the gateway's.
    pub(crate) async fn close(mut self, payload: &[u8]) -> Vec<u8> {
        self.write(&frame(FINAL | CLOSE, payload)).await;
        let answer = self.message(CLOSE).await;
        assert_eq!(self.frame().await, None);
        answer
    }

    /// Closes as `ws.close()` does in a browser.
    pub(crate) async fn leave(self) {
        assert_eq!(self.close(&[]).await, b"");
    }
}

fn take_frame(buffer: &mut Vec<u8>) -> Option<Frame> {
    let (&first, &second) = (buffer.first()?, buffer.get(1)?);
    assert_eq!(first & 0x70, 0, "reserved bits");
    assert_eq!(second & 0x80, 0, "a server does not mask");
    let (start, length) = match second {
        126 => {
            let bytes = buffer.get(2..4)?;
            (
                4,
                usize::from(u16::from_be_bytes(bytes.try_into().unwrap())),
            )
        }
        127 => {
            let bytes = buffer.get(2..10)?;
            let length = u64::from_be_bytes(bytes.try_into().unwrap());
            (10, usize::try_from(length).unwrap())
        }
        length => (2, usize::from(length)),
    };
    let payload = buffer.get(start..start + length)?.to_vec();
    buffer.drain(..start + length);
    Some(Frame {
        last: first & FINAL != 0,
        opcode: first & 0x0f,
        payload,
    })
}
