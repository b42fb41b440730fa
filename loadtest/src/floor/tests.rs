//! The floors over real sockets, driven by the crate's own HTTP client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http::Request;
use http_body_util::Full;
use url::Url;

use super::Floor;
use crate::cli::{Cli, Command};
use crate::client::{Dialer, HttpClient};
use crate::options::Common;
use crate::testing::{floor, nobody};

fn common(url: &str) -> Common {
    let cli = Cli::try_parse_from(["loadtest", "echo", url]).unwrap();
    match cli.command {
        Command::Echo(echo) => echo.common,
        _ => panic!("echo was parsed as something else"),
    }
}

/// Status and body of one request.
async fn ask(url: &str, method: &str, path: &str, body: &'static str) -> (u16, Bytes) {
    let common = common(url);
    let dialer = Dialer::new(&common.url, &common).await.unwrap();
    let mut client = HttpClient::new(Arc::new(dialer), Duration::from_secs(10));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", common.url.authority())
        .header("content-type", "text/plain")
        .body(Full::from(body))
        .unwrap();
    let answer = client.send(request).await.unwrap();
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn the_backend_echoes_posts_and_accepts_the_rest() {
    let url = floor(Floor::Backend).await;
    let check = async |method: &str, body: &'static str, answer: &str| {
        assert_eq!(
            ask(&url, method, "/x", body).await,
            (200, answer.to_owned().into())
        );
    };
    check("POST", "hello", "hello").await;
    check("POST", "", "").await;
    check("GET", "", "").await;
    check("DELETE", "ignored", "").await;
}

#[tokio::test]
async fn the_proxy_forwards_both_ways() {
    let backend = floor(Floor::Backend).await;
    let proxy = Floor::proxy(&Url::parse(&backend).unwrap()).unwrap();
    let url = floor(proxy).await;
    let check = async |method: &str, body: &'static str, answer: &str| {
        assert_eq!(
            ask(&url, method, "/x?y", body).await,
            (200, answer.to_owned().into())
        );
    };
    check("POST", "through", "through").await;
    check("GET", "", "").await;
}

#[tokio::test]
async fn a_proxy_without_upstream_answers_502() {
    let upstream = Url::parse(&format!("http://{}", nobody().await)).unwrap();
    let url = floor(Floor::proxy(&upstream).unwrap()).await;
    assert_eq!(ask(&url, "GET", "/", "").await.0, 502);
    assert!(Floor::proxy(&Url::parse("https://127.0.0.1/").unwrap()).is_err());
}

#[tokio::test]
async fn the_socket_floors_want_a_handshake() {
    let url = floor(Floor::Echo).await;
    assert_eq!(ask(&url, "GET", "/", "").await.0, 426);
    let url = floor(Floor::push()).await;
    assert_eq!(ask(&url, "GET", "/", "").await.0, 426);
    assert_eq!(ask(&url, "POST", "/@connections/nobody", "x").await.0, 410);
    assert_eq!(ask(&url, "GET", "/@connections/nobody", "").await.0, 405);
}
