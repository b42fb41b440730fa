//! Clients that flood an HTTP/2 connection, frame by frame: each is sent away before it costs much.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use rustls::pki_types::ServerName;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::client::TlsStream;

use crate::harness::{Rig, Setup, soon};
use crate::http2::{connect, connector};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: [u8; 4] = [0, 0, 0, 8];
/// Error code of RFC 9113 section 7.
const ENHANCE_YOUR_CALM: u32 = 11;

/// A gateway whose function answers when it is let.
struct Scene {
    rig: Rig,
    gate: Arc<Semaphore>,
    directory: TempDir,
}

async fn scene() -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let state = format!("stateDirectory: \"{}\"", directory.path().display());
    let definition = "apis:\n  shop:\n    protocolType: HTTP\n    routes: { $default: { target: integrations/f } }\n    integrations: { f: { integrationType: AWS_PROXY, integrationUri: 'function:f', payloadFormatVersion: 2.0 } }\n    stages: { $default: {} }\n";
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    let rig = Setup::new(definition)
        .server("tls: development")
        .server(&state)
        .server("limits: { requestRate: off }")
        .manual()
        .function("f", move |_| {
            let gate = Arc::clone(&waiting);
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(json!({ "statusCode": 200 }))
            }
        })
        .start()
        .await;
    Scene {
        rig,
        gate,
        directory,
    }
}

impl Scene {
    async fn flooder(&self) -> Flooder {
        Flooder::connect(&self.rig, self.directory.path()).await
    }

    /// Lets every function answer, so that nothing is left of what the flood began; the h2 crate has one of these things to say.
    async fn close_after(self, events: usize, warnings: &[&str]) {
        self.gate.add_permits(100_000);
        for _ in 0..events {
            self.rig.event("f").await;
        }
        self.rig.close_after(warnings).await;
    }

    async fn close(self, events: usize) {
        self.close_after(events, &[]).await;
    }
}

/// A client that writes frames by hand.
struct Flooder {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    next: u32,
}

/// A frame of RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The fields of `{method} https://localhost/`, by RFC 7541: entries of the static table, one literal.
fn fields(method: u8) -> Vec<u8> {
    let mut block = vec![method, 0x87, 0x84, 0x01, 9];
    block.extend(b"localhost");
    block
}
const GET: u8 = 0x82;
const POST: u8 = 0x83;

impl Flooder {
    async fn connect(rig: &Rig, directory: &Path) -> Self {
        let socket = TcpStream::connect(rig.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector(directory).connect(name, socket).await.unwrap();
        let mut flooder = Self {
            stream,
            buffer: Vec::new(),
            next: 1,
        };
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(frame(4, 0, 0, &[]));
        assert!(flooder.write(&hello).await);
        flooder
    }

    /// `false` when the gateway has hung up.
    async fn write(&mut self, bytes: &[u8]) -> bool {
        let written = soon("bytes to be taken", self.stream.write_all(bytes)).await;
        written.is_ok() && self.stream.flush().await.is_ok()
    }

    fn id(&mut self) -> u32 {
        let id = self.next;
        self.next += 2;
        id
    }

    /// A request without a body.
    fn request(&mut self) -> (u32, Vec<u8>) {
        let id = self.id();
        (
            id,
            frame(HEADERS, END_HEADERS | END_STREAM, id, &fields(GET)),
        )
    }

    /// The next frame: kind, stream, payload; `None` at the end.
    async fn frame(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        loop {
            if let Some((head, rest)) = self.buffer.split_first_chunk::<9>() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                if rest.len() >= length {
                    let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                    let found = (head[3], id, rest[..length].to_vec());
                    self.buffer.drain(..9 + length);
                    return Some(found);
                }
            }
            let read = soon("a frame", self.stream.read_buf(&mut self.buffer)).await;
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    /// The error code of the GOAWAY, which must come; other frames are passed over.
    async fn sent_away(&mut self) -> u32 {
        while let Some((kind, _, payload)) = self.frame().await {
            if kind == GOAWAY {
                let code = payload[4..8].try_into().unwrap();
                return u32::from_be_bytes(code);
            }
        }
        panic!("the gateway hung up without a word");
    }
}

#[tokio::test]
async fn a_burst_of_resets_ends_the_connection() {
    let scene = scene().await;
    let mut flooder = scene.flooder().await;
    let mut burst = Vec::new();
    for _ in 0..1000 {
        let (id, request) = flooder.request();
        burst.extend(request);
        burst.extend(frame(RST_STREAM, 0, id, &CANCEL));
    }
    flooder.write(&burst).await;
    assert_eq!(flooder.sent_away().await, ENHANCE_YOUR_CALM);
    let calls = scene.rig.calls("f");
    assert!(calls <= 220, "{calls} calls");
    scene.close_after(calls, &["remotely-reset"]).await;
}

#[tokio::test]
async fn resets_after_the_backend_was_called_are_counted() {
    let scene = scene().await;
    let mut flooder = scene.flooder().await;
    let mut events = 0;
    loop {
        let (id, request) = flooder.request();
        if !flooder.write(&request).await {
            break;
        }
        if events == 201 {
            break;
        }
        scene.rig.event("f").await;
        events += 1;
        flooder.write(&frame(RST_STREAM, 0, id, &CANCEL)).await;
    }
    flooder.sent_away().await;
    // It stays on and goes on: nothing of that is looked at.
    for _ in 0..20 {
        let (id, request) = flooder.request();
        flooder.write(&request).await;
        flooder.write(&frame(RST_STREAM, 0, id, &CANCEL)).await;
    }
    scene.rig.settle_tasks().await;
    assert_eq!(scene.rig.calls("f"), events);
    assert_eq!(events, 201);
    scene.rig.advance(Duration::from_millis(1_001));
    while flooder.frame().await.is_some() {}
    scene.close(0).await;
}

#[tokio::test]
async fn now_and_then_a_client_may_change_its_mind() {
    let scene = scene().await;
    let mut flooder = scene.flooder().await;
    let mut resets = 0;
    for _ in 0..5 {
        for _ in 0..100 {
            let (id, request) = flooder.request();
            assert!(flooder.write(&request).await);
            scene.rig.event("f").await;
            flooder.write(&frame(RST_STREAM, 0, id, &CANCEL)).await;
            resets += 1;
        }
        scene.rig.settle_tasks().await;
        scene.rig.advance(Duration::from_secs(5));
    }
    assert_eq!(resets, 500);
    scene.gate.add_permits(501);
    let (id, request) = flooder.request();
    assert!(flooder.write(&request).await);
    scene.rig.event("f").await;
    loop {
        let (kind, stream, _) = flooder.frame().await.expect("the connection is open");
        assert_ne!(kind, GOAWAY);
        if (kind, stream) == (HEADERS, id) {
            break;
        }
    }
    drop(flooder);
    scene.close(0).await;
}

#[tokio::test]
async fn a_client_that_makes_the_gateway_reset_is_sent_away_too() {
    let scene = scene().await;
    let mut flooder = scene.flooder().await;
    for _ in 0..150 {
        let (id, request) = flooder.request();
        flooder.write(&request).await;
        // MadeYouReset, CVE-2025-8671: a window of more than 2^31-1 bytes is an error of the stream.
        let too_much = (u32::MAX >> 1).to_be_bytes();
        if !flooder.write(&frame(WINDOW_UPDATE, 0, id, &too_much)).await {
            break;
        }
    }
    assert_eq!(flooder.sent_away().await, ENHANCE_YOUR_CALM);
    while flooder.frame().await.is_some() {}
    let calls = scene.rig.calls("f");
    assert!(calls <= 220, "{calls} calls");
    scene.close(calls).await;
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let scene = scene().await;
    let mut flooder = scene.flooder().await;
    let id = flooder.id();
    flooder
        .write(&frame(HEADERS, END_STREAM, id, &fields(GET)))
        .await;
    // Empty ones, which add nothing to what a size limit would count.
    let many: Vec<u8> = std::iter::repeat_with(|| frame(CONTINUATION, 0, id, &[]))
        .take(1000)
        .flatten()
        .collect();
    flooder.write(&many).await;
    assert_eq!(flooder.sent_away().await, ENHANCE_YOUR_CALM);
    assert_eq!(scene.rig.calls("f"), 0);
    while flooder.frame().await.is_some() {}
    scene.close(0).await;
}

#[tokio::test]
async fn fields_that_grow_in_the_table_are_refused() {
    let scene = scene().await;
    let mut flooder = scene.flooder().await;
    // A field of 3 KB that goes into the table, then named again and again by one byte (index 62).
    let mut block = fields(GET);
    block.extend([0x40, 1, b'x', 0x7f, 0xb9, 0x16]);
    block.extend(vec![b'y'; 127 + 0x39 + (0x16 << 7)]);
    block.extend(vec![0xbe; 10_000]);
    let id = flooder.id();
    let flags = END_HEADERS | END_STREAM;
    flooder.write(&frame(HEADERS, flags, id, &block)).await;
    let mut refused = false;
    while let Some((kind, _, payload)) = flooder.frame().await {
        // 431 by the static table does not exist: a literal after index 8.
        refused |= kind == HEADERS && payload.windows(3).any(|three| three == b"431");
        refused |= matches!(kind, RST_STREAM | GOAWAY);
        if refused {
            break;
        }
    }
    assert!(refused);
    assert_eq!(scene.rig.calls("f"), 0);
    drop(flooder);
    scene.close(0).await;
}

#[tokio::test]
async fn empty_pieces_of_a_body_are_bounded() {
    let scene = scene().await;
    let mut flooder = scene.flooder().await;
    let id = flooder.id();
    flooder
        .write(&frame(HEADERS, END_HEADERS, id, &fields(POST)))
        .await;
    let many: Vec<u8> = std::iter::repeat_with(|| frame(DATA, 0, id, &[]))
        .take(1000)
        .flatten()
        .collect();
    for _ in 0..100 {
        if !flooder.write(&many).await {
            break;
        }
    }
    assert_eq!(flooder.sent_away().await, ENHANCE_YOUR_CALM);
    assert_eq!(scene.rig.calls("f"), 0);
    drop(flooder);
    scene.close(0).await;
}

#[tokio::test]
async fn a_connection_has_ten_thousand_streams() {
    let scene = scene().await;
    let mut answered = 0;
    let mut sender = connect(&scene.rig, scene.directory.path()).await;
    scene.gate.add_permits(100_000);
    while answered < 20_000 {
        if soon("the connection", sender.ready()).await.is_err() {
            break;
        }
        let request = http::Request::get("https://localhost/").body(Empty::<bytes::Bytes>::new());
        let answer = soon("an answer", sender.send_request(request.unwrap())).await;
        let Ok(answer) = answer else { break };
        assert_eq!(answer.status(), 200);
        scene.rig.event("f").await;
        answered += 1;
    }
    // One or two may slip in before the client reads that it is to go.
    assert!((10_000..10_100).contains(&answered), "{answered}");
    let mut sender = connect(&scene.rig, scene.directory.path()).await;
    let request = http::Request::get("https://localhost/").body(Empty::<bytes::Bytes>::new());
    let answer = soon("an answer", sender.send_request(request.unwrap())).await;
    assert_eq!(answer.unwrap().status(), 200);
    drop(sender);
    scene.close(1).await;
}
