//! Calls to backends: one file for each kind, all giving an [`Answer`].
//!
//! What is called is decided in the plan; what the answer means for the client is decided in the pipeline.

mod answer;
pub mod event;
mod failure;
mod forwarded;
mod function;
mod http;
mod mapped;
mod mock;
mod proxy;
mod service;
mod trace;

use std::sync::Arc;
use std::time::Duration;

pub use answer::{Answer, MalformedAnswer};
pub use failure::BackendError;
pub use function::{FunctionCall, invoke_function};
pub use mapped::map_response;

use ::http::StatusCode;
use aws_credential_types::Credentials;

use crate::base::clock::Clock;
use crate::client::http::HttpClient;
use crate::client::lambda::LambdaClient;
use crate::client::proxy::ProxyClient;
use crate::exchange::{Event, Exchange};
use crate::function::Functions;
use crate::plan::integration::{ContentHandling, Integration, PayloadFormat, Target};

/// The live capabilities that calls need.
#[derive(Debug)]
pub struct Backends {
    /// Time for deadlines and latencies.
    pub clock: Arc<dyn Clock>,
    /// The functions that this gateway hosts.
    pub functions: Functions,
    /// The Lambda Invoke API.
    pub lambda: LambdaClient,
    /// Who signs calls of the Invoke API and of AWS services.
    pub aws_credentials: Option<Credentials>,
    /// HTTP backends that events are sent to, and AWS services.
    pub http: HttpClient,
    /// HTTP backends that requests go on to.
    pub proxy: ProxyClient,
}

impl Backends {
    /// Time since a moment of the clock in nanoseconds.
    fn since(&self, nanos: u64) -> Duration {
        Duration::from_nanos(self.clock.nanos().saturating_sub(nanos))
    }
}

/// A call that is ready to be made.
#[derive(Debug)]
pub enum Call {
    /// A function with its event, and how its answer is read.
    Function(FunctionCall, PayloadFormat),
    /// An HTTP request that an event becomes.
    Http(Box<http::HttpCall>),
    /// An HTTP request that goes on.
    Proxy(Box<proxy::ProxyCall>),
    /// A call of an AWS service.
    Service(Box<service::ServiceCall>),
    /// Nothing to call: the answer is known.
    Answered(Box<Answer>),
}

/// Builds the call for an exchange, without making it.
///
/// # Errors
/// When a mapped value cannot be sent, or the payload cannot be converted.
pub fn prepare(exchange: &Exchange, integration: &Arc<Integration>) -> Result<Call, BackendError> {
    match &integration.target {
        Target::Function(target) => function::prepare(exchange, integration, target),
        Target::Proxy(target) => {
            proxy::prepare(exchange, integration, target).map(|call| Call::Proxy(Box::new(call)))
        }
        Target::Service(target) => {
            service::prepare(exchange, target).map(|call| Call::Service(Box::new(call)))
        }
        Target::Preflight => Ok(Call::Answered(Box::new(Answer {
            status: StatusCode::NO_CONTENT,
            ..Answer::none()
        }))),
        Target::Http(target) => {
            http::prepare(exchange, integration, target).map(|call| Call::Http(Box::new(call)))
        }
        Target::Mock(target) => Ok(Call::Answered(Box::new(mock::answer(target)))),
    }
}

/// Makes a prepared call and reads the answer, within `limit`.
///
/// # Errors
/// How the backend failed.
pub async fn make(
    backends: &Backends,
    exchange: &mut Exchange,
    call: Call,
    limit: Duration,
) -> Result<Answer, BackendError> {
    // Boxed where a client of many layers is asked, so that an exchange that needs none of them stays small.
    match call {
        Call::Function(call, format) => {
            Box::pin(function::call(backends, exchange, call, format, limit)).await
        }
        Call::Http(call) => Box::pin(http::call(backends, exchange, *call, limit)).await,
        Call::Proxy(call) => proxy::call(backends, exchange, call, limit).await,
        Call::Service(call) => Box::pin(service::call(backends, exchange, *call, limit)).await,
        Call::Answered(answer) => Ok(*answer),
    }
}

/// The payload as a backend other than a function gets it.
fn payload(exchange: &Exchange, content: ContentHandling) -> Result<bytes::Bytes, BackendError> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let Event::Message { payload, .. } = &exchange.event else {
        return Ok(bytes::Bytes::new());
    };
    let bytes = payload.payload();
    Ok(match content {
        ContentHandling::Unchanged => bytes.clone(),
        ContentHandling::ToBinary => STANDARD
            .decode(bytes)
            .map_err(|_| BackendError::Unconvertible)?
            .into(),
        ContentHandling::ToText => STANDARD.encode(bytes).into(),
    })
}
