//! Functions that the gateway runs itself, from a client's message to a process and back.

use std::path::Path;

use serde_json::{Value, json};

use super::TWO_WAY;
use crate::harness::{Handshake, Rig, Setup};

const FAILED: &str = "INTEGRATION_FAILURE";
const PROCESS_FAILED: &str = "a function's process failed";

/// An API whose routes lead to a process; `arguments` go behind the script.
fn setup(arguments: &str, function: &str) -> Setup {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/websocket_function.py");
    Setup::new(format!(
        r#"
functions:
  process:
    command: [python3, "{}"{arguments}]
    {function}
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: {{ target: integrations/process }}
      $disconnect: {{ target: integrations/process }}
      $default: {{ target: integrations/process, {TWO_WAY} }}
      greet: {{ target: integrations/greeting, {TWO_WAY} }}
    integrations:
      process: {{ integrationType: AWS_PROXY, integrationUri: "function:process" }}
      greeting:
        integrationType: MOCK
        requestTemplates: {{ $default: '{{"statusCode":200}}' }}
        integrationResponses: {{ $default: {{ responseTemplates: {{ $default: 'hello' }} }} }}
    stages: {{ prod: {{ stageVariables: {{ tier: gold }} }} }}
"#,
        script.display()
    ))
}

async fn ask(client: &mut crate::harness::WsClient, action: &str) -> String {
    client.ask(&json!({ "action": action }).to_string()).await
}

#[tokio::test]
async fn an_event_goes_there_and_back() {
    let rig = setup(
        "",
        "handler: index.handler, environment: { LEVEL: info }"
            .replace(", ", "\n    ")
            .as_str(),
    )
    .start()
    .await;
    let mut client = rig.open().await;
    let event: Value = serde_json::from_str(&ask(&mut client, "event").await).unwrap();
    assert_eq!(event["body"], r#"{"action":"event"}"#);
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["stageVariables"], json!({ "tier": "gold" }));
    let context = &event["requestContext"];
    assert_eq!(context["eventType"], "MESSAGE");
    assert_eq!(context["routeKey"], "$default");
    assert_eq!(context["apiId"], "chat");
    assert_eq!(event.get("headers"), None);

    let environment: Value = serde_json::from_str(&ask(&mut client, "environment").await).unwrap();
    let expected = [
        ("LEVEL", "info"),
        ("_HANDLER", "index.handler"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "process"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ];
    for (name, value) in expected {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(
        environment["AWS_ACCESS_KEY_ID"]
            .as_str()
            .is_some_and(|key| key.starts_with("AKIA"))
    );
    assert!(environment["AWS_SECRET_ACCESS_KEY"].is_string());
    assert_eq!(
        environment.get("CARGO_MANIFEST_DIR"),
        None,
        "our own environment stays here"
    );
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn failures_are_error_frames_and_the_function_comes_back() {
    let rig = setup("", "reservedConcurrency: 1").start().await;
    let mut client = rig.open().await;
    for action in ["fail", "leave", "nonsense"] {
        client.send(&json!({ "action": action }).to_string()).await;
        assert_eq!(client.error().await, "Internal server error", "{action}");
        let event = ask(&mut client, "event").await;
        assert!(event.contains("requestContext"), "{event}");
    }
    client.leave().await;
    rig.close_after(&[FAILED, PROCESS_FAILED]).await;
}

#[tokio::test]
async fn ten_megabytes_of_output_disturb_nobody() {
    let rig = setup("", "timeout: 29s").start().await;
    let mut client = rig.open().await;
    let mut other = rig.open().await;
    client.send(r#"{"action":"flood"}"#).await;
    assert_eq!(ask(&mut other, "greet").await, "hello");
    assert_eq!(client.text().await, "done");
    let event = ask(&mut client, "event").await;
    assert!(event.contains("requestContext"), "{event}");
    client.leave().await;
    other.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn a_function_that_crashes_at_start_is_502() {
    let rig = setup(", crash", "timeout: 1s").start().await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(
        (refused.status, refused.refusal().as_str()),
        (502, "Internal server error")
    );
    rig.stop(&[FAILED, PROCESS_FAILED]).await;
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_an_error_of_ours() {
    let definition = r#"
functions:
  process: { command: [/nowhere/to-be-found] }
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: { target: integrations/process }
    integrations:
      process: { integrationType: AWS_PROXY, integrationUri: "function:process" }
    stages: { prod: {} }
"#;
    let rig = Setup::new(definition).start().await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert!([500, 502].contains(&refused.status), "{refused:?}");
    assert_eq!(refused.refusal(), "Internal server error");
    rig.stop(&[FAILED, PROCESS_FAILED]).await;
}

#[tokio::test]
async fn a_function_that_hangs_is_killed_and_replaced() {
    let rig = setup("", "timeout: 1s\n    reservedConcurrency: 1")
        .start()
        .await;
    let mut client = rig.open().await;
    client.send(r#"{"action":"hang"}"#).await;
    assert_eq!(client.error().await, "Internal server error");
    // There is one process only, so this one is new.
    let event = ask(&mut client, "event").await;
    assert!(event.contains("requestContext"), "{event}");
    client.leave().await;
    rig.close_after(&[FAILED, "a function ran into its timeout"])
        .await;
}

#[tokio::test]
async fn an_answer_of_more_than_a_message_is_an_error_frame() {
    let rig = setup("", "timeout: 29s").start().await;
    let mut client = rig.open().await;
    for bytes in [200 * 1024, 7 * 1024 * 1024] {
        client
            .send(&json!({ "action": "large", "bytes": bytes }).to_string())
            .await;
        assert_eq!(client.error().await, "Internal server error");
    }
    client.leave().await;
    rig.close_after(&[FAILED]).await;
}

#[tokio::test]
async fn a_function_pushes_over_https_with_what_it_finds_in_its_environment() {
    let directory = tempfile::tempdir().unwrap();
    let rig: Rig = setup("", "timeout: 29s")
        .server("tls: development")
        .server(&format!(
            "stateDirectory: \"{}\"",
            directory.path().display()
        ))
        .start()
        .await;
    for host in ["127.0.0.1", "localhost"] {
        let host = format!("{host}:{}", rig.address().port());
        let mut client = rig
            .connect(&Handshake::new("/prod").with("Host", &host))
            .await;
        client
            .send(r#"{"action":"push","text":"from the function"}"#)
            .await;
        assert_eq!(client.text().await, "from the function");
        assert_eq!(client.text().await, "200");
        client.leave().await;
    }
    rig.close().await;
}
