//! HTTP APIs made by calls: what the control plane accepts is what runs.

use bytes::Bytes;
use http::Response as Answer;
use serde_json::{Value, json};

use super::{call, exception, id, open, works};
use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{request, send};
use crate::harness::{Response, Rig, answers};

/// A backend that answers with a text.
async fn backend(text: &'static str) -> FakeHttp {
    FakeHttp::start(move |_| Some(Answer::new(Bytes::from_static(text.as_bytes())))).await
}

/// Makes an API; gives its path in the control plane.
pub(super) async fn api(rig: &Rig) -> String {
    let body = json!({ "name": "shop", "protocolType": "HTTP" });
    let made = works(rig, 201, "POST", "/v2/apis", body).await;
    format!("/v2/apis/{}", id(&made, "apiId"))
}

async fn proxy(rig: &Rig, api: &str, uri: &str) -> String {
    let body = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": uri });
    let made = works(rig, 201, "POST", &format!("{api}/integrations"), body).await;
    id(&made, "integrationId")
}

async fn route(rig: &Rig, api: &str, key: &str, integration: &str) -> String {
    let body = json!({ "routeKey": key, "target": format!("integrations/{integration}") });
    let made = works(rig, 201, "POST", &format!("{api}/routes"), body).await;
    id(&made, "routeId")
}

/// A route to the function `backend`.
pub(super) async fn route_to_function(rig: &Rig, api: &str, key: &str) -> String {
    let body = json!({ "integrationType": "AWS_PROXY", "integrationUri": "function:backend", "payloadFormatVersion": "2.0" });
    let made = works(rig, 201, "POST", &format!("{api}/integrations"), body).await;
    route(rig, api, key, &id(&made, "integrationId")).await
}

async fn stage(rig: &Rig, api: &str, body: Value) -> Value {
    works(rig, 201, "POST", &format!("{api}/stages"), body).await
}

/// Asks for a path below an API's own address, as the API says it.
async fn ask(rig: &Rig, api: &str, path: &str) -> Response {
    let shown = works(rig, 200, "GET", api, Value::Null).await;
    let endpoint = id(&shown, "apiEndpoint");
    let (address, base) = endpoint
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .unwrap();
    let target = format!("/{base}{path}");
    send(address.parse().unwrap(), &request("GET", &target, &[], b"")).await
}

#[tokio::test]
async fn a_stage_that_deploys_by_itself_serves_every_change() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).manual().start().await;
    let (one, two) = (backend("one").await, backend("two").await);
    let api = api(&rig).await;
    let made = stage(
        &rig,
        &api,
        json!({ "stageName": "$default", "autoDeploy": true }),
    )
    .await;
    let message = made["lastDeploymentStatusMessage"].as_str().unwrap();
    assert!(message.contains("no routes exist"), "{made}");
    assert_eq!(made["deploymentId"], Value::Null);
    assert_eq!(ask(&rig, &api, "/x").await.status, 403);

    let integration = proxy(&rig, &api, &one.url("/")).await;
    let route = route(&rig, &api, "GET /x", &integration).await;
    let answer = ask(&rig, &api, "/x").await;
    assert_eq!((answer.status, answer.text()), (200, "one"));
    one.request().await;
    assert_eq!(ask(&rig, &api, "/y").await.status, 404);

    let path = format!("{api}/integrations/{integration}");
    works(
        &rig,
        200,
        "PATCH",
        &path,
        json!({ "integrationUri": two.url("/") }),
    )
    .await;
    assert_eq!(ask(&rig, &api, "/x").await.text(), "two");
    two.request().await;

    let path = format!("{api}/stages/%24default");
    let shown = works(&rig, 200, "GET", &path, Value::Null).await;
    let deployment = id(&shown, "deploymentId");
    assert_eq!(
        shown["lastDeploymentStatusMessage"],
        format!("Successfully deployed stage with deployment ID '{deployment}'")
    );
    let all = works(&rig, 200, "GET", &format!("{api}/deployments"), Value::Null).await;
    let expected = json!({
        "deploymentId": deployment, "createdDate": "2026-03-12T08:15:30Z", "deploymentStatus": "DEPLOYED",
        "autoDeployed": true, "description": "Automatic deployment triggered by changes to the Api configuration",
    });
    assert_eq!(all, json!({ "items": [expected] }));

    works(
        &rig,
        204,
        "DELETE",
        &format!("{api}/routes/{route}"),
        Value::Null,
    )
    .await;
    // Without routes there is nothing to deploy, so the last deployment stays.
    assert_eq!(ask(&rig, &api, "/x").await.text(), "two");
    two.request().await;
    works(&rig, 204, "DELETE", &api, Value::Null).await;
    let gone = call(&rig, "GET", &api, Value::Null).await;
    assert_eq!(gone.json()["resourceType"], "API");
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn the_address_of_an_api_may_be_for_ipv4_alone() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).server("trustedProxies: [127.0.0.0/8]");
    let setup = setup.function("backend", answers(json!({ "statusCode": 202 })));
    let rig = setup.start().await;
    let api = api(&rig).await;
    route_to_function(&rig, &api, "GET /a").await;
    let body = json!({ "stageName": "$default", "autoDeploy": true });
    stage(&rig, &api, body).await;
    let target = format!("{}/a", api.replace("/v2/apis", "/_apis"));
    let status = async |client: &str| {
        let headers = [("x-forwarded-for", client)];
        let answer = send(rig.address(), &request("GET", &target, &headers, b"")).await;
        if answer.status == 202 {
            rig.event("backend").await;
        }
        answer.status
    };
    let say = async |body: Value| works(&rig, 200, "PATCH", &api, body).await;
    let clients = async || {
        [
            status("192.0.2.1").await,
            status("::ffff:192.0.2.1").await,
            status("2001:db8::1").await,
        ]
    };
    assert_eq!(clients().await, [202, 202, 202]);
    let said = say(json!({ "ipAddressType": "ipv4" })).await;
    assert_eq!(said["ipAddressType"], "ipv4");
    assert_eq!(clients().await, [202, 202, 404]);
    say(json!({ "ipAddressType": "dualstack" })).await;
    assert_eq!(clients().await, [202, 202, 202]);
    rig.close().await;
}

#[tokio::test]
async fn deployments_are_snapshots_that_stages_point_to() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let backend = backend("fine").await;
    let api = api(&rig).await;
    let refused = call(&rig, "POST", &format!("{api}/deployments"), json!({})).await;
    let message = exception(&refused, 400, "BadRequestException");
    assert_eq!(
        message,
        "Unable to deploy API because no routes exist in this API"
    );

    let integration = proxy(&rig, &api, &backend.url("/")).await;
    route(&rig, &api, "GET /a", &integration).await;
    stage(&rig, &api, json!({ "stageName": "dev" })).await;
    assert_eq!(ask(&rig, &api, "/dev/a").await.status, 403, "not deployed");

    let deployments = format!("{api}/deployments");
    let body = json!({ "stageName": "dev", "description": "first" });
    let first = works(&rig, 201, "POST", &deployments, body).await;
    assert_eq!(
        (&first["autoDeployed"], &first["description"]),
        (&json!(false), &json!("first"))
    );
    assert_eq!(ask(&rig, &api, "/dev/a").await.status, 200);

    route(&rig, &api, "GET /b", &integration).await;
    assert_eq!(ask(&rig, &api, "/dev/b").await.status, 404, "not deployed");
    let second = works(&rig, 201, "POST", &deployments, json!({})).await;
    assert_eq!(
        ask(&rig, &api, "/dev/b").await.status,
        404,
        "no stage points to it"
    );
    let stage_path = format!("{api}/stages/dev");
    let point = |to: &Value| json!({ "deploymentId": to["deploymentId"] });
    works(&rig, 200, "PATCH", &stage_path, point(&second)).await;
    assert_eq!(ask(&rig, &api, "/dev/b").await.status, 200);

    let path = format!("{deployments}/{}", id(&second, "deploymentId"));
    let busy = call(&rig, "DELETE", &path, Value::Null).await;
    exception(&busy, 400, "BadRequestException");
    works(&rig, 200, "PATCH", &stage_path, point(&first)).await;
    assert_eq!(ask(&rig, &api, "/dev/b").await.status, 404, "rolled back");
    works(&rig, 204, "DELETE", &path, Value::Null).await;
    let nowhere = call(&rig, "PATCH", &stage_path, point(&second)).await;
    exception(&nowhere, 404, "NotFoundException");
    works(&rig, 204, "DELETE", &stage_path, Value::Null).await;
    assert_eq!(ask(&rig, &api, "/dev/a").await.status, 403);
    for _ in 0..2 {
        backend.request().await;
    }
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn stage_settings_take_effect_at_once_and_change_key_by_key() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).manual();
    let rig = setup
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let api = api(&rig).await;
    let body = json!({ "integrationType": "AWS_PROXY", "integrationUri": "function:backend", "payloadFormatVersion": "2.0" });
    let made = works(&rig, 201, "POST", &format!("{api}/integrations"), body).await;
    assert_eq!(
        (&made["timeoutInMillis"], &made["connectionType"]),
        (&json!(30_000), &json!("INTERNET"))
    );
    route(&rig, &api, "GET /a", &id(&made, "integrationId")).await;
    let body = json!({ "stageName": "$default", "autoDeploy": true, "stageVariables": { "a": "1", "b": "2" } });
    stage(&rig, &api, body).await;
    assert_eq!(ask(&rig, &api, "/a").await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["stageVariables"], json!({ "a": "1", "b": "2" }));

    let path = format!("{api}/stages/%24default");
    let changes = json!({
        "stageVariables": { "a": "", "c": "3" },
        "routeSettings": { "GET /a": { "throttlingRateLimit": 0, "throttlingBurstLimit": 0 } },
    });
    let shown = works(&rig, 200, "PATCH", &path, changes).await;
    assert_eq!(shown["stageVariables"], json!({ "b": "2", "c": "3" }));
    assert_eq!(ask(&rig, &api, "/a").await.status, 429);
    let settings = format!("{path}/routesettings/GET%20%2Fa");
    works(&rig, 204, "DELETE", &settings, Value::Null).await;
    exception(
        &call(&rig, "DELETE", &settings, Value::Null).await,
        404,
        "NotFoundException",
    );
    assert_eq!(ask(&rig, &api, "/a").await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["stageVariables"], json!({ "b": "2", "c": "3" }));

    let unknown = json!({ "routeSettings": { "GET /x": { "throttlingRateLimit": 1 } } });
    let refused = call(&rig, "PATCH", &path, unknown).await;
    let message = exception(&refused, 400, "BadRequestException");
    assert_eq!(
        message,
        "Unable to find Route by key GET /x within the provided RouteSettings"
    );
    let refused = call(&rig, "PATCH", &path, json!({ "deploymentId": "abcdef" })).await;
    let message = exception(&refused, 400, "BadRequestException");
    assert!(message.contains("autoDeploy"), "{message}");
    rig.close().await;
}

#[tokio::test]
async fn quick_create_makes_an_api_that_serves() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let backend = backend("fine").await;
    let body = json!({ "name": "quick", "protocolType": "HTTP", "target": backend.url("") });
    let made = works(&rig, 201, "POST", "/v2/apis", body).await;
    assert_eq!(made["apiGatewayManaged"], true);
    let api = format!("/v2/apis/{}", id(&made, "apiId"));
    assert_eq!(ask(&rig, &api, "/any/thing").await.text(), "fine");
    assert_eq!(backend.request().await.target, "/any/thing");

    let items = async |collection: &str| {
        let all = works(
            &rig,
            200,
            "GET",
            &format!("{api}/{collection}"),
            Value::Null,
        )
        .await;
        all["items"].as_array().unwrap().clone()
    };
    let (routes, integrations) = (items("routes").await, items("integrations").await);
    assert_eq!(routes[0]["routeKey"], "$default");
    assert_eq!(items("stages").await[0]["apiGatewayManaged"], true);
    let check = async |method: &str, path: String, body| {
        let refused = call(&rig, method, &path, body).await;
        let message = exception(&refused, 400, "BadRequestException");
        assert!(message.contains("quick create"), "{message}");
    };
    let route = format!("{api}/routes/{}", id(&routes[0], "routeId"));
    check("PATCH", route.clone(), json!({ "routeKey": "GET /" })).await;
    check("DELETE", route, Value::Null).await;
    check(
        "PATCH",
        format!("{api}/stages/%24default"),
        json!({ "description": "x" }),
    )
    .await;
    let integration = format!(
        "{api}/integrations/{}",
        id(&integrations[0], "integrationId")
    );
    check("DELETE", integration.clone(), Value::Null).await;
    works(
        &rig,
        200,
        "PATCH",
        &integration,
        json!({ "timeoutInMillis": 500 }),
    )
    .await;
    works(&rig, 204, "DELETE", &api, Value::Null).await;
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let refused = async |status, name: &str, method: &str, path: &str, body: Value| {
        exception(&call(&rig, method, path, body).await, status, name)
    };
    let bad = "BadRequestException";
    let check = async |path: &str, body: Value, expected: &str| {
        let message = refused(400, bad, "POST", path, body).await;
        assert!(message.contains(expected), "{message}");
    };
    check(
        "/v2/apis",
        json!({ "protocolType": "HTTP" }),
        "name: is missing",
    )
    .await;
    let body = json!({ "name": "a", "protocolType": "REST" });
    let message = refused(400, bad, "POST", "/v2/apis", body).await;
    assert_eq!(
        message,
        "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]"
    );
    check(
        "/v2/apis",
        json!({ "name": "a", "protocolType": "WEBSOCKET" }),
        "routeSelectionExpression",
    )
    .await;
    let cors = json!({ "allowOrigins": ["*"], "allowCredentials": true });
    let body = json!({ "name": "a", "protocolType": "HTTP", "corsConfiguration": cors });
    check("/v2/apis", body, "allowCredentials").await;
    let body = json!({ "name": "a", "protocolType": "HTTP", "disableSchemaValidation": true });
    check(
        "/v2/apis",
        body,
        "disableSchemaValidation: is not supported here",
    )
    .await;

    let api = api(&rig).await;
    let (routes, integrations) = (format!("{api}/routes"), format!("{api}/integrations"));
    let integration = proxy(&rig, &api, "http://127.0.0.1:1/").await;
    assert_eq!(
        refused(400, bad, "POST", &routes, json!({})).await,
        "Route key is required"
    );
    check(&routes, json!({ "routeKey": "FETCH /x" }), "FETCH").await;
    let body = json!({ "routeKey": "GET /x", "target": "integrations/none" });
    check(
        &routes,
        body,
        "target: `integrations/none` is not an integration of this API",
    )
    .await;
    route(&rig, &api, "GET /p/{id}", &integration).await;
    let twin = json!({ "routeKey": "GET /p/{x}" });
    refused(409, "ConflictException", "POST", &routes, twin).await;
    let message = refused(
        409,
        "ConflictException",
        "DELETE",
        &format!("{integrations}/{integration}"),
        Value::Null,
    )
    .await;
    assert_eq!(
        message,
        format!(
            "Cannot delete Integration '{integration}', is referenced in route: 'GET /p/{{id}}'"
        )
    );

    let proxied = |more: Value| {
        let mut body = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "http://127.0.0.1:1/" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    check(
        &integrations,
        proxied(json!({ "requestParameters": { "overwrite:header.Via": "x" } })),
        "overwrite:header.Via",
    )
    .await;
    check(
        &integrations,
        proxied(json!({ "connectionType": "VPCLINK" })),
        "connectionType: `VPCLINK` is not one of the words known here",
    )
    .await;
    check(
        &integrations,
        proxied(json!({ "timeoutInMillis": 30_001 })),
        "timeoutInMillis: `30001`",
    )
    .await;
    check(
        &integrations,
        proxied(json!({ "timeoutInMillis": "500" })),
        "timeoutInMillis: `500`",
    )
    .await;
    check(
        &integrations,
        json!({ "integrationType": "MOCK" }),
        "only WebSocket APIs",
    )
    .await;
    let function = json!({ "integrationType": "AWS_PROXY", "integrationUri": "function:nobody" });
    check(
        &integrations,
        function,
        "integrationUri: `function:nobody` is not among `functions`",
    )
    .await;
    let all = works(&rig, 200, "GET", &integrations, Value::Null).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");

    let stages = format!("{api}/stages");
    check(&stages, json!({ "stageName": "a/b" }), "stageName").await;
    check(
        &stages,
        json!({ "stageName": "a b" }),
        "a stage name of letters",
    )
    .await;
    let logs = json!({ "destinationArn": "file:/etc/passwd", "format": "$context.requestId" });
    let body = json!({ "stageName": "dev", "accessLogSettings": logs });
    check(&stages, body, "accessLogSettings.destinationArn").await;
    let body = json!({ "stageName": "dev", "stageVariables": { "a": "${env:HOME}" } });
    check(&stages, body, "stageVariables.a").await;
    stage(&rig, &api, json!({ "stageName": "dev" })).await;
    refused(
        409,
        "ConflictException",
        "POST",
        &stages,
        json!({ "stageName": "dev" }),
    )
    .await;
    refused(
        404,
        "NotFoundException",
        "GET",
        "/v2/apis/abcdefghij/routes",
        Value::Null,
    )
    .await;
    refused(
        400,
        bad,
        "PATCH",
        &api,
        json!({ "protocolType": "WEBSOCKET" }),
    )
    .await;
    rig.close().await;
}

#[tokio::test]
async fn settings_of_a_stage_take_effect_though_the_draft_cannot_be_deployed() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).manual().start().await;
    let (one, two) = (backend("one").await, backend("two").await);
    let api = api(&rig).await;
    let integration = proxy(&rig, &api, "http://${stageVariables.host}/").await;
    let route = route(&rig, &api, "GET /x", &integration).await;
    let host = |host: String| json!({ "stageVariables": { "host": host } });
    let mut body = host(one.address.to_string());
    body["stageName"] = "$default".into();
    body["autoDeploy"] = true.into();
    let deployment = id(&stage(&rig, &api, body).await, "deploymentId");
    let route = format!("{api}/routes/{route}");
    works(&rig, 204, "DELETE", &route, Value::Null).await;

    let path = format!("{api}/stages/%24default");
    let good = host(two.address.to_string());
    let shown = works(&rig, 200, "PATCH", &path, good.clone()).await;
    let message = shown["lastDeploymentStatusMessage"].as_str().unwrap();
    assert!(message.contains("no routes exist"), "{shown}");
    assert_eq!(shown["deploymentId"], deployment);
    assert_eq!(ask(&rig, &api, "/x").await.text(), "two");
    two.request().await;

    // The deployment that goes on running cannot do with it.
    let refused = call(&rig, "PATCH", &path, host("?".to_owned())).await;
    exception(&refused, 400, "BadRequestException");
    let shown = works(&rig, 200, "GET", &path, Value::Null).await;
    assert_eq!(shown["stageVariables"], good["stageVariables"]);
    rig.close().await;
}

#[tokio::test]
async fn verdicts_that_are_kept_can_be_forgotten() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).manual();
    let setup = setup.function("backend", answers(json!({ "statusCode": 200 })));
    let setup = setup.function("guard", answers(json!({ "isAuthorized": true })));
    let rig = setup.start().await;
    let api = api(&rig).await;
    let route = route_to_function(&rig, &api, "GET /a").await;
    let body = json!({
        "name": "guard", "authorizerType": "REQUEST", "authorizerUri": "function:guard", "enableSimpleResponses": true,
        "authorizerPayloadFormatVersion": "2.0", "authorizerResultTtlInSeconds": 300,
        "identitySource": ["$request.querystring.token"],
    });
    let made = works(&rig, 201, "POST", &format!("{api}/authorizers"), body).await;
    let body = json!({ "authorizationType": "CUSTOM", "authorizerId": made["authorizerId"] });
    works(&rig, 200, "PATCH", &format!("{api}/routes/{route}"), body).await;
    stage(
        &rig,
        &api,
        json!({ "stageName": "$default", "autoDeploy": true }),
    )
    .await;
    let ask_twice = async |calls: usize| {
        for _ in 0..2 {
            assert_eq!(ask(&rig, &api, "/a?token=x").await.status, 200);
            rig.event("backend").await;
        }
        assert_eq!(rig.calls("guard"), calls);
        rig.event("guard").await;
    };
    ask_twice(1).await;
    let cache = format!("{api}/stages/%24default/cache/authorizers");
    works(&rig, 204, "DELETE", &cache, Value::Null).await;
    ask_twice(2).await;
    let unknown = cache.replace("%24default", "dev");
    exception(
        &call(&rig, "DELETE", &unknown, Value::Null).await,
        404,
        "NotFoundException",
    );
    rig.close().await;
}
