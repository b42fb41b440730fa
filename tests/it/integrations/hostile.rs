//! Backends that answer garbage, hang, stream for ever, die half-way or are not there.
//!
//! Each ends in the documented status or error frame, and the client's connection goes on.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{messages_only, one_backend, proxy};
use crate::harness::fake_http::FakeHttp;
use crate::harness::{Handshake, Rig, soon};

/// Says something, then the same for ever, or nothing more while it holds the line.
struct Stubborn {
    address: SocketAddr,
    /// One for each request, once the first words are out.
    said: mpsc::UnboundedReceiver<()>,
    accepting: JoinHandle<()>,
}

impl Drop for Stubborn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Stubborn {
    async fn start(first: &'static [u8], again: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, said) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(hold(stream, first, again, sender.clone()));
            }
        });
        Self {
            address,
            said,
            accepting,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn hold(
    mut stream: TcpStream,
    first: &'static [u8],
    again: &'static [u8],
    said: mpsc::UnboundedSender<()>,
) {
    let mut some = [0; 4096];
    if stream.read(&mut some).await.is_err() {
        return;
    }
    stream.write_all(first).await.ok();
    said.send(()).ok();
    while !again.is_empty() && stream.write_all(again).await.is_ok() {}
    // Until the gateway gives up.
    while matches!(stream.read(&mut some).await, Ok(1..)) {}
}

/// Integrations that fail at once, as a handshake and as a message see them.
async fn fails(what: &str, url: &str, status: u16, message: &str, warning: &str) {
    let rig = one_backend(&proxy(url)).start().await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(
        (refused.status, refused.refusal().as_str()),
        (status, message),
        "{what}"
    );
    rig.close_after(&[warning]).await;

    let rig = messages_only(&proxy(url)).start().await;
    let mut client = rig.open().await;
    for _ in 0..3 {
        client.send("hi").await;
        assert_eq!(client.error().await, message, "{what}");
    }
    client.leave().await;
    rig.close_after(&[warning]).await;
}

const FAILED: &str = "INTEGRATION_FAILURE";
const INTERNAL: &str = "Internal server error";

#[tokio::test]
async fn nobody_listens() {
    let url = format!("http://{}/", FakeHttp::nobody().await);
    fails("nobody listens", &url, 504, INTERNAL, FAILED).await;
}

#[tokio::test]
async fn answers_that_are_no_http() {
    let cases: [(&str, &[u8]); 8] = [
        ("closes without a word", b""),
        ("garbage", b"\x00\xff\xfe garbage \r\n\r\n"),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("half a head", b"HTTP/1.1 200 OK\r\nContent-Le"),
        ("a bad status", b"HTTP/1.1 abc OK\r\n\r\n"),
        (
            "a header without a name",
            b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        ),
        (
            "a NUL in a header",
            b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    for (what, answer) in cases {
        let backend = FakeHttp::raw(answer).await;
        fails(what, &backend.url("/"), 504, INTERNAL, FAILED).await;
    }
}

#[tokio::test]
async fn answers_that_break_off() {
    let cases: [(&str, &[u8]); 3] = [
        (
            "fewer bytes than said",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        ),
        (
            "no last chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ),
        (
            "half a chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        ),
    ];
    for (what, answer) in cases {
        let backend = FakeHttp::raw(answer).await;
        fails(what, &backend.url("/"), 504, INTERNAL, FAILED).await;
    }
}

#[tokio::test]
async fn a_head_without_end_is_not_read_to_its_end() {
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    for number in 0..40_000 {
        answer.extend_from_slice(format!("X-{number}: {number:030}\r\n").as_bytes());
    }
    let backend = FakeHttp::raw(answer).await;
    fails("40 000 headers", &backend.url("/"), 504, INTERNAL, FAILED).await;
}

#[tokio::test]
async fn a_backend_that_switches_protocols_is_504() {
    let answer =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let backend = FakeHttp::raw(answer).await;
    let rig = one_backend(&proxy(&backend.url("/"))).start().await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(
        (refused.status, refused.refusal().as_str()),
        (504, INTERNAL)
    );
    rig.close_after(&[FAILED]).await;
}

/// Sends a message, waits until the backend has said its first words, and lets the time pass.
async fn times_out(what: &str, first: &'static [u8], again: &'static [u8]) {
    let mut backend = Stubborn::start(first, again).await;
    let integration = proxy(&backend.url()) + ", timeoutInMillis: 5000";
    let rig = messages_only(&integration).manual().start().await;
    let mut client = rig.open().await;
    client.send("hi").await;
    soon("a request", backend.said.recv()).await;
    rig.advance(Duration::from_millis(4_999));
    client.silent().await;
    rig.advance(Duration::from_millis(1));
    assert_eq!(client.error().await, "Endpoint request timed out", "{what}");
    client.leave().await;
    rig.close_after(&["INTEGRATION_TIMEOUT"]).await;
}

#[tokio::test]
async fn backends_that_hang() {
    times_out("not a word", b"", b"").await;
    times_out("half a head", b"HTTP/1.1 200 OK\r\nContent-", b"").await;
    times_out(
        "half a body",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"",
    )
    .await;
    times_out(
        "no end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"",
    )
    .await;
    times_out(
        "no end without a length",
        b"HTTP/1.1 200 OK\r\n\r\nhalf",
        b"",
    )
    .await;
}

#[tokio::test]
async fn a_handshake_that_hangs_is_504() {
    let mut backend = Stubborn::start(b"", b"").await;
    let rig = one_backend(&proxy(&backend.url())).manual().start().await;
    let address = rig.address();
    let opening = tokio::spawn(async move {
        crate::harness::WsClient::open(address, &Handshake::new("/prod"))
            .await
            .map(drop)
    });
    soon("a request", backend.said.recv()).await;
    // The default is 29 seconds.
    rig.advance(Duration::from_millis(28_999));
    assert!(!opening.is_finished());
    rig.advance(Duration::from_millis(1));
    let refused = soon("the refusal", opening).await.unwrap().unwrap_err();
    assert_eq!(
        (refused.status, refused.refusal().as_str()),
        (504, "Endpoint request timed out")
    );
    rig.close_after(&["INTEGRATION_TIMEOUT"]).await;
}

/// The gateway must give up by itself, long before the backend does.
async fn is_cut_off(first: &'static [u8], again: &'static [u8]) {
    let backend = Stubborn::start(first, again).await;
    let rig = messages_only(&proxy(&backend.url())).manual().start().await;
    let mut client = rig.open().await;
    client.send("hi").await;
    assert_eq!(client.error().await, INTERNAL);
    client.leave().await;
    rig.close_after(&[FAILED]).await;
}

#[tokio::test]
async fn streams_without_end_are_cut_off() {
    const BLOCK: &[u8] = &[b'x'; 64 * 1024];
    is_cut_off(b"HTTP/1.1 200 OK\r\n\r\n", BLOCK).await;
    is_cut_off(b"HTTP/1.1 200 OK\r\nX-Endless: ", BLOCK).await;
    is_cut_off(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        BLOCK,
    )
    .await;
    is_cut_off(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10\r\n0123456789abcdef\r\n",
    )
    .await;
}

#[tokio::test]
async fn nothing_else_is_disturbed() {
    let mut stuck = Stubborn::start(b"", b"").await;
    let definition = format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      bad: {{ target: integrations/bad, {two_way} }}
      good: {{ target: integrations/good, {two_way} }}
    integrations:
      bad: {{ {} }}
      good: {{ integrationType: AWS_PROXY, integrationUri: "function:backend" }}
    stages: {{ prod: {{}} }}
"#,
        proxy(&stuck.url()),
        two_way = super::TWO_WAY,
    );
    let rig: Rig = crate::harness::Setup::new(definition)
        .function("backend", crate::harness::echo)
        .manual()
        .start()
        .await;
    let mut client = rig.open().await;
    let mut other = rig.open().await;
    client.send(r#"{"action":"bad"}"#).await;
    soon("a request", stuck.said.recv()).await;
    // The same connection and others go on meanwhile.
    let good = r#"{"action":"good"}"#;
    assert_eq!(client.ask(good).await, good);
    assert_eq!(other.ask(good).await, good);
    rig.event_of("MESSAGE").await;
    rig.event_of("MESSAGE").await;
    rig.advance(Duration::from_secs(29));
    assert_eq!(client.error().await, "Endpoint request timed out");
    client.leave().await;
    other.leave().await;
    rig.close_after(&["INTEGRATION_TIMEOUT"]).await;
}
