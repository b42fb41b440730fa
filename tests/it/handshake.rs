//! The upgrade: held open until `$connect` has answered, and every way in which it may end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{self, read_response};
use crate::harness::ws_client::{CLOSE, FINAL, KEY, TEXT, frame, status};
use crate::harness::{
    Handshake, Response, Rig, Setup, WsClient, answers, chat, echo, eventually, gated, soon,
};

/// A gateway whose function gives this output to `$connect` and whose one-way messages do nothing.
async fn connecting(output: Value) -> Rig {
    Setup::new(chat("{}"))
        .function("backend", answers(output))
        .start()
        .await
}

#[tokio::test]
async fn the_answer_waits_for_connect() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("CONNECT", &gate))
        .start()
        .await;
    let mut stream = http_client::connect(rig.address()).await;
    stream
        .write_all(&Handshake::new("/prod").bytes())
        .await
        .unwrap();
    let connect = rig.event_of("CONNECT").await;
    let id = connect["requestContext"]["connectionId"].as_str().unwrap();
    // Nothing has come, and the connection cannot be reached.
    assert!(stream.try_read(&mut [0; 1]).is_err());
    assert_eq!(rig.gateway.connections(), 0);
    let gone = rig.gateway.push("chat", "prod", id, "early").await;
    assert_eq!(gone, Err(tidegate::PushError::Gone));
    gate.add_permits(1);
    let mut buffer = Vec::new();
    let response = read_response(&mut stream, &mut buffer).await.unwrap();
    assert_eq!(response.status, 101);
    assert_eq!(
        rig.gateway.push("chat", "prod", id, "now").await,
        Ok(()),
        "a connection whose 101 was read can be reached"
    );
    drop(stream);
    assert_eq!(rig.disconnect().await.0, 1006);
    rig.close().await;
}

#[tokio::test]
async fn any_2xx_accepts_and_only_the_subprotocol_comes_through() {
    let check = async |output: Value, offer: Option<&str>, expected: Option<&str>| {
        let rig = connecting(output.clone()).await;
        let mut handshake = Handshake::new("/prod");
        if let Some(offer) = offer {
            handshake = handshake.header("Sec-WebSocket-Protocol", offer);
        }
        let client = rig.connect(&handshake).await;
        let mut names: Vec<_> = client.response.headers.iter().map(|(n, _)| &**n).collect();
        names.sort_unstable();
        names.retain(|name| *name != "sec-websocket-protocol");
        let plain = ["connection", "date", "sec-websocket-accept", "upgrade"];
        assert_eq!(names, plain, "{output}");
        let header = |name| client.response.header(name);
        assert_eq!(header("connection"), Some("upgrade"));
        assert_eq!(header("upgrade"), Some("websocket"));
        assert_eq!(header("sec-websocket-protocol"), expected, "{output}");
        rig.event_of("CONNECT").await;
        client.leave().await;
        rig.disconnect().await;
        rig.close().await;
    };
    let chosen = |name: &str| json!({ "statusCode": 200, "headers": { name: "chat.v2" } });
    check(json!({ "statusCode": 200 }), None, None).await;
    check(json!({ "statusCode": 201 }), None, None).await;
    check(json!({ "statusCode": 204 }), None, None).await;
    check(json!({ "statusCode": 299 }), None, None).await;
    check(json!({ "statusCode": "200" }), None, None).await;
    let baggage = json!({
        "statusCode": 200, "body": "welcome", "isBase64Encoded": false,
        "headers": { "Set-Cookie": "a=1", "X-Custom": "1", "Access-Control-Allow-Origin": "*", "Content-Type": "text/plain" },
        "multiValueHeaders": { "Set-Cookie": ["b=1", "c=1"] },
    });
    check(baggage, None, None).await;
    // The gateway chooses nothing by itself.
    check(json!({ "statusCode": 200 }), Some("chat.v1, chat.v2"), None).await;
    let offer = Some("chat.v1, chat.v2");
    check(chosen("Sec-WebSocket-Protocol"), offer, Some("chat.v2")).await;
    check(chosen("sec-websocket-protocol"), offer, Some("chat.v2")).await;
    let multi = json!({ "statusCode": 200, "multiValueHeaders": { "Sec-WebSocket-Protocol": ["chat.v2"] } });
    check(multi, offer, Some("chat.v2")).await;
    check(chosen("Sec-WebSocket-Protocol"), None, Some("chat.v2")).await;
    let deflate = json!({ "statusCode": 200, "headers": { "Sec-WebSocket-Extensions": "permessage-deflate" } });
    check(deflate, None, None).await;
}

#[tokio::test]
async fn other_statuses_pass_through_with_headers_and_body() {
    let check = async |output: Value, status: u16, body: &str| {
        let rig = connecting(output.clone()).await;
        let response = rig.refused(&Handshake::new("/prod")).await;
        assert_eq!(
            (response.status, response.text()),
            (status, body),
            "{output}"
        );
        if let Some(headers) = output["headers"].as_object() {
            for (name, value) in headers {
                let sent = response.header(&name.to_ascii_lowercase());
                assert_eq!(sent, value.as_str(), "{name}");
            }
        }
        rig.event_of("CONNECT").await;
        // No connection existed, so nothing is disconnected.
        rig.close().await;
    };
    let moved = json!({ "statusCode": 301, "headers": { "Location": "https://example.com/" } });
    check(moved, 301, "").await;
    check(json!({ "statusCode": 400, "body": "no" }), 400, "no").await;
    let challenge = json!({
        "statusCode": 401, "body": "who?",
        "headers": { "WWW-Authenticate": "Bearer", "X-Reason": "none", "Content-Type": "text/plain" },
    });
    check(challenge, 401, "who?").await;
    check(json!({ "statusCode": 403, "body": "{}" }), 403, "{}").await;
    check(json!({ "statusCode": 404 }), 404, "").await;
    check(json!({ "statusCode": 429, "body": "later" }), 429, "later").await;
    check(json!({ "statusCode": 500, "body": "oops" }), 500, "oops").await;
    check(
        json!({ "statusCode": 501, "body": "not yet" }),
        501,
        "not yet",
    )
    .await;
    let encoded = json!({ "statusCode": 403, "body": "aGk=", "isBase64Encoded": true });
    check(encoded, 403, "hi").await;
}

#[tokio::test]
async fn several_values_of_a_refusals_header_all_come() {
    let output = json!({
        "statusCode": 401, "multiValueHeaders": { "WWW-Authenticate": ["Basic", "Bearer"] },
    });
    let rig = connecting(output).await;
    let response = rig.refused(&Handshake::new("/prod")).await;
    let values: Vec<_> = response
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| &**value)
        .collect();
    assert_eq!(values, ["Basic", "Bearer"]);
    rig.event_of("CONNECT").await;
    rig.close().await;
}

#[tokio::test]
async fn output_that_makes_no_sense_is_502() {
    let check = async |output: Value| {
        let rig = connecting(output.clone()).await;
        let response = rig.refused(&Handshake::new("/prod")).await;
        let told = (response.status, response.refusal());
        assert_eq!(told, (502, "Internal server error".into()), "{output}");
        rig.event_of("CONNECT").await;
        rig.close_after(&["INTEGRATION_FAILURE"]).await;
    };
    check(json!(null)).await;
    check(json!("ok")).await;
    check(json!([])).await;
    check(json!({})).await;
    check(json!({ "body": "no status" })).await;
    check(json!({ "statusCode": "ok" })).await;
    check(json!({ "statusCode": 101 })).await;
    check(json!({ "statusCode": 99 })).await;
    check(json!({ "statusCode": 600 })).await;
    check(json!({ "statusCode": 200, "headers": { "A": "1\r\nB: 2" } })).await;
    check(json!({ "statusCode": 401, "body": 7 })).await;
    check(json!({ "statusCode": 401, "body": "!", "isBase64Encoded": true })).await;
}

#[tokio::test]
async fn a_function_that_fails_is_502() {
    let failing = |_| async { Err("boom".to_owned()) };
    let rig = Setup::new(chat("{}"))
        .function("backend", failing)
        .start()
        .await;
    let response = rig.refused(&Handshake::new("/prod")).await;
    let told = (response.status, response.refusal());
    assert_eq!(told, (502, "Internal server error".into()));
    let connect = rig.event_of("CONNECT").await;
    let named = (
        &connect["requestContext"]["connectionId"],
        &connect["requestContext"]["requestId"],
    );
    let body = response.json();
    assert_eq!((&body["connectionId"], &body["requestId"]), named);
    let id = response.header("x-amzn-requestid");
    assert_eq!(id, body["requestId"].as_str());
    assert_eq!(response.header("content-type"), Some("application/json"));
    rig.close_after(&["boom"]).await;
}

#[tokio::test]
async fn a_function_that_is_late_is_504() {
    let never = |_| std::future::pending::<Result<Value, String>>();
    let rig = Setup::new(chat("{}"))
        .manual()
        .function("backend", never)
        .start()
        .await;
    let handshake = Handshake::new("/prod");
    let waiting = rig.refused(&handshake);
    let passing = async {
        rig.event_of("CONNECT").await;
        rig.advance(Duration::from_millis(28_999));
        rig.settle_tasks().await;
        assert_eq!(rig.gateway.services().tasks.live(), 2, "still waiting");
        rig.advance(Duration::from_millis(1));
    };
    let (response, ()) = tokio::join!(waiting, passing);
    let told = (response.status, response.refusal());
    assert_eq!(told, (504, "Endpoint request timed out".into()));
    rig.close_after(&["INTEGRATION_TIMEOUT"]).await;
}

#[tokio::test]
async fn without_a_connect_route_everyone_is_accepted() {
    let definition = r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default: { target: integrations/backend, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } }
    integrations:
      backend: { integrationType: AWS_PROXY, integrationUri: "function:backend" }
    stages: { prod: {} }
"#;
    let rig = Setup::new(definition)
        .function("backend", echo)
        .start()
        .await;
    let mut client = rig.open().await;
    assert_eq!(client.ask("hello").await, "hello");
    rig.event_of("MESSAGE").await;
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn a_client_that_leaves_while_connect_runs() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("CONNECT", &gate))
        .start()
        .await;
    let mut stream = http_client::connect(rig.address()).await;
    let handshake = Handshake::new("/prod").bytes();
    stream.write_all(&handshake).await.unwrap();
    let connect = rig.event_of("CONNECT").await;
    drop(stream);
    gate.add_permits(1);
    // The backend said yes, so it is told that this connection is over, once.
    let event = rig.event_of("DISCONNECT").await;
    let id = |event: &Value| event["requestContext"]["connectionId"].clone();
    assert_eq!(id(&event), id(&connect));
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1006);
    rig.close().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_a_refusal_is_never_disconnected() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let script = move |_| {
        let held = Arc::clone(&held);
        async move {
            held.acquire().await.unwrap().forget();
            Ok(json!({ "statusCode": 403 }))
        }
    };
    let rig = Setup::new(chat("{}"))
        .function("backend", script)
        .start()
        .await;
    let mut stream = http_client::connect(rig.address()).await;
    let handshake = Handshake::new("/prod").bytes();
    stream.write_all(&handshake).await.unwrap();
    rig.event_of("CONNECT").await;
    drop(stream);
    gate.add_permits(1);
    rig.close().await;
}

#[tokio::test]
async fn stages_and_paths() {
    let rig = connecting(json!({ "statusCode": 200 })).await;
    let check = async |target: &str, status: u16| {
        let handshake = Handshake::new(target);
        let answer = WsClient::open(rig.address(), &handshake).await;
        let answered = match answer {
            Ok(client) => {
                rig.event_of("CONNECT").await;
                client.leave().await;
                rig.disconnect().await;
                101
            }
            Err(response) => {
                if response.status == 403 {
                    assert_eq!(response.text(), r#"{"message":"Forbidden"}"#);
                    assert_eq!(
                        response.header("x-amzn-errortype"),
                        Some("ForbiddenException")
                    );
                }
                response.status
            }
        };
        assert_eq!(answered, status, "{target}");
    };
    check("/prod", 101).await;
    check("/prod/", 101).await;
    check("/prod?a=1", 101).await;
    check("/_apis/chat/prod", 101).await;
    check("/", 403).await;
    check("/beta", 403).await;
    check("/PROD", 403).await;
    check("/prodx", 403).await;
    check("/_apis/other/prod", 403).await;
    check("/_apis/chat/beta", 403).await;
    check("/prod/more", 403).await;
    check("/prod/more/still", 403).await;
    rig.close().await;
}

#[tokio::test]
async fn a_plain_request_is_426() {
    let rig = connecting(json!({ "statusCode": 200 })).await;
    let check = async |method: &str, path: &str, status: u16| {
        let request = http_client::request(method, path, &[], b"");
        let response = http_client::send(rig.address(), &request).await;
        assert_eq!(response.status, status, "{method} {path}");
        response
    };
    let told = check("GET", "/prod", 426).await;
    assert_eq!(told.text(), r#"{"message":"Upgrade Required"}"#);
    assert_eq!(told.header("upgrade"), Some("websocket"));
    assert_eq!(told.header("sec-websocket-version"), Some("13"));
    check("GET", "/prod/", 426).await;
    check("POST", "/prod", 426).await;
    check("GET", "/beta", 403).await;
    check("GET", "/", 403).await;
    rig.close().await;
}

#[tokio::test]
async fn another_version_is_told_ours() {
    let rig = connecting(json!({ "statusCode": 200 })).await;
    let handshake = Handshake::new("/prod").with("Sec-WebSocket-Version", "8");
    let response = rig.refused(&handshake).await;
    assert_eq!(response.status, 426);
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
    rig.close().await;
}

#[tokio::test]
async fn which_api_it_is() {
    let both = chat("{}")
        + &chat("{}")
            .replace("apis:\n", "")
            .replace("  chat:", "  shop:");
    let rig = Setup::new(both).function("backend", echo).start().await;
    let check = async |host: &str, target: &str, expected: Option<&str>| {
        let handshake = Handshake::new(target).with("Host", host);
        match (WsClient::open(rig.address(), &handshake).await, expected) {
            (Ok(client), Some(api)) => {
                let event = rig.event_of("CONNECT").await;
                assert_eq!(event["requestContext"]["apiId"], api, "{host} {target}");
                client.leave().await;
                rig.disconnect().await;
            }
            (Err(response), None) => assert_eq!(response.status, 403, "{host} {target}"),
            (answer, _) => panic!("{host} {target}: {:?}", answer.err()),
        }
    };
    let (chat, shop) = (Some("chat"), Some("shop"));
    check("chat.execute-api.us-east-1.amazonaws.com", "/prod", chat).await;
    check("shop.execute-api.localhost:8080", "/prod", shop).await;
    check("shop.execute-api.localhost", "/_apis/chat/prod", chat).await;
    check("gateway.test", "/_apis/chat/prod", chat).await;
    check("gateway.test", "/_apis/shop/prod/", shop).await;
    check("gateway.test", "/prod", None).await;
    check("other.execute-api.localhost", "/prod", None).await;
    check("chat.localhost", "/prod", None).await;
    check("gateway.test", "/_apis/other/prod", None).await;
    check("gateway.test", "/_apis/chat", None).await;
    check("gateway.test", "/_apis/", None).await;
    rig.close().await;
}

#[tokio::test]
async fn malformed_handshakes_reach_no_backend() {
    let rig = connecting(json!({ "statusCode": 200 })).await;
    let good = || Handshake::new("/prod");
    let check = async |what: &str, handshake: Handshake, expected: &[u16]| {
        let response = http_client::send(rig.address(), &handshake.bytes()).await;
        let status = response.status;
        assert!(expected.contains(&status), "{what}: {status}");
    };
    let (bad, upgrade) = (&[400][..], &[426][..]);
    check("POST", good().line("POST /prod HTTP/1.1"), bad).await;
    check("PUT", good().line("PUT /prod HTTP/1.1"), bad).await;
    check("OPTIONS", good().line("OPTIONS /prod HTTP/1.1"), bad).await;
    check("HTTP/1.0", good().line("GET /prod HTTP/1.0"), bad).await;
    check("HTTP/2.0", good().line("GET /prod HTTP/2.0"), bad).await;
    check("no version", good().line("GET /prod"), bad).await;
    check("no target", good().line("GET HTTP/1.1"), bad).await;
    check("no Host", good().without("Host"), bad).await;
    check("two Hosts", good().header("Host", "gateway.test"), bad).await;
    check("empty Host", good().with("Host", ""), bad).await;
    check("malformed Host", good().with("Host", "a b"), bad).await;
    check("no Connection", good().without("Connection"), bad).await;
    check("Connection: close", good().with("Connection", "close"), bad).await;
    check("no Upgrade", good().without("Upgrade"), upgrade).await;
    check("Upgrade: h2c", good().with("Upgrade", "h2c"), upgrade).await;
    check(
        "Upgrade: websockets",
        good().with("Upgrade", "websockets"),
        upgrade,
    )
    .await;
    let version = "Sec-WebSocket-Version";
    check("no version", good().without(version), upgrade).await;
    check("version 8", good().with(version, "8"), upgrade).await;
    check("version 14", good().with(version, "14"), upgrade).await;
    check("two versions", good().header(version, "13"), upgrade).await;
    let key = "Sec-WebSocket-Key";
    check("no key", good().without(key), bad).await;
    check("empty key", good().with(key, ""), bad).await;
    check("15 byte key", good().with(key, "MDEyMzQ1Njc4OTAxMjM0"), bad).await;
    check(
        "17 byte key",
        good().with(key, "MDEyMzQ1Njc4OTAxMjM0NTY="),
        bad,
    )
    .await;
    check(
        "key that is not base64",
        good().with(key, "!!!!!!!!!!!!!!!!!!!!!!=="),
        bad,
    )
    .await;
    check("two keys", good().header(key, KEY), bad).await;
    check(
        "a body",
        good().header("Content-Length", "5").followed_by("hello"),
        bad,
    )
    .await;
    let chunked = good().header("Transfer-Encoding", "chunked");
    check("a chunked body", chunked.followed_by("0\r\n\r\n"), bad).await;
    check("blank before colon", good().header("X-A ", "1"), bad).await;
    check("folded header", good().header("X-A", "1\r\n 2"), bad).await;
    check("NUL in a value", good().header("X-A", "\0"), bad).await;
    check("bare line feed", good().header("X-A", "1\nX-B: 2"), bad).await;
    let long = "x".repeat(10_240);
    check("head over 10240 bytes", good().header("X-A", &long), &[431]).await;
    let target = format!("/prod?a={}", "x".repeat(4096));
    check("URL over 4096 characters", Handshake::new(&target), &[414]).await;
    let mut many = good();
    for number in 0..100 {
        many = many.header(&format!("X-{number}"), "1");
    }
    check("over 100 headers", many, &[431]).await;
    assert_eq!(rig.calls("backend"), 0);
    rig.close().await;
}

#[tokio::test]
async fn headers_may_be_spelled_in_many_ways() {
    let rig = connecting(json!({ "statusCode": 200 })).await;
    let check = async |handshake: Handshake| {
        let client = rig.connect(&handshake).await;
        rig.event_of("CONNECT").await;
        client.leave().await;
        rig.disconnect().await;
    };
    let good = || Handshake::new("/prod");
    check(good().with("Connection", "upgrade")).await;
    check(good().with("Connection", "keep-alive, Upgrade")).await;
    check(good().with("Upgrade", "WebSocket")).await;
    check(good().with("Upgrade", "WEBSOCKET")).await;
    check(good().header("Content-Length", "0")).await;
    check(good().header("Sec-WebSocket-Extensions", "permessage-deflate")).await;
    check(good().line("GET http://gateway.test/prod HTTP/1.1")).await;
    rig.close().await;
}

#[tokio::test]
async fn bytes_behind_the_handshake_wait_for_its_acceptance() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("CONNECT", &gate))
        .start()
        .await;
    let mut pipelined = frame(FINAL | TEXT, b"one");
    pipelined.extend(frame(FINAL | TEXT, b"two"));
    let handshake = Handshake::new("/prod").followed_by(pipelined);
    let opening = rig.connect(&handshake);
    let watching = async {
        rig.event_of("CONNECT").await;
        rig.settle_tasks().await;
        assert_eq!(rig.calls("backend"), 1);
        gate.add_permits(1);
    };
    let (mut client, ()) = tokio::join!(opening, watching);
    assert_eq!(client.text().await, "one");
    assert_eq!(client.text().await, "two");
    for expected in ["one", "two"] {
        assert_eq!(rig.event_of("MESSAGE").await["body"], expected);
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn bytes_behind_a_refused_handshake_are_never_acted_on() {
    let rig = connecting(json!({ "statusCode": 403, "body": "no" })).await;
    let pipelined: [&[u8]; 4] = [
        b"GET /prod HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
        b"POST /prod/@connections/abc HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 2\r\n\r\nhi",
        &Handshake::new("/prod").bytes(),
        &frame(FINAL | TEXT, b"message"),
    ];
    for round in 0..100 {
        let trailing = pipelined[round % pipelined.len()];
        let mut stream = http_client::connect(rig.address()).await;
        let request = Handshake::new("/prod").followed_by(trailing).bytes();
        stream.write_all(&request).await.unwrap();
        let mut buffer = Vec::new();
        let response = read_response(&mut stream, &mut buffer).await.unwrap();
        assert_eq!((response.status, response.text()), (403, "no"));
        let second = read_response(&mut stream, &mut buffer).await;
        assert_eq!(second, None, "round {round}");
        rig.event_of("CONNECT").await;
        assert_eq!(rig.calls("backend"), round + 1);
    }
    rig.close().await;
}

const THROTTLED: &str = "limits: { connectRate: 1 }";

#[tokio::test]
async fn handshakes_are_throttled() {
    let check = async |server: &str, stage: &str, admitted: usize| {
        let rig = Setup::new(chat(stage))
            .server(server)
            .manual()
            .function("backend", answers(json!({ "statusCode": 403 })))
            .start()
            .await;
        for _ in 0..admitted {
            let response = rig.refused(&Handshake::new("/prod")).await;
            assert_eq!(response.status, 403, "{server} {stage}");
            rig.event_of("CONNECT").await;
        }
        let response = rig.refused(&Handshake::new("/prod")).await;
        let told = (response.status, response.refusal());
        assert_eq!(told, (429, "Too Many Requests".into()), "{server} {stage}");
        rig.advance(Duration::from_secs(1));
        assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 403);
        rig.event_of("CONNECT").await;
        rig.close().await;
    };
    check(THROTTLED, "{}", 1).await;
    check("limits: { requestRate: 1, requestBurst: 3 }", "{}", 3).await;
    let route =
        "{ routeSettings: { $connect: { throttlingRateLimit: 1, throttlingBurstLimit: 2 } } }";
    check("region: us-east-1", route, 2).await;
    let all = "{ defaultRouteSettings: { throttlingRateLimit: 1, throttlingBurstLimit: 2 } }";
    check("region: us-east-1", all, 2).await;
}

#[tokio::test]
async fn handshakes_beyond_those_that_may_wait_are_503() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .server("limits: { pendingHandshakes: 2 }")
        .function("backend", gated("CONNECT", &gate))
        .start()
        .await;
    let handshake = Handshake::new("/prod");
    let third = async {
        for _ in 0..2 {
            rig.event_of("CONNECT").await;
        }
        let response = rig.refused(&handshake).await;
        let told = (response.status, response.json());
        assert_eq!(told, (503, json!({ "message": "Service Unavailable" })));
        assert_eq!(rig.calls("backend"), 2);
        gate.add_permits(2);
    };
    let (first, second, ()) = tokio::join!(rig.connect(&handshake), rig.connect(&handshake), third);
    // Those that were answered have given their places back.
    gate.add_permits(1);
    let third = rig.open().await;
    rig.event_of("CONNECT").await;
    for client in [first, second, third] {
        client.leave().await;
        rig.disconnect().await;
    }
    rig.close().await;
}

#[tokio::test]
async fn a_crowd_that_nobody_has_to_ask_for_is_let_in_at_once() {
    let definition = chat("{}").replace("$connect: { target: integrations/backend }", "");
    let rig = Setup::new(definition)
        .server("limits: { pendingHandshakes: 1 }")
        .function("backend", echo)
        .start()
        .await;
    let mut crowd = Vec::new();
    for _ in 0..50 {
        crowd.push(http_client::connect(rig.address()).await);
    }
    rig.settle_tasks().await;
    let bytes = Handshake::new("/prod").bytes();
    for stream in &crowd {
        assert_eq!(stream.try_write(&bytes).unwrap(), bytes.len());
    }
    for stream in &mut crowd {
        let response = read_response(stream, &mut Vec::new()).await.unwrap();
        assert_eq!(response.status, 101);
    }
    drop(crowd);
    for _ in 0..50 {
        assert_eq!(rig.disconnect().await.0, 1006);
    }
    rig.close().await;
}

#[tokio::test]
async fn a_bound_of_pending_handshakes_is_a_number_of_them() {
    let check = async |value: &str, problem: &str| {
        let setup = Setup::new(chat("{}")).function("backend", echo);
        let setup = setup.server(&format!("limits: {{ pendingHandshakes: {value} }}"));
        let said = setup.problem().await;
        let expected = format!("server.limits.pendingHandshakes: {problem}");
        assert!(said.contains(&expected), "{value}: {said}");
        let remedy = "`off` or a whole number from 1 to 100000000";
        assert!(said.contains(remedy), "{value}: {said}");
    };
    check("0", "`0` is out of range").await;
    check("-1", "").await;
    check("100000001", "`100000001` is out of range").await;
    check("2.5", "").await;
    check("auto", "").await;
    check("[1]", "").await;
}

#[tokio::test]
async fn a_missing_required_parameter_is_400() {
    let definition = chat("{}").replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, requestParameters: { route.request.querystring.room: { required: true }, route.request.header.X-Kind: { required: true }, route.request.querystring.extra: { required: false } } }",
    );
    let rig = Setup::new(definition)
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let refuse = async |handshake: Handshake| {
        let response = rig.refused(&handshake).await;
        let told = (response.status, response.refusal());
        assert_eq!(told, (400, "Bad Request".into()));
    };
    refuse(Handshake::new("/prod")).await;
    refuse(Handshake::new("/prod?room=1")).await;
    refuse(Handshake::new("/prod").header("X-Kind", "a")).await;
    refuse(Handshake::new("/prod?extra=1").header("X-Kind", "a")).await;
    assert_eq!(rig.calls("backend"), 0);
    let handshake = Handshake::new("/prod?room=1").header("x-kind", "a");
    let client = rig.connect(&handshake).await;
    rig.event_of("CONNECT").await;
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

/// An API whose `$connect` goes to this URL, and nothing else anywhere.
fn over_http(url: &str) -> String {
    format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: {{ target: integrations/web }}
    integrations:
      web: {{ integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: "{url}" }}
    stages: {{ prod: {{}} }}
"#
    )
}

#[tokio::test]
async fn an_http_backend_decides_by_its_status() {
    let check = async |status: u16, expected: u16| {
        let backend = FakeHttp::start(move |_| {
            let answer = http::Response::builder().status(status);
            let answer = answer.header("x-kind", "mine").header("set-cookie", "a=1");
            Some(answer.body("text".into()).unwrap())
        })
        .await;
        let rig = Setup::new(over_http(&backend.url("/events"))).start().await;
        match WsClient::open(rig.address(), &Handshake::new("/prod")).await {
            Ok(client) => {
                assert_eq!(expected, 101, "{status}");
                assert_eq!(client.response.header("x-kind"), None);
                assert_eq!(client.response.header("set-cookie"), None);
                client.leave().await;
            }
            Err(response) => {
                assert_eq!(response.status, expected, "{status}");
                assert_eq!(response.text(), "text");
                assert_eq!(response.header("x-kind"), Some("mine"));
            }
        }
        let request = backend.request().await;
        assert_eq!((&*request.method, &*request.target), ("POST", "/events"));
        assert_eq!(request.body, "");
        rig.close().await;
    };
    check(200, 101).await;
    check(202, 101).await;
    check(302, 302).await;
    check(400, 400).await;
    check(401, 401).await;
    check(404, 404).await;
    check(503, 503).await;
}

#[tokio::test]
async fn an_http_backend_that_cannot_answer() {
    let check = async |url: String, status: u16, message: &str, warning: &str| {
        let rig = Setup::new(over_http(&url)).start().await;
        let response = rig.refused(&Handshake::new("/prod")).await;
        let told = (response.status, response.refusal());
        assert_eq!(told, (status, message.into()), "{url}");
        rig.close_after(&[warning]).await;
    };
    let failure = "Internal server error";
    let url = format!("http://{}/", FakeHttp::nobody().await);
    check(url, 504, failure, "INTEGRATION_FAILURE").await;
    for answer in [
        "",
        "not http at all\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    ] {
        let backend = FakeHttp::raw(answer).await;
        check(backend.url("/"), 504, failure, "INTEGRATION_FAILURE").await;
        assert_eq!(backend.calls(), 1, "nothing is tried again");
    }
}

#[tokio::test]
async fn an_http_backend_that_is_late_is_504() {
    let backend = FakeHttp::start(|_| None).await;
    let definition = over_http(&backend.url("/")).replace(
        "integrationMethod: POST",
        "integrationMethod: POST, timeoutInMillis: 50",
    );
    let rig = Setup::new(definition).manual().start().await;
    let handshake = Handshake::new("/prod");
    let waiting = rig.refused(&handshake);
    let passing = async {
        backend.request().await;
        rig.advance(Duration::from_millis(50));
    };
    let (response, ()) = tokio::join!(waiting, passing);
    let told = (response.status, response.refusal());
    assert_eq!(told, (504, "Endpoint request timed out".into()));
    rig.close_after(&["INTEGRATION_TIMEOUT"]).await;
}

#[tokio::test]
async fn a_gateway_that_stops_lets_nobody_in() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("CONNECT", &gate))
        .start()
        .await;
    let address = rig.address();
    let handshake = Handshake::new("/prod");
    let opening = WsClient::open(address, &handshake);
    let letting = async {
        rig.event_of("CONNECT").await;
        gate.add_permits(1);
    };
    let (client, ()) = tokio::join!(opening, letting);
    let client = client.unwrap_or_else(|refused: Response| panic!("{refused:?}"));
    let services = Arc::clone(rig.gateway.services());
    let stopping = rig.gateway.shutdown();
    let leaving = async {
        assert_eq!(client.closed().await, (1001, "Going away".into()));
    };
    soon("the end", async { tokio::join!(stopping, leaving) }).await;
    assert_eq!(services.tasks.live(), 0);
    let late = tokio::net::TcpStream::connect(address).await;
    assert!(late.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_handshake_that_runs_while_the_gateway_stops_comes_to_its_end() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("CONNECT", &gate))
        .start()
        .await;
    let mut stream = http_client::connect(rig.address()).await;
    let handshake = Handshake::new("/prod").bytes();
    stream.write_all(&handshake).await.unwrap();
    rig.event_of("CONNECT").await;
    let services = Arc::clone(rig.gateway.services());
    let Rig {
        gateway, functions, ..
    } = rig;
    let watching = async {
        // The listeners are gone once the gateway has begun to stop.
        eventually("the gateway to stop", || services.tasks.live() == 2).await;
        gate.add_permits(1);
        let mut buffer = Vec::new();
        let response = read_response(&mut stream, &mut buffer).await.unwrap();
        assert_eq!(response.status, 101);
        while buffer.len() < 14 && http_client::fill(&mut stream, &mut buffer).await {}
        assert_eq!(buffer, b"\x88\x0c\x03\xe9Going away");
        stream
            .write_all(&frame(FINAL | CLOSE, &status(1001, "")))
            .await
            .unwrap();
        assert!(!http_client::fill(&mut stream, &mut buffer).await);
    };
    soon("the end", async {
        tokio::join!(gateway.shutdown(), watching)
    })
    .await;
    assert_eq!(services.tasks.live(), 0);
    let events = functions["backend"].rest().await;
    assert_eq!(events.len(), 1);
    let code = &events[0]["requestContext"]["disconnectStatusCode"];
    assert_eq!(code, 1001);
}
