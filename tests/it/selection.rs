//! Which route a message takes.

use serde_json::json;

use crate::harness::{Rig, Setup, answers};

/// An API with one-way routes of these keys, all to one function.
async fn selecting(expression: &str, keys: &[&str]) -> Rig {
    let routes: Vec<_> = keys
        .iter()
        .map(|key| format!("      {key:?}: {{ target: integrations/backend }}\n"))
        .collect();
    let definition = format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: {expression:?}
    routes:
{}
    integrations:
      backend: {{ integrationType: AWS_PROXY, integrationUri: "function:backend" }}
    stages: {{ prod: {{}} }}
"#,
        routes.concat()
    );
    Setup::new(definition)
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await
}

const FORBIDDEN: &str = "Forbidden";

/// Sends each message and looks at the route it took; [`FORBIDDEN`] stands for none.
async fn check(expression: &str, keys: &[&str], cases: &[(&str, &str)]) {
    let rig = selecting(expression, keys).await;
    let mut client = rig.open().await;
    for (message, expected) in cases {
        client.send(message).await;
        if *expected == FORBIDDEN {
            assert_eq!(client.error().await, FORBIDDEN, "{expression}: {message}");
            continue;
        }
        let event = rig.event_of("MESSAGE").await;
        let route = &event["requestContext"]["routeKey"];
        assert_eq!(route, expected, "{expression}: {message}");
        assert_eq!(event["body"], *message);
    }
    // The connection outlives every refusal.
    client.silent().await;
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn expressions_as_documented() {
    let message = r#"{"service":"chat","action":"join","data":{"room":"r1"}}"#;
    let check = async |expression: &str, key: &str| {
        check(expression, &[key], &[(message, key)]).await;
    };
    check("$request.body.action", "join").await;
    check("${request.body.action}", "join").await;
    check(
        "${request.body.service}/${request.body.action}",
        "chat/join",
    )
    .await;
    check("${request.body.action}-${request.body.nope}", "join-").await;
    check("action", "action").await;
    check(r"\$default", "$default").await;
    check("$request.body.data.room", "r1").await;
    check("${request.body.data.room}!", "r1!").await;
    check("pre-${request.body.action}-post", "pre-join-post").await;
}

#[tokio::test]
async fn keys_are_matched_exactly() {
    let cases = [
        (r#"{"action":"join"}"#, "join"),
        (r#"{"action":"Join"}"#, "$default"),
        (r#"{"action":"joi"}"#, "$default"),
        (r#"{"action":"join "}"#, "$default"),
        (r#"{"action":" join"}"#, "$default"),
        (r#"{"action":"leave"}"#, "$default"),
        (r#"{"action":"$default"}"#, "$default"),
        (r#" { "action" : "join" } "#, "join"),
        (r#"{"action":"\u006aoin"}"#, "join"),
        (r#"{"action":"grüße"}"#, "grüße"),
        (r#"{"action":"join","action":"part"}"#, "part"),
    ];
    let keys = ["join", "part", "grüße", "$default"];
    check("$request.body.action", &keys, &cases).await;
}

#[tokio::test]
async fn what_has_no_key_goes_to_default() {
    let cases = [
        ("hi", "$default"),
        ("", "$default"),
        ("   ", "$default"),
        ("{", "$default"),
        (r#"{"action":"join""#, "$default"),
        (r#"{"action":"join"} trailing"#, "$default"),
        (r#""x""#, "$default"),
        (r#""join""#, "$default"),
        ("7", "$default"),
        ("true", "$default"),
        ("null", "$default"),
        ("[]", "$default"),
        (r#"["join"]"#, "$default"),
        ("{}", "$default"),
        (r#"{"other":"join"}"#, "$default"),
        (r#"{"action":null}"#, "$default"),
        (r#"{"action":""}"#, "$default"),
        (r#"{"nested":{"action":"join"}}"#, "$default"),
    ];
    check("$request.body.action", &["join", "$default"], &cases).await;
}

#[tokio::test]
async fn without_default_it_is_forbidden() {
    let cases = [
        (r#"{"action":"join"}"#, "join"),
        (r#"{"action":"leave"}"#, FORBIDDEN),
        ("hi", FORBIDDEN),
        ("", FORBIDDEN),
        ("7", FORBIDDEN),
        ("{}", FORBIDDEN),
        (r#"{"action":"$default"}"#, FORBIDDEN),
        (r#"{"action":"join"}"#, "join"),
    ];
    check("$request.body.action", &["join"], &cases).await;
}

#[tokio::test]
async fn other_types_are_written_out() {
    let cases = [
        (r#"{"action":1}"#, "1"),
        (r#"{"action":-1.5}"#, "-1.5"),
        (r#"{"action":true}"#, "true"),
        (r#"{"action":false}"#, "false"),
        (r#"{"action":["a","b"]}"#, "[a, b]"),
        (r#"{"action":"1"}"#, "1"),
    ];
    let keys = ["1", "-1.5", "true", "false", "[a, b]"];
    check("$request.body.action", &keys, &cases).await;
}

#[tokio::test]
async fn paths_reach_into_the_message() {
    let message = r#"{"a":{"b-c":"dash","list":["zero",{"deep":"one"}]},"b c":"blank"}"#;
    let check = async |expression: &str, key: &str| {
        check(expression, &[key], &[(message, key)]).await;
    };
    check("$request.body.a.list[0]", "zero").await;
    check("$request.body.a.list[1].deep", "one").await;
    check("${request.body.a.list[1].deep}", "one").await;
    check("$request.body..deep", "[one]").await;
    check("${request.body['b c']}", "blank").await;
    check("$request.body.a.list[0]", "zero").await;
}

#[tokio::test]
async fn clients_cannot_name_the_reserved_routes() {
    let rig = selecting(
        "$request.body.action",
        &["$connect", "$disconnect", "$default"],
    )
    .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    for action in ["$connect", "$disconnect"] {
        client.send(&json!({ "action": action }).to_string()).await;
        let event = rig.event_of("MESSAGE").await;
        assert_eq!(event["requestContext"]["routeKey"], "$default", "{action}");
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;

    let rig = selecting("$request.body.action", &["$connect", "$disconnect"]).await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    for action in ["$connect", "$disconnect"] {
        client.send(&json!({ "action": action }).to_string()).await;
        assert_eq!(client.error().await, FORBIDDEN, "{action}");
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn the_forbidden_frame_to_the_byte() {
    let rig = selecting("$request.body.action", &["$connect", "join"]).await;
    let mut client = rig.open().await;
    let connect = rig.event_of("CONNECT").await;
    let id = connect["requestContext"]["connectionId"].as_str().unwrap();
    let text = client.ask("hi").await;
    let start = format!(r#"{{"message": "Forbidden", "connectionId":"{id}", "requestId":""#);
    let request_id = text
        .strip_prefix(&start)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    let request_id = request_id.unwrap_or_else(|| panic!("{text}")).to_owned();
    assert!(crate::harness::ws_client::is_id(&request_id), "{text}");
    assert_ne!(
        client.ask("hi").await,
        text,
        "every refusal has its own request id"
    );
    client.leave().await;
    rig.close().await;
}
