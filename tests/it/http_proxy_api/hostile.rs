//! Backends that lie about their framing, flood, or die half-way.
//!
//! A client gets a whole answer, or sees that it is not whole, or an error of the gateway's; never somebody else's bytes.

use super::client::End;
use super::{Client, FakeHttp, Setup, everything, got, scene};

const FAILED: &str = "an exchange failed";

#[tokio::test]
async fn answers_that_are_no_http() {
    let cases: [(&str, &[u8]); 16] = [
        ("garbage", b"\x00\xff\xfe garbage \r\n\r\n"),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("a bad status", b"HTTP/1.1 abc OK\r\n\r\n"),
        ("a status too small", b"HTTP/1.1 099 OK\r\n\r\n"),
        (
            "another version",
            b"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "a header without a name",
            b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "a blank before the colon",
            b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        ),
        (
            "a folded header",
            b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "a NUL in a header",
            b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "a bare carriage return",
            b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        ),
        (
            "two lengths in one",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
        ),
        (
            "a length that is none",
            b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
        ),
        (
            "a negative length",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",
        ),
        (
            "a length beyond counting",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nab",
        ),
        (
            "another protocol by upgrade",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        ),
    ];
    for (what, answer) in cases {
        let backend = FakeHttp::raw(answer).await;
        let rig = Setup::new(everything(&backend.url(""))).start().await;
        assert_eq!(got(&rig).await.status, 503, "{what}");
        rig.close_keeping(&[FAILED]).await;
    }
}

#[tokio::test]
async fn heads_without_end() {
    let fields = |count: usize| {
        let field = |number| format!("X-{number}: a\r\n");
        let fields: String = (0..count).map(field).collect();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n")
    };
    let large = |bytes: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n",
            "a".repeat(bytes)
        )
    };
    for (what, answer, status) in [
        ("many fields", fields(150), 200),
        ("too many fields", fields(1000), 503),
        ("a large field", large(30_000), 200),
        ("too large a field", large(200_000), 503),
        (
            "nothing but a field",
            "HTTP/1.1 200 OK\r\nX: ".to_owned() + &"a".repeat(1_000_000),
            503,
        ),
        (
            "a long first line",
            "HTTP/1.1 200 ".to_owned() + &"a".repeat(1_000_000),
            503,
        ),
        ("empty lines", "\r\n".repeat(200_000), 503),
        (
            "interim answers",
            "HTTP/1.1 102 Processing\r\n\r\n".repeat(100_000),
            503,
        ),
        (
            "a few too many interim answers",
            "HTTP/1.1 102 x\r\n\r\n".repeat(6) + &fields(0),
            503,
        ),
        (
            "as many as there may be",
            "HTTP/1.1 102 x\r\n\r\n".repeat(5) + &fields(0),
            200,
        ),
    ] {
        let (rig, lines, mut client) = scene().await;
        client.get("/").await;
        let mut line = lines.asked().await;
        let (head, ()) = tokio::join!(client.head(), line.try_say(answer));
        assert_eq!(head.status, status, "{what}");
        drop((line, client));
        rig.close_keeping(if status == 503 { &[FAILED] } else { &[] })
            .await;
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to_break_off() {
    for (what, head, body) in [
        ("short of its length", "Content-Length: 100", "some"),
        (
            "between chunks",
            "Transfer-Encoding: chunked",
            "4\r\nsome\r\n",
        ),
        ("within a chunk", "Transfer-Encoding: chunked", "9\r\nsome"),
        (
            "before the last line",
            "Transfer-Encoding: chunked",
            "4\r\nsome\r\n0\r\n",
        ),
        (
            "a chunk without size",
            "Transfer-Encoding: chunked",
            "4\r\nsome\r\n\r\n0\r\n\r\n",
        ),
        (
            "a chunk of bad size",
            "Transfer-Encoding: chunked",
            "4\r\nsome\r\nzz\r\n0\r\n\r\n",
        ),
        (
            "a chunk of no size",
            "Transfer-Encoding: chunked",
            "4\r\nsome\r\nfffffffffffffffff\r\n",
        ),
        (
            "a chunk too long",
            "Transfer-Encoding: chunked",
            "4\r\nsomething\r\n0\r\n\r\n",
        ),
    ] {
        let (rig, lines, mut client) = scene().await;
        client.get("/").await;
        let mut line = lines.asked().await;
        line.say(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n")).await;
        let seen = client.head().await;
        line.say(body).await;
        drop(line);
        assert_eq!(seen.status, 200, "{what}");
        match client.body(&seen).await {
            End::Broken(_) => {}
            End::Proper(got) => panic!("{what}: {:?}", String::from_utf8_lossy(&got)),
        }
        drop(client);
        rig.close_keeping(&[]).await;
        // Where that is known before any of it has gone on, the gateway says so.
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
        let backend = FakeHttp::raw(answer).await;
        let rig = Setup::new(everything(&backend.url(""))).start().await;
        let mut client = Client::connect(&rig).await;
        client.get("/").await;
        let seen = client.head().await;
        let end = client.body(&seen).await;
        assert!(
            seen.status == 503 || matches!(end, End::Broken(_)),
            "{what}"
        );
        drop(client);
        let warnings: &[&str] = if seen.status == 503 { &[FAILED] } else { &[] };
        rig.close_keeping(warnings).await;
    }
}

/// The next request after this answer, from another client: it must not come over the same connection to the backend.
async fn ends_its_connection(what: &str, answer: &str, expected: &[u8]) {
    let (rig, lines, mut client) = scene().await;
    client.get("/1").await;
    let mut line = lines.asked().await;
    line.say(answer).await;
    let head = client.head().await;
    assert_eq!(head.status, 200, "{what}");
    assert_eq!(
        client.body(&head).await,
        End::Proper(expected.into()),
        "{what}"
    );
    let mut client = Client::connect(&rig).await;
    client.get("/2").await;
    let mut other = lines.accept().await;
    assert_eq!(other.head().await.first_line(), "GET /2 HTTP/1.1", "{what}");
    assert_eq!(line.ended().await, b"", "{what}");
    other
        .say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
        .await;
    client.head().await;
    assert_eq!(client.take(4).await, b"mine", "{what}");
    drop((client, other));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_connection_of_doubtful_framing_is_not_used_again() {
    let check = ends_its_connection;
    check(
        "a length and chunks",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"abc",
    )
    .await;
    check(
        "more than was announced",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nyours",
        b"abc",
    )
    .await;
    check(
        "more behind the last chunk",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"abc",
    )
    .await;
    check(
        "a body where there is none",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nyours",
        b"",
    )
    .await;
    check(
        "an old version",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"abc",
    )
    .await;
    check(
        "two equal lengths",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"abc",
    )
    .await;
}

#[tokio::test]
async fn what_comes_unasked_is_nobodys_answer() {
    let (rig, lines, mut client) = scene().await;
    client.get("/1").await;
    let mut line = lines.asked().await;
    line.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
        .await;
    client.head().await;
    client.take(3).await;
    // Nobody has asked for this one.
    line.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nyours")
        .await;
    rig.settle_tasks().await;
    client.get("/2").await;
    let mut other = lines.asked().await;
    assert_eq!(line.ended().await, b"");
    other
        .say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
        .await;
    client.head().await;
    assert_eq!(client.take(4).await, b"mine");
    drop((client, other));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_whatever_it_says() {
    let (rig, lines, mut client) = scene().await;
    client
        .send("HEAD / HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
        .await;
    let mut line = lines.asked().await;
    line.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
        .await;
    let head = client.head().await;
    assert_eq!((head.status, head.all("content-length")), (200, vec!["3"]));
    client.get("/").await;
    let mut other = lines.asked().await;
    other
        .say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status, 201);
    drop((client, line, other));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn trailers_and_extensions_are_thrown_away() {
    let (rig, lines, mut client) = scene().await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        .await;
    let head = client.head().await;
    assert!(!head.has("trailer"));
    line.say("4;a=b\r\nsome\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), b"some");
    line.say("0\r\nX-Sum: 1\r\nSet-Cookie: a=1\r\n\r\n").await;
    assert_eq!(client.take(5).await, b"0\r\n\r\n");
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn floods_behind_a_head_end_the_answer() {
    let extension = format!("4;{}", "a".repeat(1_000_000));
    let trailers = format!("0\r\nX: {}", "a".repeat(1_000_000));
    for flood in [extension, trailers] {
        let (rig, lines, mut client) = scene().await;
        client.get("/").await;
        let mut line = lines.asked().await;
        line.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        let head = client.head().await;
        let (end, ()) = tokio::join!(client.body(&head), line.try_say(flood));
        assert_eq!(end, End::Broken(Vec::new()));
        drop((client, line));
        rig.close_keeping(&[]).await;
    }
}

#[tokio::test]
async fn nobody_gets_the_answer_of_another() {
    let backend = FakeHttp::start(|asked| {
        let body = bytes::Bytes::from(asked.target.clone());
        Some(http::Response::new(body))
    })
    .await;
    let rig = Setup::new(everything(&backend.url(""))).start().await;
    let clients = (0..16).map(|client| {
        let rig = &rig;
        async move {
            let mut connection = Client::connect(rig).await;
            for number in 0..100 {
                let path = format!("/{client}/{number}");
                connection.get(&path).await;
                let head = connection.head().await;
                let got = connection.body(&head).await;
                assert_eq!(got, End::Proper(path.into_bytes()));
            }
        }
    });
    futures_util::future::join_all(clients).await;
    rig.close_keeping(&[]).await;
}
