//! Hostile requests: each ends in a precise refusal, and none of them reaches what it should not.

use bytes::Bytes;
use http::Response as Answer;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::{ask, shop};
use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{connect, read_response, request, send};
use crate::harness::issuer::Issuer;
use crate::harness::{Rig, Setup, answers};

/// `/admin` and below asks for a token; everything else goes to the backend.
async fn started(backend: &FakeHttp, issuer: &Issuer) -> Rig {
    let lines = format!(
        r#"    authorizers: {{ login: {{ authorizerType: JWT, identitySource: ["$request.header.Authorization"], jwtConfiguration: {{ issuer: "{}", audience: [web] }} }} }}
    routes:
      "ANY /admin": {{ target: integrations/b, authorizationType: JWT, authorizerId: login }}
      "ANY /admin/{{proxy+}}": {{ target: integrations/b, authorizationType: JWT, authorizerId: login }}
      "GET /admin/open": {{ target: integrations/b }}
      "GET /items/{{id}}": {{ target: integrations/b, authorizationType: JWT, authorizerId: login }}
      "GET /echo/{{x}}": {{ target: integrations/mapped }}
      $default: {{ target: integrations/b }}
    integrations:
      b: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{url}" }}
      mapped:
        integrationType: HTTP_PROXY
        integrationMethod: GET
        integrationUri: "{url}/fixed"
        requestParameters: {{ "append:header.x-path": "$request.path.x", "append:header.x-query": "$request.querystring.q" }}
"#,
        issuer.url(),
        url = backend.url("")
    );
    Setup::new(shop(&lines)).start().await
}

async fn fine() -> FakeHttp {
    FakeHttp::start(|_| Some(Answer::new(Bytes::from_static(b"fine")))).await
}

/// The status of the first answer; `None` when the gateway closes without one.
async fn status_of(rig: &Rig, bytes: &[u8]) -> Option<u16> {
    let mut stream = connect(rig.address()).await;
    stream.write_all(bytes).await.ok();
    let answer = read_response(&mut stream, &mut Vec::new()).await;
    answer.map(|answer| answer.status)
}

#[tokio::test]
async fn requests_that_two_servers_could_read_differently_are_refused() {
    let (backend, issuer) = (fine().await, Issuer::start().await);
    let rig = started(&backend, &issuer).await;
    let cases = [
        (
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400),
        ("Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("Content-Length: 4, 4\r\n\r\nabcd", 400),
        ("Content-Length: +4\r\n\r\nabcd", 400),
        ("Content-Length: 0x4\r\n\r\nabcd", 400),
        ("Content-Length: -1\r\n\r\n", 400),
        ("Content-Length: 99999999999999999999\r\n\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        ("X: a\r\n folded\r\n\r\n", 400),
        ("X: a\nContent-Length: 4\r\n\r\nabcd", 400),
        ("X: a\0b\r\n\r\n", 400),
        ("X Y: a\r\n\r\n", 400),
        ("Host: other.test\r\n\r\n", 400),
    ];
    for (rest, expected) in cases {
        let bytes = format!("POST /x HTTP/1.1\r\nHost: gateway.test\r\n{rest}");
        assert_eq!(
            status_of(&rig, bytes.as_bytes()).await,
            Some(expected),
            "{rest:?}"
        );
    }
    for head in [
        "POST /x HTTP/1.1\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost:\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a b\r\n\r\n",
    ] {
        assert_eq!(
            status_of(&rig, head.as_bytes()).await,
            Some(400),
            "{head:?}"
        );
    }
    assert_eq!(backend.calls(), 0);
    rig.close().await;
}

#[tokio::test]
async fn bodies_with_bad_chunks_reach_no_backend_as_a_whole() {
    let (backend, issuer) = (fine().await, Issuer::start().await);
    let rig = started(&backend, &issuer).await;
    for chunks in [
        "g\r\nx\r\n0\r\n\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nx",
        "1\r\nxy\r\n0\r\n\r\n",
        "1\nx\n0\n\n",
    ] {
        let bytes = format!(
            "POST /x HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        );
        let mut stream = connect(rig.address()).await;
        stream.write_all(bytes.as_bytes()).await.ok();
        stream.shutdown().await.ok();
        let answer = read_response(&mut stream, &mut Vec::new()).await;
        let status = answer.map_or(400, |answer| answer.status);
        assert_eq!(status, 400, "{chunks:?}");
    }
    rig.close().await;
}

#[tokio::test]
async fn no_spelling_of_a_path_goes_around_an_authorizer() {
    let (backend, issuer) = (fine().await, Issuer::start().await);
    let rig = started(&backend, &issuer).await;
    let spellings = [
        ("/admin", 401),
        ("/admin/x", 401),
        ("/admin/x/y", 401),
        ("//admin", 400),
        ("//admin/x", 400),
        ("///admin///x", 400),
        ("/admin//x", 401),
        ("/admin%2Fx", 400),
        ("/admin%2fx", 400),
        ("/%61dmin/x", 401),
        ("/%2Fadmin", 400),
        ("/a/../admin", 400),
        ("/a/%2e%2e/admin", 400),
        ("/a/%2E%2E/admin/x", 400),
        ("/a/.%2e/admin", 400),
        ("/a%2F..%2Fadmin", 400),
        ("/a/%252e%252e/admin", 400),
        // Slashes that are merged but not decoded, or decoded but not merged.
        ("/admin%2F%2Fopen", 400),
        ("//items/x%2Fy", 400),
        ("/./admin", 400),
        ("/admin/..%3fx", 400),
        ("/x/..%3Fx/y", 400),
        ("/x/%2e%253fx", 400),
        ("/admin%00", 400),
        ("/admin%5Cx", 400),
        ("/\\admin", 400),
        ("/admin%", 400),
        ("/admin%zz", 400),
        ("/admin%ff", 400),
        ("/admin%0d%0aX: y", 400),
    ];
    for (path, expected) in spellings {
        let answer = ask(&rig, "GET", path, &[]).await;
        assert_eq!(answer.status, expected, "{path}: {answer:?}");
    }
    assert_eq!(backend.calls(), 0, "something reached the backend");
    // What means the same in every reading is just a path.
    for path in ["/plain", "/x%20y", "/users/a%2Fb", "/b//c", "/admin/open"] {
        assert_eq!(ask(&rig, "GET", path, &[]).await.status, 200, "{path}");
        backend.request().await;
    }
    rig.close().await;
}

#[tokio::test]
async fn mapped_values_stay_in_their_header() {
    let (backend, issuer) = (fine().await, Issuer::start().await);
    let rig = started(&backend, &issuer).await;
    let payloads = [
        "a%0d%0aX-Injected:%20yes",
        "a%0aX-Injected:%20yes",
        "a%0dX-Injected:%20yes",
        "a%00b",
        "%7f",
    ];
    for payload in payloads {
        let target = format!("/echo/x?q={payload}");
        let answer = ask(&rig, "GET", &target, &[]).await;
        assert_eq!(answer.status, 400, "{target}: {answer:?}");
    }
    assert_eq!(backend.calls(), 0);
    for (payload, expected) in [("a%C4%8A", "a\u{10a}"), ("a%20b", "a b")] {
        let target = format!("/echo/x?q={payload}");
        assert_eq!(ask(&rig, "GET", &target, &[]).await.status, 200, "{target}");
        let request = backend.request().await;
        assert_eq!(request.header("x-query").as_deref(), Some(expected));
        assert_eq!(request.header("x-injected"), None);
    }
    rig.close().await;
}

#[tokio::test]
async fn what_only_the_gateway_may_say_is_not_believed() {
    let (backend, issuer) = (fine().await, Issuer::start().await);
    let rig = started(&backend, &issuer).await;
    let headers = [
        ("apigw-requestid", "forged"),
        ("x-amzn-apigateway-api-id", "forged"),
        ("Connection", "x-private, keep-alive"),
        ("x-private", "of this hop"),
        ("X-Forwarded-For", "10.9.8.7"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("TE", "trailers"),
    ];
    assert_eq!(ask(&rig, "GET", "/x", &headers).await.status, 200);
    let request = backend.request().await;
    for name in [
        "apigw-requestid",
        "x-amzn-apigateway-api-id",
        "x-private",
        "x-forwarded-for",
        "proxy-authorization",
        "te",
        "connection",
    ] {
        assert_eq!(request.header(name), None, "{name}");
    }
    let forwarded = request.header("forwarded").unwrap();
    assert!(forwarded.starts_with("for=10.9.8.7, by="), "{forwarded}");
    rig.close().await;
}

#[tokio::test]
async fn everything_too_large_has_its_status() {
    let (backend, issuer) = (fine().await, Issuer::start().await);
    let rig = started(&backend, &issuer).await;
    let long = "x".repeat(11_000);
    assert_eq!(ask(&rig, "GET", &format!("/{long}"), &[]).await.status, 431);
    assert_eq!(
        ask(&rig, "GET", "/x", &[("X-Long", &long)]).await.status,
        431
    );
    let many: Vec<_> = (0..120)
        .map(|number| (format!("x-{number}"), "y"))
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let status = status_of(&rig, &request("GET", "/x", &many, b"")).await;
    assert_eq!(status, Some(431));
    let length = [("Content-Length", "10485761")];
    let declared = request("POST", "/x", &length, b"");
    assert_eq!(status_of(&rig, &declared).await, Some(413));
    assert_eq!(backend.calls(), 0);
    rig.close().await;
}

#[tokio::test]
async fn authorizers_that_fail_let_nobody_through() {
    let lines = r#"    authorizers:
      auth: { authorizerType: REQUEST, authorizerUri: "function:auth", authorizerPayloadFormatVersion: "2.0", enableSimpleResponses: true }
    routes: { "GET /": { target: integrations/f, authorizationType: CUSTOM, authorizerId: auth } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
"#;
    let outputs = [
        json!(null),
        json!(true),
        json!([]),
        json!("allow"),
        json!({ "isAuthorized": "true" }),
        json!({ "isAuthorized": 1 }),
        json!({ "isauthorized": true }),
        json!({ "principalId": "u" }),
    ];
    for output in outputs {
        let rig = Setup::new(shop(lines))
            .function("backend", answers(json!({ "statusCode": 200 })))
            .function("auth", answers(output.clone()))
            .start()
            .await;
        assert_eq!(ask(&rig, "GET", "/", &[]).await.status, 500, "{output}");
        assert_eq!(rig.calls("backend"), 0);
        rig.event("auth").await;
        rig.close_after(&["an exchange failed"]).await;
    }
    let crashes = |_| futures_util::future::ready(Err("it crashed".to_owned()));
    let rig = Setup::new(shop(lines))
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", crashes)
        .start()
        .await;
    let answer = send(rig.address(), &request("GET", "/", &[], b"")).await;
    assert_eq!(answer.status, 500);
    assert_eq!(rig.calls("backend"), 0);
    rig.event("auth").await;
    rig.close_after(&["an exchange failed"]).await;
}
