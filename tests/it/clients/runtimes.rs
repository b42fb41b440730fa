//! Functions of the gateway's own on the official runtime clients: npm `aws-lambda-ric` and PyPI `awslambdaric`.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{file, installed, node, python};
use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, Rig, Setup, WsClient};

const FAILED: &str = "INTEGRATION_FAILURE";
const PROCESS_FAILED: &str = "a function's process failed";

/// Who fetches the events.
#[derive(Debug, Clone, Copy)]
enum Runtime {
    Node,
    Python,
}

impl Runtime {
    fn command(self) -> Vec<String> {
        let words = |words: &[&Path]| {
            words
                .iter()
                .map(|word| word.display().to_string())
                .collect()
        };
        match self {
            Self::Node => {
                let client = installed("tests/clients/node_modules/aws-lambda-ric/index.mjs");
                words(&[&node(), &client, Path::new(self.handler())])
            }
            Self::Python => {
                let client = [Path::new("-m"), Path::new("awslambdaric")];
                words(&[&python(), client[0], client[1], Path::new(self.handler())])
            }
        }
    }

    fn handler(self) -> &'static str {
        match self {
            Self::Node => "index.handler",
            Self::Python => "handler.handler",
        }
    }

    /// How the handler names it.
    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
        }
    }
}

/// A gateway whose API leads to one process, which writes down its events.
struct Hosted {
    rig: Rig,
    directory: TempDir,
}

impl Hosted {
    async fn new(runtime: Runtime) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let two_way =
            "routeResponseSelectionExpression: $default, routeResponses: { $default: {} }";
        let definition = filled(
            &format!(
                r#"
functions:
  shown:
    command: COMMAND
    handler: {handler}
    workingDirectory: DIRECTORY
    timeout: 29s
    memorySize: 256
    reservedConcurrency: 1
    environment: {{ GREETING: ahoy, RECORD: RECORD_FILE }}
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: {{ target: integrations/shown }}
      $disconnect: {{ target: integrations/shown }}
      $default: {{ target: integrations/shown, {two_way} }}
    integrations:
      shown: {{ integrationType: AWS_PROXY, integrationUri: "function:shown" }}
    stages: {{ prod: {{ stageVariables: {{ tier: gold }} }} }}
"#,
                handler = runtime.handler(),
            ),
            runtime,
            directory.path(),
        );
        let rig = Setup::new(definition).start().await;
        Self { rig, directory }
    }

    /// The events that the function wrote down.
    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(record(self.directory.path())).unwrap();
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }
}

fn record(directory: &Path) -> std::path::PathBuf {
    directory.join("events")
}

/// Fills in what YAML reads as JSON.
fn filled(definition: &str, runtime: Runtime, directory: &Path) -> String {
    let folder = file("tests/clients/lambda_ric");
    definition
        .replace("COMMAND", &json!(runtime.command()).to_string())
        .replace("DIRECTORY", &json!(folder).to_string())
        .replace("RECORD_FILE", &json!(record(directory)).to_string())
}

/// The same process behind an HTTP API, in both payload formats.
async fn over_http(runtime: Runtime) -> Hosted {
    let directory = tempfile::tempdir().unwrap();
    let definition = filled(
        &format!(
            r#"
functions:
  shown:
    command: COMMAND
    handler: {handler}
    workingDirectory: DIRECTORY
    reservedConcurrency: 1
    environment: {{ RECORD: RECORD_FILE }}
apis:
  shop:
    protocolType: HTTP
    routes:
      "ANY /v1/{{name}}": {{ target: integrations/v1 }}
      "ANY /v2/{{name}}": {{ target: integrations/v2 }}
    integrations:
      v1: {{ integrationType: AWS_PROXY, integrationUri: "function:shown", payloadFormatVersion: "1.0" }}
      v2: {{ integrationType: AWS_PROXY, integrationUri: "function:shown", payloadFormatVersion: "2.0" }}
    stages: {{ $default: {{}} }}
"#,
            handler = runtime.handler(),
        ),
        runtime,
        directory.path(),
    );
    let rig = Setup::new(definition).start().await;
    Hosted { rig, directory }
}

/// What the handler shows of a message.
async fn shown(client: &mut WsClient, text: &str) -> Value {
    let answer = client.ask(text).await;
    serde_json::from_str(&answer).expect("what the handler shows")
}

/// `$connect`, a message and `$disconnect` reach the handler; its answer comes back.
async fn events_go_there_and_back(runtime: Runtime) {
    let hosted = Hosted::new(runtime).await;
    let rig = &hosted.rig;
    let mut client = rig.connect(&Handshake::new("/prod?room=harbour")).await;
    let seen = shown(&mut client, "grüße ⚓").await;
    assert_eq!(seen["runtime"], runtime.name());
    let event = &seen["event"];
    assert_eq!(event["body"], "grüße ⚓");
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["stageVariables"], json!({ "tier": "gold" }));
    assert_eq!(event["requestContext"]["routeKey"], "$default");
    let context = &seen["context"];
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:shown";
    assert_eq!(context["functionName"], "shown");
    assert_eq!(context["invokedFunctionArn"], arn);
    assert_eq!(context["memoryLimitInMB"], "256");
    assert!(context["awsRequestId"].is_string(), "{context}");
    let remaining = context["remaining"].as_u64().expect("milliseconds");
    assert!((1..=29_000).contains(&remaining), "{remaining}");
    let environment = &seen["environment"];
    assert_eq!(environment["GREETING"], "ahoy");
    assert_eq!(environment["_HANDLER"], runtime.handler());
    assert_eq!(environment["AWS_REGION"], "us-east-1");
    assert!(environment["AWS_ACCESS_KEY_ID"].is_string());
    client.leave().await;
    rig.settle(0).await;

    let events = hosted.events();
    let kind = |event: &Value| event["requestContext"]["eventType"].clone();
    let kinds: Vec<_> = events.iter().map(kind).collect();
    assert_eq!(kinds, ["CONNECT", "MESSAGE", "DISCONNECT"]);
    assert_eq!(events[0]["queryStringParameters"]["room"], "harbour");
    assert_eq!(events[1], *event);
    assert_eq!(events[2]["requestContext"]["disconnectStatusCode"], 1005);
    let id = |event: &Value| event["requestContext"]["connectionId"].clone();
    assert!(events.iter().all(|other| id(other) == id(event)));
    hosted.rig.close().await;
}

/// A handler that throws or ends its process: the client is told, and the next event is served.
async fn failures(runtime: Runtime) {
    let hosted = Hosted::new(runtime).await;
    let rig = &hosted.rig;
    let refused = rig.refused(&Handshake::new("/prod?do=throw")).await;
    assert_eq!(refused.status, 502);
    assert_eq!(refused.refusal(), "Internal server error");
    let refused = rig
        .refused(&Handshake::new("/prod?do=status&status=403"))
        .await;
    assert_eq!(refused.status, 403);

    let mut client = rig.open().await;
    for action in ["throw", "exit"] {
        client.send(&json!({ "do": action }).to_string()).await;
        assert_eq!(client.error().await, "Internal server error", "{action}");
        assert_eq!(shown(&mut client, "hello").await["event"]["body"], "hello");
    }
    // Two messages' worth of answer are one too many.
    client.send(r#"{"do":"large","bytes":262144}"#).await;
    assert_eq!(client.error().await, "Internal server error");
    assert_eq!(client.ask(r#"{"do":"log"}"#).await, "logged");
    client.leave().await;
    hosted.rig.close_after(&[FAILED, PROCESS_FAILED]).await;
}

/// Requests of an HTTP API reach the handler; its answers and failures come back.
async fn requests_go_there_and_back(runtime: Runtime) {
    let hosted = over_http(runtime).await;
    let address = hosted.rig.address();
    for (path, version) in [
        ("/v1/gr%C3%BC%C3%9Fe", "1.0"),
        ("/v2/gr%C3%BC%C3%9Fe", "2.0"),
    ] {
        let text = [("Content-Type", "text/plain")];
        let sent = request("PUT", path, &text, "ahoy ⚓".as_bytes());
        let response = send(address, &sent).await;
        assert_eq!(response.status, 200, "{version}");
        assert_eq!(
            response.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let seen = response.json();
        assert_eq!(seen["runtime"], runtime.name());
        assert_eq!(seen["event"]["version"], version);
        assert_eq!(seen["event"]["body"], "ahoy ⚓");
        assert_eq!(seen["event"]["pathParameters"], json!({ "name": "grüße" }));
        let events = hosted.events();
        assert_eq!(events.last(), Some(&seen["event"]), "{version}");
    }
    for (action, status) in [
        ("do=status&status=404", 404),
        ("do=throw", 500),
        ("do=log", 200),
    ] {
        let response = send(
            address,
            &request("GET", &format!("/v2/a?{action}"), &[], b""),
        )
        .await;
        assert_eq!(response.status, status, "{action}");
    }
    hosted.rig.close_after(&[FAILED]).await;
}

macro_rules! both {
    ($($topic:ident),+ $(,)?) => {
        mod node {
            $(#[tokio::test]
            async fn $topic() {
                super::$topic(super::Runtime::Node).await;
            })+
        }
        mod python {
            $(#[tokio::test]
            async fn $topic() {
                super::$topic(super::Runtime::Python).await;
            })+
        }
    };
}

both!(
    events_go_there_and_back,
    failures,
    requests_go_there_and_back
);
