//! JWT authorizers and the routes that use them: what is refused lest a route be open by accident.

use std::time::Duration;

use super::*;
use crate::plan::authorizer::{JwtAuthorizer, OnTokenExpiry, TokenSource};

const SOURCE: &str = "identitySource: $request.header.Authorization";
const CONFIGURATION: &str =
    "jwtConfiguration: { issuer: 'https://id.example.com/pool', audience: [web] }";

/// An API whose $connect is `route`, with `a`, an authorizer of these fields.
fn with(route: &str, authorizer: &str) -> String {
    format!(
        "routes: {{ $connect: {{ target: integrations/i, {route} }} }}\nauthorizers: {{ a: {{ {authorizer} }} }}"
    )
}

const ROUTE: &str = "authorizationType: JWT, authorizerId: a";

fn good_authorizer(fields: &str) -> (std::sync::Arc<JwtAuthorizer>, Vec<String>) {
    let stage = stage(&with(ROUTE, &format!("authorizerType: JWT, {fields}")));
    let routes = stage.routes.messages().unwrap();
    match &routes.connect.authorization {
        Authorization::Jwt(authorizer, scopes) => {
            (std::sync::Arc::clone(authorizer), scopes.to_vec())
        }
        other => panic!("{other:?}"),
    }
}

fn check_authorizer(fields: &str, expected: &[&str]) {
    check(
        &with(ROUTE, &format!("authorizerType: JWT, {fields}")),
        expected,
    );
}

fn check_route(route: &str, expected: &[&str]) {
    let authorizer = format!("authorizerType: JWT, {SOURCE}, {CONFIGURATION}");
    check(&with(route, &authorizer), expected);
}

#[test]
fn a_jwt_authorizer_compiles() {
    let (authorizer, scopes) = good_authorizer(&format!("{SOURCE}, {CONFIGURATION}"));
    assert_eq!(&*authorizer.id, "a");
    assert_eq!(&*authorizer.issuer, "https://id.example.com/pool");
    assert_eq!(authorizer.on_token_expiry, OnTokenExpiry::Keep);
    assert_eq!(scopes, [""; 0]);
    let (authorizer, _) = good_authorizer(&format!(
        "{SOURCE}, {CONFIGURATION}, tidegate: {{ onTokenExpiry: close, clockSkew: 60s }}"
    ));
    assert_eq!(authorizer.on_token_expiry, OnTokenExpiry::Close);
    let again = good_authorizer(&format!("{SOURCE}, {CONFIGURATION}")).0;
    assert_ne!(authorizer.rules.fingerprint(), again.rules.fingerprint());
}

#[test]
fn the_issuer_is_kept_to_the_letter() {
    for issuer in [
        "https://id.example.com/",
        "https://id.example.com",
        "http://127.0.0.1:9002",
        "https://ID.example.com/a//b/",
    ] {
        let configuration = format!("jwtConfiguration: {{ issuer: '{issuer}', audience: [a, b] }}");
        let (authorizer, _) = good_authorizer(&format!("{SOURCE}, {configuration}"));
        assert_eq!(&*authorizer.issuer, issuer);
    }
}

#[test]
fn a_token_has_one_place() {
    let place = |source: &str| {
        good_authorizer(&format!("identitySource: [{source}], {CONFIGURATION}"))
            .0
            .source
            .clone()
    };
    let header = TokenSource::Header("authorization".parse().unwrap());
    assert_eq!(place("$request.header.Authorization"), header);
    assert_eq!(place("route.request.header.authorization"), header);
    let parameter = TokenSource::QueryString("Token".to_owned());
    assert_eq!(place("$request.querystring.Token"), parameter);
    assert_eq!(place("route.request.querystring.Token"), parameter);
    assert_eq!(
        place("route.request.header.Sec-WebSocket-Protocol"),
        TokenSource::Subprotocol
    );
    let remedy = "write one: `$request.header.NAME` or `$request.querystring.NAME`";
    check_authorizer(
        CONFIGURATION,
        &["authorizers.a.identitySource: is missing", remedy],
    );
    for (source, problem) in [
        ("[]", "is missing"),
        (
            "[$request.header.a, $request.querystring.b]",
            "from one place",
        ),
        ("$context.identity.sourceIp", "not a place for a token"),
        ("stageVariables.token", "not a place for a token"),
        ("$request.body.token", "not a place for a token"),
        ("$request.header.", "not a place for a token"),
        ("'$request.header.a b'", "not a place for a token"),
        ("Authorization", "not a place for a token"),
    ] {
        check_authorizer(
            &format!("identitySource: {source}, {CONFIGURATION}"),
            &[problem],
        );
    }
}

#[test]
fn a_token_without_issuer_or_audience_is_nobodys() {
    check_authorizer(
        SOURCE,
        &["authorizers.a.jwtConfiguration: is missing", "audience"],
    );
    let check = |configuration: &str, expected: &[&str]| {
        check_authorizer(
            &format!("{SOURCE}, jwtConfiguration: {{ {configuration} }}"),
            expected,
        );
    };
    check(
        "issuer: 'https://a'",
        &["jwtConfiguration.audience: is missing"],
    );
    check("issuer: 'https://a', audience: []", &["audience", "1"]);
    check("issuer: 'https://a', audience: ['']", &["audience"]);
    check("audience: [a]", &["jwtConfiguration.issuer: is missing"]);
    let many = ["a"; 51].join(", ");
    check(
        &format!("issuer: 'https://a', audience: [{many}]"),
        &["audience", "50"],
    );
    for issuer in [
        "''",
        "a",
        "ftp://a",
        "https://",
        "//a",
        "https://a?b=c",
        "https://a#b",
        "'https://a b'",
        "https://me@a",
        "https://me:pw@a",
        "https://a:99999",
        "'https://[1'",
    ] {
        check(&format!("issuer: {issuer}, audience: [a]"), &["issuer: "]);
    }
}

#[test]
fn a_clock_may_be_wrong_by_a_minute_at_most() {
    let fields =
        |skew: &str| format!("{SOURCE}, {CONFIGURATION}, tidegate: {{ clockSkew: {skew} }}");
    check_authorizer(&fields("61s"), &["clockSkew"]);
    check_authorizer(&fields("2m"), &["clockSkew"]);
    check_authorizer(&fields("30"), &["clockSkew"]);
    let (authorizer, _) = good_authorizer(&fields("1m"));
    let longest = crate::lang::jwt::JwtRules::new(
        "https://id.example.com/pool".to_owned(),
        vec!["web".to_owned()],
        Duration::from_secs(60),
    );
    assert_eq!(authorizer.rules, longest);
}

#[test]
fn each_type_of_authorizer_has_its_own_settings() {
    let jwt = format!("{SOURCE}, {CONFIGURATION}");
    check_authorizer(
        &format!("{jwt}, authorizerUri: 'function:own'"),
        &["authorizerUri: has no meaning", "only REQUEST"],
    );
    check_authorizer(
        &format!("{jwt}, authorizerResultTtlInSeconds: 0"),
        &["authorizerResultTtlInSeconds: has no meaning"],
    );
    let lambda = |fields: &str| {
        format!(
            "authorizers: {{ a: {{ authorizerType: REQUEST, authorizerUri: 'function:own', {fields} }} }}"
        )
    };
    check(
        &lambda(CONFIGURATION),
        &["jwtConfiguration: has no meaning", "only JWT"],
    );
    check(
        &lambda("tidegate: { onTokenExpiry: keep }"),
        &["onTokenExpiry: has no meaning"],
    );
    check(
        &lambda("tidegate: { clockSkew: 0s }"),
        &["clockSkew: has no meaning"],
    );
    check(
        "authorizers: { a: { authorizerType: REQUEST } }",
        &["authorizers.a.authorizerUri: is missing", "function:NAME"],
    );
}

#[test]
fn a_route_names_an_authorizer_of_its_own_type() {
    check_route(
        "authorizationType: JWT",
        &["$connect.authorizerId: is missing"],
    );
    check_route(
        "authorizationType: JWT, authorizerId: b",
        &["`b` is not an authorizer of this API"],
    );
    check_route(
        "authorizationType: CUSTOM, authorizerId: a",
        &["`a` is a JWT authorizer", "`authorizationType: JWT`"],
    );
    check_route("authorizerId: a", &["CUSTOM` or `JWT` uses an authorizer"]);
    check_route(
        "authorizationType: AWS_IAM, authorizerId: a",
        &["CUSTOM` or `JWT` uses an authorizer"],
    );
    check(
        &with(
            ROUTE,
            "authorizerType: REQUEST, authorizerUri: 'function:own'",
        ),
        &["`a` is not a JWT authorizer", "`authorizerType: JWT`"],
    );
    // Unusable, and named: said once, and the route is not open.
    check(
        &with(ROUTE, &format!("authorizerType: JWT, {SOURCE}")),
        &["jwtConfiguration: is missing"],
    );
    check(
        &with(ROUTE, "authorizerType: JWTT, authorizerUri: 'function:own'"),
        &["authorizerType"],
    );
}

#[test]
fn an_authorizer_that_no_route_uses_is_fine() {
    let unused =
        format!("authorizers: {{ a: {{ authorizerType: JWT, {SOURCE}, {CONFIGURATION} }} }}");
    stage(&unused);
    assert_eq!(good(&api(&unused)).issuers().len(), 0);
    let used = with(
        ROUTE,
        &format!("authorizerType: JWT, {SOURCE}, {CONFIGURATION}"),
    );
    let plan = good(&api(&used));
    let issuers: Vec<_> = plan.issuers().into_iter().collect();
    assert_eq!(issuers.len(), 1);
    assert_eq!(&*issuers[0], "https://id.example.com/pool");
    assert!(table::render(&plan).contains("JWT a"));
}

#[test]
fn scopes_are_for_tokens() {
    let (_, scopes) = {
        let route = format!("{ROUTE}, authorizationScopes: [orders/read, 'https://a/b:c']");
        let authorizer = format!("authorizerType: JWT, {SOURCE}, {CONFIGURATION}");
        let stage = stage(&with(&route, &authorizer));
        let routes = stage.routes.messages().unwrap();
        let Authorization::Jwt(authorizer, scopes) = &routes.connect.authorization else {
            panic!("{:?}", routes.connect)
        };
        (std::sync::Arc::clone(authorizer), scopes.to_vec())
    };
    assert_eq!(scopes, ["orders/read", "https://a/b:c"]);
    check_route(
        "authorizationScopes: [a]",
        &["authorizationScopes: only `authorizationType: JWT` knows scopes"],
    );
    check_route(
        "authorizationType: AWS_IAM, authorizationScopes: [a]",
        &["only `authorizationType: JWT` knows scopes"],
    );
    let route = |scopes: &str| format!("{ROUTE}, authorizationScopes: {scopes}");
    let many = ["a"; 11].join(", ");
    check_route(&route(&format!("[{many}]")), &["authorizationScopes", "10"]);
    check_route(&route("['']"), &["authorizationScopes"]);
    check_route(&route("['a b']"), &["authorizationScopes", "a scope"]);
    check_route(&route(r#"['a"b']"#), &["authorizationScopes", "a scope"]);
    check_route(
        &route(&format!("[{}]", "a".repeat(65))),
        &["authorizationScopes"],
    );
    check(
        &format!(
            "routes: {{ x: {{ target: integrations/i, {ROUTE} }} }}\nauthorizers: {{ a: {{ authorizerType: JWT, {SOURCE}, {CONFIGURATION} }} }}"
        ),
        &["only $connect is authorized"],
    );
}

/// As [`check_authorizer`], of an HTTP API.
fn check_http(fields: &str, expected: &[&str]) {
    let text = http_api(ROUTE, &format!("authorizerType: JWT, {fields}"));
    let problems = problems_of(&text);
    assert_eq!(problems.len(), 1, "{text}\n{problems:#?}");
    for expected in expected {
        assert!(problems[0].contains(expected), "{expected}\n{problems:#?}");
    }
}

fn http_api(route: &str, authorizer: &str) -> String {
    format!(
        "apis:\n  shop:\n    protocolType: HTTP\n    routes: {{ 'GET /a': {{ target: integrations/i, {route} }} }}\n    integrations: {{ i: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: 'http://127.0.0.1:1/x' }} }}\n    authorizers: {{ a: {{ {authorizer} }} }}\n    stages: {{ $default: {{}} }}\n"
    )
}

#[test]
fn http_apis_have_the_same_authorizers() {
    let authorizer = format!("authorizerType: JWT, {SOURCE}, {CONFIGURATION}");
    let plan = good(&http_api(
        &format!("{ROUTE}, authorizationScopes: [read]"),
        &authorizer,
    ));
    let stage = plan.stage("shop", "$default").unwrap();
    let routes = stage.routes.http().unwrap();
    let Authorization::Jwt(authorizer, scopes) = &routes.listed[0].authorization else {
        panic!("{:?}", routes.listed)
    };
    assert_eq!(authorizer.on_token_expiry, OnTokenExpiry::Keep);
    assert_eq!(**scopes, ["read".to_owned()]);
    assert_eq!(plan.issuers().len(), 1);
    // Only WebSocket APIs have subprotocols, and their own way of writing a source.
    let plan = good(&http_api(
        ROUTE,
        &format!(
            "authorizerType: JWT, identitySource: $request.header.Sec-WebSocket-Protocol, {CONFIGURATION}"
        ),
    ));
    let stage = plan.stage("shop", "$default").unwrap();
    let routes = stage.routes.http().unwrap();
    assert!(!routes.listed[0].authorization.takes_subprotocol());
    check_http(
        &format!("identitySource: route.request.header.Authorization, {CONFIGURATION}"),
        &["not a place for a token"],
    );
    check_http(SOURCE, &["jwtConfiguration: is missing"]);
    for field in [
        "authorizerUri: 'function:own'",
        "authorizerPayloadFormatVersion: '1.0'",
        "authorizerResultTtlInSeconds: 0",
        "enableSimpleResponses: false",
    ] {
        check_http(
            &format!("{SOURCE}, {CONFIGURATION}, {field}"),
            &["has no meaning", "only REQUEST"],
        );
    }
    check_http(
        &format!("{SOURCE}, {CONFIGURATION}, tidegate: {{ onTokenExpiry: close }}"),
        &["a request ends before"],
    );
}
