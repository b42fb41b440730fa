use std::path::Path;
use std::time::Duration;

use super::surroundings::fake::Fake;
use super::*;
use crate::model::Limit;
use crate::model::definition::{Connections, Development, Tls};
use crate::model::v2::{BinaryFrames, IntegrationType, Ordering, ProtocolType};

const SAMPLE: &str = include_str!("tests/sample.yaml");
const API: &str = "apis:\n  chat:\n    protocolType: WEBSOCKET\n    routeSelectionExpression: $request.body.action\n";

fn sample_environment() -> Fake {
    Fake::default()
        .variable("BACKEND_SECRET", "s3cr3t")
        .variable("ACME_KEY", "hunter2-hunter2-hunter2")
}

fn problems_of(text: &str, fake: &Fake) -> Vec<String> {
    let loaded = load_text(text, Path::new("etc"), fake);
    problems(loaded).iter().map(ToString::to_string).collect()
}

fn good(text: &str, fake: &Fake) -> Definition {
    loaded(text, fake).definition
}

fn loaded(text: &str, fake: &Fake) -> Loaded {
    let loaded = load_text(text, Path::new("etc"), fake).unwrap();
    assert_eq!(render(&loaded.report().finish()), "", "{text}");
    loaded
}

fn problems(loaded: Result<Loaded, Vec<Diagnostic>>) -> Vec<Diagnostic> {
    loaded.map_or_else(|problems| problems, |loaded| loaded.report().finish())
}

/// The one problem of a text contains each of `expected`.
fn check(text: &str, expected: &[&str]) {
    let problems = problems_of(text, &Fake::default());
    assert_eq!(problems.len(), 1, "{text}\n{problems:#?}");
    for expected in expected {
        assert!(problems[0].contains(expected), "{text}\n{problems:#?}");
    }
}

/// As [`check`], of lines that stand inside an API.
fn check_api(lines: &str, expected: &[&str]) {
    check(&format!("{API}{lines}"), expected);
}

#[test]
fn the_sample_has_only_what_is_refused_by_name() {
    let problems = problems_of(SAMPLE, &sample_environment());
    let expected: [&str; 0] = [];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn the_websocket_part_of_the_sample_is_read_in_full() {
    let (until_shop, _) = SAMPLE.split_once("\n  shop:").unwrap();
    let definition = good(until_shop, &sample_environment());
    let server = &definition.server;
    assert_eq!(server.tls, Some(Tls::Development(Development::Development)));
    assert_eq!(server.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(server.state_directory, Path::new("etc/./state"));
    assert_eq!(server.limits.request_rate.bound(), Some(10_000.0));
    assert_eq!(server.limits.request_burst.bound(), Some(5000));
    let credential = &definition.credentials[0];
    assert_eq!(credential.secret_access_key.reveal(), "s3cr3t");
    let policy = credential.policy.as_ref().unwrap();
    assert_eq!(policy["Statement"][0]["Resource"], "*");
    let function = &definition.functions["chat"];
    assert_eq!(function.timeout, Duration::from_secs(29));
    assert_eq!(function.environment["LOG_LEVEL"].reveal(), "info");
    assert_eq!(definition.functions["auth"].timeout, Duration::from_secs(3));
    let api = &definition.apis["chat"];
    assert_eq!(api.routes.len(), 4);
    assert_eq!(api.routes["ask"].tidegate.ordering, Ordering::Concurrent);
    let http = &api.integrations["http"];
    assert_eq!(http.integration_type, IntegrationType::HttpProxy);
    assert_eq!(http.timeout_in_millis, 29_000);
    let prod = &api.stages["prod"];
    assert_eq!(
        prod.default_route_settings.throttling_rate_limit,
        Some(1000.0)
    );
    let limits = prod.tidegate.limits.as_ref().unwrap();
    assert_eq!(limits.idle_timeout.bound(), Some(Duration::from_secs(600)));
    assert_eq!(limits.queue_bytes.bound(), Some(524_288));
    assert_eq!(prod.tidegate.binary_frames, BinaryFrames::Close);
    assert_eq!(prod.tidegate.ping.and_then(Limit::bound), None);
}

#[test]
fn the_starter_is_a_good_definition() {
    let definition = good(starter(), &Fake::default());
    assert!(definition.apis.contains_key("hello"));
}

#[test]
fn an_empty_file_is_a_definition_of_defaults() {
    let definition = good("", &Fake::default());
    let limits = &definition.server.limits;
    assert_eq!(limits.connect_rate.bound(), Some(500.0));
    assert!(matches!(limits.connections, Connections::Word(_)));
    assert_eq!(limits.connections_per_address.bound(), None);
    assert_eq!(limits.pending_handshakes.bound(), Some(20_000));
    assert!(definition.server.trusted_proxies.is_empty());
    assert!(definition.apis.is_empty());
}

#[test]
fn unknown_keys_suggest_the_nearest() {
    check(
        "apiz: {}",
        &["etc/definition:1:1: apiz: unknown key; did you mean `apis`?"],
    );
    check("server: { Listen: x }", &["did you mean `listen`?"]);
    check("server: { zzz: x }", &["known here: listen, admin"]);
    check_api(
        "    route: {}\n",
        &["apis.chat.route: unknown key; did you mean `routes`?"],
    );
    check_api(
        "    stages: { a: { tidegate: { limits: { idleTimeuot: 1s } } } }\n",
        &["`idleTimeout`?"],
    );
}

#[test]
fn bad_values_say_what_would_be_good() {
    check(
        "server: { listen: 8080 }",
        &["server.listen[0]: `8080` does not", "127.0.0.1:8080"],
    );
    check("server: { listen: [] }", &["has 0 items"]);
    check("server: { region: [a] }", &["found a list"]);
    check("server: { region: }", &["found nothing"]);
    check("server: { region: null }", &["found nothing"]);
    check(
        "server: { accountId: 123 }",
        &["has 3 characters", "write an account id of twelve digits"],
    );
    check(
        "server: { tls: devel }",
        &["`development` or a map with certificateFile"],
    );
    check(
        "server: { shutdownTimeout: 30 }",
        &["`30` is not a duration", "0s to 1h"],
    );
    check("server: { shutdownTimeout: 2h }", &["`2h` is out of range"]);
    check(
        "server: { limits: { requestRate: fast } }",
        &["not a number", "`off` or a number"],
    );
    check(
        "server: { limits: { requestRate: '5' } }",
        &["is text, because it is quoted"],
    );
    check(
        "server: { limits: { requestBurst: 1.5 } }",
        &["not a whole number"],
    );
    check(
        "server: { limits: { requestBurst: -1 } }",
        &["`-1` is out of range"],
    );
    check(
        "server: { limits: { connections: 0 } }",
        &["`0` is out of range", "`auto` or `off` or"],
    );
    check("server: { limits: [] }", &["expected a map, found a list"]);
    check(
        "server: { trustedProxies: [10.0.0.0/33] }",
        &["server.trustedProxies[0]"],
    );
    check(
        "server: { lambdaEndpoint: 'ftp://x' }",
        &["http or https URL"],
    );
    check("server: { managementAuth: yes }", &["write `none`"]);
    check(
        "functions: { 'a b': { command: [x] } }",
        &[r#"functions."a b""#, "as the key"],
    );
    check(
        "functions: { a: { command: x } }",
        &["expected a list of: any text"],
    );
    check(
        "functions: { a: {} }",
        &["functions.a.command: is missing; add `command`: The program"],
    );
    check(
        "functions: { a: { command: [x], timeout: 16m } }",
        &["1s to 15m"],
    );
    check(
        "functions: { a: { command: [x], environment: { 1A: x } } }",
        &["begins with a letter"],
    );
    check_api("    name: ''\n", &["has 0 characters", "1 to 128"]);
    check_api("    name: { a: b }\n", &["quote this if it is text"]);
    check_api(
        "    stages: { a/b: {} }\n",
        &[r#"apis.chat.stages.a/b"#, "a stage name"],
    );
    check_api(
        "    routes: { a: { target: backend } }\n",
        &["`integrations/` and the id"],
    );
    check_api(
        "    stages: { a: { tidegate: { pingsResetIdle: yes } } }\n",
        &["`true` or `false`"],
    );
    check_api(
        "    stages: { a: { stageVariables: { x: 'a b' } } }\n",
        &["right form"],
    );
    check(
        "apis: { Chat: { protocolType: WEBSOCKET, routeSelectionExpression: x } }",
        &["apis.Chat", "lower-case"],
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let integration =
        |field: &str| format!("    integrations: {{ i: {{ integrationType: MOCK, {field} }} }}\n");
    check_api(
        "    apiKeySelectionExpression: $context.x\n",
        &[
            "`$context.x` is not supported; write one of",
            "usageIdentifierKey",
        ],
    );
    check_api("    corsConfiguration: {}\n", &["only HTTP APIs"]);
    check_api("    target: x\n", &["quick create"]);
    check_api("    apiEndpoint: x\n", &["the gateway makes it"]);
    check_api(
        "    routes: { a: { target: integrations/i, apiKeyRequired: x } }\n",
        &["apiKeyRequired: `x` is not"],
    );
    check_api(
        "    routes: { a: { target: integrations/i, tidegate: { messageRate: {} } } }\n",
        &["messageRate.rate: is missing"],
    );
    check_api(
        "    routes: { a: { target: integrations/i, routeResponses: { x: {} } } }\n",
        &["`$default`, the only route response"],
    );
    check_api(
        "    authorizers: { a: { authorizerType: REQUEST, authorizerUri: x, authorizerResultTtlInSeconds: 5 } }\n",
        &["`5` is not supported", "not kept"],
    );
    check_api(
        "    authorizers: { a: { authorizerType: REQUEST, authorizerUri: x, enableSimpleResponses: true } }\n",
        &["only HTTP APIs"],
    );
    check_api(
        "    integrations: { i: { integrationType: HTTP } }\n",
        &["mapping templates"],
    );
    check_api(
        "    integrations: { i: { integrationType: AWS } }\n",
        &["mapping templates"],
    );
    check_api(&integration("credentialsArn: x"), &["no roles"]);
    check_api(
        &integration("payloadFormatVersion: 2.0"),
        &["`2.0` is not supported"],
    );
    check_api(
        &integration("passthroughBehavior: NEVER"),
        &["mapping templates"],
    );
    check_api(
        &integration("tidegate: { bodyIdleTimeout: 1s }"),
        &["streamed"],
    );
    check_api(
        "    stages: { a: { autoDeploy: false } }\n",
        &["loading the file is deploying"],
    );
    check_api(
        "    stages: { a: { deploymentId: x } }\n",
        &["loading the file is deploying"],
    );
    check_api(
        "    stages: { a: { clientCertificateId: x } }\n",
        &["client certificates"],
    );
    check_api(
        "    stages: { a: { accessLogSettings: { destinationArn: 'arn:aws:logs:x', format: x } } }\n",
        &[
            "is no destination",
            "`stdout`, `stderr`, `file:PATH` or the ARN of a log group",
        ],
    );
    check_api(
        "    stages: { a: { defaultRouteSettings: { loggingLevel: INFO } } }\n",
        &["`INFO` is not supported; ", "execution logs"],
    );
    check(
        "server: { adminAuth: none, admin: '0.0.0.0:8081' }",
        &["server.adminAuth", "0.0.0.0:8081", "credentials"],
    );
    // One slip is one problem: that the key it stands for is missing goes without saying.
    check(
        "functions: { f: { comand: [x] } }",
        &["functions.f.comand: unknown key; did you mean `command`?"],
    );
    check("server: { awsEndpoint: x }", &["http or https URL"]);
    check("server: { memoryCeiling: 1 }", &["memory ceiling"]);
    check(
        "server: { managementAuth: none, listen: [127.0.0.1:1, 0.0.0.0:2] }",
        &["reaches 0.0.0.0:2", "loopback"],
    );
    check(
        "server: { managementAuth: none, admin: 0.0.0.0:2 }",
        &["reaches 0.0.0.0:2", "loopback"],
    );
    check(
        "server: { listen: [127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:1] }",
        &["definition:1:46: server.listen[2]: 127.0.0.1:1 stands here twice; "],
    );
    check(
        "server: { listen: 127.0.0.1:8081 }",
        &["server.admin: 127.0.0.1:8081 stands here twice"],
    );
    check(
        "server: { limits: { requestRate: off, requestBurst: 5 } }",
        &["server.limits.requestBurst: has no meaning while `requestRate` is off"],
    );
    good(
        "server: { limits: { requestRate: off, requestBurst: off } }",
        &Fake::default(),
    );
    good(
        "server: { listen: [127.0.0.1:0, 127.0.0.1:0], admin: 127.0.0.1:0 }",
        &Fake::default(),
    );
    let pem = Fake::default().file("etc/a.pem", "x");
    let problems = problems_of("server: { tls: { certificateFile: a.pem } }", &pem);
    assert_eq!(
        problems,
        [
            "etc/definition:1:16: server.tls.keyFile: is missing; add `keyFile`: The private key of the leaf."
        ]
    );
    let problems = problems_of(
        "server: { tls: { certificateFile: a.pem, keyFile: none.pem } }",
        &pem,
    );
    assert_eq!(
        problems,
        [
            "etc/definition:1:51: server.tls.keyFile: `none.pem` cannot be read: No such file or directory; write the path of a file, 1 to 4096 characters"
        ]
    );
}

#[test]
fn the_protocol_says_what_an_api_may_have() {
    let check_http = |lines: &str, expected: &[&str]| {
        check(
            &format!("apis:\n  shop:\n    protocolType: HTTP\n{lines}"),
            expected,
        );
    };
    let integration = |field: &str| {
        format!("    integrations: {{ i: {{ integrationType: HTTP_PROXY, {field} }} }}\n")
    };
    let route = |field: &str| format!("    routes: {{ GET /a: {{ {field} }} }}\n");
    let stage = |field: &str| format!("    stages: {{ $default: {{ {field} }} }}\n");
    let websocket_only = "is not supported here; leave it out: only WebSocket APIs have it";
    check_http(
        "    models: {}\n",
        &["apis.shop.models: is not supported here; leave it out: HTTP APIs have no models"],
    );
    check_http("    disableSchemaValidation: true\n", &["have no models"]);
    check_http(
        "    target: x\n",
        &["write the integration under `integrations`"],
    );
    check_http("    routeKey: GET /a\n", &["the route under `routes`"]);
    check_http("    credentialsArn: x\n", &["the route under `routes`"]);
    check_http(
        "    routeSelectionExpression: $request.body.action\n",
        &["is not supported; leave it out: HTTP APIs choose routes by method and path"],
    );
    check_http(
        "    apiKeySelectionExpression: x\n",
        &["write one of `$request.header.x-api-key`"],
    );
    check_http(
        "    corsConfiguration: { allowOrigin: ['*'] }\n",
        &["did you mean `allowOrigins`?"],
    );
    check_http(
        "    corsConfiguration: { maxAge: -2 }\n",
        &["from -1 to 86400"],
    );
    for field in [
        "requestParameters: {}",
        "requestModels: {}",
        "modelSelectionExpression: x",
        "routeResponseSelectionExpression: $default",
        "routeResponses: {}",
        "tidegate: { ordering: serial }",
        "tidegate: { messageRate: {} }",
    ] {
        check_http(&route(field), &[websocket_only]);
    }
    for field in [
        "requestTemplates: {}",
        "templateSelectionExpression: x",
        "passthroughBehavior: NEVER",
        "contentHandlingStrategy: CONVERT_TO_TEXT",
        "integrationResponseSelectionExpression: x",
        "integrationResponses: {}",
    ] {
        check_http(&integration(field), &[websocket_only]);
    }
    for kind in ["MOCK", "HTTP", "AWS"] {
        check_http(
            &format!("    integrations: {{ i: {{ integrationType: {kind} }} }}\n"),
            &["is not supported here; only WebSocket APIs have it: use "],
        );
    }
    check_http(
        &integration("integrationSubtype: SQS-SendMesage"),
        &["`EventBridge-PutEvents` or `SQS-SendMessage` or"],
    );
    check_http(&integration("credentialsArn: x"), &["no roles"]);
    check_http(
        &integration("connectionType: VPCLINK"),
        &["`INTERNET` or `VPC_LINK`"],
    );
    check_http(
        &integration("payloadFormatVersion: 3.0"),
        &["write `1.0` or `2.0`"],
    );
    check_http(
        &integration("timeoutInMillis: 30001"),
        &["from 50 to 30000"],
    );
    check_http(&integration("timeoutInMillis: 49"), &["from 50 to 30000"]);
    check_http(
        &integration("integrationMethod: TRACE"),
        &["`ANY` or `GET`"],
    );
    check_http(
        &integration("tlsConfig: { serverNameToVerify: 'a.example:443' }"),
        &["write a host name without port"],
    );
    check_http(
        &integration("tidegate: { bodyIdleTimeout: 10ms }"),
        &["a duration from 100ms to 24h"],
    );
    let authorizer = |field: &str| {
        format!(
            "    authorizers: {{ x: {{ authorizerType: REQUEST, authorizerUri: y, {field} }} }}\n"
        )
    };
    check_http(
        &authorizer("authorizerPayloadFormatVersion: 3.0"),
        &["`1.0` or `2.0`"],
    );
    check_http(
        &authorizer("authorizerResultTtlInSeconds: 3601"),
        &["from 0 to 3600"],
    );
    check_http(
        &authorizer("enableSimpleResponses: perhaps"),
        &["`true` or `false`"],
    );
    check_http(
        &authorizer("tidegate: { onTokenExpiry: close }"),
        &["a request ends before"],
    );
    for field in [
        "clientCertificateId: x",
        "defaultRouteSettings: { loggingLevel: INFO }",
        "defaultRouteSettings: { dataTraceEnabled: true }",
        "tidegate: { limits: {} }",
        "tidegate: { binaryFrames: accept }",
        "tidegate: { ping: 5s }",
        "tidegate: { pingsResetIdle: true }",
        "tidegate: { page: x }",
    ] {
        check_http(&stage(field), &[websocket_only]);
    }
    check_http(
        &stage("autoDeploy: false"),
        &["loading the file is deploying"],
    );
    check_http(
        &stage("deploymentId: x"),
        &["loading the file is deploying"],
    );
    check_api(
        "    stages: { $default: {} }\n",
        &["a stage name of letters"],
    );
    // The kind of an API cannot come from elsewhere.
    let fake = Fake::default().variable("KIND", "HTTP");
    let text = API.replace("WEBSOCKET", "${env:KIND}");
    let problems = problems_of(&text, &fake);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("a substitution cannot choose the kind of API"));
}

#[test]
fn an_http_api_is_read_in_full() {
    let text = "apis:\n  shop:\n    protocolType: HTTP\n    routeSelectionExpression: '${request.method} ${request.path}'\n    corsConfiguration: { allowOrigins: ['*'], maxAge: -1 }\n    routes: { $default: { target: integrations/i }, 'GET /a': {} }\n    integrations: { i: { integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: 'http://127.0.0.1', requestParameters: { 'remove:header.x': '' }, responseParameters: { 200: { 'overwrite:statuscode': 201 } } } }\n    stages: { $default: {} }\n";
    let definition = good(text, &Fake::default());
    let api = &definition.apis["shop"];
    assert_eq!(api.protocol_type, ProtocolType::Http);
    let cors = api.cors_configuration.as_ref().unwrap();
    assert_eq!((cors.max_age, cors.allow_credentials), (Some(-1), false));
    let integration = &api.integrations["i"];
    assert_eq!(integration.timeout_in_millis, 30_000);
    assert_eq!(integration.payload_format_version.as_deref(), Some("1.0"));
    assert_eq!(
        integration.response_parameters["200"]["overwrite:statuscode"],
        "201"
    );
    let idle = integration.tidegate.body_idle_timeout;
    assert_eq!(idle, Some(Duration::from_secs(60)));
    assert_eq!(api.stages["$default"].tidegate.limits, None);
}

#[test]
fn every_problem_is_reported_at_once_and_in_order() {
    let text = format!(
        "server: {{ region: US }}\nx: 1\n{API}    name: ''\n    stages: {{ 'a b': 7 }}\nx: 2\n"
    );
    let problems = problems_of(&text, &Fake::default());
    let starts: Vec<_> = problems
        .iter()
        .map(|problem| problem.split_once(": ").unwrap().0)
        .collect();
    let expected = ["1:19", "2:1", "7:11", "8:15", "8:22", "9:1"];
    let expected = expected.map(|place| format!("etc/definition:{place}"));
    assert_eq!(starts, expected, "{problems:#?}");
}

#[test]
fn text_keeps_its_source_where_text_is_expected() {
    let definition = good(
        &format!(
            "{API}    name: 007\n    version: 1.10\n    tags: {{ 404: yes }}\n    stages: {{ a: {{ stageVariables: {{ x: 0x1F }} }} }}\n"
        ),
        &Fake::default(),
    );
    let api = &definition.apis["chat"];
    assert_eq!(api.name.as_deref(), Some("007"));
    assert_eq!(api.version.as_deref(), Some("1.10"));
    assert_eq!(api.tags["404"], "yes");
    assert_eq!(api.stages["a"].stage_variables["x"], "0x1F");
}

#[test]
fn substitutions_are_typed_by_their_field() {
    let fake = Fake::default()
        .variable("RATE", "12.5")
        .variable("TLS", "development")
        .file("etc/secret", "from a file\n");
    let text = "server:\n  tls: ${env:TLS}\n  limits: { requestRate: \"${env:RATE}\", connectRate: \"${env:NONE:-off}\" }\ncredentials: [{ accessKeyId: A, secretAccessKey: \"${file:secret}\" }]\n";
    let loaded = loaded(text, &fake);
    let definition = loaded.definition;
    let server = &definition.server;
    assert_eq!(server.tls, Some(Tls::Development(Development::Development)));
    assert_eq!(server.limits.request_rate.bound(), Some(12.5));
    assert_eq!(server.limits.connect_rate.bound(), None);
    let secret = definition.credentials[0].secret_access_key.reveal();
    assert_eq!(secret, "from a file");
    assert_eq!(loaded.files, [Path::new("etc/secret")]);
    check(
        "server: { region: \"${env:NONE}\" }",
        &["`NONE` is not set"],
    );
    check(
        "functions: { '${env:A}': { command: [x] } }",
        &["substitution stands in a key"],
    );
}

#[test]
fn secrets_are_never_printed() {
    let fake = Fake::default().variable("S", "hunter2");
    for text in [
        "server: { region: \"${env:S}!\" }",
        "server: { shutdownTimeout: \"${env:S}\" }",
        "server: { tls: \"${env:S}\" }",
        "credentials: [{ accessKeyId: \"${env:S}!\", secretAccessKey: hunter2 }]",
        "credentials: [{ accessKeyId: A, secretAccessKey: [hunter2] }]",
        "functions: { a: { command: [x], environment: { A: { b: hunter2 } } } }",
        "functions: { a: { command: [x], reservedConcurrency: \"${env:S}\" } }",
    ] {
        let problems = problems_of(text, &fake);
        assert!(!problems.is_empty(), "{text}");
        assert!(!problems.concat().contains("hunter2"), "{problems:#?}");
    }
    let long = "x".repeat(5000);
    let problems = problems_of(
        &format!("credentials: [{{ accessKeyId: A, secretAccessKey: {long} }}]"),
        &fake,
    );
    assert!(
        problems[0].contains("this value has 5000 characters"),
        "{problems:#?}"
    );
    assert!(!problems[0].contains("xxx"));
}

#[test]
fn a_page_is_read_with_the_definition() {
    let text = format!("{API}    stages: {{ dev: {{ tidegate: {{ page: web/index.html }} }} }}\n");
    let fake = Fake::default().file("etc/web/index.html", "<h1>chat</h1>");
    let loaded = loaded(&text, &fake);
    let page = &loaded.definition.apis["chat"].stages["dev"].tidegate.page;
    assert_eq!(page.as_deref(), Some("<h1>chat</h1>"));
    assert_eq!(loaded.files, [Path::new("etc/web/index.html")]);
    check(&text, &["`web/index.html` cannot be read: No such file"]);
    let large = "x".repeat(1024 * 1024 + 1);
    let problems = problems_of(&text, &Fake::default().file("etc/web/index.html", &large));
    assert!(
        problems[0].contains("larger than 1048576 bytes"),
        "{problems:#?}"
    );
}

#[test]
fn files_include_others_relative_to_themselves() {
    let api = |id: &str| {
        format!("apis: {{ {id}: {{ protocolType: WEBSOCKET, routeSelectionExpression: x }} }}\n")
    };
    let fake = Fake::default()
        .file("d/tidegate.yaml", &format!("include: [apis/*.yaml, functions.yaml]\n{}", api("root")))
        .file("d/apis/b.yaml", &api("b"))
        .file("d/apis/a.yaml", &format!("include: ../tidegate.yaml\n{}", api("a")))
        .file("d/functions.yaml", "functions: { f: { command: [x] } }\ncredentials: [{ accessKeyId: A, secretAccessKey: b }]\nserver: { region: eu-west-1 }\n")
        .file("d/apis/../tidegate.yaml", "functions: { g: { command: [x], workingDirectory: h } }\n");
    let loaded = load(Path::new("d/tidegate.yaml"), &fake).unwrap();
    assert_eq!(render(&loaded.report().finish()), "");
    let definition = loaded.definition;
    let apis: Vec<_> = definition.apis.keys().collect();
    assert_eq!(apis, ["a", "b", "root"]);
    assert_eq!(definition.functions.len(), 2);
    assert_eq!(definition.credentials.len(), 1);
    assert_eq!(definition.server.region, "eu-west-1");
    let directory = &definition.functions["g"].working_directory;
    assert_eq!(directory, Path::new("d/apis/../h"));
    assert_eq!(loaded.files.len(), 5);
}

#[test]
fn includes_that_clash_or_fail_are_refused_with_both_places() {
    let check = |root: &str, other: &str, expected: &[&str]| {
        let fake = Fake::default().file("t.yaml", root).file("o.yaml", other);
        let problems = render(&problems(load(Path::new("t.yaml"), &fake)));
        for expected in expected {
            assert!(problems.contains(expected), "{problems}");
        }
    };
    let function = "functions: { f: { command: [x] } }\n";
    check(
        &format!("include: o.yaml\n{function}"),
        function,
        &["o.yaml:1:14: functions.f: is defined twice, first at t.yaml:2:14; keep one"],
    );
    check(
        "include: o.yaml\nserver: { region: a }",
        "server: { region: b }",
        &["server.region: is defined twice"],
    );
    check(
        "include: o.yaml\nserver: {}",
        "server: []",
        &["server: is defined twice"],
    );
    check(
        "include: x.yaml",
        "",
        &[
            "t.yaml:1:10: `x.yaml` cannot be read: No such file",
            "correct the path",
        ],
    );
    check(
        "include: o.yaml",
        "- a",
        &["o.yaml:1:1: a definition is a map"],
    );
    check(
        "include: o.yaml\nx: 1",
        "a: 'x",
        &["o.yaml:1:4", "close the quote"],
    );
    check("include: { a: b }", "", &["include: expected"]);
    check("include: '***'", "", &["cannot be searched for"]);
    let problems = load(Path::new("none.yaml"), &Fake::default()).unwrap_err();
    assert!(
        render(&problems).contains("none.yaml: cannot be read"),
        "{problems:?}"
    );
}

#[test]
fn patterns_of_includes_can_be_substituted() {
    let fake = Fake::default()
        .variable("DIR", "parts")
        .file("t.yaml", "include: \"${env:DIR}/*.yaml\"\n")
        .file("parts/a.yaml", "functions: { f: { command: [x] } }");
    let loaded = load(Path::new("t.yaml"), &fake).unwrap();
    assert_eq!(loaded.definition.functions.len(), 1);
    let fake = Fake::default().file("t.yaml", "include: \"${env:NONE}\"\n");
    let problems = problems(load(Path::new("t.yaml"), &fake));
    assert_eq!(problems.len(), 1, "{problems:#?}");
}

#[test]
fn a_file_that_includes_itself_is_read_once() {
    let fake = Fake::default().file("t.yaml", "include: ['*.yaml']\n");
    assert_eq!(problems(load(Path::new("t.yaml"), &fake)), []);
}

#[test]
fn the_environment_overrides_the_server_section() {
    let text = "server: { tls: development, listen: 127.0.0.1:1, limits: { requestRate: 1 } }";
    let fake = Fake::default()
        .variable("TIDEGATE_SERVER_LISTEN", "127.0.0.1:2, [::1]:3")
        .variable("TIDEGATE_SERVER_LIMITS_CONNECT_RATE", "7")
        .variable("TIDEGATE_SERVER_TLS_CERTIFICATE_FILE", "c.pem")
        .variable("TIDEGATE_SERVER_TLS_KEY_FILE", "k.pem")
        .file("c.pem", "x")
        .file("k.pem", "x")
        .variable("TIDEGATE_SERVER_ACCOUNT_ID", "000000000007")
        .variable("TIDEGATE_OTHER", "x");
    let server = good(text, &fake).server;
    assert_eq!(server.listen.len(), 2);
    assert_eq!(server.limits.request_rate.bound(), Some(1.0));
    assert_eq!(server.limits.connect_rate.bound(), Some(7.0));
    assert_eq!(server.account_id, "000000000007");
    let Some(Tls::Files(files)) = server.tls else {
        panic!("{:?}", server.tls)
    };
    assert_eq!(files.key_file, Path::new("k.pem"));

    let check = |name: &str, value: &str, expected: &str| {
        let problems = problems_of("", &Fake::default().variable(name, value));
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].contains(expected), "{problems:#?}");
    };
    check(
        "TIDEGATE_SERVER_LISTN",
        "x",
        "environment variable TIDEGATE_SERVER_LISTN: names no key of `server`; did you mean `TIDEGATE_SERVER_LISTEN`?",
    );
    check(
        "TIDEGATE_SERVER_LISTEN",
        "x",
        "environment variable TIDEGATE_SERVER_LISTEN: server.listen[0]: `x`",
    );
    check("TIDEGATE_SERVER_AWS_ENDPOINT", "x", "http or https URL");
}

#[test]
fn places_are_found_by_path() {
    let text = format!("{API}    routes:\n      a: {{ target: \"integrations/${{env:I:-x}}\" }}\n");
    let loaded = loaded(&text, &Fake::default());
    let place = |path: &str| loaded.places.of(path).unwrap().to_string();
    assert_eq!(place("apis.chat.routes.a.target"), "etc/definition:6:20");
    assert_eq!(place("apis.chat.routes.a"), "etc/definition:6:7");
    assert_eq!(place("apis.chat.routes.a.none[3].x"), "etc/definition:6:7");
    let shown = |path| loaded.places.shown(path, "integrations/x");
    assert_eq!(
        shown("apis.chat.routes.a.target"),
        "integrations/${env:I:-x}"
    );
    assert_eq!(shown("apis.chat"), "integrations/x");
}

/// What an editor makes of a text: substitutions are just text.
fn json(node: &tree::Node) -> serde_json::Value {
    match &node.value {
        tree::Value::Scalar(scalar) => scalar::core(&scalar.text, scalar.plain),
        tree::Value::Sequence(items) => items.iter().map(json).collect(),
        tree::Value::Mapping(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), json(&entry.value)))
            .collect(),
    }
}

#[test]
fn the_schema_accepts_what_is_good_and_not_what_is_bad() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let read = |text: &str| {
        let origin = include::origin_of(Path::new("t.yaml"));
        json(&tree::parse(text, &origin, &mut Report::default()).unwrap())
    };
    let substituted = "server: { limits: { requestRate: \"${env:RATE}\" }, region: \"${env:R}\" }";
    for good in [SAMPLE, starter(), "", substituted] {
        let value = read(good);
        let problems: Vec<_> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new());
    }
    for bad in [
        "apiz: {}",
        "server: { listen: [] }",
        "server: { limits: { requestRate: fast } }",
        "apis: { chat: { protocolType: WEBSOCKET } }",
        "apis: { chat: { protocolType: WEBSOCKETS, routeSelectionExpression: x } }",
        "apis: { chat: { protocolType: WEBSOCKET, routeSelectionExpression: x, route: {} } }",
        "functions: { a: { command: [] } }",
        "functions: { a: { command: [x], timeout: 3 } }",
    ] {
        assert!(!schema.is_valid(&read(bad)), "{bad}");
    }
}
