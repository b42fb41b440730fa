//! What a backend gets.

use super::{any, api, everything, seen};
use crate::harness::http_client::request;

/// The target that a backend sees when `route` is asked for `target` and leads to `uri` on the backend.
async fn check_target(route: &str, uri: &str, target: &str, expected: &str) {
    let asked = request("GET", target, &[], b"");
    let seen = seen(|backend| api(route, &any(&backend.url(uri))), &asked).await;
    assert_eq!(seen.target, expected, "{target} by {route} to {uri}");
}

#[tokio::test]
async fn a_route_with_a_path_asks_for_the_uri_as_it_is_written() {
    let check = check_target;
    check("GET /a", "", "/a", "/").await;
    check("GET /a", "/fixed/b%20c", "/a", "/fixed/b%20c").await;
    check("GET /a", "/fixed/", "/a?x=1&x=2&y", "/fixed/?x=1&x=2&y").await;
    check("GET /a", "/fixed?k=v", "/a", "/fixed?k=v").await;
    check("GET /a", "/fixed?k=v", "/a?x=%20+", "/fixed?k=v&x=%20+").await;
}

#[tokio::test]
async fn path_variables_are_encoded_again() {
    let check = check_target;
    let route = "\"GET /u/{id}\"";
    check(route, "/users/{id}", "/u/7", "/users/7").await;
    check(route, "/users/{id}/x", "/u/a%20b", "/users/a%20b/x").await;
    check(route, "/users/{id}", "/u/%C3%A4", "/users/%C3%A4").await;
    check(route, "/users/{id}", "/u/a%3Fb%23c", "/users/a%3Fb%23c").await;
    check(route, "/users/{id}", "/u/a%2Fb", "/users/a%2Fb").await;
    check(route, "/users/{id}", "/u/a%2525", "/users/a%2525").await;
    check(route, "/users?id={id}", "/u/a&b=c", "/users?id=a%26b%3Dc").await;
    let greedy = "\"GET /files/{path+}\"";
    check(greedy, "/{path}", "/files/a/b%20c/d", "/a/b%20c/d").await;
    check(greedy, "/x/{path}", "/files/a//b/", "/x/a//b/").await;
    check(greedy, "/x/{path}", "/files/a?q=1", "/x/a?q=1").await;
}

#[tokio::test]
async fn the_default_route_appends_the_path() {
    let check = check_target;
    check("$default", "", "/", "/").await;
    check("$default", "", "/a/b?x=1", "/a/b?x=1").await;
    check("$default", "/", "/a", "/a").await;
    check("$default", "/base", "/a/", "/base/a/").await;
    check("$default", "/base/", "/a%20b/%C3%A4", "/base/a%20b/%C3%A4").await;
    check("$default", "/base?k=v", "/a?x=1", "/base/a?k=v&x=1").await;
}

#[tokio::test]
async fn the_stage_is_not_part_of_the_path() {
    let asked = request("GET", "/dev/a", &[], b"");
    let definition = |url: &str| everything(url).replace("$default: {}", "dev: {}");
    let seen = seen(|backend| definition(&backend.url("")), &asked).await;
    assert_eq!(seen.target, "/a");
}

#[tokio::test]
async fn stage_variables_choose_the_backend() {
    let asked = request("GET", "/a", &[], b"");
    let definition = |port: u16| {
        everything("http://127.0.0.1:${stageVariables.port}/v${stageVariables.version}").replace(
            "$default: {}",
            &format!("$default: {{ stageVariables: {{ port: \"{port}\", version: \"2\" }} }}"),
        )
    };
    let seen = seen(|backend| definition(backend.address.port()), &asked).await;
    assert_eq!(seen.target, "/v2/a");
}

#[tokio::test]
async fn the_method_is_the_integrations_or_the_clients() {
    let check = async |method: &str, asked: &str, expected: &str| {
        let definition = |url: &str| {
            let integration = format!("integrationMethod: {method}, integrationUri: \"{url}\"");
            api("$default", &integration)
        };
        let asked = request(asked, "/", &[], b"");
        let seen = seen(|backend| definition(&backend.url("")), &asked).await;
        assert_eq!(seen.method, expected);
    };
    check("ANY", "GET", "GET").await;
    check("ANY", "DELETE", "DELETE").await;
    check("ANY", "PROPFIND", "PROPFIND").await;
    check("POST", "GET", "POST").await;
    check("GET", "PATCH", "GET").await;
}

/// The headers that a backend sees when these are sent, without those that every request has.
async fn passed_on(sent: &[(&str, &str)]) -> Vec<(String, String)> {
    let asked = request("GET", "/", sent, b"");
    let seen = seen(|backend| everything(&backend.url("")), &asked).await;
    let ours = ["host", "via", "forwarded", "x-amzn-trace-id", "traceparent"];
    let mut headers = seen.headers.clone();
    for name in ours {
        assert!(
            seen.header(name).is_some(),
            "{name} is missing: {headers:?}"
        );
    }
    headers.retain(|(name, _)| !ours.contains(&name.as_str()));
    headers.sort();
    headers
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let mut fields: Vec<_> = fields.iter().map(owned).collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn headers_of_the_request_go_on() {
    let sent = [
        ("accept", "*/*"),
        ("authorization", "Bearer x"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("origin", "https://a.example"),
        ("user-agent", "tests"),
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("x-empty", ""),
    ];
    assert_eq!(passed_on(&sent).await, owned(&sent));
}

#[tokio::test]
async fn headers_of_the_connection_end_here() {
    let sent = [
        ("connection", "keep-alive, X-One , x-two"),
        ("connection", "x-three"),
        ("keep-alive", "timeout=5"),
        ("proxy-authorization", "Basic x"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("trailer", "x-sum"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
        ("x-four", "4"),
    ];
    assert_eq!(passed_on(&sent).await, owned(&[("x-four", "4")]));
}

#[tokio::test]
async fn nobody_else_speaks_under_the_gateways_names() {
    let sent = [
        ("apigw-requestid", "forged"),
        ("x-amzn-requestid", "forged"),
        ("x-amzn-request-context", "{}"),
        ("x-amzn-oidc-identity", "admin"),
    ];
    assert_eq!(passed_on(&sent).await, owned(&[]));
}

/// CGI and what descends from it cannot tell `x_amzn_y` from `x-amzn-y`.
#[tokio::test]
async fn an_underscore_makes_no_name_another() {
    let sent = [
        ("x_amzn_oidc_identity", "admin"),
        ("X-Amzn_Request-Context", "{}"),
        ("apigw_requestid", "forged"),
        ("x_forwarded_for", "10.0.0.1"),
        ("x_forwarded-proto", "https"),
        ("content_length", "5"),
        ("transfer_encoding", "chunked"),
        ("proxy_authorization", "Basic x"),
        ("keep_alive", "timeout=5"),
        ("x_user_id", "7"),
        ("_", "8"),
    ];
    let expected = owned(&[("x_user_id", "7"), ("_", "8")]);
    assert_eq!(passed_on(&sent).await, expected);
}

#[tokio::test]
async fn nor_one_of_those_that_are_mapped() {
    let mapped = "requestParameters: { 'overwrite:header.x-subject': ours, 'append:header.x-tag': ours, 'remove:header.x-secret': \"''\", 'overwrite:header.x_old': ours }";
    let sent = [
        ("x_subject", "forged"),
        ("X-Subject", "forged"),
        ("x_tag", "forged"),
        ("x_secret", "forged"),
        ("x-old", "forged"),
        ("x_other", "kept"),
        ("x-tag", "the client's"),
    ];
    let asked = request("GET", "/", &sent, b"");
    let definition = |url: &str| api("$default", &format!("{}, {mapped}", any(url)));
    let seen = seen(|backend| definition(&backend.url("")), &asked).await;
    for name in ["x_subject", "x_tag", "x_secret", "x-old", "x-secret"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.header("x-subject").as_deref(), Some("ours"));
    assert_eq!(seen.header("x_old").as_deref(), Some("ours"));
    assert_eq!(seen.header("x-tag").as_deref(), Some("the client's, ours"));
    assert_eq!(seen.header("x_other").as_deref(), Some("kept"));
}

#[tokio::test]
async fn no_nomination_takes_a_header_of_the_gateways_away() {
    let nominations = [
        "host",
        "Host",
        "forwarded",
        "Forwarded",
        "via",
        "VIA",
        "x-amzn-trace-id",
        "X-Amzn-Trace-Id",
        "content-length",
        "close, via",
        "host, forwarded, via, x-amzn-trace-id",
        "keep-alive, , via",
    ];
    for nomination in nominations {
        let asked = request("POST", "/", &[("connection", nomination)], b"abc");
        let seen = seen(|backend| everything(&backend.url("")), &asked).await;
        for name in ["host", "forwarded", "via", "x-amzn-trace-id"] {
            assert!(seen.header(name).is_some(), "{name} by {nomination:?}");
        }
        assert_eq!(seen.header("content-length").unwrap(), "3", "{nomination}");
        assert_eq!(&seen.body[..], b"abc", "{nomination}");
    }
}

#[tokio::test]
async fn the_backend_is_told_who_asked_whom() {
    let check = async |sent: &[(&str, &str)], expected: &str| {
        let asked = request("GET", "/", sent, b"");
        let seen = seen(|backend| everything(&backend.url("")), &asked).await;
        assert_eq!(seen.header("forwarded").unwrap(), expected, "{sent:?}");
        for name in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] {
            assert_eq!(seen.header(name), None, "{sent:?}");
        }
    };
    let ours = "by=127.0.0.1;for=127.0.0.1;host=gateway.test;proto=http";
    check(&[], ours).await;
    let before = format!("for=192.0.2.1, {ours}");
    check(&[("x-forwarded-for", "192.0.2.1")], &before).await;
    check(&[("forwarded", "for=192.0.2.1")], &before).await;
    let sent = [
        ("x-forwarded-for", "192.0.2.1, 2001:db8::1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "a.example"),
    ];
    let before = "for=192.0.2.1;host=a.example;proto=https, for=\"[2001:db8::1]\"";
    check(&sent, &format!("{before}, {ours}")).await;
    // What would be something else in `Forwarded` is quoted.
    let before = r#"for="a;by=b", "#;
    check(&[("x-forwarded-for", "a;by=b")], &format!("{before}{ours}")).await;
}

#[tokio::test]
async fn host_via_and_trace_are_the_gateways() {
    let sent = [
        ("via", "1.0 fred"),
        (
            "x-amzn-trace-id",
            "Root=1-66a1b2c3-000102030405060708090a0b",
        ),
    ];
    let asked = request("GET", "/", &sent, b"");
    let definition = |url: &str| everything(url);
    let backend = |backend: &super::FakeHttp| definition(&backend.url(""));
    let seen = seen(backend, &asked).await;
    assert!(seen.header("host").unwrap().starts_with("127.0.0.1:"));
    assert_eq!(
        seen.header("via").unwrap(),
        "1.0 fred, HTTP/1.1 AmazonAPIGateway"
    );
    assert_eq!(seen.header("x-amzn-trace-id").unwrap(), sent[1].1);
}

#[tokio::test]
async fn parameters_are_mapped_before_the_request_leaves() {
    let mappings = concat!(
        "requestParameters: { \"append:header.x-id\": $request.path.id, \"overwrite:querystring.q\": $request.header.x-q, ",
        "\"remove:header.cookie\": \"''\", \"overwrite:path\": \"/v2/${request.path.id}\" }"
    );
    let definition = |url: &str| {
        let integration = format!("{}, {mappings}", any(url));
        api("\"GET /u/{id}\"", &integration)
    };
    let sent = [("x-q", "new"), ("cookie", "a=1")];
    let asked = request("GET", "/u/7%208?q=old&r=1", &sent, b"");
    let seen = seen(|backend| definition(&backend.url("/")), &asked).await;
    assert_eq!(seen.target, "/v2/7%208?r=1&q=new");
    assert_eq!(seen.header("x-id").unwrap(), "7 8");
    assert_eq!(seen.header("cookie"), None);
}

#[tokio::test]
async fn a_body_has_the_length_that_was_sent() {
    let check = async |method: &str, body: &[u8], expected: Option<&str>| {
        let asked = request(method, "/", &[("content-type", "x/y")], body);
        let seen = seen(|backend| everything(&backend.url("")), &asked).await;
        assert_eq!(
            seen.header("content-length").as_deref(),
            expected,
            "{method}"
        );
        assert_eq!(seen.header("transfer-encoding"), None, "{method}");
        assert_eq!(seen.body, body, "{method}");
    };
    check("GET", b"", None).await;
    check("DELETE", b"", None).await;
    check("HEAD", b"", None).await;
    check("POST", b"", Some("0")).await;
    check("PUT", b"", Some("0")).await;
    check("PATCH", b"", Some("0")).await;
    check("POST", b"abc", Some("3")).await;
    check("GET", b"abc", Some("3")).await;
    check("DELETE", &[0; 70_000], Some("70000")).await;
}

#[tokio::test]
async fn a_body_without_length_goes_on_without_length() {
    let mut asked = request("POST", "/", &[("transfer-encoding", "chunked")], b"");
    asked.extend_from_slice(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n");
    let seen = seen(|backend| everything(&backend.url("")), &asked).await;
    assert_eq!(seen.header("transfer-encoding").unwrap(), "chunked");
    assert_eq!(seen.header("content-length"), None);
    assert_eq!(&seen.body[..], b"abcde");
}
