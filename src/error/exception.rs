//! Errors of `@connections` and of the control plane, in the form that AWS SDKs turn into exceptions.
//!
//! Source: the API Gateway Management API and API Gateway V2 models, and the developer guide, "Use @connections commands in
//! your backend service". The SDKs take the name from the `x-amzn-ErrorType` header.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::base::body::Payload;
use crate::base::ids::RequestId;

/// Fails an `@connections` call, or one of the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceException {
    /// `x-amzn-ErrorType`.
    pub name: &'static str,
    /// HTTP status.
    pub status: StatusCode,
    /// `message` of the JSON body; `None` for an empty body.
    pub message: Option<String>,
    /// A further member of the body: its name and value.
    pub detail: Option<(&'static str, &'static str)>,
}

impl ServiceException {
    fn new(name: &'static str, status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            name,
            status,
            message: Some(message.into()),
            detail: None,
        }
    }

    fn detailed(mut self, name: &'static str, value: &'static str) -> Self {
        self.detail = Some((name, value));
        self
    }

    /// 410 with an empty body: no such connection. AWS: SDKs report the bare status for it.
    pub fn gone() -> Self {
        Self {
            name: "GoneException",
            status: StatusCode::GONE,
            message: None,
            detail: None,
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

    /// 403 of the control plane: signed well, but no policy allows it.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", StatusCode::FORBIDDEN, message)
    }

    /// 404 of the control plane; `resource_type` is what there is none of, e.g. `Route`.
    pub fn not_found(message: impl Into<String>, resource_type: &'static str) -> Self {
        Self::new("NotFoundException", StatusCode::NOT_FOUND, message)
            .detailed("resourceType", resource_type)
    }

    /// 409 of the control plane: what is there already stands against it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new("ConflictException", StatusCode::CONFLICT, message)
    }

    /// 429 of the control plane; `limit_type` says of what there is too much.
    pub fn too_many(message: impl Into<String>, limit_type: &'static str) -> Self {
        Self::new(
            "TooManyRequestsException",
            StatusCode::TOO_MANY_REQUESTS,
            message,
        )
        .detailed("limitType", limit_type)
    }

    /// 500: not the caller's doing; the log has the reason. SDKs try again.
    pub fn internal() -> Self {
        Self::new(
            "InternalServerErrorException",
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal server error",
        )
    }

    /// The exception as AWS SDKs read it: its name in `x-amzn-ErrorType`, its text in the body.
    pub fn response(&self) -> Response<Payload> {
        let mut response = Response::new(Payload::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.message.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let name = HeaderValue::from_static(self.name);
        headers.insert(HeaderName::from_static("x-amzn-errortype"), name);
        response
    }

    fn body(&self) -> String {
        let Some(message) = &self.message else {
            return String::new();
        };
        let mut body = Map::new();
        body.insert("message".to_owned(), message.as_str().into());
        if let Some((name, value)) = self.detail {
            body.insert(name.to_owned(), value.into());
        }
        Value::Object(body).to_string()
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const APIGW_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");

/// Puts the ids on an answer that every answer of a service has.
pub fn stamp(headers: &mut HeaderMap, request_id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(REQUEST_ID, value.clone());
        headers.insert(APIGW_ID, value);
    }
}
