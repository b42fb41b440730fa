//! From the parameters of a call to the request that is sent.

use ::http::header::CONTENT_TYPE;
use ::http::{Method, Request};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use url::Url;

use crate::base::quotas;
use crate::integration::BackendError;
use crate::lang::http_mapping::{MappingValue, Unjson};
use crate::lang::scope::Scope;
use crate::plan::service::{Argument, Form, Kind, Members, REGION, ServiceTarget, is_region};

/// What stays as it is in a segment of a path (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A request that is ready to be signed.
#[derive(Debug)]
pub struct ServiceCall {
    /// What is sent.
    pub(super) request: Request<Bytes>,
    /// Of the scope of the signature.
    pub(super) region: String,
    /// Of the scope of the signature.
    pub(super) signing_name: &'static str,
    /// Whether something else is called in place of AWS.
    pub(super) stands_in: bool,
}

/// A parameter that has a value.
type Set = (&'static str, Value);

impl ServiceCall {
    /// Finds the values of all parameters and puts them together. `body` is that of the request.
    ///
    /// # Errors
    /// When a parameter has no value, or none that can be sent.
    pub(super) fn new(
        target: &ServiceTarget,
        scope: &dyn Scope,
        body: &[u8],
    ) -> Result<Self, BackendError> {
        let region = region(target, scope)?;
        let values = values(target, scope, body)?;
        let base = match &target.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => target
                .action
                .endpoint(&region)
                .map_err(|problem| unsendable(REGION, problem))?,
        };
        let request = match target.action.form {
            Form::Json {
                version,
                target,
                members,
            } => post(&base, version, target, object(values, members)),
            Form::Configuration => get_configuration(base, &values)?,
        };
        Ok(Self {
            request: request.map_err(|problem| unsendable(target.action.subtype, problem))?,
            region,
            signing_name: target.action.signing_name,
            stands_in: target.endpoint.is_some(),
        })
    }
}

fn region(target: &ServiceTarget, scope: &dyn Scope) -> Result<String, BackendError> {
    let found = target.region.resolve(scope, quotas::REQUEST_HEAD_BYTES);
    let found = found.ok().flatten().filter(|region| is_region(region));
    let region = found.ok_or_else(|| unresolved(REGION, &target.region))?;
    Ok(region.into_owned())
}

/// The values of all parameters that have one. Together they are no longer than a request may be.
///
/// AWS is undecided here, and this is the one place that decides: what is empty counts as missing; a required parameter
/// without a value, and a value that is not of its parameter's kind, are 400; an optional parameter without one is left out.
fn values(
    target: &ServiceTarget,
    scope: &dyn Scope,
    body: &[u8],
) -> Result<Vec<Set>, BackendError> {
    let mut left = quotas::HTTP_BODY_BYTES;
    let mut values = Vec::with_capacity(target.arguments.len());
    for argument in &target.arguments {
        let Argument { parameter, value } = argument;
        match found(argument, scope, body, &mut left)? {
            Some(found) => values.push((parameter.name, found)),
            None if parameter.required => return Err(unresolved(parameter.name, value)),
            None => {}
        }
    }
    Ok(values)
}

fn found(
    argument: &Argument,
    scope: &dyn Scope,
    body: &[u8],
    left: &mut usize,
) -> Result<Option<Value>, BackendError> {
    let Argument { parameter, value } = argument;
    if parameter.kind == Kind::Blob && value.is_request_body() {
        // Bytes of any kind, which text need not be.
        return Ok((!body.is_empty()).then(|| Kind::blob(body)));
    }
    let text = match parameter.kind {
        Kind::Document | Kind::Map => value.resolve_json(scope, *left),
        _ => value.resolve(scope, *left).map_err(Unjson::from),
    };
    let text = text.map_err(|problem| match problem {
        Unjson::NotJson => unresolved(parameter.name, value),
        Unjson::TooLong => BackendError::RequestTooLarge,
    })?;
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    *left = left.saturating_sub(text.len());
    let read = parameter.kind.read(&text);
    let read = read.ok_or_else(|| unresolved(parameter.name, value))?;
    Ok(Some(read))
}

fn object(values: Vec<Set>, members: Members) -> Value {
    let named = |(name, value): Set| match members {
        Members::Lowercase => (lowercase(name), value),
        Members::Named | Members::Entry => (name.to_owned(), value),
    };
    let object = Value::Object(values.into_iter().map(named).collect::<Map<_, _>>());
    match members {
        Members::Entry => json!({ "Entries": [object] }),
        Members::Named | Members::Lowercase => object,
    }
}

/// The name with a small letter first.
fn lowercase(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

fn post(base: &Url, version: &str, target: &str, object: Value) -> ::http::Result<Request<Bytes>> {
    Request::post(base.as_str())
        .header(CONTENT_TYPE, format!("application/x-amz-json-{version}"))
        .header("x-amz-target", target)
        .body(object.to_string().into())
}

fn get_configuration(
    mut url: Url,
    values: &[Set],
) -> Result<::http::Result<Request<Bytes>>, BackendError> {
    let value = |name: &'static str| {
        let mut values = values.iter();
        let found = values.find(|(known, _)| *known == name);
        found.and_then(|(_, value)| value.as_str())
    };
    let segment = |name: &'static str| {
        let text = value(name).unwrap_or_default();
        // Such a segment would lead to another path, however it is encoded.
        match matches!(text, "" | "." | "..") {
            true => Err(unsendable(name, "it is no segment of a path")),
            false => Ok(utf8_percent_encode(text, SEGMENT)),
        }
    };
    let path = format!(
        "{}/applications/{}/environments/{}/configurations/{}",
        url.path().trim_end_matches('/'),
        segment("Application")?,
        segment("Environment")?,
        segment("Configuration")?,
    );
    let mut query = Vec::new();
    for (name, parameter) in [
        ("client_id", "ClientId"),
        ("client_configuration_version", "ClientConfigurationVersion"),
    ] {
        if let Some(text) = value(parameter) {
            query.push(format!("{name}={}", utf8_percent_encode(text, SEGMENT)));
        }
    }
    url.set_path(&path);
    url.set_query(Some(&query.join("&")));
    let request = Request::builder().method(Method::GET).uri(url.as_str());
    Ok(request.body(Bytes::new()))
}

/// AWS: the text of `$context.integrationErrorMessage`. Only variables are told, as text around them may be secret.
fn unresolved(property: &'static str, value: &MappingValue) -> BackendError {
    let sources = value.sources().map(|source| format!("${source}"));
    BackendError::Unresolved {
        property,
        sources: sources.collect::<Vec<_>>().join(", "),
    }
}

fn unsendable(name: &str, problem: impl std::fmt::Display) -> BackendError {
    BackendError::Parameter {
        name: name.to_owned(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests;
