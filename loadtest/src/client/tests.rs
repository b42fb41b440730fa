//! Every way in which a peer can fail a client, and the name it gets.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use url::Url;

use super::*;
use crate::options::Common;
use crate::testing::{nobody, peer, socket_peer};

/// Options that give a peer more time than it needs.
fn common(url: &str, ca: Option<&std::path::Path>) -> Common {
    Common {
        url: Url::parse(url).unwrap(),
        ca: ca.map(Into::into),
        headers: Vec::new(),
        sources: Vec::new(),
        connect_rate: None,
        connect_concurrency: 1,
        connect_timeout: Duration::from_secs(30),
        reply_timeout: Duration::from_secs(30),
        server_pids: Vec::new(),
        threads: None,
        json: None,
        html: None,
        workers: 1,
        worker: None,
        first_source: 0,
        quiet: true,
        thresholds: Default::default(),
    }
}

async fn dial(url: &str) -> Result<Socket, Failure> {
    let common = common(url, None);
    let dialer = Dialer::new(&common.url, &common).await.unwrap();
    dialer.socket().await
}

/// As [`dial_failure`], with little patience.
async fn impatient_failure(url: &str) -> String {
    let mut common = common(url, None);
    common.connect_timeout = Duration::from_millis(300);
    let dialer = Dialer::new(&common.url, &common).await.unwrap();
    dialer.socket().await.unwrap_err().to_string()
}

async fn dial_failure(url: &str) -> String {
    dial(url).await.unwrap_err().to_string()
}

/// Reads the handshake, then sends `answer` and ends the connection.
async fn answer_with(mut stream: TcpStream, answer: &'static str) {
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn failed_handshakes_are_named() {
    let check = async |answer: &'static str, name: &str| {
        let address = peer(move |stream| answer_with(stream, answer)).await;
        let failure = dial_failure(&format!("ws://{address}/")).await;
        assert_eq!(failure, name, "{answer}");
    };
    let forbidden = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    check(forbidden, "handshake status 403").await;
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno";
    check(busy, "handshake status 503").await;
    check("HTTP/1.1 200 OK\r\n\r\n", "handshake status 200").await;
    check(
        "garbage\r\n\r\n",
        "protocol: httparse error: invalid HTTP version",
    )
    .await;
    check("HTTP/1.1 101 Sw", "reset").await;
    check("", "reset").await;
    let unasked = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-accept: x\r\n\r\n";
    check(
        unasked,
        "protocol: Key mismatch in \"Sec-WebSocket-Accept\" header",
    )
    .await;
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let address = nobody().await;
    assert_eq!(dial_failure(&format!("ws://{address}/")).await, "refused");
    assert_eq!(dial_failure(&format!("wss://{address}/")).await, "refused");
}

#[tokio::test]
async fn a_silent_peer_is_given_up() {
    let address = peer(|mut stream| async move {
        let mut read = [0; 4096];
        while stream.read(&mut read).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    let failure = impatient_failure(&format!("ws://{address}/")).await;
    assert_eq!(failure, "timeout: handshake");
    let failure = impatient_failure(&format!("wss://{address}/")).await;
    assert_eq!(failure, "timeout: handshake");
}

#[tokio::test]
async fn an_endless_handshake_is_given_up() {
    let address = peer(|mut stream| async move {
        while stream.write_all(b"x-header: value\r\n").await.is_ok() {}
    })
    .await;
    let failure = dial_failure(&format!("ws://{address}/")).await;
    assert!(failure.starts_with("protocol: "), "{failure}");
}

#[tokio::test]
async fn a_closing_peer_is_named_by_its_code() {
    let check = async |frame: Option<CloseCode>, name: &str| {
        let url = socket_peer(move |mut socket| async move {
            let frame = frame.map(|code| CloseFrame {
                code,
                reason: "".into(),
            });
            socket.close(frame).await.unwrap();
        })
        .await;
        let mut socket = dial(&url).await.unwrap();
        let failure = receive(&mut socket).await.unwrap_err();
        assert_eq!(failure.to_string(), name);
    };
    check(Some(CloseCode::Away), "closed 1001").await;
    check(Some(CloseCode::Size), "closed 1009").await;
    check(None, "closed without code").await;
}

#[tokio::test]
async fn broken_frames_are_named() {
    let check = async |bytes: &'static [u8], name: &str| {
        let url = socket_peer(move |socket| async move {
            let mut stream = socket.into_inner();
            stream.write_all(bytes).await.unwrap();
        })
        .await;
        let mut socket = dial(&url).await.unwrap();
        let failure = receive(&mut socket).await.unwrap_err();
        assert_eq!(failure.to_string(), name, "{bytes:?}");
    };
    check(b"", "reset").await;
    check(&[0xf1, 0x00], "protocol: Reserved bits are non-zero").await;
    check(&[0x81, 0x02, 0xff, 0xff], "protocol: invalid UTF-8").await;
    let huge = &[0x82, 0x7f, 0, 0, 0, 1, 0, 0, 0, 0];
    check(huge, "too large").await;
    check(&[0x81, 0x05, b'h'], "reset").await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up() {
    let url = socket_peer(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let mut socket = dial(&url).await.unwrap();
    let message = Message::binary(vec![0; MAX_MESSAGE_BYTES]);
    let patience = Duration::from_millis(100);
    let mut result = Ok(());
    // Far more than two socket buffers hold.
    for _ in 0..64 {
        result = send(&mut socket, message.clone(), patience).await;
        if result.is_err() {
            break;
        }
    }
    assert_eq!(result, Err(Failure::Timeout(Wait::Write)));
}

#[tokio::test]
async fn lingering_ends_with_what_it_waits_for_or_with_the_connection() {
    let url = socket_peer(|mut socket| async move {
        socket.send(Message::Ping("?".into())).await.unwrap();
        socket.send(Message::text("dropped")).await.unwrap();
        // Ends when the pong arrives.
        drop(socket.next().await);
    })
    .await;
    let mut socket = dial(&url).await.unwrap();
    assert_eq!(linger(&mut socket, async { 7 }).await, Ok(7));
    let never = linger(&mut socket, std::future::pending::<()>());
    assert!(never.await.is_err());
}

#[tokio::test]
async fn connections_come_from_the_given_sources_in_turn() {
    let (sender, mut sources) = tokio::sync::mpsc::channel(4);
    let address = peer(move |stream| {
        let sender = sender.clone();
        async move {
            sender.send(stream.peer_addr().unwrap().ip()).await.unwrap();
        }
    })
    .await;
    let mut common = common(&format!("ws://{address}/"), None);
    common.sources = ["127.0.0.2", "127.0.0.3"]
        .map(|s| s.parse().unwrap())
        .into();
    let dialer = Dialer::new(&common.url, &common).await.unwrap();
    for source in ["127.0.0.2", "127.0.0.3", "127.0.0.2"] {
        let _wire = dialer.wire().await.unwrap();
        assert_eq!(sources.recv().await.unwrap().to_string(), source);
    }
}

#[tokio::test]
async fn targets_that_cannot_be_used_are_misuse() {
    let check = async |url: &str, ca: Option<&str>, names: &str| {
        let common = common(url, ca.map(std::path::Path::new));
        let error = Dialer::new(&common.url, &common).await.unwrap_err();
        assert!(error.0.contains(names), "{error}");
    };
    check("ftp://127.0.0.1/", None, "scheme ftp").await;
    check(
        "wss://127.0.0.1/",
        Some("/nonexistent.pem"),
        "/nonexistent.pem",
    )
    .await;
    check("wss://127.0.0.1/", Some("/dev/null"), "no certificate").await;
}

mod tls {
    use std::sync::Arc;

    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// An echoing WebSocket server with a certificate of its own for `localhost`: its port and certificate.
    async fn serve() -> (u16, String) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let address = peer(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    socket.send(message).await.ok();
                }
            }
        })
        .await;
        (address.port(), certified.cert.pem())
    }

    async fn dial_trusting(url: &str, pem: &str) -> Result<Socket, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, pem.as_bytes()).unwrap();
        let common = common(url, Some(file.path()));
        let dialer = Dialer::new(&common.url, &common).await.unwrap();
        dialer.socket().await
    }

    #[tokio::test]
    async fn a_trusted_server_is_spoken_to() {
        let (port, pem) = serve().await;
        let url = format!("wss://localhost:{port}/");
        let mut socket = dial_trusting(&url, &pem).await.unwrap();
        let patience = Duration::from_secs(10);
        send(&mut socket, Message::text("hello"), patience)
            .await
            .unwrap();
        assert_eq!(receive(&mut socket).await.unwrap(), "hello");
        close(&mut socket, patience, drop).await;
    }

    #[tokio::test]
    async fn an_untrusted_server_is_not() {
        let (port, _) = serve().await;
        let (_, other) = serve().await;
        let check = async |url: String, pem: &str| {
            let failure = dial_trusting(&url, pem).await.unwrap_err();
            assert_eq!(failure, Failure::Tls, "{url}");
        };
        check(format!("wss://localhost:{port}/"), &other).await;
        check(format!("wss://127.0.0.1:{port}/"), &other).await;
    }
}
