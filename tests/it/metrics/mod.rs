//! `/metrics`: what is counted, in which series, and how it is written down.

mod http;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate::observe::names::{BUCKETS, Counter, Timer};
use tokio::sync::Semaphore;

use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, Response, Rig, Setup, answers, chat, echo, eventually, gated};
use crate::reload::reload;

/// What `/metrics` says: values by name and labels, as they are written.
pub(crate) struct Page(BTreeMap<String, String>);

impl Page {
    /// Reads the page of a gateway.
    pub(crate) async fn of(rig: &Rig) -> Self {
        let answer = fetch(rig, "GET").await;
        assert_eq!(answer.status, 200);
        Self::read(answer.text())
    }

    fn read(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.to_owned())
        });
        Self(samples.collect())
    }

    /// The value of a series that must be there.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let Some(value) = self.0.get(series) else {
            let names: Vec<_> = self.0.keys().filter(|name| !name.contains("le=")).collect();
            panic!("{series} is not among {names:#?}");
        };
        value.parse().unwrap()
    }

    /// Every series with that name.
    pub(crate) fn series(&self, name: &str) -> Vec<&str> {
        let all = self.0.keys().map(String::as_str);
        all.filter(|series| series.split('{').next() == Some(name))
            .collect()
    }

    /// The counters of a series that are not zero, without what is around Amazon's name.
    pub(crate) fn counted(&self, labels: &str) -> BTreeMap<&str, f64> {
        let mut counted = BTreeMap::new();
        for counter in Counter::ALL {
            let name = counter.name().name;
            let short = name.strip_prefix("tidegate_").unwrap();
            let short = short.strip_suffix("_total").unwrap();
            let value = self.0.get(&format!("{name}{{{labels}}}"));
            let value = value.map_or(0.0, |value| value.parse().unwrap());
            if value != 0.0 {
                counted.insert(short, value);
            }
        }
        counted
    }
}

async fn fetch(rig: &Rig, method: &str) -> Response {
    let request = request(method, "/metrics", &[], b"");
    send(rig.gateway.admin_address(), &request).await
}

/// The labels of everything in the stage `prod` of `chat`, or of one route.
fn labels(route: Option<&str>) -> String {
    let stage = r#"api_id="chat",stage="prod""#;
    route.map_or(stage.to_owned(), |route| {
        format!(r#"{stage},route="{route}""#)
    })
}

/// Exactly these counters of a series are not zero.
fn check(page: &Page, route: Option<&str>, expected: &[(&str, f64)]) {
    let expected: BTreeMap<_, _> = expected.iter().copied().collect();
    assert_eq!(page.counted(&labels(route)), expected, "{route:?}");
}

const DETAILED: &str = "{ defaultRouteSettings: { detailedMetricsEnabled: true } }";

#[tokio::test]
async fn events_of_connections_are_counted_by_route() {
    let rig = Setup::new(chat(DETAILED))
        .function("backend", |event: Value| {
            let answer = match event["body"].as_str() {
                Some(text) if text.contains("refuse") => Ok(json!({ "statusCode": 422 })),
                Some(text) if text.contains("fail") => Err("out of order".to_owned()),
                _ => Ok(json!({ "statusCode": 200, "body": "answer" })),
            };
            futures_util::future::ready(answer)
        })
        .start()
        .await;
    let mut client = rig.open().await;
    client.ask(r#"{"action":"ask"}"#).await;
    client.ask(r#"{"action":"ask","do":"refuse"}"#).await;
    client.send(r#"{"action":"tell"}"#).await;
    client.send(r#"{"action":"tell","do":"fail"}"#).await;
    client.error().await;
    client.ask("no route of its own").await;
    for _ in 0..6 {
        rig.event("backend").await;
    }
    client.leave().await;
    rig.disconnect().await;
    rig.settle(0).await;
    let page = Page::of(&rig).await;
    check(&page, Some("$connect"), &[("connect_count", 1.0)]);
    let asked = [("message_count", 4.0), ("integration_error", 1.0)];
    check(&page, Some("ask"), &asked);
    let told = [("message_count", 3.0), ("execution_error", 1.0)];
    check(&page, Some("tell"), &told);
    check(&page, Some("$default"), &[("message_count", 2.0)]);
    check(&page, Some("$disconnect"), &[]);
    check(&page, None, &[]);
    for (route, calls) in [
        ("$connect", 1.0),
        ("ask", 2.0),
        ("tell", 2.0),
        ("$disconnect", 1.0),
    ] {
        let series = format!(
            "tidegate_integration_latency_seconds_count{{{}}}",
            labels(Some(route))
        );
        assert_eq!(page.value(&series), calls, "{route}");
    }
    rig.close_after(&["INTEGRATION_FAILURE"]).await;
}

#[tokio::test]
async fn what_the_gateway_refuses_is_the_clients_error() {
    let stage = "{ defaultRouteSettings: { throttlingRateLimit: 1, throttlingBurstLimit: 1 }, \
                   routeSettings: { ask: { throttlingRateLimit: 100, throttlingBurstLimit: 100 } } }";
    let definition = chat(stage).replace("      $default:", "      other:");
    let rig = Setup::new(definition)
        .function("backend", |event: Value| {
            let status = match event["requestContext"]["eventType"].as_str() {
                Some("CONNECT") if event["queryStringParameters"]["no"] == "1" => 403,
                _ => 200,
            };
            futures_util::future::ready(Ok(json!({ "statusCode": status })))
        })
        .manual()
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    // The bucket of $connect is empty.
    assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 429);
    rig.advance(Duration::from_secs(1));
    // A handshake that the integration refuses is not the gateway's doing.
    assert_eq!(rig.refused(&Handshake::new("/prod?no=1")).await.status, 403);
    rig.event_of("CONNECT").await;
    client.send(r#"{"action":"nowhere"}"#).await;
    client.error().await;
    client.leave().await;
    rig.disconnect().await;
    rig.settle(0).await;
    let page = Page::of(&rig).await;
    // All in one series: no route has detailed metrics. The error frame is a message too.
    let expected = [
        ("client_error", 2.0),
        ("connect_count", 2.0),
        ("integration_error", 1.0),
        ("message_count", 2.0),
        ("throttled", 1.0),
    ];
    check(&page, None, &expected);
    rig.close().await;
}

#[tokio::test]
async fn pushes_and_open_connections_are_counted() {
    let rig = Setup::new(chat("{}"))
        .server("managementAuth: none")
        .function("backend", echo)
        .start()
        .await;
    let open = format!("tidegate_open_connections{{{}}}", labels(None));
    assert_eq!(Page::of(&rig).await.value(&open), 0.0);
    let mut one = rig.open().await;
    let two = rig.open().await;
    let id = rig.event_of("CONNECT").await["requestContext"]["connectionId"].clone();
    rig.event_of("CONNECT").await;
    assert_eq!(Page::of(&rig).await.value(&open), 2.0);
    let id = id.as_str().unwrap();
    let path = format!("/prod/@connections/{}", id.replace('=', "%3D"));
    let push = request("POST", &path, &[], b"over HTTP");
    assert_eq!(send(rig.address(), &push).await.status, 200);
    rig.gateway
        .push("chat", "prod", id, "from within")
        .await
        .unwrap();
    let nobody = rig.gateway.push("chat", "prod", "AAAAAAAAAAAAAAA=", "lost");
    assert!(nobody.await.is_err());
    for text in ["over HTTP", "from within"] {
        assert_eq!(one.text().await, text);
    }
    check(
        &Page::of(&rig).await,
        None,
        &[("connect_count", 2.0), ("message_count", 2.0)],
    );
    one.leave().await;
    two.leave().await;
    rig.disconnect().await;
    rig.disconnect().await;
    rig.settle(0).await;
    assert_eq!(Page::of(&rig).await.value(&open), 0.0);
    rig.close().await;
}

#[tokio::test]
async fn latencies_fall_into_buckets() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("MESSAGE", &gate))
        .manual()
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    client.send(r#"{"action":"ask"}"#).await;
    rig.event_of("MESSAGE").await;
    rig.advance(Duration::from_millis(300));
    gate.add_permits(1);
    client.text().await;
    let page = Page::of(&rig).await;
    let name = "tidegate_integration_latency_seconds";
    let bucket =
        |bound: &str| page.value(&format!("{name}_bucket{{{},le=\"{bound}\"}}", labels(None)));
    // $connect took no time at all.
    assert_eq!(bucket("0.0005"), 1.0);
    assert_eq!(bucket("0.25"), 1.0);
    assert_eq!(bucket("0.5"), 2.0);
    assert_eq!(bucket("30"), 2.0);
    assert_eq!(bucket("+Inf"), 2.0);
    assert_eq!(page.value(&format!("{name}_sum{{{}}}", labels(None))), 0.3);
    assert_eq!(
        page.value(&format!("{name}_count{{{}}}", labels(None))),
        2.0
    );
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

/// `chat`, and a second API of the same kind.
fn two_apis() -> String {
    let chat = chat("{}");
    let second = chat.replace("apis:\n", "").replace("  chat:", "  talk:");
    chat + second.trim_start_matches('\n')
}

#[tokio::test]
async fn numbers_outlive_a_reload_as_long_as_their_stage_does() {
    let rig = Setup::new(two_apis())
        .function("backend", echo)
        .start()
        .await;
    let talk = rig.connect(&Handshake::new("/_apis/talk/prod")).await;
    let chat_client = rig.connect(&Handshake::new("/_apis/chat/prod")).await;
    for _ in 0..2 {
        rig.event_of("CONNECT").await;
    }
    let connects =
        |api: &str| format!("tidegate_connect_count_total{{api_id=\"{api}\",stage=\"prod\"}}");
    let detailed = chat(DETAILED);
    reload(&rig.gateway, "", &detailed).unwrap();
    let page = Page::of(&rig).await;
    assert_eq!(page.value(&connects("chat")), 1.0);
    // The stage is gone, but not what it still has to tell.
    talk.closed().await;
    rig.disconnect().await;
    eventually("the connection of the other API to end", || {
        rig.gateway.connections() == 1
    })
    .await;
    assert_eq!(Page::of(&rig).await.value(&connects("talk")), 1.0);
    reload(&rig.gateway, "", &detailed).unwrap();
    let page = Page::of(&rig).await;
    assert_eq!(page.value(&connects("chat")), 1.0);
    let of_talk = page.0.keys().filter(|series| series.contains("talk"));
    assert_eq!(of_talk.count(), 0);
    chat_client.leave().await;
    rig.disconnect().await;
    rig.settle(0).await;
    let page = Page::of(&rig).await;
    let latencies = "tidegate_integration_latency_seconds_count";
    assert_eq!(page.value(&format!("{latencies}{{{}}}", labels(None))), 1.0);
    let disconnect = labels(Some("$disconnect"));
    assert_eq!(page.value(&format!("{latencies}{{{disconnect}}}")), 1.0);
    rig.close().await;
}

#[tokio::test]
async fn clients_cannot_make_series() {
    let rig = Setup::new(chat(DETAILED))
        .function("backend", echo)
        .start()
        .await;
    let before = Page::of(&rig).await.0.len();
    let mut client = rig
        .connect(&Handshake::new("/prod?x=1").header("User-Agent", "evil\"agent"))
        .await;
    for number in 0..50 {
        client
            .ask(&format!(r#"{{"action":"invented-{number}"}}"#))
            .await;
    }
    client.leave().await;
    let path = request("GET", "/prod/invented", &[], b"");
    send(rig.address(), &path).await;
    for _ in 0..52 {
        rig.event("backend").await;
    }
    rig.settle(0).await;
    assert_eq!(Page::of(&rig).await.0.len(), before);
    rig.close().await;
}

#[tokio::test]
async fn the_page_is_what_prometheus_reads() {
    let rig = Setup::new(chat(DETAILED))
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    let answer = fetch(&rig, "GET").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = answer.text();
    let mut family: Option<(String, String)> = None;
    let mut families = Vec::new();
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').unwrap();
            assert!(!words.is_empty());
            assert!(!families.contains(&name.to_owned()), "{name} comes twice");
            families.push(name.to_owned());
            help = Some(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(help.take(), Some(name));
            family = Some((name.to_owned(), kind.to_owned()));
        } else {
            let (name, kind) = family.as_ref().expect("a family comes first");
            let sample = line.split(['{', ' ']).next().unwrap();
            let suffix = sample.strip_prefix(name.as_str()).unwrap();
            match kind.as_str() {
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
                _ => assert_eq!(suffix, "", "{line}"),
            }
        }
    }
    let page = Page::read(text);
    for timer in Timer::ALL {
        let name = timer.name().name;
        assert!(families.contains(&name.to_owned()));
        let series = page.series(&format!("{name}_count"));
        let buckets = page.series(&format!("{name}_bucket"));
        assert_eq!(buckets.len(), series.len() * (BUCKETS.len() + 1));
    }
    // A WebSocket API has no metrics of HTTP APIs.
    assert!(page.series("tidegate_count_total").is_empty());
    assert!(page.series("tidegate_latency_seconds_count").is_empty());
    let version = format!(
        "tidegate_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(page.value(&version), 1.0);
    assert!(page.value("process_start_time_seconds") > 1.7e9);
    assert!(page.value("process_cpu_seconds_total") > 0.0);
    if cfg!(target_os = "linux") {
        assert!(page.value("process_resident_memory_bytes") > 1e6);
        assert!(page.value("process_open_fds") > 3.0);
        assert!(page.value("process_max_fds") >= page.value("process_open_fds"));
    }
    assert_eq!(page.value("tidegate_access_log_lines_waiting"), 0.0);
    assert_eq!(page.value("tidegate_access_log_lines_lost_total"), 0.0);

    assert_eq!(fetch(&rig, "POST").await.status, 405);
    // Clients have no such address.
    let at_clients = send(rig.address(), &request("GET", "/metrics", &[], b"")).await;
    assert_eq!(at_clients.status, 403);
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn lines_that_cannot_be_written_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("no-such-folder/access.log");
    let settings = json!({
        "destinationArn": format!("file:{}", nowhere.display()),
        "format": "$context.requestId",
    });
    let rig = Setup::new(chat(&format!("{{ accessLogSettings: {settings} }}")))
        .function("backend", echo)
        .start()
        .await;
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    client.leave().await;
    rig.disconnect().await;
    rig.settle(0).await;
    let lost = || rig.gateway.services().observers.access_logs.lost();
    eventually("the lines to be given up", || lost() == 2).await;
    let page = Page::of(&rig).await;
    assert_eq!(page.value("tidegate_access_log_lines_lost_total"), 2.0);
    rig.close_after(&["cannot be opened"]).await;
}

#[tokio::test]
async fn what_meets_no_stage_is_counted_by_its_reason() {
    let http = "  shop:\n    protocolType: HTTP\n    routes: { $default: { target: integrations/f } }\n    integrations: { f: { integrationType: AWS_PROXY, integrationUri: 'function:backend', payloadFormatVersion: 2.0 } }\n    stages: { dev: {} }\n";
    let rig = Setup::new(format!("{}{http}", chat("{}")))
        .function("backend", echo)
        .start()
        .await;
    let ask = async |head: &str, status: u16| {
        let answer = send(rig.address(), format!("{head}\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.status, status, "{head}");
    };
    let shop = "Host: shop.execute-api.localhost";
    ask("GET /x HTTP/1.1", 400).await;
    ask("GET /x HTTP/1.1\r\nHost: a\r\nHost: a", 400).await;
    ask(
        &format!("GET /x HTTP/1.1\r\n{shop}\r\nContent-Length: 0\r\nTransfer-Encoding: chunked"),
        400,
    )
    .await;
    ask(
        &format!("GET /x HTTP/1.1\r\n{shop}\r\nX: {}", "x".repeat(11_000)),
        431,
    )
    .await;
    ask(
        &format!(
            "GET /_apis/chat/prod?{} HTTP/1.1\r\n{shop}",
            "x".repeat(5000)
        ),
        414,
    )
    .await;
    ask("GET /x HTTP/1.1\r\nHost: nobody.example", 403).await;
    ask("GET /_apis/nobody/x HTTP/1.1\r\nHost: nobody.example", 403).await;
    ask(&format!("GET /prod HTTP/1.1\r\n{shop}"), 404).await;
    ask("GET /_apis/shop/nobody HTTP/1.1\r\nHost: a", 404).await;
    ask("GET /_apis/chat/prod HTTP/1.1\r\nHost: a", 426).await;
    ask(
        "GET /_apis/chat/prod HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket",
        426,
    )
    .await;
    ask("GET /_apis/chat/prod/more HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket", 403).await;
    let stranger = b"GET /metrics HTTP/1.1\r\nHost: stranger.example\r\n\r\n";
    assert_eq!(
        send(rig.gateway.admin_address(), stranger).await.status,
        421
    );
    let page = Page::of(&rig).await;
    let check = |reason: &str, expected: f64| {
        let series = format!("tidegate_stray_requests_total{{reason=\"{reason}\"}}");
        assert_eq!(page.value(&series), expected, "{reason}");
    };
    check("head", 2.0);
    check("host", 3.0);
    check("url", 1.0);
    check("api", 3.0);
    check("stage", 2.0);
    check("handshake", 2.0);
    check("busy", 0.0);
    // What meets a stage but no route is the stage's.
    let stages = page.series("tidegate_count_total");
    assert_eq!(stages.len(), 1, "{stages:?}");
    rig.close().await;
}
