use ::http::StatusCode;

use super::*;
use crate::error::GatewayError;
use crate::lang::http_mapping::Side;
use crate::lang::scope::tests::Facts;
use crate::plan::service::Action;

const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/111122223333/orders";
const MACHINE: &str = "arn:aws:states:eu-central-1:111122223333:stateMachine:m";

fn mapping(text: &str) -> MappingValue {
    MappingValue::parse(text, Side::Request).unwrap()
}

fn target(subtype: &str, parameters: &[(&str, &str)]) -> ServiceTarget {
    let action = Action::named(subtype).unwrap();
    let argument = |(name, value): &(&str, &str)| Argument {
        parameter: action.parameter(name).unwrap(),
        value: mapping(value),
    };
    ServiceTarget {
        action,
        endpoint: None,
        region: mapping("eu-central-1"),
        arguments: parameters.iter().map(argument).collect(),
    }
}

fn facts() -> Facts {
    Facts::new(&[
        ("request.header.tenant", "acme"),
        ("request.header.empty", ""),
        ("request.header.quote", r#"a","evil":"b"#),
        ("request.header.region", "eu-west-1"),
        ("request.header.evil", "evil.example/"),
        ("request.header.up", ".."),
        ("context.requestTimeEpoch", "1773303330101"),
    ])
    .with_body(
        r#"{"text":"hi","n":5,"list":["a","b"],"attributes":{"k":{"DataType":"String","StringValue":"v"}}}"#,
    )
}

fn built(target: &ServiceTarget) -> ServiceCall {
    let body = facts();
    let text = body.value("request.body").unwrap();
    ServiceCall::new(target, &body, text.as_bytes()).unwrap()
}

/// The object that a JSON call sends.
fn sent(subtype: &str, parameters: &[(&str, &str)]) -> Value {
    let call = built(&target(subtype, parameters));
    serde_json::from_slice(call.request.body()).unwrap()
}

fn refused(target: &ServiceTarget) -> BackendError {
    ServiceCall::new(target, &facts(), b"").unwrap_err()
}

#[test]
fn json_calls_are_posted() {
    let check = |subtype: &str, uri: &str, name: &str, version: &str, operation: &str| {
        let mut target = target(subtype, &[]);
        // Values are another test's matter: nothing is required here.
        target.arguments.clear();
        let call = built(&target);
        assert_eq!(call.request.method(), Method::POST, "{subtype}");
        assert_eq!(call.request.uri(), uri, "{subtype}");
        assert_eq!(call.signing_name, name, "{subtype}");
        assert_eq!(call.region, "eu-central-1");
        assert!(!call.stands_in);
        let headers = call.request.headers();
        assert_eq!(headers["x-amz-target"], operation, "{subtype}");
        let kind = format!("application/x-amz-json-{version}");
        assert_eq!(headers[CONTENT_TYPE], kind, "{subtype}");
    };
    let sqs = "https://sqs.eu-central-1.amazonaws.com/";
    check(
        "SQS-SendMessage",
        sqs,
        "sqs",
        "1.0",
        "AmazonSQS.SendMessage",
    );
    check(
        "SQS-ReceiveMessage",
        sqs,
        "sqs",
        "1.0",
        "AmazonSQS.ReceiveMessage",
    );
    check(
        "SQS-DeleteMessage",
        sqs,
        "sqs",
        "1.0",
        "AmazonSQS.DeleteMessage",
    );
    check("SQS-PurgeQueue", sqs, "sqs", "1.0", "AmazonSQS.PurgeQueue");
    check(
        "EventBridge-PutEvents",
        "https://events.eu-central-1.amazonaws.com/",
        "events",
        "1.1",
        "AWSEvents.PutEvents",
    );
    check(
        "Kinesis-PutRecord",
        "https://kinesis.eu-central-1.amazonaws.com/",
        "kinesis",
        "1.1",
        "Kinesis_20131202.PutRecord",
    );
    let states = "https://states.eu-central-1.amazonaws.com/";
    check(
        "StepFunctions-StartExecution",
        states,
        "states",
        "1.0",
        "AWSStepFunctions.StartExecution",
    );
    check(
        "StepFunctions-StopExecution",
        states,
        "states",
        "1.0",
        "AWSStepFunctions.StopExecution",
    );
    check(
        "StepFunctions-StartSyncExecution",
        "https://sync-states.eu-central-1.amazonaws.com/",
        "states",
        "1.0",
        "AWSStepFunctions.StartSyncExecution",
    );
}

#[test]
fn messages_are_sent_received_deleted_and_purged() {
    let attributes = json!({ "k": { "DataType": "String", "StringValue": "v" } });
    let all = [
        ("QueueUrl", QUEUE),
        ("MessageBody", "$request.body.text"),
        ("DelaySeconds", "$request.body.n"),
        ("MessageAttributes", "$request.body.attributes"),
        ("MessageDeduplicationId", "${request.header.tenant}-1"),
        ("MessageGroupId", "$request.header.tenant"),
        (
            "MessageSystemAttributes",
            r#"{"AWSTraceHeader":{"DataType":"String","StringValue":"${request.header.tenant}"}}"#,
        ),
    ];
    assert_eq!(
        sent("SQS-SendMessage", &all),
        json!({
            "QueueUrl": QUEUE,
            "MessageBody": "hi",
            "DelaySeconds": 5,
            "MessageAttributes": attributes,
            "MessageDeduplicationId": "acme-1",
            "MessageGroupId": "acme",
            "MessageSystemAttributes": {
                "AWSTraceHeader": { "DataType": "String", "StringValue": "acme" },
            },
        })
    );
    let all = [
        ("QueueUrl", QUEUE),
        ("AttributeNames", "All"),
        ("MaxNumberOfMessages", "10"),
        ("MessageAttributeNames", "$request.body.list"),
        ("ReceiveRequestAttemptId", "x"),
        ("VisibilityTimeout", "0"),
        ("WaitTimeSeconds", "20"),
    ];
    assert_eq!(
        sent("SQS-ReceiveMessage", &all),
        json!({
            "QueueUrl": QUEUE,
            "AttributeNames": ["All"],
            "MaxNumberOfMessages": 10,
            "MessageAttributeNames": ["a", "b"],
            "ReceiveRequestAttemptId": "x",
            "VisibilityTimeout": 0,
            "WaitTimeSeconds": 20,
        })
    );
    let all = [
        ("ReceiptHandle", "$request.header.tenant"),
        ("QueueUrl", QUEUE),
    ];
    assert_eq!(
        sent("SQS-DeleteMessage", &all),
        json!({ "ReceiptHandle": "acme", "QueueUrl": QUEUE })
    );
    assert_eq!(
        sent("SQS-PurgeQueue", &[("QueueUrl", QUEUE)]),
        json!({ "QueueUrl": QUEUE })
    );
}

#[test]
fn an_event_is_the_only_entry() {
    let all = [
        (
            "Detail",
            r#"{"by":"${request.header.quote}","what":${request.body.list}}"#,
        ),
        ("DetailType", "order"),
        ("Source", "shop"),
        ("Time", "$context.requestTimeEpoch"),
        ("EventBusName", "bus"),
        ("Resources", "arn:a,arn:b"),
        ("TraceHeader", "Root=1"),
    ];
    assert_eq!(
        sent("EventBridge-PutEvents", &all),
        json!({ "Entries": [{
            "Detail": r#"{"by":"a\",\"evil\":\"b","what":["a","b"]}"#,
            "DetailType": "order",
            "Source": "shop",
            "Time": 1_773_303_330.101,
            "EventBusName": "bus",
            "Resources": ["arn:a", "arn:b"],
            "TraceHeader": "Root=1",
        }] })
    );
}

#[test]
fn a_record_is_base64() {
    let all = [
        ("StreamName", "s"),
        ("Data", "$request.body.text"),
        ("PartitionKey", "p"),
        ("SequenceNumberForOrdering", "1"),
        ("ExplicitHashKey", "2"),
    ];
    assert_eq!(
        sent("Kinesis-PutRecord", &all),
        json!({
            "StreamName": "s",
            "Data": "aGk=",
            "PartitionKey": "p",
            "SequenceNumberForOrdering": "1",
            "ExplicitHashKey": "2",
        })
    );
    // The whole body may be any bytes.
    let whole = [
        ("StreamName", "s"),
        ("Data", "$request.body"),
        ("PartitionKey", "p"),
    ];
    let target = target("Kinesis-PutRecord", &whole);
    let call = ServiceCall::new(&target, &Facts::default(), b"\xff\x00").unwrap();
    let sent: Value = serde_json::from_slice(call.request.body()).unwrap();
    assert_eq!(sent["Data"], "/wA=");
    assert!(ServiceCall::new(&target, &Facts::default(), b"").is_err());
}

#[test]
fn executions_are_started_and_stopped() {
    let all = [
        ("StateMachineArn", MACHINE),
        ("Name", "n"),
        ("Input", "$request.body.attributes"),
    ];
    let input = r#"{"k":{"DataType":"String","StringValue":"v"}}"#;
    let started = json!({ "stateMachineArn": MACHINE, "name": "n", "input": input });
    assert_eq!(sent("StepFunctions-StartExecution", &all), started);
    let traced = [("StateMachineArn", MACHINE), ("TraceHeader", "Root=1")];
    assert_eq!(
        sent("StepFunctions-StartSyncExecution", &traced),
        json!({ "stateMachineArn": MACHINE, "traceHeader": "Root=1" })
    );
    let all = [("ExecutionArn", "arn:x"), ("Cause", "c"), ("Error", "e")];
    assert_eq!(
        sent("StepFunctions-StopExecution", &all),
        json!({ "executionArn": "arn:x", "cause": "c", "error": "e" })
    );
}

#[test]
fn a_configuration_is_got() {
    let all = [
        ("Application", "my app"),
        ("Environment", "a/b"),
        ("Configuration", "c"),
        ("ClientId", "$request.header.tenant"),
        ("ClientConfigurationVersion", "1&2"),
    ];
    let call = built(&target("AppConfig-GetConfiguration", &all));
    assert_eq!(call.request.method(), Method::GET);
    assert_eq!(
        call.request.uri(),
        "https://appconfig.eu-central-1.amazonaws.com/applications/my%20app/environments/a%2Fb/configurations/c\
         ?client_id=acme&client_configuration_version=1%262"
    );
    assert_eq!(call.signing_name, "appconfig");
    assert!(call.request.body().is_empty());
    let [_, environment, configuration, client, _] = all;
    let up = [
        ("Application", "$request.header.up"),
        environment,
        configuration,
        client,
    ];
    let error = refused(&target("AppConfig-GetConfiguration", &up));
    assert_eq!(
        error.to_string(),
        "Application cannot be sent: it is no segment of a path"
    );
}

#[test]
fn another_endpoint_stands_in_for_every_service() {
    let check = |endpoint: &str, subtype: &str, parameters: &[(&str, &str)], expected: &str| {
        let mut target = target(subtype, parameters);
        target.endpoint = Some(Url::parse(endpoint).unwrap());
        let call = built(&target);
        assert_eq!(call.request.uri(), expected, "{subtype}");
        assert!(call.stands_in);
        assert_eq!(call.region, "eu-central-1");
    };
    let queue = [("QueueUrl", QUEUE)];
    let machine = [("StateMachineArn", MACHINE)];
    let configuration = [
        ("Application", "a"),
        ("Environment", "b"),
        ("Configuration", "c"),
        ("ClientId", "d"),
    ];
    let local = "http://127.0.0.1:4566";
    check(local, "SQS-PurgeQueue", &queue, "http://127.0.0.1:4566/");
    check(
        local,
        "StepFunctions-StartSyncExecution",
        &machine,
        "http://127.0.0.1:4566/",
    );
    check(
        "http://127.0.0.1:4566/aws/",
        "AppConfig-GetConfiguration",
        &configuration,
        "http://127.0.0.1:4566/aws/applications/a/environments/b/configurations/c?client_id=d",
    );
}

#[test]
fn the_region_may_come_from_the_request_but_is_a_region() {
    let mut target = target("SQS-PurgeQueue", &[("QueueUrl", QUEUE)]);
    target.region = mapping("$request.header.region");
    let call = built(&target);
    assert_eq!(call.region, "eu-west-1");
    assert_eq!(call.request.uri(), "https://sqs.eu-west-1.amazonaws.com/");
    for source in [
        "$request.header.evil",
        "$request.header.empty",
        "$request.header.nope",
    ] {
        target.region = mapping(source);
        let expected = format!("Unable to resolve property Region from source {source}");
        assert_eq!(refused(&target).to_string(), expected);
    }
}

#[test]
fn what_has_no_value_is_left_out_or_refused() {
    let queue = ("QueueUrl", QUEUE);
    let body = ("MessageBody", "b");
    for source in [
        "$request.header.nope",
        "$request.header.empty",
        "$request.body.nope",
    ] {
        let sent = sent(
            "SQS-SendMessage",
            &[queue, body, ("MessageGroupId", source)],
        );
        assert_eq!(
            sent,
            json!({ "QueueUrl": QUEUE, "MessageBody": "b" }),
            "{source}"
        );
        let missing = refused(&target(
            "SQS-SendMessage",
            &[queue, ("MessageBody", source)],
        ));
        let expected = format!("Unable to resolve property MessageBody from source {source}");
        assert_eq!(missing.to_string(), expected);
        let error = GatewayError::from(missing);
        assert_eq!(error.http_status(), StatusCode::BAD_REQUEST);
    }
}

#[test]
fn what_is_of_another_kind_is_refused() {
    let check = |name: &'static str, source: &str, sources: &str| {
        let parameters = [("QueueUrl", QUEUE), ("MessageBody", "b"), (name, source)];
        let expected = format!("Unable to resolve property {name} from source {sources}");
        assert_eq!(
            refused(&target("SQS-SendMessage", &parameters)).to_string(),
            expected
        );
    };
    check(
        "MessageAttributes",
        "$request.body.list",
        "$request.body.list",
    );
    check(
        "MessageAttributes",
        "$request.header.tenant",
        "$request.header.tenant",
    );
    check(
        "DelaySeconds",
        "$request.header.tenant",
        "$request.header.tenant",
    );
    // Text around variables may be a secret.
    check(
        "MessageAttributes",
        r#"{"secret":${request.header.tenant},"b":"${request.body.n}"}"#,
        "$request.header.tenant, $request.body.n",
    );
    check("MessageAttributes", "x${request.body.n}", "$request.body.n");
}

#[test]
fn a_call_is_no_larger_than_a_request() {
    let half = "x".repeat(quotas::HTTP_BODY_BYTES / 2);
    let facts = Facts::new(&[("request.header.half", half.as_str())]);
    let check = |group: &str| {
        let parameters = [
            ("QueueUrl", "$request.header.half"),
            ("MessageBody", "$request.header.half"),
            ("MessageGroupId", group),
        ];
        ServiceCall::new(&target("SQS-SendMessage", &parameters), &facts, b"").err()
    };
    assert!(check("$request.header.nope").is_none());
    assert!(matches!(check("x"), Some(BackendError::RequestTooLarge)));
}
