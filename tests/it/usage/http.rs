//! The same on routes of HTTP APIs, which Amazon does not have.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ACME, KEYS, ZETA};
use crate::harness::http_client::{request, send};
use crate::harness::{Response, Rig, Setup, answers, echo};
use crate::reload::reload;

const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;
const TOO_MANY: &str = r#"{"message":"Too Many Requests"}"#;
const SPENT: &str = r#"{"message":"Limit Exceeded"}"#;

/// An HTTP API with a route that wants a key and one that does not, these further fields, and a plan of these fields.
fn shop(route: &str, api: &str, plan: &str) -> String {
    format!(
        "apis:\n  shop:\n    protocolType: HTTP\n    {api}\n    routes:\n      'GET /closed': {{ target: integrations/f, apiKeyRequired: true, {route} }}\n      'GET /other': {{ target: integrations/f, apiKeyRequired: true, {route} }}\n      'GET /open': {{ target: integrations/f }}\n    integrations:\n      f: {{ integrationType: AWS_PROXY, integrationUri: 'function:f', payloadFormatVersion: 2.0 }}\n    stages: {{ $default: {{}} }}\n{KEYS}usagePlans:\n  gold: {{ apiStages: [{{ apiId: shop, stage: $default }}], keys: [acme, zeta, late], {plan} }}\n"
    )
}

async fn started(definition: String) -> Rig {
    let setup = Setup::new(definition).manual().function("f", echo);
    setup.start().await
}

async fn get(rig: &Rig, path: &str, headers: &[(&str, &str)]) -> Response {
    send(rig.address(), &request("GET", path, headers, b"")).await
}

async fn with_key(rig: &Rig, path: &str, key: &str) -> Response {
    get(rig, path, &[("X-Api-Key", key)]).await
}

/// What an authorizer says that lets everyone in and names a key.
fn judged(key: Value) -> Value {
    json!({
        "principalId": "user",
        "policyDocument": { "Version": "2012-10-17", "Statement": [
            { "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*" },
        ] },
        "usageIdentifierKey": key,
    })
}

/// A request that reaches the function.
async fn served(rig: &Rig, path: &str, key: &str) {
    assert_eq!(with_key(rig, path, key).await.status, 200);
    rig.event("f").await;
}

async fn refused(rig: &Rig, path: &str, key: &str, status: u16, body: &str) {
    let answer = with_key(rig, path, key).await;
    assert_eq!((answer.status, answer.text()), (status, body));
}

#[tokio::test]
async fn refusals_are_the_same_to_the_byte() {
    let rig = started(shop("", "", "")).await;
    served(&rig, "/closed", ACME).await;
    assert_eq!(get(&rig, "/open", &[]).await.status, 200);
    rig.event("f").await;
    let long = "x".repeat(5000);
    let mut answers = vec![get(&rig, "/closed", &[]).await];
    for key in [
        "",
        "acme",
        "nobody-nobody-nobody-nobody",
        "late-late-late-late-late",
        "bare-bare-bare-bare-bare",
        "beta-beta-beta-beta-beta",
        &long,
    ] {
        answers.push(with_key(&rig, "/closed", key).await);
    }
    let target = format!("/closed?x-api-key={ACME}");
    answers.push(get(&rig, &target, &[]).await);
    for answer in &mut answers {
        answer
            .headers
            .retain(|(name, _)| name != "apigw-requestid" && name != "date");
    }
    assert_eq!((answers[0].status, answers[0].text()), (403, FORBIDDEN));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    rig.close().await;
}

#[tokio::test]
async fn a_key_may_stand_in_the_query_string_or_come_from_an_authorizer() {
    let source = "apiKeySelectionExpression: $request.querystring.x-api-key";
    let rig = started(shop("", source, "")).await;
    let answer = get(&rig, &format!("/closed?x-api-key={ACME}"), &[]).await;
    assert_eq!(answer.status, 200);
    rig.event("f").await;
    refused(&rig, "/closed", ACME, 403, FORBIDDEN).await;
    rig.close().await;

    let check = async |key: Value, expected: u16| {
        let api = "apiKeySelectionExpression: $context.authorizer.usageIdentifierKey\n    authorizers: { a: { authorizerType: REQUEST, authorizerUri: 'function:auth', authorizerPayloadFormatVersion: '1.0', identitySource: [$request.header.x-who] } }";
        let route = "authorizationType: CUSTOM, authorizerId: a";
        let rig = Setup::new(shop(route, api, ""))
            .function("f", echo)
            .function("auth", answers(judged(key.clone())))
            .start()
            .await;
        // What the client itself shows is nothing then.
        let headers = [("x-who", "me"), ("x-api-key", ZETA)];
        let answer = get(&rig, "/closed", &headers).await;
        assert_eq!(answer.status, expected, "{key}");
        rig.event("auth").await;
        if expected == 200 {
            rig.event("f").await;
        }
        rig.close().await;
    };
    check(json!(ACME), 200).await;
    check(json!("late-late-late-late-late"), 403).await;
    check(Value::Null, 403).await;
}

#[tokio::test]
async fn no_spelling_of_a_path_goes_around_a_key() {
    let definition = shop("", "", "").replace(
        "'GET /open':",
        "'GET /paid/{x}': { target: integrations/f, apiKeyRequired: true }\n      $default:",
    );
    let rig = started(definition).await;
    for path in [
        "/paid%2Fx",
        "//paid/x",
        "/paid//x",
        "/paid%2F%2Fx",
        "/%2Fpaid/x",
    ] {
        let answer = get(&rig, path, &[]).await;
        assert_eq!(answer.status, 400, "{path}");
    }
    assert_eq!(rig.calls("f"), 0);
    served(&rig, "/paid/x", ACME).await;
    // What leads to the same place is just a path.
    assert_eq!(get(&rig, "/free%2Fx", &[]).await.status, 200);
    rig.event("f").await;
    rig.close().await;
}

#[tokio::test]
async fn plans_throttle_their_keys_and_single_routes() {
    let plan = "throttle: { rateLimit: 1, burstLimit: 3 }";
    let definition = shop("", "", plan).replace(
        "stage: $default }",
        "stage: $default, throttle: { 'GET /other': { rateLimit: 1, burstLimit: 1 } } }",
    );
    let rig = started(definition).await;
    served(&rig, "/other", ACME).await;
    refused(&rig, "/other", ACME, 429, TOO_MANY).await;
    served(&rig, "/closed", ACME).await;
    served(&rig, "/closed", ACME).await;
    refused(&rig, "/closed", ACME, 429, TOO_MANY).await;
    // Each key has its own share, and what needs no key is nobody's.
    served(&rig, "/other", ZETA).await;
    assert_eq!(get(&rig, "/open", &[]).await.status, 200);
    rig.event("f").await;
    rig.advance(Duration::from_secs(1));
    served(&rig, "/other", ACME).await;
    refused(&rig, "/closed", ACME, 429, TOO_MANY).await;
    rig.close().await;
}

#[tokio::test]
async fn quotas_are_spent_over_a_restart_until_their_period_ends() {
    let state = tempfile::tempdir().unwrap();
    let definition = || shop("", "", "quota: { limit: 3, period: DAY }");
    let server = format!("stateDirectory: '{}'", state.path().display());
    let start = async || {
        let setup = Setup::new(definition()).manual().function("f", echo);
        setup.server(&server).start().await
    };
    let rig = start().await;
    served(&rig, "/closed", ACME).await;
    served(&rig, "/other", ACME).await;
    rig.close().await;

    let rig = start().await;
    served(&rig, "/closed", ACME).await;
    refused(&rig, "/closed", ACME, 429, SPENT).await;
    reload(&rig.gateway, &format!(", {server}"), &definition()).unwrap();
    refused(&rig, "/closed", ACME, 429, SPENT).await;
    served(&rig, "/closed", ZETA).await;
    rig.advance(Duration::from_secs(16 * 3600));
    served(&rig, "/closed", ACME).await;
    rig.close().await;
}

#[tokio::test]
async fn logs_name_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let stage = format!(
        "$default: {{ accessLogSettings: {{ destinationArn: 'file:{}', format: '$context.requestId $context.identity.apiKeyId $context.identity.apiKey $context.error.responseType' }} }} }}",
        log.display()
    );
    let definition = shop("", "", "").replace("$default: {} }", &stage);
    let rig = started(definition).await;
    served(&rig, "/closed", ACME).await;
    refused(&rig, "/closed", "nobody-nobody-nobody", 403, FORBIDDEN).await;
    rig.close().await;
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(lines, ["acme **********e-acme -", "- - INVALID_API_KEY"]);
}
