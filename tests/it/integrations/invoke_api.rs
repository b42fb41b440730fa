//! `AWS_PROXY` to a function behind a Lambda Invoke API: AWS, LocalStack, the runtime interface emulator.

use std::time::Duration;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::one_backend;
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::{Handshake, Setup};

const ARN: &str = "integrationType: AWS_PROXY, integrationUri: \"arn:aws:lambda:eu-west-1:123456789012:function:chat\"";
const PATH: &str = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Achat/invocations";

/// A function that answers each message with itself.
async fn lambda() -> FakeHttp {
    FakeHttp::start(|request: &Recorded| {
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        let answer = json!({ "statusCode": 200, "body": event["body"] });
        Some(Response::new(Bytes::from(answer.to_string())))
    })
    .await
}

/// Answers a handshake with 200, and a message with this.
async fn failing(status: u16, headers: &'static [(&str, &str)], body: &'static str) -> FakeHttp {
    FakeHttp::start(move |request: &Recorded| {
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        if event["requestContext"]["eventType"] == "DISCONNECT" {
            return Some(Response::new(Bytes::from_static(br#"{"statusCode":200}"#)));
        }
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Some(response.body(Bytes::from_static(body.as_bytes())).unwrap())
    })
    .await
}

fn at(lambda: &FakeHttp, integration: &str) -> Setup {
    one_backend(integration).server(&format!("lambdaEndpoint: {}", lambda.url("")))
}

#[tokio::test]
async fn an_unsigned_call_carries_the_event() {
    let lambda = lambda().await;
    let rig = at(&lambda, ARN).start().await;
    let mut client = rig.open().await;
    let connect = lambda.request().await;
    assert_eq!(
        (connect.method.as_str(), connect.target.as_str()),
        ("POST", PATH)
    );
    assert_eq!(connect.header("authorization"), None);
    assert_eq!(
        connect.header("x-amz-invocation-type").as_deref(),
        Some("RequestResponse")
    );
    let event: Value = serde_json::from_slice(&connect.body).unwrap();
    assert_eq!(event["requestContext"]["eventType"], "CONNECT");
    assert_eq!(event["headers"]["Host"], "gateway.test");
    assert_eq!(client.ask("hi").await, "hi");
    let event: Value = serde_json::from_slice(&lambda.request().await.body).unwrap();
    assert_eq!(event["body"], "hi");
    client.leave().await;
    let event: Value = serde_json::from_slice(&lambda.request().await.body).unwrap();
    assert_eq!(event["requestContext"]["eventType"], "DISCONNECT");
    rig.close().await;
}

#[tokio::test]
async fn a_call_is_signed_when_there_are_credentials() {
    let lambda = lambda().await;
    let credentials = Credentials::new("AKIDLAMBDA", "secret", Some("token".into()), None, "test");
    let rig = at(&lambda, ARN)
        .manual()
        .aws_credentials(credentials)
        .start()
        .await;
    let client = rig.open().await;
    let request = lambda.request().await;
    let authorization = request.header("authorization").unwrap();
    let scope = "AWS4-HMAC-SHA256 Credential=AKIDLAMBDA/20260312/eu-west-1/lambda/aws4_request, ";
    assert!(authorization.starts_with(scope), "{authorization}");
    assert_eq!(
        request.header("x-amz-date").as_deref(),
        Some("20260312T081530Z")
    );
    assert_eq!(
        request.header("x-amz-security-token").as_deref(),
        Some("token")
    );

    // Whoever knows the secret finds the signature good.
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (&**name, value.as_bytes()))
        .collect();
    let signed = tidegate::lang::sigv4::SignedRequest {
        method: &request.method,
        path: &request.target,
        query: None,
        headers: &headers,
        body: &request.body,
    };
    let claim = tidegate::lang::sigv4::Claim::parse(&signed)
        .unwrap()
        .unwrap();
    let expected = tidegate::lang::sigv4::Expected {
        region: "eu-west-1",
        service: "lambda",
        now_epoch_seconds: 1_773_303_330,
        skew_seconds: 0,
    };
    let secret = tidegate::lang::sigv4::SigningSecret::temporary("secret", "token");
    claim.verify(&signed, &secret, &expected).unwrap();
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn every_form_of_a_functions_address() {
    let gateway_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:chat/invocations";
    let lambda = lambda().await;
    let url = lambda.url("/2015-03-31/functions/chat/invocations");
    let cases = [
        (gateway_arn.to_owned(), PATH.to_owned()),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:chat:live".to_owned(),
            format!("{PATH}?Qualifier=live"),
        ),
        (url, "/2015-03-31/functions/chat/invocations".to_owned()),
    ];
    for (uri, target) in cases {
        let integration = format!("integrationType: AWS_PROXY, integrationUri: \"{uri}\"");
        let rig = at(&lambda, &integration).start().await;
        let client = rig.open().await;
        assert_eq!(lambda.request().await.target, target);
        client.leave().await;
        lambda.request().await;
        rig.close().await;
    }
}

/// Fails as a handshake with this status, and as a message with an error frame.
async fn fails(lambda: FakeHttp, status: u16, message: &str, warning: &str) {
    let rig = at(&lambda, ARN).start().await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(
        (refused.status, refused.refusal().as_str()),
        (status, message)
    );
    rig.close_after(&[warning]).await;
    let rig = super::messages_only(ARN)
        .server(&format!("lambdaEndpoint: {}", lambda.url("")))
        .start()
        .await;
    let mut client = rig.open().await;
    client.send("hi").await;
    assert_eq!(client.error().await, message);
    client.leave().await;
    rig.close_after(&[warning]).await;
}

const INTERNAL: &str = "Internal server error";
const FAILED: &str = "INTEGRATION_FAILURE";

#[tokio::test]
async fn a_function_error_is_502() {
    for kind in ["Unhandled", "Handled"] {
        let headers: &[(&str, &str)] = match kind {
            "Handled" => &[("X-Amz-Function-Error", "Handled")],
            _ => &[("X-Amz-Function-Error", "Unhandled")],
        };
        let body = r#"{"errorMessage":"secret detail","errorType":"Error"}"#;
        fails(failing(200, headers, body).await, 502, INTERNAL, FAILED).await;
    }
}

#[tokio::test]
async fn an_output_that_is_no_proxy_answer_is_502() {
    for body in ["null", "[]", "\"text\"", "7", "not json"] {
        fails(failing(200, &[], body).await, 502, INTERNAL, FAILED).await;
    }
}

#[tokio::test]
async fn an_api_that_refuses_is_500() {
    let throttled = r#"{"Reason":"ConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}"#;
    let headers = &[("x-amzn-ErrorType", "TooManyRequestsException")];
    fails(
        failing(429, headers, throttled).await,
        500,
        INTERNAL,
        FAILED,
    )
    .await;
    let missing = r#"{"Type":"User","Message":"Function not found"}"#;
    let headers = &[("x-amzn-ErrorType", "ResourceNotFoundException")];
    fails(failing(404, headers, missing).await, 500, INTERNAL, FAILED).await;
    fails(failing(403, &[], "").await, 500, INTERNAL, FAILED).await;
    fails(failing(500, &[], "").await, 500, INTERNAL, FAILED).await;
}

#[tokio::test]
async fn an_api_that_is_not_there_is_500() {
    let url = format!("http://{}", FakeHttp::nobody().await);
    let rig = one_backend(ARN)
        .server(&format!("lambdaEndpoint: {url}"))
        .start()
        .await;
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(
        (refused.status, refused.refusal().as_str()),
        (500, INTERNAL)
    );
    rig.close_after(&[FAILED]).await;
}

#[tokio::test]
async fn a_function_that_is_late_is_504() {
    let lambda = FakeHttp::start(|_| None).await;
    let integration = format!("{ARN}, timeoutInMillis: 50");
    let rig = super::messages_only(&integration)
        .server(&format!("lambdaEndpoint: {}", lambda.url("")))
        .manual()
        .start()
        .await;
    let mut client = rig.open().await;
    client.send("hi").await;
    lambda.request().await;
    rig.advance(Duration::from_millis(49));
    client.silent().await;
    rig.advance(Duration::from_millis(1));
    assert_eq!(client.error().await, "Endpoint request timed out");
    client.leave().await;
    rig.close_after(&["INTEGRATION_TIMEOUT"]).await;
}

#[tokio::test]
async fn an_answer_beyond_6_mib_is_502() {
    let lambda =
        FakeHttp::start(|_| Some(Response::new(Bytes::from(vec![b' '; 6 * 1024 * 1024 + 1]))))
            .await;
    fails(lambda, 502, INTERNAL, FAILED).await;
}
