//! Lambda `REQUEST` authorizers: what they must be shown, and what their answer means.
//!
//! Source: developer guide, "Create an API Gateway Lambda authorizer" and "Output from an API Gateway Lambda authorizer".

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::authorizer::Identified;
use crate::base::quotas;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::Exchange;
use crate::function::FunctionError;
use crate::lang::policy::{Decision, Facts, Policy, Request};
use crate::plan::authorizer::{Authorizer, IdentitySource};

/// The action that an authorizer's policy must allow.
const INVOKE: &str = "execute-api:Invoke";

/// Whether every identity source is there; without one the function is not even asked.
///
/// # Errors
/// 401 when one is missing or empty.
pub fn check_sources(exchange: &Exchange, authorizer: &Authorizer) -> Result<(), GatewayError> {
    match authorizer
        .identity_sources
        .iter()
        .find(|source| !is_present(exchange, source))
    {
        None => Ok(()),
        Some(missing) => {
            let cause = format!("identity source {missing:?} is missing or empty");
            Err(GatewayError::new(ResponseType::Unauthorized).because(cause))
        }
    }
}

fn is_present(exchange: &Exchange, source: &IdentitySource) -> bool {
    let request = &exchange.request;
    match source {
        IdentitySource::Header(name) => {
            let values = request.header_values(name);
            values.last().is_some_and(|value| !value.is_empty())
        }
        IdentitySource::QueryString(name) => {
            request.query_parameter(name).is_some_and(|v| !v.is_empty())
        }
        IdentitySource::StageVariable(name) => {
            let variable = exchange.stage.variables.get(name);
            variable.is_some_and(|v| !v.is_empty())
        }
        IdentitySource::Context(name) => exchange.variable(name).is_some_and(|v| !v.is_empty()),
    }
}

/// What a failed call of the function means for the caller.
pub fn refuse(error: &FunctionError) -> GatewayError {
    if error.says_unauthorized() {
        return GatewayError::new(ResponseType::Unauthorized).because(error);
    }
    GatewayError::new(ResponseType::AuthorizerFailure).because(error)
}

/// Reads the function's output and judges the caller by its policy.
///
/// # Errors
/// 403 when the policy does not allow `method_arn`, 500 when the output makes no sense.
pub fn judge(
    output: &[u8],
    method_arn: &str,
    facts: &Facts,
    latency: Duration,
) -> Result<Identified, GatewayError> {
    let malformed = |cause: String| {
        GatewayError::new(ResponseType::AuthorizerConfigurationError).because(cause)
    };
    if output.len() > quotas::AUTHORIZER_RESULT_BYTES {
        return Err(malformed(format!("output of {} bytes", output.len())));
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(output) else {
        return Err(malformed("output is not a JSON object".to_owned()));
    };
    let principal = read_principal(&fields).map_err(malformed)?;
    let context = read_context(&fields).map_err(malformed)?;
    let usage_identifier_key = read_usage_key(&fields).map_err(malformed)?;
    let document = fields.get("policyDocument").unwrap_or(&Value::Null);
    let policy = Policy::parse_authorizer_result(document).map_err(|problems| {
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        malformed(format!("policyDocument: {}", texts.join("; ")))
    })?;
    let request = Request {
        action: INVOKE,
        resource: method_arn,
        facts,
    };
    if policy.evaluate(&request) != Decision::Allow {
        return Err(GatewayError::new(ResponseType::AccessDenied)
            .because("the authorizer's policy does not allow it"));
    }
    Ok(Identified {
        authorizer: Some(Arc::new(flatten(principal, context, latency))),
        usage_identifier_key,
        ..Identified::default()
    })
}

fn read_principal(fields: &Map<String, Value>) -> Result<&str, String> {
    match fields.get("principalId") {
        Some(Value::String(principal)) if !principal.is_empty() => Ok(principal),
        Some(_) => Err("principalId is not a string with content".to_owned()),
        None => Err("output has no principalId".to_owned()),
    }
}

fn read_context(fields: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let context = match fields.get("context") {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(context)) => context,
        Some(_) => return Err("context is not an object".to_owned()),
    };
    let nested = |value: &Value| value.is_object() || value.is_array();
    if let Some((name, _)) = context.iter().find(|(_, value)| nested(value)) {
        return Err(format!("context.{name} is not a string, number or boolean"));
    }
    Ok(context.clone())
}

/// AWS: stands beside the policy, and is no part of the context that events show.
fn read_usage_key(fields: &Map<String, Value>) -> Result<Option<Box<str>>, String> {
    match fields.get("usageIdentifierKey") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) => Ok(Some(key.as_str().into())),
        Some(_) => Err("usageIdentifierKey is not a string".to_owned()),
    }
}

/// `requestContext.authorizer`: the context's entries beside the principal, as strings.
///
/// AWS: REST events carry them as strings; the same is assumed for WebSocket events, here and nowhere else.
fn flatten(principal: &str, context: Map<String, Value>, latency: Duration) -> Map<String, Value> {
    let mut flat = Map::new();
    flat.insert("principalId".into(), principal.into());
    let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    flat.insert("integrationLatency".into(), millis.into());
    for (name, value) in context {
        let text = match value {
            Value::String(text) => text,
            Value::Null => continue,
            other => other.to_string(),
        };
        if name != "principalId" && name != "integrationLatency" {
            flat.insert(name, text.into());
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/$connect";

    fn judged(output: &str) -> Result<Map<String, Value>, u16> {
        match judge(
            output.as_bytes(),
            ARN,
            &Facts::new(),
            Duration::from_millis(7),
        ) {
            Ok(identified) => Ok(identified
                .authorizer
                .map(|map| (*map).clone())
                .unwrap_or_default()),
            Err(error) => Err(error.http_status().as_u16()),
        }
    }

    fn output(effect: &str, resource: &str, more: &str) -> String {
        format!(
            r#"{{"principalId":"u","policyDocument":{{"Version":"2012-10-17","Statement":[{{"Action":"execute-api:Invoke","Effect":"{effect}","Resource":"{resource}"}}]}}{more}}}"#
        )
    }

    #[test]
    fn policies_decide() {
        let check = |effect: &str, resource: &str, expected: Result<(), u16>| {
            let actual = judged(&output(effect, resource, "")).map(|_| ());
            assert_eq!(actual, expected, "{effect} {resource}");
        };
        check("Allow", ARN, Ok(()));
        check("Allow", "*", Ok(()));
        check(
            "Allow",
            "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/*",
            Ok(()),
        );
        check("Deny", ARN, Err(403));
        check(
            "Allow",
            "arn:aws:execute-api:eu-west-1:123456789012:other/*",
            Err(403),
        );
    }

    #[test]
    fn output_that_makes_no_sense_is_500() {
        let check = |output: &str| assert_eq!(judged(output).err(), Some(500), "{output}");
        check("");
        check("null");
        check("[]");
        check(r#"{"policyDocument":{}}"#);
        check(r#"{"principalId":"u"}"#);
        check(&output("Maybe", "*", ""));
        check(&output("Allow", "*", r#","context":{"nested":{}}"#));
        check(&output("Allow", "*", r#","context":[]"#));
        check(&output(
            "Allow",
            "*",
            &format!(r#","context":{{"x":"{}"}}"#, "y".repeat(9000)),
        ));
    }

    #[test]
    fn the_key_for_a_usage_plan_stands_beside_the_policy() {
        let check = |more: &str, expected: Result<Option<&str>, u16>| {
            let output = output("Allow", "*", more);
            let judged = judge(output.as_bytes(), ARN, &Facts::new(), Duration::ZERO);
            let key = judged.map(|identified| identified.usage_identifier_key);
            let key = key.map_err(|error| error.http_status().as_u16());
            assert_eq!(
                key.as_ref().map(Option::as_deref),
                expected.as_ref().copied(),
                "{more}"
            );
        };
        check("", Ok(None));
        check(r#","usageIdentifierKey":null"#, Ok(None));
        check(r#","usageIdentifierKey":"k""#, Ok(Some("k")));
        check(r#","usageIdentifierKey":7"#, Err(500));
    }

    #[test]
    fn context_is_flattened_to_strings() {
        let more = r#","context":{"tenant":"acme","level":3,"beta":true,"gone":null}"#;
        let flat = judged(&output("Allow", "*", more)).expect("allowed");
        let expected = serde_json::json!({
            "principalId": "u", "integrationLatency": 7, "tenant": "acme", "level": "3", "beta": "true",
        });
        assert_eq!(Value::Object(flat), expected);
    }
}
