//! AWS service integrations of HTTP APIs: against a real `moto_server`, and against a server that records what moto lacks.

mod moto;
mod recorded;

use std::path::Path;

use serde_json::Value;

use crate::harness::http_client::{request, send};
use crate::harness::signer::{KEY_ID, SECRET};
use crate::harness::{Response, Rig, Setup};

/// An HTTP API `shop` with one service integration behind each route key; `stage` is the body of the stage `$default`.
fn shop(stage: &str, routes: &[(&str, String)]) -> String {
    let mut text =
        format!("apis:\n  shop:\n    protocolType: HTTP\n    stages: {{ $default: {stage} }}\n");
    text.push_str("    routes:\n");
    for (number, (key, _)) in routes.iter().enumerate() {
        text.push_str(&format!(
            "      '{key}': {{ target: integrations/i{number} }}\n"
        ));
    }
    text.push_str("    integrations:\n");
    for (number, (_, fields)) in routes.iter().enumerate() {
        text.push_str(&format!(
            "      i{number}: {{ integrationType: AWS_PROXY, {fields} }}\n"
        ));
    }
    text
}

/// The fields of an integration with this subtype and these parameters.
fn service(subtype: &str, parameters: &str) -> String {
    format!(
        "integrationSubtype: {subtype}, payloadFormatVersion: '1.0', requestParameters: {{ {parameters} }}"
    )
}

/// A gateway that calls `endpoint` in place of AWS, with credentials of its own.
fn at(endpoint: &str, definition: String) -> Setup {
    let credentials = aws_credential_types::Credentials::new(KEY_ID, SECRET, None, None, "test");
    Setup::new(definition)
        .server(&format!("awsEndpoint: '{endpoint}'"))
        .aws_credentials(credentials)
}

async fn ask(
    rig: &Rig,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Response {
    send(
        rig.address(),
        &request(method, path, headers, body.as_ref()),
    )
    .await
}

/// The document of an answer, which must be a good one in JSON.
fn good(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// A stage that logs how calls went to `file`, one JSON object a line.
fn logging(file: &Path) -> String {
    let format = r#"{"status":"$context.status","integration":"$context.integrationStatus","error":"$context.integrationErrorMessage","id":"$context.awsEndpointRequestId","request":"$context.requestId"}"#;
    let settings = serde_json::json!({ "destinationArn": format!("file:{}", file.display()), "format": format });
    format!("{{ accessLogSettings: {settings} }}")
}

/// Stops the gateway, which has warned of these, so that everything is written, and reads the lines of the log.
async fn log(rig: Rig, file: &Path, warnings: &[&str]) -> Vec<Value> {
    rig.close_after(warnings).await;
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}
