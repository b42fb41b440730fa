//! HTTP APIs.

use ::http::{HeaderValue, Method};

use super::*;
use crate::lang::http_path::RoutePath;
use crate::plan::authorizer::AuthorizerFormat;
use crate::plan::integration::{
    Integration, PayloadFormat, ProxyBackend, ProxyTarget, PublicBackend,
};
use crate::plan::route::{HttpRoutes, Route};

const PROXY: &str =
    "integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: 'http://127.0.0.1:1/x'";
const OWN: &str = "integrationType: AWS_PROXY, integrationUri: 'function:own'";

/// An API with the stage `$default`, whose lines stand in `lines` by section.
fn api(lines: &str) -> String {
    let mut text = "apis:\n  shop:\n    protocolType: HTTP\n".to_owned();
    for line in lines.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    let integrations = format!("{{ i: {{ {PROXY} }} }}");
    for (section, needed) in [
        ("routes", "{ 'GET /a': { target: integrations/i } }"),
        ("integrations", &integrations),
        ("stages", "{ $default: {} }"),
    ] {
        if !lines.lines().any(|line| line.starts_with(section)) {
            text.push_str(&format!("    {section}: {needed}\n"));
        }
    }
    text
}

fn stage(lines: &str) -> std::sync::Arc<Stage> {
    let plan = good(&api(lines));
    std::sync::Arc::clone(plan.stage("shop", "$default").unwrap())
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

/// As [`check`], of one route.
fn check_key(key: &str, expected: &[&str]) {
    check(
        &format!("routes: {{ '{key}': {{ target: integrations/i }} }}"),
        expected,
    );
}

fn routes(stage: &Stage) -> &HttpRoutes {
    stage.routes.http().unwrap()
}

fn route<'s>(stage: &'s Stage, method: Method, path: &str) -> &'s Route {
    let path = RoutePath::parse(path.to_owned()).unwrap();
    routes(stage).select(&method, &path).unwrap().route
}

fn integration(route: &Route) -> &Integration {
    route.integration.as_ref().unwrap()
}

fn proxy(route: &Route) -> &ProxyTarget {
    match &integration(route).target {
        IntegrationTarget::Proxy(proxy) => proxy,
        other => panic!("{other:?}"),
    }
}

fn public(route: &Route) -> &PublicBackend {
    match &proxy(route).backend {
        ProxyBackend::Public(public) => public,
        ProxyBackend::Private(private) => panic!("{private:?}"),
    }
}

#[test]
fn the_http_part_of_the_sample_compiles() {
    let (_, shop) = SAMPLE.split_once("\n  shop:").unwrap();
    let (shop, _) = shop.split_once("\napiKeys:").unwrap();
    let text = format!("apis:\n  shop:{shop}\n");
    let plan = good(&text);
    let stage = plan.stage("shop", "$default").unwrap();
    let user = route(stage, Method::GET, "/users/7");
    assert_eq!(proxy(user).method, Some(Method::GET));
    assert!(!public(user).appends_path);
    let rest = route(stage, Method::PUT, "/else");
    assert_eq!((&*rest.key, &proxy(rest).method), ("$default", &None));
    assert!(public(rest).appends_path);
    assert_eq!(
        proxy(rest).body_idle_timeout,
        std::time::Duration::from_secs(60)
    );
    assert_eq!(
        integration(rest).timeout,
        quotas::HTTP_INTEGRATION_TIMEOUT_MAX
    );
    let cors = routes(stage).cors.as_ref().unwrap();
    let origin = HeaderValue::from_static("https://app.example.com");
    assert_eq!(cors.policy.answer(&origin), Some(origin));
    assert_eq!(
        table::render(&plan),
        "API   STAGE     ROUTE            AUTHORIZATION     THROTTLE  INTEGRATION\n\
         shop  $default  $default         none              account   HTTP_PROXY ANY http://127.0.0.1:9001\n\
         shop  $default  GET /users/{id}  JWT login (read)  account   HTTP_PROXY GET http://127.0.0.1:9001/users/{id}\n"
    );
}

#[test]
fn route_keys_are_read() {
    for key in [
        "$default",
        "ANY /",
        "GET /a/{b}",
        "DELETE /{rest+}",
        "OPTIONS /.well-known/x",
    ] {
        good(&api(&format!(
            "routes: {{ '{key}': {{ target: integrations/i }} }}"
        )));
    }
    check_key(
        "get /a",
        &[
            r#"etc/definition:4:15: apis.shop.routes."get /a": character 1: `get` is not a method"#,
            "write GET",
        ],
    );
    check_key("/a", &["the method is missing"]);
    check_key("GET a", &["does not start with a slash"]);
    check_key("GET /a/", &["the path ends with a slash"]);
    check_key("GET /{a+}/b", &["write it last"]);
    check_key("GET /{a}/{a}", &["stands in the path twice"]);
    check_key("$connect", &["only WebSocket APIs have $connect"]);
    check_key("ask", &["`ask` is not a method of a route key"]);
}

#[test]
fn two_keys_of_one_shape_are_refused_with_both_places() {
    check(
        "routes:\n  GET /p/{id}: { target: integrations/i }\n  GET /p/{x}: { target: integrations/i }",
        &[
            r#"etc/definition:6:7: apis.shop.routes."GET /p/{x}": takes the same requests as `GET /p/{id}` at etc/definition:5:7"#,
            "names of variables tell no routes apart",
        ],
    );
    good(&api(
        "routes: { 'GET /p/{id}': {}, 'ANY /p/{id}': {}, 'GET /p/{id+}': {}, 'GET /p': {} }",
    ));
}

#[test]
fn a_route_may_go_nowhere_but_not_to_what_is_not_there() {
    let stage = stage("routes: { 'GET /a': {} }");
    assert!(route(&stage, Method::GET, "/a").integration.is_none());
    check(
        "routes: { 'GET /a': { target: integrations/j } }",
        &[
            r#"apis.shop.routes."GET /a".target: `integrations/j` is not an integration of this API"#,
        ],
    );
    check(
        "routes: { 'GET /a': { target: i } }",
        &["`integrations/` and the id"],
    );
    check("routes: {}", &["has stages but no route"]);
    check(
        "routes: { 'GET /a': { target: integrations/i } }\nintegrations: { i: { integrationType: MOCK } }",
        &["`MOCK` is not supported here; only WebSocket APIs have it"],
    );
}

#[test]
fn requests_are_authorized_on_every_route() {
    let authorizers = "authorizers: { x: { authorizerType: REQUEST, authorizerUri: 'function:own', authorizerPayloadFormatVersion: 2.0, identitySource: [$request.header.Authorization, $request.querystring.q, $context.stage, $stageVariables.v] } }";
    let stage = stage(&format!(
        "routes: {{ 'GET /n': {{}}, 'GET /i': {{ authorizationType: AWS_IAM }}, $default: {{ authorizationType: CUSTOM, authorizerId: x }} }}\n{authorizers}\nstages: {{ $default: {{ stageVariables: {{ v: a }} }} }}"
    ));
    let authorization = |path| &route(&stage, Method::GET, path).authorization;
    assert!(matches!(authorization("/n"), Authorization::Open));
    assert!(matches!(authorization("/i"), Authorization::Iam));
    let Authorization::Custom(authorizer) = authorization("/else") else {
        panic!("{:?}", authorization("/else"))
    };
    assert_eq!(authorizer.identity_sources.len(), 4);
    check(
        "routes: { 'GET /a': { authorizationType: CUSTOM } }",
        &["authorizerId: is missing"],
    );
    check(
        "routes: { 'GET /a': { authorizationType: CUSTOM, authorizerId: y } }",
        &["`y` is not an authorizer of this API"],
    );
    check(
        "routes: { 'GET /a': { authorizationType: AWS_IAM, authorizerId: y } }",
        &["only `authorizationType: CUSTOM` or `JWT` uses an authorizer"],
    );
    let source = |text: &str| {
        format!(
            "authorizers: {{ x: {{ authorizerType: REQUEST, authorizerUri: 'function:own', authorizerPayloadFormatVersion: 2.0, identitySource: {text} }} }}"
        )
    };
    check(
        &source("route.request.header.x"),
        &[
            "identitySource[0]: `route.request.header.x` is not",
            "write `$request.header.NAME`",
        ],
    );
    check(&source("$request.header."), &["is not an identity source"]);
    check(
        &source("$context.connectionId"),
        &["exists on WebSocket APIs only"],
    );
    check(
        &source("$stageVariables.v"),
        &["stage `$default` has no variable `v`"],
    );
    check(
        "authorizers: { x: { authorizerType: REQUEST, authorizerPayloadFormatVersion: 1.0 } }",
        &["authorizerUri: is missing"],
    );
}

#[test]
fn lambda_authorizers_have_formats_and_keep_results() {
    let text = |fields: &str| {
        format!(
            "routes: {{ 'GET /a': {{ authorizationType: CUSTOM, authorizerId: x }} }}\nauthorizers: {{ x: {{ authorizerType: REQUEST, authorizerUri: 'function:own', {fields} }} }}"
        )
    };
    let compiled = |fields: &str| {
        let stage = stage(&text(fields));
        let Authorization::Custom(authorizer) = &route(&stage, Method::GET, "/a").authorization
        else {
            panic!("{fields}")
        };
        let caching = authorizer.caching.as_ref();
        (authorizer.format, caching.map(|caching| caching.ttl))
    };
    let (v1, v2) = (
        "authorizerPayloadFormatVersion: 1.0",
        "authorizerPayloadFormatVersion: 2.0",
    );
    let policy = AuthorizerFormat::V2 { simple: false };
    let simple = AuthorizerFormat::V2 { simple: true };
    assert_eq!(compiled(v1), (AuthorizerFormat::V1, None));
    assert_eq!(compiled(v2), (policy, None));
    let cases = [
        (v2, "enableSimpleResponses: true", simple, None),
        (v2, "enableSimpleResponses: false", policy, None),
        (
            v1,
            "enableSimpleResponses: false",
            AuthorizerFormat::V1,
            None,
        ),
        (
            v1,
            "authorizerResultTtlInSeconds: 0",
            AuthorizerFormat::V1,
            None,
        ),
        (
            v1,
            "authorizerResultTtlInSeconds: 3600, identitySource: $request.header.a",
            AuthorizerFormat::V1,
            Some(3600),
        ),
    ];
    for (version, fields, format, seconds) in cases {
        let ttl = seconds.map(std::time::Duration::from_secs);
        assert_eq!(compiled(&format!("{version}, {fields}")), (format, ttl));
    }
    check(
        &text("name: n"),
        &[
            "authorizerPayloadFormatVersion: is missing",
            "2.0`, or `1.0`",
        ],
    );
    let refused = |fields: &str, expected: &[&str]| check(&text(fields), expected);
    refused(
        &format!("{v1}, enableSimpleResponses: true"),
        &["enableSimpleResponses: payload format 1.0 has policies only"],
    );
    refused(
        &format!("{v2}, authorizerResultTtlInSeconds: 1"),
        &[
            "authorizerResultTtlInSeconds: without an identity source",
            "or write 0",
        ],
    );
    refused(
        &format!("{v2}, authorizerResultTtlInSeconds: 3601"),
        &["3600"],
    );
    refused("authorizerPayloadFormatVersion: 3.0", &["`1.0` or `2.0`"]);
    refused(
        &format!("{v2}, authorizerCredentialsArn: 'arn:aws:iam::000000000000:role/r'"),
        &["authorizerCredentialsArn"],
    );
    check(
        &format!(
            "authorizers: {{ x: {{ authorizerType: JWT, identitySource: $request.header.a, jwtConfiguration: {{ issuer: 'http://127.0.0.1', audience: [a] }}, {v2} }} }}"
        ),
        &["authorizerPayloadFormatVersion: has no meaning for this type"],
    );
}

#[test]
fn results_are_kept_for_each_stage_and_definition() {
    let scope = |stage: &str, function: &str| {
        let plan = good(&api(&format!(
            "routes: {{ 'GET /a': {{ authorizationType: CUSTOM, authorizerId: x }} }}\nauthorizers: {{ x: {{ authorizerType: REQUEST, authorizerUri: 'http://127.0.0.1/2015-03-31/functions/{function}/invocations', authorizerPayloadFormatVersion: 1.0, authorizerResultTtlInSeconds: 1, identitySource: $request.header.a }} }}\nstages: {{ $default: {{}}, dev: {{}} }}"
        )));
        let stage = plan.stage("shop", stage).unwrap();
        match &route(stage, Method::GET, "/a").authorization {
            Authorization::Custom(authorizer) => authorizer.caching.clone().unwrap().scope,
            other => panic!("{other:?}"),
        }
    };
    let first = scope("$default", "f");
    assert_eq!(first, scope("$default", "f"));
    assert_ne!(first, scope("dev", "f"));
    assert_ne!(first, scope("$default", "g"));
}

#[test]
fn proxied_uris_have_the_variables_of_their_routes() {
    let with = |routes: &str, uri: &str| {
        format!(
            "routes: {{ {routes} }}\nintegrations: {{ i: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: '{uri}' }} }}\nstages: {{ $default: {{ stageVariables: {{ host: a.example }} }} }}"
        )
    };
    let to = "{ target: integrations/i }";
    let stage = stage(&with(
        &format!("'GET /a/{{id}}/{{rest+}}': {to}, 'ANY /b/{{rest+}}/': {to}")
            .replace("+}/'", "+}'"),
        "https://${stageVariables.host}/x/{rest}?y=1",
    ));
    let route = route(&stage, Method::GET, "/a/1/2");
    assert_eq!(
        public(route).uri.to_string(),
        "https://${stageVariables.host}/x/{rest}?y=1"
    );
    good(&api(&with(
        &format!("'GET /{{a:b}}': {to}"),
        "http://127.0.0.1/{a:b}",
    )));
    check(
        &with(
            &format!("'GET /a/{{id}}': {to}, 'GET /b': {to}"),
            "http://127.0.0.1/{id}",
        ),
        &[
            "integrationUri: the route `GET /b` has nothing for `{id}`",
            "its own integration",
        ],
    );
    check(
        &with(
            &format!("'GET /a/{{ident}}': {to}"),
            "http://127.0.0.1/{id}",
        ),
        &["the route `GET /a/{ident}` has nothing for `{id}`; write `{ident}`"],
    );
    check(
        &with(&format!("$default: {to}"), "http://127.0.0.1/{proxy}"),
        &["the route `$default` has nothing for `{proxy}`"],
    );
    check(
        &with(&format!("'GET /a': {to}"), "http://${stageVariables.hots}/"),
        &["stage `$default` has no variable `hots`"],
    );
    check(
        &with(
            &format!("'GET /a': {to}"),
            "arn:aws:lambda:eu-west-1:123456789012:function:f",
        ),
        &["calls http and https URLs only"],
    );
    check(
        &with(&format!("'GET /a': {to}"), "/x"),
        &["neither an http(s) URL"],
    );
}

#[test]
fn one_integration_may_serve_default_and_others() {
    let stage = stage(
        "routes: { $default: { target: integrations/i }, 'GET /a': { target: integrations/i } }",
    );
    assert!(!public(route(&stage, Method::GET, "/a")).appends_path);
    assert!(public(route(&stage, Method::GET, "/b")).appends_path);
}

#[test]
fn functions_have_two_payload_formats() {
    let format = |fields: &str| {
        let stage = stage(&format!("integrations: {{ i: {{ {OWN}{fields} }} }}"));
        integration(route(&stage, Method::GET, "/a")).format
    };
    assert_eq!(format(""), PayloadFormat::V1);
    assert_eq!(format(", payloadFormatVersion: 1.0"), PayloadFormat::V1);
    assert_eq!(format(", payloadFormatVersion: '2.0'"), PayloadFormat::V2);
    assert_eq!(format(", integrationMethod: POST"), PayloadFormat::V1);
    check_integration(
        &format!("{OWN}, payloadFormatVersion: 3.0"),
        &["write `1.0` or `2.0`"],
    );
    check_integration(
        &format!("{PROXY}, payloadFormatVersion: 2.0"),
        &[
            "payloadFormatVersion: has no meaning",
            "only functions have 2.0",
        ],
    );
    check_integration(
        &format!("{OWN}, integrationMethod: GET"),
        &["invoked with POST"],
    );
    check_integration(
        "integrationType: AWS_PROXY",
        &["integrationUri: is missing"],
    );
}

#[test]
fn integrations_say_nothing_that_would_be_ignored() {
    let no_meaning = "has no meaning for this type of integration";
    check_integration(
        &format!("{OWN}, requestParameters: {{ 'append:header.x': a }}"),
        &["requestParameters: ", no_meaning, "as it came"],
    );
    check_integration(
        &format!("{OWN}, tlsConfig: {{ serverNameToVerify: a.example }}"),
        &["tlsConfig: ", no_meaning],
    );
    check_integration(
        &format!("{OWN}, tidegate: {{ bodyIdleTimeout: 5s }}"),
        &["tidegate.bodyIdleTimeout: ", no_meaning],
    );
    check_integration(
        "integrationType: HTTP_PROXY, integrationUri: 'http://127.0.0.1/'",
        &["integrationMethod: is missing", "`ANY`"],
    );
    check_integration(
        "integrationType: HTTP_PROXY, integrationMethod: ANY",
        &["integrationUri: is missing"],
    );
    check_integration(
        &format!("{PROXY}, tlsConfig: {{ serverNameToVerify: a.example }}"),
        &["tlsConfig: has no meaning for an http URL"],
    );
    let stage = stage(
        "integrations: { i: { integrationType: HTTP_PROXY, integrationMethod: GET, integrationUri: 'https://127.0.0.1/', connectionType: INTERNET, timeoutInMillis: 50, tlsConfig: { serverNameToVerify: a.example }, tidegate: { bodyIdleTimeout: 5m } } }",
    );
    let proxied = proxy(route(&stage, Method::GET, "/a"));
    let name = &public(route(&stage, Method::GET, "/a")).server_name;
    assert_eq!(name.as_deref(), Some("a.example"));
    assert_eq!(proxied.body_idle_timeout.as_secs(), 300);
    let timeout = integration(route(&stage, Method::GET, "/a")).timeout;
    assert_eq!(timeout, quotas::INTEGRATION_TIMEOUT_MIN);
}

#[test]
fn mappings_are_read() {
    let lines = |mappings: &str| {
        format!(
            "routes: {{ 'GET /a/{{id}}': {{ target: integrations/i }} }}\nintegrations: {{ i: {{ {PROXY}, {mappings} }} }}\nstages: {{ $default: {{ stageVariables: {{ v: a }} }} }}"
        )
    };
    let stage = stage(&lines(
        "requestParameters: { 'overwrite:path': '/v2/$${request.path.id}', 'append:header.x-v': $stageVariables.v, 'remove:header.cookie': \"''\" }, responseParameters: { 404: { 'overwrite:statuscode': 410 }, 500: { 'remove:header.server': '' } }".replace("$$", "$").as_str(),
    ));
    let route = route(&stage, Method::GET, "/a/1");
    assert_eq!(proxy(route).mappings.len(), 3);
    let responses = &integration(route).responses;
    assert_eq!(responses.keys().collect::<Vec<_>>(), [&404, &500]);
    assert!(!integration(route).reads_body());
    let refused = |mappings: &str, expected: &[&str]| check(&lines(mappings), expected);
    refused(
        "requestParameters: { 'overwrite:header.Via': x }",
        &[
            r#"requestParameters."overwrite:header.Via": character 18: no mapping may touch the header via"#,
        ],
    );
    refused(
        "requestParameters: { 'append:header.x': $request.headers.y }",
        &[
            r#"requestParameters."append:header.x": character 2: "#,
            "write request.header.NAME",
        ],
    );
    refused(
        "requestParameters: { 'append:header.x': '' }",
        &["the value has 0 characters"],
    );
    refused(
        "requestParameters: { 'append:header.x': $stageVariables.w }",
        &["stage `$default` has no variable `w`"],
    );
    refused(
        "requestParameters: { 'append:header.x': $request.path.ident }",
        &["no route that leads here has `{ident}` in its path"],
    );
    refused(
        "requestParameters: { 'append:header.X': a, 'append:header.x': b }",
        &[r#""append:header.x": says again what is done to this header"#],
    );
    refused(
        "responseParameters: { 200: { 'append:header.X': a, 'append:header.x': b } }",
        &[r#"responseParameters.200."append:header.x": says again"#],
    );
    refused(
        "responseParameters: { 200: { 'overwrite:path': /x } }",
        &["`path` is not a part of a response"],
    );
    refused(
        "responseParameters: { 200: { 'append:header.x': $stageVariables.w } }",
        &["has no variable `w`"],
    );
    refused(
        "responseParameters: { 2xx: {} }",
        &[
            "responseParameters.2xx: the key does not have the right form",
            "a status from 200 to 599",
        ],
    );
    refused(
        "responseParameters: { 100: {} }",
        &["a status from 200 to 599"],
    );
    // What functions answer can be changed too.
    good(&api(&format!(
        "integrations: {{ i: {{ {OWN}, responseParameters: {{ 200: {{ 'append:header.x': y }} }} }} }}"
    )));
}

#[test]
fn cors_is_checked_in_every_entry() {
    let problem = |configuration: &str, expected: &[&str]| {
        check(
            &format!("corsConfiguration: {{ {configuration} }}"),
            expected,
        );
    };
    problem(
        "allowOrigins: ['https://a.example', 'https://*.example.com']",
        &["corsConfiguration.allowOrigins[1]: a wildcard stands for all origins"],
    );
    problem(
        "allowOrigins: ['*'], allowCredentials: true",
        &["allowCredentials: allow-credentials is not supported if 'allow-origin' is *"],
    );
    problem(
        "allowOrigins: ['*'], allowMethods: [ANY]",
        &["allowMethods[0]: Method ANY is not supported; write *"],
    );
    problem(
        "allowMethods: [GET]",
        &["allowOrigins: there is no origin that may call the API"],
    );
    problem(
        "allowOrigins: 'https://a.example'",
        &["allowOrigins: expected a list"],
    );
    problem(
        "allowOrigins: ['*'], maxAge: 86401",
        &["maxAge: `86401` is out of range", "from -1 to 86400"],
    );
    problem(
        "allowOrigins: ['*'], allowHeaders: ['a b']",
        &["allowHeaders[0]: this is not the name"],
    );
    check(
        "corsConfiguration: []",
        &["corsConfiguration: expected a map"],
    );
    let stage = stage("corsConfiguration: { allowOrigins: ['*'], maxAge: -1 }");
    let preflight = &routes(&stage).cors.as_ref().unwrap().preflight;
    assert!(matches!(preflight.authorization, Authorization::Open));
    assert!(matches!(
        integration(preflight).target,
        IntegrationTarget::Preflight
    ));
}

#[test]
fn stages_are_named_or_the_default_one() {
    let text = api(
        "stages: { $default: {}, dev: { routeSettings: { 'GET /a': { throttlingRateLimit: 5, throttlingBurstLimit: 6 } }, accessLogSettings: { destinationArn: stdout, format: $context.requestId $context.httpMethod } } }",
    );
    let plan = good(&text);
    let dev = plan.stage("shop", "dev").unwrap();
    let throttle = route(dev, Method::GET, "/a").throttle.unwrap();
    assert_eq!((throttle.limit.rate, throttle.limit.burst), (5.0, 6));
    assert!(dev.access_log.is_some());
    let default = plan.stage("shop", "$default").unwrap();
    assert!(route(default, Method::GET, "/a").throttle.is_none());
    check(
        "stages: { $dev: {} }",
        &["`$default`, or a stage name of letters"],
    );
    check("stages: { _apis: {} }", &["`/_apis/` begins"]);
    check("stages: {}", &["has no stage"]);
    check(
        "stages: { dev: { routeSettings: { $connect: {} } } }",
        &["routeSettings.$connect: there is no such route"],
    );
    check(
        "stages: { dev: { routeSettings: { 'GET /b': {} } } }",
        &[r#"routeSettings."GET /b": there is no such route; did you mean `GET /a`?"#],
    );
    check(
        "stages: { dev: { accessLogSettings: { destinationArn: stdout, format: $context.requestId $context.connectionId } } }",
        &["context.connectionId exists on WebSocket APIs only"],
    );
}

#[test]
fn quotas_are_those_of_every_api() {
    let routes: Vec<_> = (0..301).map(|i| format!("GET /r{i}: {{}}")).collect();
    check(
        &format!("routes: {{ {} }}", routes.join(", ")),
        &["apis.shop.routes: has 301 routes; keep at most 300"],
    );
}
