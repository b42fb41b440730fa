//! What a function's output means for the client, in both payload formats.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Response as Answer;
use serde_json::{Value, json};

use super::{get, shop, told};
use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{connect, fill, request, send};
use crate::harness::{Response, Rig, Setup, answers};

const ROUTES: &str = r#"
"ANY /v1": { target: integrations/v1 }
"ANY /v2": { target: integrations/v2 }
"#;
const FAILED: &[&str] = &["INTEGRATION_FAILURE"];

/// A gateway whose functions are behind an Invoke endpoint that gives any output.
struct Bench {
    rig: Rig,
    output: Arc<Mutex<Bytes>>,
    _lambda: FakeHttp,
}

impl Bench {
    async fn new() -> Self {
        let output = Arc::new(Mutex::new(Bytes::new()));
        let given = Arc::clone(&output);
        let lambda =
            FakeHttp::start(move |_| Some(Answer::new(given.lock().unwrap().clone()))).await;
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:backend";
        let definition = shop(ROUTES, "").replace("function:backend", arn);
        let rig = Setup::new(definition)
            .server(&format!("lambdaEndpoint: {}", lambda.url("")))
            .start()
            .await;
        Self {
            rig,
            output,
            _lambda: lambda,
        }
    }

    async fn answer(&self, path: &str, output: &str) -> Response {
        *self.output.lock().unwrap() = Bytes::copy_from_slice(output.as_bytes());
        get(&self.rig, path, &[]).await
    }

    /// The answer's status, its headers beside those of the gateway, and its body.
    async fn told(&self, path: &str, output: &str) -> (u16, Vec<(String, String)>, String) {
        let response = self.answer(path, output).await;
        let length = response.body.len().to_string();
        assert_eq!(
            response.header("content-length"),
            Some(length.as_str()),
            "{output}"
        );
        assert!(response.header("date").is_some(), "{output}");
        assert!(response.header("apigw-requestid").is_some(), "{output}");
        let own = ["content-length", "date", "apigw-requestid", "connection"];
        let headers = response.headers.iter();
        let headers = headers.filter(|(name, _)| !own.contains(&name.as_str()));
        (
            response.status,
            headers.cloned().collect(),
            response.text().to_owned(),
        )
    }
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const TYPE: &str = "content-type";
const PLAIN: (&str, &str) = (TYPE, "text/plain; charset=utf-8");
const JSON: (&str, &str) = (TYPE, "application/json");

/// Vectors 7, 8 and 12 of the wire specification, and their like.
#[tokio::test]
async fn output_without_status_is_a_body_in_format_2() {
    let bench = Bench::new().await;
    let check = async |output: &str, body: &str| {
        let expected = (200, pairs(&[JSON]), body.to_owned());
        assert_eq!(bench.told("/v2", output).await, expected, "{output}");
        let refused = bench.answer("/v1", output).await;
        assert_eq!(
            told(&refused),
            (500, "Internal Server Error".into()),
            "{output}"
        );
    };
    check(r#""test""#, "test").await;
    check(r#"{"body":"hi"}"#, r#"{"body":"hi"}"#).await;
    check(
        r#"{ "message" : "spaces stay" }"#,
        r#"{ "message" : "spaces stay" }"#,
    )
    .await;
    check("[1,2]", "[1,2]").await;
    check("7.50", "7.50").await;
    check("true", "true").await;
    check("null", "null").await;
    check(r#"{"statusCode":200"#, r#"{"statusCode":200"#).await;
    check("not JSON", "not JSON").await;
    bench.rig.close_after(FAILED).await;
}

/// Vectors 9 to 11.
#[tokio::test]
async fn output_with_status_is_an_answer() {
    let bench = Bench::new().await;
    let check = async |paths: &[&str], output: &str, expected: (u16, &[(&str, &str)], &str)| {
        let (status, headers, body) = expected;
        let expected = (status, pairs(headers), body.to_owned());
        for path in paths {
            assert_eq!(bench.told(path, output).await, expected, "{path} {output}");
        }
    };
    let both = ["/v1", "/v2"];
    check(
        &both,
        r#"{"statusCode":200,"body":"hi"}"#,
        (200, &[PLAIN], "hi"),
    )
    .await;
    check(&both, r#"{"statusCode":404}"#, (404, &[PLAIN], "")).await;
    check(
        &both,
        r#"{"statusCode":"503","body":null}"#,
        (503, &[PLAIN], ""),
    )
    .await;
    let encoded = r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#;
    check(&both, encoded, (200, &[PLAIN], "hi")).await;
    let typed = r#"{"statusCode":201,"headers":{"Content-Type":"text/html","X-A":7},"body":"<p>"}"#;
    check(
        &both,
        typed,
        (201, &[(TYPE, "text/html"), ("x-a", "7")], "<p>"),
    )
    .await;
    let cookie = |value| ("set-cookie", value);
    let cookies = r#"{"statusCode":200,"cookies":["a=1","b=2"],"headers":{"Set-Cookie":"c=3"}}"#;
    let expected = [cookie("a=1"), cookie("b=2"), cookie("c=3"), PLAIN];
    check(&["/v2"], cookies, (200, &expected, "")).await;
    check(&["/v1"], cookies, (200, &[cookie("c=3"), PLAIN], "")).await;
    let many = r#"{"statusCode":200,"headers":{"Combined-Header":"single-value"},
        "multiValueHeaders":{"Combined-Header":["multi-1","multi-2"],"Set-Cookie":["a=1","b=2"]}}"#;
    let combined = |value| ("combined-header", value);
    check(
        &["/v2"],
        many,
        (200, &[combined("single-value"), PLAIN], ""),
    )
    .await;
    let expected = [
        combined("single-value"),
        combined("multi-1"),
        combined("multi-2"),
        cookie("a=1"),
        cookie("b=2"),
        PLAIN,
    ];
    check(&["/v1"], many, (200, &expected, "")).await;
    bench.rig.close().await;
}

#[tokio::test]
async fn answers_that_make_no_sense_are_500() {
    let bench = Bench::new().await;
    for members in [
        r#""statusCode":0"#,
        r#""statusCode":200.5"#,
        r#""statusCode":101"#,
        r#""statusCode":"ok""#,
        r#""statusCode":null"#,
        r#""statusCode":200,"body":{"a":1}"#,
        r#""statusCode":200,"body":"!","isBase64Encoded":true"#,
        r#""statusCode":200,"headers":{"a b":"1"}"#,
        r#""statusCode":200,"headers":{"a":"1\r\nx-evil: 2"}"#,
        r#""statusCode":200,"headers":["a"]"#,
    ] {
        let output = format!("{{{members}}}");
        for path in ["/v1", "/v2"] {
            let response = bench.answer(path, &output).await;
            assert_eq!(
                told(&response),
                (500, "Internal Server Error".into()),
                "{output}"
            );
        }
    }
    bench.rig.close_after(FAILED).await;
}

/// Vector 33, and what the gateway says in place of the function.
#[tokio::test]
async fn headers_on_the_wire() {
    let output = json!({
        "statusCode": 200,
        "body": "hello",
        "headers": {
            "myheader": "Kept As-Is", "x-UPPER-case": "1", "Content-Length": "2", "Connection": "close",
            "Transfer-Encoding": "chunked", "Date": "yesterday", "Keep-Alive": "timeout=1",
            "Apigw-Requestid": "mine",
        },
    });
    let rig = Setup::new(shop(ROUTES, ""))
        .function("backend", answers(output))
        .start()
        .await;
    let mut stream = connect(rig.address()).await;
    let mut bytes = Vec::new();
    for path in ["/v1", "/v2"] {
        use tokio::io::AsyncWriteExt as _;
        stream
            .write_all(&request("GET", path, &[], b""))
            .await
            .unwrap();
        bytes.clear();
        while !bytes.ends_with(b"\r\n\r\nhello") {
            assert!(
                fill(&mut stream, &mut bytes).await,
                "the connection stays open"
            );
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        let has = |line: &str| text.contains(&format!("\r\n{line}\r\n"));
        assert!(has("Myheader: Kept As-Is"), "{text}");
        assert!(has("X-Upper-Case: 1"), "{text}");
        assert!(has("Content-Length: 5"), "{text}");
        assert!(text.contains("\r\nApigw-Requestid: "), "{text}");
        for foreign in ["yesterday", "chunked", "close", "timeout=1", "mine"] {
            assert!(!text.contains(foreign), "{foreign}: {text}");
        }
        assert_eq!(text.matches("\r\nDate: ").count(), 1, "{text}");
        rig.event("backend").await;
    }
    drop(stream);
    rig.close().await;
}

#[tokio::test]
async fn a_head_request_gets_the_head_of_the_answer() {
    let output = json!({ "statusCode": 200, "body": "hello" });
    let rig = Setup::new(shop(ROUTES, ""))
        .function("backend", answers(output))
        .start()
        .await;
    let mut stream = connect(rig.address()).await;
    let mut bytes = Vec::new();
    {
        use tokio::io::AsyncWriteExt as _;
        let close = [("Connection", "close")];
        stream
            .write_all(&request("HEAD", "/v2", &close, b""))
            .await
            .unwrap();
    }
    while fill(&mut stream, &mut bytes).await {}
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(
        text.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"),
        "{text}"
    );
    assert!(text.ends_with("\r\n\r\n"), "{text}");
    rig.event("backend").await;
    rig.close().await;
}

/// Sections 5 and 14.2 of the wire specification.
#[tokio::test]
async fn functions_that_fail() {
    let rig = Setup::new(shop(ROUTES, ""))
        .manual()
        .function("backend", |event: Value| async move {
            match event["headers"]
                .get("x-do")
                .or(event["headers"].get("X-Do"))
            {
                Some(what) if what == "hang" => std::future::pending().await,
                Some(what) if what == "large" => Ok(json!("x".repeat(6 * 1024 * 1024))),
                _ => Err("boom".to_owned()),
            }
        })
        .start()
        .await;
    for path in ["/v1", "/v2"] {
        let response = get(&rig, path, &[]).await;
        assert_eq!(told(&response), (500, "Internal Server Error".into()));
        rig.event("backend").await;
        let response = get(&rig, path, &[("X-Do", "large")]).await;
        assert_eq!(told(&response), (500, "Internal Server Error".into()));
        rig.event("backend").await;
        let hang = [("X-Do", "hang")];
        let waiting = get(&rig, path, &hang);
        let passing = async {
            rig.event("backend").await;
            rig.advance(Duration::from_secs(30));
        };
        let (response, ()) = tokio::join!(waiting, passing);
        assert_eq!(told(&response), (503, "Service Unavailable".into()));
    }
    rig.close_after(&["INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"])
        .await;
}

#[tokio::test]
async fn an_invoke_endpoint_that_refuses() {
    let check = async |status: u16,
                       headers: &'static [(&str, &str)],
                       body: &'static str,
                       expected: (u16, &str),
                       warnings: &[&str]| {
        let lambda = FakeHttp::start(move |_| {
            let mut answer = Answer::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            Some(answer.body(Bytes::from_static(body.as_bytes())).unwrap())
        })
        .await;
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:backend";
        let rig = Setup::new(shop(ROUTES, "").replace("function:backend", arn))
            .server(&format!("lambdaEndpoint: {}", lambda.url("")))
            .start()
            .await;
        let response = send(rig.address(), &request("POST", "/v2", &[], b"x")).await;
        let (status, message) = expected;
        assert_eq!(told(&response), (status, message.to_owned()), "{body}");
        rig.close_after(warnings).await;
    };
    let error = &[("x-amz-function-error", "Unhandled")];
    let internal = (500, "Internal Server Error");
    check(200, error, r#"{"errorMessage":"boom"}"#, internal, FAILED).await;
    check(
        403,
        &[("x-amzn-errortype", "AccessDeniedException")],
        "{}",
        internal,
        FAILED,
    )
    .await;
    check(
        404,
        &[("x-amzn-errortype", "ResourceNotFoundException")],
        "{}",
        internal,
        FAILED,
    )
    .await;
    check(
        429,
        &[("x-amzn-errortype", "TooManyRequestsException")],
        "{}",
        internal,
        FAILED,
    )
    .await;
    check(500, &[], "", internal, FAILED).await;
    let too_large = (413, "Request Entity Too Large");
    check(
        413,
        &[("x-amzn-errortype", "RequestTooLargeException")],
        "{}",
        too_large,
        &[],
    )
    .await;
}
