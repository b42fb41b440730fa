//! Private backends: what gets a request that goes through a VPC link.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::{FakeHttp, Setup, got, request, send};
use crate::harness::Rig;

pub(super) const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/inner/50dc6c495c0c9188/f2f7dc8efc522ab2";
const SERVICE: &str = "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-7";
const UNAVAILABLE: &str = r#"{"message":"Service Unavailable"}"#;
const FAILED: &str = "an exchange failed";

/// The `server.upstreams` of these targets.
pub(super) fn upstreams(name: &str, targets: &[String]) -> String {
    let targets: Vec<_> = targets.iter().map(|target| format!("{target:?}")).collect();
    format!("upstreams: {{ \"{name}\": [{}] }}", targets.join(", "))
}

/// An HTTP API that sends everything through a link, with stages `$default` and `dev`.
pub(super) fn through(uri: &str, more: &str) -> String {
    format!(
        r#"
vpcLinks: {{ inner: {{}} }}
apis:
  shop:
    protocolType: HTTP
    routes:
      ANY /orders/{{id}}: {{ target: integrations/backend }}
      $default: {{ target: integrations/backend }}
    integrations:
      backend: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, connectionType: VPC_LINK, connectionId: inner, integrationUri: "{uri}"{more} }}
    stages:
      $default: {{ stageVariables: {{ slot: blue }} }}
      dev: {{ stageVariables: {{ slot: green }} }}
"#
    )
}

async fn named(name: &'static str) -> FakeHttp {
    FakeHttp::start(move |_| Some(http::Response::new(Bytes::from_static(name.as_bytes())))).await
}

async fn start(targets: &[SocketAddr]) -> Rig {
    let targets: Vec<_> = targets.iter().map(SocketAddr::to_string).collect();
    let setup = Setup::new(through(LISTENER, "")).server(&upstreams(LISTENER, &targets));
    setup.manual().start().await
}

/// Who answers this many requests, one after the other.
async fn answered(rig: &Rig, count: usize) -> String {
    let mut names = String::new();
    for _ in 0..count {
        let response = got(rig).await;
        assert_eq!(response.status, 200, "{response:?}");
        names.push_str(response.text());
    }
    names
}

#[tokio::test]
async fn the_backend_sees_the_clients_path_with_its_stage_and_the_clients_host() {
    let backend = named("a").await;
    let targets = [backend.address.to_string()];
    let check = async |more: &str, path: &str, expected: &str| {
        let setup = Setup::new(through(LISTENER, more)).server(&upstreams(LISTENER, &targets));
        let rig = setup.start().await;
        let asked = request("POST", path, &[("X-Own", "1")], b"said");
        assert_eq!(send(rig.address(), &asked).await.text(), "a");
        let seen = backend.request().await;
        assert_eq!((&*seen.method, &*seen.target), ("POST", expected));
        assert_eq!(seen.body, "said");
        rig.close_keeping(&[]).await;
        seen
    };
    let seen = check("", "/orders/7?a=b&c", "/orders/7?a=b&c").await;
    assert_eq!(seen.header("host").as_deref(), Some("gateway.test"));
    assert_eq!(
        seen.header("via").as_deref(),
        Some("HTTP/1.1 AmazonAPIGateway")
    );
    assert_eq!(seen.header("x-own").as_deref(), Some("1"));
    assert_eq!(
        seen.header("forwarded").as_deref(),
        Some("for=127.0.0.1;host=gateway.test;proto=http")
    );
    assert!(seen.header("x-amzn-trace-id").is_some());
    check("", "/dev/orders/7", "/dev/orders/7").await;
    check("", "/dev/x%20y?z", "/dev/x%20y?z").await;
    check("", "/dev", "/dev/").await;
    let stripped = ", requestParameters: { 'overwrite:path': $request.path }";
    check(stripped, "/dev/orders/7?a=b", "/orders/7?a=b").await;
    let hosted = ", requestParameters: { 'overwrite:header.host': inner.example }";
    let seen = check(hosted, "/dev/orders/7", "/dev/orders/7").await;
    assert_eq!(seen.header("host").as_deref(), Some("inner.example"));
}

#[tokio::test]
async fn requests_are_spread_round_robin_over_kept_connections() {
    let (a, b, c) = (named("a").await, named("b").await, named("c").await);
    let rig = start(&[a.address, b.address, c.address]).await;
    assert_eq!(answered(&rig, 9).await, "abcabcabc");
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_target_that_nobody_listens_at_is_passed_over_for_a_while() {
    let (a, c) = (named("a").await, named("c").await);
    let gone = FakeHttp::nobody().await;
    let rig = start(&[a.address, gone, c.address]).await;
    // What it is asked first goes on to the next; from then on it rests.
    assert_eq!(answered(&rig, 6).await, "accacc");
    let back = tokio::net::TcpListener::bind(gone).await.unwrap();
    assert_eq!(answered(&rig, 3).await, "acc");
    rig.advance(Duration::from_secs(5));
    let (answer, met) = tokio::join!(answered(&rig, 3), meet(back, "b"));
    assert_eq!((answer.as_str(), met), ("abc", 1));
    rig.close_keeping(&[]).await;
}

/// Takes one connection and answers one request.
async fn meet(listener: tokio::net::TcpListener, name: &str) -> usize {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut some = [0; 4096];
    assert!(stream.read(&mut some).await.unwrap() > 0);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}");
    stream.write_all(answer.as_bytes()).await.unwrap();
    1
}

#[tokio::test]
async fn what_was_sent_to_one_target_is_sent_to_no_other() {
    let (dumb, other) = (FakeHttp::raw("").await, named("b").await);
    let gone = FakeHttp::nobody().await;
    let rig = start(&[gone, dumb.address, other.address]).await;
    // Nothing reached the first, so the second gets it, and breaks off.
    let response = send(rig.address(), &request("POST", "/", &[], b"once")).await;
    assert_eq!((response.status, response.text()), (503, UNAVAILABLE));
    assert_eq!((dumb.calls(), other.calls()), (1, 0));
    rig.close_keeping(&[FAILED]).await;
}

#[tokio::test]
async fn without_a_target_the_answer_is_unavailable_and_all_are_tried_again() {
    let gone = [FakeHttp::nobody().await, FakeHttp::nobody().await];
    let rig = start(&gone).await;
    for _ in 0..2 {
        let response = got(&rig).await;
        assert_eq!((response.status, response.text()), (503, UNAVAILABLE));
    }
    // All rest, and whoever is back answers all the same.
    let back = tokio::net::TcpListener::bind(gone[1]).await.unwrap();
    let (answer, _) = tokio::join!(answered(&rig, 1), meet(back, "b"));
    assert_eq!(answer, "b");
    rig.close_keeping(&[FAILED]).await;
}

#[tokio::test]
async fn attributes_choose_among_the_instances_of_a_service() {
    let (blue, green) = (named("blue").await, named("green").await);
    let targets = [
        format!("{}?slot=blue&zone=a", blue.address),
        format!("{}?slot=green&zone=a", green.address),
    ];
    let check = async |query: &str, path: &str, expected: &[&str]| {
        let text = through(&format!("{SERVICE}{query}"), "");
        let setup = Setup::new(text).server(&upstreams(SERVICE, &targets));
        let rig = setup.start().await;
        for expected in expected {
            let answer = send(rig.address(), &request("GET", path, &[], b"")).await;
            assert_eq!(answer.text(), *expected, "{query}");
        }
        rig.close_keeping(&[]).await;
    };
    check("", "/", &["blue", "green", "blue"]).await;
    check("?slot=green", "/", &["green", "green"]).await;
    check("?zone=a", "/", &["blue", "green"]).await;
    let chosen = "?slot=${stageVariables.slot}";
    check(chosen, "/", &["blue", "blue"]).await;
    check(chosen, "/dev/", &["green", "green"]).await;
}

#[tokio::test]
async fn what_has_no_targets_is_not_served() {
    let told = Setup::new(through(LISTENER, "")).problem().await;
    assert!(told.contains("add it to `server.upstreams`"), "{told}");
}
