//! `requestParameters` and variables in `integrationUri`: every source, every target, and text that tries to be more.

use http::Response;

use super::TWO_WAY;
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::{Handshake, Setup};

async fn echoing() -> FakeHttp {
    FakeHttp::start(|request: &Recorded| Some(Response::new(request.body.clone()))).await
}

/// `$connect` and `$default` with integrations of their own.
fn setup(backend: &FakeHttp, connect: &str, message: &str) -> Setup {
    let url = backend.url("");
    Setup::new(
        format!(
            r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect:
        target: integrations/connect
        requestParameters:
          route.request.header.X-Token: {{ required: false }}
          route.request.querystring.room: {{ required: false }}
      $default: {{ target: integrations/message, {TWO_WAY} }}
    integrations:
      connect: {{ integrationType: HTTP_PROXY, integrationMethod: POST, {connect} }}
      message: {{ integrationType: HTTP_PROXY, integrationMethod: POST, {message} }}
    stages:
      prod: {{ stageVariables: {{ tier: gold, backend: "{host}", version: v2, deep: a/b }} }}
"#,
            host = backend.address,
        )
        .replace("URL", &url),
    )
}

const PLAIN: &str = "integrationUri: \"URL/plain\"";

#[tokio::test]
async fn sources_of_a_handshake() {
    let backend = echoing().await;
    let connect = r#"integrationUri: "URL/rooms/{room}/{fixed}",
        requestParameters: {
          integration.request.header.A-Literal: "'text, with: things'",
          integration.request.header.A-Stage: stageVariables.tier,
          integration.request.header.A-Header: route.request.header.X-Token,
          integration.request.header.A-All: route.request.multivalueheader.X-Token,
          integration.request.header.A-Query: route.request.querystring.room,
          integration.request.header.A-Route: context.routeKey,
          integration.request.header.A-Kind: context.eventType,
          integration.request.header.A-Id: context.connectionId,
          integration.request.header.A-Request: context.requestId,
          integration.request.header.A-Host: context.domainName,
          integration.request.header.A-Api: context.apiId,
          integration.request.header.A-StageName: context.stage,
          integration.request.header.A-Connected: context.connectedAt,
          integration.request.header.A-Time: context.requestTime,
          integration.request.header.A-Epoch: context.requestTimeEpoch,
          integration.request.header.A-Ip: context.identity.sourceIp,
          integration.request.header.A-Agent: context.identity.userAgent,
          integration.request.header.User-Agent: "'mapped'",
          integration.request.header.Authorization: route.request.querystring.token,
          integration.request.querystring.rooms: route.request.multivaluequerystring.room,
          integration.request.querystring.tier: stageVariables.tier,
          integration.request.querystring.token: "'hidden'",
          integration.request.path.room: route.request.querystring.room,
          integration.request.path.fixed: "'a b'" }"#;
    let rig = setup(&backend, connect, PLAIN).manual().start().await;
    let handshake = Handshake::new("/prod?room=red&room=sky%20blue&token=t%26t")
        .header("X-Token", "one")
        .header("x-token", "two")
        .header("User-Agent", "example-client/1.0");
    let client = rig.connect(&handshake).await;
    let request = backend.request().await;
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(request.header(name).as_deref(), expected, "{name}");
    };
    check("a-literal", Some("text, with: things"));
    check("a-stage", Some("gold"));
    check("a-header", Some("two"));
    check("a-all", Some("one,two"));
    check("a-query", Some("sky blue"));
    check("a-route", Some("$connect"));
    check("a-kind", Some("CONNECT"));
    check("a-host", Some("gateway.test"));
    check("a-api", Some("chat"));
    check("a-stagename", Some("prod"));
    check("a-connected", Some("1773303330101"));
    check("a-time", Some("12/Mar/2026:08:15:30 +0000"));
    check("a-epoch", Some("1773303330101"));
    check("a-ip", Some("127.0.0.1"));
    check("a-agent", Some("example-client/1.0"));
    check("user-agent", Some("mapped"));
    check("authorization", Some("t&t"));
    assert!(crate::harness::ws_client::is_id(
        &request.header("a-id").unwrap()
    ));
    assert!(crate::harness::ws_client::is_id(
        &request.header("a-request").unwrap()
    ));
    let (path, query) = request.target.split_once('?').unwrap();
    assert_eq!(path, "/rooms/sky%20blue/a%20b");
    let mut query: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    query.sort();
    let expected = [
        ("room", "red"),
        ("room", "sky blue"),
        ("rooms", "red"),
        ("rooms", "sky blue"),
        ("tier", "gold"),
        ("token", "hidden"),
    ];
    assert_eq!(
        query,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn sources_of_a_message() {
    let backend = echoing().await;
    let message = r#"integrationUri: "URL/messages/{kind}",
        requestParameters: {
          integration.request.header.A-Body: route.request.body,
          integration.request.header.A-Text: route.request.body.text,
          integration.request.header.A-Deep: "route.request.body.list[1].name",
          integration.request.header.A-Number: route.request.body.number,
          integration.request.header.A-True: route.request.body.flag,
          integration.request.header.A-Missing: route.request.body.missing,
          integration.request.header.A-Id: context.connectionId,
          integration.request.header.A-Message: context.messageId,
          integration.request.querystring.text: route.request.body.text,
          integration.request.path.kind: route.request.body.action }"#;
    let rig = setup(&backend, PLAIN, message).start().await;
    let mut client = rig.open().await;
    backend.request().await;
    let text =
        r#"{"action":"say","text":"hi & bye","list":[{},{"name":"n"}],"number":7,"flag":true}"#;
    assert_eq!(client.ask(text).await, text);
    let request = backend.request().await;
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(request.header(name).as_deref(), expected, "{name}");
    };
    check("a-body", Some(text));
    check("a-text", Some("hi & bye"));
    check("a-deep", Some("n"));
    check("a-number", Some("7"));
    check("a-true", Some("true"));
    check("a-missing", None);
    assert!(crate::harness::ws_client::is_id(
        &request.header("a-message").unwrap()
    ));
    let (path, query) = request.target.split_once('?').unwrap();
    assert_eq!(path, "/messages/say");
    let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(query, [("text".to_owned(), "hi & bye".to_owned())]);
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn stage_variables_stand_anywhere_in_a_uri() {
    let backend = echoing().await;
    let connect = r#"integrationUri: "http://${stageVariables.backend}/${stageVariables.version}/x-${stageVariables.tier}?deep=${stageVariables.deep}""#;
    let rig = setup(&backend, connect, PLAIN).start().await;
    let client = rig.open().await;
    let request = backend.request().await;
    assert!(
        request.target.starts_with("/v2/x-gold?deep=a"),
        "{}",
        request.target
    );
    let (_, query) = request.target.split_once('?').unwrap();
    let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(query, [("deep".to_owned(), "a/b".to_owned())]);
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn no_value_reaches_another_path() {
    let backend = echoing().await;
    let connect = r#"integrationUri: "URL/rooms/{room}/join", requestParameters: { integration.request.path.room: route.request.querystring.room }"#;
    let rig = setup(&backend, connect, PLAIN).start().await;
    let cases = [
        ("a%2Fb", "/rooms/a%2Fb/join"),
        ("..%2F..%2Fadmin", "/rooms/..%2F..%2Fadmin/join"),
        ("a%3Fx%3D1", "/rooms/a%3Fx%3D1/join"),
        ("a%23b", "/rooms/a%23b/join"),
        ("a%5Cb", "/rooms/a%5Cb/join"),
        ("a%252Fb", "/rooms/a%252Fb/join"),
        ("a%0D%0AHost%3A%20b", "/rooms/a%0D%0AHost%3A%20b/join"),
        ("%40evil.example", "/rooms/%40evil.example/join"),
        ("%C3%A4", "/rooms/%C3%A4/join"),
    ];
    for (room, expected) in cases {
        let client = rig
            .connect(&Handshake::new(&format!("/prod?room={room}")))
            .await;
        let target = backend.request().await.target;
        assert_eq!(target.split('?').next(), Some(expected), "{room}");
        client.leave().await;
    }
    // A dot segment would climb, and no value at all leaves a hole: such a request is not made.
    let calls = backend.calls();
    for room in ["?room=..", "?room=.", "?room=%2e%2E", ""] {
        let refused = rig.refused(&Handshake::new(&format!("/prod{room}"))).await;
        assert!(refused.status >= 400, "{room}: {refused:?}");
    }
    assert_eq!(backend.calls(), calls);
    rig.close().await;
}

#[tokio::test]
async fn control_characters_never_reach_a_header() {
    let backend = echoing().await;
    let connect = "integrationUri: \"URL/\", requestParameters: { integration.request.header.X-Room: route.request.querystring.room }";
    let message = "integrationUri: \"URL/\", requestParameters: { integration.request.header.X-Room: route.request.body.room }";
    let rig = setup(&backend, connect, message).start().await;
    let mut client = rig.open().await;
    backend.request().await;
    let mut payloads: Vec<String> = (0..0x20u8)
        .chain([0x7f])
        .filter(|byte| *byte != b'\t')
        .map(|byte| format!("a{}X-Evil: 1", char::from(byte)))
        .collect();
    payloads.push("a\r\nX-Evil: 1".to_owned());
    payloads.push("a\r\n\r\nGET /evil HTTP/1.1\r\n".to_owned());
    payloads.push("a\r\n X-Evil: folded".to_owned());
    for payload in &payloads {
        let encoded: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        let refused = rig
            .refused(&Handshake::new(&format!("/prod?room={encoded}")))
            .await;
        assert_eq!(
            (refused.status, refused.refusal().as_str()),
            (400, "Bad Request"),
            "{payload:?}"
        );
        let error = client
            .ask(&serde_json::json!({ "room": payload }).to_string())
            .await;
        assert_eq!(
            crate::harness::ws_client::error_message(&error),
            "Bad Request",
            "{payload:?}"
        );
    }
    assert_eq!(backend.calls(), 1, "nothing of this was sent");

    // Letters whose lower byte is a line end are letters all the same.
    for payload in [
        "a\u{10a}\u{10d}X-Evil: 1",
        "a\u{560a}\u{560d}b",
        "a\tb",
        "ä",
    ] {
        let text = serde_json::json!({ "room": payload }).to_string();
        assert_eq!(client.ask(&text).await, text);
        let request = backend.request().await;
        assert_eq!(request.header("x-room").as_deref(), Some(payload));
        assert_eq!(request.header("x-evil"), None);
    }
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn a_required_parameter_that_is_missing_is_400() {
    let backend = echoing().await;
    let setup = Setup::new(format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect:
        target: integrations/backend
        requestParameters:
          route.request.header.X-Token: {{ required: true }}
          route.request.querystring.room: {{ required: true }}
    integrations:
      backend: {{ {} }}
    stages: {{ prod: {{}} }}
"#,
        super::proxy(&backend.url("/"))
    ));
    let rig = setup.start().await;
    let full = Handshake::new("/prod?room=red").header("X-Token", "t");
    rig.connect(&full).await.leave().await;
    let cases = [
        Handshake::new("/prod"),
        Handshake::new("/prod?room=red"),
        Handshake::new("/prod?Room=red").header("X-Token", "t"),
        Handshake::new("/prod").header("X-Token", "t"),
    ];
    for handshake in cases {
        let refused = rig.refused(&handshake).await;
        assert_eq!(
            (refused.status, refused.refusal().as_str()),
            (400, "Bad Request"),
            "{handshake:?}"
        );
    }
    assert_eq!(backend.calls(), 1);
    rig.close().await;
}
