//! Integrations: where an event goes and what is made of the answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::client::lambda::InvokeTarget;
use crate::client::proxy::Upstream;
use crate::lang::http_mapping::{MappingValue, RequestMapping, ResponseMapping};
use crate::lang::parameter::ParameterMapping;
use crate::plan::proxy_uri::ProxyUri;
use crate::plan::service::ServiceTarget;

/// One integration, ready to call.
#[derive(Debug)]
pub struct Integration {
    /// `integrationId`: the key in the definition file.
    pub id: Arc<str>,
    /// What is called.
    pub target: Target,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// `requestParameters` of a WebSocket API.
    pub parameters: Vec<ParameterMapping>,
    /// `contentHandlingStrategy`.
    pub content: ContentHandling,
    /// `payloadFormatVersion`: what a function is sent, and how its answer is read.
    pub format: PayloadFormat,
    /// `responseParameters` of an HTTP API, by the status of the answer that they change.
    pub responses: BTreeMap<u16, Vec<ResponseMapping>>,
}

impl Integration {
    /// Whether the call is made of the whole request body, which therefore has to be read first.
    pub fn reads_body(&self) -> bool {
        let answers = self.responses.values().flatten();
        let asked_later = answers.into_iter().any(ResponseMapping::reads_request_body);
        asked_later
            || match &self.target {
                Target::Function(_) => true,
                Target::Proxy(proxy) => {
                    let mut mappings = proxy.mappings.iter();
                    mappings.any(RequestMapping::reads_request_body)
                }
                Target::Service(service) => {
                    let arguments = service.arguments.iter().map(|argument| &argument.value);
                    let mut values = arguments.chain([&service.region]);
                    values.any(MappingValue::reads_request_body)
                }
                Target::Http(_) | Target::Mock(_) | Target::Preflight => false,
            }
    }
}

/// What a Lambda function is sent, and how its answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayloadFormat {
    /// The events of WebSocket APIs.
    #[default]
    WebSocket,
    /// `1.0` of HTTP APIs.
    V1,
    /// `2.0` of HTTP APIs.
    V2,
}

/// What an integration calls. Amazon fixed this set.
#[derive(Debug)]
pub enum Target {
    /// `AWS_PROXY` to a Lambda function.
    Function(FunctionTarget),
    /// `HTTP_PROXY` of a WebSocket API: the event becomes a request.
    Http(HttpTarget),
    /// `HTTP_PROXY` of an HTTP API: the request goes on.
    Proxy(ProxyTarget),
    /// `AWS_PROXY` with a subtype: an AWS service.
    Service(ServiceTarget),
    /// `MOCK`.
    Mock(MockTarget),
    /// Nothing: the gateway answers a preflight by itself, as the API's CORS configuration says.
    Preflight,
}

/// A Lambda function: hosted here or behind the Invoke API of another endpoint.
#[derive(Debug, Clone)]
pub enum FunctionTarget {
    /// Run by this gateway, by its name in `functions`.
    Hosted(Arc<str>),
    /// Called over the Lambda Invoke API.
    Remote(Arc<InvokeTarget>),
}

/// An HTTP backend.
#[derive(Debug)]
pub struct HttpTarget {
    /// `integrationMethod`.
    pub method: Method,
    /// `integrationUri`.
    pub uri: ProxyUri,
    /// What is called behind a VPC link, in place of the URL's host.
    pub upstream: Option<Arc<Upstream>>,
}

/// Where an HTTP API sends requests on to.
#[derive(Debug)]
pub struct ProxyTarget {
    /// `integrationMethod`; `None` for `ANY`, the client's own.
    pub method: Option<Method>,
    /// What gets it.
    pub backend: ProxyBackend,
    /// `requestParameters`.
    pub mappings: Vec<RequestMapping>,
    /// `tidegate.bodyIdleTimeout`: longest silence between two pieces of an answer's body.
    pub body_idle_timeout: Duration,
}

/// What gets the requests of an HTTP API.
#[derive(Debug)]
pub enum ProxyBackend {
    /// What a URL leads to.
    Public(PublicBackend),
    /// Targets behind a VPC link.
    Private(PrivateBackend),
}

impl ProxyBackend {
    /// The targets behind a VPC link.
    pub fn upstream(&self) -> Option<&Upstream> {
        match self {
            Self::Public(_) => None,
            Self::Private(private) => Some(&private.upstream),
        }
    }
}

/// A backend with a URL.
#[derive(Debug)]
pub struct PublicBackend {
    /// `integrationUri`.
    pub uri: ProxyUri,
    /// Whether the path of the request is appended to the URI: the integration serves `$default`.
    pub appends_path: bool,
    /// `tlsConfig.serverNameToVerify`.
    pub server_name: Option<Arc<str>>,
}

/// A backend behind a VPC link.
#[derive(Debug)]
pub struct PrivateBackend {
    /// What `server.upstreams` has for `integrationUri`.
    pub upstream: Upstream,
    /// What stands in front of the client's path: `/` and the stage's name, or nothing for `$default`.
    pub base: Box<str>,
}

/// An answer made up by the gateway.
#[derive(Debug)]
pub struct MockTarget {
    /// The status that the request template names.
    ///
    /// AWS: on `$connect` an integration response maps to 200 unless its status says otherwise.
    pub status: StatusCode,
    /// The payload of the response that the status selects; empty when that has no template, or there is none.
    pub payload: Bytes,
}

/// What is done to the payload on its way to the backend (`contentHandlingStrategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentHandling {
    /// Nothing.
    #[default]
    Unchanged,
    /// Base64 text from the client is decoded to bytes (`CONVERT_TO_BINARY`).
    ToBinary,
    /// Bytes are encoded as base64 text (`CONVERT_TO_TEXT`).
    ToText,
}
