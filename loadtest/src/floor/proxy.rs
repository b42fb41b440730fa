//! The proxy floor: what hyper's server and its pooled client cost.

use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::{Position, Url};

use super::{Body, status};
use crate::options::Misuse;

/// Where requests go, and the pooled connections to it.
#[derive(Debug, Clone)]
pub struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Incoming>,
}

impl Upstream {
    pub(super) fn new(url: &Url) -> Result<Self, Misuse> {
        let refuse = || Misuse(format!("{url}: the upstream must be http://host:port"));
        if url.scheme() != "http" {
            return Err(refuse());
        }
        let authority = url[Position::BeforeHost..Position::AfterPort]
            .parse()
            .map_err(|_| refuse())?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            authority,
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// Sends the request on and its answer back; 502 when there is none.
    pub(super) async fn forward(&self, mut request: Request<Incoming>) -> Response<Body> {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        let Ok(uri) = Uri::from_parts(parts) else {
            return status(StatusCode::BAD_REQUEST);
        };
        *request.uri_mut() = uri;
        // These speak about the connection to the client, not about the request (RFC 9110 section 7.6.1).
        request.headers_mut().remove(http::header::CONNECTION);
        request.headers_mut().remove(http::header::UPGRADE);
        match self.client.request(request).await {
            Ok(response) => response.map(|body| body.boxed()),
            Err(_) => status(StatusCode::BAD_GATEWAY),
        }
    }
}
