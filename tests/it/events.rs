//! The events that functions get, field by field.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::gateway::{START, START_CLF};
use crate::harness::signer::{KEY_ID, SECRET, Signer};
use crate::harness::ws_client::{KEY, is_id};
use crate::harness::{Handshake, Rig, Setup, answers, chat, echo};

fn keys(value: &Value) -> Vec<&str> {
    let fields = value.as_object().expect("an object");
    let mut keys: Vec<_> = fields.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Takes the fields out of an event that differ from run to run, after checking what they look like.
fn take_ids(event: &mut Value) -> [String; 2] {
    let context = event["requestContext"].as_object_mut().unwrap();
    let mut take = |name: &str| match context.remove(name) {
        Some(Value::String(id)) => {
            assert!(is_id(&id), "{name}: {id}");
            id
        }
        other => panic!("{name}: {other:?}"),
    };
    let (request, extended) = (take("requestId"), take("extendedRequestId"));
    assert_eq!(request, extended);
    [take("connectionId"), request]
}

fn take_trace(event: &mut Value) -> String {
    let multi = event["multiValueHeaders"].as_object_mut().unwrap();
    let many = multi.remove("X-Amzn-Trace-Id").unwrap();
    let single = event["headers"].as_object_mut().unwrap();
    let one = single.remove("X-Amzn-Trace-Id").unwrap();
    assert_eq!(many, json!([one]));
    one.as_str().unwrap().to_owned()
}

async fn standing(stage: &str) -> Rig {
    Setup::new(chat(stage))
        .manual()
        .function("backend", echo)
        .start()
        .await
}

#[tokio::test]
async fn a_connect_event() {
    let rig = standing("{}").await;
    let handshake = Handshake::new("/prod?room=red&room=blue&empty=&a%20b=c%2Bd+e&bare")
        .without("Host")
        .without("Connection")
        .without("Upgrade")
        .header("hOsT", "Gateway.test")
        .header("cOnNeCtIoN", "upgrade")
        .header("upGRADE", "websocket")
        .header("conTENT-length", "0")
        .header("user-AGENT", "example-client/1.0")
        .header("X-mULti", "one")
        .header("x-Multi", "two")
        .header("Cookie", "a=1; b=2")
        .header("Authorization", "Bearer abc")
        .header("Origin", "https://app.example.com");
    let client = rig.connect(&handshake).await;
    let mut event = rig.event_of("CONNECT").await;
    take_ids(&mut event);
    let trace = take_trace(&mut event);
    let root = trace.strip_prefix("Root=1-").unwrap();
    let (seconds, random) = root.split_once('-').unwrap();
    assert_eq!(u64::from_str_radix(seconds, 16), Ok(START / 1000));
    assert!(random.len() == 24 && random.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let port = rig.address().port().to_string();
    let expected = json!({
        "headers": {
            "hOsT": "Gateway.test",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Version": "13",
            "user-AGENT": "example-client/1.0",
            "X-mULti": "two",
            "Cookie": "a=1; b=2",
            "Authorization": "Bearer abc",
            "Origin": "https://app.example.com",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": port,
            "X-Forwarded-Proto": "http",
        },
        "multiValueHeaders": {
            "hOsT": ["Gateway.test"],
            "Sec-WebSocket-Key": [KEY],
            "Sec-WebSocket-Version": ["13"],
            "user-AGENT": ["example-client/1.0"],
            "X-mULti": ["one", "two"],
            "Cookie": ["a=1; b=2"],
            "Authorization": ["Bearer abc"],
            "Origin": ["https://app.example.com"],
            "X-Forwarded-For": ["127.0.0.1"],
            "X-Forwarded-Port": [port],
            "X-Forwarded-Proto": ["http"],
        },
        "queryStringParameters": { "room": "blue", "empty": "", "a b": "c+d e", "bare": "" },
        "multiValueQueryStringParameters": {
            "room": ["red", "blue"], "empty": [""], "a b": ["c+d e"], "bare": [""],
        },
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "requestTime": START_CLF,
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": START,
            "requestTimeEpoch": START,
            "identity": { "userAgent": "example-client/1.0", "sourceIp": "127.0.0.1" },
            "domainName": "Gateway.test",
            "apiId": "chat",
        },
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn what_is_not_there_is_left_out() {
    let rig = standing("{}").await;
    let client = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    let top = [
        "headers",
        "isBase64Encoded",
        "multiValueHeaders",
        "requestContext",
    ];
    assert_eq!(keys(&event), top);
    assert_eq!(
        event["requestContext"]["identity"],
        json!({ "sourceIp": "127.0.0.1" })
    );
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn forwarding_headers_are_extended_and_not_believed() {
    let rig = standing("{}").await;
    let handshake = Handshake::new("/prod")
        .header("X-Forwarded-For", "203.0.113.9")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Port", "443")
        .header(
            "X-Amzn-Trace-Id",
            "Root=1-66a1b2c3-0123456789abcdef01234567",
        );
    let client = rig.connect(&handshake).await;
    let event = rig.event_of("CONNECT").await;
    let header = |name: &str| event["headers"][name].as_str().unwrap().to_owned();
    assert_eq!(header("X-Forwarded-For"), "203.0.113.9, 127.0.0.1");
    assert_eq!(header("X-Forwarded-Proto"), "http");
    assert_eq!(header("X-Forwarded-Port"), rig.address().port().to_string());
    assert_eq!(
        header("X-Amzn-Trace-Id"),
        "Root=1-66a1b2c3-0123456789abcdef01234567"
    );
    assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.1");
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let rig = Setup::new(chat("{}"))
        .server("trustedProxies: [127.0.0.0/8]")
        .function("backend", echo)
        .start()
        .await;
    let handshake = Handshake::new("/prod")
        .with("Host", "gateway.test:443")
        .header("X-Forwarded-For", "198.51.100.1, 203.0.113.9")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Port", "443");
    let client = rig.connect(&handshake).await;
    let event = rig.event_of("CONNECT").await;
    let header = |name: &str| event["headers"][name].as_str().unwrap().to_owned();
    assert_eq!(
        header("X-Forwarded-For"),
        "198.51.100.1, 203.0.113.9, 127.0.0.1"
    );
    assert_eq!(header("X-Forwarded-Proto"), "https");
    assert_eq!(header("X-Forwarded-Port"), "443");
    let context = &event["requestContext"];
    assert_eq!(context["identity"]["sourceIp"], "203.0.113.9");
    assert_eq!(context["domainName"], "gateway.test");
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn the_domain_name_is_the_host_that_the_client_asked_for() {
    let rig = standing("{}").await;
    let check = async |host: &str, expected: &str| {
        let handshake = Handshake::new("/prod").with("Host", host);
        let client = rig.connect(&handshake).await;
        let event = rig.event_of("CONNECT").await;
        assert_eq!(event["requestContext"]["domainName"], expected, "{host}");
        client.leave().await;
        let event = rig.event_of("DISCONNECT").await;
        assert_eq!(event["requestContext"]["domainName"], expected, "{host}");
        assert_eq!(event["headers"]["Host"], expected, "{host}");
    };
    check("gateway.test", "gateway.test").await;
    check("gateway.test:8080", "gateway.test:8080").await;
    check("gateway.test:80", "gateway.test").await;
    check(
        "chat.execute-api.us-east-1.amazonaws.com",
        "chat.execute-api.us-east-1.amazonaws.com",
    )
    .await;
    check("[::1]:8080", "[::1]:8080").await;
    rig.close().await;
}

#[tokio::test]
async fn a_message_event() {
    let rig = standing("{}").await;
    let handshake = Handshake::new("/prod?room=red").header("User-Agent", "example-client/1.0");
    let mut client = rig.connect(&handshake).await;
    let mut connect = rig.event_of("CONNECT").await;
    let [connection, request] = take_ids(&mut connect);
    rig.advance(Duration::from_millis(4449));
    let text = r#"{"action":"ask", "text":"h\u00e9 \"there\""}"#;
    assert_eq!(client.ask(text).await, text);
    let mut event = rig.event_of("MESSAGE").await;
    let [same, other] = take_ids(&mut event);
    assert_eq!(same, connection);
    assert_ne!(other, request);
    let context = event["requestContext"].as_object_mut().unwrap();
    let message_id = context.remove("messageId").unwrap();
    let message_id = message_id.as_str().unwrap();
    assert!(is_id(message_id) && message_id != other && message_id != connection);
    let expected = json!({
        "requestContext": {
            "routeKey": "ask",
            "eventType": "MESSAGE",
            "requestTime": "12/Mar/2026:08:15:34 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": START,
            "requestTimeEpoch": START + 4449,
            "identity": { "userAgent": "example-client/1.0", "sourceIp": "127.0.0.1" },
            "domainName": "gateway.test",
            "apiId": "chat",
        },
        "body": text,
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
    client.send("").await;
    let event = rig.event_of("MESSAGE").await;
    assert_eq!(event["body"], "");
    assert_eq!(event["requestContext"]["routeKey"], "$default");
    assert_ne!(event["requestContext"]["messageId"], message_id);
    assert_eq!(client.text().await, "");
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn a_disconnect_event() {
    let rig = standing("{}").await;
    let handshake = Handshake::new("/prod?room=red").header("User-Agent", "example-client/1.0");
    let client = rig.connect(&handshake).await;
    let mut connect = rig.event_of("CONNECT").await;
    rig.advance(Duration::from_secs(271));
    client.leave().await;
    let mut event = rig.event_of("DISCONNECT").await;
    assert_eq!(take_ids(&mut event)[0], take_ids(&mut connect)[0]);
    let expected = json!({
        "headers": { "Host": "gateway.test", "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "" },
        "multiValueHeaders": {
            "Host": ["gateway.test"], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""],
        },
        "requestContext": {
            "routeKey": "$disconnect",
            "disconnectStatusCode": 1005,
            "eventType": "DISCONNECT",
            "requestTime": "12/Mar/2026:08:20:01 +0000",
            "messageDirection": "IN",
            "disconnectReason": "Client-side close frame status not set",
            "stage": "prod",
            "connectedAt": START,
            "requestTimeEpoch": START + 271_000,
            "identity": { "userAgent": "example-client/1.0", "sourceIp": "127.0.0.1" },
            "domainName": "gateway.test",
            "apiId": "chat",
        },
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
    rig.close().await;
}

#[tokio::test]
async fn stage_variables_are_in_every_event() {
    let rig = standing("{ stageVariables: { tier: gold, backendHost: 10.0.0.7:8080 } }").await;
    let mut client = rig.open().await;
    let variables = json!({ "tier": "gold", "backendHost": "10.0.0.7:8080" });
    assert_eq!(rig.event_of("CONNECT").await["stageVariables"], variables);
    client.ask("hi").await;
    assert_eq!(rig.event_of("MESSAGE").await["stageVariables"], variables);
    client.leave().await;
    assert_eq!(
        rig.event_of("DISCONNECT").await["stageVariables"],
        variables
    );
    rig.close().await;
}

#[tokio::test]
async fn connections_and_requests_have_ids_of_their_own() {
    let rig = standing("{}").await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let client = rig.open().await;
        ids.extend(take_ids(&mut rig.event_of("CONNECT").await));
        client.leave().await;
        let [_, request] = take_ids(&mut rig.event_of("DISCONNECT").await);
        ids.insert(request);
    }
    assert_eq!(ids.len(), 60);
    rig.close().await;
}

fn guarded(stage: &str) -> String {
    chat(stage).replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, authorizationType: CUSTOM, authorizerId: tokens }",
    ) + r#"    authorizers:
      tokens: { authorizerType: REQUEST, authorizerUri: "function:auth" }
"#
}

fn allowing() -> Value {
    json!({
        "principalId": "user-42",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*" }],
        },
        "context": { "tenant": "acme", "level": 3, "ratio": 0.5, "beta": true },
    })
}

#[tokio::test]
async fn an_authorizer_event() {
    let check = async |target: &str, stage: &str, query: Value, multi: Value, variables: Value| {
        let rig = Setup::new(guarded(stage))
            .manual()
            .function("backend", echo)
            .function("auth", answers(allowing()))
            .start()
            .await;
        let handshake = Handshake::new(target)
            .header("Content-Length", "0")
            .header("Authorization", "Bearer abc");
        let client = rig.connect(&handshake).await;
        let mut event = rig.event("auth").await;
        let [connection, _] = take_ids(&mut event);
        take_trace(&mut event);
        let port = rig.address().port().to_string();
        let expected = json!({
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:us-east-1:000000000000:chat/prod/$connect",
            "headers": {
                "Host": "gateway.test",
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Key": KEY,
                "Sec-WebSocket-Version": "13",
                "Content-Length": "0",
                "Authorization": "Bearer abc",
                "X-Forwarded-For": "127.0.0.1",
                "X-Forwarded-Port": port,
                "X-Forwarded-Proto": "http",
            },
            "multiValueHeaders": {
                "Host": ["gateway.test"],
                "Connection": ["Upgrade"],
                "Upgrade": ["websocket"],
                "Sec-WebSocket-Key": [KEY],
                "Sec-WebSocket-Version": ["13"],
                "Content-Length": ["0"],
                "Authorization": ["Bearer abc"],
                "X-Forwarded-For": ["127.0.0.1"],
                "X-Forwarded-Port": [port],
                "X-Forwarded-Proto": ["http"],
            },
            "queryStringParameters": query,
            "multiValueQueryStringParameters": multi,
            "stageVariables": variables,
            "requestContext": {
                "routeKey": "$connect",
                "eventType": "CONNECT",
                "requestTime": START_CLF,
                "messageDirection": "IN",
                "stage": "prod",
                "connectedAt": START,
                "requestTimeEpoch": START,
                "identity": { "sourceIp": "127.0.0.1" },
                "domainName": "gateway.test",
                "apiId": "chat",
            },
        });
        assert_eq!(event, expected);
        let mut connect = rig.event_of("CONNECT").await;
        assert_eq!(take_ids(&mut connect)[0], connection);
        client.leave().await;
        rig.disconnect().await;
        rig.close().await;
    };
    check("/prod", "{}", json!({}), json!({}), json!({})).await;
    check(
        "/prod?a=1&a=2",
        "{ stageVariables: { tier: gold } }",
        json!({ "a": "2" }),
        json!({ "a": ["1", "2"] }),
        json!({ "tier": "gold" }),
    )
    .await;
}

#[tokio::test]
async fn what_the_authorizer_said_is_in_every_later_event() {
    let rig = Setup::new(guarded("{}"))
        .manual()
        .function("backend", echo)
        .function("auth", answers(allowing()))
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event("auth").await;
    let expected = json!({
        "principalId": "user-42", "integrationLatency": 0,
        "tenant": "acme", "level": "3", "ratio": "0.5", "beta": "true",
    });
    let connect = rig.event_of("CONNECT").await;
    assert_eq!(connect["requestContext"]["authorizer"], expected);
    client.ask("hi").await;
    let message = rig.event_of("MESSAGE").await;
    assert_eq!(message["requestContext"]["authorizer"], expected);
    client.leave().await;
    let disconnect = rig.event_of("DISCONNECT").await;
    assert_eq!(disconnect["requestContext"]["authorizer"], expected);
    assert_eq!(rig.calls("auth"), 1, "asked once, at $connect");
    rig.close().await;
}

#[tokio::test]
async fn who_signed_is_in_every_event() {
    let definition = chat("{}").replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, authorizationType: AWS_IAM }",
    );
    let credentials = format!(
        "credentials: [{{ accessKeyId: {KEY_ID}, secretAccessKey: {SECRET}, userName: backend }}]"
    );
    let rig = Setup::new(format!("{credentials}\n{definition}"))
        .server("accountId: \"123456789012\"")
        .manual()
        .function("backend", echo)
        .start()
        .await;
    let mut handshake = Handshake::new("/prod").header("User-Agent", "example-client/1.0");
    for (name, value) in Signer::default().sign("GET", "/prod", &[], b"").headers {
        handshake = handshake.header(&name, &value);
    }
    let mut client = rig.connect(&handshake).await;
    let check = |event: &Value| {
        let context = &event["requestContext"];
        assert!(context.get("authorizer").is_none());
        let identity = &context["identity"];
        let names = [
            "accessKey",
            "accountId",
            "caller",
            "sourceIp",
            "user",
            "userAgent",
            "userArn",
        ];
        assert_eq!(keys(identity), names);
        assert_eq!(identity["accessKey"], KEY_ID);
        assert_eq!(identity["accountId"], "123456789012");
        assert_eq!(
            identity["userArn"],
            "arn:aws:iam::123456789012:user/backend"
        );
        assert_eq!(identity["sourceIp"], "127.0.0.1");
        assert_eq!(identity["userAgent"], "example-client/1.0");
    };
    check(&rig.event_of("CONNECT").await);
    client.ask("hi").await;
    check(&rig.event_of("MESSAGE").await);
    client.leave().await;
    check(&rig.event_of("DISCONNECT").await);
    rig.close().await;
}
