//! Access logs of HTTP APIs.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};
use tidegate::lang::context_names::{Protocol, Reach, names};

use super::{check, format_of, lines};
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::http_client::{request, send};
use crate::harness::issuer::Issuer;
use crate::harness::ws_client::is_id;
use crate::harness::{Rig, Setup};

/// Each of the two usual layouts, as the developer guide has them.
const CLF: &str = r#"$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod $context.routeKey $context.protocol" $context.status $context.responseLength $context.requestId"#;
const JSON: &str = r#"{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","status":"$context.status","routeKey":"$context.routeKey"}"#;

/// An API `shop` with the stage `prod` that writes its log to `file` in this format.
fn shop(backend: &FakeHttp, issuer: &Issuer, format: &str, file: &std::path::Path) -> String {
    let settings =
        json!({ "destinationArn": format!("file:{}", file.display()), "format": format });
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    routes:
      POST /things/{{id}}: {{ target: integrations/things, authorizationType: JWT, authorizerId: login }}
      GET /open/{{proxy+}}: {{ target: integrations/things }}
      GET /locked: {{ target: integrations/things, authorizationType: AWS_IAM }}
      GET /full: {{ target: integrations/things }}
      GET /down: {{ target: integrations/down }}
      GET /own: {{ target: integrations/own }}
    integrations:
      things: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{}" }}
      down: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "http://127.0.0.1:1/" }}
      own: {{ integrationType: AWS_PROXY, integrationUri: "function:own", payloadFormatVersion: "2.0" }}
    authorizers:
      login: {{ authorizerType: JWT, identitySource: ["$request.header.Authorization"], jwtConfiguration: {{ issuer: "{}", audience: [web] }} }}
    stages:
      prod:
        routeSettings: {{ GET /full: {{ throttlingRateLimit: 0, throttlingBurstLimit: 0 }} }}
        accessLogSettings: {settings}
"#,
        backend.url("/backend"),
        issuer.url()
    )
}

async fn backend() -> FakeHttp {
    FakeHttp::start(|_: &Recorded| {
        let response = Response::builder()
            .status(201)
            .header("x-amzn-requestid", "first-id")
            .header("x-amz-id-2", "second-id");
        Some(response.body(Bytes::from_static(b"made")).unwrap())
    })
    .await
}

async fn start(format: &str, file: &std::path::Path) -> (Rig, FakeHttp, Issuer) {
    let (backend, issuer) = (backend().await, Issuer::start().await);
    let rig = Setup::new(shop(&backend, &issuer, format, file))
        .function("own", |_| {
            futures_util::future::ready(Ok(json!({ "statusCode": 418, "body": "tea" })))
        })
        .manual()
        .start()
        .await;
    (rig, backend, issuer)
}

async fn get(rig: &Rig, path: &str, headers: &[(&str, &str)]) -> u16 {
    let request = request("GET", path, headers, b"");
    send(rig.address(), &request).await.status
}

#[tokio::test]
async fn every_variable_of_a_request() {
    let directory = tempfile::tempdir().unwrap();
    // One format holds 3 KB, so two gateways share the names.
    let names: Vec<_> = names(Protocol::Http, Reach::AccessLog)
        .chain([
            "authorizer.claims.sub",
            "authorizer.claims.groups",
            "authorizer.sub",
        ])
        .collect();
    let (first, second) = names.split_at(names.len() / 2);
    let mut line = serde_json::Map::new();
    for names in [first, second] {
        let file = directory.path().join(names[0]);
        let mut with_id = names.to_vec();
        with_id.push("requestId");
        with_id.sort_unstable();
        with_id.dedup();
        let (rig, backend, issuer) = start(&format_of(&with_id), &file).await;
        let token = issuer.token(json!({ "groups": ["a", "b"] }));
        let headers = [
            ("Authorization", &*format!("Bearer {token}")),
            ("User-Agent", "example-client/1.0"),
            (
                "X-Amzn-Trace-Id",
                "Root=1-67891233-abcdef012345678912345678",
            ),
        ];
        let post = request("POST", "/prod/things/a%20b?x=1", &headers, b"twelve bytes");
        assert_eq!(send(rig.address(), &post).await.status, 201);
        backend.request().await;
        let told = lines(rig, &file, &[]).await;
        assert_eq!(told.len(), 1);
        line.extend(told[0].as_object().unwrap().clone());
    }
    assert_eq!(line.len(), names.len());
    for name in ["requestId", "extendedRequestId"] {
        let id = line.remove(name).unwrap();
        assert!(is_id(id.as_str().unwrap()), "{name} {id}");
    }
    let known = [
        ("accountId", "000000000000"),
        ("apiId", "shop"),
        ("authorizer.claims.groups", "[a b]"),
        ("authorizer.claims.sub", "u-1"),
        ("awsEndpointRequestId", "first-id"),
        ("awsEndpointRequestId2", "second-id"),
        ("dataProcessed", "16"),
        ("domainName", "gateway.test"),
        ("domainPrefix", "gateway"),
        ("httpMethod", "POST"),
        ("identity.sourceIp", "127.0.0.1"),
        ("identity.userAgent", "example-client/1.0"),
        ("integration.integrationStatus", "201"),
        ("integration.latency", "0"),
        ("integration.requestId", "first-id"),
        ("integration.status", "201"),
        ("integrationLatency", "0"),
        ("integrationStatus", "201"),
        ("path", "/prod/things/a b"),
        ("protocol", "HTTP/1.1"),
        ("requestTime", crate::harness::gateway::START_CLF),
        ("requestTimeEpoch", "1773303330101"),
        ("responseLatency", "0"),
        ("responseLength", "4"),
        ("routeKey", "POST /things/{id}"),
        ("stage", "prod"),
        ("status", "201"),
        ("xrayTraceId", "1-67891233-abcdef012345678912345678"),
    ];
    for (name, value) in known {
        assert_eq!(line.remove(name).unwrap(), value, "{name}");
    }
    // The rest is of other kinds of caller, of failures, and of custom domains.
    for (name, value) in line {
        assert_eq!(value, "-", "{name}");
    }
}

#[tokio::test]
async fn what_went_wrong_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let format = format_of(&[
        "requestId",
        "status",
        "routeKey",
        "path",
        "responseLength",
        "error.message",
        "error.messageString",
        "error.responseType",
        "integration.error",
        "integration.integrationStatus",
        "integration.status",
        "integrationStatus",
        "authorizer.error",
    ]);
    let (rig, _backend, _issuer) = start(&format, &file).await;
    assert_eq!(get(&rig, "/prod/nowhere", &[]).await, 404);
    assert_eq!(get(&rig, "/prod/locked", &[]).await, 403);
    assert_eq!(get(&rig, "/prod/full", &[]).await, 429);
    assert_eq!(get(&rig, "/prod/open/%0aforged", &[]).await, 400);
    assert_eq!(get(&rig, "/prod/down", &[]).await, 503);
    let post = request("POST", "/prod/things/1", &[], b"");
    assert_eq!(send(rig.address(), &post).await.status, 401);
    assert_eq!(get(&rig, "/prod/own", &[]).await, 418);
    rig.event("own").await;
    let told = lines(rig, &file, &["INTEGRATION_FAILURE"]).await;
    assert_eq!(told.len(), 7);
    let failed = |line: &Value, status: &str, route: &str, message: &str, kind: &str| {
        check(
            line,
            json!({
                "status": status,
                "routeKey": route,
                "error.message": message,
                "error.messageString": message,
                "error.responseType": kind,
                "responseLength": (message.len() + 14).to_string(),
            }),
        );
    };
    failed(&told[0], "404", "-", "Not Found", "RESOURCE_NOT_FOUND");
    check(&told[0], json!({ "path": "/prod/nowhere" }));
    let unsigned = "MISSING_AUTHENTICATION_TOKEN";
    failed(&told[1], "403", "GET /locked", "Forbidden", unsigned);
    failed(
        &told[2],
        "429",
        "GET /full",
        "Too Many Requests",
        "THROTTLED",
    );
    failed(&told[3], "400", "-", "Bad Request", "DEFAULT_4XX");
    check(&told[3], json!({ "path": "/prod/open/%0aforged" }));
    let down = "Service Unavailable";
    failed(&told[4], "503", "GET /down", down, "INTEGRATION_FAILURE");
    let why = told[4]["integration.error"].as_str().unwrap();
    assert!(why.contains("backend"), "{why}");
    let route = "POST /things/{id}";
    failed(&told[5], "401", route, "Unauthorized", "UNAUTHORIZED");
    let missing = json!({ "authorizer.error": "missing: token not provided" });
    check(&told[5], missing);
    // AWS: the status of the call to Lambda, and that of the function's answer.
    let own = json!({
        "status": "418",
        "integration.status": "418",
        "integration.integrationStatus": "200",
        "integrationStatus": "200",
        "error.message": "-",
        "responseLength": "3",
    });
    check(&told[6], own);
}

#[tokio::test]
async fn the_usual_layouts() {
    let directory = tempfile::tempdir().unwrap();
    for (format, expected) in [
        (
            CLF,
            r#"127.0.0.1 - - [12/Mar/2026:08:15:30 +0000] "GET GET /open/{proxy+} HTTP/1.1" 201 4 ID"#,
        ),
        (
            JSON,
            r#"{"requestId":"ID","ip":"127.0.0.1","status":"201","routeKey":"GET /open/{proxy+}"}"#,
        ),
    ] {
        let file = directory.path().join(format!("{}.log", format.len()));
        let (rig, backend, _issuer) = start(format, &file).await;
        let get = request("GET", "/prod/open/a", &[], b"");
        let answer = send(rig.address(), &get).await;
        backend.request().await;
        let id = answer.header("apigw-requestid").unwrap().to_owned();
        rig.close().await;
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("{}\n", expected.replace("ID", &id)));
    }
}

#[tokio::test]
async fn nothing_a_client_sends_makes_a_line_or_a_field() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    // Quoted fields, and at the end one without quotes.
    let format = r#"{"id":"$context.requestId","agent":"$context.identity.userAgent","path":"$context.path","sub":"$context.authorizer.claims.sub"} $context.identity.userAgent"#;
    let (rig, backend, issuer) = start(format, &file).await;
    let agents = [
        "\"} {\"id\":\"forged\"",
        "\",\"status\":\"200",
        "\\",
        "\\\"",
        "\\u0022,\\u0022",
        "a\tb",
        "${context.requestId}",
        "%0d%0aforged",
        "\u{85}forged",
        "\u{2028}forged\u{2029}",
        "\u{9b}31mred",
        "</id><id>",
        "'; DROP TABLE log; --",
        "=cmd|' /C calc'!A0",
    ];
    let paths = [
        "%22%7D%20%7B%22id%22:%22forged%22",
        "%5C",
        "%E2%80%A8forged",
        "a%22,%22b",
    ];
    let subjects = [
        "a\nforged",
        "a\r\nforged",
        "\u{0}",
        "\u{1b}[31m",
        "\"}\n{\"id\":\"forged",
        "\u{7f}",
        "\\",
    ];
    for agent in agents {
        let status = get(&rig, "/prod/open/a", &[("User-Agent", agent)]).await;
        assert_eq!(status, 201, "{agent}");
    }
    for path in paths {
        let status = get(&rig, &format!("/prod/open/{path}"), &[]).await;
        assert!([201, 400].contains(&status), "{path}: {status}");
    }
    for subject in subjects {
        let token = issuer.token(json!({ "sub": subject }));
        let headers = [("Authorization", &*format!("Bearer {token}"))];
        let post = request("POST", "/prod/things/1", &headers, b"");
        assert_eq!(send(rig.address(), &post).await.status, 201, "{subject:?}");
    }
    for _ in 0..backend.calls() {
        backend.request().await;
    }
    rig.close().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let told: Vec<_> = text.lines().collect();
    assert_eq!(told.len(), agents.len() + paths.len() + subjects.len());
    let controls = |text: &str| {
        text.chars()
            .any(|c| c.is_control() || "\u{2028}\u{2029}".contains(c))
    };
    for (number, line) in told.iter().enumerate() {
        assert!(!controls(line), "{line:?}");
        let mut values = serde_json::Deserializer::from_str(line).into_iter::<Value>();
        let Some(Ok(fields)) = values.next() else {
            panic!("{line}");
        };
        assert_eq!(fields.as_object().unwrap().len(), 4, "{line}");
        let bare = line.get(values.byte_offset()..).unwrap();
        if let Some(agent) = agents.get(number) {
            assert_eq!(fields["agent"], *agent);
            if !controls(agent) {
                // AWS: values are written as they are.
                assert_eq!(bare, format!(" {agent}"));
            }
        }
    }
    let last: Value = {
        let line = told.last().unwrap();
        let mut values = serde_json::Deserializer::from_str(line).into_iter::<Value>();
        values.next().unwrap().unwrap()
    };
    assert_eq!(last["sub"], *subjects.last().unwrap());
}
