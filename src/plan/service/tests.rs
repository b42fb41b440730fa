//! The table against the reference, and what values become.

use serde_json::json;

use super::*;

#[test]
fn the_table_is_that_of_the_reference() {
    assert_eq!(ACTIONS.len(), 10);
    let required = |action: &Action| {
        let parameters = action.parameters.iter();
        let required = parameters.filter(|parameter| parameter.required);
        required
            .map(|parameter| parameter.name)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let check = |subtype: &str, total: usize, expected: &str| {
        let action = Action::named(subtype).unwrap();
        assert_eq!(required(action), expected, "{subtype}");
        assert_eq!(action.parameters.len(), total, "{subtype}");
    };
    check("EventBridge-PutEvents", 7, "Detail DetailType Source");
    check("SQS-SendMessage", 7, "QueueUrl MessageBody");
    check("SQS-ReceiveMessage", 7, "QueueUrl");
    check("SQS-DeleteMessage", 2, "ReceiptHandle QueueUrl");
    check("SQS-PurgeQueue", 1, "QueueUrl");
    check(
        "AppConfig-GetConfiguration",
        5,
        "Application Environment Configuration ClientId",
    );
    check("Kinesis-PutRecord", 5, "StreamName Data PartitionKey");
    check("StepFunctions-StartExecution", 3, "StateMachineArn");
    check("StepFunctions-StartSyncExecution", 4, "StateMachineArn");
    check("StepFunctions-StopExecution", 3, "ExecutionArn");
    assert_eq!(Action::named("sqs-sendmessage"), None);
    for action in &ACTIONS {
        assert_eq!(action.parameter(REGION), None, "{}", action.subtype);
    }
}

#[test]
fn endpoints_are_those_of_the_region() {
    let check = |subtype: &str, region: &str, expected: &str| {
        let url = Action::named(subtype).unwrap().endpoint(region).unwrap();
        assert_eq!(url.as_str(), expected);
    };
    check(
        "SQS-SendMessage",
        "eu-central-1",
        "https://sqs.eu-central-1.amazonaws.com/",
    );
    check(
        "StepFunctions-StartExecution",
        "us-east-1",
        "https://states.us-east-1.amazonaws.com/",
    );
    check(
        "StepFunctions-StartSyncExecution",
        "us-east-1",
        "https://sync-states.us-east-1.amazonaws.com/",
    );
    check(
        "Kinesis-PutRecord",
        "cn-north-1",
        "https://kinesis.cn-north-1.amazonaws.com.cn/",
    );
}

#[test]
fn a_region_is_a_label_of_a_host_name() {
    for region in ["us-east-1", "eu-central-1", "us-gov-west-1", "local"] {
        assert!(is_region(region), "{region}");
    }
    let long = "x".repeat(33);
    for text in [
        "",
        "-",
        "us-",
        "-us",
        "a.b",
        "evil.example/",
        "US-EAST-1",
        "a b",
        "é",
        &long,
    ] {
        assert!(!is_region(text), "{text}");
    }
}

#[test]
fn texts_are_read_by_kind() {
    let check = |kind: Kind, text: &str, expected: Option<Value>| {
        assert_eq!(kind.read(text), expected, "{kind:?} {text}");
    };
    check(Kind::Text, "5", Some(json!("5")));
    check(Kind::Document, "{\"a\":1}", Some(json!("{\"a\":1}")));
    check(Kind::Blob, "hello", Some(json!("aGVsbG8=")));
    check(Kind::Integer, "5", Some(json!(5)));
    check(Kind::Integer, "-5", Some(json!(-5)));
    check(Kind::Integer, "5.0", None);
    check(Kind::Integer, " 5", None);
    check(Kind::Integer, "five", None);
    check(Kind::List, "All", Some(json!(["All"])));
    check(Kind::List, "a, b,,c ", Some(json!(["a", "b", "c"])));
    check(Kind::List, "[\"a\", \"b,c\"]", Some(json!(["a", "b,c"])));
    check(Kind::List, "[1]", None);
    check(Kind::List, "[\"a\"", None);
    check(Kind::Map, "{\"a\":{}}", Some(json!({ "a": {} })));
    check(Kind::Map, "[]", None);
    check(Kind::Map, "x", None);
    check(Kind::Time, "1773303330", Some(json!(1_773_303_330)));
    check(Kind::Time, "1773303330101", Some(json!(1_773_303_330.101)));
    check(Kind::Time, "1773303330000", Some(json!(1_773_303_330)));
    check(Kind::Time, "1773303330.5", Some(json!(1_773_303_330.5)));
    check(
        Kind::Time,
        "2026-03-12T08:15:30.101Z",
        Some(json!(1_773_303_330.101)),
    );
    check(
        Kind::Time,
        "2026-03-12T09:15:30+01:00",
        Some(json!(1_773_303_330)),
    );
    for text in ["", "-1", "1e3", "inf", "NaN", "now", "1.2.3"] {
        check(Kind::Time, text, None);
    }
}
