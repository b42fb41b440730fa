//! The bare programs a gateway is compared with, and the backend that a gateway calls.
//!
//! Each does only the one thing, with the libraries a gateway would use, so that a ratio to it says what the
//! gateway adds. They check nothing that their purpose does not need: never expose them.

mod backend;
mod proxy;
mod push;
mod socket;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::options::Misuse;
use crate::stop::Stop;

/// Longest body and message a floor accepts.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Read buffer of a floor's HTTP connection.
const HTTP_BUFFER_BYTES: usize = 16 * 1024;
/// Pause after the system had no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The body of a floor's answer.
type Body = BoxBody<Bytes, hyper::Error>;

/// One of the bare programs.
#[derive(Debug, Clone)]
pub enum Floor {
    /// tokio-tungstenite on a hyper upgrade: every message is sent back.
    Echo,
    /// As [`Floor::Echo`] with a registry, a queue for each socket and `POST /@connections/{id}`.
    Push(Arc<push::Registry>),
    /// hyper server and pooled client.
    Proxy(Box<proxy::Upstream>),
    /// HTTP server that sends POST bodies back and answers 200 to everything else.
    Backend,
}

impl Floor {
    /// A push floor with an empty registry.
    pub fn push() -> Self {
        Floor::Push(Arc::default())
    }

    /// A proxy floor in front of `upstream`, `http://host:port`.
    ///
    /// # Errors
    ///
    /// The URL is none that this floor can reach.
    pub fn proxy(upstream: &Url) -> Result<Self, Misuse> {
        proxy::Upstream::new(upstream).map(|upstream| Floor::Proxy(Box::new(upstream)))
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self {
            Floor::Echo => socket::upgrade(request, socket::echo),
            Floor::Push(registry) => push::answer(registry.clone(), request).await,
            Floor::Proxy(upstream) => upstream.forward(request).await,
            Floor::Backend => backend::answer(request).await,
        }
    }
}

/// A floor that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    floor: Floor,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("floor", &self.floor)
            .finish()
    }
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The system does not let us listen there.
    pub async fn bind(address: SocketAddr, floor: Floor) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            floor,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        let scheme = match self.floor {
            Floor::Echo | Floor::Push(_) => "ws",
            Floor::Proxy(_) | Floor::Backend => "http",
        };
        format!("{scheme}://{}/", self.address)
    }

    /// Serves until asked to stop; connections that are open then are left to the end of the process.
    pub async fn serve(self, stop: Stop) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.wait() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(serve_connection(stream, self.floor.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, floor: Floor) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let floor = floor.clone();
        async move { Ok::<_, std::convert::Infallible>(floor.answer(request).await) }
    });
    // No header timeout: a floor must not pay for a timer that a gateway may have found a cheaper way for.
    let connection = http1::Builder::new()
        .max_buf_size(HTTP_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A connection that ends badly concerns its client, which counts it.
    drop(connection.await);
}

/// An answer without a body.
fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

/// A 200 with a body.
fn ok(body: Bytes) -> Response<Body> {
    Response::new(Full::new(body).map_err(|never| match never {}).boxed())
}

#[cfg(test)]
mod tests;
