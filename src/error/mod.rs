//! What can go wrong, and what each side may see of it.
//!
//! [`GatewayError`] fails an exchange, [`ServiceException`] a call of `@connections` or of the control plane, [`CloseReason`] a connection.

mod close_reason;
mod exception;
mod response_type;

use std::borrow::Cow;
use std::fmt;

use http::{HeaderValue, StatusCode};

pub use close_reason::CloseReason;
pub use exception::{ServiceException, stamp};
pub use response_type::ResponseType;

/// Fails an exchange: the kind of failure, a message that the client may see, and a cause that it may not.
#[derive(Debug)]
pub struct GatewayError {
    /// Amazon's name for the failure.
    pub response_type: ResponseType,
    status: Option<StatusCode>,
    message: Option<Cow<'static, str>>,
    cause: Option<Box<str>>,
    challenge: Option<Box<HeaderValue>>,
}

impl GatewayError {
    /// A failure with its default status and text.
    pub fn new(response_type: ResponseType) -> Self {
        Self {
            response_type,
            status: None,
            message: None,
            cause: None,
            challenge: None,
        }
    }

    /// The same with another text for the client.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same with another HTTP status, where WebSocket handshakes differ from REST.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with the reason for the logs.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string().into());
        self
    }

    /// The same with a challenge for `www-authenticate` (RFC 9110 section 11.6.1).
    #[must_use]
    pub fn challenging(mut self, challenge: HeaderValue) -> Self {
        self.challenge = Some(Box::new(challenge));
        self
    }

    /// The challenge that the answer carries.
    pub fn challenge(&self) -> Option<&HeaderValue> {
        self.challenge.as_deref()
    }

    /// What the client is told.
    pub fn client_message(&self) -> &str {
        self.message
            .as_deref()
            .unwrap_or(self.response_type.default_message())
    }

    /// The HTTP status of a refused handshake.
    pub fn http_status(&self) -> StatusCode {
        self.status.unwrap_or(self.response_type.default_status())
    }

    /// The reason for the logs; never for the client.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.response_type.name(),
            self.client_message()
        )?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for GatewayError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small() {
        // It travels in every `Result` of the pipeline.
        assert!(size_of::<GatewayError>() <= 64);
    }
}
