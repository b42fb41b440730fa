//! Custom domain names and their mappings.

use serde_json::{Value, json};

use super::http_apis::{api, route_to_function};
use super::{call, exception, id, open, works};
use crate::harness::http_client::send;
use crate::harness::{Rig, answers};

const NAMES: &str = "/v2/domainnames";

async fn ask(rig: &Rig, host: &str, path: &str) -> u16 {
    let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    send(rig.address(), text.as_bytes()).await.status
}

async fn started(text: &str, state: &std::path::Path) -> Rig {
    let backend = answers(json!({ "statusCode": 200 }));
    open(text, state).function("backend", backend).start().await
}

/// An API with the route `GET /a` and the stage `dev`; gives its id.
async fn deployed(rig: &Rig) -> String {
    let api = api(rig).await;
    route_to_function(rig, &api, "GET /a").await;
    let body = json!({ "stageName": "dev", "autoDeploy": true });
    works(rig, 201, "POST", &format!("{api}/stages"), body).await;
    api.trim_start_matches("/v2/apis/").to_owned()
}

#[tokio::test]
async fn a_domain_name_leads_where_its_mappings_say() {
    let state = tempfile::tempdir().unwrap();
    let rig = started("", state.path()).await;
    let api = deployed(&rig).await;
    let body = json!({ "domainName": "api.example.com", "tags": { "a": "b" } });
    let made = works(&rig, 201, "POST", NAMES, body.clone()).await;
    assert_eq!(
        made,
        json!({
            "domainName": "api.example.com", "tags": { "a": "b" }, "routingMode": "API_MAPPING_ONLY",
            "apiMappingSelectionExpression": "$request.basepath",
            "domainNameArn": "arn:aws:apigateway:us-east-1::/domainnames/api.example.com",
        })
    );
    exception(
        &call(&rig, "POST", NAMES, body).await,
        409,
        "ConflictException",
    );
    assert_eq!(ask(&rig, "api.example.com", "/shop/a").await, 403);

    let mappings = format!("{NAMES}/api.example.com/apimappings");
    let body = json!({ "apiId": api, "stage": "dev", "apiMappingKey": "shop/v1" });
    let mapping = works(&rig, 201, "POST", &mappings, body.clone()).await;
    exception(
        &call(&rig, "POST", &mappings, body).await,
        409,
        "ConflictException",
    );
    assert_eq!(ask(&rig, "api.example.com", "/shop/v1/a").await, 200);
    let path = format!("{mappings}/{}", id(&mapping, "apiMappingId"));
    let root = works(
        &rig,
        200,
        "PATCH",
        &path,
        json!({ "apiId": api, "apiMappingKey": "" }),
    )
    .await;
    assert_eq!(root["apiMappingKey"], "");
    assert_eq!(ask(&rig, "api.example.com", "/a").await, 200);
    for mapped in [
        format!("/v2/apis/{api}"),
        format!("/v2/apis/{api}/stages/dev"),
    ] {
        let refused = call(&rig, "DELETE", &mapped, Value::Null).await;
        let message = exception(&refused, 409, "ConflictException");
        assert!(message.contains("'api.example.com'"), "{message}");
    }
    for _ in 0..2 {
        rig.event("backend").await;
    }
    rig.close().await;

    let rig = started("", state.path()).await;
    assert_eq!(ask(&rig, "api.example.com", "/a").await, 200);
    rig.event("backend").await;
    works(&rig, 204, "DELETE", &path, Value::Null).await;
    assert_eq!(ask(&rig, "api.example.com", "/a").await, 403);
    works(
        &rig,
        204,
        "DELETE",
        &format!("{NAMES}/api.example.com"),
        Value::Null,
    )
    .await;
    works(&rig, 204, "DELETE", &format!("/v2/apis/{api}"), Value::Null).await;
    rig.close().await;
}

#[tokio::test]
async fn what_a_domain_name_cannot_be_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let text = r#"
apis:
  shop:
    protocolType: HTTP
    stages: { $default: {} }
    routes: { "GET /": {} }
domainNames: { own.example.com: { apiMappings: { "": { apiId: shop, stage: $default } } } }
"#;
    let rig = started(text, state.path()).await;
    let check = async |path: &str, body: Value, status, name: &str, expected: &str| {
        let refused = call(&rig, "POST", path, body).await;
        let message = exception(&refused, status, name);
        assert!(message.contains(expected), "{message}");
    };
    let bad = "BadRequestException";
    check(NAMES, json!({}), 400, bad, "domainName: is missing").await;
    check(
        NAMES,
        json!({ "domainName": "a b" }),
        400,
        bad,
        "a host name",
    )
    .await;
    check(
        NAMES,
        json!({ "domainName": "A.example" }),
        400,
        bad,
        "lower case",
    )
    .await;
    let body = json!({ "domainName": "a.example", "domainNameConfigurations": [] });
    check(
        NAMES,
        body,
        400,
        bad,
        "domainNameConfigurations: is not supported",
    )
    .await;
    let body = json!({ "domainName": "a.example", "apiMappings": {} });
    check(NAMES, body, 400, bad, "apiMappings: unknown").await;
    let own = json!({ "domainName": "own.example.com" });
    check(NAMES, own, 409, "ConflictException", "already exists").await;

    let all = works(&rig, 200, "GET", NAMES, Value::Null).await;
    assert_eq!(all["items"][0]["domainName"], "own.example.com");
    let own = format!("{NAMES}/own.example.com/apimappings");
    let all = works(&rig, 200, "GET", &own, Value::Null).await;
    let mapping = &all["items"][0];
    assert_eq!(
        (&mapping["apiId"], &mapping["stage"]),
        (&json!("shop"), &json!("$default"))
    );
    let body = json!({ "apiId": "shop", "stage": "$default", "apiMappingKey": "x" });
    check(&own, body.clone(), 409, "ConflictException", "./definition").await;

    works(
        &rig,
        201,
        "POST",
        NAMES,
        json!({ "domainName": "a.example" }),
    )
    .await;
    let mappings = format!("{NAMES}/a.example/apimappings");
    works(&rig, 201, "POST", &mappings, body).await;
    let body = json!({ "apiId": "none", "stage": "dev" });
    check(&mappings, body, 404, "NotFoundException", "none").await;
    let body = json!({ "apiId": "shop", "stage": "dev" });
    check(&mappings, body, 404, "NotFoundException", "stage").await;
    let body = json!({ "apiId": "shop", "stage": "$default", "apiMappingKey": "a//b" });
    check(&mappings, body, 400, bad, "empty segment").await;
    rig.close().await;
}
