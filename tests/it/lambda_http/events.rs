//! Proxy events in both payload formats, field by field.

use serde_json::{Value, json};

use super::{check, get, settle_ids, shop};
use crate::harness::gateway::{START, START_CLF};
use crate::harness::http_client::{request, send};
use crate::harness::signer::{KEY_ID, SECRET, Signer};
use crate::harness::{Rig, Setup, answers, soon};
use crate::http2;

const ROUTES: &str = r#"
"POST /orders/{orderId}": { target: integrations/v2 }
"POST /old/{orderId}": { target: integrations/v1 }
"GET /u/{n}": { target: integrations/v2 }
"GET /u1/{n}": { target: integrations/v1 }
"GET /files/{path+}": { target: integrations/v2 }
"GET /plain": { target: integrations/v2 }
"GET /plain1": { target: integrations/v1 }
"GET /signed": { target: integrations/v2, authorizationType: AWS_IAM }
"GET /signed1": { target: integrations/v1, authorizationType: AWS_IAM }
"PUT /body": { target: integrations/v2 }
"PUT /body1": { target: integrations/v1 }
$default: { target: integrations/v2 }
"#;

async fn standing() -> Rig {
    let credentials = format!(
        "credentials: [{{ accessKeyId: {KEY_ID}, secretAccessKey: {SECRET}, userName: caller }}]"
    );
    Setup::new(format!("{credentials}\n{}", shop(ROUTES, "")))
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await
}

/// The event of a request.
async fn event(
    rig: &Rig,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Value {
    let response = send(rig.address(), &request(method, target, headers, body)).await;
    assert_eq!(response.status, 200, "{target}: {response:?}");
    let event = rig.event("backend").await;
    let id = event["requestContext"]["requestId"].as_str();
    assert_eq!(response.header("apigw-requestid"), id);
    event
}

/// What the client of most tests sends.
const FIELDS: [(&str, &str); 6] = [
    ("User-Agent", "curl/8.7.1"),
    ("aCCept", "text/html"),
    ("Content-Type", "application/json"),
    ("Cookie", "sid=4f2a; theme=dark"),
    ("Accept", "application/json"),
    ("Connection", "keep-alive"),
];

#[tokio::test]
async fn format_2() {
    let rig = standing().await;
    let target = "/orders/A%207?tag=red&tag=blue&q=a+b&empty=";
    let body = br#"{"qty":"two"}"#;
    let mut event = event(&rig, "POST", target, &FIELDS, body).await;
    settle_ids(&mut event, &["requestId"]);
    let port = rig.address().port().to_string();
    let expected = json!({
        "version": "2.0",
        "routeKey": "POST /orders/{orderId}",
        "rawPath": "/orders/A 7",
        "rawQueryString": "tag=red&tag=blue&q=a+b&empty=",
        "cookies": ["sid=4f2a", "theme=dark"],
        "headers": {
            "accept": "text/html,application/json",
            "content-length": "13",
            "content-type": "application/json",
            "host": "gateway.test",
            "user-agent": "curl/8.7.1",
            "x-amzn-trace-id": "TRACE",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": port,
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": { "tag": "red,blue", "q": "a b", "empty": "" },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "shop",
            "domainName": "gateway.test",
            "domainPrefix": "gateway",
            "http": {
                "method": "POST", "path": "/orders/A 7", "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "curl/8.7.1",
            },
            "requestId": "ID",
            "routeKey": "POST /orders/{orderId}",
            "stage": "$default",
            "time": START_CLF,
            "timeEpoch": START,
        },
        "body": "{\"qty\":\"two\"}",
        "pathParameters": { "orderId": "A 7" },
        "isBase64Encoded": false,
    });
    check(&event, &expected);
    rig.close().await;
}

#[tokio::test]
async fn format_1() {
    let rig = standing().await;
    let target = "/old/A%207?tag=red&tag=blue&q=a+b&empty=";
    let mut event = event(&rig, "POST", target, &FIELDS, b"{}").await;
    settle_ids(&mut event, &["requestId", "extendedRequestId"]);
    let port = rig.address().port().to_string();
    let expected = json!({
        "version": "1.0",
        "resource": "/old/{orderId}",
        "path": "/old/A%207",
        "httpMethod": "POST",
        "headers": {
            "Accept": "application/json",
            "Content-Length": "2",
            "Content-Type": "application/json",
            "Host": "gateway.test",
            "User-Agent": "curl/8.7.1",
            "X-Amzn-Trace-Id": "TRACE",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": port,
            "X-Forwarded-Proto": "http",
            "Cookie": "sid=4f2a; theme=dark",
        },
        "multiValueHeaders": {
            "Accept": ["text/html", "application/json"],
            "Content-Length": ["2"],
            "Content-Type": ["application/json"],
            "Host": ["gateway.test"],
            "User-Agent": ["curl/8.7.1"],
            "X-Amzn-Trace-Id": ["TRACE"],
            "X-Forwarded-For": ["127.0.0.1"],
            "X-Forwarded-Port": [port],
            "X-Forwarded-Proto": ["http"],
            "Cookie": ["sid=4f2a; theme=dark"],
        },
        "queryStringParameters": { "tag": "blue", "q": "a b", "empty": "" },
        "multiValueQueryStringParameters": { "tag": ["red", "blue"], "q": ["a b"], "empty": [""] },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "shop",
            "authorizer": { "claims": null, "scopes": null },
            "domainName": "gateway.test",
            "domainPrefix": "gateway",
            "extendedRequestId": "ID",
            "httpMethod": "POST",
            "identity": {
                "accessKey": null, "accountId": null, "caller": null,
                "cognitoAuthenticationProvider": null, "cognitoAuthenticationType": null,
                "cognitoIdentityId": null, "cognitoIdentityPoolId": null, "principalOrgId": null,
                "sourceIp": "127.0.0.1", "user": null, "userAgent": "curl/8.7.1", "userArn": null,
            },
            "path": "/old/A 7",
            "protocol": "HTTP/1.1",
            "requestId": "ID",
            "requestTime": START_CLF,
            "requestTimeEpoch": START,
            "resourceId": "POST /old/{orderId}",
            "resourcePath": "/old/{orderId}",
            "stage": "$default",
        },
        "pathParameters": { "orderId": "A 7" },
        "stageVariables": null,
        "body": "{}",
        "isBase64Encoded": false,
    });
    check(&event, &expected);
    rig.close().await;
}

#[tokio::test]
async fn what_is_not_there() {
    let rig = standing().await;
    let bare = event(&rig, "GET", "/plain", &[], b"").await;
    let keys: Vec<_> = bare.as_object().unwrap().keys().collect();
    let expected = [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "headers",
        "requestContext",
        "isBase64Encoded",
    ];
    assert_eq!(keys, expected);
    assert_eq!(bare["rawQueryString"], "");
    assert_eq!(bare["isBase64Encoded"], false);
    assert_eq!(bare["headers"]["content-length"], "0");
    assert_eq!(bare["requestContext"]["http"]["userAgent"], "");
    assert_eq!(bare["requestContext"].get("authorizer"), None);
    // A question mark without anything behind it.
    let bare = event(&rig, "GET", "/plain?", &[("Cookie", "")], b"").await;
    assert_eq!(bare.get("queryStringParameters"), None);
    assert_eq!(bare.get("cookies"), None);

    let bare = event(&rig, "GET", "/plain1", &[], b"").await;
    for name in [
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    ] {
        assert_eq!(bare.get(name), Some(&Value::Null), "{name}");
    }
    assert_eq!(bare["headers"]["Content-Length"], "0");
    assert_eq!(bare["isBase64Encoded"], false);
    assert_eq!(bare["requestContext"]["identity"]["userAgent"], "");
    rig.close().await;
}

/// Vectors 4 and 5 of the wire specification, and their like.
#[tokio::test]
async fn paths_and_queries_are_decoded() {
    let rig = standing().await;
    let query = "?x=a+b&x=c%2Bd";
    let v2 = event(&rig, "GET", &format!("/u/John%20D{query}"), &[], b"").await;
    assert_eq!(v2["rawPath"], "/u/John D");
    assert_eq!(v2["pathParameters"], json!({ "n": "John D" }));
    assert_eq!(v2["rawQueryString"], "x=a+b&x=c%2Bd");
    assert_eq!(v2["queryStringParameters"], json!({ "x": "a b,c+d" }));
    let v1 = event(&rig, "GET", &format!("/u1/John%20D{query}"), &[], b"").await;
    assert_eq!(v1["path"], "/u1/John%20D");
    assert_eq!(v1["requestContext"]["path"], "/u1/John D");
    assert_eq!(v1["pathParameters"], json!({ "n": "John D" }));
    assert_eq!(v1["queryStringParameters"], json!({ "x": "c+d" }));
    assert_eq!(
        v1["multiValueQueryStringParameters"],
        json!({ "x": ["a b", "c+d"] })
    );

    let v2 = event(
        &rig,
        "GET",
        "/files/x/caf%C3%A9%2Fy?%C3%A4=%2C&b&a=1&b=%00",
        &[],
        b"",
    )
    .await;
    assert_eq!(v2["rawPath"], "/files/x/café/y");
    assert_eq!(v2["pathParameters"], json!({ "path": "x/café/y" }));
    assert_eq!(v2["rawQueryString"], "%C3%A4=%2C&b&a=1&b=%00");
    let parameters = json!({ "ä": ",", "b": ",\0", "a": "1" });
    check(&v2["queryStringParameters"], &parameters);

    // What follows an encoded question mark is cut off.
    let cut = event(&rig, "GET", "/x%3Fy", &[], b"").await;
    assert_eq!(cut["rawPath"], "/x");
    let cut = event(&rig, "GET", "/%3Fy", &[], b"").await;
    assert_eq!(cut["rawPath"], "/");

    let v2 = event(&rig, "PATCH", "/nowhere/else/", &[], b"").await;
    assert_eq!(v2["routeKey"], "$default");
    assert_eq!(v2["rawPath"], "/nowhere/else/");
    assert_eq!(v2.get("pathParameters"), None);
    assert_eq!(v2["requestContext"]["routeKey"], "$default");
    rig.close().await;
}

#[tokio::test]
async fn a_named_stage_stands_in_front_of_the_path() {
    let rig = standing().await;
    let v2 = event(&rig, "GET", "/dev/u/John%20D", &[], b"").await;
    assert_eq!(v2["rawPath"], "/dev/u/John D");
    assert_eq!(v2["requestContext"]["http"]["path"], "/dev/u/John D");
    assert_eq!(v2["requestContext"]["stage"], "dev");
    assert_eq!(
        v2["stageVariables"],
        json!({ "backend": "blue", "tier": "gold" })
    );
    let v1 = event(&rig, "GET", "/dev/u1/John%20D", &[], b"").await;
    assert_eq!(v1["path"], "/dev/u1/John%20D");
    assert_eq!(v1["requestContext"]["path"], "/dev/u1/John D");
    assert_eq!(v1["requestContext"]["stage"], "dev");
    assert_eq!(
        v1["stageVariables"],
        json!({ "backend": "blue", "tier": "gold" })
    );
    let root = event(&rig, "GET", "/dev", &[], b"").await;
    assert_eq!(root["rawPath"], "/dev/");
    rig.close().await;
}

/// The key of a mapping is part of the path in format 1.0 only; the stage is part of that in format 2.0.
#[tokio::test]
async fn a_custom_domain_name_has_paths_of_its_own() {
    let domain =
        "domainNames: { shop.example: { apiMappings: { sh: { apiId: shop, stage: dev } } } }";
    let rig = Setup::new(format!("{domain}\n{}", shop(ROUTES, "")))
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let event = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        let response = send(rig.address(), request.as_bytes()).await;
        assert_eq!(response.status, 200, "{path}");
        rig.event("backend").await
    };
    let v2 = event("/sh/u/John%20D").await;
    assert_eq!(v2["rawPath"], "/dev/u/John D");
    assert_eq!(v2["requestContext"]["http"]["path"], "/dev/u/John D");
    assert_eq!(v2["requestContext"]["domainName"], "shop.example");
    assert_eq!(v2["requestContext"]["domainPrefix"], "shop");
    let v1 = event("/sh/u1/John%20D").await;
    assert_eq!(v1["path"], "/sh/u1/John%20D");
    assert_eq!(v1["requestContext"]["path"], "/sh/u1/John D");
    assert_eq!(v1["requestContext"]["stage"], "dev");
    rig.close().await;
}

/// Its clients name the host elsewhere, and may send each cookie by itself.
#[tokio::test]
async fn http_2() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Setup::new(shop(ROUTES, ""))
        .server("tls: development")
        .server(&format!(
            "stateDirectory: \"{}\"",
            directory.path().display()
        ))
        .function(
            "backend",
            answers(json!({ "statusCode": 200, "headers": { "X-A": "b" } })),
        )
        .start()
        .await;
    let mut sender = http2::connect(&rig, directory.path()).await;
    for (path, lower) in [("/plain", true), ("/plain1", false)] {
        let request = http::Request::get(format!("https://localhost{path}"))
            .header("cookie", "a=1")
            .header("cookie", "b=2; c=3")
            .body(http_body_util::Empty::new());
        let answer = soon("an answer", sender.send_request(request.unwrap())).await;
        assert_eq!(answer.unwrap().headers()["x-a"], "b");
        let event = rig.event("backend").await;
        let name = |name: &str| match lower {
            true => name.to_ascii_lowercase(),
            false => name.to_owned(),
        };
        let headers = &event["headers"];
        assert_eq!(headers[name("Host")], "localhost");
        assert_eq!(headers[name("X-Forwarded-Proto")], "https");
        assert_eq!(headers[name("Content-Length")], "0");
        match lower {
            true => assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"])),
            false => assert_eq!(headers["Cookie"], "a=1; b=2; c=3"),
        }
        let context = &event["requestContext"];
        let protocol = context["http"].get("protocol").or(context.get("protocol"));
        assert_eq!(protocol, Some(&json!("HTTP/1.1")));
    }
    drop(sender);
    rig.close().await;
}

#[tokio::test]
async fn headers_that_the_gateway_sets() {
    let rig = standing().await;
    let fields = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Port", "9"),
        ("X-Forwarded-Proto", "gopher"),
        (
            "X-Amzn-Trace-Id",
            "Root=1-66f0a1b2-0123456789abcdef01234567",
        ),
        ("X-Many", "a"),
        ("x-many", "b, c"),
        ("X-Many", ""),
        ("TE", "trailers"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Cookie", "a=1;b=2"),
        ("Cookie", "c=\"3 4\"; "),
        ("X-Latin", "caf\u{e9}"),
    ];
    let v2 = event(&rig, "GET", "/plain", &fields, b"").await;
    let port = rig.address().port().to_string();
    let trace = "Root=1-66f0a1b2-0123456789abcdef01234567";
    let headers = json!({
        "content-length": "0",
        "host": "gateway.test",
        "x-amzn-trace-id": trace,
        "x-forwarded-for": "203.0.113.9, 127.0.0.1",
        "x-forwarded-port": port,
        "x-forwarded-proto": "http",
        "x-latin": "café",
        "x-many": "a,b, c,",
    });
    check(&v2["headers"], &headers);
    assert_eq!(v2["cookies"], json!(["a=1", "b=2", "c=\"3 4\""]));
    let v1 = event(&rig, "GET", "/plain1", &fields, b"").await;
    assert_eq!(v1["headers"]["X-Many"], "");
    assert_eq!(v1["multiValueHeaders"]["X-Many"], json!(["a", "b, c", ""]));
    assert_eq!(v1["headers"]["Cookie"], "a=1;b=2; c=\"3 4\";");
    assert_eq!(v1["headers"]["X-Forwarded-For"], "203.0.113.9, 127.0.0.1");
    for hidden in ["Te", "Keep-Alive", "Proxy-Authorization", "Connection"] {
        assert_eq!(v1["headers"].get(hidden), None, "{hidden}");
        assert_eq!(v1["multiValueHeaders"].get(hidden), None, "{hidden}");
    }
    rig.close().await;
}

/// What a client says under the gateway's names, or for its own connection only, is not the gateway's word.
#[tokio::test]
async fn headers_that_no_client_may_set() {
    let rig = standing().await;
    let fields = [
        ("X-Amzn-Oidc-Identity", "admin"),
        ("x-amzn-request-context", "{}"),
        ("apigw-requestid", "forged"),
        ("Connection", "keep-alive, X-Private, x-amzn-trace-id"),
        ("X-Private", "of this hop"),
        ("X-Public", "yes"),
    ];
    for (path, public) in [("/plain", "x-public"), ("/plain1", "X-Public")] {
        let event = event(&rig, "GET", path, &fields, b"").await;
        let headers = event["headers"].as_object().unwrap();
        let names: Vec<_> = headers.keys().map(|name| name.to_lowercase()).collect();
        for hidden in [
            "x-amzn-oidc-identity",
            "x-amzn-request-context",
            "apigw-requestid",
            "x-private",
        ] {
            assert!(!names.contains(&hidden.to_owned()), "{hidden}");
        }
        assert!(names.contains(&"x-amzn-trace-id".to_owned()));
        assert_eq!(headers[public], "yes");
    }
    rig.close().await;
}

/// Section 6.2 of the wire specification, vector 6 among it.
#[tokio::test]
async fn bodies() {
    let rig = standing().await;
    let check = async |fields: &[(&str, &str)], body: &[u8], expected: (Value, bool)| {
        for target in ["/body", "/body1"] {
            let event = event(&rig, "PUT", target, fields, body).await;
            let shown = event.get("body").cloned().unwrap_or_default();
            assert_eq!(
                (shown, event["isBase64Encoded"] == true),
                expected,
                "{fields:?}"
            );
        }
    };
    let kind = |kind: &'static str| [("Content-Type", kind)];
    let form = kind("application/x-www-form-urlencoded");
    check(&form, b"a=1", (json!("YT0x"), true)).await;
    check(
        &kind("text/plain"),
        b"a \"b\"\n",
        (json!("a \"b\"\n"), false),
    )
    .await;
    let json_type = kind("application/json; charset=utf-8");
    check(
        &json_type,
        "{\"ä\":1}".as_bytes(),
        (json!("{\"ä\":1}"), false),
    )
    .await;
    check(&kind("application/xml"), b"<a/>", (json!("<a/>"), false)).await;
    check(
        &kind("application/javascript"),
        b"a()",
        (json!("a()"), false),
    )
    .await;
    check(
        &kind("application/problem+json"),
        b"{}",
        (json!("e30="), true),
    )
    .await;
    check(
        &kind("multipart/form-data; boundary=x"),
        b"x",
        (json!("eA=="), true),
    )
    .await;
    check(
        &kind("application/octet-stream"),
        b"\x00\xff",
        (json!("AP8="), true),
    )
    .await;
    check(&kind("text/plain"), b"\xff", (json!("/w=="), true)).await;
    check(&[], b"x", (json!("eA=="), true)).await;
    let zipped = [("Content-Type", "text/plain"), ("Content-Encoding", "gzip")];
    check(&zipped, b"x", (json!("eA=="), true)).await;
    check(&kind("application/octet-stream"), b"", (Value::Null, false)).await;
    rig.close().await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_measured() {
    let rig = standing().await;
    let head = "PUT /body HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: text/plain\r\n\
                Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let response = send(rig.address(), head.as_bytes()).await;
    assert_eq!(response.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["body"], "abcde");
    assert_eq!(event["headers"]["content-length"], "5");
    assert_eq!(event["headers"].get("transfer-encoding"), None);
    rig.close().await;
}

/// What a function cannot take is refused before it is asked: 6 MB as an event, 10 MB at all.
#[tokio::test]
async fn a_body_that_no_event_can_carry() {
    let rig = standing().await;
    let refused = async |bytes: usize| {
        let body = vec![b'x'; bytes];
        let head = [("Content-Type", "text/plain")];
        let response = send(rig.address(), &request("PUT", "/body", &head, &body)).await;
        assert_eq!(
            super::told(&response),
            (413, "Request Entity Too Large".into()),
            "{bytes}"
        );
    };
    refused(6 * 1024 * 1024).await;
    refused(6 * 1024 * 1024 + 1).await;
    refused(10 * 1024 * 1024 + 1).await;
    assert_eq!(rig.calls("backend"), 0);
    let body = vec![b'x'; 6 * 1024 * 1024 - 4096];
    let text = [("Content-Type", "text/plain")];
    let event = event(&rig, "PUT", "/body", &text, &body).await;
    assert_eq!(event["body"].as_str().map(str::len), Some(body.len()));
    rig.close().await;
}

#[tokio::test]
async fn facts_about_a_signed_caller() {
    let rig = standing().await;
    let signed = async |path: &str| {
        let signature = Signer::default().sign("GET", path, &[], b"");
        let headers: Vec<_> = signature
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        event(&rig, "GET", path, &headers, b"").await
    };
    let v2 = signed("/signed").await;
    let arn = "arn:aws:iam::000000000000:user/caller";
    let expected = json!({ "iam": {
        "accessKey": KEY_ID, "accountId": "000000000000", "callerId": KEY_ID, "cognitoIdentity": null,
        "principalOrgId": null, "userArn": arn, "userId": KEY_ID,
    } });
    check(&v2["requestContext"]["authorizer"], &expected);
    let v1 = signed("/signed1").await;
    let identity = &v1["requestContext"]["identity"];
    assert_eq!(identity["accessKey"], KEY_ID);
    assert_eq!(identity["accountId"], "000000000000");
    assert_eq!(identity["caller"], KEY_ID);
    assert_eq!(identity["user"], KEY_ID);
    assert_eq!(identity["userArn"], arn);
    let refused = get(&rig, "/signed", &[]).await;
    assert_eq!(super::told(&refused), (403, "Forbidden".into()));
    rig.close().await;
}
