//! Routing rules by calls: what there may be, what refers to what, what lasts.

use serde_json::{Value, json};

use super::domains::started;
use super::http_apis::{api, route_to_function};
use super::{call, exception, id, works};
use crate::harness::Rig;
use crate::harness::http_client::send;

const DOMAIN: &str = "/v2/domainnames/a.example";
const RULES: &str = "/v2/domainnames/a.example/routingrules";
const THEN: &str = "ROUTING_RULE_THEN_API_MAPPING";

/// An API with the route `$default` and the stage `dev`; gives its id.
async fn deployed(rig: &Rig) -> String {
    let api = api(rig).await;
    route_to_function(rig, &api, "$default").await;
    let body = json!({ "stageName": "dev", "autoDeploy": true });
    works(rig, 201, "POST", &format!("{api}/stages"), body).await;
    api.trim_start_matches("/v2/apis/").to_owned()
}

async fn named(rig: &Rig, mode: &str) {
    let body = json!({ "domainName": "a.example", "routingMode": mode });
    works(rig, 201, "POST", "/v2/domainnames", body).await;
}

fn to(api: &str) -> Value {
    json!([{ "invokeApi": { "apiId": api, "stage": "dev" } }])
}

fn rule(priority: u32, api: &str) -> Value {
    json!({ "priority": priority, "conditions": [], "actions": to(api) })
}

/// The API that answers, or the status of a refusal.
async fn ask(rig: &Rig, path: &str) -> Result<String, u16> {
    let text = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    match send(rig.address(), text.as_bytes()).await.status {
        200 => Ok(id(&rig.event("backend").await["requestContext"], "apiId")),
        status => Err(status),
    }
}

#[tokio::test]
async fn what_a_rule_cannot_be_is_refused_by_name() {
    let state = tempfile::tempdir().unwrap();
    let rig = started("", state.path()).await;
    let api = deployed(&rig).await;
    named(&rig, THEN).await;
    let bad = async |change: Value, expected: &str| {
        let mut body = rule(10, &api);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let message = exception(
            &call(&rig, "POST", RULES, body).await,
            400,
            "BadRequestException",
        );
        assert!(message.contains(expected), "{change}: {message}");
    };
    let header = |name: &str, glob: &str| json!({ "conditions": [{ "matchHeaders": { "anyOf": [{ "header": name, "valueGlob": glob }] } }] });
    let path = |path: &str| json!({ "conditions": [{ "matchBasePaths": { "anyOf": [path] } }] });
    for member in ["priority", "conditions", "actions"] {
        bad(json!({ member: null }), &format!("{member}: is missing")).await;
    }
    for priority in [json!(0), json!(1_000_001), json!(1.5), json!("10")] {
        bad(json!({ "priority": priority }), "priority: ").await;
    }
    bad(json!({ "actions": [] }), "actions: has 0 items").await;
    let twice = json!([to(&api)[0], to(&api)[0]]);
    bad(json!({ "actions": twice }), "actions: has 2 items").await;
    bad(
        json!({ "actions": [{}] }),
        "actions[0].invokeApi: is missing",
    )
    .await;
    bad(
        json!({ "conditions": [{}] }),
        "conditions[0]: asks for nothing",
    )
    .await;
    bad(
        json!({ "conditions": [{}, {}, {}, {}] }),
        "conditions: has 4 items",
    )
    .await;
    bad(
        json!({ "conditions": [{ "matchPaths": {} }] }),
        "conditions[0].matchPaths: unknown key",
    )
    .await;
    for wrong in [
        "",
        "/a",
        "a/",
        "a//b",
        "a\\b",
        "a%41",
        "é",
        &"a".repeat(128),
    ] {
        bad(path(wrong), "conditions[0].matchBasePaths.anyOf[0]: ").await;
    }
    bad(path("a/.."), "anyOf[0]: has a dot segment").await;
    for wrong in ["", "a b", "a*", "a:", &"a".repeat(40), "Via", "X-Amzn-A"] {
        bad(
            header(wrong, "a"),
            "conditions[0].matchHeaders.anyOf[0].header: ",
        )
        .await;
    }
    for wrong in [
        "",
        "a*b",
        "**",
        "a,b",
        &"a".repeat(128),
        &format!("*{}*", "a".repeat(39)),
    ] {
        bad(
            header("a", wrong),
            "conditions[0].matchHeaders.anyOf[0].valueGlob: ",
        )
        .await;
    }
    let strips = json!([{ "invokeApi": { "apiId": api, "stage": "dev", "stripBasePath": true } }]);
    bad(
        json!({ "actions": strips }),
        "actions[0].invokeApi.stripBasePath: there is no base path to strip",
    )
    .await;
    bad(json!({ "routingRuleId": "a" }), "routingRuleId: ").await;
    bad(json!({ "tags": {} }), "tags: unknown").await;
    let query = format!("{RULES}?domainNameId=abc");
    for (method, path) in [("POST", query.clone()), ("GET", query)] {
        let refused = call(&rig, method, &path, rule(1, &api)).await;
        let message = exception(&refused, 400, "BadRequestException");
        assert!(message.starts_with("domainNameId: "), "{message}");
    }

    let missing = async |method: &str, path: &str, body: Value, expected: &str| {
        let refused = call(&rig, method, path, body).await;
        let message = exception(&refused, 404, "NotFoundException");
        assert!(message.contains(expected), "{message}");
    };
    let mut elsewhere = rule(1, &api);
    elsewhere["actions"][0]["invokeApi"]["stage"] = json!("prod");
    for (body, expected) in [(rule(1, "none"), "none"), (elsewhere, "Invalid stage")] {
        let refused = call(&rig, "POST", RULES, body).await;
        let message = exception(&refused, 400, "BadRequestException");
        assert!(message.contains(expected), "{message}");
    }
    let other = RULES.replace("a.example", "b.example");
    missing("POST", &other, rule(1, &api), "b.example").await;
    missing("GET", &other, Value::Null, "b.example").await;
    for method in ["GET", "PUT", "DELETE"] {
        let path = format!("{RULES}/abcdef");
        missing(method, &path, rule(1, &api), "abcdef").await;
    }
    let refused = call(&rig, "PATCH", &format!("{RULES}/abcdef"), json!({})).await;
    assert_eq!(refused.status, 405, "{refused:?}");
    let all = works(&rig, 200, "GET", RULES, Value::Null).await;
    assert_eq!(all, json!({ "routingRules": [] }));
    rig.close().await;
}

#[tokio::test]
async fn a_rule_is_as_long_as_what_it_leads_to_and_what_has_it() {
    let state = tempfile::tempdir().unwrap();
    let rig = started("", state.path()).await;
    let (one, two) = (deployed(&rig).await, deployed(&rig).await);
    named(&rig, "API_MAPPING_ONLY").await;
    let refused = call(&rig, "POST", RULES, rule(10, &one)).await;
    let message = exception(&refused, 400, "BadRequestException");
    assert!(message.contains("routingMode"), "{message}");
    let mode = async |mode: &str| {
        let body = json!({ "routingMode": mode });
        let changed = works(&rig, 200, "PATCH", DOMAIN, body).await;
        assert_eq!(changed["routingMode"], mode);
    };
    let mapping = json!({ "apiId": two, "stage": "dev" });
    let mappings = format!("{DOMAIN}/apimappings");
    works(&rig, 201, "POST", &mappings, mapping.clone()).await;
    mode(THEN).await;
    let made = works(&rig, 201, "POST", RULES, rule(10, &one)).await;
    let own = format!("{RULES}/{}", id(&made, "routingRuleId"));
    assert_eq!(ask(&rig, "/x").await, Ok(one.clone()));
    // The mode says what is looked at; what is not stays for later.
    mode("API_MAPPING_ONLY").await;
    assert_eq!(ask(&rig, "/x").await, Ok(two.clone()));
    mode("ROUTING_RULE_ONLY").await;
    assert_eq!(ask(&rig, "/x").await, Ok(one.clone()));
    let mut keyed = mapping;
    keyed["apiMappingKey"] = json!("k");
    let refused = call(&rig, "POST", &mappings, keyed).await;
    let message = exception(&refused, 400, "BadRequestException");
    assert!(message.contains("routingMode"), "{message}");

    for path in [
        format!("/v2/apis/{one}"),
        format!("/v2/apis/{one}/stages/dev"),
    ] {
        let refused = call(&rig, "DELETE", &path, Value::Null).await;
        let message = exception(&refused, 400, "BadRequestException");
        assert!(
            message.contains("remove all routing rules for the"),
            "{message}"
        );
        assert!(message.contains("'a.example'"), "{message}");
    }
    // A rule is put as a whole: nothing of what it was is left.
    let conditions = json!([{ "matchBasePaths": { "anyOf": ["x"] } }]);
    let body = json!({ "priority": 20, "conditions": conditions, "actions": to(&two) });
    let put = works(&rig, 200, "PUT", &own, body.clone()).await;
    assert_eq!(put["routingRuleId"], made["routingRuleId"]);
    assert_eq!(put["priority"], 20);
    assert_eq!(ask(&rig, "/x").await, Ok(two.clone()));
    assert_eq!(ask(&rig, "/y").await, Err(403));
    let refused = call(&rig, "PUT", &own, json!({ "priority": 5 })).await;
    exception(&refused, 400, "BadRequestException");
    let other = works(&rig, 201, "POST", RULES, rule(30, &one)).await;
    for (method, path) in [("POST", RULES), ("PUT", own.as_str())] {
        let refused = call(&rig, method, path, rule(30, &one)).await;
        let message = exception(&refused, 409, "ConflictException");
        assert!(message.contains("priority 30"), "{message}");
    }
    works(&rig, 200, "PUT", &own, body).await;
    let other = format!("{RULES}/{}", id(&other, "routingRuleId"));
    works(&rig, 204, "DELETE", &other, Value::Null).await;
    works(&rig, 204, "DELETE", &format!("/v2/apis/{one}"), Value::Null).await;
    let (code, list) = (200, works(&rig, 200, "GET", RULES, Value::Null).await);
    rig.close().await;

    // It lasts.
    let rig = started("", state.path()).await;
    assert_eq!(ask(&rig, "/x").await, Ok(two.clone()));
    assert_eq!(ask(&rig, "/y").await, Err(403));
    assert_eq!(works(&rig, code, "GET", RULES, Value::Null).await, list);
    works(&rig, 204, "DELETE", DOMAIN, Value::Null).await;
    works(&rig, 204, "DELETE", &format!("/v2/apis/{two}"), Value::Null).await;
    named(&rig, THEN).await;
    let all = works(&rig, 200, "GET", RULES, Value::Null).await;
    assert_eq!(
        all,
        json!({ "routingRules": [] }),
        "they went with the name"
    );
    rig.close().await;
}

#[tokio::test]
async fn rules_of_the_file_are_seen_and_stay() {
    let state = tempfile::tempdir().unwrap();
    let text = r#"
apis:
  shop:
    protocolType: HTTP
    stages: { dev: {} }
    routes: { $default: { target: integrations/f } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
domainNames:
  a.example:
    routingMode: ROUTING_RULE_ONLY
    routingRules:
      200: { conditions: [{ matchBasePaths: { anyOf: [b] } }], actions: [{ invokeApi: { apiId: shop, stage: dev } }] }
      30: { conditions: [{ matchBasePaths: { anyOf: [a] } }], actions: [{ invokeApi: { apiId: shop, stage: dev, stripBasePath: true } }] }
"#;
    let rig = started(text, state.path()).await;
    let all = works(&rig, 200, "GET", RULES, Value::Null).await;
    let rules = all["routingRules"].as_array().unwrap();
    let priorities: Vec<_> = rules.iter().map(|rule| &rule["priority"]).collect();
    assert_eq!(
        priorities,
        [30, 200],
        "in the order in which they are looked at"
    );
    let own = format!("{RULES}/{}", id(&rules[0], "routingRuleId"));
    assert_eq!(works(&rig, 200, "GET", &own, Value::Null).await, rules[0]);
    for (method, path) in [("POST", RULES), ("PUT", &own), ("DELETE", &own)] {
        let refused = call(&rig, method, path, rule(7, "shop")).await;
        let message = exception(&refused, 409, "ConflictException");
        assert!(message.contains("./definition"), "{message}");
    }
    assert_eq!(ask(&rig, "/b").await, Ok("shop".to_owned()));
    rig.close().await;
}
