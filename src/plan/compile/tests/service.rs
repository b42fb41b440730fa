//! Integrations with AWS services.

use super::*;
use crate::plan::service::{ACTIONS, ServiceTarget};

const QUEUE: &str = "QueueUrl: 'https://sqs.us-east-1.amazonaws.com/000000000000/q'";

/// An API with one integration, of these fields, and this server.
fn api(server: &str, fields: &str) -> String {
    format!(
        "server: {{ {server} }}\napis:\n  shop:\n    protocolType: HTTP\n    routes: {{ 'POST /{{kind}}': {{ target: integrations/i }} }}\n    \
         integrations: {{ i: {{ integrationType: AWS_PROXY, {fields} }} }}\n    stages: {{ $default: {{ stageVariables: {{ queue: q }} }} }}\n"
    )
}

fn plan(server: &str, fields: &str) -> Plan {
    good(&api(server, fields))
}

fn target(plan: &Plan) -> &ServiceTarget {
    let stage = plan.stage("shop", "$default").unwrap();
    let route = &stage.routes.http().unwrap().listed[0];
    match &route.integration.as_ref().unwrap().target {
        IntegrationTarget::Service(service) => service,
        other => panic!("{other:?}"),
    }
}

/// The one problem of an integration contains each of `expected`.
fn check(fields: &str, expected: &[&str]) {
    let problems = problems_of(&api("", fields));
    assert_eq!(problems.len(), 1, "{fields}\n{problems:#?}");
    for expected in expected {
        assert!(problems[0].contains(expected), "{expected}\n{problems:#?}");
    }
}

/// As [`check`], of `SQS-SendMessage` with these parameters beside those that it needs.
fn check_parameter(parameters: &str, expected: &[&str]) {
    let fields = format!(
        "integrationSubtype: SQS-SendMessage, requestParameters: {{ {QUEUE}, MessageBody: $request.body, {parameters} }}"
    );
    check(&fields, expected);
}

#[test]
fn every_subtype_of_the_reference_compiles() {
    for action in &ACTIONS {
        // Text that is JSON, for those that want that.
        let parameters = action.parameters.iter().map(|parameter| {
            let value = match parameter.name {
                "MessageAttributes" | "MessageSystemAttributes" => "$request.body.attributes",
                _ => "1",
            };
            format!("{}: '{value}'", parameter.name)
        });
        let parameters: Vec<_> = parameters.collect();
        let fields = format!(
            "integrationSubtype: {}, payloadFormatVersion: '1.0', requestParameters: {{ Region: eu-west-1, {} }}",
            action.subtype,
            parameters.join(", ")
        );
        let plan = plan("", &fields);
        let target = target(&plan);
        assert_eq!(target.action, action);
        assert_eq!(target.arguments.len(), action.parameters.len());
        assert_eq!(target.region.constant(), Some("eu-west-1"));
        assert!(target.endpoint.is_none());
        let shown = format!("AWS_PROXY {}", action.subtype);
        assert!(table::render(&plan).contains(&shown), "{shown}");
    }
}

#[test]
fn region_and_endpoint_are_those_of_the_server() {
    let fields = format!("integrationSubtype: SQS-PurgeQueue, requestParameters: {{ {QUEUE} }}");
    let plan = plan(
        "region: eu-central-1, awsEndpoint: 'http://127.0.0.1:4566/'",
        &fields,
    );
    let target = target(&plan);
    assert_eq!(target.region.constant(), Some("eu-central-1"));
    assert_eq!(
        target.endpoint.as_ref().unwrap().as_str(),
        "http://127.0.0.1:4566/"
    );
}

#[test]
fn the_body_is_read_where_a_parameter_is_made_of_it() {
    let reads = |parameters: &str| {
        let fields = format!(
            "integrationSubtype: SQS-SendMessage, requestParameters: {{ {QUEUE}, {parameters} }}"
        );
        let plan = plan("", &fields);
        let stage = plan.stage("shop", "$default").unwrap();
        let route = &stage.routes.http().unwrap().listed[0];
        route.integration.as_ref().unwrap().reads_body()
    };
    assert!(reads("MessageBody: $request.body"));
    assert!(reads("MessageBody: '<${request.body.a}>'"));
    assert!(reads("MessageBody: x, Region: $request.body.region"));
    assert!(!reads(
        "MessageBody: $request.path.kind, MessageGroupId: $stageVariables.queue"
    ));
}

#[test]
fn parameters_are_those_of_the_subtype() {
    check_parameter(
        "MessageAtributes: $request.body.a",
        &[
            "requestParameters.MessageAtributes: SQS-SendMessage has no parameter `MessageAtributes`",
            "did you mean `MessageAttributes`?",
        ],
    );
    check_parameter("region: us-east-1", &["did you mean `Region`?"]);
    check_parameter(
        "Data: x",
        &["its parameters are QueueUrl, MessageBody, DelaySeconds"],
    );
    check_parameter(
        "'append:header.x': y",
        &["has no parameter `append:header.x`"],
    );
    check(
        "integrationSubtype: SQS-SendMessage, requestParameters: { MessageBody: x }",
        &[
            "SQS-SendMessage needs the parameter `QueueUrl`",
            "add `QueueUrl`",
        ],
    );
    // One slip is one problem.
    check(
        "integrationSubtype: SQS-PurgeQueue, requestParameters: { QueueURL: x }",
        &["did you mean `QueueUrl`?"],
    );
    check(
        "integrationSubtype: SQS-PurgeQueue, requestParameters: { QueueUrl: '$nonsense' }",
        &["QueueUrl: character 1: `$nonsense` is not a variable"],
    );
    check(
        "integrationSubtype: SQS-PurgeQueue",
        &["needs the parameter `QueueUrl`"],
    );
}

#[test]
fn values_fit_their_parameters() {
    check_parameter("DelaySeconds: soon", &["`soon` is not a whole number"]);
    check_parameter("Region: Europe", &["`Europe` is not a region"]);
    check_parameter("MessageGroupId: $stageVariables.nope", &["`nope`"]);
    check_parameter("MessageGroupId: $request.path.id", &["no route", "`{id}`"]);
    let refused = "Invalid selection expression specified: Validation Result: warnings : [], errors : [Invalid source: \
                   `{\\\"k\\\":{\\\"DataType\\\":\\\"String\\\",\\\"StringValue\\\":\\\"v\\\"}}` specified for destination: MessageAttributes]";
    let written = r#"MessageAttributes: '{"k":{"DataType":"String","StringValue":"v"}}'"#;
    check_parameter(written, &[refused, "`$request.body.attributes`"]);
    check(
        "integrationSubtype: EventBridge-PutEvents, requestParameters: { Detail: x, DetailType: y, Source: z }",
        &["requestParameters.Detail: `x` is not JSON text"],
    );
    check(
        "integrationSubtype: EventBridge-PutEvents, requestParameters: { Detail: '{}', DetailType: y, Source: z, Time: now }",
        &["`now` is not a moment"],
    );
    good(&api(
        "",
        r#"integrationSubtype: SQS-SendMessage, requestParameters: { QueueUrl: $stageVariables.queue, MessageBody: x, DelaySeconds: $request.querystring.delay, MessageAttributes: '{"k":{"DataType":"String","StringValue":"${request.header.k}"}}' }"#,
    ));
}

#[test]
fn settings_of_other_integrations_are_refused() {
    let service = |field: &str| {
        format!("integrationSubtype: SQS-PurgeQueue, requestParameters: {{ {QUEUE} }}, {field}")
    };
    let unused = "has no meaning for this type of integration";
    for field in [
        "integrationUri: 'function:own'",
        "integrationMethod: POST",
        "payloadFormatVersion: '2.0'",
        "tlsConfig: { serverNameToVerify: x }",
        "tidegate: { bodyIdleTimeout: 1s }",
    ] {
        check(&service(field), &[unused, field.split(':').next().unwrap()]);
    }
    check(
        &service("credentialsArn: 'arn:aws:iam::000000000000:role/r'"),
        &["there are no roles"],
    );
    let proxy = api(
        "",
        "integrationMethod: ANY, integrationUri: 'http://127.0.0.1:1', integrationSubtype: SQS-PurgeQueue",
    );
    let problems = problems_of(&proxy.replace("AWS_PROXY", "HTTP_PROXY"));
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(
        problems[0].contains("only AWS_PROXY calls AWS services"),
        "{problems:#?}"
    );
    // What is called is in doubt then, and nothing else is said.
    check("integrationSubtype: SQS-Purge", &["`SQS-PurgeQueue` or"]);
    check(
        "integrationSubtype: DynamoDB-PutItem, requestParameters: { TableName: x }",
        &["integrationSubtype"],
    );
}
