//! boto3, the AWS SDK for JavaScript v3 and the AWS CLI on the control plane: each makes, deploys, uses, changes and deletes an API of
//! either protocol, knowing one address.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Program, Running};
use super::{installed, script};
use crate::harness::http_client::{request, send};
use crate::harness::signer::{KEY_ID, SECRET};
use crate::harness::{Handshake, Rig, Setup, answers, echo};

/// Operations of the service's model, of which this gateway refuses those of portals by name.
const OPERATIONS: usize = 103;
const PORTAL_OPERATIONS: usize = 26;

/// What calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Boto3,
    JavaScript,
    CommandLine,
}

/// A gateway whose control plane wants signatures, and a tool that is told its address and nothing else.
pub(super) struct Desk {
    pub(super) rig: Rig,
    /// The command line runs once for each call.
    running: Option<Running>,
    state: TempDir,
}

impl Desk {
    pub(super) async fn new(tool: Tool) -> Self {
        Self::with(tool, "adminHosts: gateway.test").await
    }

    /// The same with one more key of the `server` section: a line of YAML.
    pub(super) async fn with(tool: Tool, key: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let credentials =
            format!("credentials: [{{ accessKeyId: {KEY_ID}, secretAccessKey: \"{SECRET}\" }}]\n");
        let setup = Setup::new(credentials)
            .server(&format!("stateDirectory: '{}'", state.path().display()))
            .server(key);
        let setup = setup.function("backend", echo);
        let rig = setup
            .function(
                "shop",
                answers(json!({ "statusCode": 200, "body": "sold" })),
            )
            .start()
            .await;
        let mut desk = Self {
            rig,
            running: None,
            state,
        };
        let script = match tool {
            Tool::Boto3 => Some(script("control_boto3.py")),
            Tool::JavaScript => Some(script("control_sdk_v3.mjs")),
            Tool::CommandLine => None,
        };
        desk.running = script.map(|script| desk.told(script).start_at_keyboard());
        desk
    }

    /// A program that knows the one address and the key.
    fn told(&self, program: Program) -> Program {
        program
            .variable(
                "AWS_ENDPOINT_URL",
                format!("http://{}", self.rig.gateway.admin_address()),
            )
            .variable("AWS_ACCESS_KEY_ID", KEY_ID)
            .variable("AWS_SECRET_ACCESS_KEY", SECRET)
            .variable("AWS_REGION", "us-east-1")
            .variable("AWS_DEFAULT_REGION", "us-east-1")
            .variable("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// Calls an operation; gives what was seen.
    pub(super) async fn seen(&mut self, operation: &str, input: Value) -> Value {
        match &mut self.running {
            Some(running) => {
                running.type_line(&format!("{operation} {input}")).await;
                running.seen().await
            }
            None => self.seen_by_command_line(operation, &input).await,
        }
    }

    async fn seen_by_command_line(&self, operation: &str, input: &Value) -> Value {
        let command = kebab(operation);
        let mut words = ["apigatewayv2", &command, "--output", "json"]
            .map(str::to_owned)
            .to_vec();
        // A document goes to a file, and the command then wants its input word by word.
        let file = self.state.path().join("document");
        let exports = operation == "ExportApi";
        if exports {
            for (name, value) in input.as_object().expect("members") {
                words.push(format!("--{}", kebab(name)));
                words.extend(value.as_str().map(str::to_owned));
            }
            words.push(file.display().to_string());
        } else {
            words.extend(["--cli-input-json".to_owned(), input.to_string()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let program = Program::new("aws", installed(".venv/bin/aws"));
        let running = self.told(program).arguments(&words).start();
        let (text, errors) = running.last_words().await;
        match errors.is_empty() {
            true if exports => {
                json!({ "answer": { "body": std::fs::read_to_string(file).expect("a document") } })
            }
            true => json!({ "answer": serde_json::from_str::<Value>(&text).unwrap_or_default() }),
            false => {
                let name = errors
                    .split_once('(')
                    .and_then(|(_, rest)| rest.split_once(')'));
                json!({ "exception": name.map(|(name, _)| name), "message": errors })
            }
        }
    }

    /// Calls what must work; gives the answer.
    pub(super) async fn call(&mut self, operation: &str, input: Value) -> Value {
        let seen = self.seen(operation, input).await;
        assert_eq!(seen.get("exception"), None, "{operation}: {seen}");
        seen["answer"].clone()
    }

    /// Calls what must be refused with this exception; gives its message.
    pub(super) async fn refused(
        &mut self,
        operation: &str,
        input: Value,
        exception: &str,
    ) -> String {
        let seen = self.seen(operation, input).await;
        assert_eq!(seen["exception"], exception, "{operation}: {seen}");
        seen["message"].as_str().unwrap().to_owned()
    }

    pub(super) async fn close(self) {
        if let Some(mut running) = self.running {
            running.end_input();
            running.end().await;
        }
        self.rig.close().await;
    }
}

/// `CreateApi` as `create-api`.
fn kebab(operation: &str) -> String {
    let mut text = String::new();
    for letter in operation.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().expect("a text").to_owned()
}

async fn http_api(tool: Tool) {
    let mut desk = Desk::new(tool).await;
    let made = desk
        .call(
            "CreateApi",
            json!({ "Name": "shop", "ProtocolType": "HTTP", "Tags": { "team": "shop" } }),
        )
        .await;
    let api = text(&made, "ApiId");
    let input = json!({ "ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": "function:shop", "PayloadFormatVersion": "2.0" });
    let integration = text(
        &desk.call("CreateIntegration", input).await,
        "IntegrationId",
    );
    let target = format!("integrations/{integration}");
    let input = json!({ "ApiId": api, "RouteKey": "GET /things/{id}", "Target": target });
    let route = text(&desk.call("CreateRoute", input).await, "RouteId");
    desk.call(
        "CreateStage",
        json!({ "ApiId": api, "StageName": "$default" }),
    )
    .await;
    let deployed = desk
        .call(
            "CreateDeployment",
            json!({ "ApiId": api, "StageName": "$default" }),
        )
        .await;
    assert_eq!(deployed["DeploymentStatus"], "DEPLOYED");

    let shown = desk.call("GetApi", json!({ "ApiId": api })).await;
    assert_eq!(shown["Tags"], json!({ "team": "shop" }));
    let endpoint = text(&shown, "ApiEndpoint");
    let (address, base) = endpoint
        .trim_start_matches("http://")
        .split_once('/')
        .unwrap();
    let address = address.parse().unwrap();
    let ask = async |path: &str| {
        let target = format!("/{base}{path}");
        send(address, &request("GET", &target, &[], b"")).await
    };
    assert_eq!(ask("/things/7").await.text(), "sold");
    let event = desk.rig.event("shop").await;
    assert_eq!(event["pathParameters"], json!({ "id": "7" }));

    let input = json!({ "ApiId": api, "RouteId": route, "RouteKey": "GET /goods/{id}" });
    desk.call("UpdateRoute", input).await;
    assert_eq!(ask("/things/7").await.status, 200, "not deployed");
    desk.rig.event("shop").await;
    let input = json!({ "ApiId": api, "StageName": "$default", "AutoDeploy": true });
    desk.call("UpdateStage", input).await;
    assert_eq!(ask("/things/7").await.status, 404);
    assert_eq!(ask("/goods/7").await.status, 200);
    desk.rig.event("shop").await;
    let all = desk.call("GetRoutes", json!({ "ApiId": api })).await;
    assert_eq!(all["Items"][0]["RouteKey"], "GET /goods/{id}");

    let input = json!({ "ApiId": api, "IntegrationId": integration });
    let message = desk
        .refused("DeleteIntegration", input, "ConflictException")
        .await;
    assert!(message.contains("GET /goods/{id}"), "{message}");
    let input = json!({ "ApiId": api, "RouteKey": "GET /goods/{name}" });
    desk.refused("CreateRoute", input, "ConflictException")
        .await;
    let input =
        json!({ "ApiId": api, "IntegrationType": "HTTP_PROXY", "IntegrationUri": "nonsense" });
    desk.refused("CreateIntegration", input, "BadRequestException")
        .await;
    desk.call("DeleteApi", json!({ "ApiId": api })).await;
    desk.refused("GetApi", json!({ "ApiId": api }), "NotFoundException")
        .await;
    desk.close().await;
}

async fn openapi(tool: Tool) {
    let mut desk = Desk::new(tool).await;
    let document = |path: &str| {
        let integration =
            json!({ "type": "AWS_PROXY", "uri": "function:shop", "payloadFormatVersion": "2.0" });
        let operation = json!({ "responses": {}, "x-amazon-apigateway-integration": integration });
        json!({ "openapi": "3.0.1", "info": { "title": "shop", "version": "1" }, "paths": { path: { "get": operation } } })
    };
    let input = json!({ "Body": document("/old").to_string(), "FailOnWarnings": true });
    let made = desk.call("ImportApi", input).await;
    let api = text(&made, "ApiId");
    assert_eq!(
        made["ImportInfo"].as_array().map(Vec::len),
        Some(1),
        "{made}"
    );
    let input = json!({ "ApiId": api, "StageName": "$default", "AutoDeploy": true });
    desk.call("CreateStage", input).await;
    let mut new = document("/new");
    new["servers"] = json!([{ "url": "/base" }]);
    let input = json!({ "ApiId": api, "Body": new.to_string(), "Basepath": "prepend" });
    let again = desk.call("ReimportApi", input).await;
    assert_eq!(again["ApiId"], made["ApiId"]);
    let endpoint = text(&again, "ApiEndpoint");
    let (address, base) = endpoint
        .trim_start_matches("http://")
        .split_once('/')
        .unwrap();
    let target = format!("/{base}/base/new");
    let question = request("GET", &target, &[], b"");
    let answer = send(address.parse().unwrap(), &question).await;
    assert_eq!(answer.text(), "sold");
    desk.rig.event("shop").await;

    let mut exported = Vec::new();
    for output in ["JSON", "YAML"] {
        let input = json!({
            "ApiId": api, "Specification": "OAS30", "OutputType": output, "ExportVersion": "1.0", "IncludeExtensions": true,
            "StageName": "$default",
        });
        exported.push(text(&desk.call("ExportApi", input).await, "body"));
    }
    let json: Value = serde_json::from_str(&exported[0]).expect("JSON");
    assert!(json["paths"]["/base/new"]["get"].is_object(), "{json}");
    assert!(
        exported[1].starts_with("openapi: \"3.0.1\"\n"),
        "{exported:?}"
    );
    for body in exported {
        let input = json!({ "ApiId": api, "Body": body, "FailOnWarnings": true });
        desk.call("ReimportApi", input).await;
        let input = json!({ "ApiId": api, "Specification": "OAS30", "OutputType": "JSON", "StageName": "$default" });
        let document = text(&desk.call("ExportApi", input).await, "body");
        assert_eq!(
            serde_json::from_str::<Value>(&document).expect("JSON"),
            json
        );
    }

    let input = json!({ "Body": "openapi: 3.0.1\npaths: { /a: 1 }" });
    let message = desk
        .refused("ImportApi", input, "BadRequestException")
        .await;
    assert!(message.contains("#/paths/~1a: must be a map"), "{message}");
    let input = json!({ "ApiId": "none", "Body": new.to_string() });
    desk.refused("ReimportApi", input, "NotFoundException")
        .await;
    let input = json!({ "ApiId": api, "Specification": "OAS31", "OutputType": "JSON" });
    desk.refused("ExportApi", input, "BadRequestException")
        .await;
    desk.close().await;
}

async fn websocket_api(tool: Tool) {
    let mut desk = Desk::new(tool).await;
    let input = json!({ "Name": "chat", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action" });
    let made = desk.call("CreateApi", input).await;
    let api = text(&made, "ApiId");
    let input = json!({ "ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": "function:backend" });
    let integration = text(
        &desk.call("CreateIntegration", input).await,
        "IntegrationId",
    );
    let target = format!("integrations/{integration}");
    for key in ["$connect", "$disconnect", "ask"] {
        let mut input = json!({ "ApiId": api, "RouteKey": key, "Target": target });
        if key == "ask" {
            input["RouteResponseSelectionExpression"] = json!("$default");
        }
        let route = text(&desk.call("CreateRoute", input).await, "RouteId");
        if key == "ask" {
            let input = json!({ "ApiId": api, "RouteId": route, "RouteResponseKey": "$default" });
            desk.call("CreateRouteResponse", input).await;
        }
    }
    let input = json!({ "ApiId": api, "StageName": "prod", "AutoDeploy": true, "StageVariables": { "tier": "gold" } });
    desk.call("CreateStage", input).await;

    let endpoint = text(&made, "ApiEndpoint");
    let (_, base) = endpoint
        .trim_start_matches("ws://")
        .split_once('/')
        .unwrap();
    let mut client = desk
        .rig
        .connect(&Handshake::new(&format!("/{base}/prod")))
        .await;
    let event = desk.rig.event_of("CONNECT").await;
    assert_eq!(event["stageVariables"], json!({ "tier": "gold" }));
    assert_eq!(
        client.ask(r#"{"action":"ask"}"#).await,
        r#"{"action":"ask"}"#
    );
    desk.rig.event_of("MESSAGE").await;
    // The management API is another command of the command line, which `tests/it/management` knows.
    if desk.running.is_some() {
        let id = text(&event["requestContext"], "connectionId");
        let seen = desk
            .seen("post", json!({ "id": id, "data": "pushed" }))
            .await;
        assert_eq!(seen["status"], 200, "{seen}");
        assert_eq!(client.text().await, "pushed");
    }
    let input = json!({ "ApiId": api, "RouteSelectionExpression": "$request.body.verb" });
    desk.call("UpdateApi", input).await;
    assert_eq!(client.ask(r#"{"verb":"ask"}"#).await, r#"{"verb":"ask"}"#);
    desk.rig.event_of("MESSAGE").await;
    desk.call("DeleteStage", json!({ "ApiId": api, "StageName": "prod" }))
        .await;
    assert_eq!(client.closed().await.0, 1001);
    desk.rig.event_of("DISCONNECT").await;
    desk.call("DeleteApi", json!({ "ApiId": api })).await;
    desk.close().await;
}

#[tokio::test]
async fn boto3_runs_an_http_api() {
    http_api(Tool::Boto3).await;
}

#[tokio::test]
async fn boto3_runs_a_websocket_api() {
    websocket_api(Tool::Boto3).await;
}

#[tokio::test]
async fn the_javascript_sdk_runs_an_http_api() {
    http_api(Tool::JavaScript).await;
}

#[tokio::test]
async fn the_javascript_sdk_runs_a_websocket_api() {
    websocket_api(Tool::JavaScript).await;
}

#[tokio::test]
async fn the_command_line_runs_an_http_api() {
    http_api(Tool::CommandLine).await;
}

#[tokio::test]
async fn the_command_line_runs_a_websocket_api() {
    websocket_api(Tool::CommandLine).await;
}

#[tokio::test]
async fn boto3_imports_and_exports_openapi() {
    openapi(Tool::Boto3).await;
}

#[tokio::test]
async fn the_javascript_sdk_imports_and_exports_openapi() {
    openapi(Tool::JavaScript).await;
}

#[tokio::test]
async fn the_command_line_imports_and_exports_openapi() {
    openapi(Tool::CommandLine).await;
}

/// The service's own model is the list of what there must be: each operation is known, or refused by name.
#[tokio::test]
async fn every_operation_of_the_model_is_known_or_refused_by_name() {
    let mut desk = Desk::new(Tool::Boto3).await;
    let operations = desk.call("operations", json!({})).await;
    let operations = operations.as_array().unwrap();
    assert_eq!(operations.len(), OPERATIONS);
    let mut portals = 0;
    for operation in operations {
        let path = text(operation, "uri").replace(['{', '}', '+'], "");
        let method = text(operation, "method");
        let signer = crate::harness::signer::Signer {
            service: "apigateway",
            time: tidegate::base::clock::Clock::wall(desk.rig.gateway.services().clock.as_ref()).0,
            ..Default::default()
        };
        let signature = signer.sign(&method, &path, &[], b"");
        let headers: Vec<_> = signature
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let admin = desk.rig.gateway.admin_address();
        let answer = send(admin, &request(&method, &path, &headers, b"")).await;
        let body = answer.json();
        let message = body["message"].as_str().unwrap_or_default();
        let name = text(operation, "name");
        if message.contains("not among what this gateway has") {
            assert!(path.starts_with("/v2/portal"), "{name}: {message}");
            portals += 1;
            continue;
        }
        assert_ne!(body["resourceType"], "Operation", "{name} is not known");
        assert!(
            [200, 201, 400, 404].contains(&answer.status),
            "{name}: {answer:?}"
        );
    }
    assert_eq!(portals, PORTAL_OPERATIONS);
    desk.close().await;
}
