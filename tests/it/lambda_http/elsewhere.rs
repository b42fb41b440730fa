//! Functions that are not of this process: a hosted one, and one behind an Invoke endpoint.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use super::shop;
use crate::harness::Setup;
use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{request, send};

const ROUTES: &str = r#"
"POST /v1/{name}": { target: integrations/v1 }
"POST /v2/{name}": { target: integrations/v2 }
"#;

#[tokio::test]
async fn an_invoke_endpoint_gets_the_event() {
    let lambda = FakeHttp::start(|request| {
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        let body = format!("{} says {}", event["version"], event["body"]);
        let answer = json!({ "statusCode": 201, "body": body, "headers": { "x-a": "b" } });
        Some(http::Response::new(Bytes::from(answer.to_string())))
    })
    .await;
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:backend:live";
    let rig = Setup::new(shop(ROUTES, "").replace("function:backend", arn))
        .server(&format!("lambdaEndpoint: {}", lambda.url("")))
        .start()
        .await;
    for (format, path) in [("1.0", "/v1/n"), ("2.0", "/v2/n")] {
        let text = [
            ("Content-Type", "text/plain"),
            ("X-Amzn-Trace-Id", "Root=1-2-3"),
        ];
        let response = send(rig.address(), &request("POST", path, &text, b"hi")).await;
        assert_eq!(response.status, 201);
        assert_eq!(response.header("x-a"), Some("b"));
        assert_eq!(response.text(), format!(r#""{format}" says "hi""#));
        let call = lambda.request().await;
        let function = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Abackend";
        let target = format!("/2015-03-31/functions/{function}/invocations?Qualifier=live");
        assert_eq!((&*call.method, &*call.target), ("POST", &*target));
        assert_eq!(
            call.header("x-amzn-trace-id").as_deref(),
            Some("Root=1-2-3")
        );
        let event: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(event["pathParameters"], json!({ "name": "n" }));
    }
    rig.close().await;
}

/// On a runtime of a few lines, whose function `echo` answers with its event.
#[tokio::test]
async fn a_hosted_function_gets_the_event() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/http_function.py");
    let functions = format!(
        "functions: {{ process: {{ command: [python3, {}], handler: index.handler }} }}",
        json!(script)
    );
    let definition = shop(ROUTES, "").replace("function:backend", "function:process");
    let rig = Setup::new(format!("{functions}\n{definition}"))
        .start()
        .await;
    let send = async |path: &str, kind: &str, body: &[u8]| {
        let fields = [("Content-Type", kind)];
        send(rig.address(), &request("POST", path, &fields, body)).await
    };
    let told = send("/v2/ada", "text/plain", b"hi").await;
    assert_eq!((told.status, told.header("x-format")), (200, Some("2.0")));
    assert_eq!(told.text(), "ada: hi");
    let cookies: Vec<_> = told
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .collect();
    assert_eq!(cookies.len(), 2);
    let told = send("/v1/ada", "application/octet-stream", b"\x00\xff").await;
    assert_eq!((told.status, told.header("x-format")), (200, Some("1.0")));
    assert_eq!(told.body, b"ada: \x00\xff");
    rig.close().await;
}
