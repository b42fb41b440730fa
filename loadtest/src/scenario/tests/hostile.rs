//! Every scenario against servers that refuse, hang, hang up, talk nonsense, close and fall silent: what happened is
//! counted under its name, nothing passes, and every run ends.

use std::net::SocketAddr;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::stop;
use crate::testing::{nobody, peer, read_to_end, run, try_run};

/// Each as small as it can be; the timeouts are what a hanging server costs.
const SCENARIOS: [&str; 9] = [
    "idle --connections 3 --hold 30ms --cooldown 1ms --message hi --expect-reply",
    "ramp --connections 3 --rate 1000 --hold 30ms --message hi --expect-reply",
    "churn --connections 100 --rate 100 --duration 50ms --message hi --expect-reply",
    "storm --connections 3 --rounds 1 --calm 1ms --back-within 1ms --message hi --expect-reply",
    "echo --connections 3 --messages 6",
    "forward --connections 3 --messages 6 --rate 1000",
    "push --connections 3 --messages 6",
    "slow --connections 2 --stalled 1 --rate 100 --duration 30ms",
    "soak --duration 30ms --connections 2 --ramp-rate 1000 --churn-connections 100 --churn-rate 100 \
     --push-connections 2 --publishers 1 --message-connections 2",
];

/// A stop must not wait for any of these to end.
const PATIENT: &str = "--connect-timeout 1day --reply-timeout 1day";

/// Runs every scenario against `address`; each must fail with an error that ends in `error`.
async fn check(address: SocketAddr, error: &str) {
    let runs = SCENARIOS.map(|line| async move {
        let (name, options) = line.split_once(' ').unwrap();
        let line = format!(
            "{name} ws://{address}/ {options} --connect-timeout 300ms --reply-timeout 300ms"
        );
        (line.clone(), run(&line).await)
    });
    for (line, result) in futures_util::future::join_all(runs).await {
        assert_eq!(result["passed"], false, "{line}");
        let errors: Vec<&String> = match &result["errors"] {
            Value::Object(errors) => errors.keys().collect(),
            other => panic!("{line}: {other}"),
        };
        let named = errors.iter().any(|name| name.ends_with(error));
        assert!(named, "{line}: {error} is none of {errors:?}");
    }
}

#[tokio::test]
async fn refused_connections_are_named() {
    check(nobody().await, "refused").await;
}

#[tokio::test]
async fn servers_that_hang_are_named() {
    let hang = |mut stream: TcpStream| async move { while stream.read_u8().await.is_ok() {} };
    check(peer(hang).await, "timeout: handshake").await;
}

#[tokio::test]
async fn servers_that_hang_up_are_named() {
    check(peer(|stream| async { drop(stream) }).await, "reset").await;
}

/// Reads until the other side has said what it wanted, then answers with `bytes` and hangs up.
async fn answer(mut stream: TcpStream, bytes: &'static [u8]) {
    let mut request = [0; 4096];
    if stream.read(&mut request).await.is_ok() {
        stream.write_all(bytes).await.ok();
        // Hanging up with unread bytes would reset the connection before the answer is read.
        stream.shutdown().await.ok();
        while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
    }
}

#[tokio::test]
async fn refused_handshakes_are_named() {
    let refuse = |stream| {
        answer(
            stream,
            b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy",
        )
    };
    check(peer(refuse).await, "handshake status 503").await;
}

#[tokio::test]
async fn nonsense_in_place_of_a_handshake_is_named() {
    let nonsense = |stream| answer(stream, b"\x16\x03\x01 this is no HTTP \xFF\xFF\r\n\r\n");
    let named = "protocol: httparse error: invalid HTTP version";
    check(peer(nonsense).await, named).await;
}

#[tokio::test]
async fn nonsense_in_place_of_frames_is_named() {
    let nonsense = |stream: TcpStream| async {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.next().await;
        // A text frame with all three reserved bits.
        let stream = socket.get_mut();
        stream.write_all(&[0xF1, 0x01, b'x']).await.ok();
        while stream.read_u8().await.is_ok() {}
    };
    check(peer(nonsense).await, "protocol: Reserved bits are non-zero").await;
}

#[tokio::test]
async fn servers_that_close_are_named() {
    let close = |stream: TcpStream| async {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.next().await;
        let frame = CloseFrame {
            code: CloseCode::Error,
            reason: "".into(),
        };
        socket.close(Some(frame)).await.ok();
        read_to_end(socket).await;
    };
    check(peer(close).await, "closed 1011").await;
}

#[tokio::test]
async fn servers_that_fall_silent_are_named() {
    let silent = |stream: TcpStream| async {
        read_to_end(tokio_tungstenite::accept_async(stream).await.unwrap()).await;
    };
    check(peer(silent).await, "timeout: reply").await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_server_that_hangs() {
    for (scheme, line) in [
        ("ws", "idle --connections 3 --cooldown 1day"),
        ("ws", "ramp --connections 3 --rate 1000"),
        ("ws", "churn --connections 3 --rate 1000"),
        ("ws", "storm --connections 3"),
        ("ws", "echo --connections 3"),
        ("ws", "push --connections 3"),
        ("https", "http --connections 3"),
    ] {
        let (connected, mut first) = tokio::sync::mpsc::channel(1);
        let address = peer(move |mut stream: TcpStream| {
            let connected = connected.clone();
            async move {
                connected.try_send(()).ok();
                while stream.read_u8().await.is_ok() {}
            }
        })
        .await;
        let (switch, stop) = stop::pair();
        let (name, options) = line.split_once(' ').unwrap();
        let line = format!("{name} {scheme}://{address}/ {options} {PATIENT}");
        let stopper = async {
            first.recv().await.unwrap();
            switch.stop();
        };
        let (report, ()) = tokio::join!(try_run(&line, stop), stopper);
        let result = report.unwrap().json().clone();
        assert_eq!(result["interrupted"], true, "{line}");
        assert_eq!(result["errors"], json!({}), "{line}");
    }
}
