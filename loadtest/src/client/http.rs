//! One keep-alive HTTP/1.1 connection with one request at a time.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::Dialer;
use crate::measure::{Failure, Wait};

/// Longest answer body that is kept; a longer one fails the request.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Body, at most 64 KiB.
    pub body: Bytes,
}

/// The answer to a request whose body was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// HTTP status.
    pub status: StatusCode,
    /// Length of the body.
    pub bytes: u64,
    /// From sending the request to the head of the answer.
    pub head: Duration,
}

/// A client that opens its connection when it is needed and again when it was lost.
#[derive(Debug)]
pub struct HttpClient {
    dialer: Arc<Dialer>,
    patience: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl HttpClient {
    /// A client without a connection yet; `patience` bounds each request and its answer.
    pub fn new(dialer: Arc<Dialer>, patience: Duration) -> Self {
        Self {
            dialer,
            patience,
            connection: None,
        }
    }

    /// Makes sure there is a connection, so that the next request does not pay for it.
    ///
    /// # Errors
    ///
    /// The connection could not be opened.
    pub async fn connect(&mut self) -> Result<(), Failure> {
        if self.connection.as_ref().is_none_or(SendRequest::is_closed) {
            self.connection = Some(self.open().await?);
        }
        Ok(())
    }

    /// Sends `request` (origin-form target, `Host` set) and reads the whole answer.
    ///
    /// A request that provably never left, because the idle connection had been closed by the
    /// peer, is sent once more on a new one.
    ///
    /// # Errors
    ///
    /// The connection failed, or the answer did not come in time.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let spare = request.clone();
        let result = match self.attempt(request).await {
            Err(error) if error.unsent => self.attempt(spare).await,
            other => other,
        };
        result.map_err(|error| {
            self.connection = None;
            error.failure
        })
    }

    /// As [`HttpClient::send`], but the body is dropped as it comes, whatever its size. The patience holds for
    /// the head of the answer and, from then on, for every further piece of the body.
    ///
    /// # Errors
    ///
    /// The connection failed, or the answer or a piece of it did not come in time.
    pub async fn drain(
        &mut self,
        request: Request<Full<Bytes>>,
        piece: impl FnMut(usize),
    ) -> Result<Drained, Failure> {
        let sent = Instant::now();
        let spare = request.clone();
        let answer = match self.head(request).await {
            Err(error) if error.unsent => self.head(spare).await,
            other => other,
        };
        let result = match answer {
            Ok(answer) => self.count(answer, sent.elapsed(), piece).await,
            Err(error) => Err(error.failure),
        };
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    /// Gives the connection up, as an exchange on it was left in the middle.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    async fn attempt(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Attempt> {
        let patience = self.patience;
        let connection = self.connected().await?;
        let exchange = async {
            connection.ready().await?;
            let answer = connection.send_request(request).await?;
            collect(answer).await
        };
        match timeout(patience, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Timeout(Wait::Answer).into()),
        }
    }

    async fn head(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<http::Response<Incoming>, Attempt> {
        let patience = self.patience;
        let connection = self.connected().await?;
        let exchange = async {
            connection.ready().await?;
            connection.send_request(request).await
        };
        match timeout(patience, exchange).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Failure::Timeout(Wait::Answer).into()),
        }
    }

    async fn count(
        &self,
        answer: http::Response<Incoming>,
        head: Duration,
        mut piece: impl FnMut(usize),
    ) -> Result<Drained, Failure> {
        let status = answer.status();
        let mut body = answer.into_body();
        let mut bytes = 0;
        while let Some(frame) = timeout(self.patience, body.frame())
            .await
            .map_err(|_| Failure::Timeout(Wait::Body))?
        {
            let frame = frame.map_err(|error| failure(&error))?;
            let length = frame.data_ref().map_or(0, Bytes::len);
            bytes += length as u64;
            piece(length);
        }
        Ok(Drained {
            status,
            bytes,
            head,
        })
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Failure> {
        self.connect().await?;
        self.connection.as_mut().ok_or(Failure::Reset)
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let wire = self.dialer.wire().await?;
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_ANSWER_BYTES)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| failure(&error))?;
        // Ends with the sender or the peer; its error also reaches the request that waits.
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn collect(answer: http::Response<Incoming>) -> Result<Answer, Attempt> {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES);
    match body.collect().await {
        Ok(body) => Ok(Answer {
            status,
            body: body.to_bytes(),
        }),
        Err(error) => Err(match error.downcast_ref::<hyper::Error>() {
            Some(error) => failure(error),
            None => Failure::TooLarge,
        }
        .into()),
    }
}

/// Why one attempt failed, and whether the request can be repeated without danger.
struct Attempt {
    failure: Failure,
    unsent: bool,
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            unsent: false,
        }
    }
}

impl From<hyper::Error> for Attempt {
    fn from(error: hyper::Error) -> Self {
        Self {
            failure: failure(&error),
            unsent: error.is_canceled(),
        }
    }
}

fn failure(error: &hyper::Error) -> Failure {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            // Hyper's decoder of chunks reports what it cannot read as an error of this kind.
            return match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => malformed(),
                _ => Failure::from(error),
            };
        }
        source = cause.source();
    }
    if error.is_parse() {
        malformed()
    } else {
        Failure::Reset
    }
}

fn malformed() -> Failure {
    Failure::Protocol("malformed HTTP answer".to_owned())
}
