//! Request bodies: they stream, to ten megabytes.

use super::{Client, Lines, Rig, Setup, any, api, everything, scene};
use crate::harness::http_client::{request, send};

/// What an HTTP API takes at most.
const LIMIT: usize = 10 * 1024 * 1024;
const TOO_LARGE: &str = r#"{"message":"Request Entity Too Large"}"#;
const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn announced(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: {length}\r\n\r\n")
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(length: usize) -> Vec<u8> {
    let mut bytes = format!("{length:x}\r\n").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    bytes.extend_from_slice(b"\r\n");
    bytes
}

async fn refused(client: &mut Client) {
    let head = client.head().await;
    assert_eq!(head.status, 413);
    let text = client.take(TOO_LARGE.len()).await;
    assert_eq!(text, TOO_LARGE.as_bytes());
}

#[tokio::test]
async fn a_length_beyond_the_limit_is_refused_before_any_byte() {
    let (rig, lines, mut client) = scene().await;
    client.send(announced(LIMIT + 1)).await;
    refused(&mut client).await;
    assert!(lines.is_quiet().await, "the backend was called");
    drop(client);
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_body_of_the_limit_passes() {
    let (rig, lines, mut client) = scene().await;
    let sending = async {
        client.send(announced(LIMIT)).await;
        client.send(vec![b'x'; LIMIT]).await;
        client.head().await
    };
    let serving = async {
        let mut line = lines.accept().await;
        let head = line.head().await;
        assert_eq!(head.all("content-length"), [LIMIT.to_string()]);
        assert_eq!(line.take(LIMIT).await.len(), LIMIT);
        line.say(DONE).await;
        line
    };
    let (head, line) = tokio::join!(sending, serving);
    assert_eq!(head.status, 200);
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_body_that_grows_beyond_the_limit_is_cut() {
    let (rig, lines, mut client) = scene().await;
    client.send(CHUNKED).await;
    let sending = async {
        for _ in 0..LIMIT / 65_536 {
            client.send(chunk(65_536)).await;
        }
        client.send(chunk(1)).await;
        refused(&mut client).await;
    };
    let serving = async {
        let mut line = lines.accept().await;
        line.head().await;
        line.ended().await
    };
    let ((), got) = tokio::join!(sending, serving);
    assert!(
        !got.ends_with(b"0\r\n\r\n"),
        "the backend takes it for whole"
    );
    client.ended().await;
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_body_is_refused_whole_where_something_reads_it() {
    let lines = Lines::open().await;
    let mapping = "requestParameters: { \"append:header.x-body\": $request.body.a }";
    let integration = format!("{}, {mapping}", any(&lines.url("")));
    let rig = Setup::new(api("$default", &integration)).start().await;
    let mut client = Client::connect(&rig).await;
    client.send(announced(LIMIT + 1)).await;
    refused(&mut client).await;
    assert!(lines.is_quiet().await, "the backend was called");

    let mut client = Client::connect(&rig).await;
    client
        .send(request("POST", "/", &[], br#"{"a":"b"}"#))
        .await;
    let mut line = lines.accept().await;
    let head = line.head().await;
    assert_eq!(head.all("x-body"), ["b"]);
    assert_eq!(line.take(9).await, br#"{"a":"b"}"#);
    line.say(DONE).await;
    assert_eq!(client.head().await.status, 200);
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn pieces_go_on_as_they_come() {
    let (rig, lines, mut client) = scene().await;
    client.send(CHUNKED).await;
    client.send("3\r\none\r\n").await;
    let mut line = lines.accept().await;
    line.head().await;
    assert_eq!(line.take_until(b"one\r\n").await, b"3\r\none\r\n");
    client.send("3\r\ntwo\r\n").await;
    assert_eq!(line.take_until(b"two\r\n").await, b"3\r\ntwo\r\n");
    client.send("0\r\n\r\n").await;
    assert_eq!(line.take_until(b"0\r\n\r\n").await, b"0\r\n\r\n");
    line.say(DONE).await;
    assert_eq!(client.head().await.status, 200);
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_client_that_waits_is_told_to_go_on() {
    let (rig, lines, mut client) = scene().await;
    let head = "POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    client.send(head).await;
    let told = client.head().await;
    assert_eq!(told.status, 100);
    client.send("abc").await;
    let mut line = lines.accept().await;
    let head = line.head().await;
    assert!(head.all("expect").is_empty());
    assert_eq!(line.take(3).await, b"abc");
    line.say(DONE).await;
    assert_eq!(client.head().await.status, 200);
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_client_that_waits_is_told_of_a_refusal_instead() {
    let (rig, lines, mut client) = scene().await;
    let length = LIMIT + 1;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    client.send(head).await;
    refused(&mut client).await;
    assert!(lines.is_quiet().await, "the backend was called");
    drop(client);
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_call() {
    for (head, rest) in [(announced(10), ""), (CHUNKED.to_owned(), "5\r\n")] {
        let (rig, lines, mut client) = scene().await;
        client.send(format!("{head}{rest}")).await;
        client.send("half").await;
        let mut line = lines.accept().await;
        line.head().await;
        drop(client);
        let got = line.ended().await;
        assert!(
            !got.ends_with(b"0\r\n\r\n"),
            "the backend takes it for whole"
        );
        // It is the client's affair: nobody is warned.
        rig.close_keeping(&[]).await;
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_has_ended() {
    let (rig, lines, mut client) = scene().await;
    client.send(announced(1_000_000)).await;
    client.send("some").await;
    let mut line = lines.accept().await;
    line.head().await;
    line.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let head = client.head().await;
    assert_eq!(head.status, 403);
    assert_eq!(client.take(2).await, b"no");
    // What is left of the body is nobody's request.
    line.ended().await;
    drop(client);
    let again = send_ok(&rig, &lines).await;
    assert_eq!(again, 200);
    rig.close_keeping(&[]).await;
}

async fn send_ok(rig: &Rig, lines: &Lines) -> u16 {
    let asked = request("GET", "/", &[], b"");
    let (response, _line) = tokio::join!(send(rig.address(), &asked), async {
        let mut line = lines.asked().await;
        line.say(DONE).await;
        line
    });
    response.status
}

#[tokio::test]
async fn what_is_no_body_is_refused() {
    for body in [
        "zz\r\n",
        "5\r\nhelloX\r\n",
        "ffffffffffffffffff\r\n",
        "-1\r\n",
    ] {
        let (rig, lines, mut client) = scene().await;
        client.send(format!("{CHUNKED}{body}")).await;
        let serving = async {
            let line = lines.accept().await;
            line.ended().await
        };
        let (got, head) = tokio::join!(serving, client.head());
        assert!(!got.ends_with(b"0\r\n\r\n"), "{body:?}");
        assert_eq!(head.status, 400, "{body:?}");
        drop(client);
        rig.close_keeping(&[]).await;
    }
}

#[tokio::test]
async fn an_unread_body_does_not_become_a_request() {
    let lines = Lines::open().await;
    // Nobody answers here.
    let rig = Setup::new(everything("http://127.0.0.1:1")).start().await;
    let mut client = Client::connect(&rig).await;
    let smuggled = request("GET", "/smuggled", &[], b"");
    client.send(request("POST", "/", &[], &smuggled)).await;
    assert_eq!(client.head().await.status, 503);
    client
        .take(r#"{"message":"Service Unavailable"}"#.len())
        .await;
    client
        .send(request("GET", "/", &[("connection", "close")], b""))
        .await;
    assert_eq!(client.head().await.status, 503);
    client
        .take(r#"{"message":"Service Unavailable"}"#.len())
        .await;
    client.ended().await;
    drop(lines);
    rig.close_keeping(&["an exchange failed"]).await;
}
