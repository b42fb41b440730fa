//! API keys, usage plans and quotas.

mod guesses;
mod http;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::ws_client::error_message;
use crate::harness::{Handshake, Response, Rig, Setup, answers, chat, echo};
use crate::reload::reload;

const ACME: &str = "acme-acme-acme-acme-acme";
const ZETA: &str = "zeta-zeta-zeta-zeta-zeta";
const KEYS: &str = r#"
apiKeys:
  acme: { value: acme-acme-acme-acme-acme, enabled: true }
  zeta: { value: zeta-zeta-zeta-zeta-zeta, enabled: true }
  late: { value: late-late-late-late-late, enabled: false }
  bare: { value: bare-bare-bare-bare-bare, enabled: true }
  beta: { value: beta-beta-beta-beta-beta, enabled: true }
"#;
const DAY: Duration = Duration::from_secs(86_400);
/// Connections that last as long as a test's clock.
const LASTING: &str = "{ tidegate: { limits: { idleTimeout: off, connectionDuration: off } } }";

/// `chat` that wants a key, with a plan of these fields on `prod`, and another on the stage `beta`.
fn planned(fields: &str) -> String {
    let routes = chat(LASTING).replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, apiKeyRequired: true }",
    );
    format!(
        "{routes}      beta: {{}}\n{KEYS}usagePlans:\n  gold: {{ apiStages: [{{ apiId: chat, stage: prod }}], keys: [acme, zeta, late], {fields} }}\n  test: {{ apiStages: [{{ apiId: chat, stage: beta }}], keys: [beta] }}\n"
    )
}

fn with_key(key: &str) -> Handshake {
    Handshake::new("/prod").header("x-api-key", key)
}

async fn started(definition: String) -> Rig {
    let setup = Setup::new(definition).manual().function("backend", echo);
    setup.start().await
}

/// A gateway that keeps what was used in `state`.
async fn stateful(definition: String, state: &Path) -> Rig {
    let setup = Setup::new(definition).manual().function("backend", echo);
    let state = format!("stateDirectory: '{}'", state.display());
    setup.server(&state).start().await
}

/// Connects with a key and reads the event of it.
async fn open(rig: &Rig, key: &str) -> crate::harness::WsClient {
    let client = rig.connect(&with_key(key)).await;
    rig.event_of("CONNECT").await;
    client
}

async fn leave(rig: &Rig, client: crate::harness::WsClient) {
    client.leave().await;
    rig.disconnect().await;
}

/// Sends a message that the gateway lets through.
async fn served(rig: &Rig, client: &mut crate::harness::WsClient) {
    assert_eq!(client.ask("hi").await, "hi");
    rig.event_of("MESSAGE").await;
}

/// A refusal without what differs each time.
fn anonymous(response: &Response) -> (u16, Vec<String>, String) {
    let body = response.json();
    let ids = ["connectionId", "requestId"].map(|name| body[name].as_str().unwrap().to_owned());
    let text = ids
        .iter()
        .fold(response.text().to_owned(), |text, id| text.replace(id, "-"));
    let headers = response.headers.iter().map(|(name, _)| name.clone());
    (response.status, headers.collect(), text)
}

#[tokio::test]
async fn a_key_of_a_plan_of_the_stage_opens_it() {
    let rig = started(planned("")).await;
    let mut client = rig.connect(&with_key(ACME)).await;
    let event = rig.event_of("CONNECT").await;
    assert_eq!(event["headers"]["x-api-key"], ACME);
    let identity = &event["requestContext"]["identity"];
    assert_eq!(identity["apiKey"], ACME);
    assert_eq!(identity["apiKeyId"], "acme");
    // The connection keeps the key.
    assert_eq!(client.ask("hi").await, "hi");
    let event = rig.event_of("MESSAGE").await;
    assert_eq!(event["requestContext"]["identity"]["apiKeyId"], "acme");
    client.leave().await;
    let event = rig.event_of("DISCONNECT").await;
    assert_eq!(event["requestContext"]["identity"]["apiKeyId"], "acme");
    rig.close().await;
}

#[tokio::test]
async fn whatever_else_a_client_shows_is_refused_in_the_same_words() {
    let rig = started(planned("")).await;
    let long = "x".repeat(5000);
    let shown = [
        None,
        Some(""),
        Some("nobody-nobody-nobody-nobody"),
        Some("acme"),
        Some("ACME-ACME-ACME-ACME-ACME"),
        Some("late-late-late-late-late"),
        Some("bare-bare-bare-bare-bare"),
        Some("beta-beta-beta-beta-beta"),
        Some(&long),
    ];
    let mut refusals = Vec::new();
    for value in shown {
        let handshake = match value {
            Some(value) => with_key(value),
            None => Handshake::new("/prod"),
        };
        refusals.push(anonymous(&rig.refused(&handshake).await));
    }
    // Where the key is not looked for.
    let elsewhere = Handshake::new(&format!("/prod?x-api-key={ACME}"));
    refusals.push(anonymous(&rig.refused(&elsewhere).await));
    for refusal in &refusals {
        assert_eq!(refusal, &refusals[0]);
    }
    let (status, _, body) = &refusals[0];
    assert_eq!(*status, 403);
    assert_eq!(
        body,
        r#"{"message": "Forbidden", "connectionId":"-", "requestId":"-"}"#
    );
    // The other stage has another plan.
    let beta = Handshake::new("/beta").header("X-API-Key", "beta-beta-beta-beta-beta");
    let client = rig.connect(&beta).await;
    rig.event_of("CONNECT").await;
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn browsers_show_a_key_in_the_query_string() {
    let source = "routeSelectionExpression: $request.body.action\n    apiKeySelectionExpression: $request.querystring.x-api-key";
    let definition = planned("").replace("routeSelectionExpression: $request.body.action", source);
    let rig = started(definition).await;
    let target = format!("/prod?a=b&x-api-key={ACME}");
    let client = rig.connect(&Handshake::new(&target)).await;
    let event = rig.event_of("CONNECT").await;
    assert_eq!(event["requestContext"]["identity"]["apiKeyId"], "acme");
    leave(&rig, client).await;
    assert_eq!(rig.refused(&with_key(ACME)).await.status, 403);
    rig.close().await;
}

#[tokio::test]
async fn an_authorizer_names_the_key() {
    let check = async |output: Value, expected: u16| {
        let definition = planned("")
            .replace(
                "routeSelectionExpression: $request.body.action",
                "routeSelectionExpression: $request.body.action\n    apiKeySelectionExpression: $context.authorizer.usageIdentifierKey",
            )
            .replace(
                "apiKeyRequired: true",
                "apiKeyRequired: true, authorizationType: CUSTOM, authorizerId: a",
            )
            .replace(
                "    integrations:\n",
                "    authorizers: { a: { authorizerType: REQUEST, authorizerUri: 'function:auth' } }\n    integrations:\n",
            );
        let rig = Setup::new(definition)
            .function("backend", echo)
            .function("auth", answers(output))
            .start()
            .await;
        // What the client itself shows is nothing then.
        if expected == 101 {
            let client = rig.connect(&with_key(ZETA)).await;
            rig.event("auth").await;
            let event = rig.event_of("CONNECT").await;
            let context = &event["requestContext"];
            assert_eq!(context["identity"]["apiKeyId"], "acme");
            assert!(context["authorizer"].get("usageIdentifierKey").is_none());
            leave(&rig, client).await;
            rig.close().await;
        } else {
            assert_eq!(rig.refused(&with_key(ACME)).await.status, expected);
            rig.event("auth").await;
            let warnings: &[&str] = if expected == 500 {
                &["usageIdentifierKey"]
            } else {
                &[]
            };
            rig.close_after(warnings).await;
        }
    };
    let judged = |key: Value| {
        json!({
            "principalId": "user",
            "policyDocument": { "Version": "2012-10-17", "Statement": [
                { "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*" },
            ] },
            "usageIdentifierKey": key,
        })
    };
    check(judged(json!(ACME)), 101).await;
    check(judged(json!("late-late-late-late-late")), 403).await;
    check(judged(Value::Null), 403).await;
    check(judged(json!(7)), 500).await;
}

#[tokio::test]
async fn a_plan_throttles_each_of_its_keys() {
    let rig = started(planned("throttle: { rateLimit: 1, burstLimit: 3 }")).await;
    let mut acme = open(&rig, ACME).await;
    served(&rig, &mut acme).await;
    served(&rig, &mut acme).await;
    acme.send("one too many").await;
    assert_eq!(acme.error().await, "Too Many Requests");
    let refused = rig.refused(&with_key(ACME)).await;
    assert_eq!(
        (refused.status, &*refused.refusal()),
        (429, "Too Many Requests")
    );
    let mut zeta = open(&rig, ZETA).await;
    served(&rig, &mut zeta).await;
    rig.advance(Duration::from_secs(1));
    served(&rig, &mut acme).await;
    acme.send("one too many").await;
    assert_eq!(acme.error().await, "Too Many Requests");
    // An end is never throttled.
    leave(&rig, acme).await;
    leave(&rig, zeta).await;
    rig.close().await;
}

#[tokio::test]
async fn a_plan_throttles_single_routes() {
    let definition = planned("throttle: { rateLimit: 1, burstLimit: 100 }").replace(
        "stage: prod }",
        "stage: prod, throttle: { ask: { rateLimit: 1, burstLimit: 1 }, $connect: { rateLimit: 1, burstLimit: 2 } } }",
    );
    let rig = started(definition).await;
    let mut acme = open(&rig, ACME).await;
    let ask = r#"{"action":"ask"}"#;
    assert_eq!(acme.ask(ask).await, ask);
    rig.event_of("MESSAGE").await;
    acme.send(ask).await;
    assert_eq!(acme.error().await, "Too Many Requests");
    served(&rig, &mut acme).await;
    // Each key has its own.
    let mut zeta = open(&rig, ZETA).await;
    assert_eq!(zeta.ask(ask).await, ask);
    rig.event_of("MESSAGE").await;
    let second = open(&rig, ACME).await;
    assert_eq!(rig.refused(&with_key(ACME)).await.status, 429);
    for client in [acme, zeta, second] {
        leave(&rig, client).await;
    }
    rig.close().await;
}

#[tokio::test]
async fn a_quota_counts_what_passes_and_begins_anew() {
    let state = tempfile::tempdir().unwrap();
    let fields = "throttle: { rateLimit: 1, burstLimit: 4 }, quota: { limit: 6, period: DAY }";
    let rig = stateful(planned(fields), state.path()).await;
    let mut acme = open(&rig, ACME).await;
    for _ in 0..3 {
        served(&rig, &mut acme).await;
    }
    // What the throttle refuses is not counted.
    for _ in 0..5 {
        acme.send("too fast").await;
        assert_eq!(acme.error().await, "Too Many Requests");
    }
    rig.advance(Duration::from_secs(10));
    served(&rig, &mut acme).await;
    served(&rig, &mut acme).await;
    acme.send("one too many").await;
    assert_eq!(acme.error().await, "Limit Exceeded");
    rig.advance(Duration::from_secs(10));
    let refused = rig.refused(&with_key(ACME)).await;
    assert_eq!(
        (refused.status, &*refused.refusal()),
        (429, "Limit Exceeded")
    );
    let mut zeta = open(&rig, ZETA).await;
    served(&rig, &mut zeta).await;
    // It is a quarter past eight; the day ends at midnight.
    rig.advance(Duration::from_secs(15 * 3600));
    acme.send("still").await;
    assert_eq!(acme.error().await, "Limit Exceeded");
    rig.advance(Duration::from_secs(3600));
    served(&rig, &mut acme).await;
    leave(&rig, acme).await;
    leave(&rig, zeta).await;
    rig.close().await;
}

#[tokio::test]
async fn what_was_used_survives_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let definition = || planned("quota: { limit: 5, period: MONTH, offset: 11 }");
    let rig = stateful(definition(), state.path()).await;
    let mut acme = open(&rig, ACME).await;
    served(&rig, &mut acme).await;
    leave(&rig, acme).await;
    rig.close().await;

    let rig = stateful(definition(), state.path()).await;
    let mut acme = open(&rig, ACME).await;
    served(&rig, &mut acme).await;
    served(&rig, &mut acme).await;
    acme.send("one too many").await;
    assert_eq!(acme.error().await, "Limit Exceeded");
    leave(&rig, acme).await;
    rig.close().await;

    // The month began today, and ends in 31 days.
    let rig = stateful(definition(), state.path()).await;
    rig.advance(30 * DAY);
    assert_eq!(rig.refused(&with_key(ACME)).await.status, 429);
    rig.advance(DAY);
    let acme = open(&rig, ACME).await;
    leave(&rig, acme).await;
    rig.close().await;
}

#[tokio::test]
async fn a_damaged_journal_is_a_warning() {
    let state = tempfile::tempdir().unwrap();
    let definition = || planned("quota: { limit: 2, period: WEEK }");
    let rig = stateful(definition(), state.path()).await;
    let acme = open(&rig, ACME).await;
    leave(&rig, acme).await;
    let zeta = open(&rig, ZETA).await;
    leave(&rig, zeta).await;
    rig.close().await;

    let journal = state.path().join("usage.journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(!text.contains(ACME), "{text}");
    std::fs::write(&journal, text.replace("acme", "axme")).unwrap();
    let rig = stateful(definition(), state.path()).await;
    let mut zeta = open(&rig, ZETA).await;
    zeta.send("one too many").await;
    assert_eq!(zeta.error().await, "Limit Exceeded");
    let mut acme = open(&rig, ACME).await;
    served(&rig, &mut acme).await;
    leave(&rig, acme).await;
    leave(&rig, zeta).await;
    rig.close_after(&["part of the usage journal cannot be read"])
        .await;
}

#[tokio::test]
async fn nothing_is_written_without_a_quota_and_a_directory_has_one_gateway() {
    let state = tempfile::tempdir().unwrap();
    let directory = state.path().join("state");
    let server = format!("stateDirectory: '{}'", directory.display());
    let rig = stateful(planned(""), &directory).await;
    assert!(!directory.exists());
    let with_quota = planned("quota: { limit: 1, period: DAY }");
    reload(&rig.gateway, &format!(", {server}"), &with_quota).unwrap();
    assert!(directory.join("usage.journal").exists());
    let second = Setup::new(with_quota.clone()).server(&server);
    let problem = second.function("backend", echo).problem().await;
    assert!(problem.contains("server.stateDirectory: "), "{problem}");
    assert!(problem.contains("another gateway"), "{problem}");

    // Another one that finds out later.
    let third = stateful(planned(""), &directory).await;
    let problems = reload(&third.gateway, &format!(", {server}"), &with_quota).unwrap_err();
    assert!(
        problems[0].to_string().contains("server.stateDirectory: "),
        "{problems:?}"
    );
    let acme = open(&third, ACME).await;
    leave(&third, acme).await;
    third.close().await;
    rig.close().await;
}

#[tokio::test]
async fn a_redeploy_keeps_buckets_and_what_was_used() {
    let state = tempfile::tempdir().unwrap();
    let fields = "throttle: { rateLimit: 0.001, burstLimit: 3 }, quota: { limit: 2, period: DAY }";
    let rig = stateful(planned(fields), state.path()).await;
    let server = format!(", stateDirectory: '{}'", state.path().display());
    let mut acme = open(&rig, ACME).await;
    served(&rig, &mut acme).await;
    reload(&rig.gateway, &server, &planned(fields)).unwrap();
    acme.send("one too many").await;
    assert_eq!(acme.error().await, "Limit Exceeded");
    // A larger quota leaves the bucket, in which there is nothing any more.
    let larger = fields.replace("limit: 2", "limit: 100");
    reload(&rig.gateway, &server, &planned(&larger)).unwrap();
    acme.send("one too many").await;
    assert_eq!(acme.error().await, "Too Many Requests");
    let both = larger.replace("burstLimit: 3", "burstLimit: 4");
    reload(&rig.gateway, &server, &planned(&both)).unwrap();
    served(&rig, &mut acme).await;
    leave(&rig, acme).await;
    rig.close().await;
}

#[tokio::test]
async fn a_key_that_is_taken_away_is_good_for_nothing_more() {
    let rig = started(planned("")).await;
    let mut acme = open(&rig, ACME).await;
    served(&rig, &mut acme).await;
    let without = planned("").replace("keys: [acme, ", "keys: [");
    reload(&rig.gateway, "", &without).unwrap();
    acme.send("hi").await;
    assert_eq!(acme.error().await, "Forbidden");
    // Where no key is asked for any more, none is missed.
    let open_to_all = without.replace(", apiKeyRequired: true", "");
    reload(&rig.gateway, "", &open_to_all).unwrap();
    served(&rig, &mut acme).await;
    leave(&rig, acme).await;
    rig.close().await;
}

#[tokio::test]
async fn logs_show_the_end_of_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let settings = format!(
        "prod: {{ accessLogSettings: {{ destinationArn: 'file:{}', format: '$context.requestId $context.identity.apiKey $context.identity.apiKeyId $context.error.responseType' }}",
        log.display()
    );
    let definition = planned("throttle: { rateLimit: 1, burstLimit: 1 }")
        .replace("prod: { tidegate", &format!("{settings}, tidegate"));
    let rig = started(definition).await;
    let mut acme = open(&rig, ACME).await;
    acme.send("too fast").await;
    let text = acme.text().await;
    assert_eq!(error_message(&text), "Too Many Requests");
    leave(&rig, acme).await;
    assert_eq!(
        rig.refused(&with_key("nobody-nobody-nobody")).await.status,
        403
    );
    rig.close().await;
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(
        lines,
        [
            "**********e-acme acme -",
            "**********e-acme acme THROTTLED",
            "**********e-acme acme -",
            "- - INVALID_API_KEY",
        ]
    );
}
