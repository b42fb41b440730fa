//! One pooled HTTP client for every outgoing call, each with a deadline and a limit on what comes back.
//!
//! It does what it is told and no more: no redirects, no proxies from the environment, no cookies, no decompression, no
//! second attempt once anything was sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::warn;

use crate::base::body::{BodyError, causes, collect};
use crate::base::clock::{Clock, within};

/// Idle connections kept for each backend.
const IDLE_CONNECTIONS: usize = 128;
/// How long an idle connection is kept: less than the 5 s after which Node's server closes its side, so that a request rarely
/// meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Ends attempts to connect that have outlived their request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call gave no whole answer. The texts are for the log: they tell about the inside of the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The deadline passed, whatever was going on.
    #[error("no whole answer within the deadline")]
    TimedOut,
    /// No connection: the name does not resolve, nobody listens, or TLS failed. Nothing of the request was sent.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The backend's certificate is not that of the name, or not to be trusted. Nothing of the request was sent.
    #[error("cannot trust the backend: {0}")]
    Untrusted(String),
    /// The connection ended before any byte of an answer. The backend may have seen the request; if the connection had served
    /// others before, it probably has not.
    #[error("no answer came: {0}")]
    Unanswered(String),
    /// The connection broke, or what came over it is not HTTP. The backend may have seen the request.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// The answer is larger than the limit, in bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The request itself cannot be sent, for instance because its URL is not absolute.
    #[error("the request cannot be sent: {0}")]
    Invalid(String),
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client: {0}")]
pub struct ClientError(String);

impl ClientError {
    /// The same failure of a part of a client.
    pub(super) fn new(cause: impl fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// See the module. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client that trusts the certificates of the operating system (`SSL_CERT_FILE` replaces them).
    ///
    /// A machine without any, such as an empty container, gets a client all of whose TLS connections fail.
    ///
    /// # Errors
    /// [`ClientError`] when the TLS library cannot be set up.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let client = match builder().build() {
            Ok(client) => client,
            Err(error) => {
                warn!(
                    error = causes(&error),
                    "no trusted certificates: calls over https will fail"
                );
                builder()
                    .tls_certs_only([])
                    .build()
                    .map_err(|error| ClientError(causes(&error)))?
            }
        };
        Ok(Self { client, clock })
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// `deadline` covers everything from the name lookup to the last byte; `limit` is the largest body taken, in bytes.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn send(
        &self,
        request: http::Request<Bytes>,
        deadline: Duration,
        limit: usize,
    ) -> Result<http::Response<Bytes>, CallError> {
        within(self.clock.as_ref(), deadline, self.exchange(request, limit))
            .await
            .unwrap_or(Err(CallError::TimedOut))
    }

    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limit: usize,
    ) -> Result<http::Response<Bytes>, CallError> {
        let request = reqwest::Request::try_from(request).map_err(classify)?;
        let response = self.client.execute(request).await.map_err(classify)?;
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        match collect(body, limit).await {
            Ok(collected) => Ok(http::Response::from_parts(parts, collected.bytes)),
            Err(BodyError::TooLarge { limit }) => Err(CallError::TooLarge(limit)),
            Err(BodyError::Broken(reason)) => Err(CallError::Broken(reason)),
        }
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .hickory_dns(true)
        .tls_backend_rustls()
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
}

fn classify(error: reqwest::Error) -> CallError {
    // A URL may carry secrets in its query: they stay out of the log.
    let error = error.without_url();
    let reason = causes(&error);
    if error.is_connect() || error.is_dns() {
        CallError::Unreachable(reason)
    } else if error.is_builder() {
        CallError::Invalid(reason)
    } else {
        CallError::Broken(reason)
    }
}

#[cfg(test)]
pub(super) mod tests;
