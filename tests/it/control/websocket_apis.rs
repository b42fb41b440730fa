//! WebSocket APIs made by calls, and what changes mean for open connections.

use serde_json::{Value, json};

use super::{call, exception, id, open, works};
use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, Rig, echo, eventually};

/// Makes an API with the function `backend` behind it; gives its path and the integration's id.
async fn api(rig: &Rig) -> (String, String) {
    let body = json!({
        "name": "chat", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action",
    });
    let made = works(rig, 201, "POST", "/v2/apis", body).await;
    assert!(id(&made, "apiEndpoint").starts_with("ws://"), "{made}");
    let api = format!("/v2/apis/{}", id(&made, "apiId"));
    let body = json!({ "integrationType": "AWS_PROXY", "integrationUri": "function:backend" });
    let made = works(rig, 201, "POST", &format!("{api}/integrations"), body).await;
    (api, id(&made, "integrationId"))
}

/// Makes a two-way route.
async fn route(rig: &Rig, api: &str, key: &str, integration: &str) -> String {
    let body = json!({
        "routeKey": key, "target": format!("integrations/{integration}"),
        "routeResponseSelectionExpression": "$default",
    });
    let made = works(rig, 201, "POST", &format!("{api}/routes"), body).await;
    let route = format!("{api}/routes/{}", id(&made, "routeId"));
    let body = json!({ "routeResponseKey": "$default" });
    works(rig, 201, "POST", &format!("{route}/routeresponses"), body).await;
    route
}

#[tokio::test]
async fn an_api_serves_what_is_deployed_and_keeps_its_sockets() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", echo)
        .start()
        .await;
    let (api, integration) = api(&rig).await;
    let refused = call(&rig, "POST", &format!("{api}/deployments"), json!({})).await;
    let message = exception(&refused, 400, "BadRequestException");
    assert_eq!(
        message,
        "At least one route is required before deploying the Api."
    );
    route(&rig, &api, "ask", &integration).await;
    let body = json!({ "stageName": "prod" });
    works(&rig, 201, "POST", &format!("{api}/stages"), body.clone()).await;
    let first = works(
        &rig,
        201,
        "POST",
        &format!("{api}/deployments"),
        body.clone(),
    )
    .await;

    let base = api.replace("/v2/apis", "/_apis");
    let handshake = Handshake::new(&format!("{base}/prod"));
    let mut client = rig.connect(&handshake).await;
    assert_eq!(
        client.ask(r#"{"action":"ask"}"#).await,
        r#"{"action":"ask"}"#
    );
    rig.event_of("MESSAGE").await;
    route(&rig, &api, "late", &integration).await;
    client.send(r#"{"action":"late"}"#).await;
    assert_eq!(client.error().await, "Forbidden");
    works(&rig, 201, "POST", &format!("{api}/deployments"), body).await;
    assert_eq!(
        client.ask(r#"{"action":"late"}"#).await,
        r#"{"action":"late"}"#
    );
    rig.event_of("MESSAGE").await;

    let back = json!({ "deploymentId": first["deploymentId"] });
    works(&rig, 200, "PATCH", &format!("{api}/stages/prod"), back).await;
    client.send(r#"{"action":"late"}"#).await;
    assert_eq!(client.error().await, "Forbidden");
    works(
        &rig,
        204,
        "DELETE",
        &format!("{api}/stages/prod"),
        Value::Null,
    )
    .await;
    assert_eq!(client.closed().await.0, 1001);
    rig.close().await;
}

#[tokio::test]
async fn what_a_route_still_lacks_is_said_when_it_is_deployed() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", echo)
        .start()
        .await;
    let (api, integration) = api(&rig).await;
    let body = json!({ "stageName": "prod", "autoDeploy": true });
    works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    let body = json!({ "routeKey": "ask" });
    let made = works(&rig, 201, "POST", &format!("{api}/routes"), body).await;
    let refused = call(&rig, "POST", &format!("{api}/deployments"), json!({})).await;
    let message = exception(&refused, 400, "BadRequestException");
    assert!(
        message.contains("routes.ask.target: the route goes nowhere"),
        "{message}"
    );
    let stage = format!("{api}/stages/prod");
    let shown = works(&rig, 200, "GET", &stage, Value::Null).await;
    let message = id(&shown, "lastDeploymentStatusMessage");
    assert!(
        message.starts_with("Deployment attempt failed: "),
        "{message}"
    );

    let route = format!("{api}/routes/{}", id(&made, "routeId"));
    let body = json!({ "target": format!("integrations/{integration}") });
    works(&rig, 200, "PATCH", &route, body).await;
    let shown = works(&rig, 200, "GET", &stage, Value::Null).await;
    let message = id(&shown, "lastDeploymentStatusMessage");
    assert!(
        message.starts_with("Successfully deployed stage"),
        "{message}"
    );
    let base = api.replace("/v2/apis", "/_apis");
    let mut client = rig.connect(&Handshake::new(&format!("{base}/prod"))).await;
    client.send(r#"{"action":"ask"}"#).await;
    rig.event_of("MESSAGE").await;
    client.leave().await;
    eventually("the connection to end", || rig.gateway.connections() == 0).await;
    rig.close().await;
}

#[tokio::test]
async fn authorizers_models_and_mocks_are_enforced() {
    let state = tempfile::tempdir().unwrap();
    let allow = |event: Value| {
        let arn = event["methodArn"].clone();
        let effect = match event["queryStringParameters"]["token"] == "good" {
            true => "Allow",
            false => "Deny",
        };
        let statement =
            json!([{ "Effect": effect, "Action": "execute-api:Invoke", "Resource": arn }]);
        let policy = json!({ "Version": "2012-10-17", "Statement": statement });
        let answer = json!({ "principalId": "me", "policyDocument": policy });
        futures_util::future::ready(Ok(answer))
    };
    let setup = open("", state.path())
        .function("backend", echo)
        .function("guard", allow);
    let rig = setup.start().await;
    let (api, integration) = api(&rig).await;
    let body = json!({
        "name": "guard", "authorizerType": "REQUEST", "authorizerUri": "function:guard",
        "identitySource": ["route.request.querystring.token"],
    });
    let made = works(&rig, 201, "POST", &format!("{api}/authorizers"), body).await;
    let authorizer = id(&made, "authorizerId");
    let body = json!({ "routeKey": "$connect", "authorizationType": "CUSTOM", "authorizerId": authorizer });
    works(&rig, 201, "POST", &format!("{api}/routes"), body).await;
    let body = json!({ "name": "Order", "schema": r#"{"type":"object","required":["size"]}"# });
    let model = works(&rig, 201, "POST", &format!("{api}/models"), body).await;
    assert_eq!(model["contentType"], "application/json");
    let template = format!("{api}/models/{}/template", id(&model, "modelId"));
    let template = works(&rig, 200, "GET", &template, Value::Null).await;
    assert_eq!(template["value"], "#set($inputRoot = $input.path('$'))\n{}");
    let ask = route(&rig, &api, "ask", &integration).await;
    let body = json!({ "modelSelectionExpression": "$request.body.action", "requestModels": { "ask": "Order" } });
    works(&rig, 200, "PATCH", &ask, body).await;
    let body = json!({
        "integrationType": "MOCK", "requestTemplates": { "200": r#"{"statusCode":200}"# },
        "templateSelectionExpression": "200",
    });
    let mock = works(&rig, 201, "POST", &format!("{api}/integrations"), body).await;
    let mock = id(&mock, "integrationId");
    let body = json!({
        "integrationResponseKey": "$default", "templateSelectionExpression": "reply",
        "responseTemplates": { "reply": r#"{"mock":true}"# },
    });
    let responses = format!("{api}/integrations/{mock}/integrationresponses");
    works(&rig, 201, "POST", &responses, body).await;
    route(&rig, &api, "ping", &mock).await;
    let body = json!({ "stageName": "prod", "autoDeploy": true });
    let made = works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    assert!(made["deploymentId"].is_string(), "{made}");

    let base = api.replace("/v2/apis", "/_apis");
    let refused = rig
        .refused(&Handshake::new(&format!("{base}/prod?token=bad")))
        .await;
    assert_eq!(refused.status, 403);
    let mut client = rig
        .connect(&Handshake::new(&format!("{base}/prod?token=good")))
        .await;
    client.send(r#"{"action":"ask"}"#).await;
    assert_eq!(client.error().await, "Invalid request body");
    assert_eq!(
        client.ask(r#"{"action":"ask","size":1}"#).await,
        r#"{"action":"ask","size":1}"#
    );
    assert_eq!(client.ask(r#"{"action":"ping"}"#).await, r#"{"mock":true}"#);
    rig.event_of("MESSAGE").await;
    for _ in 0..2 {
        rig.event("guard").await;
    }

    let check = async |path: String, reason: &str| {
        let refused = call(&rig, "DELETE", &path, Value::Null).await;
        let message = exception(&refused, 409, "ConflictException");
        assert!(message.contains(reason), "{message}");
    };
    check(format!("{api}/authorizers/{authorizer}"), "'$connect'").await;
    check(format!("{api}/models/{}", id(&model, "modelId")), "'ask'").await;
    let bad = json!({ "schema": r##"{"$ref":"https://elsewhere.example/#"}"## });
    let path = format!("{api}/models/{}", id(&model, "modelId"));
    exception(
        &call(&rig, "PATCH", &path, bad).await,
        400,
        "BadRequestException",
    );
    works(&rig, 204, "DELETE", &api, Value::Null).await;
    assert_eq!(client.closed().await.0, 1001);
    rig.close().await;
}

#[tokio::test]
async fn one_address_is_enough_to_reach_a_connection() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).server("managementAuth: none");
    let rig = setup.function("backend", echo).start().await;
    let (api, integration) = api(&rig).await;
    route(&rig, &api, "ask", &integration).await;
    let body = json!({ "stageName": "prod", "autoDeploy": true });
    works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    let base = api.replace("/v2/apis", "/_apis");
    let mut client = rig.connect(&Handshake::new(&format!("{base}/prod"))).await;
    client.ask(r#"{"action":"ask"}"#).await;
    let event = rig.event_of("MESSAGE").await;
    let connection = id(&event["requestContext"], "connectionId");
    let path = format!("/@connections/{}", connection.replace('=', "%3D"));

    let admin = rig.gateway.admin_address();
    let pushed = send(admin, &request("POST", &path, &[], b"hello")).await;
    assert_eq!(pushed.status, 200, "{pushed:?}");
    assert_eq!(client.text().await, "hello");
    let elsewhere = send(rig.address(), &request("POST", &path, &[], b"hello")).await;
    assert_eq!(elsewhere.status, 403, "clients say which stage they mean");
    client.leave().await;
    eventually("the connection to end", || rig.gateway.connections() == 0).await;
    let gone = send(admin, &request("POST", &path, &[], b"hello")).await;
    assert_eq!(gone.status, 410);
    let malformed = send(admin, &request("GET", "/@connections/x", &[], b"")).await;
    exception(&malformed, 400, "BadRequestException");
    rig.close().await;
}

#[tokio::test]
async fn a_selection_expression_alone_has_no_effect() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", echo)
        .start()
        .await;
    let (api, integration) = api(&rig).await;
    // What Chalice does: every route has the expression, and none a response.
    for key in ["$connect", "$disconnect", "ask"] {
        let body = json!({
            "routeKey": key, "target": format!("integrations/{integration}"),
            "routeResponseSelectionExpression": "$default",
        });
        works(&rig, 201, "POST", &format!("{api}/routes"), body).await;
    }
    let deployment = works(&rig, 201, "POST", &format!("{api}/deployments"), json!({})).await;
    let body = json!({ "stageName": "prod", "deploymentId": deployment["deploymentId"] });
    works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    let base = api.replace("/v2/apis", "/_apis");
    let mut client = rig.connect(&Handshake::new(&format!("{base}/prod"))).await;
    rig.event_of("CONNECT").await;
    client.send(r#"{"action":"ask"}"#).await;
    rig.event_of("MESSAGE").await;
    client.silent().await;
    client.leave().await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}
