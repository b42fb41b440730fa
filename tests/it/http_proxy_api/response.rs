//! What a client gets of a backend's answer.

use bytes::Bytes;

use super::{FakeHttp, everything, got, scene};
use crate::harness::http_client::{request, send};
use crate::harness::{Response, Setup};

/// A backend's answer as a client sees it that asked with `method`.
async fn answered(method: &str, answer: impl Into<Vec<u8>>) -> Response {
    let backend = FakeHttp::raw(answer).await;
    let rig = Setup::new(everything(&backend.url(""))).start().await;
    let response = send(rig.address(), &request(method, "/", &[], b"")).await;
    rig.close_keeping(&[]).await;
    response
}

#[tokio::test]
async fn every_status_of_the_backend_passes() {
    for status in [
        200, 201, 206, 301, 307, 400, 401, 404, 418, 429, 500, 503, 599, 799,
    ] {
        let text = format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\nLocation: /b\r\n\r\nhi");
        let response = answered("GET", text).await;
        assert_eq!((response.status, response.text()), (status, "hi"));
        assert_eq!(response.header("location"), Some("/b"));
    }
}

#[tokio::test]
async fn headers_of_the_answer_pass_in_order() {
    let response = answered(
        "GET",
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nServer: x\r\nVia: 1.1 y\r\nset-cookie: b=2\r\nX-Empty:\r\n\
         x-amzn-requestid: z\r\nContent-Type: x/y\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x01\x02",
    )
    .await;
    let cookies: Vec<_> = response
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let check = |name: &str, expected| assert_eq!(response.header(name), Some(expected), "{name}");
    check("server", "x");
    check("via", "1.1 y");
    check("x-empty", "");
    check("x-amzn-requestid", "z");
    check("content-type", "x/y");
    // Nothing is unpacked.
    check("content-encoding", "gzip");
    check("content-length", "3");
    assert_eq!(response.body, b"\x1f\x01\x02");
}

#[tokio::test]
async fn headers_of_the_backends_connection_end_here() {
    let response = answered(
        "GET",
        "HTTP/1.1 200 OK\r\nConnection: close, x-secret\r\nKeep-Alive: timeout=1\r\nProxy-Authenticate: x\r\n\
         Upgrade: h2c\r\nX-Secret: 1\r\nApigw-Requestid: forged\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         Content-Length: 2\r\n\r\nhi",
    )
    .await;
    assert_eq!(response.text(), "hi");
    assert_eq!(response.header("connection"), Some("keep-alive"));
    for name in ["keep-alive", "proxy-authenticate", "upgrade", "x-secret"] {
        assert_eq!(response.header(name), None, "{name}");
    }
    assert_ne!(response.header("apigw-requestid"), Some("forged"));
    assert_eq!(response.header("apigw-requestid").map(str::len), Some(16));
    assert_ne!(
        response.header("date"),
        Some("Thu, 01 Jan 1970 00:00:00 GMT")
    );
}

#[tokio::test]
async fn names_are_title_case_over_http_1() {
    let (rig, lines, mut client) = scene().await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say("HTTP/1.1 200 OK\r\nmyheader: 1\r\nx-oNE-two: 2\r\ncontent-length: 0\r\n\r\n")
        .await;
    let text = format!("{:?}", client.head().await);
    for name in [
        "Myheader: 1",
        "X-One-Two: 2",
        "Content-Length: 0",
        "Apigw-Requestid: ",
    ] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn answers_without_a_body() {
    let check = async |method: &str, answer: &str, length: Option<&str>| {
        let (rig, lines, mut client) = scene().await;
        client.send(request(method, "/", &[], b"")).await;
        let mut line = lines.asked().await;
        line.say(answer).await;
        let head = client.head().await;
        let lengths = head.all("content-length");
        assert_eq!(lengths.first().copied(), length, "{answer}");
        assert!(!head.has("transfer-encoding"), "{answer}");
        drop(line);
        // Whatever followed would be taken for the next answer.
        client.get("/").await;
        let mut line = lines.asked().await;
        line.say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            .await;
        assert_eq!(client.head().await.status, 201, "{answer}");
        drop((client, line));
        rig.close_keeping(&[]).await;
    };
    check(
        "HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        Some("1000"),
    )
    .await;
    check("HEAD", "HTTP/1.1 200 OK\r\n\r\n", None).await;
    check("GET", "HTTP/1.1 204 No Content\r\n\r\n", None).await;
    check("GET", "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", None).await;
    check(
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        Some("0"),
    )
    .await;
}

#[tokio::test]
async fn bodies_of_every_framing_arrive_whole() {
    let check = async |answer: &str, expected: &str| {
        let (rig, lines, mut client) = scene().await;
        client.get("/").await;
        let mut line = lines.asked().await;
        line.say(answer).await;
        drop(line);
        let head = client.head().await;
        assert_eq!(head.status, 200);
        let body = client.body(&head).await;
        assert_eq!(
            body,
            super::client::End::Proper(expected.into()),
            "{answer:?}"
        );
        drop(client);
        rig.close_keeping(&[]).await;
    };
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello").await;
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "hello",
    )
    .await;
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n", "hello").await;
    check("HTTP/1.1 200 OK\r\n\r\nhello", "hello").await;
    check("HTTP/1.0 200 OK\r\n\r\nhello", "hello").await;
    check("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello").await;
}

#[tokio::test]
async fn interim_answers_are_dropped() {
    let (rig, lines, mut client) = scene().await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        .await;
    line.say("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert!(!head.has("link"));
    assert_eq!(client.take(2).await, b"hi");
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let (rig, lines, mut client) = scene().await;
    client.get("/1").await;
    let mut line = lines.asked().await;
    for number in 2..10 {
        line.say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
            .await;
        assert_eq!(client.head().await.status, 200);
        client.take(1).await;
        // Another client gets the same connection to the backend.
        client = super::Client::connect(&rig).await;
        client.get(&format!("/{number}")).await;
        let head = line.head().await;
        assert_eq!(head.first_line(), format!("GET /{number} HTTP/1.1"));
        assert!(head.all("connection").is_empty());
    }
    line.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
        .await;
    client.head().await;
    assert_eq!(line.ended().await, b"");
    assert!(lines.is_quiet().await);
    drop(client);
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn mapped_statuses_and_headers_replace_the_backends() {
    let backend = FakeHttp::start(|_| {
        let answer = http::Response::builder()
            .status(404)
            .header("x-inner", "secret");
        Some(answer.body(Bytes::from_static(b"gone")).unwrap())
    })
    .await;
    let mappings = concat!(
        ", responseParameters: { \"404\": { \"overwrite:statuscode\": \"410\", \"remove:header.x-inner\": \"''\", ",
        "\"append:header.x-outer\": $response.header.x-inner } }"
    );
    let integration = format!("{}{mappings}", super::any(&backend.url("")));
    let rig = Setup::new(super::api("$default", &integration))
        .start()
        .await;
    let response = got(&rig).await;
    assert_eq!((response.status, response.text()), (410, "gone"));
    assert_eq!(response.header("x-inner"), None);
    assert_eq!(response.header("x-outer"), Some("secret"));
    rig.close_keeping(&[]).await;
}
