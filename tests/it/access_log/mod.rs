//! Access logs in a file: one line for each event, with every variable there is.

mod http;

use std::path::Path;

use serde_json::{Value, json};
use tidegate::lang::context_names::{Protocol, Reach, names};

use crate::harness::ws_client::{is_id, status};
use crate::harness::{Handshake, Rig, Setup, answers, chat};

/// A format in JSON with these variables, each under its name.
fn format_of(names: &[&str]) -> String {
    let fields = names.iter().map(|name| match *name {
        // It has its own quotes.
        "error.messageString" => format!("\"{name}\":$context.{name}"),
        name => format!("\"{name}\":\"$context.{name}\""),
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn stage(format: &str, file: &Path) -> String {
    let settings =
        json!({ "destinationArn": format!("file:{}", file.display()), "format": format });
    format!("{{ accessLogSettings: {settings} }}")
}

/// Stops the gateway, so that everything is written, and reads the lines.
async fn lines(rig: Rig, file: &Path, warnings: &[&str]) -> Vec<Value> {
    rig.close_after(warnings).await;
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.ends_with('\n'));
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// Every field of `expected` is in `line` as it stands there.
fn check(line: &Value, expected: Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} in {line}");
    }
}

/// An API with an authorizer in front.
fn guarded(stage: &str) -> String {
    chat(stage).replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, authorizationType: CUSTOM, authorizerId: tokens }",
    ) + "    authorizers: { tokens: { authorizerType: REQUEST, authorizerUri: \"function:authorizer\" } }\n"
}

fn allowing(event: Value) -> futures_util::future::Ready<Result<Value, String>> {
    let answer = json!({
        "principalId": "user-42",
        "policyDocument": { "Version": "2012-10-17", "Statement": [
            { "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"] },
        ] },
        "context": { "tenant": "acme" },
    });
    futures_util::future::ready(Ok(answer))
}

#[tokio::test]
async fn every_variable_of_every_event() {
    let directory = tempfile::tempdir().unwrap();
    // One format holds 3 KB, so two stages share the names.
    let names: Vec<_> = names(Protocol::WebSocket, Reach::AccessLog)
        .chain(["authorizer.tenant"])
        .collect();
    let (first, second) = names.split_at(names.len() / 2);
    let mut seen = Vec::new();
    for names in [first, second] {
        let file = directory.path().join(format!("{}.log", names[0]));
        let mut with_id = names.to_vec();
        with_id.push("extendedRequestId");
        with_id.sort_unstable();
        with_id.dedup();
        let rig = Setup::new(guarded(&stage(&format_of(&with_id), &file)))
            .function("authorizer", allowing)
            .function(
                "backend",
                answers(json!({ "statusCode": 202, "body": "answer" })),
            )
            .manual()
            .start()
            .await;
        let handshake = Handshake::new("/prod").header("User-Agent", "example-client/1.0");
        let mut client = rig.connect(&handshake).await;
        rig.event("authorizer").await;
        client.ask(r#"{"action":"ask"}"#).await;
        client.close(&status(4001, "bye")).await;
        for _ in 0..3 {
            rig.event("backend").await;
        }
        let lines = lines(rig, &file, &[]).await;
        assert_eq!(lines.len(), 3);
        seen.push(lines);
    }
    let whole = |event: usize| {
        let mut fields = seen[0][event].as_object().unwrap().clone();
        fields.extend(seen[1][event].as_object().unwrap().clone());
        Value::Object(fields)
    };
    let [connect, message, disconnect] = [whole(0), whole(1), whole(2)];
    for (line, kind, route, code) in [
        (&connect, "CONNECT", "$connect", "101"),
        (&message, "MESSAGE", "ask", "202"),
        (&disconnect, "DISCONNECT", "$disconnect", "202"),
    ] {
        assert_eq!(line.as_object().unwrap().len(), names.len());
        check(
            line,
            json!({
                "eventType": kind,
                "routeKey": route,
                "status": code,
                "apiId": "chat",
                "stage": "prod",
                "domainName": "gateway.test",
                "connectedAt": "1773303330101",
                "requestTime": "12/Mar/2026:08:15:30 +0000",
                "requestTimeEpoch": "1773303330101",
                "identity.sourceIp": "127.0.0.1",
                "identity.userAgent": "example-client/1.0",
                "identity.accountId": "-",
                "identity.apiKey": "-",
                "authorizer.principalId": "user-42",
                "authorizer.tenant": "acme",
                "integration.status": "202",
                "integrationStatus": "202",
                "integration.integrationStatus": "200",
                "integration.latency": "0",
                "integrationLatency": "0",
                "integration.error": "-",
                "integrationErrorMessage": "-",
                "error.message": "-",
                "error.messageString": "-",
                "error.responseType": "-",
                "error.validationErrorString": "-",
                "waf.error": "-",
                "waf.status": "-",
                "waf.latency": "-",
            }),
        );
        assert!(is_id(line["connectionId"].as_str().unwrap()));
        assert!(is_id(line["extendedRequestId"].as_str().unwrap()));
        for name in ["integration.requestId", "awsEndpointRequestId"] {
            assert!(is_id(line[name].as_str().unwrap()), "{name} in {line}");
        }
    }
    assert!(is_id(message["messageId"].as_str().unwrap()));
    check(
        &connect,
        json!({ "messageId": "-", "authorizer.status": "200", "authorizer.error": "-", "authorizer.integrationStatus": "200" }),
    );
    check(&message, json!({ "authorizer.status": "-" }));
}

const SHORT: [&str; 8] = [
    "requestId",
    "routeKey",
    "status",
    "error.message",
    "error.responseType",
    "integration.error",
    "integration.status",
    "integration.integrationStatus",
];

#[tokio::test]
async fn what_went_wrong_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let definition =
        chat(&stage(&format_of(&SHORT), &file)).replace("      $default:", "      other:");
    let rig = Setup::new(definition)
        .function("backend", |event: Value| {
            let answer = match event["body"].as_str() {
                None => Ok(json!({ "statusCode": 200 })),
                Some(text) if text.contains("fail") => Err("out of order".to_owned()),
                Some(_) => Ok(json!("no answer")),
            };
            futures_util::future::ready(answer)
        })
        .start()
        .await;
    let mut client = rig.open().await;
    for text in [
        r#"{"action":"nowhere"}"#,
        r#"{"action":"ask","do":"fail"}"#,
        r#"{"action":"tell"}"#,
    ] {
        client.send(text).await;
        client.error().await;
    }
    client.leave().await;
    for _ in 0..4 {
        rig.event("backend").await;
    }
    let lines = lines(rig, &file, &["INTEGRATION_FAILURE"]).await;
    assert_eq!(lines.len(), 5);
    check(
        &lines[1],
        json!({ "routeKey": "-", "status": "404", "error.message": "Forbidden", "error.responseType": "RESOURCE_NOT_FOUND", "integration.error": "-" }),
    );
    check(
        &lines[2],
        json!({ "routeKey": "ask", "error.message": "Internal server error", "error.responseType": "INTEGRATION_FAILURE", "integration.integrationStatus": "200" }),
    );
    let told = lines[2]["integration.error"].as_str().unwrap();
    assert!(told.contains("out of order"), "{told}");
    let told = lines[3]["integration.error"].as_str().unwrap();
    assert!(told.contains("not a JSON object"), "{told}");
}

#[tokio::test]
async fn a_refused_handshake_has_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let rig = Setup::new(chat(&stage(&format_of(&SHORT), &file)))
        .function(
            "backend",
            answers(json!({ "statusCode": 401, "body": "no" })),
        )
        .start()
        .await;
    assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 401);
    rig.event("backend").await;
    let lines = lines(rig, &file, &[]).await;
    assert_eq!(lines.len(), 1);
    check(
        &lines[0],
        json!({ "routeKey": "$connect", "status": "401", "integration.status": "401", "error.message": "-" }),
    );
}

#[tokio::test]
async fn who_signed_is_told_and_why_an_authorizer_failed() {
    use crate::harness::signer::{KEY_ID, SECRET, Signer};

    const WHO: [&str; 11] = [
        "requestId",
        "status",
        "authenticate.error",
        "authenticate.status",
        "authenticate.latency",
        "authorize.status",
        "identity.accountId",
        "identity.caller",
        "identity.user",
        "identity.userArn",
        "authorizer.principalId",
    ];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("signed.log");
    let key = format!(
        "credentials: [{{ accessKeyId: {KEY_ID}, secretAccessKey: \"{SECRET}\", userName: guest }}]\n"
    );
    let signed = chat(&stage(&format_of(&WHO), &file)).replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, authorizationType: AWS_IAM }",
    );
    let rig = Setup::new(key + &signed)
        .function("backend", crate::harness::echo)
        .manual()
        .start()
        .await;
    let signature = Signer::default().sign("GET", "/prod", &[], b"");
    let handshake = signature.headers.iter();
    let handshake = handshake.fold(Handshake::new("/prod"), |handshake, (name, value)| {
        handshake.header(name, value)
    });
    let client = rig.connect(&handshake).await;
    rig.event_of("CONNECT").await;
    client.leave().await;
    rig.event_of("DISCONNECT").await;
    assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 403);
    let told = lines(rig, &file, &[]).await;
    let guest = json!({
        "identity.accountId": "000000000000",
        "identity.caller": KEY_ID,
        "identity.user": KEY_ID,
        "identity.userArn": "arn:aws:iam::000000000000:user/guest",
        "authorizer.principalId": "-",
    });
    check(&told[0], guest.clone());
    check(&told[1], guest);
    // Both steps are of the handshake.
    let passed = json!({ "authenticate.error": "-", "authenticate.status": "200", "authenticate.latency": "0", "authorize.status": "200" });
    check(&told[0], passed);
    let later = json!({ "authenticate.status": "-", "authorize.status": "-" });
    check(&told[1], later);
    check(
        &told[2],
        json!({ "status": "403", "identity.userArn": "-", "authenticate.status": "403", "authorize.status": "-" }),
    );

    const WHY: [&str; 6] = [
        "requestId",
        "status",
        "error.responseType",
        "authorizer.status",
        "authorizer.error",
        "authorizer.integrationStatus",
    ];
    let file = directory.path().join("failed.log");
    let rig = Setup::new(guarded(&stage(&format_of(&WHY), &file)))
        .function("backend", crate::harness::echo)
        .function("authorizer", |_| {
            futures_util::future::ready(Err("out of order".to_owned()))
        })
        .start()
        .await;
    assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 500);
    rig.event("authorizer").await;
    let told = lines(rig, &file, &["AUTHORIZER_FAILURE"]).await;
    check(
        &told[0],
        json!({
            "status": "500",
            "error.responseType": "AUTHORIZER_FAILURE",
            "authorizer.status": "500",
            "authorizer.integrationStatus": "200",
        }),
    );
    let why = told[0]["authorizer.error"].as_str().unwrap();
    assert!(why.contains("out of order"), "{why}");
}

#[tokio::test]
async fn nothing_a_client_sends_makes_a_second_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let format = r#"{"agent":"$context.identity.userAgent","id":"$context.requestId","host":"$context.domainName"}"#;
    let rig = Setup::new(chat(&stage(format, &file)))
        .function("backend", crate::harness::echo)
        .start()
        .await;
    let agents = [
        "\"} {\"agent\":\"forged",
        "a\\",
        "tab\there",
        "\u{2028}",
        "$context.requestId",
    ];
    for agent in agents {
        let client = rig
            .connect(&Handshake::new("/prod").header("User-Agent", agent))
            .await;
        rig.event("backend").await;
        client.leave().await;
        rig.event("backend").await;
    }
    let lines = lines(rig, &file, &[]).await;
    assert_eq!(lines.len(), 2 * agents.len());
    for (line, agent) in lines
        .iter()
        .zip(agents.iter().flat_map(|agent| [agent, agent]))
    {
        assert_eq!(line["agent"], *agent);
    }
}

#[tokio::test]
async fn a_moved_file_is_opened_anew_by_a_reload() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let definition = chat(&stage(&format_of(&SHORT), &file));
    let rig = Setup::new(definition.clone())
        .function("backend", crate::harness::echo)
        .start()
        .await;
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    crate::harness::eventually("the first line", || {
        file.exists() && std::fs::metadata(&file).unwrap().len() > 0
    })
    .await;
    let old = directory.path().join("access.log.1");
    std::fs::rename(&file, &old).unwrap();
    crate::reload::reload(&rig.gateway, "", &definition).unwrap();
    client.leave().await;
    rig.event_of("DISCONNECT").await;
    let lines = lines(rig, &file, &[]).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["routeKey"], "$disconnect");
    assert_eq!(std::fs::read_to_string(&old).unwrap().lines().count(), 1);
}
