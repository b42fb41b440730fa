//! What is sent, for the calls that moto lacks and for what a service may do wrong.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};
use tidegate::lang::sigv4::{Claim, Expected, SignedRequest, SigningSecret};

use super::{ask, at, good, log, logging, service, shop};
use crate::harness::Setup;
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::gateway::START;
use crate::harness::signer::{KEY_ID, SECRET};

const MACHINE: &str = "StateMachineArn: 'arn:aws:states:eu-west-1:000000000000:stateMachine:m'";
const UNAVAILABLE: &str = r#"{"message":"Service Unavailable"}"#;

/// Answers every call with this.
async fn answering(
    status: u16,
    headers: &'static [(&str, &str)],
    body: impl Into<Bytes>,
) -> FakeHttp {
    let body = body.into();
    FakeHttp::start(move |_| {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Some(response.body(body.clone()).unwrap())
    })
    .await
}

/// The call was signed by the gateway for this service in this region, at the manual clock's start.
fn verify(request: &Recorded, region: &str, service: &str) {
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    let headers = request.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let signed = SignedRequest {
        method: &request.method,
        path,
        query,
        headers: &headers,
        body: &request.body,
    };
    let claim = Claim::parse(&signed).unwrap().expect("a signature");
    assert_eq!(claim.access_key_id(), KEY_ID);
    let expected = Expected {
        region,
        service,
        now_epoch_seconds: (START / 1000).try_into().unwrap(),
        skew_seconds: 0,
    };
    let secret = SigningSecret::permanent(SECRET);
    if let Err(error) = claim.verify(&signed, &secret, &expected) {
        panic!("{error:?}");
    }
}

#[tokio::test]
async fn an_execution_is_waited_for() {
    let result = r#"{"executionArn":"arn:x","status":"FAILED","error":"E","cause":"c"}"#;
    let headers = &[
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amzn-requestid", "r-1"),
    ];
    let states = answering(200, headers, result).await;
    let parameters = format!(
        "{MACHINE}, Name: $context.requestId, Input: $request.body, TraceHeader: $request.header.x-trace, Region: eu-west-1"
    );
    let routes = [(
        "POST /run",
        service("StepFunctions-StartSyncExecution", &parameters),
    )];
    let rig = at(&states.url(""), shop("{}", &routes))
        .manual()
        .start()
        .await;
    let answer = ask(&rig, "POST", "/run", &[("X-Trace", "Root=1")], r#"{"n":1}"#).await;
    // A failed execution is a good answer: what became of it stands in the document.
    assert_eq!(
        good(&answer),
        serde_json::from_str::<Value>(result).unwrap()
    );
    assert_eq!(answer.header("x-amzn-requestid"), Some("r-1"));

    let call = states.request().await;
    assert_eq!((call.method.as_str(), call.target.as_str()), ("POST", "/"));
    assert_eq!(
        call.header("x-amz-target").as_deref(),
        Some("AWSStepFunctions.StartSyncExecution")
    );
    assert_eq!(
        call.header("content-type").as_deref(),
        Some("application/x-amz-json-1.0")
    );
    let trace = call.header("x-amzn-trace-id").unwrap();
    assert!(trace.starts_with("Root=1-"), "{trace}");
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    let name = answer.header("apigw-requestid").unwrap();
    assert_eq!(
        body,
        json!({
            "stateMachineArn": "arn:aws:states:eu-west-1:000000000000:stateMachine:m",
            "name": name,
            "input": r#"{"n":1}"#,
            "traceHeader": "Root=1",
        })
    );
    verify(&call, "eu-west-1", "states");
    rig.close().await;
}

#[tokio::test]
async fn a_configuration_is_got_as_it_is() {
    let headers = &[
        ("content-type", "text/yaml"),
        ("configuration-version", "7"),
    ];
    let appconfig = answering(200, headers, "a: 1\n").await;
    let parameters = "Application: $request.path.application, Environment: live, Configuration: main, ClientId: $request.header.x-client, ClientConfigurationVersion: $request.querystring.version";
    let routes = [(
        "GET /{application}",
        service("AppConfig-GetConfiguration", parameters),
    )];
    let rig = at(&appconfig.url("/aws"), shop("{}", &routes))
        .manual()
        .start()
        .await;
    let headers = [("X-Client", "me & you")];
    let answer = ask(&rig, "GET", "/my%20app?version=1", &headers, "").await;
    assert_eq!((answer.status, answer.text()), (200, "a: 1\n"));
    assert_eq!(answer.header("content-type"), Some("text/yaml"));
    assert_eq!(answer.header("configuration-version"), Some("7"));
    let call = appconfig.request().await;
    assert_eq!(call.method, "GET");
    assert_eq!(
        call.target,
        "/aws/applications/my%20app/environments/live/configurations/main?client_id=me%20%26%20you&client_configuration_version=1"
    );
    assert!(call.body.is_empty());
    verify(&call, "us-east-1", "appconfig");

    // Nothing leads to another path.
    for name in ["..%2F..%2Fx", "%2e%2e%2Fx"] {
        ask(&rig, "GET", &format!("/{name}"), &headers, "").await;
    }
    let routes = [(
        "GET /",
        service(
            "AppConfig-GetConfiguration",
            &parameters.replace("$request.path.application", "$request.header.x-app"),
        ),
    )];
    rig.close().await;
    let rig = at(&appconfig.url("/aws"), shop("{}", &routes))
        .manual()
        .start()
        .await;
    let calls = appconfig.calls();
    for name in ["..", "."] {
        let headers = [("X-Client", "me"), ("X-App", name)];
        let refused = ask(&rig, "GET", "/", &headers, "").await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    assert_eq!(appconfig.calls(), calls);
    let headers = [("X-Client", "me"), ("X-App", "../x")];
    ask(&rig, "GET", "/", &headers, "").await;
    rig.close().await;
}

#[tokio::test]
async fn without_credentials_only_a_stand_in_is_called() {
    let states = answering(200, &[], "{}").await;
    let routes = [(
        "POST /run",
        service("StepFunctions-StartExecution", MACHINE),
    )];
    let endpoint = format!("awsEndpoint: '{}'", states.url(""));
    let rig = Setup::new(shop("{}", &routes))
        .server(&endpoint)
        .start()
        .await;
    assert_eq!(ask(&rig, "POST", "/run", &[], "").await.status, 200);
    assert_eq!(states.request().await.header("authorization"), None);
    rig.close().await;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    let rig = Setup::new(shop(&logging(&file), &routes)).start().await;
    let failed = ask(&rig, "POST", "/run", &[], "").await;
    assert_eq!(
        (failed.status, failed.text()),
        (500, r#"{"message":"Internal Server Error"}"#)
    );
    let lines = log(rig, &file, &["there are no AWS credentials"]).await;
    assert_eq!(
        lines[0]["error"],
        "the call is not signed: there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    );
}

#[tokio::test]
async fn refusals_of_a_service_pass_and_can_be_mapped() {
    let headers = &[
        ("content-type", "application/x-amz-json-1.0"),
        ("access-control-allow-origin", "*"),
        ("connection", "close"),
    ];
    let body = r#"{"__type":"com.amazonaws.states#ExecutionAlreadyExists","message":"x"}"#;
    let states = answering(400, headers, body).await;
    let plain = service("StepFunctions-StartExecution", MACHINE);
    let mapped = format!(
        "{plain}, responseParameters: {{ '400': {{ 'overwrite:statuscode': '409', 'append:header.x-type': $response.body.__type }} }}"
    );
    let routes = [("POST /plain", plain), ("POST /mapped", mapped)];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    let rig = at(&states.url(""), shop(&logging(&file), &routes))
        .start()
        .await;
    let refused = ask(&rig, "POST", "/plain", &[], "").await;
    assert_eq!((refused.status, refused.text()), (400, body));
    assert_eq!(refused.header("content-type"), Some("application/json"));
    let refused = ask(&rig, "POST", "/mapped", &[], "").await;
    assert_eq!((refused.status, refused.text()), (409, body));
    assert_eq!(
        refused.header("x-type"),
        Some("com.amazonaws.states#ExecutionAlreadyExists")
    );
    for line in log(rig, &file, &[]).await {
        assert_eq!(line["error"], "ExecutionAlreadyExists");
        assert_eq!(line["integration"], "400");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_unavailable() {
    let fields = format!(
        "{}, timeoutInMillis: 5000",
        service("StepFunctions-StartExecution", MACHINE)
    );
    let routes = [("POST /run", fields)];
    let check = async |endpoint: &str, status: u16, text: &str| {
        let rig = at(endpoint, shop("{}", &routes)).start().await;
        let answer = ask(&rig, "POST", "/run", &[], "").await;
        assert_eq!((answer.status, answer.text()), (status, text), "{endpoint}");
        rig.close_after(&["an exchange failed"]).await;
    };
    let nobody = FakeHttp::nobody().await;
    check(&format!("http://{nobody}"), 503, UNAVAILABLE).await;
    let broken = FakeHttp::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    check(&broken.url(""), 503, UNAVAILABLE).await;
    let large = answering(200, &[], vec![b'x'; 10 * 1024 * 1024 + 1]).await;
    check(
        &large.url(""),
        500,
        r#"{"message":"Internal Server Error"}"#,
    )
    .await;

    let silent = FakeHttp::start(|_| None).await;
    let rig = at(&silent.url(""), shop("{}", &routes))
        .manual()
        .start()
        .await;
    let asked = ask(&rig, "POST", "/run", &[], "");
    let late = async {
        silent.request().await;
        rig.advance(Duration::from_millis(5000));
    };
    let (answer, ()) = tokio::join!(asked, late);
    assert_eq!((answer.status, answer.text()), (503, UNAVAILABLE));
    rig.close_after(&["an exchange failed"]).await;
}

#[tokio::test]
async fn what_is_of_another_kind_never_leaves() {
    let sqs = answering(200, &[], "{}").await;
    let parameters = "QueueUrl: 'http://x/q', MessageBody: $request.body.text, MessageAttributes: $request.body.attributes, DelaySeconds: $request.body.delay, Region: $request.header.x-region";
    let routes = [("POST /send", service("SQS-SendMessage", parameters))];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    let rig = at(&sqs.url(""), shop(&logging(&file), &routes))
        .start()
        .await;
    let cases = [
        (
            "eu-west-1",
            json!({ "text": "a", "attributes": "b" }),
            "MessageAttributes from source $request.body.attributes",
        ),
        (
            "eu-west-1",
            json!({ "text": "a", "delay": "soon" }),
            "DelaySeconds from source $request.body.delay",
        ),
        (
            "eu-west-1",
            json!({}),
            "MessageBody from source $request.body.text",
        ),
        (
            "x/../evil",
            json!({ "text": "a" }),
            "Region from source $request.header.x-region",
        ),
    ];
    for (region, body, _) in &cases {
        let refused = ask(
            &rig,
            "POST",
            "/send",
            &[("X-Region", region)],
            body.to_string(),
        )
        .await;
        assert_eq!(
            (refused.status, refused.text()),
            (400, r#"{"message":"Bad Request"}"#)
        );
    }
    assert_eq!(sqs.calls(), 0);
    let lines = log(rig, &file, &[]).await;
    for (line, (_, _, expected)) in lines.iter().zip(&cases) {
        assert_eq!(
            line["error"],
            format!("Unable to resolve property {expected}")
        );
    }
    assert_eq!(lines.len(), cases.len());
}
