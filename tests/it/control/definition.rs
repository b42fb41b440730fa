//! The control plane's resources as a file: exported, compared, put in force.

use std::path::Path;
use std::process::{Output, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tidegate::definition::{Machine, concise, load_text, write};
use tokio::process::Command;

use super::http_apis::api;
use super::{call, exception, id, open, works};
use crate::harness::http_client::{request, send};
use crate::harness::{Rig, answers, chat, echo, soon};

const DEFINITION: &str = "/v2/tidegate/definition";

/// Runs the program against a gateway.
pub(super) async fn program(rig: &Rig, arguments: &[&str]) -> (i32, String, String) {
    let endpoint = format!("http://{}", rig.gateway.admin_address());
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).args(["--endpoint", &endpoint]);
    run(command).await
}

async fn run(mut command: Command) -> (i32, String, String) {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_REGION"] {
        command.env_remove(name);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = soon("the program to end", command.stdin(Stdio::null()).output())
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// An API made call by call, as an SDK does; gives its id.
async fn shop(rig: &Rig) -> String {
    let api = api(rig).await;
    let post =
        async |path: &str, body| works(rig, 201, "POST", &format!("{api}/{path}"), body).await;
    let body = json!({ "integrationType": "AWS_PROXY", "integrationUri": "function:backend", "payloadFormatVersion": "2.0", "timeoutInMillis": 30000 });
    let target = format!(
        "integrations/{}",
        id(&post("integrations", body).await, "integrationId")
    );
    let body = json!({ "authorizerType": "JWT", "name": "login", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": { "issuer": "http://127.0.0.1:9", "audience": ["shop"] } });
    let login = id(&post("authorizers", body).await, "authorizerId");
    let body = json!({ "routeKey": "POST /orders", "target": target, "authorizationType": "JWT", "authorizerId": login });
    post("routes", body).await;
    post(
        "routes",
        json!({ "routeKey": "GET /orders/{id}", "target": target, "authorizationType": "NONE" }),
    )
    .await;
    post(
        "routes",
        json!({ "routeKey": "$default", "target": target }),
    )
    .await;
    let body = json!({ "stageName": "$default", "autoDeploy": true, "stageVariables": { "tier": "gold" } });
    post("stages", body).await;
    api.trim_start_matches("/v2/apis/").to_owned()
}

#[tokio::test]
async fn what_calls_have_made_is_exported_as_a_person_would_have_written_it() {
    let state = tempfile::tempdir().unwrap();
    let start = async |text: &str, state: &Path| {
        let setup = open(text, state).function("backend", answers(json!({ "statusCode": 201 })));
        setup.start().await
    };
    let rig = start("", state.path()).await;
    let id = shop(&rig).await;
    let expected = format!(
        r#"apis:
  {id}:
    protocolType: HTTP
    name: shop
    routes:
      $default: {{ target: integrations/backend }}
      "POST /orders": {{ target: integrations/backend, authorizationType: JWT, authorizerId: login }}
      "GET /orders/{{id}}": {{ target: integrations/backend }}
    integrations:
      backend: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }}
    authorizers:
      login:
        authorizerType: JWT
        identitySource: [$request.header.Authorization]
        jwtConfiguration: {{ issuer: "http://127.0.0.1:9", audience: [shop] }}
    stages:
      $default: {{ stageVariables: {{ tier: gold }} }}
"#
    );
    let (code, text, told) = program(&rig, &["export"]).await;
    assert_eq!((code, told.as_str()), (0, ""));
    assert_eq!(text, expected);
    let file = state.path().join("shop.yaml");
    std::fs::write(&file, &text).unwrap();
    let file = file.to_str().unwrap();
    let (code, text, told) = program(&rig, &["diff", file]).await;
    assert_eq!(
        (code, text.as_str(), told.as_str()),
        (0, "", ""),
        "ids and names are the same resources"
    );
    let shown = shown(&rig, &id).await;
    let mut running = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    running
        .args(["export", "--state-directory"])
        .arg(state.path());
    let (code, text, told) = run(running).await;
    assert_eq!(
        (code, text.as_str()),
        (1, ""),
        "one gateway owns its state directory"
    );
    assert!(told.contains("control.redb: "), "{told}");
    rig.close().await;

    let mut stopped = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    stopped
        .arg("export")
        .arg("--state-directory")
        .arg(state.path());
    assert_eq!(run(stopped).await, (0, expected.clone(), String::new()));

    let elsewhere = tempfile::tempdir().unwrap();
    let rig = start(&expected, elsewhere.path()).await;
    assert_eq!(self::shown(&rig, &id).await, shown);
    let (code, text, told) = program(&rig, &["export"]).await;
    assert_eq!((code, text.as_str(), told.as_str()), (0, "{}\n", ""));
    let (code, text, _) = program(&rig, &["export", "--with-file"]).await;
    assert_eq!((code, text), (0, expected));
    rig.close().await;
}

/// An API as callers see it, without what the gateway made.
async fn shown(rig: &Rig, id: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["", "/routes", "/integrations", "/authorizers", "/stages"] {
        let path = format!("/v2/apis/{id}{path}");
        let answer = works(rig, 200, "GET", &path, Value::Null).await;
        let mut items = match answer.get("items") {
            Some(items) => items.as_array().unwrap().clone(),
            None => vec![answer],
        };
        for item in &mut items {
            let members = item.as_object_mut().unwrap();
            let made = [
                "apiEndpoint",
                "routeId",
                "integrationId",
                "authorizerId",
                "target",
                "deploymentId",
                "tidegate",
                "createdDate",
                "lastUpdatedDate",
                "lastDeploymentStatusMessage",
            ];
            members.retain(|name, value| {
                // What is empty or not there means the same.
                let empty = *value == json!({}) || *value == json!([]);
                !made.contains(&name.as_str()) && !empty
            });
            members.sort_keys();
        }
        items.sort_by_key(Value::to_string);
        all.extend(items);
    }
    all
}

#[tokio::test]
async fn a_file_is_compared_and_put_in_force_at_once() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", answers(json!({ "statusCode": 201 })))
        .start()
        .await;
    let file = state.path().join("shop.yaml");
    let text = r#"
functions: { backend: { command: [x] } }
apis:
  shop:
    protocolType: HTTP
    routes: { "GET /a": { target: integrations/backend }, "GET /b": { target: integrations/backend } }
    integrations: { backend: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
    stages: { $default: {} }
domainNames: { shop.example: { apiMappings: { v1: { apiId: shop, stage: $default } } } }
"#;
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let added = r#"+ apis.shop
    + protocolType: HTTP
    + name: shop
+ apis.shop.routes."GET /a"
    + target: integrations/backend
+ apis.shop.routes."GET /b"
    + target: integrations/backend
+ apis.shop.integrations.backend
    + integrationType: AWS_PROXY
    + integrationUri: "function:backend"
    + payloadFormatVersion: "2.0"
+ apis.shop.stages.$default
+ domainNames."shop.example"
+ domainNames."shop.example".apiMappings.v1
    + apiId: shop
    + stage: $default
"#;
    let around = format!("{path}: `functions` stays as the gateway's own file has it\n");
    let (code, told, notes) = program(&rig, &["diff", path]).await;
    assert_eq!((code, told.as_str(), &notes), (1, added, &around));
    assert_eq!(
        call(&rig, "GET", "/v2/apis/shop", Value::Null).await.status,
        404
    );
    let (code, told, notes) = program(&rig, &["apply", path]).await;
    assert_eq!((code, told.as_str()), (0, added));
    assert_eq!(notes, format!("{around}7 added\n"));
    let ask = async |path: &str| {
        let request = request("GET", &format!("/_apis/shop{path}"), &[], b"");
        send(rig.address(), &request).await.status
    };
    assert_eq!((ask("/a").await, ask("/b").await), (201, 201));
    let (code, told, notes) = program(&rig, &["apply", path]).await;
    assert_eq!((code, told.as_str()), (0, ""));
    assert_eq!(notes, format!("{around}nothing to change\n"));

    let changed = text.replace("\"GET /b\"", "\"GET /c\"").replace(
        "stages: { $default: {} }",
        "stages: { $default: { description: x } }",
    );
    std::fs::write(&file, changed).unwrap();
    let expected = r#"+ apis.shop.routes."GET /c"
    + target: integrations/backend
- apis.shop.routes."GET /b"
    - target: integrations/backend
~ apis.shop.stages.$default
    + description: x
"#;
    let (code, told, _) = program(&rig, &["diff", path]).await;
    assert_eq!((code, told.as_str()), (1, expected));
    let (code, told, _) = program(&rig, &["diff", path, "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (code, told["changes"][0]["action"].as_str()),
        (1, Some("add"))
    );
    let (code, ..) = program(&rig, &["apply", path]).await;
    assert_eq!((code, ask("/b").await, ask("/c").await), (0, 404, 201));

    std::fs::write(&file, "apis: {}\n").unwrap();
    let (code, told, notes) = program(&rig, &["apply", path]).await;
    assert_eq!((code, told.as_str()), (0, ""));
    let kept = format!(
        "not in {path}, and left alone without --prune: domainNames.\"shop.example\", apis.shop\n"
    );
    assert_eq!(notes, format!("{kept}nothing to change\n"));
    let (code, _, notes) = program(&rig, &["apply", path, "--prune"]).await;
    assert_eq!((code, notes.as_str()), (0, "7 removed\n"));
    assert_eq!(ask("/c").await, 403);
    rig.functions["backend"].rest().await;
    rig.close().await;
}

#[tokio::test]
async fn routing_rules_are_exported_compared_and_applied() {
    let state = tempfile::tempdir().unwrap();
    let setup = open("", state.path()).function("backend", answers(json!({ "statusCode": 201 })));
    let rig = setup.start().await;
    let text = r#"apis:
  shop:
    protocolType: HTTP
    routes:
      $default: { target: integrations/backend }
    integrations:
      backend: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }
    stages: { $default: {} }
domainNames:
  a.example:
    routingRules:
      "9":
        conditions:
          - { matchBasePaths: { anyOf: [a] } }
        actions: [{ invokeApi: { apiId: shop, stage: $default, stripBasePath: true } }]
      "200":
        actions: [{ invokeApi: { apiId: shop, stage: $default } }]
    routingMode: ROUTING_RULE_ONLY
"#;
    let file = state.path().join("rules.yaml");
    let path = file.to_str().unwrap();
    let write_file = |text: &str| std::fs::write(&file, text).unwrap();
    write_file(text);
    let (code, told, notes) = program(&rig, &["apply", path]).await;
    assert_eq!((code, notes.as_str()), (0, "7 added\n"), "{told}");
    let (_, exported, told) = program(&rig, &["export"]).await;
    assert_eq!((exported.as_str(), told.as_str()), (text, ""));
    assert_eq!(program(&rig, &["diff", path]).await.0, 0);
    // What is there anyway makes no difference.
    let longer = text.replace(
        "\"200\":
        actions",
        "200:
        conditions: []
        actions",
    );
    write_file(&longer);
    assert_eq!(program(&rig, &["diff", path]).await.0, 0);
    let rules = "/v2/domainnames/a.example/routingrules";
    let before = works(&rig, 200, "GET", rules, Value::Null).await;
    let changed = text.replace("[a]", "[b]").replace("\"200\":", "10:");
    write_file(&changed);
    let expected = r#"- domainNames."a.example".routingRules.200
    - actions: [{ invokeApi: { apiId: shop, stage: $default } }]
~ domainNames."a.example".routingRules.9
    - conditions: [{ matchBasePaths: { anyOf: [a] } }]
    + conditions: [{ matchBasePaths: { anyOf: [b] } }]
+ domainNames."a.example".routingRules.10
    + actions: [{ invokeApi: { apiId: shop, stage: $default } }]
"#;
    let (code, told, _) = program(&rig, &["diff", path]).await;
    assert_eq!((code, told.as_str()), (1, expected));
    assert_eq!(program(&rig, &["apply", path]).await.0, 0);
    let after = works(&rig, 200, "GET", rules, Value::Null).await;
    assert_eq!(
        after["routingRules"][0]["routingRuleId"], before["routingRules"][0]["routingRuleId"],
        "a rule that changes is the same rule"
    );
    assert_eq!(after["routingRules"][1]["priority"], 10);
    // What cannot be is refused, and said as a person has written it.
    write_file(&text.replace(
        "apiId: shop, stage: $default }",
        "apiId: none, stage: $default }",
    ));
    let (code, _, told) = program(&rig, &["apply", path]).await;
    assert_eq!(code, 1, "{told}");
    // A mode that does not look at what is there: a file says so only in words.
    let body = json!({ "routingMode": "API_MAPPING_ONLY" });
    works(&rig, 200, "PATCH", "/v2/domainnames/a.example", body).await;
    let (_, _, told) = program(&rig, &["export"]).await;
    assert!(told.contains("does not look at its routingRules"), "{told}");
    rig.close().await;
}

/// What a mapping leads to may go when the mapping leads elsewhere.
#[tokio::test]
async fn what_led_to_an_api_leads_elsewhere_in_one_go() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let file = state.path().join("moves.yaml");
    let path = file.to_str().unwrap();
    let apply = async |text: &str, code: i32, expected: &str| {
        std::fs::write(&file, text).unwrap();
        let (found, told, notes) = program(&rig, &["apply", path, "--prune"]).await;
        assert_eq!(found, code, "{told}{notes}");
        assert!(notes.contains(expected), "{notes}");
    };
    let text = |api: &str, stage: &str| {
        format!(
            r#"
apis:
  {api}:
    protocolType: HTTP
    routes: {{ "GET /a": {{ target: integrations/i }} }}
    integrations: {{ i: {{ integrationType: HTTP_PROXY, integrationMethod: GET, integrationUri: "http://127.0.0.1:9/" }} }}
    stages: {{ {stage}: {{}} }}
domainNames: {{ a.example: {{ apiMappings: {{ v1: {{ apiId: {api}, stage: {stage} }} }} }} }}
"#
        )
    };
    apply(&text("old", "prod"), 0, "added").await;
    apply(&text("new", "prod"), 0, "removed").await;
    apply(&text("new", "live"), 0, "removed").await;
    let nowhere = text("new", "live").replace("stages: { live:", "stages: { next:");
    apply(&nowhere, 1, "Please remove all API mappings for the Stage").await;
    rig.close().await;
}

#[tokio::test]
async fn what_cannot_be_applied_is_refused_and_nothing_is_changed() {
    let state = tempfile::tempdir().unwrap();
    let rig = open(&chat("{}"), state.path())
        .function("backend", echo)
        .start()
        .await;
    let file = state.path().join("a.yaml");
    let path = file.to_str().unwrap();
    let check = async |text: &str, expected: &str| {
        std::fs::write(&file, text).unwrap();
        let expected = expected.replace("FILE", path);
        for (command, code) in [("diff", 2), ("apply", 1)] {
            let (found, told, notes) = program(&rig, &[command, path]).await;
            assert_eq!(
                (found, told.as_str(), notes.as_str()),
                (code, "", expected.as_str()),
                "{command} {text}"
            );
        }
        let made = works(&rig, 200, "GET", DEFINITION, Value::Null).await;
        assert_eq!(made["definition"], json!({}));
    };
    check(
        "apis: { chat: { protocolType: HTTP } }",
        "API chat is defined in ./definition: change it there\n",
    )
    .await;
    check(
        "apiKeys:\n  a: { value: aaaaaaaaaaaaaaaaaaaaaaaa }\n",
        "FILE:2:3: apiKeys: only the gateway's own file can say this; keep the APIs in a file apart, and let the gateway's file `include` the rest\n",
    )
    .await;
    check(
        "apis:\n  good:\n    protocolType: HTTP\n    routes: { \"GET /\": {} }\n  bad:\n    protocolType: HTTP\n    routes: { \"GET /\": { target: integrations/x } }\n    stages: { a: {} }\n",
        "FILE:7:34: apis.bad.routes.\"GET /\".target: `integrations/x` is not an integration of this API; add it to the API's `integrations`\n",
    )
    .await;
    check(
        "apis: { s: { protocolType: HTTP, stages: { a: {} } } }",
        "Unable to deploy API because no routes exist in this API\n",
    )
    .await;
    check(
        "apis: { s: { protocolTipe: HTTP } }",
        "FILE:1:12: apis.s.routeSelectionExpression: is missing; add `routeSelectionExpression`: Names the route of a message, e.g. `$request.body.action`.\nFILE:1:14: apis.s.protocolTipe: unknown key; did you mean `protocolType`?\n",
    )
    .await;
    let (code, _, notes) = program(&rig, &["diff", "/nowhere.yaml"]).await;
    assert_eq!(code, 2, "{notes}");
    for (body, message) in [
        (json!({ "apis": [] }), "apis: must be a map"),
        (json!({ "apis": { "s": 1 } }), "apis.s: must be a map"),
        (
            json!({ "apis": { "s": { "routes": 1 } } }),
            "apis.s.routes: must be a map",
        ),
        (
            json!({ "functions": {} }),
            "functions: unknown member; known here: apis, domainNames",
        ),
        (
            json!({ "apis": { "s": { "protocolType": "HTTP", "stages": { "a": { "deploymentId": "x" } } } } }),
            "apis.s.stages.a.deploymentId: leave it out: loading is deploying",
        ),
        (
            json!({ "apis": { "../s": { "protocolType": "HTTP" } } }),
            "apis.../s: the key does not have the right form",
        ),
    ] {
        let refused = call(&rig, "PUT", DEFINITION, body).await;
        let told = exception(&refused, 400, "BadRequestException");
        assert!(
            told.contains(message.trim_start_matches("apis.../s: ")),
            "{told}"
        );
    }
    for (method, query) in [
        ("PUT", "dryrun=true"),
        ("PUT", "file=true"),
        ("GET", "File=true"),
    ] {
        let body = match method {
            "PUT" => json!({ "apis": { "s": { "protocolType": "HTTP" } } }),
            _ => Value::Null,
        };
        let refused = call(&rig, method, &format!("{DEFINITION}?{query}"), body).await;
        let told = exception(&refused, 400, "BadRequestException");
        assert!(told.contains("unknown query parameter"), "{told}");
    }
    let made = works(&rig, 200, "GET", DEFINITION, Value::Null).await;
    assert_eq!(made["definition"], json!({}));
    rig.close().await;
}

#[tokio::test]
async fn what_a_file_cannot_say_is_noted() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let body =
        json!({ "name": "closed", "protocolType": "HTTP", "disableExecuteApiEndpoint": true });
    let made = works(&rig, 201, "POST", "/v2/apis", body).await;
    let api = id(&made, "apiId");
    let (code, _, notes) = program(&rig, &["export"]).await;
    let expected = format!(
        "API {api} (closed): has no stage, which a file refuses: add `stages: {{ prod: {{}} }}`\n\
         API {api} (closed): answers nowhere, which a file refuses: add a domain name, or remove `disableExecuteApiEndpoint`\n"
    );
    assert_eq!((code, notes), (0, expected));
    rig.close().await;
}

#[tokio::test]
async fn stages_that_deploy_by_hand_run_what_was_applied() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", answers(json!({ "statusCode": 201 })))
        .start()
        .await;
    let id = shop(&rig).await;
    let api = format!("/v2/apis/{id}");
    let made = works(&rig, 201, "POST", &format!("{api}/deployments"), json!({})).await;
    let body = json!({ "stageName": "prod", "deploymentId": made["deploymentId"] });
    works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    let routes = works(&rig, 200, "GET", &format!("{api}/routes"), Value::Null).await;
    let route = routes["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|route| route["routeKey"] == "$default");
    let route = format!(
        "{api}/routes/{}",
        route.unwrap()["routeId"].as_str().unwrap()
    );
    works(
        &rig,
        200,
        "PATCH",
        &route,
        json!({ "operationName": "rest" }),
    )
    .await;
    let (code, text, notes) = program(&rig, &["export"]).await;
    let expected = format!(
        "API {id} (shop): stage prod does not run the API as it is now, which is what is written\n"
    );
    assert_eq!((code, notes), (0, expected));
    let file = state.path().join("shop.yaml");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let expected = format!(
        "~ apis.{id}.stages.prod (deployed anew: it runs something else than the API as it is)\n"
    );
    let (code, told, _) = program(&rig, &["diff", file]).await;
    assert_eq!((code, &told), (1, &expected));
    let (code, told, _) = program(&rig, &["apply", file]).await;
    assert_eq!((code, &told), (0, &expected));
    let stage = works(&rig, 200, "GET", &format!("{api}/stages/prod"), Value::Null).await;
    assert_eq!(stage["autoDeploy"], false);
    assert_ne!(stage["deploymentId"], made["deploymentId"]);
    assert_eq!(program(&rig, &["diff", file]).await.0, 0);
    rig.close().await;
}

#[tokio::test]
async fn applies_leave_no_deployments_behind() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", answers(json!({ "statusCode": 201 })))
        .start()
        .await;
    let id = shop(&rig).await;
    let api = format!("/v2/apis/{id}");
    let get = async |path: &str| works(&rig, 200, "GET", path, Value::Null).await;
    let path = format!("{api}/deployments");
    let made = works(&rig, 201, "POST", &path, json!({})).await;
    for name in ["one", "two"] {
        let body = json!({ "stageName": name, "deploymentId": made["deploymentId"] });
        works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    }
    let mut definition = get(DEFINITION).await["definition"].clone();
    for round in 0..3 {
        definition["apis"][&id]["description"] = format!("round {round}").into();
        works(&rig, 200, "PUT", DEFINITION, definition.clone()).await;
        let one = get(&format!("{api}/stages/one")).await["deploymentId"].clone();
        let two = get(&format!("{api}/stages/two")).await["deploymentId"].clone();
        let automatic = get(&format!("{api}/stages/$default")).await["deploymentId"].clone();
        assert_eq!(one, two, "one deployment for both");
        let all = get(&path).await["items"].as_array().unwrap().clone();
        let ids: Vec<&Value> = all.iter().map(|item| &item["deploymentId"]).collect();
        assert_eq!(ids.len(), 3, "{all:?}");
        for expected in [&made["deploymentId"], &one, &automatic] {
            assert!(ids.contains(&expected), "{expected} {all:?}");
        }
        let applied = all.iter().find(|item| item["deploymentId"] == one).unwrap();
        assert_eq!(applied["tidegate"], json!({ "applied": true }));
    }
    rig.close().await;
}

#[tokio::test]
async fn a_definition_has_no_more_domain_names_than_there_is_room_for() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let domains = |count: usize| {
        let names = (0..count).map(|number| (format!("{number}.shop.example"), json!({})));
        json!({ "domainNames": names.collect::<serde_json::Map<_, _>>() })
    };
    let refused = call(&rig, "PUT", DEFINITION, domains(1001)).await;
    let told = exception(&refused, 429, "TooManyRequestsException");
    assert_eq!(told, "There can be no more than 1000 of DomainName");
    works(&rig, 200, "PUT", DEFINITION, domains(1000)).await;
    let more = json!({ "domainNames": { "more.shop.example": {} } });
    let refused = call(&rig, "PUT", DEFINITION, more).await;
    exception(&refused, 429, "TooManyRequestsException");
    rig.close().await;
}

#[tokio::test]
async fn definitions_are_signed_for_and_allowed_by_policy() {
    let state = tempfile::tempdir().unwrap();
    let text = r#"
credentials:
  - { accessKeyId: AKIDREADER, secretAccessKey: secret, policy: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "apigateway:GET", Resource: "arn:aws:apigateway:us-east-1::/tidegate/definition" }] } }
  - { accessKeyId: AKIDBLIND, secretAccessKey: secret, policy: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "apigateway:GET", Resource: "arn:aws:apigateway:us-east-1::/tidegate/definition" }, { Effect: Deny, Action: "apigateway:GET", Resource: "arn:aws:apigateway:*::/apis/*/integrations/*" }] } }
  - { accessKeyId: AKIDALL, secretAccessKey: secret }
"#;
    let setup = crate::harness::Setup::new(text);
    let rig = setup
        .server(&format!("stateDirectory: '{}'", state.path().display()))
        .start()
        .await;
    let file = state.path().join("a.yaml");
    std::fs::write(&file, "apis: { s: { protocolType: HTTP, integrations: { i: { integrationType: HTTP_PROXY, integrationMethod: GET, integrationUri: 'http://127.0.0.1:9/' } } } }").unwrap();
    let as_user = async |user: Option<&str>, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        let endpoint = format!("http://{}", rig.gateway.admin_address());
        command
            .args(arguments)
            .env("AWS_ENDPOINT_URL", endpoint)
            .stdin(Stdio::null());
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SESSION_TOKEN");
        if let Some(user) = user {
            command
                .env("AWS_ACCESS_KEY_ID", user)
                .env("AWS_SECRET_ACCESS_KEY", "secret");
        }
        let output = soon("the program to end", command.output()).await.unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let apply = ["apply", file.to_str().unwrap()];
    assert_eq!(
        as_user(Some("AKIDALL"), &apply).await,
        (0, "2 added\n".to_owned())
    );
    assert_eq!(as_user(Some("AKIDREADER"), &["export"]).await.0, 0);
    let (code, told) = as_user(Some("AKIDBLIND"), &["export"]).await;
    assert!(
        code == 1 && told.contains("not authorized to perform: apigateway:GET"),
        "{told}"
    );
    let (code, told) = as_user(Some("AKIDREADER"), &apply).await;
    assert!(
        code == 1 && told.contains("not authorized to perform: apigateway:PUT"),
        "{told}"
    );
    let (code, told) = as_user(None, &["export"]).await;
    assert!(
        code == 1 && told.contains("Missing Authentication Token"),
        "{told}"
    );
    rig.close().await;
}

fn description() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ -~é\\n]{1,24}|\\$\\{env:HOME\\}|\\$\\{file:x\\}|true|1\\.0")
}

/// An API of two integrations, each of which some routes lead to.
fn an_api() -> impl Strategy<Value = Value> {
    let http = prop::collection::btree_map(
        "(GET|POST|ANY) /[a-z]{1,3}(/\\{x\\})?|\\$default",
        (any::<bool>(), prop::option::of("[a-zA-Z]{1,8}")),
        1..6,
    );
    let messages = prop::collection::btree_map(
        "[a-z]{1,4}|\\$default|\\$connect|true|1|a b",
        (any::<bool>(), Just(None)),
        1..6,
    );
    let apart = prop_oneof![
        http.prop_map(|routes| (true, routes)),
        messages.prop_map(|routes| (false, routes))
    ];
    let stages = prop::collection::btree_map("[a-z]{1,5}", description(), 1..3);
    (apart, description(), stages, Just(false), 50..29_001i64).prop_map(|((http, routes), description, stages, closed, timeout)| {
        let routes = routes.into_iter().map(|(key, (first, name))| {
            let mut route = json!({ "target": if first { "integrations/one" } else { "integrations/two" } });
            if let Some(name) = name {
                route["operationName"] = name.into();
            }
            (key, route)
        });
        let stages = stages.into_iter().map(|(name, description)| {
            let mut stage = json!({ "stageVariables": { "a": name } });
            if let Some(description) = description {
                stage["description"] = description.into();
            }
            (name, stage)
        });
        let mut api = json!({
            "protocolType": if http { "HTTP" } else { "WEBSOCKET" },
            "disableExecuteApiEndpoint": closed,
            "routes": routes.collect::<serde_json::Map<_, _>>(),
            "integrations": {
                "one": { "integrationType": "AWS_PROXY", "integrationUri": "function:backend" },
                "two": { "integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": "http://127.0.0.1:9/a?b=c&d", "timeoutInMillis": timeout },
            },
            "stages": stages.collect::<serde_json::Map<_, _>>(),
        });
        if http {
            api["integrations"]["one"]["payloadFormatVersion"] = "2.0".into();
        } else {
            api["routeSelectionExpression"] = "${request.body.action}".into();
            api["models"] = json!({ "Order": { "schema": { "type": "object", "required": ["a"] } } });
        }
        if let Some(description) = description {
            api["description"] = description.into();
        }
        api
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_applied_is_exported_and_means_the_same_as_a_file() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", echo)
        .start()
        .await;
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::default()
    });
    let handle = tokio::runtime::Handle::current();
    let cases = || {
        let strategy = prop::collection::btree_map("[a-z]{1,3}", an_api(), 1..4);
        runner.run(&strategy, |apis| {
            handle.block_on(round(&rig, &json!({ "apis": apis })));
            Ok(())
        })
    };
    tokio::task::block_in_place(cases).unwrap();
    rig.close().await;
}

async fn round(rig: &Rig, wanted: &Value) {
    let put = async |body: &Value| {
        works(
            rig,
            200,
            "PUT",
            &format!("{DEFINITION}?prune=true"),
            body.clone(),
        )
        .await
    };
    // An API cannot change its protocol.
    put(&json!({})).await;
    put(wanted).await;
    let made = works(rig, 200, "GET", DEFINITION, Value::Null).await;
    assert_eq!(made["notes"], json!([]));
    let text = write(&made["definition"]);
    let directory = Path::new(".");
    let (read, _) = tidegate::definition::resolve_text(&text, directory, &Machine::default())
        .unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
    assert_eq!(read, concise(wanted), "{text}");
    let again = put(&read).await;
    assert_eq!(again["changes"], json!([]), "{text}");
    let loaded = load_text(&text, directory, &Machine::default()).unwrap();
    let plan = tidegate::plan::compile::compile(&loaded, &["backend".to_owned()]);
    let plan = plan.unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
    let running = rig.gateway.services().plan();
    let table = tidegate::plan::table::render;
    assert_eq!(table(&plan), table(&running), "{text}");
}

#[tokio::test]
async fn own_deployments_make_room_for_their_followers() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path())
        .function("backend", answers(json!({ "statusCode": 201 })))
        .start()
        .await;
    let id = shop(&rig).await;
    let api = format!("/v2/apis/{id}");
    let path = format!("{api}/deployments");
    let made = works(&rig, 201, "POST", &path, json!({})).await;
    let body = json!({ "stageName": "prod", "deploymentId": made["deploymentId"] });
    works(&rig, 201, "POST", &format!("{api}/stages"), body).await;
    let count = async || {
        let (mut count, mut query) = (0, String::new());
        loop {
            let pages = format!("{path}?maxResults=100{query}");
            let page = works(&rig, 200, "GET", &pages, Value::Null).await;
            count += page["items"].as_array().unwrap().len();
            match page["nextToken"].as_str() {
                Some(token) => query = format!("&nextToken={token}"),
                None => return count,
            }
        }
    };
    let mut definition =
        works(&rig, 200, "GET", DEFINITION, Value::Null).await["definition"].clone();
    definition["apis"][&id]["description"] = "first".into();
    works(&rig, 200, "PUT", DEFINITION, definition.clone()).await;
    // One by hand, one applied, one automatic: the rest is filled up by hand.
    assert_eq!(count().await, 3);
    for _ in 3..300 {
        works(&rig, 201, "POST", &path, json!({})).await;
    }
    let refused = call(&rig, "POST", &path, json!({})).await;
    exception(&refused, 429, "TooManyRequestsException");

    definition["apis"][&id]["description"] = "second".into();
    works(&rig, 200, "PUT", DEFINITION, definition).await;
    works(&rig, 200, "PATCH", &api, json!({ "description": "third" })).await;
    assert_eq!(count().await, 300);
    rig.close().await;
}
