//! What arrives at a real `moto_server`, seen from its other side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ask, at, good, log, logging, service, shop};
use crate::harness::moto::Moto;

const BAD_REQUEST: &str = r#"{"message":"Bad Request"}"#;

async fn sqs(moto: &Moto, operation: &str, parameters: Value) -> Value {
    moto.call("sqs", &format!("AmazonSQS.{operation}"), parameters)
        .await
}

/// Makes a queue; gives its URL.
async fn queue(moto: &Moto, name: &str) -> String {
    let made = sqs(moto, "CreateQueue", json!({ "QueueName": name })).await;
    made["QueueUrl"].as_str().unwrap().to_owned()
}

/// Every message that is visible, and stays so.
async fn messages(moto: &Moto, queue: &str) -> Vec<Value> {
    let all = json!({
        "QueueUrl": queue,
        "MaxNumberOfMessages": 10,
        "VisibilityTimeout": 0,
        "MessageAttributeNames": ["All"],
        "AttributeNames": ["All"],
    });
    let received = sqs(moto, "ReceiveMessage", all).await;
    received["Messages"].as_array().cloned().unwrap_or_default()
}

/// How many messages are in the queue, seen or unseen.
async fn count(moto: &Moto, queue: &str) -> u64 {
    let names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
    ];
    let asked = json!({ "QueueUrl": queue, "AttributeNames": names });
    let found = sqs(moto, "GetQueueAttributes", asked).await;
    let number = |name: &str| {
        found["Attributes"][name]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    names.map(number).iter().sum()
}

#[tokio::test]
async fn messages_are_sent_received_deleted_and_purged() {
    let moto = Moto::start().await;
    let queue = queue(&moto, "orders").await;
    let of_queue = |more: &str| format!("QueueUrl: '{queue}', {more}");
    let attributes =
        r#"{"agent":{"DataType":"String","StringValue":"${request.header.user-agent}"}}"#;
    let routes = [
        (
            "POST /send",
            service(
                "SQS-SendMessage",
                &of_queue(
                    "MessageBody: $request.body.text, MessageAttributes: $request.body.attributes, DelaySeconds: $request.querystring.delay",
                ),
            ),
        ),
        (
            "POST /tell/{who}",
            service(
                "SQS-SendMessage",
                &of_queue(&format!(
                    "MessageBody: '${{request.path.who}}: ${{request.body}}', MessageAttributes: '{attributes}'"
                )),
            ),
        ),
        (
            "GET /messages",
            service(
                "SQS-ReceiveMessage",
                &of_queue(
                    "MaxNumberOfMessages: $request.querystring.max, MessageAttributeNames: All, AttributeNames: 'SentTimestamp, ApproximateReceiveCount', WaitTimeSeconds: 0",
                ),
            ),
        ),
        (
            "DELETE /messages",
            service(
                "SQS-DeleteMessage",
                &of_queue("ReceiptHandle: $request.querystring.handle"),
            ),
        ),
        ("POST /purge", service("SQS-PurgeQueue", &of_queue(""))),
    ];
    let rig = at(&moto.url(), shop("{}", &routes)).start().await;

    let order = json!({
        "text": "one \"café\"",
        "attributes": { "tenant": { "DataType": "String", "StringValue": "acme" } },
    });
    let sent = ask(&rig, "POST", "/send", &[], order.to_string()).await;
    let first = good(&sent);
    assert!(sent.header("x-amzn-requestid").is_some(), "{sent:?}");
    assert!(sent.header("apigw-requestid").is_some(), "{sent:?}");
    let found = messages(&moto, &queue).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["MessageId"], first["MessageId"]);
    assert_eq!(found[0]["MD5OfBody"], first["MD5OfMessageBody"]);
    assert_eq!(found[0]["Body"], order["text"]);
    assert_eq!(found[0]["MessageAttributes"], order["attributes"]);

    // A client that would write JSON into its header has written text.
    let agent = r#"x"},"evil":{"DataType":"String","StringValue":"y"#;
    let headers = [("User-Agent", agent)];
    good(&ask(&rig, "POST", "/tell/me%20now", &headers, "<two>").await);
    let found = messages(&moto, &queue).await;
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[1]["Body"], "me now: <two>");
    let expected = json!({ "agent": { "DataType": "String", "StringValue": agent } });
    assert_eq!(found[1]["MessageAttributes"], expected);

    let received = good(&ask(&rig, "GET", "/messages?max=1", &[], "").await);
    let received = received["Messages"].as_array().unwrap();
    assert_eq!(received.len(), 1, "{received:#?}");
    assert_eq!(received[0]["Body"], order["text"]);
    assert_eq!(received[0]["MessageAttributes"], order["attributes"]);
    let own: Vec<_> = received[0]["Attributes"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(own.len(), 2, "{own:?}");

    let handle = received[0]["ReceiptHandle"].as_str().unwrap();
    let handle = percent_encoding::utf8_percent_encode(handle, percent_encoding::NON_ALPHANUMERIC);
    let deleted = ask(
        &rig,
        "DELETE",
        &format!("/messages?handle={handle}"),
        &[],
        "",
    )
    .await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(count(&moto, &queue).await, 1);

    // What is late is there and not seen.
    let late = json!({ "text": "three" }).to_string();
    good(&ask(&rig, "POST", "/send?delay=900", &[], late).await);
    assert_eq!(messages(&moto, &queue).await.len(), 1);
    let purged = ask(&rig, "POST", "/purge", &[], "").await;
    assert_eq!(purged.status, 200, "{purged:?}");
    assert_eq!(messages(&moto, &queue).await.len(), 0);
    rig.close().await;
}

#[tokio::test]
async fn events_reach_their_rule() {
    let moto = Moto::start().await;
    let queue = queue(&moto, "events").await;
    let rule = json!({ "Name": "orders", "EventPattern": r#"{"source":["shop"]}"# });
    moto.call("events", "AWSEvents.PutRule", rule).await;
    let target = json!({ "Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:events" });
    let targets = json!({ "Rule": "orders", "Targets": [target] });
    moto.call("events", "AWSEvents.PutTargets", targets).await;

    let detail = r#"{"by":"${request.header.x-by}","what":${request.body}}"#;
    let parameters = format!(
        "Detail: '{detail}', DetailType: order, Source: $stageVariables.source, Time: $context.requestTimeEpoch, Resources: $request.querystring.of, EventBusName: default"
    );
    let stage = "{ stageVariables: { source: shop } }";
    let routes = [(
        "POST /orders",
        service("EventBridge-PutEvents", &parameters),
    )];
    let rig = at(&moto.url(), shop(stage, &routes)).manual().start().await;
    let headers = [("X-By", r#"a","admin":"b"#)];
    let put = ask(
        &rig,
        "POST",
        "/orders?of=arn:a&of=arn:b",
        &headers,
        r#"{"n":[1,2]}"#,
    )
    .await;
    // This document alone moto calls HTML.
    assert_eq!(put.status, 200, "{put:?}");
    let put = put.json();
    assert_eq!(put["FailedEntryCount"], 0, "{put}");

    let found = messages(&moto, &queue).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    let event: Value = serde_json::from_str(found[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(event["id"], put["Entries"][0]["EventId"]);
    assert_eq!(event["detail-type"], "order");
    assert_eq!(event["source"], "shop");
    assert_eq!(event["time"], "2026-03-12T08:15:30Z");
    assert_eq!(event["resources"], json!(["arn:a", "arn:b"]));
    let detail = json!({ "by": r#"a","admin":"b"#, "what": { "n": [1, 2] } });
    assert_eq!(event["detail"], detail);

    // What is no JSON cannot stand where JSON is wanted.
    let refused = ask(&rig, "POST", "/orders", &headers, r#"1},"admin":{"#).await;
    assert_eq!((refused.status, refused.text()), (400, BAD_REQUEST));
    assert_eq!(messages(&moto, &queue).await.len(), 1);
    rig.close().await;
}

#[tokio::test]
async fn records_reach_their_stream_and_refusals_the_client() {
    let moto = Moto::start().await;
    let kinesis = async |operation: &str, parameters: Value| {
        let target = format!("Kinesis_20131202.{operation}");
        moto.call("kinesis", &target, parameters).await
    };
    kinesis(
        "CreateStream",
        json!({ "StreamName": "clicks", "ShardCount": 1 }),
    )
    .await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    let record = "Data: $request.body, PartitionKey: $request.querystring.key, ExplicitHashKey: $request.querystring.hash";
    let routes = [(
        "POST /{stream}",
        service(
            "Kinesis-PutRecord",
            &format!("StreamName: $request.path.stream, {record}"),
        ),
    )];
    let rig = at(&moto.url(), shop(&logging(&file), &routes))
        .start()
        .await;

    let put = ask(&rig, "POST", "/clicks?key=k", &[], b"\x00\xff any bytes").await;
    let put = good(&put);
    let shard = json!({
        "StreamName": "clicks",
        "ShardId": put["ShardId"],
        "ShardIteratorType": "TRIM_HORIZON",
    });
    let iterator = kinesis("GetShardIterator", shard).await;
    let iterator = json!({ "ShardIterator": iterator["ShardIterator"] });
    let records = kinesis("GetRecords", iterator).await;
    let records = records["Records"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{records:#?}");
    assert_eq!(records[0]["SequenceNumber"], put["SequenceNumber"]);
    assert_eq!(records[0]["PartitionKey"], "k");
    assert_eq!(records[0]["Data"], STANDARD.encode(b"\x00\xff any bytes"));

    // A parameter that is needed has no value; the service is not asked.
    for path in ["/clicks", "/clicks?key="] {
        let refused = ask(&rig, "POST", path, &[], "x").await;
        assert_eq!(
            (refused.status, refused.text()),
            (400, BAD_REQUEST),
            "{path}"
        );
    }
    // What the service says about what a client sent, the client reads.
    let refused = ask(&rig, "POST", "/nothing?key=k", &[], "x").await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(
        refused.json()["__type"],
        "ResourceNotFoundException",
        "{refused:?}"
    );

    let lines = log(rig, &file, &[]).await;
    let fields = |line: &Value| {
        (
            line["status"].clone(),
            line["integration"].clone(),
            line["error"].clone(),
        )
    };
    assert_eq!(fields(&lines[0]), (json!("200"), json!("200"), json!("-")));
    let unresolved = "Unable to resolve property PartitionKey from source $request.querystring.key";
    for line in &lines[1..3] {
        assert_eq!(fields(line), (json!("400"), json!("-"), json!(unresolved)));
    }
    assert_eq!(
        fields(&lines[3]),
        (
            json!("400"),
            json!("400"),
            json!("ResourceNotFoundException")
        )
    );
    let id = lines[0]["id"].as_str().unwrap();
    assert!(id.len() > 10 && id != lines[0]["request"], "{lines:#?}");
}

#[tokio::test]
async fn executions_are_started_and_stopped() {
    let moto = Moto::start().await;
    let states = async |operation: &str, parameters: Value| {
        let target = format!("AWSStepFunctions.{operation}");
        moto.call("states", &target, parameters).await
    };
    let machine = json!({
        "name": "orders",
        "definition": r#"{"StartAt":"a","States":{"a":{"Type":"Pass","End":true}}}"#,
        "roleArn": "arn:aws:iam::123456789012:role/states",
    });
    let machine = states("CreateStateMachine", machine).await;
    let machine = machine["stateMachineArn"].as_str().unwrap();
    let routes = [
        (
            "POST /runs/{name}",
            service(
                "StepFunctions-StartExecution",
                &format!(
                    "StateMachineArn: '{machine}', Name: $request.path.name, Input: $request.body"
                ),
            ),
        ),
        (
            "DELETE /runs",
            service(
                "StepFunctions-StopExecution",
                "ExecutionArn: $request.querystring.arn, Cause: $request.querystring.cause, Error: Stopped",
            ),
        ),
    ];
    let rig = at(&moto.url(), shop("{}", &routes)).start().await;
    let started = good(&ask(&rig, "POST", "/runs/first", &[], r#"{"n":1}"#).await);
    let arn = started["executionArn"].as_str().unwrap();
    let described = json!({ "executionArn": arn });
    let run = states("DescribeExecution", described.clone()).await;
    assert_eq!(run["name"], "first");
    assert_eq!(run["stateMachineArn"], machine);
    assert_eq!(run["input"], r#"{"n":1}"#);
    assert_eq!(run["status"], "RUNNING");
    // Without a body there is no input, which is a matter of the service.
    let other = good(&ask(&rig, "POST", "/runs/second", &[], "").await);
    let other = states(
        "DescribeExecution",
        json!({ "executionArn": other["executionArn"] }),
    )
    .await;
    assert_eq!(other["input"], "{}");

    let stopped = good(
        &ask(
            &rig,
            "DELETE",
            &format!("/runs?arn={arn}&cause=late"),
            &[],
            "",
        )
        .await,
    );
    assert!(stopped["stopDate"].is_number(), "{stopped}");
    let run = states("DescribeExecution", described).await;
    assert_eq!(run["status"], "ABORTED");
    rig.close().await;
}
