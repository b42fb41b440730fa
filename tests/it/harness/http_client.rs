//! HTTP/1.1 by hand, so that a request may be as wrong as a test wants it.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::soon;

/// An answer as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The one value of a header; `None` when there is none.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// `message` of the body, which must be in the layout of the gateway's own refusals of a handshake.
    pub(crate) fn refusal(&self) -> String {
        super::ws_client::error_message(self.text())
    }
}

/// Sends a request as it is and reads one answer.
pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Response {
    let mut stream = connect(address).await;
    // A server that has heard enough may close while the rest is still being written.
    stream.write_all(request).await.ok();
    let mut buffer = Vec::new();
    let answer = read_response(&mut stream, &mut buffer).await;
    answer.expect("an answer")
}

/// A request with a body, its length and `Host: gateway.test`.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: gateway.test\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = soon("a connection", TcpStream::connect(address)).await;
    let stream = stream.expect("the gateway listens");
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads one answer; `None` when the other side closes without one. What comes after it stays in `buffer`.
pub(crate) async fn read_response(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> Option<Response> {
    let (mut response, length) = loop {
        if let Some(parsed) = parse_head(buffer) {
            break parsed;
        }
        if !fill(stream, buffer).await {
            assert!(buffer.is_empty(), "an answer that breaks off");
            return None;
        }
    };
    while buffer.len() < length {
        let more = fill(stream, buffer).await;
        assert!(more, "a body that breaks off");
    }
    response.body = buffer.drain(..length).collect();
    Some(response)
}

/// Reads more; `false` at the end, however it came about.
pub(crate) async fn fill(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> bool {
    let read = soon("bytes from the gateway", stream.read_buf(buffer)).await;
    matches!(read, Ok(count) if count > 0)
}

/// Takes a whole head out of `buffer`; gives it with the length of the body.
fn parse_head(buffer: &mut Vec<u8>) -> Option<(Response, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(buffer).expect("an answer in HTTP");
    let httparse::Status::Complete(end) = parsed else {
        return None;
    };
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|field| {
            let value = String::from_utf8_lossy(field.value).into_owned();
            (field.name.to_ascii_lowercase(), value)
        })
        .collect();
    let response = Response {
        status: head.code.expect("a status"),
        headers,
        body: Vec::new(),
    };
    let length = response.header("content-length");
    let length = length.map_or(0, |length| length.parse().expect("a length"));
    assert_eq!(response.header("transfer-encoding"), None);
    buffer.drain(..end);
    Some((response, length))
}
