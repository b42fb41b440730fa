//! OpenAPI documents in and out: what is imported runs, and what is exported is what runs.

use serde_json::{Value, json};

use super::http_apis::route_to_function;
use super::{call, exception, id, open, works};
use crate::harness::http_client::{request, send};
use crate::harness::{Response, Rig, answers, chat, echo};

/// A document with a route to the function `backend` at `path`.
fn document(path: &str) -> Value {
    json!({
        "openapi": "3.0.1",
        "info": { "title": "shop", "version": "7" },
        "tags": [{ "name": "team", "x-amazon-apigateway-tag-value": "shop" }],
        "paths": { path: { "get": { "operationId": "Get", "responses": {}, "x-amazon-apigateway-integration": function() } } },
    })
}

fn function() -> Value {
    json!({ "type": "aws_proxy", "httpMethod": "POST", "uri": "function:backend", "payloadFormatVersion": "2.0" })
}

fn body(document: &Value) -> Value {
    json!({ "body": document.to_string() })
}

/// Imports a document; gives the API's path and the answer.
async fn import(rig: &Rig, document: &Value) -> (String, Value) {
    let made = works(rig, 201, "PUT", "/v2/apis", body(document)).await;
    (format!("/v2/apis/{}", id(&made, "apiId")), made)
}

/// A refused import; gives the message.
async fn refused(rig: &Rig, path: &str, body: Value) -> String {
    let answer = call(rig, "PUT", path, body).await;
    exception(&answer, 400, "BadRequestException")
}

async fn exported(rig: &Rig, api: &str, query: &str) -> Response {
    let path = format!("{api}/exports/OAS30?{query}");
    let answer = call(rig, "GET", &path, Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn ask(rig: &Rig, api: &str, method: &str, path: &str) -> Response {
    let target = format!("{}{path}", api.replace("/v2/apis", "/_apis"));
    send(rig.address(), &request(method, &target, &[], b"")).await
}

async fn stage(rig: &Rig, api: &str, name: &str, auto: bool) {
    let body = json!({ "stageName": name, "autoDeploy": auto });
    works(rig, 201, "POST", &format!("{api}/stages"), body).await;
}

async fn all(rig: &Rig, api: &str, collection: &str) -> Vec<Value> {
    let path = format!("{api}/{collection}?maxResults=100");
    let page = works(rig, 200, "GET", &path, Value::Null).await;
    page["items"].as_array().cloned().expect("a list")
}

#[tokio::test]
async fn what_is_imported_runs() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", answers(json!({ "statusCode": 202 })));
    let rig = setup.start().await;
    let (api, made) = import(&rig, &document("/things/{id}")).await;
    let facts = ["name", "version", "protocolType"].map(|name| made[name].as_str().unwrap());
    assert_eq!(facts, ["shop", "7", "HTTP"]);
    assert_eq!(made["tags"], json!({ "team": "shop" }));
    assert_eq!(made["warnings"], Value::Null);
    let info =
        "#/paths/~1things~1{id}/get/responses: HTTP APIs do not use responses; it is ignored";
    assert_eq!(made["importInfo"], json!([info]));
    assert_eq!(works(&rig, 200, "GET", &api, Value::Null).await, made);
    assert_eq!(
        ask(&rig, &api, "GET", "/things/7").await.status,
        403,
        "there is no stage"
    );

    stage(&rig, &api, "$default", true).await;
    assert_eq!(ask(&rig, &api, "GET", "/things/7").await.status, 202);
    let event = rig.event("backend").await;
    assert_eq!(event["pathParameters"], json!({ "id": "7" }));
    let routes = all(&rig, &api, "routes").await;
    assert_eq!(
        (&routes[0]["routeKey"], &routes[0]["operationName"]),
        (&json!("GET /things/{id}"), &json!("Get"))
    );
    let integrations = all(&rig, &api, "integrations").await;
    let target = format!("integrations/{}", id(&integrations[0], "integrationId"));
    assert_eq!(routes[0]["target"], target.as_str());
    rig.close().await;
}

#[tokio::test]
async fn a_document_in_yaml_with_its_base_path_is_imported() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).function("backend", answers(json!({ "statusCode": 202 })));
    let rig = rig.start().await;
    let text = r"
openapi: 3.0.3
info: { title: shop, version: 1.0 }
servers: [{ url: 'https://a.example/{basePath}', variables: { basePath: { default: v1 } } }]
paths:
  /{proxy+}:
    x-amazon-apigateway-any-method:
      responses: {}
      x-amazon-apigateway-integration: { type: AWS_PROXY, uri: 'function:backend', payloadFormatVersion: 2.0 }
";
    let made = works(
        &rig,
        201,
        "PUT",
        "/v2/apis?basepath=prepend&failOnWarnings=true",
        json!({ "body": text }),
    )
    .await;
    assert_eq!(made["version"], "1.0");
    let api = format!("/v2/apis/{}", id(&made, "apiId"));
    stage(&rig, &api, "dev", true).await;
    assert_eq!(ask(&rig, &api, "DELETE", "/dev/v1/a/b").await.status, 202);
    let event = rig.event("backend").await;
    assert_eq!(event["pathParameters"], json!({ "proxy": "a/b" }));
    assert_eq!(ask(&rig, &api, "GET", "/dev/a").await.status, 404);
    rig.close().await;
}

#[tokio::test]
async fn authorizers_of_a_document_guard_its_routes() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", answers(json!({ "statusCode": 202 })));
    let setup = setup.function("guard", answers(json!({ "isAuthorized": false })));
    let rig = setup.start().await;
    let mut text = document("/open");
    text["security"] = json!([{ "guard": [] }]);
    text["paths"]["/open"]["get"]["security"] = json!([]);
    text["paths"]["/guarded"] =
        json!({ "get": { "responses": {}, "x-amazon-apigateway-integration": function() } });
    text["paths"]["/signed"] = text["paths"]["/guarded"].clone();
    text["paths"]["/signed"]["get"]["x-amazon-apigateway-auth"] = json!({ "type": "AWS_IAM" });
    text["components"] = json!({ "securitySchemes": { "guard": {
        "type": "apiKey", "name": "a", "in": "query",
        "x-amazon-apigateway-authorizer": {
            "type": "request", "identitySource": "$request.querystring.a", "authorizerUri": "function:guard",
            "authorizerPayloadFormatVersion": "2.0", "enableSimpleResponses": true,
        },
    } } });
    let (api, _) = import(&rig, &text).await;
    stage(&rig, &api, "$default", true).await;
    let status = async |path: &str| ask(&rig, &api, "GET", path).await.status;
    assert_eq!(status("/open").await, 202);
    rig.event("backend").await;
    assert_eq!(status("/guarded").await, 401);
    assert_eq!(status("/guarded?a=b").await, 403);
    rig.event("guard").await;
    assert_eq!(status("/signed").await, 403);
    rig.close().await;
}

#[tokio::test]
async fn reimport_replaces_all_but_stages_at_once() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", answers(json!({ "statusCode": 202 })));
    let rig = setup.start().await;
    let (api, made) = import(&rig, &document("/old")).await;
    stage(&rig, &api, "auto", true).await;
    stage(&rig, &api, "kept", false).await;
    let deployed = json!({ "stageName": "kept" });
    works(&rig, 201, "POST", &format!("{api}/deployments"), deployed).await;
    let before = all(&rig, &api, "routes").await;

    let mut text = document("/new");
    text["info"]["title"] = "store".into();
    text["tags"] = json!([]);
    text["x-amazon-apigateway-cors"] = json!({ "allowOrigins": ["*"] });
    let again = works(&rig, 201, "PUT", &api, body(&text)).await;
    assert_eq!(
        (&again["apiId"], &again["createdDate"]),
        (&made["apiId"], &made["createdDate"])
    );
    assert_eq!(
        (&again["name"], &again["tags"]),
        (&json!("store"), &json!({}))
    );
    assert_eq!(again["corsConfiguration"]["allowOrigins"], json!(["*"]));
    let routes = all(&rig, &api, "routes").await;
    assert_eq!(
        (routes.len(), &routes[0]["routeKey"]),
        (1, &json!("GET /new"))
    );
    assert_ne!(routes[0]["routeId"], before[0]["routeId"]);
    assert_eq!(all(&rig, &api, "integrations").await.len(), 1);
    assert_eq!(all(&rig, &api, "stages").await.len(), 2);
    let status = async |path: &str| ask(&rig, &api, "GET", path).await.status;
    assert_eq!(
        (status("/auto/new").await, status("/auto/old").await),
        (202, 404)
    );
    assert_eq!(
        (status("/kept/new").await, status("/kept/old").await),
        (404, 202)
    );
    for _ in 0..2 {
        rig.event("backend").await;
    }

    // What is refused changes nothing.
    let mut wrong = document("/worse");
    wrong["paths"]["/bad"] = json!({ "get": { "x-amazon-apigateway-integration": { "type": "http_proxy", "uri": "nonsense" } } });
    refused(&rig, &api, body(&wrong)).await;
    assert_eq!(all(&rig, &api, "routes").await, routes);
    assert_eq!(works(&rig, 200, "GET", &api, Value::Null).await, again);
    assert_eq!(status("/auto/new").await, 202);
    rig.event("backend").await;
    rig.close().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_pointer_and_nothing_is_made() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", echo);
    let rig = setup.start().await;
    let check = async |query: &str, body: Value, expected: &str| {
        let message = refused(&rig, &format!("/v2/apis{query}"), body).await;
        assert_eq!(message, expected);
    };
    check(
        "",
        json!({}),
        "body: must be an OpenAPI document, as one text",
    )
    .await;
    check(
        "",
        json!({ "body": {} }),
        "body: must be an OpenAPI document, as one text",
    )
    .await;
    let good = body(&document("/a"));
    check(
        "",
        json!({ "body": "", "more": 1 }),
        "more: unknown member; known here: body",
    )
    .await;
    check(
        "?basepath=x",
        good.clone(),
        "basepath: must be ignore, prepend or split",
    )
    .await;
    check(
        "?failOnWarnings=1",
        good,
        "failOnWarnings: must be true or false",
    )
    .await;
    let only = "Errors found during import:\n\t#/openapi: only OpenAPI 3.0 can be imported; write `openapi: 3.0.1`";
    check("", json!({ "body": "openapi: 3.1.0" }), only).await;

    let mut text = document("/a");
    text["paths"]["/a"]["get"]
        .as_object_mut()
        .unwrap()
        .remove("responses");
    let warned = "Warnings found during import:\n\tParse issue: attribute paths.'/a'(get).responses is missing";
    check("?failOnWarnings=true", body(&text), warned).await;

    let integration = "x-amazon-apigateway-integration";
    text["paths"]["/a"]["get"][integration] = json!({ "type": "http_proxy", "httpMethod": "GET", "uri": "nonsense", "credentials": "arn:aws:iam::1:role/a" });
    text["paths"]["/a/{b}"]["get"] =
        json!({ "operationId": "x".repeat(65), integration: { "$ref": "#/nowhere" } });
    let message = refused(&rig, "/v2/apis", body(&text)).await;
    let nowhere = "Errors found during import:\n\t#/paths/~1a~1{b}/get/x-amazon-apigateway-integration/$ref: there is nothing at #/nowhere";
    assert_eq!(message, nowhere);
    text["paths"]["/a/{b}"]["get"][integration] = function();
    text["paths"]["/a/{c}"]["get"] = json!({});
    let message = refused(&rig, "/v2/apis", body(&text)).await;
    let mut lines: Vec<_> = message
        .split("\n\t")
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(lines.remove(0), "Errors found during import");
    lines.sort_unstable();
    let around = "#/paths/~1a/get/x-amazon-apigateway-integration";
    let expected = [
        &format!("{around}/credentials"),
        &format!("{around}/uri"),
        "#/paths/~1a~1{b}/get/operationId",
        "#/paths/~1a~1{c}/get",
    ];
    assert_eq!(lines, expected, "{message}");
    let none = works(&rig, 200, "GET", "/v2/apis", Value::Null).await;
    assert_eq!(none["items"], json!([]));
    rig.close().await;
}

#[tokio::test]
async fn too_much_is_refused_as_a_whole() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", echo);
    let rig = setup.start().await;
    let mut text = document("/a");
    for number in 0..301 {
        text["paths"][format!("/r{number}")] = json!({ "get": {} });
    }
    let message = refused(&rig, "/v2/apis", body(&text)).await;
    assert!(
        message.starts_with("Errors found during import:\n\t#/paths: has 302 routes"),
        "{message}"
    );
    let large = json!({ "body": format!("openapi: 3.0.1 #{}", "x".repeat((6 << 20) - 64)) });
    // The comment is all that is large: it is read, and there is nothing in it.
    let message = refused(&rig, "/v2/apis", large).await;
    let missing = "Errors found during import:\n\t#/info: is missing";
    assert!(message.starts_with(missing), "{message}");
    let larger = json!({ "body": "x".repeat(7 << 20) });
    let answer = call(&rig, "PUT", "/v2/apis", larger).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let none = works(&rig, 200, "GET", "/v2/apis", Value::Null).await;
    assert_eq!(none["items"], json!([]));
    rig.close().await;
}

#[tokio::test]
async fn exporting_what_was_imported_gives_the_same_document() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", echo);
    let rig = setup.start().await;
    let mut text = document("/a/{b}");
    text["x-amazon-apigateway-cors"] =
        json!({ "allowOrigins": ["https://a.example"], "maxAge": 5 });
    text["paths"]["/$default"]["x-amazon-apigateway-any-method"] = json!({
        "isDefaultRoute": true, "responses": {}, "security": [{ "pool": ["a"] }],
        "x-amazon-apigateway-integration": { "$ref": "#/components/x-amazon-apigateway-integrations/shared" },
    });
    text["paths"]["/c"]["post"] = json!({
        "responses": {}, "x-tidegate": { "apiKeyRequired": true },
        "x-amazon-apigateway-integration": { "$ref": "#/components/x-amazon-apigateway-integrations/shared" },
    });
    text["components"] = json!({
        "securitySchemes": { "pool": { "type": "oauth2", "x-amazon-apigateway-authorizer": {
            "type": "jwt", "identitySource": "$request.header.Authorization",
            "jwtConfiguration": { "issuer": "https://id.example", "audience": ["web"] },
        } } },
        "x-amazon-apigateway-integrations": { "shared": {
            "type": "http_proxy", "httpMethod": "ANY", "uri": "https://a.example/", "timeoutInMillis": 500, "x-tidegate": { "bodyIdleTimeout": "5s" },
        } },
    });
    let (api, _) = import(&rig, &text).await;
    let first = exported(&rig, &api, "outputType=JSON").await;
    assert_eq!(first.header("content-type"), Some("application/json"));
    let first = first.json();
    assert_eq!(
        first["paths"]["/c"]["post"]["x-tidegate"],
        json!({ "apiKeyRequired": true })
    );
    assert_eq!(first["paths"]["/a/{b}"]["parameters"][0]["name"], "b");
    let shared = json!({ "$ref": "#/components/x-amazon-apigateway-integrations/integration1" });
    assert_eq!(
        first["paths"]["/c"]["post"]["x-amazon-apigateway-integration"],
        shared
    );

    works(
        &rig,
        201,
        "PUT",
        &format!("{api}?failOnWarnings=true"),
        body(&first),
    )
    .await;
    assert_eq!(exported(&rig, &api, "outputType=JSON").await.json(), first);
    let yaml = exported(
        &rig,
        &api,
        "outputType=YAML&exportVersion=1.0&includeExtensions=true",
    )
    .await;
    assert_eq!(yaml.header("content-type"), Some("application/yaml"));
    works(&rig, 201, "PUT", &api, json!({ "body": yaml.text() })).await;
    assert_eq!(exported(&rig, &api, "outputType=JSON").await.json(), first);

    // Another API of the same document tells itself apart by its address alone.
    let (other, _) = import(&rig, &first).await;
    let mut second = exported(&rig, &other, "outputType=JSON").await.json();
    assert_ne!(second["servers"], first["servers"]);
    second["servers"] = first["servers"].clone();
    assert_eq!(second, first);

    let bare = exported(&rig, &api, "outputType=JSON&includeExtensions=false").await;
    assert!(!bare.text().contains("\"x-"), "{bare:?}");
    rig.close().await;
}

#[tokio::test]
async fn a_stage_is_exported_as_it_was_deployed() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", echo);
    let rig = setup.start().await;
    let (api, _) = import(&rig, &document("/old")).await;
    stage(&rig, &api, "prod", false).await;
    let path = format!("{api}/exports/OAS30?outputType=JSON&stageName=prod");
    let early = call(&rig, "GET", &path, Value::Null).await;
    let message = exception(&early, 400, "BadRequestException");
    assert_eq!(message, "stageName: stage prod has no deployment yet");
    works(
        &rig,
        201,
        "POST",
        &format!("{api}/deployments"),
        json!({ "stageName": "prod" }),
    )
    .await;
    route_to_function(&rig, &api, "GET /new").await;
    let paths = async |query: &str| {
        let document = exported(&rig, &api, query).await.json();
        let paths: Vec<_> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        (paths.join(" "), document["servers"][0]["variables"].clone())
    };
    let base = |stage: &str| json!({ "basePath": { "default": stage } });
    let deployed = paths("outputType=JSON&stageName=prod").await;
    assert_eq!(deployed, ("/old".to_owned(), base("prod")));
    let latest = paths("outputType=JSON").await;
    assert_eq!(latest, ("/new /old".to_owned(), base("")));

    let check = async |rest: &str, status: u16, name: &str, expected: &str| {
        let answer = call(&rig, "GET", &format!("{api}/exports/{rest}"), Value::Null).await;
        assert_eq!(exception(&answer, status, name), expected);
    };
    let bad = "BadRequestException";
    check("OAS30", 400, bad, "outputType: is missing").await;
    check(
        "OAS30?outputType=XML",
        400,
        bad,
        "outputType: must be JSON or YAML",
    )
    .await;
    check(
        "OAS31?outputType=JSON",
        400,
        bad,
        "specification: must be OAS30",
    )
    .await;
    check(
        "OAS30?outputType=JSON&exportVersion=2.0",
        400,
        bad,
        "exportVersion: must be 1.0",
    )
    .await;
    check(
        "OAS30?outputType=JSON&includeExtensions=x",
        400,
        bad,
        "includeExtensions: must be true or false",
    )
    .await;
    let unknown = "Invalid stage identifier specified";
    check(
        "OAS30?outputType=JSON&stageName=none",
        404,
        "NotFoundException",
        unknown,
    )
    .await;
    rig.close().await;
}

#[tokio::test]
async fn only_http_apis_of_calls_are_imported_into() {
    let state = tempfile::tempdir().unwrap();
    let text = chat("{}")
        + r#"
  shop:
    protocolType: HTTP
    stages: { $default: {} }
    integrations:
      a: { integrationType: AWS_PROXY, integrationUri: function:backend }
      b: { integrationType: HTTP_PROXY, integrationUri: "http://127.0.0.1:1/", integrationMethod: GET, tidegate: { bodyIdleTimeout: 5s } }
    routes: { "GET /a": { target: integrations/a, apiKeyRequired: true }, "GET /b": { target: integrations/b } }
"#;
    let setup = open(&text, state.path()).function("backend", echo);
    let rig = setup.start().await;
    let good = body(&document("/a"));
    let answer = call(&rig, "PUT", "/v2/apis/shop", good.clone()).await;
    let message = exception(&answer, 409, "ConflictException");
    assert_eq!(
        message,
        "API shop is defined in ./definition: change it there"
    );
    let answer = call(&rig, "PUT", "/v2/apis/none", good.clone()).await;
    exception(&answer, 404, "NotFoundException");

    // What the file has is exported all the same, and can be imported.
    for query in ["outputType=JSON", "outputType=JSON&stageName=%24default"] {
        let document = exported(&rig, "/v2/apis/shop", query).await.json();
        assert_eq!(document["info"]["title"], "shop");
        let (api, made) = import(&rig, &document).await;
        assert_eq!(made["warnings"], Value::Null);
        let mut again = exported(&rig, &api, "outputType=JSON").await.json();
        again["servers"] = document["servers"].clone();
        assert_eq!(again, document);
        let own = &again["paths"]["/b"]["get"]["x-amazon-apigateway-integration"]["x-tidegate"];
        assert_eq!(*own, json!({ "bodyIdleTimeout": "5s" }));
    }

    let body = json!({ "name": "a", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.a" });
    let made = works(&rig, 201, "POST", "/v2/apis", body).await;
    let api = format!("/v2/apis/{}", id(&made, "apiId"));
    let only = "Only HTTP APIs can be imported and exported";
    assert_eq!(refused(&rig, &api, good).await, only);
    let answer = call(
        &rig,
        "GET",
        &format!("{api}/exports/OAS30?outputType=JSON"),
        Value::Null,
    )
    .await;
    assert_eq!(exception(&answer, 400, "BadRequestException"), only);
    rig.close().await;
}

#[tokio::test]
async fn more_than_an_api_has_room_for_is_refused_before_it_is_looked_at() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let many = |count: usize| {
        let mut document = document("/");
        // None of them is an integration that could be.
        let operation = json!({ "get": { "responses": {}, "x-amazon-apigateway-integration": { "type": "smtp" } } });
        document["paths"] = (0..count)
            .map(|number| (format!("/{number}"), operation.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        document
    };
    let told = refused(&rig, "/v2/apis", body(&many(301))).await;
    let remedy = "keep at most 300, or make a second API";
    let expected = format!(
        "Errors found during import:\n\t#/paths: has 301 routes; {remedy}\n\t#: has 301 integrations; {remedy}"
    );
    assert_eq!(told, expected);
    let told = refused(&rig, "/v2/apis", body(&many(300))).await;
    assert!(told.contains("SMTP"), "{told}");
    rig.close().await;
}
