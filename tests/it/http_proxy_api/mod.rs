//! `HTTP_PROXY` of HTTP APIs: what a backend gets, what a client gets, and what becomes of both when one of them misbehaves.

mod bodies;
mod client;
mod desync;
#[cfg(target_os = "linux")]
mod download;
mod failures;
mod hostile;
mod http2;
mod line;
mod private;
mod request;
mod response;
pub(crate) mod smuggling;
mod streams;
mod trust;

use client::Client;
use line::Lines;

use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::http_client::{request, send};
use crate::harness::{Response, Rig, Setup};

/// An HTTP API of one route and its integration `backend`, in YAML's flow style, and a stage `$default`.
fn api(route: &str, integration: &str) -> String {
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    routes:
      {route}: {{ target: integrations/backend }}
    integrations:
      backend: {{ integrationType: HTTP_PROXY, {integration} }}
    stages:
      $default: {{}}
"#
    )
}

/// Everything goes on to `url`.
fn everything(url: &str) -> String {
    api("$default", &any(url))
}

/// The settings of an integration with the client's own method.
fn any(url: &str) -> String {
    format!("integrationMethod: ANY, integrationUri: \"{url}\"")
}

/// A gateway that passes everything on to a backend that is played by the test, and a client of it.
async fn scene() -> (Rig, Lines, Client) {
    let lines = Lines::open().await;
    let rig = Setup::new(everything(&lines.url(""))).start().await;
    let client = Client::connect(&rig).await;
    (rig, lines, client)
}

/// The same, where time stands still unless the test moves it.
async fn timed_scene(settings: &str) -> (Rig, Lines, Client) {
    let lines = Lines::open().await;
    let integration = format!("{}, {settings}", any(&lines.url("")));
    let rig = Setup::new(api("$default", &integration))
        .manual()
        .start()
        .await;
    let client = Client::connect(&rig).await;
    (rig, lines, client)
}

/// What a backend sees of a request.
async fn seen(definition: impl Fn(&FakeHttp) -> String, request: &[u8]) -> Recorded {
    let backend = FakeHttp::start(|_| Some(http::Response::default())).await;
    let rig = Setup::new(definition(&backend)).start().await;
    let response = send(rig.address(), request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    rig.close_keeping(&[]).await;
    backend.request().await
}

/// What a client gets that asks for `/`.
async fn got(rig: &Rig) -> Response {
    send(rig.address(), &request("GET", "/", &[], b"")).await
}
