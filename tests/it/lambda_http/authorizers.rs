//! Lambda functions that decide who may call an HTTP API.

use std::time::Duration;

use serde_json::{Value, json};

use super::{check, get, settle_ids, shop, told};
use crate::harness::gateway::{START, START_CLF};
use crate::harness::{Rig, Setup, answers};

const ROUTES: &str = r#"
"GET /orders/{orderId}": { target: integrations/v2, authorizationType: CUSTOM, authorizerId: judge }
"GET /v1/{orderId}": { target: integrations/v1, authorizationType: CUSTOM, authorizerId: judge }
"GET /admin/{x}": { target: integrations/v2, authorizationType: CUSTOM, authorizerId: judge }
"GET /": { target: integrations/v2, authorizationType: CUSTOM, authorizerId: judge }
$default: { target: integrations/v2 }
"#;
const V1: &str = "authorizerPayloadFormatVersion: 1.0";
const V2: &str = "authorizerPayloadFormatVersion: 2.0";
const SIMPLE: &str = "authorizerPayloadFormatVersion: 2.0, enableSimpleResponses: true";
const YES: &str = r#"{"isAuthorized":true}"#;
/// The API's resources in policies.
const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:shop";

/// An API whose routes are guarded by the function `auth`.
pub(super) fn guarded(fields: &str) -> String {
    let authorizer = format!(
        "authorizers: {{ judge: {{ authorizerType: REQUEST, authorizerUri: \"function:auth\", {fields} }} }}"
    );
    shop(ROUTES, &authorizer)
}

async fn judging(fields: &str, output: Value) -> Rig {
    Setup::new(guarded(fields))
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", answers(output))
        .start()
        .await
}

fn policy(effect: &str, resource: &str) -> Value {
    json!({
        "principalId": "u-1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource }],
        },
    })
}

fn yes() -> Value {
    serde_json::from_str(YES).unwrap()
}

const FIELDS: [(&str, &str); 3] = [
    ("User-Agent", "curl/8.7.1"),
    ("Cookie", "sid=4f2a; theme=dark"),
    ("X-Tenant", "tenant-3"),
];

#[tokio::test]
async fn the_event_in_format_2() {
    let sources = "identitySource: [$request.header.cookie, $request.header.x-tenant, $request.querystring.q, $context.routeKey, $stageVariables.tier]";
    let definition = guarded(&format!("{SIMPLE}, {sources}")).replace(
        "$default: {}",
        "$default: { stageVariables: { tier: iron } }",
    );
    let rig = Setup::new(definition)
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", answers(yes()))
        .start()
        .await;
    let response = get(&rig, "/orders/A%207?q=a+b&q=c&r", &FIELDS).await;
    assert_eq!(response.status, 200);
    let mut event = rig.event("auth").await;
    let id = settle_ids(&mut event, &["requestId"]);
    assert_eq!(response.header("apigw-requestid"), Some(id.as_str()));
    let port = rig.address().port().to_string();
    let expected = json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": format!("{ARN}/$default/GET/orders/A 7"),
        "identitySource": ["sid=4f2a; theme=dark", "tenant-3", "a b,c", "GET /orders/{orderId}", "iron"],
        "routeKey": "GET /orders/{orderId}",
        "rawPath": "/orders/A 7",
        "rawQueryString": "q=a+b&q=c&r",
        "cookies": ["sid=4f2a", "theme=dark"],
        "headers": {
            "content-length": "0",
            "host": "gateway.test",
            "user-agent": "curl/8.7.1",
            "x-amzn-trace-id": "TRACE",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": port,
            "x-forwarded-proto": "http",
            "x-tenant": "tenant-3",
        },
        "queryStringParameters": { "q": "a b,c", "r": "" },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "shop",
            "domainName": "gateway.test",
            "domainPrefix": "gateway",
            "http": {
                "method": "GET", "path": "/orders/A 7", "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "curl/8.7.1",
            },
            "requestId": "ID",
            "routeKey": "GET /orders/{orderId}",
            "stage": "$default",
            "time": START_CLF,
            "timeEpoch": START,
        },
        "pathParameters": { "orderId": "A 7" },
        "stageVariables": { "tier": "iron" },
    });
    check(&event, &expected);
    rig.event("backend").await;
    rig.close().await;
}

#[tokio::test]
async fn the_event_in_format_1() {
    let sources = "identitySource: [$request.header.x-tenant, $request.querystring.q]";
    let rig = judging(&format!("{V1}, {sources}"), policy("Allow", "*")).await;
    let response = get(&rig, "/dev/v1/A%207?q=a+b&q=c", &FIELDS).await;
    assert_eq!(response.status, 200);
    let mut event = rig.event("auth").await;
    settle_ids(&mut event, &["requestId"]);
    let port = rig.address().port().to_string();
    let expected = json!({
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": format!("{ARN}/dev/GET/v1/A 7"),
        "identitySource": "tenant-3,a b,c",
        "authorizationToken": "tenant-3,a b,c",
        "resource": "/v1/{orderId}",
        "path": "/dev/v1/A%207",
        "httpMethod": "GET",
        "headers": {
            "Content-Length": "0",
            "Host": "gateway.test",
            "User-Agent": "curl/8.7.1",
            "X-Amzn-Trace-Id": "TRACE",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": port,
            "X-Forwarded-Proto": "http",
            "X-Tenant": "tenant-3",
            "Cookie": "sid=4f2a; theme=dark",
        },
        "queryStringParameters": { "q": "c" },
        "pathParameters": { "orderId": "A 7" },
        "stageVariables": { "backend": "blue", "tier": "gold" },
        "requestContext": {
            "path": "/dev/v1/A 7",
            "accountId": "000000000000",
            "resourceId": "GET /v1/{orderId}",
            "stage": "dev",
            "requestId": "ID",
            "identity": { "sourceIp": "127.0.0.1" },
            "resourcePath": "/v1/{orderId}",
            "httpMethod": "GET",
            "apiId": "shop",
        },
    });
    check(&event, &expected);
    rig.event("backend").await;
    rig.close().await;
}

#[tokio::test]
async fn without_identity_sources_there_is_null() {
    let rig = judging(V2, policy("Allow", "*")).await;
    assert_eq!(get(&rig, "/", &[]).await.status, 200);
    let event = rig.event("auth").await;
    assert_eq!(event.get("identitySource"), Some(&Value::Null));
    assert_eq!(event["routeArn"], format!("{ARN}/$default/GET/"));
    rig.event("backend").await;
    rig.close().await;
    let rig = judging(V1, policy("Allow", "*")).await;
    assert_eq!(get(&rig, "/", &[]).await.status, 200);
    let event = rig.event("auth").await;
    assert_eq!(event.get("identitySource"), Some(&Value::Null));
    assert_eq!(event.get("authorizationToken"), Some(&Value::Null));
    rig.event("backend").await;
    rig.close().await;
}

/// Vector 18 of the wire specification.
#[tokio::test]
async fn without_an_identity_source_it_is_401_and_nobody_is_asked() {
    let sources = "identitySource: [$request.header.x-tenant, $request.querystring.q]";
    let rig = judging(&format!("{SIMPLE}, {sources}"), yes()).await;
    let refused = async |target: &str, headers: &[(&str, &str)]| {
        let response = get(&rig, target, headers).await;
        assert_eq!(told(&response), (401, "Unauthorized".into()), "{target}");
        assert_eq!(response.header("www-authenticate"), None);
    };
    let tenant = [("X-Tenant", "a")];
    refused("/orders/7", &[]).await;
    refused("/orders/7?q=1", &[]).await;
    refused("/orders/7?q=1", &[("X-Tenant", "")]).await;
    refused("/orders/7?q=1", &[("X-Tenant", "a"), ("X-Tenant", "")]).await;
    refused("/orders/7", &tenant).await;
    refused("/orders/7?q=", &tenant).await;
    refused("/orders/7?Q=1", &tenant).await;
    assert_eq!(rig.calls("auth"), 0);
    assert_eq!(get(&rig, "/orders/7?q=1", &tenant).await.status, 200);
    rig.event("auth").await;
    rig.event("backend").await;
    // A route without the authorizer asks for nothing.
    assert_eq!(get(&rig, "/open", &[]).await.status, 200);
    rig.event("backend").await;
    rig.close().await;
}

#[tokio::test]
async fn answers_decide() {
    let check = async |fields: &str, output: Value, expected: u16| {
        let rig = judging(fields, output.clone()).await;
        let response = get(&rig, "/orders/7", &[]).await;
        rig.event("auth").await;
        assert_eq!(response.status, expected, "{fields} {output}");
        let warnings: &[&str] = match expected {
            200 => {
                rig.event("backend").await;
                &[]
            }
            403 => {
                assert_eq!(told(&response).1, "Forbidden");
                &[]
            }
            _ => {
                assert_eq!(told(&response).1, "Internal Server Error");
                &["AUTHORIZER_CONFIGURATION_ERROR"]
            }
        };
        rig.close_after(warnings).await;
    };
    check(SIMPLE, yes(), 200).await;
    check(SIMPLE, json!({ "isAuthorized": false }), 403).await;
    check(SIMPLE, json!({ "isAuthorized": "true" }), 500).await;
    // Vector 19.
    check(SIMPLE, json!({}), 500).await;
    check(SIMPLE, json!(true), 500).await;
    check(SIMPLE, policy("Allow", "*"), 500).await;
    check(
        SIMPLE,
        json!({ "isAuthorized": true, "context": { "claims": {} } }),
        500,
    )
    .await;
    let own = format!("{ARN}/$default/GET/orders/7");
    for format in [V1, V2] {
        check(format, policy("Allow", &own), 200).await;
        check(
            format,
            policy("Allow", &format!("{ARN}/*/GET/orders/*")),
            200,
        )
        .await;
        check(
            format,
            policy("Allow", &format!("{ARN}/$default/POST/orders/7")),
            403,
        )
        .await;
        check(
            format,
            policy("Allow", &format!("{ARN}/dev/GET/orders/7")),
            403,
        )
        .await;
        check(
            format,
            policy("Allow", &format!("{ARN}/$default/GET/orders/{{orderId}}")),
            403,
        )
        .await;
        check(format, policy("Deny", "*"), 403).await;
        check(format, yes(), 500).await;
        check(format, json!(null), 500).await;
        check(format, json!({ "principalId": "u-1" }), 500).await;
    }
}

#[tokio::test]
async fn functions_that_fail() {
    let rig = Setup::new(guarded(V2))
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", |event: Value| async move {
            match event["queryStringParameters"]["how"].as_str() {
                Some("hang") => std::future::pending().await,
                how => Err(how.unwrap_or_default().to_owned()),
            }
        })
        .start()
        .await;
    let check = async |how: &str, expected: (u16, &str)| {
        let response = get(&rig, &format!("/orders/7?how={how}"), &[]).await;
        assert_eq!(
            told(&response),
            (expected.0, expected.1.to_owned()),
            "{how}"
        );
        assert_eq!(response.header("www-authenticate"), None);
        rig.event("auth").await;
    };
    check("Unauthorized", (401, "Unauthorized")).await;
    for how in ["unauthorized", "boom", "Unauthorized."] {
        check(how, (500, "Internal Server Error")).await;
    }
    let waiting = get(&rig, "/orders/7?how=hang", &[]);
    let passing = async {
        rig.event("auth").await;
        rig.advance(Duration::from_millis(9_999));
        rig.settle_tasks().await;
        rig.advance(Duration::from_millis(1));
    };
    let (response, ()) = tokio::join!(waiting, passing);
    assert_eq!(told(&response), (500, "Internal Server Error".into()));
    assert_eq!(rig.calls("backend"), 0);
    rig.close_after(&["AUTHORIZER_FAILURE"]).await;
}

#[tokio::test]
async fn what_the_function_found_out_reaches_the_integration() {
    let context =
        json!({ "tenant": "acme", "level": 3, "deep": { "list": [1, null, "x"] }, "no": null });
    let found = async |fields: &str, output: Value, target: &str| {
        let rig = judging(fields, output).await;
        assert_eq!(get(&rig, target, &[]).await.status, 200);
        rig.event("auth").await;
        let event = rig.event("backend").await;
        rig.close().await;
        event["requestContext"]["authorizer"].clone()
    };
    let simple = json!({ "isAuthorized": true, "context": context });
    let allowed = |context: &Value| {
        let mut output = policy("Allow", "*");
        output["context"] = context.clone();
        output
    };
    check(
        &found(SIMPLE, simple.clone(), "/orders/7").await,
        &json!({ "lambda": context }),
    );
    check(
        &found(SIMPLE, yes(), "/orders/7").await,
        &json!({ "lambda": null }),
    );
    check(
        &found(V1, allowed(&context), "/orders/7").await,
        &json!({ "lambda": context }),
    );
    // In events of format 1.0 the context lies flat beside the principal.
    let mut flat = json!({ "principalId": "u-1" });
    for (name, value) in context.as_object().unwrap() {
        flat[name] = value.clone();
    }
    check(&found(V2, allowed(&context), "/v1/7").await, &flat);
    check(&found(SIMPLE, simple, "/v1/7").await, &context);
    let principal = json!({ "principalId": "u-1" });
    let pretender = json!({ "principalId": "somebody" });
    check(&found(V2, allowed(&pretender), "/v1/7").await, &principal);
    check(&found(V2, policy("Allow", "*"), "/v1/7").await, &principal);
}

/// What a backend may read as another path has to be allowed in both readings.
#[tokio::test]
async fn every_reading_of_a_path_is_judged() {
    let one = format!("{ARN}/$default/GET/orders/a*");
    let rig = judging(V2, policy("Allow", &one)).await;
    let check = async |target: &str, expected: u16| {
        let response = get(&rig, target, &[]).await;
        assert_eq!(response.status, expected, "{target}");
        if expected == 200 {
            rig.event("backend").await;
        }
        rig.event("auth").await;
    };
    check("/orders/a", 200).await;
    check("/orders/a%2Fb", 200).await;
    check("/orders/a%2F%2Fb", 200).await;
    check("/orders/%2Fa", 403).await;
    check("/orders/b", 403).await;
    rig.close().await;
}

#[tokio::test]
async fn context_is_for_access_logs_and_a_deny_has_its_reason() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let format = r#"$context.authorizer.principalId $context.authorizer.tenant $context.status [$context.authorizer.error]"#;
    let stage = format!(
        "$default: {{ accessLogSettings: {{ destinationArn: \"file:{}\", format: '$context.requestId {format}' }} }}",
        log.path().display()
    );
    let mut output = policy("Allow", &format!("{ARN}/*/orders/*"));
    output["context"] = json!({ "tenant": "acme" });
    let rig = Setup::new(guarded(V2).replace("$default: {}", &stage))
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", answers(output))
        .start()
        .await;
    assert_eq!(get(&rig, "/orders/7", &[]).await.status, 200);
    assert_eq!(get(&rig, "/admin/7", &[]).await.status, 403);
    rig.event("auth").await;
    rig.event("auth").await;
    rig.event("backend").await;
    rig.close().await;
    let text = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| Some(line.split_once(' ')?.1))
        .collect();
    let reason = "the authorizer's policy does not allow it";
    assert_eq!(
        lines,
        ["u-1 acme 200 [-]", format!("- - 403 [{reason}]").as_str()]
    );
}
