//! Bad input before any event: heads that are too large, too slow, ambiguous or no HTTP at all, and too many sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::http_client::{connect, read_response, request, send};
use crate::harness::ws_client::KEY;
use crate::harness::{Handshake, Rig, Setup, WsClient, chat, echo, soon};

async fn started() -> Rig {
    Setup::new(chat("{}"))
        .function("backend", echo)
        .server("managementAuth: none")
        .manual()
        .start()
        .await
}

/// A handshake with one header that makes the whole head so many bytes.
fn head_of(bytes: usize) -> Vec<u8> {
    let empty = Handshake::new("/prod").header("X-Fill", "").bytes().len();
    Handshake::new("/prod")
        .header("X-Fill", &"x".repeat(bytes - empty))
        .bytes()
}

#[tokio::test]
async fn a_head_has_at_most_10_240_bytes() {
    let rig = started().await;
    let mut stream = connect(rig.address()).await;
    stream.write_all(&head_of(10_240)).await.unwrap();
    let answer = read_response(&mut stream, &mut Vec::new()).await.unwrap();
    assert_eq!(answer.status, 101);
    rig.event_of("CONNECT").await;
    drop(stream);
    rig.event_of("DISCONNECT").await;
    for bytes in [10_241, 12_000, 16_000, 20_000, 100_000, 1_000_000] {
        assert_eq!(
            send(rig.address(), &head_of(bytes)).await.status,
            431,
            "{bytes}"
        );
    }
    let mut many = Handshake::new("/prod");
    for number in 0..2_000 {
        many = many.header(&format!("X-{number}"), "");
    }
    assert_eq!(send(rig.address(), &many.bytes()).await.status, 431);
    rig.close().await;
}

#[tokio::test]
async fn a_url_has_at_most_4096_characters() {
    let rig = started().await;
    let target = |length: usize| format!("/prod?q={}", "x".repeat(length - "/prod?q=".len()));
    let client = rig.connect(&Handshake::new(&target(4096))).await;
    rig.event_of("CONNECT").await;
    client.leave().await;
    rig.event_of("DISCONNECT").await;
    for length in [4097, 5000, 9000] {
        let refused = rig.refused(&Handshake::new(&target(length))).await;
        assert_eq!(refused.status, 414, "{length}");
    }
    let refused = send(rig.address(), &Handshake::new(&target(1_000_000)).bytes()).await;
    assert!([414, 431].contains(&refused.status), "{refused:?}");
    rig.close().await;
}

/// The answer's status; `None` when the gateway hangs up without one.
async fn status_of(rig: &Rig, bytes: &[u8]) -> Option<u16> {
    let mut stream = connect(rig.address()).await;
    stream.write_all(bytes).await.ok();
    let answer = read_response(&mut stream, &mut Vec::new()).await;
    answer.map(|answer| answer.status)
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    let rig = started().await;
    let push = "POST /prod/@connections/Zk3bXfH2DoECJ0w%3D HTTP/1.1\r\nHost: gateway.test\r\n";
    let cases = [
        ("Content-Length: 2\r\n\r\nhi", 410),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            410,
        ),
        (
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 400),
        ("Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400),
        ("Content-Length: 2, 2\r\n\r\nhi", 400),
        ("Content-Length: +2\r\n\r\nhi", 400),
        ("Content-Length: -1\r\n\r\n", 400),
        ("Content-Length: 99999999999999999999\r\n\r\n", 400),
        ("Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        ("Content-Length: 2\r\n folded: x\r\n\r\nhi", 400),
        ("X: a\0b\r\nContent-Length: 2\r\n\r\nhi", 400),
        ("X: a\rb\r\nContent-Length: 2\r\n\r\nhi", 400),
        ("X: a\nContent-Length: 2\r\n\r\nhi", 400),
        ("Content-Length: 2\r\n\nhi", 400),
        ("No colon\r\n\r\n", 400),
        (": no name\r\n\r\n", 400),
    ];
    for (rest, expected) in cases {
        let seen = status_of(&rig, format!("{push}{rest}").as_bytes()).await;
        assert_eq!(seen, Some(expected), "{rest:?}");
    }
    rig.close().await;
}

#[tokio::test]
async fn nothing_behind_a_refused_request_is_answered() {
    let rig = started().await;
    let smuggled = "POST /prod/@connections/Zk3bXfH2DoECJ0w%3D HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 4\r\n\
                    Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
    let mut stream = connect(rig.address()).await;
    stream.write_all(smuggled.as_bytes()).await.unwrap();
    let mut text = String::new();
    soon(
        "the end of the connection",
        stream.read_to_string(&mut text),
    )
    .await
    .ok();
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
    rig.close().await;
}

/// Requests whose end can be seen, and the statuses they get.
const ORDINARY: [(&str, u16); 3] = [
    ("GET /prod HTTP/1.1\r\nHost: gateway.test\r\n\r\n", 426),
    (
        "POST /prod/@connections/Zk3bXfH2DoECJ0w%3D HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\nhello",
        410,
    ),
    (
        "POST /nowhere HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\nhello",
        403,
    ),
];

#[tokio::test]
async fn every_head_of_a_connection_is_looked_at() {
    let rig = started().await;
    let push = "POST /prod/@connections/Zk3bXfH2DoECJ0w%3D HTTP/1.1\r\nHost: gateway.test\r\n";
    let faulty = [
        "GET /prod HTTP/1.1\r\nHost: gateway.test\r\nX: a\nY: b\r\n\r\n".to_owned(),
        format!("{push}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("\r\n\r\n{push}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ];
    for (first, status) in ORDINARY {
        for second in &faulty {
            for waits in [true, false] {
                let mut stream = connect(rig.address()).await;
                let mut buffer = Vec::new();
                let mut behind = second.clone();
                if waits {
                    stream.write_all(first.as_bytes()).await.unwrap();
                } else {
                    behind.insert_str(0, first);
                    stream.write_all(behind.as_bytes()).await.unwrap();
                }
                let answer = read_response(&mut stream, &mut buffer).await.unwrap();
                assert_eq!(answer.status, status, "{first:?}");
                if waits {
                    stream.write_all(behind.as_bytes()).await.unwrap();
                }
                let answer = read_response(&mut stream, &mut buffer).await;
                let answer = answer.map(|answer| answer.status);
                assert_eq!(
                    answer,
                    Some(400),
                    "{second:?} behind {first:?}, waits: {waits}"
                );
                let end = read_response(&mut stream, &mut buffer).await;
                assert_eq!(end, None, "nothing is read behind a refused head");
            }
        }
    }
    rig.close().await;
}

#[tokio::test]
async fn requests_that_do_not_wait_are_answered_in_order() {
    let rig = started().await;
    let mut stream = connect(rig.address()).await;
    let mut bytes = String::new();
    for _ in 0..20 {
        bytes.extend(ORDINARY.map(|(request, _)| request));
    }
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut buffer = Vec::new();
    for number in 0..20 {
        for (request, status) in ORDINARY {
            let answer = read_response(&mut stream, &mut buffer).await.unwrap();
            assert_eq!(answer.status, status, "{number}: {request:?}");
        }
    }
    // A handshake may come last, and its names are spelled as the client did.
    let handshake = Handshake::new("/prod").header("x-ToKeN", "1");
    let client = WsClient::upgrade(stream, &handshake).await;
    let client = client.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(rig.event_of("CONNECT").await["headers"]["x-ToKeN"], "1");
    client.leave().await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}

#[tokio::test]
async fn request_lines_that_are_none() {
    let rig = started().await;
    let rest = "Host: gateway.test\r\n\r\n";
    let cases = [
        ("GET /prod HTTP/1.1", Some(426)),
        ("GET /prod HTTP/1.0", Some(426)),
        ("GET http://gateway.test/prod HTTP/1.1", Some(426)),
        ("GET http://elsewhere.test/prod HTTP/1.1", Some(400)),
        ("GET /prod", Some(400)),
        ("GET  /prod HTTP/1.1", Some(400)),
        ("GET /prod HTTP/1.2", Some(400)),
        ("GET /prod HTTP/3.0", Some(400)),
        ("GET /pr\u{1}od HTTP/1.1", Some(400)),
        ("G\u{1}T /prod HTTP/1.1", Some(400)),
        ("", Some(400)),
    ];
    for (line, expected) in cases {
        let seen = status_of(&rig, format!("{line}\r\n{rest}").as_bytes()).await;
        assert_eq!(seen, expected, "{line:?}");
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let seen = status_of(&rig, preface).await;
    assert!(
        seen.is_none() || seen == Some(400),
        "HTTP/2 comes with TLS only: {seen:?}"
    );
    for garbage in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"\xff\xfe\xfd\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ] {
        let seen = status_of(&rig, garbage).await;
        assert!(seen.is_none() || seen == Some(400), "{garbage:?}: {seen:?}");
    }
    rig.close().await;
}

#[tokio::test]
async fn odd_paths_lead_nowhere() {
    let rig = started().await;
    let cases = [
        ("/", 403),
        ("//", 403),
        ("/%", 403),
        ("/%70rod", 403),
        ("/prod/..", 403),
        ("/prod%2f@connections/Zk3bXfH2DoECJ0w=", 403),
        ("/_apis", 403),
        ("/_apis/", 403),
        ("/_apis/chat", 403),
        ("/_apis//prod", 403),
        ("/_apis/chat//prod", 403),
        ("/_apis/chat/prod", 426),
        ("/prod/@connections/", 400),
        ("/prod/@connections/%", 400),
        ("/prod/@connections/%zz%", 400),
        ("/prod/@connections/%ff%fe", 400),
        ("/prod/@connections/%00", 400),
        // A signature covers the path without such segments.
        ("/prod/@connections/../@connections/Zk3bXfH2DoECJ0w=", 403),
        ("/prod/@connections/%2e%2E/Zk3bXfH2DoECJ0w=", 403),
        ("/prod/./@connections/Zk3bXfH2DoECJ0w=", 403),
        ("/prod/@connections/Zk3bXfH2DoECJ0w=", 410),
        ("/prod/@connections/Zk3bXfH2DoECJ0w=?query", 410),
    ];
    for (path, expected) in cases {
        let answer = send(rig.address(), &request("GET", path, &[], b"")).await;
        assert_eq!(answer.status, expected, "{path}");
    }
    rig.close().await;
}

#[tokio::test]
async fn http_1_0_cannot_upgrade() {
    let rig = started().await;
    let handshake = Handshake::new("/prod").line("GET /prod HTTP/1.0");
    assert_eq!(rig.refused(&handshake).await.status, 400);
    let chunked = "POST /prod/@connections/Zk3bXfH2DoECJ0w%3D HTTP/1.0\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(status_of(&rig, chunked.as_bytes()).await, Some(400));
    rig.close().await;
}

#[tokio::test]
async fn silent_sockets_and_slow_heads_are_closed_after_10_seconds() {
    let rig = started().await;
    let cases: [&[u8]; 5] = [
        b"",
        b"P",
        b"GET /prod HTT",
        b"GET /prod HTTP/1.1\r\nHost: gate",
        b"\r\n",
    ];
    for bytes in cases {
        let mut stream = connect(rig.address()).await;
        stream.write_all(bytes).await.unwrap();
        rig.settle_tasks().await;
        eventually_served(&rig, 1).await;
        rig.advance(Duration::from_millis(9_999));
        rig.settle_tasks().await;
        eventually_served(&rig, 1).await;
        rig.advance(Duration::from_millis(1));
        let mut rest = Vec::new();
        soon("the end of the connection", stream.read_to_end(&mut rest))
            .await
            .ok();
        assert!(
            rest.is_empty(),
            "{bytes:?}: {}",
            String::from_utf8_lossy(&rest)
        );
        eventually_served(&rig, 0).await;
    }
    rig.close().await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_10_seconds_in_all() {
    let rig = started().await;
    let mut stream = connect(rig.address()).await;
    let bytes = Handshake::new("/prod").bytes();
    for byte in &bytes[..9] {
        stream.write_all(&[*byte]).await.unwrap();
        rig.settle_tasks().await;
        rig.advance(Duration::from_secs(1));
    }
    rig.settle_tasks().await;
    rig.advance(Duration::from_secs(1));
    let mut rest = Vec::new();
    soon("the end of the connection", stream.read_to_end(&mut rest))
        .await
        .ok();
    assert!(rest.is_empty());
    rig.close().await;
}

#[tokio::test]
async fn a_slow_body_ends_in_an_answer() {
    let rig = started().await;
    let mut stream = connect(rig.address()).await;
    let head = "POST /prod/@connections/Zk3bXfH2DoECJ0w%3D HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 100\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).await.unwrap();
    rig.settle_tasks().await;
    // For a second it might still be a request that comes as a whole.
    rig.advance(Duration::from_secs(1));
    rig.settle_tasks().await;
    rig.advance(Duration::from_secs(30));
    let answer = read_response(&mut stream, &mut Vec::new())
        .await
        .expect("an answer");
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.header("x-amzn-errortype"),
        Some("BadRequestException")
    );
    let mut rest = Vec::new();
    soon("the end of the connection", stream.read_to_end(&mut rest))
        .await
        .ok();
    rig.close().await;
}

#[tokio::test]
async fn kept_connections_are_closed_when_nothing_more_comes() {
    let rig = started().await;
    let mut stream = connect(rig.address()).await;
    let mut buffer = Vec::new();
    for _ in 0..3 {
        stream
            .write_all(&request("GET", "/prod", &[], b""))
            .await
            .unwrap();
        let answer = read_response(&mut stream, &mut buffer)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 426);
        rig.advance(Duration::from_secs(60));
        rig.settle_tasks().await;
    }
    rig.advance(Duration::from_secs(15));
    let mut rest = Vec::new();
    soon("the end of the connection", stream.read_to_end(&mut rest))
        .await
        .ok();
    assert!(rest.is_empty());
    rig.close().await;
}

/// Waits until so many sockets are served.
async fn eventually_served(rig: &Rig, sockets: usize) {
    let services = rig.gateway.services();
    let idle = crate::harness::gateway::IDLE_TASKS;
    crate::harness::eventually("sockets to come and go", || {
        services.tasks.live() == idle + sockets
    })
    .await;
}

#[tokio::test]
async fn one_address_has_only_so_many_sockets() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .server("limits: { connectionsPerAddress: 2 }")
        .start()
        .await;
    let first = rig.open().await;
    rig.event_of("CONNECT").await;
    let mut second = rig.open().await;
    rig.event_of("CONNECT").await;
    let mut third = connect(rig.address()).await;
    let read = soon("the end of the connection", third.read(&mut [0; 1])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    second.silent().await;
    first.leave().await;
    rig.event_of("DISCONNECT").await;
    let third = rig.open().await;
    rig.event_of("CONNECT").await;
    third.leave().await;
    rig.event_of("DISCONNECT").await;
    second.leave().await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}

#[tokio::test]
async fn sockets_beyond_the_bound_wait_outside() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .server("limits: { connections: 2 }")
        .start()
        .await;
    let first = rig.open().await;
    rig.event_of("CONNECT").await;
    let mut second = rig.open().await;
    rig.event_of("CONNECT").await;
    let handshake = Handshake::new("/prod");
    let opening = WsClient::open(rig.address(), &handshake);
    let leaving = async {
        for _ in 0..10 {
            second.silent().await;
        }
        rig.settle_tasks().await;
        assert_eq!(rig.calls("backend"), 2, "the third one is not let in");
        first.leave().await;
    };
    let (third, ()) = tokio::join!(opening, leaving);
    let third = third.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(
        third.response.header("sec-websocket-accept").map(str::len),
        Some(28),
        "{KEY}"
    );
    third.leave().await;
    second.leave().await;
    rig.settle(0).await;
    assert_eq!(rig.functions["backend"].rest().await.len(), 4);
    rig.close().await;
}
