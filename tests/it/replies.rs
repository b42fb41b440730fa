//! What comes back for a message: replies on two-way routes, error frames on all of them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::fake_http::FakeHttp;
use crate::harness::ws_client::{BINARY, CONTINUATION, TEXT};
use crate::harness::{Rig, Setup, WsClient, answers, chat};

/// Does as the message says: gives `give` as output, fails with `fail`, or never answers at `hang`.
async fn obedient(event: Value) -> Result<Value, String> {
    let Some(body) = event["body"].as_str() else {
        return Ok(json!({ "statusCode": 200 }));
    };
    let order: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(problem) = order["fail"].as_str() {
        return Err(problem.to_owned());
    }
    match order.get("give") {
        Some(output) => Ok(output.clone()),
        None => std::future::pending().await,
    }
}

struct Talk {
    rig: Rig,
    client: WsClient,
}

/// An open connection to [`obedient`].
async fn talk(stage: &str) -> Talk {
    let setup = Setup::new(chat(stage)).manual();
    begin(setup.function("backend", obedient)).await
}

async fn begin(setup: Setup) -> Talk {
    let rig = setup.start().await;
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    Talk { rig, client }
}

impl Talk {
    async fn order(&mut self, action: &str, order: Value) -> Value {
        let mut message = order;
        message["action"] = json!(action);
        self.client.send(&message.to_string()).await;
        self.rig.event_of("MESSAGE").await
    }

    async fn give(&mut self, action: &str, output: Value) {
        self.order(action, json!({ "give": output })).await;
    }

    /// Shows that the connection is as good as new.
    async fn alive(&mut self) {
        self.give("ask", json!({ "statusCode": 200, "body": "alive" }))
            .await;
        assert_eq!(self.client.text().await, "alive");
    }

    /// Shows that nothing was sent and nothing is going on.
    async fn nothing(&mut self) {
        self.rig.settle(1).await;
        self.client.silent().await;
    }

    async fn end(self, warnings: &[&str]) {
        self.client.leave().await;
        self.rig.disconnect().await;
        self.rig.close_after(warnings).await;
    }
}

#[tokio::test]
async fn a_two_way_route_answers_with_the_body() {
    let mut talk = talk("{}").await;
    let mut check = async |output: Value, expected: &str| {
        talk.give("ask", output.clone()).await;
        assert_eq!(talk.client.text().await, expected, "{output}");
    };
    check(json!({ "statusCode": 200, "body": "hello" }), "hello").await;
    check(
        json!({ "statusCode": 200, "body": "{\"a\":1}" }),
        "{\"a\":1}",
    )
    .await;
    check(
        json!({ "statusCode": 200, "body": "grüße \u{1f30a}" }),
        "grüße \u{1f30a}",
    )
    .await;
    let headers = json!({ "statusCode": 200, "body": "hello", "headers": { "X-A": "1" } });
    check(headers, "hello").await;
    // The status does not decide about messages.
    check(json!({ "statusCode": 500, "body": "oops" }), "oops").await;
    check(json!({ "statusCode": 301, "body": "there" }), "there").await;
    check(json!({ "statusCode": 401, "body": "who?" }), "who?").await;
    check(json!({ "body": "no status" }), "no status").await;
    // A reply is sent, even an empty one.
    check(json!({ "statusCode": 200, "body": "" }), "").await;
    check(json!({ "statusCode": 200, "body": null }), "").await;
    check(json!({ "statusCode": 200 }), "").await;
    check(json!({ "statusCode": 500 }), "").await;
    talk.end(&[]).await;
}

#[tokio::test]
async fn base64_replies_are_binary() {
    let mut talk = talk("{}").await;
    let mut check = async |body: &str, expected: &[u8]| {
        let output = json!({ "statusCode": 200, "body": body, "isBase64Encoded": true });
        talk.give("ask", output).await;
        assert_eq!(talk.client.message(BINARY).await, expected, "{body}");
    };
    check("aGVsbG8=", b"hello").await;
    check("AP+A", &[0, 0xff, 0x80]).await;
    check("", b"").await;
    talk.end(&[]).await;
}

#[tokio::test]
async fn large_replies_come_in_frames_of_32_kib() {
    let mut talk = talk("{}").await;
    for (length, frames) in [(32_768, 1), (32_769, 2), (131_072, 4)] {
        let body = "x".repeat(length);
        // The order itself must fit the limits, so the function is told the length only.
        talk.client.stream.set_nodelay(true).unwrap();
        talk.rig.settle(1).await;
        let id = talk.connection_id().await;
        talk.push(&id, &body).await;
        let mut whole = Vec::new();
        for number in 0..frames {
            let frame = talk.client.frame().await.unwrap();
            let opcode = if number == 0 { TEXT } else { CONTINUATION };
            assert_eq!(
                (frame.opcode, frame.last),
                (opcode, number + 1 == frames),
                "{length}"
            );
            assert!(frame.payload.len() <= 32_768);
            whole.extend(frame.payload);
        }
        assert_eq!(whole, body.as_bytes());
    }
    talk.end(&[]).await;
}

impl Talk {
    async fn connection_id(&mut self) -> String {
        let event = self
            .order("tell", json!({ "give": { "statusCode": 200 } }))
            .await;
        let id = event["requestContext"]["connectionId"].as_str();
        id.unwrap().to_owned()
    }

    async fn push(&self, id: &str, body: &str) {
        let pushed = self.rig.gateway.push("chat", "prod", id, body.to_owned());
        assert_eq!(pushed.await, Ok(()));
    }
}

#[tokio::test]
async fn a_reply_over_128_kib_is_an_error() {
    let script = |event: Value| async move {
        let length = event["body"]
            .as_str()
            .map_or(0, |body| body.parse().unwrap_or(0));
        Ok(json!({ "statusCode": 200, "body": "x".repeat(length) }))
    };
    let mut talk = begin(Setup::new(chat("{}")).function("backend", script)).await;
    talk.client.send("131073").await;
    assert_eq!(talk.client.error().await, "Internal server error");
    talk.rig.event_of("MESSAGE").await;
    assert_eq!(talk.client.ask("3").await, "xxx");
    talk.rig.event_of("MESSAGE").await;
    talk.end(&["INTEGRATION_FAILURE"]).await;
}

#[tokio::test]
async fn a_one_way_route_answers_nothing() {
    let mut talk = talk("{}").await;
    for output in [
        json!({ "statusCode": 200, "body": "hello" }),
        json!({ "statusCode": 200 }),
        json!({ "statusCode": 301, "body": "there" }),
        json!({ "statusCode": 401, "body": "who?" }),
        json!({ "statusCode": 500, "body": "oops" }),
        json!({ "statusCode": 501 }),
    ] {
        talk.give("tell", output).await;
        talk.nothing().await;
    }
    talk.end(&[]).await;
}

#[tokio::test]
async fn half_a_two_way_route_is_refused() {
    let two_way = "ask: { target: integrations/backend, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } }";
    for (half, other) in [
        (
            "routeResponseSelectionExpression: $default",
            "routeResponses",
        ),
        (
            "routeResponses: { $default: {} }",
            "routeResponseSelectionExpression",
        ),
    ] {
        let ask = format!("ask: {{ target: integrations/backend, {half} }}");
        let definition = chat("{}").replace(two_way, &ask);
        assert!(definition.contains(&ask));
        let problem = Setup::new(definition)
            .function("backend", obedient)
            .problem()
            .await;
        assert!(problem.contains(other), "{problem}");
    }
}

#[tokio::test]
async fn failures_are_told_on_every_route() {
    for action in ["tell", "ask"] {
        let mut talk = talk("{}").await;
        for order in [
            json!({ "fail": "boom" }),
            json!({ "fail": "Unauthorized" }),
            json!({ "give": null }),
            json!({ "give": "text" }),
            json!({ "give": 7 }),
            json!({ "give": [] }),
            json!({ "give": { "statusCode": 200, "body": { "not": "text" } } }),
            json!({ "give": { "statusCode": 200, "body": "!", "isBase64Encoded": true } }),
            json!({ "give": { "statusCode": "never" } }),
        ] {
            let event = talk.order(action, order.clone()).await;
            let text = talk.client.text().await;
            let field = |name: &str| event["requestContext"][name].as_str().unwrap();
            let expected = format!(
                r#"{{"message": "Internal server error", "connectionId":"{}", "requestId":"{}"}}"#,
                field("connectionId"),
                field("requestId"),
            );
            assert_eq!(text, expected, "{action} {order}");
            talk.alive().await;
        }
        talk.end(&["INTEGRATION_FAILURE"]).await;
    }
}

#[tokio::test]
async fn a_late_function_is_told_on_every_route() {
    for action in ["tell", "ask"] {
        let mut talk = talk("{}").await;
        talk.order(action, json!({ "hang": true })).await;
        talk.rig.advance(Duration::from_millis(28_999));
        talk.client.silent().await;
        talk.rig.advance(Duration::from_millis(1));
        assert_eq!(talk.client.error().await, "Endpoint request timed out");
        talk.alive().await;
        talk.end(&["INTEGRATION_TIMEOUT"]).await;
    }
}

#[tokio::test]
async fn an_integration_may_have_less_time() {
    let definition = chat("{}").replace("AWS_PROXY,", "AWS_PROXY, timeoutInMillis: 50,");
    let setup = Setup::new(definition)
        .manual()
        .function("backend", obedient);
    let mut talk = begin(setup).await;
    talk.order("tell", json!({ "hang": true })).await;
    talk.rig.advance(Duration::from_millis(50));
    assert_eq!(talk.client.error().await, "Endpoint request timed out");
    talk.end(&["INTEGRATION_TIMEOUT"]).await;
}

#[tokio::test]
async fn throttled_messages_are_told_so() {
    let check = async |server: &str, stage: &str, admitted: usize| {
        let setup = Setup::new(chat(stage)).server(server).manual();
        let mut talk = begin(setup.function("backend", obedient)).await;
        for _ in 0..admitted {
            talk.alive().await;
        }
        for action in ["ask", "tell"] {
            if action == "tell" && !server.contains("requestRate") {
                // The other route has a bucket of its own.
                continue;
            }
            let order = json!({ "action": action, "give": { "statusCode": 200 } });
            talk.client.send(&order.to_string()).await;
            assert_eq!(
                talk.client.error().await,
                "Too Many Requests",
                "{stage} {action}"
            );
        }
        talk.rig.advance(Duration::from_secs(1));
        talk.alive().await;
        talk.end(&[]).await;
    };
    // The handshake was a request too.
    check("limits: { requestRate: 1, requestBurst: 4 }", "{}", 3).await;
    let route = "{ routeSettings: { ask: { throttlingRateLimit: 1, throttlingBurstLimit: 2 } } }";
    check("region: us-east-1", route, 2).await;
    let all = "{ defaultRouteSettings: { throttlingRateLimit: 1, throttlingBurstLimit: 2 } }";
    check("region: us-east-1", all, 2).await;
}

#[tokio::test]
async fn a_disconnect_is_never_throttled() {
    let setup = Setup::new(chat("{}"))
        .server("limits: { requestRate: 1, requestBurst: 1 }")
        .manual();
    let talk = begin(setup.function("backend", obedient)).await;
    talk.end(&[]).await;
}

#[tokio::test]
async fn a_failing_disconnect_is_for_the_log_only() {
    let script = |event: Value| async move {
        match event["requestContext"]["eventType"].as_str() {
            Some("DISCONNECT") => Err("boom".to_owned()),
            _ => Ok(json!({ "statusCode": 200 })),
        }
    };
    let setup = Setup::new(chat("{}")).function("backend", script);
    begin(setup).await.end(&["boom"]).await;
}

/// `chat` whose `ask` and `tell` go to this URL.
fn over_http(url: &str) -> String {
    let integrations = format!(
        r#"integrations:
      web: {{ integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: "{url}" }}"#
    );
    chat("{}")
        .replace(
            "ask: { target: integrations/backend",
            "ask: { target: integrations/web",
        )
        .replace(
            "tell: { target: integrations/backend",
            "tell: { target: integrations/web",
        )
        .replace("integrations:", &integrations)
}

#[tokio::test]
async fn an_http_backend_answers_with_its_body() {
    let backend = FakeHttp::start(|request| {
        let (status, kind, body): (u16, &str, &[u8]) = match request.body.as_ref() {
            br#"{"action":"ask","n":1}"# => (200, "text/plain", b"hello"),
            br#"{"action":"ask","n":2}"# => (500, "text/plain", b"oops"),
            br#"{"action":"ask","n":3}"# => (204, "text/plain", b""),
            br#"{"action":"ask","n":4}"# => (200, "application/octet-stream", b"bytes"),
            br#"{"action":"ask","n":5}"# => (200, "text/plain", &[0xff, 0xfe]),
            _ => (200, "text/plain", b"never seen"),
        };
        let answer = http::Response::builder().status(status);
        let answer = answer.header("content-type", kind);
        Some(answer.body(bytes::Bytes::copy_from_slice(body)).unwrap())
    })
    .await;
    let setup = Setup::new(over_http(&backend.url("/events")));
    let mut talk = begin(setup.function("backend", answers(json!({ "statusCode": 200 })))).await;
    let mut check = async |number: u8, opcode: u8, expected: &[u8]| {
        let message = format!(r#"{{"action":"ask","n":{number}}}"#);
        talk.client.send(&message).await;
        assert_eq!(talk.client.message(opcode).await, expected, "{number}");
        let request = backend.request().await;
        assert_eq!((&*request.method, &*request.target), ("POST", "/events"));
        assert_eq!(request.body, message);
        assert_eq!(request.header("content-type").unwrap(), "application/json");
        assert_eq!(request.header("x-amzn-apigateway-api-id").unwrap(), "chat");
    };
    check(1, TEXT, b"hello").await;
    check(2, TEXT, b"oops").await;
    check(3, TEXT, b"").await;
    check(4, BINARY, b"bytes").await;
    check(5, BINARY, &[0xff, 0xfe]).await;
    talk.client.send(r#"{"action":"tell"}"#).await;
    backend.request().await;
    talk.nothing().await;
    talk.end(&[]).await;
}

#[tokio::test]
async fn an_http_backend_that_cannot_answer_is_told_on_every_route() {
    let url = format!("http://{}/", FakeHttp::nobody().await);
    let setup = Setup::new(over_http(&url));
    let mut talk = begin(setup.function("backend", answers(json!({ "statusCode": 200 })))).await;
    for action in ["ask", "tell"] {
        talk.client
            .send(&json!({ "action": action }).to_string())
            .await;
        assert_eq!(talk.client.error().await, "Internal server error");
    }
    talk.end(&["INTEGRATION_FAILURE"]).await;
}
