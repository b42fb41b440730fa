//! Backends that are late, away, or gone.

use std::time::Duration;

use super::{FakeHttp, Lines, Setup, everything, got, scene, timed_scene};
use crate::harness::http_client::request;

const UNAVAILABLE: &str = r#"{"message":"Service Unavailable"}"#;
const FAILED: &str = "an exchange failed";
const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The gateway's own answer when this is the backend's.
async fn check(what: &str, url: &str) {
    let rig = Setup::new(everything(url)).start().await;
    let response = got(&rig).await;
    assert_eq!(
        (response.status, response.text()),
        (503, UNAVAILABLE),
        "{what}"
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("apigw-requestid").map(str::len), Some(16));
    rig.close_keeping(&[FAILED]).await;
}

#[tokio::test]
async fn nobody_is_there() {
    let address = FakeHttp::nobody().await;
    check("nobody listens", &format!("http://{address}")).await;
    // RFC 6761: a name that never resolves.
    check("no such name", "http://backend.invalid").await;
}

#[tokio::test]
async fn the_connection_ends_before_an_answer() {
    for (what, answer) in [
        ("not a word", ""),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Le"),
        ("only an interim answer", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let backend = FakeHttp::raw(answer).await;
        check(what, &backend.url("")).await;
    }
}

#[tokio::test]
async fn a_backend_that_is_late() {
    let (rig, lines, mut client) = timed_scene("timeoutInMillis: 50").await;
    client.get("/").await;
    let line = lines.asked().await;
    rig.advance(Duration::from_millis(50));
    assert_eq!(client.head().await.status, 503);
    assert_eq!(client.take(UNAVAILABLE.len()).await, UNAVAILABLE.as_bytes());
    // Its answer would come too late for anybody.
    assert_eq!(line.ended().await, b"");
    drop(client);
    rig.close_keeping(&[FAILED]).await;
}

#[tokio::test]
async fn the_time_is_thirty_seconds_where_nothing_is_said() {
    let (rig, lines, mut client) = timed_scene("").await;
    client.get("/").await;
    let mut line = lines.asked().await;
    rig.advance(Duration::from_millis(29_999));
    line.say(DONE).await;
    assert_eq!(client.head().await.status, 200);
    client.take(2).await;
    client.get("/").await;
    line.head().await;
    rig.advance(Duration::from_millis(30_000));
    assert_eq!(client.head().await.status, 503);
    drop((client, line));
    rig.close_keeping(&[FAILED]).await;
}

#[tokio::test]
async fn a_kept_connection_that_is_dead_is_replaced() {
    let (rig, lines, mut client) = scene().await;
    client.get("/1").await;
    let mut line = lines.asked().await;
    line.say(DONE).await;
    assert_eq!(client.head().await.status, 200);
    client.take(2).await;
    // The backend reads the next request and closes without an answer.
    client.get("/2").await;
    let head = line.head().await;
    assert_eq!(head.first_line(), "GET /2 HTTP/1.1");
    drop(line);
    let mut line = lines.accept().await;
    let head = line.head().await;
    assert_eq!(head.first_line(), "GET /2 HTTP/1.1");
    line.say(DONE).await;
    assert_eq!(client.head().await.status, 200);
    client.take(2).await;
    // What cannot be done twice is not done twice.
    client.send(request("POST", "/3", &[], b"abc")).await;
    line.head().await;
    drop(line);
    assert_eq!(client.head().await.status, 503);
    assert!(lines.is_quiet().await, "the request was repeated");
    drop(client);
    rig.close_keeping(&[FAILED]).await;
}

#[tokio::test]
async fn a_connection_that_has_said_something_is_not_replaced() {
    let (rig, lines, mut client) = scene().await;
    client.get("/1").await;
    let mut line = lines.asked().await;
    line.say(DONE).await;
    client.head().await;
    client.take(2).await;
    client.get("/2").await;
    line.head().await;
    line.say("HTTP/1.1 200 O").await;
    drop(line);
    assert_eq!(client.head().await.status, 503);
    assert!(lines.is_quiet().await, "the request was repeated");
    drop(client);
    rig.close_keeping(&[FAILED]).await;
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_not_used() {
    let (rig, lines, mut client) = scene().await;
    for _ in 0..5 {
        client.send(request("POST", "/", &[], b"abc")).await;
        let mut line = lines.accept().await;
        line.head().await;
        line.take(3).await;
        line.say(DONE).await;
        assert_eq!(client.head().await.status, 200);
        client.take(2).await;
        drop(line);
        rig.settle_tasks().await;
    }
    drop(client);
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let (rig, lines, mut client) = timed_scene("").await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say(DONE).await;
    client.head().await;
    client.take(2).await;
    drop(client);
    rig.advance(Duration::from_secs(4));
    assert_eq!(line.ended().await, b"");
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_idle_connections() {
    let (rig, lines, mut client) = scene().await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say(DONE).await;
    client.head().await;
    client.take(2).await;
    rig.stop(&[]).await;
    assert_eq!(line.ended().await, b"");
    drop(client);
    drop(Lines::open().await);
}
