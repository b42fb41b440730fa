//! Parameter mapping of HTTP APIs: `overwrite:header.x-tenant` from `$context.authorizer.tenant`, and the like.
//!
//! A mapping is parsed once. For a request, [`RequestEdits`] finds all values first and is applied then, so that every
//! mapping sees the request as it came; [`ResponseEdits`] does the same for an answer. The mappings of WebSocket APIs, which
//! are written differently, are in `lang::parameter`.
//!
//! Source: API Gateway Developer Guide, "Transform API requests and responses for HTTP APIs".

mod edit;
mod json;
mod path;
mod query;
mod source;
mod target;
mod value;

use serde_json::Value;

use crate::lang::http_path::RoutePath;
use crate::lang::parameter::{MappingError, header_safe};
use crate::lang::syntax::SyntaxError;

pub use edit::{RequestEdits, ResponseEdits, Unfit};
pub use json::Unjson;
pub use source::{Side, Source};
pub use target::{Action, RequestTarget, ResponseTarget, is_reserved};
pub use value::{MappingValue, TooLong};

/// How much of a body a JSON path looks at, in bytes: the rest is cut off before the body is read as JSON.
///
/// AWS: "Transform API requests and responses for HTTP APIs".
pub const BODY_BYTES_SEEN: usize = 100 * 1024;

/// Lowest and highest status that an answer may be given.
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

/// One entry of `requestParameters` of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestMapping {
    action: Action,
    target: RequestTarget,
    value: MappingValue,
}

/// One entry of `responseParameters` of an integration, under a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseMapping {
    action: Action,
    target: ResponseTarget,
    value: MappingValue,
}

impl RequestMapping {
    /// Reads the key and the value of an entry.
    ///
    /// # Errors
    /// A key that is no target, a header that a mapping may not touch, a value that is none, and constant text that does not
    /// fit its target.
    pub fn parse(key: &str, value: &str) -> Result<Self, MappingError> {
        let (action, target) = RequestTarget::parse(key).map_err(MappingError::Target)?;
        let value = read_value(action, value, Side::Request)?;
        let checked = match target {
            RequestTarget::Header(_) => check_header(&value),
            RequestTarget::Query(_) => Ok(()),
            RequestTarget::Path => path::check(&value),
        };
        checked.map_err(MappingError::Source)?;
        Ok(Self {
            action,
            target,
            value,
        })
    }

    /// What is done.
    pub fn action(&self) -> Action {
        self.action
    }

    /// To which part of the request it is done.
    pub fn target(&self) -> &RequestTarget {
        &self.target
    }

    /// The sources of the value, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.value.sources()
    }

    /// Whether the body of the request must be at hand.
    pub fn reads_request_body(&self) -> bool {
        self.value.reads_request_body()
    }
}

impl ResponseMapping {
    /// Reads the key and the value of an entry.
    ///
    /// # Errors
    /// As [`RequestMapping::parse`]; and a constant status outside 200 to 599.
    pub fn parse(key: &str, value: &str) -> Result<Self, MappingError> {
        let (action, target) = ResponseTarget::parse(key).map_err(MappingError::Target)?;
        let value = read_value(action, value, Side::Response)?;
        let checked = match target {
            ResponseTarget::Header(_) => check_header(&value),
            ResponseTarget::Status => check_status(&value),
        };
        checked.map_err(MappingError::Source)?;
        Ok(Self {
            action,
            target,
            value,
        })
    }

    /// What is done.
    pub fn action(&self) -> Action {
        self.action
    }

    /// To which part of the answer it is done.
    pub fn target(&self) -> &ResponseTarget {
        &self.target
    }

    /// The sources of the value, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.value.sources()
    }

    /// Whether the body of the request must still be at hand when the answer comes.
    pub fn reads_request_body(&self) -> bool {
        self.value.reads_request_body()
    }

    /// Whether the whole body of the answer must be at hand before its head is sent.
    pub fn reads_response_body(&self) -> bool {
        self.value.reads_response_body()
    }
}

/// A body as JSON paths see it: cut after [`BODY_BYTES_SEEN`], then read; `None` when that is not JSON.
pub fn body_as_json(body: &[u8]) -> Option<Value> {
    let seen = body.get(..BODY_BYTES_SEEN).unwrap_or(body);
    serde_json::from_slice(seen).ok()
}

/// The value of an entry; that of `remove` says nothing.
fn read_value(action: Action, value: &str, side: Side) -> Result<MappingValue, MappingError> {
    if action != Action::Remove {
        return MappingValue::parse(value, side).map_err(MappingError::Source);
    }
    if value.is_empty() || value == "''" {
        return Ok(MappingValue::default());
    }
    let problem = "what is removed has no value";
    Err(MappingError::Source(SyntaxError::new(
        1, problem, "write ''",
    )))
}

fn check_header(value: &MappingValue) -> Result<(), SyntaxError> {
    if value.literals().all(header_safe) {
        return Ok(());
    }
    let problem = "a header cannot hold control characters";
    Err(SyntaxError::new(1, problem, "remove them"))
}

fn check_status(value: &MappingValue) -> Result<(), SyntaxError> {
    match value.constant() {
        Some(text) if read_status(text).is_none() => {
            let problem = "this is not a status that an answer can have";
            Err(SyntaxError::new(
                1,
                problem,
                "write a number from 200 to 599",
            ))
        }
        _ => Ok(()),
    }
}

/// Digits only, so that `+200` is no status.
fn read_status(text: &str) -> Option<http::StatusCode> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let status = text.parse().ok().filter(|_| digits)?;
    let status = Some(status).filter(|status| STATUSES.contains(status))?;
    http::StatusCode::from_u16(status).ok()
}

/// Whether a path is one that a backend reads in one way only; escapes are those of the path itself.
fn is_plain_path(path: &str) -> bool {
    RoutePath::parse(path).is_ok()
}

#[cfg(test)]
mod tests;
