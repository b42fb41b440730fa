//! HTTP APIs as a definition has them: addresses, routes, mapped parameters, CORS.

use bytes::Bytes;

use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{Response, request, send};
use crate::harness::{Rig, Setup, chat, echo};

const NOT_FOUND: &str = r#"{"message":"Not Found"}"#;

/// A backend that answers 200 with two headers, or the status that the path ends in.
async fn backend() -> FakeHttp {
    FakeHttp::start(|request| {
        let path = request.target.split('?').next().unwrap();
        let status = path.rsplit('/').next().unwrap().parse().unwrap_or(200);
        let answer = http::Response::builder()
            .status(status)
            .header("server", "secret/1.0")
            .header("access-control-allow-origin", "*")
            .header("x-answer", &request.method);
        Some(answer.body(Bytes::from(request.target.clone())).unwrap())
    })
    .await
}

/// An API with these routes to `backend`, these further fields of its integration, and these lines.
fn shop(backend: &FakeHttp, keys: &[&str], fields: &str, lines: &str) -> String {
    let route = |key: &&str| format!("      '{key}': {{ target: integrations/i }}\n");
    let routes: String = keys.iter().map(route).collect();
    let uri = backend.url("/in");
    format!(
        "apis:\n  shop:\n    protocolType: HTTP\n    routes:\n{routes}    integrations:\n      i: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: '{uri}', {fields} }}\n{lines}\n"
    )
}

async fn get(rig: &Rig, path: &str) -> Response {
    send(rig.address(), &request("GET", path, &[], b"")).await
}

/// The key of the route by which the function `f` was called.
async fn route_key(rig: &Rig, method: &str, path: &str) -> String {
    let answer = send(rig.address(), &request(method, path, &[], b"")).await;
    match answer.status {
        200 => rig.event("f").await["routeKey"]
            .as_str()
            .unwrap()
            .to_owned(),
        404 => {
            assert_eq!(answer.text(), NOT_FOUND);
            "none".to_owned()
        }
        other => other.to_string(),
    }
}

#[tokio::test]
async fn requests_meet_the_routes_of_their_stage() {
    let keys = [
        "GET /a/b/1",
        "GET /a/b/{id}",
        "GET /a/{x+}",
        "POST /t",
        "ANY /pets/{p+}",
    ];
    let route = |key: &&str| format!("'{key}': {{ target: integrations/f }}");
    let routes: Vec<_> = keys.iter().map(route).collect();
    let definition = format!(
        "apis: {{ shop: {{ protocolType: HTTP, routes: {{ {} }}, integrations: {{ f: {{ integrationType: AWS_PROXY, integrationUri: 'function:f', payloadFormatVersion: 2.0 }} }}, stages: {{ $default: {{}}, dev: {{}} }} }} }}\n",
        routes.join(", ")
    );
    let rig = Setup::new(definition).function("f", echo).start().await;
    for (request, expected) in [
        ("GET /a/b/1", "GET /a/b/1"),
        ("GET /a/b/2", "GET /a/b/{id}"),
        ("GET /a/c/1", "GET /a/{x+}"),
        ("GET /a/b/1/", "GET /a/{x+}"),
        ("GET /dev/a/b/1", "GET /a/b/1"),
        ("GET /%61/b/%31", "GET /a/b/1"),
        ("PROPFIND /pets/x", "ANY /pets/{p+}"),
        ("POST /t", "POST /t"),
        ("POST /t/", "none"),
        ("GET /t", "none"),
        ("GET /", "none"),
        ("GET /dev", "none"),
        ("GET /Dev/a/b/1", "none"),
        ("GET /$default/a/b/1", "none"),
        ("GET /a/%2e%2e/b", "400"),
        ("GET /a/..%2fb", "400"),
        ("GET /a/%00", "400"),
        ("GET /a/%zz", "400"),
        ("GET /_apis/shop/$default/t", "none"),
        ("POST /_apis/shop/$default/t", "POST /t"),
        ("POST /_apis/shop/dev/t", "POST /t"),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(route_key(&rig, method, path).await, expected, "{request}");
    }
    rig.close().await;
}

#[tokio::test]
async fn what_is_printed_is_where_it_answers() {
    let backend = backend().await;
    let stages = "    stages: { $default: {}, dev: {} }";
    let alone = shop(&backend, &["$default"], "", stages);
    let both = format!("{}{}", chat("{}"), alone.replace("apis:\n", ""));
    for (definition, expected) in [
        (alone, ["/", "/dev"]),
        (both, ["/_apis/shop/$default", "/_apis/shop/dev"]),
    ] {
        let rig = Setup::new(definition)
            .function("backend", echo)
            .start()
            .await;
        let banner = rig.gateway.banner();
        let printed: Vec<_> = banner
            .lines()
            .filter(|line| line.starts_with("shop/"))
            .map(|line| line.split_once("  http://").unwrap().1)
            .collect();
        let address = rig.address().to_string();
        let paths: Vec<_> = printed
            .iter()
            .map(|url| url.strip_prefix(&address).unwrap())
            .collect();
        assert_eq!(paths, expected, "{banner}");
        for path in paths {
            assert_eq!(get(&rig, path).await.status, 200, "{path}");
        }
        rig.close().await;
    }
}

#[tokio::test]
async fn an_api_that_is_reached_by_its_domain_only_has_no_other_address() {
    let backend = backend().await;
    let lines = "    disableExecuteApiEndpoint: true\n    stages: { $default: {} }\ndomainNames: { api.example.com: { apiMappings: { '': { apiId: shop, stage: $default } } } }";
    let definition = shop(&backend, &["$default"], "", lines);
    let rig = Setup::new(definition).start().await;
    let banner = rig.gateway.banner();
    let printed = banner.lines().next();
    assert_eq!(printed, Some("shop/$default  at its domain names only"));
    assert_eq!(get(&rig, "/").await.status, 404);
    let by_name = b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n";
    assert_eq!(send(rig.address(), by_name).await.status, 200);
    rig.close().await;
}

#[tokio::test]
async fn mapped_parameters_change_request_and_answer() {
    let backend = backend().await;
    let fields = r#"requestParameters: { "overwrite:path": "/v2${request.path}", "append:header.x-req": "$context.requestId", "overwrite:querystring.tenant": "${stageVariables.tenant}-${request.querystring.t}", "remove:header.cookie": "''", "append:header.x-name": "$request.path.name", "append:header.x-none": "$request.header.none" }, responseParameters: { 404: { "overwrite:statuscode": "410", "remove:header.server": "" }, 200: { "append:header.x-answer": "$request.header.x-asked" } }"#;
    let stages = "    stages: { $default: { stageVariables: { tenant: acme } } }";
    let definition = shop(&backend, &["GET /u/{name}/{rest+}"], fields, stages);
    let rig = Setup::new(definition).start().await;
    let asked = [("Cookie", "a=1"), ("X-Asked", "yes")];
    let answer = send(
        rig.address(),
        &request("GET", "/u/John%20D/x/y?t=1&u=%20", &asked, b""),
    )
    .await;
    let seen = backend.request().await;
    assert_eq!(seen.target, "/v2/u/John%20D/x/y?t=1&u=%20&tenant=acme-1");
    assert_eq!(seen.header("cookie"), None);
    assert_eq!(seen.header("x-name").as_deref(), Some("John D"));
    assert_eq!(seen.header("x-none"), None);
    assert_eq!(
        seen.header("x-req").as_deref(),
        answer.header("apigw-requestid")
    );
    let values: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "x-answer")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(values, ["GET", "yes"]);
    assert_eq!(answer.header("server"), Some("secret/1.0"));
    let answer = get(&rig, "/u/x/404").await;
    assert_eq!((answer.status, answer.header("server")), (410, None));
    rig.close().await;
}

#[tokio::test]
async fn what_cannot_stand_in_a_head_is_refused() {
    let backend = backend().await;
    let fields = "requestParameters: { 'append:header.x-q': $request.querystring.q, 'overwrite:path': '/p/${request.querystring.p}' }";
    let stages = "    stages: { $default: {} }";
    let definition = shop(&backend, &["GET /a"], fields, stages);
    let rig = Setup::new(definition).start().await;
    for query in [
        "q=a%0d%0aX-Evil:1",
        "q=%00",
        "p=..",
        "p=../x",
        "p=x/%2e%2e/y",
        "p=%5c",
    ] {
        let answer = get(&rig, &format!("/a?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    assert_eq!(backend.calls(), 0);
    assert_eq!(get(&rig, "/a?q=ok&p=%3Fx").await.status, 200);
    assert_eq!(backend.request().await.target, "/p/%3Fx?q=ok&p=%3Fx");
    rig.close().await;
}

#[tokio::test]
async fn browsers_are_told_what_the_configuration_says() {
    let backend = backend().await;
    let lines = "    corsConfiguration: { allowOrigins: ['https://a.example'], exposeHeaders: [x-answer] }\n    stages: { $default: {} }";
    let definition = shop(&backend, &["GET /x"], "", lines);
    let rig = Setup::new(definition).start().await;
    let ask = async |method, path, headers: &[(&str, &str)]| {
        send(rig.address(), &request(method, path, headers, b"")).await
    };
    let origin = ("Origin", "https://a.example");
    let preflight = [origin, ("Access-Control-Request-Method", "GET")];
    // A preflight needs no route.
    for path in ["/x", "/nowhere"] {
        let answer = ask("OPTIONS", path, &preflight).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, Some("https://a.example"), "{path}");
    }
    let answer = ask("GET", "/x", &[origin]).await;
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!((answer.status, allowed), (200, Some("https://a.example")));
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("x-answer")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
    for headers in [&[("Origin", "https://evil.example")][..], &[]] {
        let answer = ask("GET", "/x", headers).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    // Without both headers `OPTIONS` is a method like others.
    assert_eq!(ask("OPTIONS", "/x", &[origin]).await.status, 404);
    assert_eq!(backend.calls(), 3);
    rig.close().await;
}

#[tokio::test]
async fn a_route_without_target_is_500() {
    let definition = "apis: { shop: { protocolType: HTTP, routes: { 'GET /a': {} }, stages: { $default: {} } } }\n";
    let rig = Setup::new(definition).start().await;
    let answer = get(&rig, "/a").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.text(), r#"{"message":"Internal Server Error"}"#);
    rig.close_after(&["an exchange failed"]).await;
}
