//! What other tools call an API, imported and served.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use crate::control::survival::serve;
use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, WsClient, soon};

/// The example in a folder of its own.
fn example() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sam");
    std::fs::create_dir(directory.path().join("hello")).unwrap();
    for file in ["template.yaml", "hello/bootstrap"] {
        std::fs::copy(source.join(file), directory.path().join(file)).unwrap();
    }
    directory
}

async fn import(directory: &Path, arguments: &[&str]) -> Output {
    import_as("sam", directory, arguments).await
}

async fn import_as(what: &str, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .args(["import", what])
        .args(arguments)
        .current_dir(directory);
    soon("the import to end", command.output()).await.unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_template_is_imported_and_served_as_it_is() {
    let directory = example();
    let imported = import(
        directory.path(),
        &["template.yaml", "--parameter", "Stage=live"],
    )
    .await;
    assert_eq!(
        text(&imported.stderr),
        "template.yaml:59:3: EchoLeave: AWS::Lambda::Permission is not taken over; nothing: functions need no leave here, and run as the user of the gateway\n"
    );
    assert_eq!(imported.status.code(), Some(0));
    let expected = r#"functions:
  Hello:
    command: [./bootstrap]
    handler: bootstrap
    workingDirectory: hello
    environment: { GREETING: Hello }
    timeout: 10s
apis:
  site:
    protocolType: HTTP
    corsConfiguration: { allowOrigins: ["https://app.example.com"], allowMethods: [GET] }
    routes:
      "GET /hello/{name}": { target: integrations/Hello }
    integrations:
      Hello: { integrationType: AWS_PROXY, integrationUri: "function:Hello", payloadFormatVersion: "2.0" }
    stages: { $default: {} }
  echo:
    protocolType: WEBSOCKET
    name: echo-live
    routeSelectionExpression: $request.body.action
    routes:
      $default:
        target: integrations/EchoIntegration
        routeResponseSelectionExpression: $default
        routeResponses: { $default: {} }
    integrations:
      EchoIntegration: { integrationType: AWS_PROXY, integrationUri: "function:Hello" }
    stages: { live: {} }
"#;
    assert_eq!(text(&imported.stdout), expected);
    // All that a test adds is where to listen.
    let file = format!(
        "{expected}server: {{ listen: '127.0.0.1:0', admin: '127.0.0.1:0', adminHosts: gateway.test }}\n"
    );
    std::fs::write(directory.path().join("tidegate.yaml"), file).unwrap();
    let (mut child, admin) = serve(directory.path()).await;
    let answer = send(admin, &request("GET", "/_apis/site/hello/Ada", &[], b"")).await;
    assert_eq!((answer.status, text(&answer.body)), (200, "Hello, Ada!\n"));
    let handshake = Handshake::new("/_apis/echo/live");
    let mut client = WsClient::open(admin, &handshake).await.unwrap();
    assert_eq!(client.ask("hello").await, "hello");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_imported_is_told_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let check = async |text: &str, arguments: &[&str], code: i32, told: &str| {
        std::fs::write(directory.path().join("t.yaml"), text).unwrap();
        let imported = import(directory.path(), arguments).await;
        assert_eq!(
            (imported.status.code(), self::text(&imported.stderr)),
            (Some(code), told)
        );
    };
    let nothing =
        "Resources: { A: { Type: 'AWS::ApiGatewayV2::Api', Properties: { ProtocolType: HTTP } } }";
    let told = "t.yaml:1:14: apis.a: has no stage, and so no address; add `stages: { prod: {} }`\n1 problem\n";
    check(nothing, &["t.yaml"], 1, told).await;
    let told = "t.yaml:1:1: Resources: has 0 resources; name a template with 1 to 500\n1 problem\n";
    check("Resources: {}", &["t.yaml"], 1, told).await;
    check(
        "",
        &["nowhere.yaml"],
        1,
        "nowhere.yaml: No such file or directory (os error 2)\n",
    )
    .await;
    let misused = import(directory.path(), &["t.yaml", "--parameter", "x"]).await;
    assert_eq!(misused.status.code(), Some(2));
    let file: PathBuf = directory.path().join("t.yaml");
    std::fs::write(&file, b"\xff").unwrap();
    let imported = import(directory.path(), &["t.yaml"]).await;
    assert_eq!(text(&imported.stderr), "t.yaml: is not UTF-8 text\n");
}

#[tokio::test]
async fn an_openapi_document_is_imported_and_served() {
    let directory = tempfile::tempdir().unwrap();
    let backend = FakeHttp::start(|_| Some(http::Response::default())).await;
    let document = format!(
        r#"
openapi: 3.0.1
info: {{ title: Pet Shop, version: "1" }}
paths:
  /pets/{{id}}:
    get:
      responses: {{ default: {{ description: any }} }}
      x-amazon-apigateway-integration: {{ type: http_proxy, httpMethod: GET, uri: "{}/animals/{{id}}", payloadFormatVersion: "1.0" }}
"#,
        backend.url("")
    );
    std::fs::write(directory.path().join("shop.yaml"), &document).unwrap();
    let imported = import_as("openapi", directory.path(), &["shop.yaml"]).await;
    let definition = text(&imported.stdout);
    assert_eq!(
        imported.status.code(),
        Some(0),
        "{}",
        text(&imported.stderr)
    );
    let file = format!(
        "{definition}server: {{ listen: '127.0.0.1:0', admin: '127.0.0.1:0', adminHosts: gateway.test }}\n"
    );
    std::fs::write(directory.path().join("tidegate.yaml"), file).unwrap();
    let (mut child, admin) = serve(directory.path()).await;
    let answer = send(admin, &request("GET", "/_apis/pet-shop/pets/7", &[], b"")).await;
    assert_eq!(answer.status, 200, "{definition}");
    assert_eq!(backend.request().await.target, "/animals/7");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_document_that_cannot_be_served_is_told_by_pointer() {
    let directory = tempfile::tempdir().unwrap();
    let document = r#"{"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"type": "smtp"}, "responses": {}}}}}"#;
    std::fs::write(directory.path().join("a.json"), document).unwrap();
    let imported = import_as("openapi", directory.path(), &["a.json"]).await;
    assert_eq!(imported.status.code(), Some(1));
    let told = text(&imported.stderr);
    let at = "a.json: #/paths/~1x/get/x-amazon-apigateway-integration/type: ";
    assert!(told.contains(at), "{told}");
    let misused = import_as("openapi", directory.path(), &["a.json", "--base-path", "x"]).await;
    assert_eq!(misused.status.code(), Some(2));
}
