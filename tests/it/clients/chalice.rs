//! Chalice, which makes, changes and deletes a WebSocket API through the control plane; `moto_server` stands in for IAM and Lambda.

use std::path::Path;

use bytes::Bytes;
use http::Response as Answer;

use super::installed;
use super::program::Program;
use crate::control::{open, works};
use crate::harness::fake_http::FakeHttp;
use crate::harness::moto::Moto;
use crate::harness::{Handshake, Rig};
use serde_json::Value;

const APP: &str = r#"
from chalice import Chalice

app = Chalice(app_name="talk")
app.experimental_feature_flags.update(["WEBSOCKETS"])
app.websocket_api.session = None


@app.on_ws_connect()
def connect(event):
    pass


@app.on_ws_message()
def message(event):
    pass


@app.on_ws_disconnect()
def disconnect(event):
    pass
"#;
const CONFIG: &str = r#"{ "version": "2.0", "app_name": "talk", "stages": { "dev": { "api_gateway_stage": "live" } } }"#;

/// Runs one command of Chalice in the folder of the app; gives what it said.
async fn chalice(rig: &Rig, moto: &Moto, app: &Path, command: &str) -> Vec<String> {
    installed(".venv/tidegate-setup");
    let program = Program::new("chalice", installed(".venv/bin/chalice"));
    let running = program
        .directory(app)
        .arguments(&[command, "--stage", "dev"])
        .variable("AWS_ENDPOINT_URL", moto.url())
        .variable(
            "AWS_ENDPOINT_URL_APIGATEWAYV2",
            format!("http://{}", rig.gateway.admin_address()),
        )
        .variable("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .variable("AWS_SECRET_ACCESS_KEY", "secret")
        .variable("AWS_DEFAULT_REGION", "us-east-1")
        .start();
    running.end_quietly().await
}

/// The id of the only API, if there is one.
async fn only_api(rig: &Rig) -> Option<String> {
    let all = works(rig, 200, "GET", "/v2/apis", Value::Null).await;
    let apis = all["items"].as_array().unwrap();
    assert!(apis.len() <= 1, "{all}");
    let api = apis.first()?;
    assert_eq!(api["name"], "talk-dev-websocket-api");
    Some(api["apiId"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn chalice_deploys_and_deletes_a_websocket_app() {
    let app = tempfile::tempdir().unwrap();
    std::fs::write(app.path().join("app.py"), APP).unwrap();
    std::fs::write(app.path().join("requirements.txt"), "").unwrap();
    std::fs::create_dir(app.path().join(".chalice")).unwrap();
    std::fs::write(app.path().join(".chalice/config.json"), CONFIG).unwrap();
    let lambda =
        FakeHttp::start(|_| Some(Answer::new(Bytes::from_static(br#"{"statusCode":200}"#)))).await;
    let state = tempfile::tempdir().unwrap();
    let endpoint = format!("lambdaEndpoint: '{}'", lambda.url(""));
    let rig = open("", state.path()).server(&endpoint).start().await;
    let moto = Moto::start().await;

    let said = chalice(&rig, &moto, app.path(), "deploy").await;
    let api = only_api(&rig).await.unwrap_or_else(|| panic!("{said:#?}"));
    let handshake = Handshake::new(&format!("/_apis/{api}/live"));
    let mut client = rig.connect(&handshake).await;
    client.send("hello").await;
    for function in ["websocket_connect", "websocket_message"] {
        let call = lambda.request().await;
        assert!(
            call.target
                .contains(&format!("talk-dev-{function}/invocations")),
            "{}",
            call.target
        );
    }
    // A second deployment finds everything as it is, and closes nothing.
    let said = chalice(&rig, &moto, app.path(), "deploy").await;
    assert_eq!(only_api(&rig).await, Some(api), "{said:#?}");
    client.send("again").await;
    lambda.request().await;
    let said = chalice(&rig, &moto, app.path(), "delete").await;
    assert_eq!(only_api(&rig).await, None, "{said:#?}");
    assert_eq!(client.closed().await.0, 1001);
    lambda.request().await;
    rig.close().await;
}
