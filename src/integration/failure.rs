//! How a call to a backend can fail.

use http::StatusCode;

use crate::client::http::CallError;
use crate::error::{GatewayError, ResponseType};
use crate::function::FunctionError;
use crate::integration::answer::MalformedAnswer;

/// Fails a call. Nothing in here is for clients.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The function gave no answer.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The function's output is no proxy answer.
    #[error(transparent)]
    Malformed(#[from] MalformedAnswer),
    /// The HTTP backend did not answer in time.
    #[error("the backend did not answer in time")]
    TimedOut,
    /// The HTTP backend cannot be reached, or broke off.
    #[error("the backend failed: {0}")]
    Unreachable(String),
    /// The HTTP backend's certificate is not that of its name, or not to be trusted.
    #[error("the backend cannot be trusted: {0}")]
    Untrusted(String),
    /// The client broke its request off, or sent what is no body.
    #[error("the client broke the request off")]
    RequestBroken,
    /// The request is larger than what may be sent.
    #[error("the request is too large")]
    RequestTooLarge,
    /// The answer is larger than what may be taken.
    #[error("the backend's answer is too large")]
    TooLarge,
    /// A mapped value cannot be sent.
    #[error("{name} cannot be sent: {problem}")]
    Parameter {
        /// Where it should go.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A parameter of an AWS service has no value, or none of its kind.
    #[error("Unable to resolve property {property} from source {sources}")]
    Unresolved {
        /// The parameter.
        property: &'static str,
        /// The variables that it comes from.
        sources: String,
    },
    /// A call of an AWS service cannot be signed.
    #[error("the call is not signed: {0}")]
    Unsigned(String),
    /// `CONVERT_TO_BINARY` met text that is not base64.
    #[error("the payload is not base64")]
    Unconvertible,
}

impl From<CallError> for BackendError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::TimedOut => Self::TimedOut,
            CallError::TooLarge(_) => Self::TooLarge,
            CallError::Untrusted(reason) => Self::Untrusted(reason),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

impl BackendError {
    /// The status that the failure itself has in access logs.
    pub fn call_status(&self) -> Option<u16> {
        match self {
            Self::Function(error) => error.status(),
            Self::Malformed(_) => Some(200),
            _ => None,
        }
    }
}

// AWS: statuses of a failed handshake. A function that fails or makes no sense is 502, one that is late 504; an
// endpoint that cannot be reached 504 (reported for HTTP backends).
impl From<BackendError> for GatewayError {
    fn from(error: BackendError) -> Self {
        let failed = |status| GatewayError::new(ResponseType::IntegrationFailure).status(status);
        let shape = match &error {
            BackendError::TimedOut | BackendError::Function(FunctionError::TimedOut) => {
                GatewayError::new(ResponseType::IntegrationTimeout)
            }
            BackendError::Function(FunctionError::Throttled { .. }) => {
                failed(StatusCode::INTERNAL_SERVER_ERROR)
            }
            BackendError::Function(FunctionError::Unavailable { .. }) => {
                failed(StatusCode::INTERNAL_SERVER_ERROR)
            }
            // AWS: a certificate of another name is 500 (reported for HTTP APIs).
            BackendError::Untrusted(_) => failed(StatusCode::INTERNAL_SERVER_ERROR),
            // AWS: so is a role that cannot be assumed.
            BackendError::Unsigned(_) => failed(StatusCode::INTERNAL_SERVER_ERROR),
            BackendError::RequestBroken => GatewayError::new(ResponseType::Default4xx),
            BackendError::RequestTooLarge
            | BackendError::Function(FunctionError::RequestTooLarge) => {
                GatewayError::new(ResponseType::RequestTooLarge)
            }
            BackendError::Function(_) | BackendError::Malformed(_) | BackendError::TooLarge => {
                failed(StatusCode::BAD_GATEWAY)
            }
            BackendError::Unreachable(_) => GatewayError::new(ResponseType::IntegrationFailure),
            BackendError::Parameter { .. } | BackendError::Unresolved { .. } => {
                GatewayError::new(ResponseType::BadRequestParameters)
            }
            BackendError::Unconvertible => GatewayError::new(ResponseType::ApiConfigurationError),
        };
        shape.because(error)
    }
}
