//! Metrics of HTTP APIs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::Page;
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::http_client::{connect, read_response, request, send};
use crate::harness::{Rig, Setup, eventually};

/// An API `shop` in front of a backend at this URL; `stage` is the body of its stage `prod`.
fn shop(url: &str, stage: &str) -> String {
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    corsConfiguration: {{ allowOrigins: ["*"], allowMethods: ["*"] }}
    routes:
      GET /things/{{id}}: {{ target: integrations/things }}
      POST /things: {{ target: integrations/things }}
      GET /down: {{ target: integrations/down }}
      GET /own: {{ target: integrations/own }}
    integrations:
      things: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{url}" }}
      down: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "http://127.0.0.1:1/" }}
      own: {{ integrationType: AWS_PROXY, integrationUri: "function:own", payloadFormatVersion: "2.0" }}
    stages:
      prod: {stage}
"#
    )
}

fn labels(route: Option<&str>) -> String {
    super::labels(route).replace("chat", "shop")
}

fn check(page: &Page, route: Option<&str>, expected: &[(&str, f64)]) {
    let expected = expected.iter().copied().collect();
    assert_eq!(page.counted(&labels(route)), expected, "{route:?}");
}

fn timed(page: &Page, timer: &str, route: Option<&str>) -> f64 {
    page.value(&format!(
        "tidegate_{timer}_seconds_count{{{}}}",
        labels(route)
    ))
}

async fn ask(rig: &Rig, method: &str, path: &str, body: &[u8]) -> u16 {
    let request = request(method, path, &[], body);
    send(rig.address(), &request).await.status
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let backend = FakeHttp::start(|request: &Recorded| {
        let status = match request.method.as_str() {
            "POST" => 500,
            _ => 200,
        };
        let response = Response::builder().status(status);
        Some(response.body(Bytes::from_static(b"12345")).unwrap())
    })
    .await;
    let stage = "{ defaultRouteSettings: { detailedMetricsEnabled: true }, \
                   routeSettings: { GET /own: { detailedMetricsEnabled: false, throttlingRateLimit: 1, throttlingBurstLimit: 1 } } }";
    let rig = Setup::new(shop(&backend.url("/"), stage))
        .function("own", |_| {
            futures_util::future::ready(Ok(json!({ "statusCode": 200, "body": "own" })))
        })
        .manual()
        .start()
        .await;
    assert_eq!(ask(&rig, "GET", "/prod/things/1", b"").await, 200);
    assert_eq!(ask(&rig, "GET", "/prod/things/2?q=1", b"").await, 200);
    assert_eq!(ask(&rig, "POST", "/prod/things", b"1234567").await, 500);
    assert_eq!(ask(&rig, "GET", "/prod/down", b"").await, 503);
    assert_eq!(ask(&rig, "GET", "/prod/own", b"").await, 200);
    assert_eq!(ask(&rig, "GET", "/prod/own", b"").await, 429);
    assert_eq!(ask(&rig, "GET", "/prod/nowhere", b"").await, 404);
    let preflight = [
        ("Origin", "https://a.example"),
        ("Access-Control-Request-Method", "GET"),
    ];
    let preflight = request("OPTIONS", "/prod/things/1", &preflight, b"");
    assert_eq!(send(rig.address(), &preflight).await.status, 204);
    for _ in 0..3 {
        backend.request().await;
    }
    rig.event("own").await;
    rig.settle(0).await;
    let page = Page::of(&rig).await;
    let things = Some("GET /things/{id}");
    check(
        &page,
        things,
        &[("count", 2.0), ("data_processed_bytes", 10.0)],
    );
    let posted = [("5xx", 1.0), ("count", 1.0), ("data_processed_bytes", 12.0)];
    check(&page, Some("POST /things"), &posted);
    let unavailable = r#"{"message":"Service Unavailable"}"#.len() as f64;
    let down = [
        ("5xx", 1.0),
        ("count", 1.0),
        ("data_processed_bytes", unavailable),
    ];
    check(&page, Some("GET /down"), &down);
    // The route without detailed metrics, what met no route, and the preflight, which is the gateway's own.
    let texts = [
        r#"own"#,
        r#"{"message":"Too Many Requests"}"#,
        r#"{"message":"Not Found"}"#,
    ];
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let rest = [
        ("4xx", 2.0),
        ("count", 4.0),
        ("data_processed_bytes", bytes as f64),
        ("throttled", 1.0),
    ];
    check(&page, None, &rest);
    assert_eq!(timed(&page, "latency", things), 2.0);
    assert_eq!(timed(&page, "latency", None), 4.0);
    assert_eq!(timed(&page, "integration_latency", things), 2.0);
    assert_eq!(timed(&page, "integration_latency", Some("GET /down")), 1.0);
    assert_eq!(timed(&page, "integration_latency", None), 1.0);
    assert!(page.series("tidegate_message_count_total").is_empty());
    assert!(page.series("tidegate_open_connections").is_empty());
    rig.close_after(&["INTEGRATION_FAILURE"]).await;
}

#[tokio::test]
async fn an_answer_that_streams_is_counted_when_it_has_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let backend = tokio::spawn(async move {
        for whole in [true, false] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = Vec::with_capacity(4096);
            stream.read_buf(&mut some).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nfirst";
            stream.write_all(head.as_bytes()).await.unwrap();
            opened.acquire().await.unwrap().forget();
            if whole {
                stream.write_all(b"-last").await.unwrap();
            }
            stream.shutdown().await.unwrap();
        }
    });
    let stage = "{ defaultRouteSettings: { detailedMetricsEnabled: true } }";
    let rig = Setup::new(shop(&url, stage))
        .function("own", crate::harness::echo)
        .manual()
        .start()
        .await;
    let route = Some("GET /things/{id}");
    let get = request("GET", "/prod/things/1", &[], b"");

    let mut client = connect(rig.address()).await;
    client.write_all(&get).await.unwrap();
    let mut seen = vec![0; 1024];
    let mut length = 0;
    while !seen[..length].ends_with(b"first") {
        length += client.read(&mut seen[length..]).await.unwrap();
    }
    // The head was there at once; until the end nothing is counted.
    rig.advance(Duration::from_secs(2));
    check(&Page::of(&rig).await, route, &[]);
    gate.add_permits(1);
    let mut buffer = seen[..length].to_vec();
    let answer = read_response(&mut client, &mut buffer).await.unwrap();
    assert_eq!(answer.text(), "first-last");
    drop(client);
    rig.settle(0).await;
    let page = Page::of(&rig).await;
    check(
        &page,
        route,
        &[("count", 1.0), ("data_processed_bytes", 10.0)],
    );
    let sum = |page: &Page, timer: &str| {
        page.value(&format!(
            "tidegate_{timer}_seconds_sum{{{}}}",
            labels(route)
        ))
    };
    assert_eq!(sum(&page, "latency"), 2.0);
    assert_eq!(sum(&page, "integration_latency"), 0.0);

    // A client that goes away in the middle.
    let mut client = connect(rig.address()).await;
    client.write_all(&get).await.unwrap();
    client
        .read_buf(&mut Vec::with_capacity(1024))
        .await
        .unwrap();
    drop(client);
    gate.add_permits(1);
    let services = rig.gateway.services();
    let idle = || {
        services
            .observers
            .page()
            .contains(&format!("tidegate_count_total{{{}}} 2\n", labels(route)))
    };
    eventually("the request to be counted", idle).await;
    backend.await.unwrap();
    rig.close().await;
}

#[tokio::test]
async fn verdicts_that_are_kept_are_told_from_those_that_were_asked_for() {
    let definition = r#"
apis:
  shop:
    protocolType: HTTP
    routes:
      GET /own: { target: integrations/own, authorizationType: CUSTOM, authorizerId: asking }
    integrations:
      own: { integrationType: AWS_PROXY, integrationUri: "function:own", payloadFormatVersion: "2.0" }
    authorizers:
      asking: { authorizerType: REQUEST, authorizerUri: "function:asked", authorizerPayloadFormatVersion: "2.0",
                enableSimpleResponses: true, identitySource: [$request.header.Authorization], authorizerResultTtlInSeconds: 60 }
    stages: { prod: {} }
"#;
    let rig = Setup::new(definition)
        .function("asked", |event: serde_json::Value| {
            let authorized = event["identitySource"][0] == "good";
            futures_util::future::ready(Ok(json!({ "isAuthorized": authorized })))
        })
        .function("own", crate::harness::echo)
        .manual()
        .start()
        .await;
    for (token, status) in [
        ("good", 200),
        ("good", 200),
        ("bad", 403),
        ("bad", 403),
        ("good", 200),
    ] {
        let get = request("GET", "/prod/own", &[("Authorization", token)], b"");
        assert_eq!(send(rig.address(), &get).await.status, status);
    }
    // Nobody is asked about a request that says nothing.
    assert_eq!(ask(&rig, "GET", "/prod/own", b"").await, 401);
    for _ in 0..2 {
        rig.event("asked").await;
    }
    for _ in 0..3 {
        rig.event("own").await;
    }
    let page = Page::of(&rig).await;
    assert_eq!(timed(&page, "authorizer_latency", None), 2.0);
    let counted = page.counted(&labels(None));
    assert_eq!(counted["authorizer_cache_hits"], 3.0);
    assert_eq!(counted["4xx"], 3.0);
    rig.close().await;
}
