mod jwt;

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::definition::{Machine, load_text, render, starter};
use crate::plan::integration::{FunctionTarget, Target as IntegrationTarget};
use crate::plan::route::{Authorization, Direction, Ordering};
use crate::plan::stage::{ConnectionSettings, Stage};
use crate::plan::table;
use crate::plan::throttle::BucketId;

mod http;
mod link;
mod models;
mod service;
mod usage;

const SAMPLE: &str = include_str!("../../definition/tests/sample.yaml");

fn compiled(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let environment = [
        ("BACKEND_SECRET", "s3cr3t"),
        ("ACME_KEY", "hunter2-hunter2-hunter2"),
        ("URI", "hunter2"),
    ];
    let environment: BTreeMap<_, _> = environment
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let loaded = load_text(text, Path::new("etc"), &Machine::new(environment))?;
    compile(&loaded, &["own".to_owned()])
}

fn good(text: &str) -> Plan {
    match compiled(text) {
        Ok(plan) => plan,
        Err(problems) => panic!("{text}\n{}", render(&problems)),
    }
}

fn problems_of(text: &str) -> Vec<String> {
    let problems = compiled(text).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// An API with one stage, `dev`, whose lines stand in `lines` by section.
fn api(lines: &str) -> String {
    let mut text = "apis:\n  chat:\n    protocolType: WEBSOCKET\n    routeSelectionExpression: $request.body.action\n".to_owned();
    for line in lines.lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    for (section, needed) in [
        ("routes", "{ a: { target: integrations/i } }"),
        (
            "integrations",
            "{ i: { integrationType: AWS_PROXY, integrationUri: 'function:own' } }",
        ),
        ("stages", "{ dev: {} }"),
    ] {
        if !lines.lines().any(|line| line.starts_with(section)) {
            text.push_str(&format!("    {section}: {needed}\n"));
        }
    }
    text
}

fn stage(lines: &str) -> std::sync::Arc<Stage> {
    std::sync::Arc::clone(good(&api(lines)).stage("chat", "dev").unwrap())
}

/// The one problem of an API contains each of `expected`.
fn check(lines: &str, expected: &[&str]) {
    let text = api(lines);
    let problems = problems_of(&text);
    assert_eq!(problems.len(), 1, "{text}\n{problems:#?}");
    for expected in expected {
        assert!(problems[0].contains(expected), "{expected}\n{problems:#?}");
    }
}

/// As [`check`], of one integration.
fn check_integration(fields: &str, expected: &[&str]) {
    check(&format!("integrations: {{ i: {{ {fields} }} }}"), expected);
}

#[test]
fn the_sample_compiles() {
    let plan = good(SAMPLE);
    assert_eq!(plan.stages().len(), 3);
}

#[test]
fn the_websocket_part_of_the_sample_compiles() {
    let (until_shop, _) = SAMPLE.split_once("\n  shop:").unwrap();
    let plan = good(until_shop);
    let credential = plan.credentials.find("AKIDEXAMPLE").unwrap();
    assert_eq!(
        credential.user_arn,
        "arn:aws:iam::000000000000:user/backend"
    );
    assert_eq!(
        plan.account.requests,
        Some(RateLimit {
            rate: 10_000.0,
            burst: 5000
        })
    );
    assert_eq!(
        plan.account.connects,
        Some(RateLimit {
            rate: 500.0,
            burst: 500
        })
    );
    let prod = plan.stage("chat", "prod").unwrap();
    assert_eq!(prod.variables["tier"], "gold");
    assert!(prod.access_log.is_some());
    let Authorization::Custom(authorizer) = &prod.routes.messages().unwrap().connect.authorization
    else {
        panic!("{:?}", prod.routes.messages().unwrap().connect)
    };
    assert!(matches!(&authorizer.function, FunctionTarget::Hosted(name) if &**name == "auth"));
    let ask = prod
        .routes
        .messages()
        .unwrap()
        .for_message(Some("ask"))
        .unwrap();
    assert_eq!(ask.direction, Direction::TwoWay);
    assert_eq!(
        ask.throttle.map(|throttle| throttle.limit),
        Some(RateLimit {
            rate: 1000.0,
            burst: 2000
        })
    );
    assert!(matches!(ask.authorization, Authorization::FromConnect));
    let default = prod
        .routes
        .messages()
        .unwrap()
        .for_message(Some("none"))
        .unwrap();
    assert_eq!(&*default.key, "$default");
    let beta = plan.stage("chat", "beta").unwrap();
    assert_eq!(beta.routes.messages().unwrap().connect.throttle, None);
    assert_eq!(*beta.connections, ConnectionSettings::default());
}

#[test]
fn the_starter_compiles_and_answers_by_itself() {
    let plan = good(starter());
    let dev = plan.stage("hello", "dev").unwrap();
    let ping = dev
        .routes
        .messages()
        .unwrap()
        .for_message(Some("ping"))
        .unwrap();
    let integration = ping.integration.as_ref().unwrap();
    let IntegrationTarget::Mock(mock) = &integration.target else {
        panic!("{integration:?}")
    };
    assert_eq!(mock.status, 200);
    assert_eq!(mock.payload, r#"{"message":"pong"}"#);
    assert_eq!(
        table::render(&plan),
        "API    STAGE  ROUTE        AUTHORIZATION  THROTTLE  INTEGRATION\n\
         hello  dev    $connect     none           account   -\n\
         hello  dev    $disconnect  as $connect    account   -\n\
         hello  dev    $default     as $connect    account   MOCK 200 (two-way)\n\
         hello  dev    ping         as $connect    account   MOCK 200 (two-way)\n"
    );
}

#[test]
fn references_lead_somewhere() {
    check(
        "routes: { a: { target: integrations/j } }",
        &[
            "etc/definition:5:28: apis.chat.routes.a.target: `integrations/j` is not an integration of this API",
        ],
    );
    check(
        "routes: { a: { target: integrations/backand } }\nintegrations: { backend: { integrationType: AWS_PROXY, integrationUri: 'function:own' } }",
        &["did you mean `integrations/backend`?"],
    );
    check(
        "routes: { a: {} }",
        &["apis.chat.routes.a.target: the route goes nowhere"],
    );
    check(
        "routes: { $connect: { target: integrations/i, authorizationType: CUSTOM, authorizerId: x } }",
        &[
            "$connect.authorizerId: `x` is not an authorizer",
            "add it to",
        ],
    );
    check(
        "routes: { $connect: { target: integrations/i, authorizationType: CUSTOM } }",
        &["$connect.authorizerId: is missing"],
    );
    check(
        "routes: { $connect: { target: integrations/i, authorizerId: x } }",
        &["only `authorizationType: CUSTOM`"],
    );
    check(
        "routes: { a: { target: integrations/i, authorizationType: AWS_IAM } }",
        &["only $connect is authorized"],
    );
    check(
        "stages: { dev: { routeSettings: { b: {} } } }",
        &["routeSettings.b: there is no such route"],
    );
    check(
        "stages: { dev: { routeSettings: { aa: {} } } }",
        &["there is no such route"],
    );
    check_integration(
        "integrationType: AWS_PROXY, integrationUri: 'function:onw'",
        &["`function:onw` is not among `functions`; did you mean `function:own`?"],
    );
    check_integration(
        "integrationType: AWS_PROXY, integrationUri: 'function:zzz'",
        &["add it to `functions`"],
    );
}

#[test]
fn what_is_wrong_elsewhere_is_not_reported_as_dangling() {
    let broken = "integrations: { i: { integrationType: AWS_PROXY, integrationUri: [] } }";
    check(
        broken,
        &["apis.chat.integrations.i.integrationUri: expected"],
    );
    check(
        "integrations: { i: { integrationType: HTTP } }",
        &["`HTTP` is not supported here"],
    );
    check(
        "stages: { dev: [] }",
        &["apis.chat.stages.dev: expected a map"],
    );
    check("routes: []", &["apis.chat.routes: expected a map"]);
    check(
        "routes: { $connect: { target: integrations/i, authorizationType: TOKEN, authorizerId: x } }\nauthorizers: { x: { authorizerType: REQUEST, authorizerUri: 'function:own' } }",
        &["authorizationType"],
    );
}

#[test]
fn problems_of_reading_and_of_compiling_are_reported_together() {
    let text =
        api("name: ''\nroutes: { a: { target: integrations/j } }\nstages: { dev: {}, test: {} }");
    let problems = problems_of(&text);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].contains("apis.chat.name"));
    assert!(problems[1].contains("is not an integration"));
}

#[test]
fn an_api_is_checked_without_stages_too() {
    let text = api("routes: { a: { target: integrations/j } }\nstages: {}");
    let problems = problems_of(&text);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(
        problems[0].contains("has no stage, and so no address"),
        "{problems:#?}"
    );
    check("routes: {}", &["has stages but no route"]);
}

#[test]
fn routes_mean_what_they_say() {
    let two_way = "routeResponseSelectionExpression: $default";
    check(
        &format!("routes: {{ a: {{ target: integrations/i, {two_way} }} }}"),
        &["does not answer without a route response"],
    );
    check(
        "routes: { a: { target: integrations/i, routeResponses: { $default: {} } } }",
        &["does not answer without a selection expression"],
    );
    check(
        &format!(
            "routes: {{ $disconnect: {{ target: integrations/i, {two_way}, routeResponses: {{ $default: {{}} }} }} }}"
        ),
        &["only a message can be answered"],
    );
    check(
        "routes: { $conect: { target: integrations/i } }",
        &["did you mean `$connect`?"],
    );
    check(
        "routes: { $connect: { target: integrations/i, tidegate: { ordering: serial } } }",
        &["tidegate.ordering: there is one event"],
    );
    check(
        "routes: { a: { target: integrations/i, requestParameters: { route.request.header.x: {} } } }",
        &["only $connect has headers"],
    );
    let stage = stage(
        "routes: { $connect: { target: integrations/i, authorizationType: AWS_IAM, requestParameters: { route.request.header.x: { required: true }, route.request.querystring.y: {} } }, a: { target: integrations/i, tidegate: { ordering: serial } } }",
    );
    assert!(matches!(
        stage.routes.messages().unwrap().connect.authorization,
        Authorization::Iam
    ));
    let required: Vec<_> = stage
        .routes
        .messages()
        .unwrap()
        .connect
        .required
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(required, ["route.request.header.x"]);
    let route = stage
        .routes
        .messages()
        .unwrap()
        .for_message(Some("a"))
        .unwrap();
    assert_eq!(route.ordering, Ordering::Serial);
    assert!(stage.routes.messages().unwrap().default.is_none());
}

#[test]
fn the_route_selection_expression_reads_messages_only() {
    let with =
        |expression: &str| api("").replace("$request.body.action", &format!("'{expression}'"));
    let problem = |expression: &str| problems_of(&with(expression)).concat();
    assert!(problem("$request.header.x").contains("says nothing about a message"));
    assert!(problem("$request.body[").contains("routeSelectionExpression: character"));
    assert_eq!(problem("${request.body.a}/${request.body.b}"), "");
}

#[test]
fn quotas_are_amazons() {
    let many = |count: usize, value: &str| {
        let entries: Vec<_> = (0..count).map(|i| format!("k{i}: {value}")).collect();
        entries.join(", ")
    };
    let routes = many(quotas::ROUTES_PER_API, "{ target: integrations/i }");
    good(&api(&format!("routes: {{ {routes} }}")));
    check(
        &format!("routes: {{ {routes}, more: {{ target: integrations/i }} }}"),
        &["apis.chat.routes: has 301 routes; keep at most 300"],
    );
    check(
        &format!("stages: {{ {} }}", many(11, "{}")),
        &["has 11 stages"],
    );
    let authorizer = "{ authorizerType: REQUEST, authorizerUri: 'function:own' }";
    check(
        &format!("authorizers: {{ {} }}", many(11, authorizer)),
        &["has 11 authorizers"],
    );
}

#[test]
fn functions_are_hosted_or_behind_an_invoke_api() {
    let target = |server: &str, uri: &str| {
        let integration = format!(
            "integrations: {{ i: {{ integrationType: AWS_PROXY, integrationUri: '{uri}' }} }}\nstages: {{ dev: {{ stageVariables: {{ fn: notify, alias: live }} }} }}"
        );
        let plan = good(&format!("server: {{ {server} }}\n{}", api(&integration)));
        let stage = plan.stage("chat", "dev").unwrap();
        let route = stage
            .routes
            .messages()
            .unwrap()
            .for_message(Some("a"))
            .unwrap();
        match &route.integration.as_ref().unwrap().target {
            IntegrationTarget::Function(FunctionTarget::Hosted(name)) => name.to_string(),
            IntegrationTarget::Function(FunctionTarget::Remote(target)) => target.url().to_string(),
            other => panic!("{other:?}"),
        }
    };
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    let encoded = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3A";
    let local = "lambdaEndpoint: 'http://127.0.0.1:4566/', awsEndpoint: 'http://127.0.0.1:1'";
    assert_eq!(target("", "function:own"), "own");
    assert_eq!(
        target("", arn),
        format!(
            "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/{encoded}f/invocations"
        )
    );
    for local in [local, "awsEndpoint: 'http://127.0.0.1:4566'"] {
        assert_eq!(
            target(local, arn),
            format!("http://127.0.0.1:4566/2015-03-31/functions/{encoded}f/invocations")
        );
    }
    assert_eq!(
        target(
            local,
            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:${stageVariables.fn}:${stageVariables.alias}/invocations"
        ),
        format!(
            "http://127.0.0.1:4566/2015-03-31/functions/{encoded}notify/invocations?Qualifier=live"
        )
    );
    let url = "http://127.0.0.1:9001/2015-03-31/functions/function/invocations";
    assert_eq!(target("", url), url);

    for uri in [
        "chat",
        "arn:aws:s3:::bucket",
        "http://127.0.0.1/x",
        "ftp://x",
    ] {
        check_integration(
            &format!("integrationType: AWS_PROXY, integrationUri: '{uri}'"),
            &["integrationUri", "write `function:NAME`"],
        );
    }
    check_integration(
        "integrationType: AWS_PROXY",
        &["integrationUri: is missing"],
    );
    check_integration(
        "integrationType: AWS_PROXY, integrationUri: 'function:own', integrationMethod: GET",
        &["invoked with POST"],
    );
}

#[test]
fn stage_variables_must_be_there_and_fit() {
    let uri = |uri: &str, stages: &str| {
        format!(
            "integrations: {{ i: {{ integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: '{uri}' }} }}\nstages: {{ {stages} }}"
        )
    };
    let host = "http://${stageVariables.host}/x";
    good(&api(&uri(
        host,
        "dev: { stageVariables: { host: '127.0.0.1:80' } }",
    )));
    check(
        &uri(
            host,
            "dev: { stageVariables: { host: '127.0.0.1:80' } }, test: {}",
        ),
        &["stage `test` has no variable `host`; add `host`"],
    );
    check(
        &uri(host, "dev: { stageVariables: { host: 'a/b' } }"),
        &["on stage `dev`", "correct the stage's `stageVariables`"],
    );
    check(
        "authorizers: { x: { authorizerType: REQUEST, authorizerUri: 'function:own', identitySource: stageVariables.key } }",
        &["has no variable `key`"],
    );
}

#[test]
fn integrations_say_nothing_that_would_be_ignored() {
    let http = "integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: 'http://127.0.0.1/{id}'";
    check_integration(
        http,
        &["nothing fills `{id}`", "integration.request.path.id"],
    );
    check_integration(
        "integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: 'http://127.0.0.1/', requestParameters: { integration.request.path.id: context.connectionId }",
        &["has no `{id}`"],
    );
    check_integration(
        "integrationType: HTTP_PROXY, integrationUri: 'http://127.0.0.1/'",
        &["integrationMethod: is missing"],
    );
    check_integration(
        "integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: 'arn:aws:lambda:eu-west-1:123456789012:function:f'",
        &["calls http and https URLs only"],
    );
    check_integration(
        "integrationType: AWS_PROXY, integrationUri: 'function:own', requestTemplates: { $default: x }",
        &["requestTemplates: has no meaning", "only MOCK"],
    );
    check_integration(
        "integrationType: AWS_PROXY, integrationUri: 'function:own', requestParameters: { integration.request.header.x: context.connectionId }",
        &["only HTTP_PROXY uses it"],
    );
    check_integration(
        "integrationType: MOCK, integrationUri: 'http://x', requestTemplates: { $default: '{\"statusCode\":200}' }",
        &["MOCK calls nothing"],
    );
    let mapped = |source: &str| {
        format!(
            "integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: 'http://127.0.0.1/', requestParameters: {{ integration.request.header.x: {source} }}"
        )
    };
    check_integration(
        &mapped("route.request.header.y"),
        &["only $connect has headers"],
    );
    check_integration(
        &mapped("context.conectionId"),
        &["write context.connectionId"],
    );
    check_integration(
        &mapped("stageVariables.x"),
        &["stage `dev` has no variable `x`"],
    );
    check(
        &format!(
            "routes: {{ $connect: {{ target: integrations/i }} }}\nintegrations: {{ i: {{ {} }} }}",
            mapped("route.request.body.y")
        ),
        &["only messages have a body"],
    );
}

#[test]
fn mocks_choose_their_templates() {
    let mock = |fields: &str| format!("integrationType: MOCK, {fields}");
    let status = |fields: &str| {
        let stage = stage(&format!("integrations: {{ i: {{ {} }} }}", mock(fields)));
        let route = stage
            .routes
            .messages()
            .unwrap()
            .for_message(Some("a"))
            .unwrap();
        match &route.integration.as_ref().unwrap().target {
            IntegrationTarget::Mock(mock) => mock.status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        status("requestTemplates: { $default: '{\"statusCode\":201}' }"),
        201
    );
    assert_eq!(
        status("requestTemplates: { application/json: '{\"statusCode\":202}' }"),
        202
    );
    assert_eq!(
        status(
            "requestTemplates: { '200': '{\"statusCode\":203}' }, templateSelectionExpression: '200'"
        ),
        203
    );
    assert_eq!(
        status(
            "requestTemplates: { $default: '{\"statusCode\":204}' }, templateSelectionExpression: '\\$default'"
        ),
        204
    );
    let refused = |fields: &str, expected: &str| check_integration(&mock(fields), &[expected]);
    refused("description: x", "MOCK needs a request template");
    refused("requestTemplates: { $default: '{}' }", "gives no status");
    refused(
        "requestTemplates: { $default: '{\"statusCode\":\"200\"}' }",
        "gives no status",
    );
    refused(
        "requestTemplates: { $default: '{\"statusCode\":99}' }",
        "gives no status",
    );
    refused(
        "requestTemplates: { $default: $input.body }",
        "template engine",
    );
    refused(
        "requestTemplates: { $default: '{\"statusCode\":200}', other: x }",
        "requestTemplates.other: nothing selects this template",
    );
    refused(
        "requestTemplates: { $default: '{\"statusCode\":200}' }, templateSelectionExpression: $request.body.x",
        "static text",
    );
    refused(
        "requestTemplates: { $default: '{\"statusCode\":200}' }, integrationResponses: { '/(/': {} }",
        "not a regular expression",
    );
    refused(
        "requestTemplates: { $default: '{\"statusCode\":200}' }, integrationResponses: { $default: { responseTemplates: { $default: '#set($a = 1)' } } }",
        "template engine",
    );
}

#[test]
fn no_stage_has_the_name_that_begins_other_addresses() {
    check(
        "stages: { _apis: {} }",
        &[":5:15: apis.chat.stages._apis: `/_apis/` begins"],
    );
    stage("stages: { dev: {}, _api: {} }");
}

#[test]
fn stages_carry_their_settings() {
    let stage = stage(
        "stages: { dev: { defaultRouteSettings: { throttlingRateLimit: 5 }, routeSettings: { a: { throttlingBurstLimit: 2 } }, tidegate: { limits: { idleTimeout: off, frameBytes: off, queueMessages: off, inFlight: off }, binaryFrames: accept, ping: 30s, pingsResetIdle: true } } }",
    );
    let limits = &stage.connections;
    assert_eq!(limits.idle_timeout, None);
    assert_eq!(limits.frame_bytes, None);
    assert_eq!(limits.message_bytes, Some(quotas::MESSAGE_BYTES));
    assert_eq!(limits.outbox.messages, 1_000_000);
    assert_eq!(limits.in_flight, 100_000);
    assert_eq!(limits.ping, Some(std::time::Duration::from_secs(30)));
    assert!(limits.pings_reset_idle);
    let route = stage
        .routes
        .messages()
        .unwrap()
        .for_message(Some("a"))
        .unwrap();
    assert_eq!(
        route.throttle.map(|throttle| throttle.limit),
        Some(RateLimit {
            rate: 5.0,
            burst: 2
        })
    );
    let connect = RateLimit {
        rate: 5.0,
        burst: quotas::ACCOUNT_BURST,
    };
    let own = stage.routes.messages().unwrap().connect.throttle.unwrap();
    assert_eq!(own.limit, connect);
    // Buckets are told apart by API, stage and route, and are the same in the next plan.
    assert_ne!(own.bucket, route.throttle.unwrap().bucket);
    assert_eq!(
        own.bucket,
        BucketId::of("route", &["chat", "dev", "$connect"])
    );
    check(
        "stages: { dev: { accessLogSettings: { destinationArn: stdout, format: x } } }",
        &["accessLogSettings.format: character 1: the format has no request id"],
    );
}

#[test]
fn the_account_level_can_be_lifted() {
    let account = |limits: &str| good(&format!("server: {{ limits: {{ {limits} }} }}")).account;
    assert_eq!(account("requestRate: off").requests, None);
    let lifted = account("requestBurst: off").requests.unwrap();
    assert_eq!((lifted.rate, lifted.burst), (10_000.0, u32::MAX));
    assert_eq!(account("connectRate: off").connects, None);
    let slow = account("connectRate: 0.5").connects.unwrap();
    assert_eq!((slow.rate, slow.burst), (0.5, 1));
}

#[test]
fn credentials_are_unique_and_their_policies_readable() {
    let check = |credentials: &str, expected: &str| {
        let problems = problems_of(&format!("credentials: [{credentials}]"));
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].contains(expected), "{problems:#?}");
    };
    let pair = "{ accessKeyId: A, secretAccessKey: b }";
    check(
        &format!("{pair}, {pair}"),
        "credentials[1].accessKeyId: another credential",
    );
    check(
        "{ accessKeyId: A, secretAccessKey: b, policy: { Version: '2012-10-17', Statement: [{ Effect: Alow, Action: '*', Resource: '*' }] } }",
        "credentials[0].policy.Statement[0].Effect: ",
    );
    check(
        "{ accessKeyId: A, secretAccessKey: b, policy: x }",
        "credentials[0].policy: ",
    );
    let plan = good(&format!(
        "credentials: [{pair}]\nserver: {{ managementAuth: none }}"
    ));
    assert!(plan.credentials.management_open);
    assert_eq!(plan.credentials.find("A").unwrap().user_name, "A");
}

#[test]
fn hosted_functions_leave_the_gateways_variables_alone() {
    let text =
        "functions: { f: { command: [x], environment: { AWS_REGION: x, AWS_ACCESS_KEY_ID: y } } }";
    let problems = problems_of(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("functions.f.environment.AWS_REGION: the gateway sets"));
}

#[test]
fn substituted_values_are_never_printed() {
    for lines in [
        "integrations: { i: { integrationType: AWS_PROXY, integrationUri: \"${env:URI}\" } }",
        "integrations: { i: { integrationType: AWS_PROXY, integrationUri: \"function:${env:URI}\" } }",
        "integrations: { i: { integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: \"http://127.0.0.1/\", requestParameters: { integration.request.header.x: \"${env:URI}\" } } }",
        "routes: { a: { target: \"integrations/${env:URI}\" } }",
        "authorizers: { x: { authorizerType: REQUEST, authorizerUri: 'function:own', identitySource: \"${env:URI}\" } }",
        "stages: { dev: { accessLogSettings: { destinationArn: stdout, format: \"$context.${env:URI}\" } } }",
    ] {
        let problems = problems_of(&api(lines));
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(!problems[0].contains("hunter2"), "{problems:#?}");
        assert!(problems[0].contains("${env:URI}"), "{problems:#?}");
    }
}

#[test]
fn equal_definitions_give_equal_plans() {
    let (until_shop, _) = SAMPLE.split_once("\n  shop:").unwrap();
    assert_eq!(
        table::render(&good(until_shop)),
        table::render(&good(until_shop))
    );
}

#[test]
fn one_mistake_does_not_hide_another() {
    let check = |text: &str, expected: &[&str]| {
        let problems = problems_of(text);
        assert_eq!(problems.len(), expected.len(), "{text}\n{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.contains(expected), "{text}\n{problems:#?}");
        }
    };
    check(
        "apis: { a: { routes: { b: { target: integrations/c } }, stages: { d: {} } } }",
        &[
            "apis.a.protocolType: is missing",
            "apis.a.routeSelectionExpression: is missing",
            "`integrations/c` is not an integration",
        ],
    );
    check(
        &api(
            "stages: { dev: { accessLogSettings: { destinationArn: file, format: $context.nope } } }",
        ),
        &["destinationArn: `file`", "no variable context.nope"],
    );
    check(
        &api("authorizers: { a: { authorizerType: TOKEN, authorizerUri: 'function:none' } }"),
        &["`TOKEN` is not supported", "`function:none` is not among"],
    );
}

#[test]
fn an_item_behind_a_wrong_one_keeps_its_place() {
    let check = |text: &str, expected: &str| {
        let problems = problems_of(text);
        assert_eq!(problems.len(), 2, "{text}\n{problems:#?}");
        assert!(problems[1].contains(expected), "{text}\n{problems:#?}");
    };
    check(
        "credentials:\n- { accessKeyId: A, secretAccessKey: '' }\n- { accessKeyId: B, secretAccessKey: b, policy: { Version: '2012-10-17', Statement: [{ Effect: Perhaps, Action: '*', Resource: '*' }] } }",
        ":3:88: credentials[1].policy.Statement[0].Effect: ",
    );
    check(
        "credentials: [{ accessKeyId: A, secretAccessKey: a, policy: { Version: '2012-10-17', Statement: ['${env:NONE}', { Effect: Perhaps, Action: '*', Resource: '*' }] } }]",
        ":1:115: credentials[0].policy.Statement[1].Effect: ",
    );
    check(
        &api(
            "authorizers: { a: { authorizerType: REQUEST, authorizerUri: 'function:own', identitySource: ['', cookie] } }",
        ),
        "identitySource[1]: `cookie` is not an identity source",
    );
}
