//! The client against canned answers of an Invoke API.

use std::time::Duration;

use super::*;
use crate::base::clock::{EpochMillis, ManualClock};
use crate::client::http::tests::{Canned, Then, client};

fn invocation(payload: &'static str) -> Invocation {
    Invocation {
        request_id: "request".to_owned(),
        payload: Bytes::from_static(payload.as_bytes()),
        deadline: Duration::from_secs(20),
        trace_id: Some("Root=1-66a1b2c3-0123456789abcdef01234567".to_owned()),
    }
}

async fn invoke(
    server: &Canned,
    credentials: Option<&Credentials>,
) -> Result<FunctionAnswer, FunctionError> {
    let base = Url::parse(&format!("http://{}", server.address)).unwrap();
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:chat:live";
    let target = InvokeTarget::from_arn(arn, Some(&base)).unwrap();
    let lambda = LambdaClient::new(client(), ManualClock::new(EpochMillis(1_440_938_160_000)));
    lambda
        .invoke(&target, credentials, invocation("{\"a\":1}"))
        .await
}

async fn answered(head: &str, body: &str) -> Result<FunctionAnswer, FunctionError> {
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let server = Canned::start(answer, Then::Close).await;
    invoke(&server, None).await
}

#[tokio::test]
async fn an_answer_is_passed_on_with_its_request_id() {
    let answer = answered(
        "200 OK\r\nx-amzn-RequestId: 8476a536",
        "{\"statusCode\":200}",
    )
    .await
    .unwrap();
    assert_eq!(answer.payload, "{\"statusCode\":200}");
    assert_eq!(answer.request_id.as_deref(), Some("8476a536"));
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_function_error_carries_its_type_and_message() {
    for kind in ["Unhandled", "Handled"] {
        let head = format!("200 OK\r\nX-Amz-Function-Error: {kind}");
        let document = r#"{"errorMessage":"Unauthorized","errorType":"Error"}"#;
        let error = answered(&head, document).await.unwrap_err();
        assert!(error.says_unauthorized());
        assert_eq!(error.status(), Some(200));
    }
}

/// `reason` is what the log must say.
async fn check(head: &str, body: &str, status: Option<u16>, reason: &str) {
    let error = answered(head, body).await.unwrap_err();
    assert_eq!(error.status(), status, "{error}");
    assert!(error.to_string().contains(reason), "{error}");
    assert!(error.to_string().len() < 1000);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    check(
        "429 Too Many Requests\r\nx-amzn-ErrorType: TooManyRequestsException",
        r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#,
        Some(429),
        "throttled: Lambda answered 429: TooManyRequestsException: Rate Exceeded.",
    )
    .await;
    check(
        "404 Not Found\r\nx-amzn-errortype: ResourceNotFoundException:http://internal.amazon.com/",
        r#"{"Message":"Function not found: chat"}"#,
        Some(404),
        "Lambda answered 404: ResourceNotFoundException: Function not found: chat",
    )
    .await;
    check(
        "403 Forbidden",
        r#"{"__type":"AccessDeniedException"}"#,
        Some(403),
        "AccessDeniedException",
    )
    .await;
    check(
        "502 Bad Gateway",
        "<html>",
        Some(502),
        "Lambda answered 502: no exception named",
    )
    .await;
    check("202 Accepted", "", Some(202), "Lambda answered 202").await;
    check(
        "302 Found\r\nlocation: /",
        "",
        Some(302),
        "Lambda answered 302",
    )
    .await;
    check(
        "413 Content Too Large",
        "",
        Some(413),
        "the event is larger",
    )
    .await;
    let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(100_000));
    check(
        "500 Internal Server Error",
        &long,
        Some(500),
        "Lambda answered 500",
    )
    .await;
}

#[tokio::test]
async fn an_answer_over_the_limit_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\n\r\n".as_bytes().to_vec();
    let body = vec![b' '; LAMBDA_PAYLOAD_BYTES + 1];
    let server = Canned::start([head, body].concat(), Then::Close).await;
    assert_eq!(
        invoke(&server, None).await,
        Err(FunctionError::ResponseTooLarge)
    );
}

#[tokio::test]
async fn an_endpoint_that_answers_nothing_is_unavailable() {
    let server = Canned::start("", Then::Close).await;
    let error = invoke(&server, None).await.unwrap_err();
    assert!(
        matches!(error, FunctionError::Unavailable { status: None, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn requests_are_those_of_the_sdks() {
    let server = Canned::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let credentials = Credentials::from_keys("AKIDEXAMPLE", "secret", None);
    invoke(&server, None).await.unwrap();
    invoke(&server, Some(&credentials)).await.unwrap();
    let requests = server.requests();
    let path = "POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Achat/invocations?Qualifier=live HTTP/1.1\r\n";
    for request in &requests {
        assert!(request.starts_with(path), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
        for header in [
            "content-type: application/json",
            "x-amz-invocation-type: RequestResponse",
            "x-amz-log-type: None",
            "x-amzn-trace-id: Root=1-66a1b2c3-0123456789abcdef01234567",
        ] {
            assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
        }
    }
    assert!(!requests[0].contains("authorization"));
    let scope = "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/lambda/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-invocation-type;x-amz-log-type, Signature=";
    assert!(requests[1].contains(scope), "{}", requests[1]);
}

#[tokio::test]
async fn an_event_over_the_limit_is_not_sent() {
    let server = Canned::start("", Then::Close).await;
    let target = InvokeTarget::at_url(
        &format!(
            "http://{}/2015-03-31/functions/chat/invocations",
            server.address
        ),
        "us-east-1",
    );
    let lambda = LambdaClient::new(client(), ManualClock::new(EpochMillis(0)));
    let mut large = invocation("");
    large.payload = Bytes::from(vec![b' '; LAMBDA_PAYLOAD_BYTES + 1]);
    let result = lambda.invoke(&target.unwrap(), None, large).await;
    assert_eq!(result, Err(FunctionError::RequestTooLarge));
    assert!(server.requests().is_empty());
}

fn check_arn(text: &str, endpoint: Option<&str>, expected: Option<&str>) {
    let endpoint = endpoint.map(|endpoint| Url::parse(endpoint).unwrap());
    let target = InvokeTarget::from_arn(text, endpoint.as_ref());
    let url = target.as_ref().ok().map(|target| target.url().as_str());
    assert_eq!(url, expected, "{text}");
}

#[test]
fn arns_name_functions() {
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:chat";
    let encoded = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Achat";
    let at = |base: &str, query: &str| {
        format!("{base}/2015-03-31/functions/{encoded}/invocations{query}")
    };
    let aws = at("https://lambda.eu-west-1.amazonaws.com", "");
    check_arn(arn, None, Some(&aws));
    let gateway =
        format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations");
    check_arn(&gateway, None, Some(&aws));
    let live = at("https://lambda.eu-west-1.amazonaws.com", "?Qualifier=live");
    check_arn(&format!("{arn}:live"), None, Some(&live));
    let latest = at("http://127.0.0.1:4566", "?Qualifier=%24LATEST");
    check_arn(
        &format!("{arn}:$LATEST"),
        Some("http://127.0.0.1:4566/"),
        Some(&latest),
    );
    let prefixed = at("https://aws.test/lambda", "");
    check_arn(arn, Some("https://aws.test/lambda/?x=1#y"), Some(&prefixed));
    check_arn(
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:chat",
        None,
        Some(
            "https://lambda.cn-north-1.amazonaws.com.cn/2015-03-31/functions/arn%3Aaws-cn%3Alambda%3Acn-north-1%3A123456789012%3Afunction%3Achat/invocations",
        ),
    );
}

#[test]
fn other_texts_name_no_function() {
    for text in [
        "",
        "chat",
        "arn:aws:lambda:eu-west-1:123456789012:function",
        "arn:aws:lambda:eu-west-1:123456789012:function:",
        "arn:aws:lambda:eu-west-1:123456789012:function:chat:",
        "arn:aws:lambda:eu-west-1:123456789012:function:chat:live:more",
        "arn:aws:lambda::123456789012:function:chat",
        "arn:aws:lambda:evil.example/#:123456789012:function:chat",
        "arn:aws:sqs:eu-west-1:123456789012:function:chat",
        "arn:aws:lambda:eu-west-1:123456789012:layer:chat",
        "arn:aws:apigateway:eu-west-1:sqs:path/123456789012/queue",
        "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/chat/invocations",
    ] {
        check_arn(text, None, None);
    }
}

fn check_url(text: &str, accepted: bool) {
    assert_eq!(
        InvokeTarget::at_url(text, "us-east-1").is_ok(),
        accepted,
        "{text}"
    );
}

#[test]
fn invoke_urls_are_checked() {
    check_url(
        "http://localhost:9000/2015-03-31/functions/function/invocations",
        true,
    );
    check_url(
        "https://lambda.example/2015-03-31/functions/a%3Ab/invocations?Qualifier=1",
        true,
    );
    check_url(
        "http://localhost:9000/2015-03-31/functions//invocations",
        false,
    );
    check_url(
        "http://localhost:9000/2015-03-31/functions/a/b/invocations",
        false,
    );
    check_url(
        "http://localhost:9000/2015-03-31/functions/a/invocations/",
        false,
    );
    check_url("http://localhost:9000/", false);
    check_url("ftp://localhost/2015-03-31/functions/a/invocations", false);
    check_url(
        "http://user@localhost/2015-03-31/functions/a/invocations",
        false,
    );
    check_url("2015-03-31/functions/a/invocations", false);
}
