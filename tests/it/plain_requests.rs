//! Requests that are whole and plain are served without hyper: nobody may notice.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::http_client::{connect, fill, read_response, request};
use crate::harness::{Handshake, Rig, Setup, chat, echo, soon};

/// Where the last request of a connection goes, and what its answer says.
const END: &str = "THE-END";

/// What comes for a request and one behind it, without what differs from answer to answer.
async fn said(rig: &Rig, request: &[u8], end: &[u8]) -> String {
    let mut stream = connect(rig.address()).await;
    stream.write_all(&[request, end].concat()).await.unwrap();
    let mut came = Vec::new();
    let ended = |came: &[u8]| came.windows(END.len()).any(|bytes| bytes == END.as_bytes());
    while !ended(&came) {
        assert!(
            fill(&mut stream, &mut came).await,
            "{}",
            String::from_utf8_lossy(&came)
        );
    }
    let text = String::from_utf8_lossy(&came);
    let lines = text.split("\r\n").map(|line| match line.split_once(": ") {
        Some((name @ ("Date" | "Apigw-Requestid" | "X-Amzn-Requestid" | "X-Amz-Apigw-Id"), _)) => {
            name
        }
        _ => line,
    });
    // The order of headers means nothing.
    let mut lines: Vec<_> = lines.collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// An empty line in front makes a request one for hyper.
async fn same_both_ways(rig: &Rig, request: &[u8], end: &[u8]) {
    let plain = said(rig, request, end).await;
    let by_hyper = said(rig, &[b"\r\n", request].concat(), end).await;
    let shown = String::from_utf8_lossy(request);
    assert_eq!(
        plain,
        by_hyper,
        "{}",
        shown.chars().take(200).collect::<String>()
    );
}

fn backend(request: &Recorded) -> Option<http::Response<bytes::Bytes>> {
    let answer = http::Response::builder();
    let path = request.target.split('?').next().unwrap_or_default();
    let answer = match path {
        "/empty" => answer.status(204).body("".into()),
        "/unchanged" => answer.status(304).header("etag", "\"a\"").body("".into()),
        "/missing" => answer.status(404).body("no".into()),
        "/odd" => answer.status(299).body("odd".into()),
        "/cookies" => answer
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body("two".into()),
        "/large" => answer.body("x".repeat(300_000).into()),
        "/echo" => answer.body(request.body.clone()),
        "/THE-END" => answer.body(END.into()),
        _ => answer
            .header("content-type", "text/plain")
            .body("hello".into()),
    };
    answer.ok()
}

fn api(everything: &str, chunks: &str) -> String {
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    routes:
      ANY /{{proxy+}}: {{ target: integrations/everything }}
      ANY /chunks: {{ target: integrations/chunks }}
    integrations:
      everything: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{everything}/{{proxy}}" }}
      chunks: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{chunks}" }}
    stages:
      $default: {{}}
"#
    )
}

/// A gateway before that backend.
async fn scene() -> (Rig, FakeHttp) {
    let everything = FakeHttp::start(backend).await;
    let definition = api(&everything.url(""), &everything.url(""));
    (Setup::new(definition).start().await, everything)
}

#[tokio::test]
async fn answers_of_http_apis_are_the_same() {
    let everything = FakeHttp::start(backend).await;
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    let chunks = FakeHttp::raw(chunked).await;
    let definition = api(&everything.url(""), &chunks.url(""));
    let rig = Setup::new(definition).start().await;
    let end = request("GET", "/THE-END", &[], b"");
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        for path in [
            "/",
            "/hi",
            "/empty",
            "/unchanged",
            "/missing",
            "/odd",
            "/cookies",
            "/large",
            "/chunks",
            "/hi?a=b&c",
            "/%2e%2e",
            "//",
            "/hi%",
        ] {
            same_both_ways(&rig, &request(method, path, &[], b""), &end).await;
        }
    }
    let alive = [("Connection", "keep-alive"), ("X-A", "1"), ("x-a", "2")];
    same_both_ways(&rig, &request("GET", "/hi", &alive, b""), &end).await;
    same_both_ways(
        &rig,
        &request("OPTIONS", "/hi", &[("Origin", "http://a")], b""),
        &end,
    )
    .await;
    same_both_ways(
        &rig,
        &request("PATCH", "/cookies", &[("Cookie", "a=b")], b""),
        &end,
    )
    .await;
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn answers_of_web_socket_apis_are_the_same() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .server("managementAuth: none")
        .start()
        .await;
    let end = request("GET", &format!("/prod/@connections/{END}"), &[], b"");
    let gone = "/prod/@connections/Zk3bXfH2DoECJ0w%3D";
    for method in ["GET", "HEAD", "POST", "DELETE", "PUT"] {
        for path in [
            "/prod",
            "/",
            "/nowhere",
            gone,
            "/prod/@connections/",
            "/prod/below",
        ] {
            same_both_ways(&rig, &request(method, path, &[], b""), &end).await;
        }
    }
    rig.close().await;
}

#[tokio::test]
async fn a_client_may_ask_for_the_end() {
    let (rig, _backend) = scene().await;
    for (front, path) in [
        ("", "/hi"),
        ("\r\n", "/hi"),
        ("", "/empty"),
        ("\r\n", "/empty"),
    ] {
        let mut stream = connect(rig.address()).await;
        let closing = request("GET", path, &[("Connection", "close")], b"");
        let behind = request("GET", "/THE-END", &[], b"");
        let bytes = [front.as_bytes(), &closing, &behind].concat();
        stream.write_all(&bytes).await.unwrap();
        let mut buffer = Vec::new();
        let answer = read_response(&mut stream, &mut buffer)
            .await
            .expect("an answer");
        assert_eq!(
            answer.header("connection"),
            Some("close"),
            "{front:?}{path}"
        );
        soon("the end", stream.read_to_end(&mut buffer)).await.ok();
        assert!(buffer.is_empty(), "{front:?}{path}");
    }
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn bodies_may_come_in_pieces() {
    let (rig, _backend) = scene().await;
    for length in [1, 10, 1_000, 60_000, 70_000, 1_000_000] {
        let body: Vec<u8> = (0..length)
            .map(|number| b'a' + (number % 23) as u8)
            .collect();
        let post = request("POST", "/echo", &[], &body);
        let head = post.len() - length;
        for cut in [1, head - 1, head, head + 1, head + length / 2, post.len()] {
            let mut stream = connect(rig.address()).await;
            let mut buffer = Vec::new();
            let (one, two) = post.split_at(cut);
            stream.write_all(one).await.unwrap();
            rig.settle_tasks().await;
            stream.write_all(two).await.unwrap();
            let answer = read_response(&mut stream, &mut buffer)
                .await
                .expect("an answer");
            assert_eq!(answer.status, 200, "{length} bytes cut at {cut}");
            assert!(answer.body == body, "{length} bytes cut at {cut}");
            stream
                .write_all(&request("GET", "/hi", &[], b""))
                .await
                .unwrap();
            let next = read_response(&mut stream, &mut buffer)
                .await
                .expect("an answer");
            assert_eq!(next.text(), "hello", "{length} bytes cut at {cut}");
        }
    }
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn many_requests_may_wait_behind_one_another() {
    let (rig, _backend) = scene().await;
    let mut stream = connect(rig.address()).await;
    let mut requests = Vec::new();
    for number in 0..300 {
        requests.extend(request(
            "POST",
            "/echo",
            &[],
            format!("{number}").as_bytes(),
        ));
    }
    stream.write_all(&requests).await.unwrap();
    let mut buffer = Vec::new();
    for number in 0..300 {
        let answer = read_response(&mut stream, &mut buffer)
            .await
            .expect("an answer");
        assert_eq!(answer.text(), format!("{number}"));
    }
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_refused_handshake_ends_its_connection() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .start()
        .await;
    for front in ["", "\r\n"] {
        let mut stream = connect(rig.address()).await;
        let refused = Handshake::new("/nowhere").bytes();
        let behind = request("GET", "/prod", &[], b"");
        let bytes = [front.as_bytes(), &refused, &behind].concat();
        stream.write_all(&bytes).await.unwrap();
        let mut buffer = Vec::new();
        let answer = read_response(&mut stream, &mut buffer)
            .await
            .expect("an answer");
        assert_eq!(
            (answer.status, answer.header("connection")),
            (403, Some("close"))
        );
        soon("the end", stream.read_to_end(&mut buffer)).await.ok();
        assert!(buffer.is_empty(), "bytes behind a handshake are no request");
    }
    rig.close().await;
}
