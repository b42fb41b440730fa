//! Amazon's own signers on `AWS_IAM` routes of an HTTP API: boto3, the SDK for JavaScript and the AWS CLI.
//!
//! `@connections` is a path like any other there, so their clients for it sign ordinary requests.

use serde_json::json;

use super::program::Program;
use super::{authority, file, python, script};
use crate::harness::signer::{KEY_ID, SECRET};
use crate::harness::{Rig, Setup, answers};

const DEFINITION: &str = r#"
apis:
  shop:
    protocolType: HTTP
    stages: { $default: {}, dev: {} }
    routes: { "ANY /{path+}": { target: integrations/f, authorizationType: AWS_IAM } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
"#;
/// Encoding and its signature are what clients differ in.
const CONNECTION: &str = "Zk3bXfH2DoECJ0w=";

/// A gateway by the system's clock, as the clients sign by it.
async fn started() -> Rig {
    let credentials =
        format!("credentials: [{{ accessKeyId: {KEY_ID}, secretAccessKey: {SECRET} }}]");
    Setup::new(format!("{credentials}{DEFINITION}"))
        .function(
            "backend",
            answers(json!({ "statusCode": 200, "body": "{}" })),
        )
        .start()
        .await
}

fn keyed(program: Program, secret: &str) -> Program {
    program
        .variable("AWS_ACCESS_KEY_ID", KEY_ID)
        .variable("AWS_SECRET_ACCESS_KEY", secret)
        .variable("AWS_REGION", "us-east-1")
        .variable("AWS_DEFAULT_REGION", "us-east-1")
        .variable("AWS_EC2_METADATA_DISABLED", "true")
}

/// The function is told who called, by which path.
async fn called(rig: &Rig, method: &str, path: &str) {
    let event = rig.event("backend").await;
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], method);
    assert_eq!(event["rawPath"], path);
    assert_eq!(context["authorizer"]["iam"]["accessKey"], KEY_ID);
}

async fn sdk(name: &str) {
    let rig = started().await;
    let path = format!("/dev/@connections/{CONNECTION}");
    let steps = [
        format!("post={CONNECTION},hello"),
        format!("get={CONNECTION}"),
    ];
    let endpoint = format!("http://{}/dev", authority(&rig));
    let mut calls = keyed(script(name), SECRET)
        .argument(&endpoint)
        .arguments(&steps)
        .start();
    assert_eq!(calls.step("post").await["status"], 200);
    called(&rig, "POST", &path).await;
    assert_eq!(calls.step("get").await["status"], 200);
    called(&rig, "GET", &path).await;
    calls.end().await;
    let mut calls = keyed(script(name), "not the secret")
        .argument(&endpoint)
        .arguments(&steps[1..])
        .start();
    assert_eq!(calls.step("get").await["status"], 403);
    calls.end().await;
    rig.close().await;
}

#[tokio::test]
async fn boto3_signs_for_routes() {
    sdk("push_boto3.py").await;
}

#[tokio::test]
async fn the_sdk_for_javascript_signs_for_routes() {
    sdk("push_sdk_v3.mjs").await;
}

#[tokio::test]
async fn the_cli_signs_for_routes() {
    let rig = started().await;
    let endpoint = format!("http://{}", authority(&rig));
    let call = keyed(Program::new("aws", python()), SECRET)
        .argument(file(".venv/bin/aws"))
        .arguments(&[
            "apigatewaymanagementapi",
            "get-connection",
            "--connection-id",
            CONNECTION,
        ])
        .arguments(&["--endpoint-url", &endpoint])
        .start();
    called(&rig, "GET", &format!("/@connections/{CONNECTION}")).await;
    call.end_quietly().await;
    rig.close().await;
}
