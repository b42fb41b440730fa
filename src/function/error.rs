//! What invoking a function can come to, whoever runs it: the processes here, a closure, or a Lambda endpoint elsewhere.

use bytes::Bytes;
use serde::Deserialize;

use crate::base::quotas::LAMBDA_PAYLOAD_BYTES;

/// What a function gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionAnswer {
    /// The bytes that the handler returned, usually JSON; at most [`LAMBDA_PAYLOAD_BYTES`].
    pub payload: Bytes,
    /// Lambda's own request id (not the gateway's): `x-amzn-RequestId` of the Invoke API. For access logs.
    pub request_id: Option<String>,
    /// The status of the Invoke API; a function that the gateway runs itself answers 200.
    pub status: u16,
}

/// Why a function gave no answer.
///
/// Nothing in here is for clients: they see only the gateway's own texts (`Internal server error`, `Endpoint request timed
/// out`), for messages and reasons tell about the inside of a function. The one exception is a Lambda authorizer's
/// `errorMessage` of exactly `Unauthorized`, see [`FunctionError::says_unauthorized`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// The function itself failed: its handler raised, its process exited, it ran into its own timeout, or it could not
    /// initialise. What Lambda marks with `X-Amz-Function-Error`. Clients see an internal error (502).
    #[error("the function failed: {}: {}", .0.error_type, .0.message)]
    Unhandled(Box<Failure>),
    /// The caller's deadline passed; the function may still be at work. Clients see a timeout (504).
    #[error("the function did not answer in time")]
    TimedOut,
    /// Every process is busy and the queue is full, or Lambda answered 429. Clients see an internal error (502).
    #[error("the function is throttled: {reason}")]
    Throttled {
        /// Which bound was met.
        reason: String,
    },
    /// The function cannot be reached or started at all. Clients see an internal error (502).
    #[error("the function is unavailable: {reason}")]
    Unavailable {
        /// What went wrong, with the name of Lambda's exception where there is one.
        reason: String,
        /// The status that the Invoke API answered with, if it answered.
        status: Option<u16>,
    },
    /// The event is larger than [`LAMBDA_PAYLOAD_BYTES`]. Clients see an internal error (502).
    #[error("the event is larger than {LAMBDA_PAYLOAD_BYTES} bytes")]
    RequestTooLarge,
    /// The answer is larger than [`LAMBDA_PAYLOAD_BYTES`]. Clients see an internal error (502).
    #[error("the answer is larger than {LAMBDA_PAYLOAD_BYTES} bytes")]
    ResponseTooLarge,
}

/// A failure inside a function, as Lambda reports it to whoever invoked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `errorType`, such as `ValueError` or `Runtime.ExitError`.
    pub error_type: String,
    /// `errorMessage`.
    pub message: String,
    /// The whole error document as the runtime sent it; templates may read more of it.
    pub payload: Bytes,
}

/// The error document of the runtime API; every field is optional because a handler may send anything.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ErrorDocument {
    error_type: Option<String>,
    error_message: Option<String>,
}

impl FunctionError {
    /// A failure that the gateway words itself, in the shape that Lambda uses.
    pub fn failed(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        let (error_type, message) = (error_type.into(), message.into());
        let document = serde_json::json!({ "errorType": error_type, "errorMessage": message });
        Self::Unhandled(Box::new(Failure {
            payload: Bytes::from(document.to_string()),
            error_type,
            message,
        }))
    }

    /// A failure from the error document that a runtime sent; `fallback_type` is used when it names none.
    pub fn from_document(payload: Bytes, fallback_type: Option<&str>) -> Self {
        let document = serde_json::from_slice::<ErrorDocument>(&payload).unwrap_or_default();
        let error_type = document
            .error_type
            .or_else(|| fallback_type.map(str::to_owned))
            .unwrap_or_else(|| "Unhandled".to_owned());
        Self::Unhandled(Box::new(Failure {
            error_type,
            message: document.error_message.unwrap_or_default(),
            payload,
        }))
    }

    /// Unavailable for a reason that no Invoke API gave.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable {
            reason: reason.into(),
            status: None,
        }
    }

    /// Whether an authorizer function asks for 401: its `errorMessage` is exactly `Unauthorized`.
    ///
    /// AWS: "Input to an API Gateway Lambda authorizer"; the comparison is case-sensitive.
    pub fn says_unauthorized(&self) -> bool {
        matches!(self, Self::Unhandled(failure) if failure.message == "Unauthorized")
    }

    /// The status of the Invoke API, for access logs; `None` when no answer came.
    ///
    /// A function that fails is still a successful call of the Invoke API.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unhandled(_) | Self::ResponseTooLarge => Some(200),
            Self::Throttled { .. } => Some(429),
            Self::RequestTooLarge => Some(413),
            Self::Unavailable { status, .. } => *status,
            Self::TimedOut => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &'static str, fallback: Option<&str>, expected: (&str, &str)) {
        let error = FunctionError::from_document(Bytes::from_static(document.as_bytes()), fallback);
        let FunctionError::Unhandled(failure) = &error else {
            panic!("{error}")
        };
        assert_eq!(
            (failure.error_type.as_str(), failure.message.as_str()),
            expected
        );
        assert_eq!(failure.payload, document);
        assert_eq!(error.says_unauthorized(), expected.1 == "Unauthorized");
    }

    #[test]
    fn error_documents_of_every_runtime_are_understood() {
        check(
            r#"{"errorMessage":"Unauthorized","errorType":"Error","trace":[]}"#,
            None,
            ("Error", "Unauthorized"),
        );
        check(
            r#"{"errorMessage":"unauthorized"}"#,
            Some("Custom"),
            ("Custom", "unauthorized"),
        );
        check(
            r#"{"errorMessage":"Unauthorized."}"#,
            None,
            ("Unhandled", "Unauthorized."),
        );
        check(r#"{"errorMessage":7}"#, None, ("Unhandled", ""));
        check("not json", Some("Runtime.Broken"), ("Runtime.Broken", ""));
        check("", None, ("Unhandled", ""));
    }

    #[test]
    fn an_error_stays_small() {
        assert!(size_of::<FunctionError>() <= 40);
    }
}
