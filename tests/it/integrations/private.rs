//! Private backends of WebSocket APIs: the link says where a URL is dialled.

use bytes::Bytes;
use http::Response;

use super::{one_backend, proxy};
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::{Handshake, Setup};

async fn named(name: &'static str) -> FakeHttp {
    FakeHttp::start(move |request: &Recorded| {
        let text = format!("{name}: {}", String::from_utf8_lossy(&request.body));
        Some(Response::new(Bytes::from(text)))
    })
    .await
}

fn linked(url: &str, link: &str) -> String {
    format!(
        "{}, connectionType: VPC_LINK, connectionId: \"{link}\"",
        proxy(url)
    )
}

/// The same API with links, and with variables of its stage.
fn with_links(setup: &str, upstreams: &str) -> Setup {
    let text = r#"
vpcLinks: { inner: {} }
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: { target: integrations/backend }
      $default: { target: integrations/backend, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } }
    integrations:
      backend: { INTEGRATION }
    stages: { prod: { stageVariables: { link: inner, host: inner.example } } }
"#;
    Setup::new(text.replace("INTEGRATION", setup)).server(&format!("upstreams: {{ {upstreams} }}"))
}

#[tokio::test]
async fn a_url_is_called_at_the_targets_of_its_link_or_host() {
    let (a, b) = (named("a").await, named("b").await);
    let both = format!("[\"{}\", \"{}\"]", a.address, b.address);
    let check = async |url: &str, link: &str, key: &str| {
        let setup = with_links(&linked(url, link), &format!("\"{key}\": {both}"));
        let rig = setup.start().await;
        let mut client = rig.connect(&Handshake::new("/prod")).await;
        let connect = a.request().await;
        assert_eq!(connect.target, "/in?x=1", "{url}");
        let host = connect.header("host");
        assert_eq!(host.as_deref(), Some("inner.example:9"), "{url}");
        assert_eq!(client.ask("hello").await, "b: hello");
        assert_eq!(client.ask("again").await, "a: again");
        assert_eq!(b.request().await.target, "/in?x=1");
        a.request().await;
        client.leave().await;
        rig.close_keeping(&[]).await;
    };
    let url = "http://inner.example:9/in?x=1";
    check(url, "inner", "inner").await;
    check(url, "inner", "inner.example").await;
    check(url, "inner", "inner.example:9").await;
    check(url, "${stageVariables.link}", "inner").await;
    let chosen = "http://${stageVariables.host}:9/in?x=1";
    check(chosen, "inner", "inner.example").await;
}

#[tokio::test]
async fn a_message_goes_on_to_the_next_target_only_when_nothing_was_sent() {
    let (gone, other) = (FakeHttp::nobody().await, named("b").await);
    let upstreams = format!("inner: [\"{gone}\", \"{}\"]", other.address);
    let setup = with_links(&linked("http://inner.example", "inner"), &upstreams);
    let rig = setup.manual().start().await;
    let mut client = rig.connect(&Handshake::new("/prod")).await;
    for _ in 0..3 {
        assert_eq!(client.ask("hello").await, "b: hello");
    }
    client.leave().await;
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_link_without_targets_is_refused() {
    let setup = with_links(
        &linked("http://inner.example", "inner"),
        "other: '127.0.0.1:1'",
    );
    let told = setup.problem().await;
    assert!(told.contains("`server.upstreams`"), "{told}");
    let told = one_backend(&linked("http://inner.example", "inner"));
    let told = told
        .server("upstreams: { inner: '127.0.0.1:1' }")
        .problem()
        .await;
    assert!(told.contains("there is no VPC link `inner`"), "{told}");
}
