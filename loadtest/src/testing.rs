//! What the tests share: floors and faulty peers on free loopback ports, and runs against them.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};

use clap::Parser;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;

use crate::cli::Cli;
use crate::conduct::{self, Origin};
use crate::floor::{Floor, Server};
use crate::options::Misuse;
use crate::report::Report;
use crate::stop::{self, Stop};

pub(crate) const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Serves a floor for the rest of the test; its URL.
pub(crate) async fn floor(floor: Floor) -> String {
    let server = Server::bind(ANY, floor).await.unwrap();
    let url = server.url();
    tokio::spawn(async move {
        // The switch is kept, so that nobody asks the floor to stop.
        let (_switch, stop) = stop::pair();
        server.serve(stop).await;
    });
    url
}

/// Serves every TCP connection with `serve` for the rest of the test; the address.
pub(crate) async fn peer<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Accepts every WebSocket and runs `serve` on it for the rest of the test; the URL.
pub(crate) async fn socket_peer<F>(
    serve: impl Fn(WebSocketStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let address = peer(move |stream| {
        let serve = serve.clone();
        async move {
            serve(tokio_tungstenite::accept_async(stream).await.unwrap()).await;
        }
    })
    .await;
    format!("ws://{address}/")
}

/// Reads until the other side ends the connection.
pub(crate) async fn read_to_end(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(_)) = socket.next().await {}
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind(ANY).await.unwrap();
    listener.local_addr().unwrap()
}

/// Runs a scenario from its command line, without `loadtest` and `--quiet`.
pub(crate) async fn try_run(line: &str, stop: Stop) -> Result<Report, Misuse> {
    let words = ["loadtest"].into_iter().chain(line.split_whitespace());
    let cli = Cli::try_parse_from(words.chain(["--quiet"])).unwrap();
    let scenario = cli.command.scenario();
    let scenario = scenario.unwrap_or_else(|| panic!("{line} is no scenario"));
    conduct::measure(&*scenario, &Origin::default(), stop).await
}

/// As [`try_run`], to the end; the JSON result.
pub(crate) async fn run(line: &str) -> Value {
    let (_switch, stop) = stop::pair();
    try_run(line, stop).await.unwrap().json().clone()
}

/// As [`run`], and the run must pass.
pub(crate) async fn run_and_pass(line: &str) -> Value {
    let result = run(line).await;
    assert_eq!(result["passed"], true, "{line}: {result:#}");
    assert_eq!(result["errors"], serde_json::json!({}), "{line}");
    result
}
