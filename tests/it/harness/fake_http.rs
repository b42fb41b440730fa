//! HTTP backends: one that records requests and answers by script, one that says whatever it is told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::soon;

/// A request as a backend got it.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Whether the body came to its end.
    pub(crate) whole: bool,
}

impl Recorded {
    /// The values of a header, joined as HTTP allows; `None` when there is none.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.iter().filter(|(known, _)| known == name);
        let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

/// A backend on loopback; it is gone when this is dropped.
pub(crate) struct FakeHttp {
    pub(crate) address: SocketAddr,
    requests: Mutex<mpsc::UnboundedReceiver<Recorded>>,
    seen: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Drop for FakeHttp {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl FakeHttp {
    /// Answers every request by `script`; one that gives `None` is never answered.
    pub(crate) async fn start<F>(script: F) -> Self
    where
        F: Fn(&Recorded) -> Option<http::Response<Bytes>> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        let seen = Arc::new(AtomicUsize::new(0));
        let backend = Arc::new(Backend {
            script: Box::new(script),
            requests: sender,
            seen: Arc::clone(&seen),
        });
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let backend = Arc::clone(&backend);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(&backend, request));
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    // How the gateway ends a connection is its own affair.
                    connection.await.ok();
                });
            }
        });
        Self {
            address,
            requests: Mutex::new(receiver),
            seen,
            accepting,
        }
    }

    /// Reads some of each request, writes `answer` as it is, and closes.
    pub(crate) async fn raw(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_, receiver) = mpsc::unbounded_channel();
        let seen = Arc::new(AtomicUsize::new(0));
        let (answer, count) = (answer.into(), Arc::clone(&seen));
        let accepting = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut some = Vec::with_capacity(4096);
                stream.read_buf(&mut some).await.ok();
                count.fetch_add(1, Ordering::SeqCst);
                stream.write_all(&answer).await.ok();
                stream.shutdown().await.ok();
            }
        });
        Self {
            address,
            requests: Mutex::new(receiver),
            seen,
            accepting,
        }
    }

    /// An address where nobody listens.
    pub(crate) async fn nobody() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request that the test has not seen.
    pub(crate) async fn request(&self) -> Recorded {
        let mut requests = self.requests.lock().await;
        let next = soon("a request to the backend", requests.recv()).await;
        next.expect("the backend is there")
    }

    /// How many requests came so far.
    pub(crate) fn calls(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

type Script = Box<dyn Fn(&Recorded) -> Option<http::Response<Bytes>> + Send + Sync>;

struct Backend {
    script: Script,
    requests: mpsc::UnboundedSender<Recorded>,
    seen: Arc<AtomicUsize>,
}

async fn answer(
    backend: &Backend,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let headers = parts.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let recorded = Recorded {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: headers.collect(),
        whole: body.is_ok(),
        body: body.unwrap_or_default(),
    };
    backend.seen.fetch_add(1, Ordering::SeqCst);
    backend.requests.send(recorded.clone()).ok();
    match (backend.script)(&recorded) {
        Some(response) => Ok(response.map(Full::new)),
        None => std::future::pending().await,
    }
}
