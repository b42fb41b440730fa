//! The test vectors of the reference, section 22, by their numbers.
//!
//! Numbers 24, 30 and 31 are refusals of the control plane, and here of the definition.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::Response as Answer;
use serde_json::{Value, json};

use super::{ask, shop};
use crate::control;
use crate::harness::fake_http::FakeHttp;
use crate::harness::gateway::START;
use crate::harness::http_client::{request, send};
use crate::harness::issuer::{Issuer, Key};
use crate::harness::{Response, Rig, Setup, answers};

/// Vectors in the reference.
const VECTORS: usize = 33;

type Vector = (&'static [u8], fn() -> BoxFuture<'static, ()>);

#[tokio::test]
async fn every_vector_holds() {
    let vectors: &[Vector] = &[
        (&[1, 2], || routes_and_slashes().boxed()),
        (&[3], || stages_win_over_routes().boxed()),
        (&[4], || paths_in_2_0().boxed()),
        (&[5], || paths_in_1_0().boxed()),
        (&[6], || forms_are_base64().boxed()),
        (&[7, 8, 9, 10, 11, 33], || outputs_in_2_0().boxed()),
        (&[12], || output_that_is_no_json().boxed()),
        (&[13, 14, 15, 16, 17], || tokens().boxed()),
        (&[18, 19], || lambda_authorizers().boxed()),
        (&[20], || unsigned_requests().boxed()),
        (&[21, 22], || cors().boxed()),
        (&[23], || preflights_meet_authorizers().boxed()),
        (&[24, 30, 31], || refused_definitions().boxed()),
        (&[25], || no_tokens_at_all().boxed()),
        (&[26], || late_backends().boxed()),
        (&[27], || too_much().boxed()),
        (&[28, 29], || mappings().boxed()),
        (&[32], || statuses_of_the_control_plane().boxed()),
    ];
    let mut seen: BTreeSet<u8> = BTreeSet::new();
    for (numbers, vector) in vectors {
        vector().await;
        seen.extend(numbers.iter());
    }
    assert_eq!(seen.len(), VECTORS);
}

/// The API `shop` with one route to the function `backend`.
fn to_function(route: &str, format: &str, output: Value) -> Setup {
    let lines = format!(
        r#"    routes: {{ "{route}": {{ target: integrations/f }} }}
    integrations: {{ f: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "{format}" }} }}
"#
    );
    Setup::new(shop(&lines)).function("backend", answers(output))
}

/// The API `shop` with a route to a backend; `more` are further fields of the route, `lines` of the API.
fn to_backend(route: &str, more: &str, url: &str, lines: &str) -> Setup {
    let text = format!(
        r#"    routes: {{ "{route}": {{ target: integrations/b{more} }} }}
    integrations: {{ b: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{url}" }} }}
{lines}"#
    );
    Setup::new(shop(&text))
}

async fn fine() -> FakeHttp {
    FakeHttp::start(|_| Some(Answer::new(Bytes::from_static(b"fine")))).await
}

fn says(answer: &Response, status: u16, message: &str) {
    let expected = (status, json!({ "message": message }));
    assert_eq!((answer.status, answer.json()), expected, "{answer:?}");
}

fn ok() -> Value {
    json!({ "statusCode": 200 })
}

async fn routes_and_slashes() {
    let rig = to_function("POST /t", "2.0", ok()).start().await;
    says(&ask(&rig, "POST", "/t/", &[]).await, 404, "Not Found");
    says(&ask(&rig, "GET", "/t", &[]).await, 404, "Not Found");
    rig.close().await;
}

async fn stages_win_over_routes() {
    let text = r#"
apis:
  shop:
    protocolType: HTTP
    stages: { $default: {}, pets: {} }
    routes: { "GET /{p+}": { target: integrations/f } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
"#;
    let rig = Setup::new(text)
        .function("backend", answers(ok()))
        .start()
        .await;
    assert_eq!(ask(&rig, "GET", "/pets/dog", &[]).await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["requestContext"]["stage"], "pets");
    assert_eq!(event["rawPath"], "/pets/dog");
    assert_eq!(event["pathParameters"], json!({ "p": "dog" }));
    rig.close().await;
}

const SPACED: &str = "/u/John%20D?x=a+b&x=c%2Bd";

async fn paths_in_2_0() {
    let rig = to_function("GET /u/{n}", "2.0", ok()).start().await;
    assert_eq!(ask(&rig, "GET", SPACED, &[]).await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["rawPath"], "/u/John D");
    assert_eq!(event["pathParameters"]["n"], "John D");
    assert_eq!(event["rawQueryString"], "x=a+b&x=c%2Bd");
    assert_eq!(event["queryStringParameters"]["x"], "a b,c+d");
    rig.close().await;
}

async fn paths_in_1_0() {
    let rig = to_function("GET /u/{n}", "1.0", ok()).start().await;
    assert_eq!(ask(&rig, "GET", SPACED, &[]).await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["path"], "/u/John%20D");
    assert_eq!(event["requestContext"]["path"], "/u/John D");
    assert_eq!(event["queryStringParameters"]["x"], "c+d");
    let all = &event["multiValueQueryStringParameters"]["x"];
    assert_eq!(*all, json!(["a b", "c+d"]));
    rig.close().await;
}

async fn forms_are_base64() {
    let rig = to_function("POST /f", "2.0", ok()).start().await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = send(rig.address(), &request("POST", "/f", &form, b"a=1")).await;
    assert_eq!(answer.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("YT0x"), &json!(true))
    );
    rig.close().await;
}

/// What a function's output in format 2.0 becomes.
async fn answered(output: Value) -> Response {
    let broken = output
        .get("statusCode")
        .is_some_and(|status| *status != 200);
    let rig = to_function("GET /", "2.0", output).start().await;
    let answer = ask(&rig, "GET", "/", &[]).await;
    rig.event("backend").await;
    match broken {
        true => rig.close_after(&["an exchange failed"]).await,
        false => rig.close().await,
    }
    answer
}

async fn outputs_in_2_0() {
    let check = |answer: &Response, kind: &str, body: &str| {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(kind));
        assert_eq!(answer.text(), body);
    };
    check(&answered(json!("test")).await, "application/json", "test");
    let bare = answered(json!({ "body": "hi" })).await;
    check(&bare, "application/json", r#"{"body":"hi"}"#);
    let full = answered(json!({ "statusCode": 200, "body": "hi" })).await;
    check(&full, "text/plain; charset=utf-8", "hi");
    for status in [json!(0), json!(200.5)] {
        let answer = answered(json!({ "statusCode": status })).await;
        says(&answer, 500, "Internal Server Error");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let cookies =
        json!({ "statusCode": 200, "cookies": ["a=1", "b=2"], "headers": { "Set-Cookie": "c=3" } });
    let answer = answered(cookies).await;
    let set = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    let set: Vec<_> = set.map(|(_, value)| value.as_str()).collect();
    assert_eq!(set, ["a=1", "b=2", "c=3"]);

    let rig = to_function(
        "GET /",
        "2.0",
        json!({ "statusCode": 200, "headers": { "myheader": "x" } }),
    )
    .start()
    .await;
    let raw = raw(&rig, "/").await;
    assert!(raw.contains("\r\nMyheader: x\r\n"), "{raw}");
    rig.event("backend").await;
    rig.close().await;
}

/// An answer byte by byte.
async fn raw(rig: &Rig, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = crate::harness::http_client::connect(rig.address()).await;
    let request = request("GET", path, &[("Connection", "close")], b"");
    stream.write_all(&request).await.unwrap();
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    crate::harness::soon("the answer", read).await.unwrap();
    text
}

async fn output_that_is_no_json() {
    let lambda = FakeHttp::start(|_| Some(Answer::new(Bytes::from_static(b"no json")))).await;
    let url = lambda.url("/2015-03-31/functions/f/invocations");
    for (format, expected) in [("1.0", 500), ("2.0", 200)] {
        let lines = format!(
            r#"    routes: {{ "GET /": {{ target: integrations/f }} }}
    integrations: {{ f: {{ integrationType: AWS_PROXY, integrationUri: "{url}", payloadFormatVersion: "{format}" }} }}
"#
        );
        let rig = Setup::new(shop(&lines)).start().await;
        let answer = ask(&rig, "GET", "/", &[]).await;
        assert_eq!(answer.status, expected, "{answer:?}");
        match expected {
            200 => assert_eq!(answer.text(), "no json"),
            _ => says(&answer, 500, "Internal Server Error"),
        }
        let warnings: &[&str] = if expected == 500 {
            &["an exchange failed"]
        } else {
            &[]
        };
        rig.close_after(warnings).await;
    }
}

async fn tokens() {
    let issuer = Issuer::start().await;
    let key = Key::p256("k");
    issuer.publish(&[&key]);
    let authorizer = format!(
        r#"    authorizers: {{ login: {{ authorizerType: JWT, identitySource: ["$request.header.Authorization"], jwtConfiguration: {{ issuer: "{}", audience: [web] }} }} }}
    routes:
      "GET /open": {{ target: integrations/f, authorizationType: JWT, authorizerId: login }}
      "GET /a": {{ target: integrations/f, authorizationType: JWT, authorizerId: login, authorizationScopes: [a] }}
      "GET /z": {{ target: integrations/f, authorizationType: JWT, authorizerId: login, authorizationScopes: [z] }}
    integrations: {{ f: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }} }}
"#,
        issuer.url()
    );
    let rig = Setup::new(shop(&authorizer))
        .manual()
        .function("backend", answers(ok()))
        .start()
        .await;
    let claims = |audience: &str| {
        json!({
            "iss": issuer.url(), "aud": audience, "exp": START / 1000 + 60,
            "scope": "a b", "g": ["x", "y"], "n": 7,
        })
    };
    let token = format!("Bearer {}", key.token(&claims("web")));
    let good = [("Authorization", token.as_str())];

    let missing = ask(&rig, "GET", "/open", &[]).await;
    says(&missing, 401, "Unauthorized");
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));

    let other = format!("Bearer {}", key.token(&claims("mobile")));
    let wrong = ask(&rig, "GET", "/open", &[("Authorization", &other)]).await;
    says(&wrong, 401, "Unauthorized");
    let told = r#"Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience""#;
    assert_eq!(wrong.header("www-authenticate"), Some(told));

    says(&ask(&rig, "GET", "/z", &good).await, 403, "Forbidden");

    assert_eq!(ask(&rig, "GET", "/open", &good).await.status, 200);
    let event = rig.event("backend").await;
    let jwt = &event["requestContext"]["authorizer"]["jwt"];
    assert_eq!(jwt["claims"]["g"], "[x y]");
    assert_eq!(jwt["claims"]["n"], "7");
    assert_eq!(jwt["scopes"], Value::Null);

    assert_eq!(ask(&rig, "GET", "/a", &good).await.status, 200);
    let event = rig.event("backend").await;
    let jwt = &event["requestContext"]["authorizer"]["jwt"];
    assert_eq!(jwt["scopes"], json!(["a", "b"]));
    rig.close().await;
}

async fn lambda_authorizers() {
    let lines = r#"    authorizers: { auth: { authorizerType: REQUEST, authorizerUri: "function:auth", authorizerPayloadFormatVersion: "2.0", enableSimpleResponses: true, identitySource: ["$request.header.X-Token"] } }
    routes: { "GET /": { target: integrations/f, authorizationType: CUSTOM, authorizerId: auth } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
"#;
    let rig = Setup::new(shop(lines))
        .function("backend", answers(ok()))
        .function("auth", answers(json!({})))
        .start()
        .await;
    says(&ask(&rig, "GET", "/", &[]).await, 401, "Unauthorized");
    assert_eq!(rig.calls("auth"), 0);
    let answer = ask(&rig, "GET", "/", &[("X-Token", "t")]).await;
    says(&answer, 500, "Internal Server Error");
    rig.event("auth").await;
    assert_eq!(rig.calls("backend"), 0);
    rig.close_after(&["an exchange failed"]).await;
}

async fn unsigned_requests() {
    let backend = fine().await;
    let rig = to_backend(
        "GET /",
        ", authorizationType: AWS_IAM",
        &backend.url("/"),
        "",
    )
    .start()
    .await;
    says(&ask(&rig, "GET", "/", &[]).await, 403, "Forbidden");
    assert_eq!(backend.calls(), 0);
    rig.close().await;
}

const CORS: &str =
    "    corsConfiguration: { allowOrigins: [\"https://a.example\"], allowMethods: [GET] }\n";
const ORIGIN: (&str, &str) = ("Origin", "https://a.example");
const WANTED: (&str, &str) = ("Access-Control-Request-Method", "GET");

async fn cors() {
    let backend = FakeHttp::start(|_| {
        let any = Answer::builder().header("access-control-allow-origin", "*");
        Some(any.body(Bytes::new()).unwrap())
    })
    .await;
    let rig = to_backend("GET /x", "", &backend.url("/"), CORS)
        .start()
        .await;
    let preflight = ask(&rig, "OPTIONS", "/x", &[ORIGIN, WANTED]).await;
    assert_eq!((preflight.status, preflight.text()), (204, ""));
    let allowed = preflight.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://a.example"));
    assert_eq!(backend.calls(), 0);
    let answer = ask(&rig, "GET", "/x", &[ORIGIN]).await;
    assert_eq!(answer.status, 200);
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://a.example"));
    rig.close().await;
}

async fn preflights_meet_authorizers() {
    let (issuer, backend) = (Issuer::start().await, fine().await);
    let lines = format!(
        r#"{CORS}    authorizers: {{ login: {{ authorizerType: JWT, identitySource: ["$request.header.Authorization"], jwtConfiguration: {{ issuer: "{}", audience: [web] }} }} }}
"#,
        issuer.url()
    );
    let guarded = ", authorizationType: JWT, authorizerId: login";
    let rig = to_backend("ANY /x", guarded, &backend.url("/"), &lines)
        .start()
        .await;
    let preflight = ask(&rig, "OPTIONS", "/x", &[ORIGIN, WANTED]).await;
    says(&preflight, 401, "Unauthorized");
    rig.close().await;
}

async fn refused_definitions() {
    let check = async |lines: &str, expected: &str| {
        let problem = Setup::new(shop(lines)).problem().await;
        assert!(problem.contains(expected), "{problem}");
    };
    check(
        r#"    corsConfiguration: { allowOrigins: ["*"], allowCredentials: true }
    routes: { "GET /": {} }
"#,
        "allowCredentials",
    )
    .await;
    check(
        r#"    routes: { "GET /p/{id}": {}, "GET /p/{x}": {} }
"#,
        "GET /p/{x}",
    )
    .await;
    check(
        r#"    routes: { "GET /": { target: integrations/b } }
    integrations: { b: { integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "http://127.0.0.1:1/", requestParameters: { "overwrite:header.Via": "x" } } }
"#,
        "overwrite:header.Via",
    )
    .await;
}

async fn no_tokens_at_all() {
    let text = r#"
apis:
  shop:
    protocolType: HTTP
    stages: { $default: { defaultRouteSettings: { throttlingRateLimit: 0, throttlingBurstLimit: 0 } } }
    routes: { "GET /": { target: integrations/f, authorizationType: AWS_IAM } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
"#;
    let rig = Setup::new(text)
        .function("backend", answers(ok()))
        .start()
        .await;
    says(&ask(&rig, "GET", "/", &[]).await, 429, "Too Many Requests");
    rig.close().await;
}

async fn late_backends() {
    let backend = FakeHttp::start(|_| None).await;
    let lines = format!(
        r#"    routes: {{ "GET /": {{ target: integrations/b }} }}
    integrations: {{ b: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{}", timeoutInMillis: 50 }} }}
"#,
        backend.url("/")
    );
    let rig = Setup::new(shop(&lines)).manual().start().await;
    let address = rig.address();
    let waiting = tokio::spawn(async move { send(address, &request("GET", "/", &[], b"")).await });
    backend.request().await;
    rig.advance(Duration::from_secs(1));
    says(&waiting.await.unwrap(), 503, "Service Unavailable");
    rig.close_after(&["an exchange failed"]).await;
}

async fn too_much() {
    let rig = to_function("POST /", "2.0", ok()).start().await;
    let body = vec![b'x'; 10 * 1024 * 1024 + 1];
    let answer = send(rig.address(), &request("POST", "/", &[], &body)).await;
    says(&answer, 413, "Request Entity Too Large");
    assert_eq!(rig.calls("backend"), 0);
    rig.close().await;
}

async fn mappings() {
    let text = r#"
apis:
  shop:
    protocolType: HTTP
    stages:
      dev: { accessLogSettings: { destinationArn: "file:LOG", format: "$context.requestId $context.customDomain.basePathMatched" } }
      other: {}
    routes: { "GET /orders/{id}": { target: integrations/f }, "GET /{p+}": { target: integrations/f }, "GET /": { target: integrations/f } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
domainNames:
  api.example.com: { apiMappings: { shop: { apiId: shop, stage: dev } } }
  two.example.com: { apiMappings: { a: { apiId: shop, stage: dev }, a/b: { apiId: shop, stage: other } } }
"#;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let text = text.replace("LOG", &log.display().to_string());
    let rig = Setup::new(text)
        .function("backend", answers(ok()))
        .start()
        .await;
    let at = async |host: &str, path: &str| {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        send(rig.address(), text.as_bytes()).await
    };
    assert_eq!(at("api.example.com", "/shop/orders/7").await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["routeKey"], "GET /orders/{id}");
    assert_eq!(event["rawPath"], "/dev/orders/7");
    assert_eq!(at("two.example.com", "/a/b/c").await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["requestContext"]["stage"], "other");
    assert_eq!(event["rawPath"], "/other/c");
    assert_eq!(at("two.example.com", "/a/bc").await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["requestContext"]["stage"], "dev");
    assert_eq!(event["rawPath"], "/dev/bc");
    says(&at("two.example.com", "/c").await, 403, "Forbidden");
    rig.close().await;
    let lines = std::fs::read_to_string(log).unwrap();
    let first = lines.lines().next().unwrap();
    assert!(first.ends_with(" shop"), "{first}");
}

async fn statuses_of_the_control_plane() {
    let state = tempfile::tempdir().unwrap();
    let rig = control::open("", state.path()).start().await;
    let body = json!({ "name": "inner", "subnetIds": ["subnet-1"] });
    let link = control::works(&rig, 201, "POST", "/v2/vpclinks", body).await;
    let link = control::id(&link, "vpcLinkId");
    let tags = format!("/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fvpclinks%2F{link}");
    control::works(&rig, 201, "POST", &tags, json!({ "tags": { "a": "b" } })).await;
    let path = format!("/v2/vpclinks/{link}");
    control::works(&rig, 202, "DELETE", &path, Value::Null).await;
    rig.close().await;
}
