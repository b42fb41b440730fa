//! The definition file and the control plane: one truth, two ways to write it.

use serde_json::{Value, json};

use super::http_apis::api;
use super::{call, exception, id, open, works};
use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, answers, chat, echo};
use crate::reload::reload;

#[tokio::test]
async fn resources_of_the_file_are_shown_and_cannot_be_changed() {
    let state = tempfile::tempdir().unwrap();
    let text = chat("{ stageVariables: { tier: gold } }");
    let rig = open(&text, state.path())
        .function("backend", echo)
        .start()
        .await;
    let shown = async |path: &str| works(&rig, 200, "GET", path, Value::Null).await;
    let all = shown("/v2/apis").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    let chat = shown("/v2/apis/chat").await;
    let facts = ["apiId", "name", "protocolType", "routeSelectionExpression"];
    let facts = facts.map(|name| chat[name].as_str().unwrap());
    assert_eq!(facts, ["chat", "chat", "WEBSOCKET", "$request.body.action"]);
    let routes = shown("/v2/apis/chat/routes").await;
    let keys: Vec<_> = routes["items"].as_array().unwrap().iter().collect();
    assert_eq!(keys.len(), 5);
    let ask = keys
        .iter()
        .find(|route| route["routeKey"] == "ask")
        .unwrap();
    assert_eq!(ask["target"], "integrations/backend");
    let route = format!("/v2/apis/chat/routes/{}", id(ask, "routeId"));
    assert_eq!(shown(&route).await, **ask);
    let responses = shown(&format!("{route}/routeresponses")).await;
    assert_eq!(responses["items"][0]["routeResponseKey"], "$default");
    let stage = shown("/v2/apis/chat/stages/prod").await;
    assert_eq!(
        (&stage["autoDeploy"], &stage["stageVariables"]),
        (&json!(true), &json!({ "tier": "gold" }))
    );
    let deployment = format!("/v2/apis/chat/deployments/{}", id(&stage, "deploymentId"));
    assert_eq!(shown(&deployment).await["deploymentStatus"], "DEPLOYED");

    let check = async |method: &str, path: &str, body| {
        let refused = call(&rig, method, path, body).await;
        let message = exception(&refused, 409, "ConflictException");
        assert_eq!(
            message,
            "API chat is defined in ./definition: change it there"
        );
    };
    check("DELETE", "/v2/apis/chat", Value::Null).await;
    check("PATCH", &route, json!({ "operationName": "x" })).await;
    check(
        "POST",
        "/v2/apis/chat/routes",
        json!({ "routeKey": "more" }),
    )
    .await;
    check("POST", "/v2/apis/chat/deployments", json!({})).await;
    let tags = "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fchat";
    check("POST", tags, json!({ "tags": { "a": "b" } })).await;
    rig.close().await;
}

#[tokio::test]
async fn what_came_from_outside_of_the_file_is_not_shown() {
    let state = tempfile::tempdir().unwrap();
    let text = r#"
apis:
  shop:
    protocolType: HTTP
    stages: { $default: { stageVariables: { secret: "${env:PATH:-x}" } } }
    routes: { "GET /": {} }
    description: "${env:CARGO_MANIFEST_DIR}"
"#;
    let rig = open(text, state.path()).start().await;
    let shop = works(&rig, 200, "GET", "/v2/apis/shop", Value::Null).await;
    assert_eq!(shop["description"], "${env:CARGO_MANIFEST_DIR}");
    rig.close().await;
}

#[tokio::test]
async fn stored_apis_go_on_after_a_restart_and_beside_every_definition() {
    let state = tempfile::tempdir().unwrap();
    let start = async |text: &str| {
        let setup =
            open(text, state.path()).function("backend", answers(json!({ "statusCode": 201 })));
        setup.function("other", echo).start().await
    };
    let rig = start("").await;
    let api = api(&rig).await;
    let body = json!({ "integrationType": "AWS_PROXY", "integrationUri": "function:backend", "payloadFormatVersion": "2.0" });
    let made = works(&rig, 201, "POST", &format!("{api}/integrations"), body).await;
    let body = json!({ "routeKey": "GET /a", "target": format!("integrations/{}", id(&made, "integrationId")) });
    works(&rig, 201, "POST", &format!("{api}/routes"), body).await;
    let body = json!({ "stageName": "$default", "autoDeploy": true });
    works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    let target = format!("{}/a", api.replace("/v2/apis", "/_apis"));
    rig.close().await;

    let rig = start(&chat("{}").replace("function:backend", "function:other")).await;
    let ask = async || {
        send(rig.address(), &request("GET", &target, &[], b""))
            .await
            .status
    };
    assert_eq!(ask().await, 201);
    let state_line = format!(
        ", adminAuth: none, stateDirectory: '{}'",
        state.path().display()
    );
    reload(&rig.gateway, &state_line, "apis: {}").unwrap();
    assert_eq!(ask().await, 201);
    let all = works(&rig, 200, "GET", "/v2/apis", Value::Null).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    let clash = format!(
        "apis: {{ {}: {{ protocolType: HTTP, stages: {{ dev: {{}} }}, routes: {{ \"GET /\": {{}} }} }} }}",
        api.trim_start_matches("/v2/apis/")
    );
    let problems = reload(&rig.gateway, &state_line, &clash).unwrap_err();
    assert!(problems[0].to_string().contains("already"), "{problems:?}");
    let refused = rig.refused(&Handshake::new("/_apis/chat/prod")).await;
    assert_eq!(
        refused.status, 403,
        "the definition that was refused is not in force"
    );
    assert_eq!(ask().await, 201);
    for _ in 0..3 {
        rig.event("backend").await;
    }
    rig.close().await;
}
