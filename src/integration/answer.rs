//! What a backend answered, whatever kind it was, and how a Lambda proxy answer is read.

pub(super) mod http_api;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::base::body::Payload;

/// A backend's answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status: decides about a handshake, is only logged for a message.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, which may still be on its way.
    pub body: Payload,
    /// Whether the body leaves as a binary message.
    pub binary: bool,
}

impl Answer {
    /// The answer of a route that has no integration: everything is fine.
    pub fn none() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Payload::default(),
            binary: false,
        }
    }
}

/// Why a function's output is no proxy answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAnswer {
    /// Not a JSON object.
    #[error("the function's output is not a JSON object")]
    NotAnObject,
    /// No `statusCode`, or not one that an answer can have.
    #[error("the function's output has no valid statusCode")]
    Status,
    /// A header's name or value cannot be sent.
    #[error("the function's output has an invalid header {0:?}")]
    Header(String),
    /// Headers or cookies are not what they should be, or too many.
    #[error("the function's output has {0}")]
    Headers(&'static str),
    /// The body is neither text nor absent.
    #[error("the function's output has a body that is not a string")]
    Body,
    /// `isBase64Encoded` is set but the body is not base64.
    #[error("the function's output has a body that is not base64")]
    Base64,
}

/// More header fields than a map of them takes (32 768).
const TOO_MANY: MalformedAnswer = MalformedAnswer::Headers("too many headers");

/// How strictly a function's output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It must have a `statusCode`: the output decides about a handshake.
    Handshake,
    /// It may lack a `statusCode`.
    ///
    /// AWS does not say what becomes of such output on a message route; taking `body` where there is one is the most
    /// useful reading, and output that is no object at all is an error as everywhere.
    Message,
}

/// Reads the output of a function of a WebSocket API: `{"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}`.
///
/// # Errors
/// What is wrong with it; the client then gets 502 or `Internal server error`.
pub(super) fn read_proxy(output: &[u8], reading: Reading) -> Result<Answer, MalformedAnswer> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(output) else {
        return Err(MalformedAnswer::NotAnObject);
    };
    let status = read_status(fields.get("statusCode"), reading)?;
    let headers = read_headers(&fields)?;
    let encoded = fields.get("isBase64Encoded") == Some(&Value::Bool(true));
    let text = match fields.get("body") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.as_str(),
        Some(_) => return Err(MalformedAnswer::Body),
    };
    let body: Bytes = match encoded {
        true => STANDARD
            .decode(text)
            .map_err(|_| MalformedAnswer::Base64)?
            .into(),
        false => Bytes::copy_from_slice(text.as_bytes()),
    };
    Ok(Answer {
        status,
        headers,
        body: Payload::from(body),
        binary: encoded,
    })
}

fn read_status(value: Option<&Value>, reading: Reading) -> Result<StatusCode, MalformedAnswer> {
    let number = match value {
        None | Some(Value::Null) if reading == Reading::Message => return Ok(StatusCode::OK),
        Some(Value::Number(number)) => number.as_u64(),
        // AWS: REST proxy integrations take a number in quotes too.
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    number
        .filter(|number| (100..600).contains(number))
        .and_then(|number| StatusCode::from_u16(u16::try_from(number).ok()?).ok())
        .ok_or(MalformedAnswer::Status)
}

fn read_headers(fields: &Map<String, Value>) -> Result<HeaderMap, MalformedAnswer> {
    let mut headers = HeaderMap::new();
    if let Some(Value::Object(single)) = fields.get("headers") {
        for (name, value) in single {
            if let Some(text) = scalar(value) {
                let (key, value) = header(name, &text)?;
                let inserted = headers.try_insert(key, value);
                inserted.map_err(|_| TOO_MANY)?;
            }
        }
    }
    if let Some(Value::Object(multi)) = fields.get("multiValueHeaders") {
        for (name, values) in multi {
            let texts = values.as_array().into_iter().flatten().filter_map(scalar);
            for (position, text) in texts.enumerate() {
                let (key, value) = header(name, &text)?;
                // AWS: where both maps have a name, the values of the multi-value map win.
                let added = match position {
                    0 => headers.try_insert(key, value).map(drop),
                    _ => headers.try_append(key, value).map(drop),
                };
                added.map_err(|_| TOO_MANY)?;
            }
        }
    }
    Ok(headers)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), MalformedAnswer> {
    let invalid = || MalformedAnswer::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| invalid())?;
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let check = |output: &str, reading, expected: Result<u16, MalformedAnswer>| {
            let actual =
                read_proxy(output.as_bytes(), reading).map(|answer| answer.status.as_u16());
            assert_eq!(actual, expected, "{output}");
        };
        let handshake = Reading::Handshake;
        check(r#"{"statusCode":200}"#, handshake, Ok(200));
        check(r#"{"statusCode":"201"}"#, handshake, Ok(201));
        check(r#"{"statusCode":599}"#, handshake, Ok(599));
        check(
            r#"{"statusCode":99}"#,
            handshake,
            Err(MalformedAnswer::Status),
        );
        check(
            r#"{"statusCode":600}"#,
            handshake,
            Err(MalformedAnswer::Status),
        );
        check(
            r#"{"statusCode":200.5}"#,
            handshake,
            Err(MalformedAnswer::Status),
        );
        check(
            r#"{"statusCode":"ok"}"#,
            handshake,
            Err(MalformedAnswer::Status),
        );
        check(r#"{}"#, handshake, Err(MalformedAnswer::Status));
        check(r#"{}"#, Reading::Message, Ok(200));
        check(
            r#"null"#,
            Reading::Message,
            Err(MalformedAnswer::NotAnObject),
        );
        check(r#""text""#, handshake, Err(MalformedAnswer::NotAnObject));
        check(r#"not json"#, handshake, Err(MalformedAnswer::NotAnObject));
    }

    #[test]
    fn bodies() {
        let check = |output: &str, expected: Result<&str, MalformedAnswer>| {
            let actual = read_proxy(output.as_bytes(), Reading::Message)
                .map(|answer| answer.body.whole().cloned().unwrap_or_default());
            assert_eq!(
                actual,
                expected.map(|text| Bytes::copy_from_slice(text.as_bytes())),
                "{output}"
            );
        };
        check(r#"{"body":"hi"}"#, Ok("hi"));
        check(r#"{"body":null}"#, Ok(""));
        check(r#"{}"#, Ok(""));
        check(r#"{"body":"aGk=","isBase64Encoded":true}"#, Ok("hi"));
        check(
            r#"{"body":"!","isBase64Encoded":true}"#,
            Err(MalformedAnswer::Base64),
        );
        check(r#"{"body":{"a":1}}"#, Err(MalformedAnswer::Body));
    }

    #[test]
    fn headers_of_both_maps() {
        let output = r#"{"statusCode":200,"headers":{"A":"1","B":true,"C":null},"multiValueHeaders":{"a":["2","3"]}}"#;
        let answer = read_proxy(output.as_bytes(), Reading::Handshake).expect("a valid answer");
        let values: Vec<_> = answer.headers.get_all("a").iter().collect();
        assert_eq!(values, ["2", "3"]);
        assert_eq!(
            answer.headers.get("b").map(HeaderValue::as_bytes),
            Some(&b"true"[..])
        );
        assert!(!answer.headers.contains_key("c"));
        let broken = r#"{"statusCode":200,"headers":{"A":"1\r\nX: 2"}}"#;
        let error = read_proxy(broken.as_bytes(), Reading::Handshake).map(|_| ());
        assert_eq!(error, Err(MalformedAnswer::Header("A".to_owned())));
    }
}
