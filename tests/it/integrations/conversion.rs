//! Bytes on their way to a backend and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use serde_json::json;

use super::{messages_only, proxy};
use crate::harness::Setup;
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::ws_client::{BINARY, FINAL, TEXT, frame};

#[tokio::test]
async fn base64_text_reaches_an_http_backend_as_bytes() {
    let backend = FakeHttp::start(|_| Some(Response::new(Bytes::from_static(b"ok")))).await;
    let integration = proxy(&backend.url("/")) + ", contentHandlingStrategy: CONVERT_TO_BINARY";
    let rig = messages_only(&integration).start().await;
    let mut client = rig.open().await;
    assert_eq!(client.ask(&STANDARD.encode([0, 1, 254, 255])).await, "ok");
    assert_eq!(backend.request().await.body, [0u8, 1, 254, 255][..]);
    assert_eq!(client.ask("").await, "ok");
    assert_eq!(backend.request().await.body, "");
    for text in ["not base64!", "AAA", "{}"] {
        client.send(text).await;
        assert_eq!(client.error().await, "Internal server error", "{text}");
    }
    assert_eq!(backend.calls(), 2);
    client.leave().await;
    rig.close_after(&["API_CONFIGURATION_ERROR"]).await;
}

#[tokio::test]
async fn bytes_reach_an_http_backend_as_base64_text() {
    let backend = FakeHttp::start(|_| Some(Response::new(Bytes::from_static(b"ok")))).await;
    let integration = proxy(&backend.url("/")) + ", contentHandlingStrategy: CONVERT_TO_TEXT";
    let rig = messages_only(&integration).start().await;
    let mut client = rig.open().await;
    assert_eq!(client.ask("hi").await, "ok");
    assert_eq!(backend.request().await.body, STANDARD.encode("hi"));
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn base64_text_reaches_a_function_marked_as_such() {
    let integration = "integrationType: AWS_PROXY, integrationUri: \"function:backend\", contentHandlingStrategy: CONVERT_TO_BINARY";
    let rig = messages_only(integration)
        .function(
            "backend",
            crate::harness::answers(json!({ "statusCode": 200, "body": "ok" })),
        )
        .start()
        .await;
    let mut client = rig.open().await;
    assert_eq!(client.ask("aGk=").await, "ok");
    let event = rig.event_of("MESSAGE").await;
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("aGk="), &json!(true))
    );
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn an_http_backends_answer_is_binary_by_its_type_or_its_bytes() {
    let cases: [(&str, &[u8], u8); 6] = [
        ("application/octet-stream", b"text all the same", BINARY),
        ("Application/Octet-Stream; charset=x", b"text", BINARY),
        ("text/plain", b"\xff\xfe", BINARY),
        ("text/plain", b"text", TEXT),
        ("image/png", "äöü".as_bytes(), TEXT),
        ("", b"", TEXT),
    ];
    for (kind, body, opcode) in cases {
        let backend = FakeHttp::start(move |_: &Recorded| {
            let response = Response::builder();
            let response = match kind {
                "" => response,
                kind => response.header("Content-Type", kind),
            };
            Some(response.body(Bytes::from_static(body)).unwrap())
        })
        .await;
        let rig = messages_only(&proxy(&backend.url("/"))).start().await;
        let mut client = rig.open().await;
        client.send("hi").await;
        assert_eq!(client.message(opcode).await, body, "{kind}");
        client.leave().await;
        rig.close().await;
    }
}

#[tokio::test]
async fn a_functions_answer_is_binary_when_it_says_so() {
    let answer =
        json!({ "statusCode": 200, "body": STANDARD.encode("text"), "isBase64Encoded": true });
    let integration = "integrationType: AWS_PROXY, integrationUri: \"function:backend\"";
    let rig = messages_only(integration)
        .function("backend", crate::harness::answers(answer))
        .start()
        .await;
    let mut client = rig.open().await;
    client.send("hi").await;
    assert_eq!(client.message(BINARY).await, b"text");
    rig.event_of("MESSAGE").await;
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn accepted_binary_frames_reach_backends_as_bytes() {
    let backend =
        FakeHttp::start(|request: &Recorded| Some(Response::new(request.body.clone()))).await;
    let definition = format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default: {{ target: integrations/backend, {} }}
    integrations:
      backend: {{ {} }}
    stages: {{ prod: {{ tidegate: {{ binaryFrames: accept }} }} }}
"#,
        super::TWO_WAY,
        proxy(&backend.url("/"))
    );
    let rig = Setup::new(definition).start().await;
    let mut client = rig.open().await;
    client.write(&frame(FINAL | BINARY, b"\x00\xff")).await;
    assert_eq!(client.message(BINARY).await, b"\x00\xff");
    let request = backend.request().await;
    assert_eq!(
        request.header("content-type").as_deref(),
        Some("application/octet-stream")
    );
    client.leave().await;
    rig.close().await;
}
