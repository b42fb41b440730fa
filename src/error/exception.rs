//! Errors of `@connections`, in the form that AWS SDKs turn into exceptions.
//!
//! Source: the API Gateway Management API model and the developer guide, "Use @connections commands in your backend
//! service". The SDKs take the name from the `x-amzn-ErrorType` header.

use http::StatusCode;

/// Fails an `@connections` call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceException {
    /// `x-amzn-ErrorType`.
    pub name: &'static str,
    /// HTTP status.
    pub status: StatusCode,
    /// `message` of the JSON body; `None` for an empty body.
    pub message: Option<String>,
}

impl ServiceException {
    fn new(name: &'static str, status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            name,
            status,
            message: Some(message.into()),
        }
    }

    /// 410 with an empty body: no such connection. AWS: SDKs report the bare status for it.
    pub fn gone() -> Self {
        Self {
            name: "GoneException",
            status: StatusCode::GONE,
            message: None,
        }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new("BadRequestException", StatusCode::BAD_REQUEST, message)
    }

    /// 403: not for this caller, or no such API and stage.
    pub fn forbidden() -> Self {
        Self::new("ForbiddenException", StatusCode::FORBIDDEN, "Forbidden")
    }

    /// 403 with the name and text that the failed signature check gives.
    pub fn unsigned(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, StatusCode::FORBIDDEN, message)
    }

    /// 403: signed well, but no policy allows it. The name is one that the service model has, so SDKs raise their own type.
    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::new("ForbiddenException", StatusCode::FORBIDDEN, message)
    }

    /// 413: more than 128 KiB.
    pub fn payload_too_large() -> Self {
        Self::new(
            "PayloadTooLargeException",
            StatusCode::PAYLOAD_TOO_LARGE,
            "Request Entity Too Large",
        )
    }

    /// 429: too many calls, or the connection's queue is full.
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(
            "LimitExceededException",
            StatusCode::TOO_MANY_REQUESTS,
            message,
        )
    }

    /// 405: `@connections` knows GET, POST and DELETE.
    pub fn method_not_allowed() -> Self {
        Self::new(
            "MethodNotAllowedException",
            StatusCode::METHOD_NOT_ALLOWED,
            "Method Not Allowed",
        )
    }

    /// 503: the node that holds the connection does not answer; SDKs try again.
    pub fn unavailable() -> Self {
        Self::new(
            "ServiceUnavailableException",
            StatusCode::SERVICE_UNAVAILABLE,
            "Service Unavailable",
        )
    }
}
