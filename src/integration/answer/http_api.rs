//! What the output of a function means for the client of an HTTP API.
//!
//! Source: developer guide, "Create AWS Lambda proxy integrations for HTTP APIs"; what the guide leaves open is as captured
//! from the service. Output is read no deeper than the answer needs: what it brings besides is not kept, and a body without
//! escapes is not copied.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Answer, MalformedAnswer, TOO_MANY};
use crate::base::body::Payload;

/// Most text that each of `headers`, `multiValueHeaders` and `cookies` may take, in bytes: more than clients and proxies
/// accept, and little enough to be held in pieces (ours; Amazon states none).
const HEADERS_BYTES: usize = 64 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
// AWS: an answer that names no type is text; from a REST API it would be JSON.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Reads output in payload format 2.0: an object with `statusCode` is an answer, anything else is the body of one.
///
/// # Errors
/// What is wrong with an answer that has a `statusCode`.
pub(in crate::integration) fn read_v2(output: Bytes) -> Result<Answer, MalformedAnswer> {
    match Fields::of(&output) {
        Some(fields) if fields.status.is_some() => {
            let mut headers = HeaderMap::new();
            read_cookies(&mut headers, fields.cookies)?;
            read_headers(&mut headers, fields.headers)?;
            answer(&output, &fields, headers)
        }
        _ => Ok(inferred(output)),
    }
}

/// Reads output in payload format 1.0, which must be an object with `statusCode`.
///
/// # Errors
/// What is wrong with it.
pub(in crate::integration) fn read_v1(output: Bytes) -> Result<Answer, MalformedAnswer> {
    let fields = Fields::of(&output).ok_or(MalformedAnswer::NotAnObject)?;
    let mut headers = HeaderMap::new();
    read_headers(&mut headers, fields.headers)?;
    read_multi_value_headers(&mut headers, fields.multi_value_headers)?;
    answer(&output, &fields, headers)
}

/// The answer that output without `statusCode` stands for.
///
/// AWS: the content of a JSON string, and the text of everything else, whether it is JSON or not.
fn inferred(output: Bytes) -> Answer {
    let string = serde_json::from_slice::<String>(&output);
    let body = string.map_or(output, Bytes::from);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, JSON);
    Answer {
        status: StatusCode::OK,
        headers,
        body: Payload::from(body),
        binary: false,
    }
}

fn answer(
    output: &Bytes,
    fields: &Fields<'_>,
    mut headers: HeaderMap,
) -> Result<Answer, MalformedAnswer> {
    headers.entry(CONTENT_TYPE).or_insert(TEXT);
    let binary = fields.encoded.is_some_and(|raw| raw.get() == "true");
    Ok(Answer {
        status: read_status(fields.status)?,
        headers,
        body: Payload::from(read_body(output, fields.body, binary)?),
        binary,
    })
}

/// The members of an answer, unread.
#[derive(Default)]
struct Fields<'a> {
    status: Option<&'a RawValue>,
    headers: Option<&'a RawValue>,
    multi_value_headers: Option<&'a RawValue>,
    cookies: Option<&'a RawValue>,
    body: Option<&'a RawValue>,
    encoded: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    /// The members of a JSON object; `None` for anything else.
    fn of(output: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(output).ok()
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        // Of members with one name the last counts, as in JavaScript.
        while let Some(name) = map.next_key::<String>()? {
            let place = match &*name {
                "statusCode" => &mut fields.status,
                "headers" => &mut fields.headers,
                "multiValueHeaders" => &mut fields.multi_value_headers,
                "cookies" => &mut fields.cookies,
                "body" => &mut fields.body,
                "isBase64Encoded" => &mut fields.encoded,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

/// AWS: a whole number; `200.5`, `0` and words are errors. A number in quotes is taken, as REST APIs take it.
fn read_status(raw: Option<&RawValue>) -> Result<StatusCode, MalformedAnswer> {
    let text = raw.map_or("", RawValue::get);
    let number = inside(text).unwrap_or(text).parse::<u16>().ok();
    number
        // What is below is no end of an exchange.
        .filter(|number| (200..600).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or(MalformedAnswer::Status)
}

fn read_body(
    output: &Bytes,
    raw: Option<&RawValue>,
    encoded: bool,
) -> Result<Bytes, MalformedAnswer> {
    let Some(raw) = given(raw) else {
        return Ok(Bytes::new());
    };
    let text = read_text(raw.get()).ok_or(MalformedAnswer::Body)?;
    if encoded {
        let decoded = STANDARD.decode(text.as_bytes());
        return match decoded {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(MalformedAnswer::Base64),
        };
    }
    Ok(match text {
        Cow::Borrowed(text) => output.slice_ref(text.as_bytes()),
        Cow::Owned(text) => text.into(),
    })
}

/// The content of a JSON string, copied only where there are escapes in it; `None` for other JSON.
fn read_text(json: &str) -> Option<Cow<'_, str>> {
    let inside = inside(json)?;
    match inside.contains('\\') {
        false => Some(Cow::Borrowed(inside)),
        true => serde_json::from_str(json).ok().map(Cow::Owned),
    }
}

/// What stands between the quotes of a JSON string.
fn inside(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// What is there and not `null`.
fn given(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// What stands in a member for headers or cookies; `problem` when that is something else.
fn read_member<T: DeserializeOwned + Default>(
    raw: Option<&RawValue>,
    problem: &'static str,
) -> Result<T, MalformedAnswer> {
    let Some(raw) = given(raw) else {
        return Ok(T::default());
    };
    if raw.get().len() > HEADERS_BYTES {
        return Err(MalformedAnswer::Headers("headers of more than 64 KiB"));
    }
    serde_json::from_str(raw.get()).map_err(|_| MalformedAnswer::Headers(problem))
}

fn read_cookies(headers: &mut HeaderMap, raw: Option<&RawValue>) -> Result<(), MalformedAnswer> {
    let cookies: Vec<String> = read_member(raw, "cookies that are no list of strings")?;
    for cookie in cookies {
        append(headers, SET_COOKIE.as_str(), &cookie)?;
    }
    Ok(())
}

fn read_headers(headers: &mut HeaderMap, raw: Option<&RawValue>) -> Result<(), MalformedAnswer> {
    let map: Map<String, Value> = read_member(raw, "headers that are no object")?;
    for (name, value) in &map {
        append_scalar(headers, name, value)?;
    }
    Ok(())
}

/// AWS: a name in both maps has the value of `headers` first, then those of `multiValueHeaders`.
fn read_multi_value_headers(
    headers: &mut HeaderMap,
    raw: Option<&RawValue>,
) -> Result<(), MalformedAnswer> {
    let map: Map<String, Value> = read_member(raw, "multiValueHeaders that are no object")?;
    for (name, values) in &map {
        let values = match values {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            append_scalar(headers, name, value)?;
        }
    }
    Ok(())
}

/// Adds a line with a string, number or boolean as text; `null` stands for no line.
fn append_scalar(
    headers: &mut HeaderMap,
    name: &str,
    value: &Value,
) -> Result<(), MalformedAnswer> {
    match value {
        Value::String(text) => append(headers, name, text),
        Value::Number(number) => append(headers, name, &number.to_string()),
        Value::Bool(truth) => append(headers, name, &truth.to_string()),
        Value::Null => Ok(()),
        Value::Array(_) | Value::Object(_) => Err(MalformedAnswer::Header(name.to_owned())),
    }
}

/// Adds a line. A body has one type: what names a second is left out.
fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), MalformedAnswer> {
    let invalid = || MalformedAnswer::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
    // Bytes beyond ASCII are allowed in a value (RFC 9110, section 5.5), line breaks are not.
    let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| invalid())?;
    if key == CONTENT_TYPE && headers.contains_key(&key) {
        return Ok(());
    }
    let appended = headers.try_append(key, value);
    appended.map(drop).map_err(|_| TOO_MANY)
}

#[cfg(test)]
mod tests;
