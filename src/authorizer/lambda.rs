//! Lambda `REQUEST` authorizers: what they must be shown, and what their answer means.
//!
//! Source: developer guide, "Create an API Gateway Lambda authorizer", "Output from an API Gateway Lambda authorizer" and
//! "Control access to HTTP APIs with AWS Lambda authorizers".

use std::borrow::Cow;
use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::authorizer::Identified;
use crate::base::quotas;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Authorized, Exchange, LambdaFacts};
use crate::function::FunctionError;
use crate::lang::policy::{Decision, Facts, Policy, Request};
use crate::plan::authorizer::{Authorizer, AuthorizerFormat, IdentitySource};

/// The action that an authorizer's policy must allow.
const INVOKE: &str = "execute-api:Invoke";
/// Largest output of an authorizer of an HTTP API, in bytes (ours; Amazon states none). It is kept with each result and shown
/// with each event.
const OUTPUT_BYTES: usize = 64 * 1024;
/// What a map takes for an entry beside name and value, in bytes, about.
const MAP_ENTRY_BYTES: usize = 64;

/// What a request has for each identity source of an authorizer: all values, as sent.
#[derive(Debug)]
pub struct Identities(pub(super) Vec<Vec<String>>);

impl Identities {
    /// Looks them up; without one the function is not even asked.
    ///
    /// # Errors
    /// 401 when one is missing or empty.
    pub fn of(exchange: &Exchange, authorizer: &Authorizer) -> Result<Self, GatewayError> {
        let mut all = Vec::with_capacity(authorizer.identity_sources.len());
        for source in &authorizer.identity_sources {
            let values = values(exchange, source);
            if values.last().is_none_or(|value| value.is_empty()) {
                let cause = format!("identity source {source:?} is missing or empty");
                return Err(GatewayError::new(ResponseType::Unauthorized).because(cause));
            }
            all.push(values.into_iter().map(Cow::into_owned).collect());
        }
        Ok(Self(all))
    }

    /// The values of each source in turn.
    pub fn iter(&self) -> impl Iterator<Item = &[String]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// One text for each source: repeated headers and parameters have commas in between.
    pub fn texts(&self) -> Vec<String> {
        self.iter().map(|values| values.join(",")).collect()
    }
}

fn values<'a>(exchange: &'a Exchange, source: &'a IdentitySource) -> Vec<Cow<'a, str>> {
    let request = &exchange.request;
    match source {
        IdentitySource::Header(name) if name.eq_ignore_ascii_case("cookie") => {
            request.cookies().into_iter().collect()
        }
        // What events show is what counts, also where the gateway wrote it.
        IdentitySource::Header(name) => request.headers().all(name).map(Cow::Borrowed).collect(),
        IdentitySource::QueryString(name) => {
            let parameters = request.query_parameters().into_iter();
            parameters
                .filter(|(known, _)| known == name)
                .map(|(_, value)| Cow::Owned(value))
                .collect()
        }
        IdentitySource::StageVariable(name) => {
            let variable = exchange.stage.variables.get(name);
            variable.map(Cow::from).into_iter().collect()
        }
        IdentitySource::Context(name) => exchange.variable(name).into_iter().collect(),
    }
}

/// Why a function's verdict is none. It can be told to several requests that waited for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    kind: ResponseType,
    cause: Box<str>,
}

impl Refusal {
    fn malformed(cause: impl Into<Box<str>>) -> Self {
        Self {
            kind: ResponseType::AuthorizerConfigurationError,
            cause: cause.into(),
        }
    }
}

impl From<FunctionError> for Refusal {
    /// What a failed call of the function means for the caller: 401 where the function asks for it, else 500.
    fn from(error: FunctionError) -> Self {
        let kind = match error.says_unauthorized() {
            true => ResponseType::Unauthorized,
            false => ResponseType::AuthorizerFailure,
        };
        Self {
            kind,
            cause: error.to_string().into(),
        }
    }
}

impl From<&Refusal> for GatewayError {
    fn from(refusal: &Refusal) -> Self {
        Self::new(refusal.kind).because(&refusal.cause)
    }
}

/// What a function said, understood. What it means depends on the request that it is asked about.
#[derive(Debug)]
pub struct Verdict {
    rule: Rule,
    facts: Arc<LambdaFacts>,
    usage_identifier_key: Option<Box<str>>,
    bytes: usize,
}

#[derive(Debug)]
enum Rule {
    /// `isAuthorized`.
    Simple(bool),
    /// `policyDocument`.
    Policy(Policy),
}

impl Verdict {
    /// Reads a function's output.
    ///
    /// # Errors
    /// 500 when it makes no sense.
    pub fn read(output: &[u8], format: AuthorizerFormat) -> Result<Self, Refusal> {
        let limit = match format {
            AuthorizerFormat::WebSocket => quotas::AUTHORIZER_RESULT_BYTES,
            _ => OUTPUT_BYTES,
        };
        if output.len() > limit {
            return Err(Refusal::malformed(format!(
                "output of {} bytes",
                output.len()
            )));
        }
        let Ok(Value::Object(fields)) = serde_json::from_slice(output) else {
            return Err(Refusal::malformed("output is not a JSON object"));
        };
        let (rule, principal_id) = match format {
            AuthorizerFormat::V2 { simple: true } => (read_simple(&fields)?, None),
            _ => read_policy(&fields)?,
        };
        Ok(Self {
            rule,
            facts: Arc::new(LambdaFacts {
                principal_id,
                context: read_context(&fields, format)?,
            }),
            usage_identifier_key: read_usage_key(&fields)?,
            bytes: fields.values().map(footprint).sum(),
        })
    }

    /// Judges a caller. Policies must allow every one of `arns`.
    ///
    /// # Errors
    /// 403 when the function does not let it in.
    pub fn judge(&self, arns: &[String], facts: &Facts) -> Result<(), GatewayError> {
        let allows = |policy: &Policy, resource| {
            let request = Request {
                action: INVOKE,
                resource,
                facts,
            };
            policy.evaluate(&request) == Decision::Allow
        };
        let (allowed, cause) = match &self.rule {
            Rule::Simple(allowed) => (*allowed, "the authorizer says no"),
            Rule::Policy(policy) => (
                arns.iter().all(|arn| allows(policy, arn)),
                "the authorizer's policy does not allow it",
            ),
        };
        match allowed {
            true => Ok(()),
            false => Err(GatewayError::new(ResponseType::AccessDenied).because(cause)),
        }
    }

    /// What is known of the sender of an HTTP request who was let in.
    pub fn for_request(&self) -> Identified {
        Identified {
            authorized: Some(Authorized::Lambda(Arc::clone(&self.facts))),
            usage_identifier_key: self.usage_identifier_key.clone(),
            ..Identified::default()
        }
    }

    /// What is known of a client who may connect; `latency` is that of the function.
    pub fn for_connection(&self, latency: Duration) -> Identified {
        Identified {
            authorizer: Some(Arc::new(flatten(&self.facts, latency))),
            usage_identifier_key: self.usage_identifier_key.clone(),
            ..Identified::default()
        }
    }

    /// Memory that it takes, in bytes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Memory that read JSON takes, in bytes, about; a policy takes no more than the document it was read from.
fn footprint(value: &Value) -> usize {
    let inside: usize = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(footprint).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| MAP_ENTRY_BYTES + name.len() + footprint(value))
            .sum(),
    };
    size_of::<Value>() + inside
}

// AWS: `isAuthorized` must be there, and be a boolean.
fn read_simple(fields: &Map<String, Value>) -> Result<Rule, Refusal> {
    match fields.get("isAuthorized") {
        Some(Value::Bool(allowed)) => Ok(Rule::Simple(*allowed)),
        Some(_) => Err(Refusal::malformed("isAuthorized is not a boolean")),
        None => Err(Refusal::malformed("output has no isAuthorized")),
    }
}

fn read_policy(fields: &Map<String, Value>) -> Result<(Rule, Option<String>), Refusal> {
    let principal = match fields.get("principalId") {
        Some(Value::String(principal)) if !principal.is_empty() => principal.clone(),
        Some(_) => {
            return Err(Refusal::malformed(
                "principalId is not a string with content",
            ));
        }
        None => return Err(Refusal::malformed("output has no principalId")),
    };
    let document = fields.get("policyDocument").unwrap_or(&Value::Null);
    let policy = Policy::parse_authorizer_result(document).map_err(|problems| {
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Refusal::malformed(format!("policyDocument: {}", texts.join("; ")))
    })?;
    Ok((Rule::Policy(policy), Some(principal)))
}

/// AWS: on WebSocket APIs values are scalars. On HTTP APIs they may be any JSON, but `claims`, which tokens have, no object.
fn read_context(
    fields: &Map<String, Value>,
    format: AuthorizerFormat,
) -> Result<Option<Map<String, Value>>, Refusal> {
    let context = match fields.get("context") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(context)) => context,
        Some(_) => return Err(Refusal::malformed("context is not an object")),
    };
    let nested = |value: &Value| value.is_object() || value.is_array();
    let refused = |name: &str, value: &Value| match format {
        AuthorizerFormat::WebSocket => nested(value),
        _ => name == "claims" && value.is_object(),
    };
    match context.iter().find(|(name, value)| refused(name, value)) {
        None => Ok(Some(context.clone())),
        Some((name, _)) => Err(Refusal::malformed(format!(
            "context.{name} is not a string, number or boolean"
        ))),
    }
}

/// AWS: stands beside the policy, and is no part of the context that events show.
fn read_usage_key(fields: &Map<String, Value>) -> Result<Option<Box<str>>, Refusal> {
    match fields.get("usageIdentifierKey") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) => Ok(Some(key.as_str().into())),
        Some(_) => Err(Refusal::malformed("usageIdentifierKey is not a string")),
    }
}

/// `requestContext.authorizer` of a connection: the context's entries beside the principal, as strings.
///
/// AWS: REST events carry them as strings; the same is assumed for WebSocket events, here and nowhere else.
fn flatten(facts: &LambdaFacts, latency: Duration) -> Map<String, Value> {
    let mut flat = Map::new();
    flat.insert("principalId".into(), facts.principal_id.clone().into());
    let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    flat.insert("integrationLatency".into(), millis.into());
    for (name, value) in facts.context.iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => continue,
            other => other.to_string(),
        };
        if name != "principalId" && name != "integrationLatency" {
            flat.insert(name.clone(), text.into());
        }
    }
    flat
}

#[cfg(test)]
mod tests;
