//! Events of HTTP APIs in payload format 2.0.
//!
//! Source: developer guide, "Create AWS Lambda proxy integrations for HTTP APIs" and "Control access to HTTP APIs with AWS
//! Lambda authorizers". What is not there is left out.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::http::{Body, Joined, Pairs, PathParameters, path_parameters, route_key, to_bytes};
use crate::exchange::{Authorized, Exchange};
use crate::lang::certificate::CertificateFacts;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    #[serde(flatten)]
    question: Option<Question<'a>>,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<&'a str>>,
    headers: Joined<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<Joined<'a>>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a Body<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<PathParameters<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_base64_encoded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_variables: Option<&'a BTreeMap<String, String>>,
}

/// What only authorizers are told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    r#type: &'static str,
    route_arn: &'a str,
    /// AWS: `null` without identity sources is our guess.
    identity_source: Option<&'a [String]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication: Option<Authentication<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer<'a>>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: String,
    user_agent: &'a str,
}

/// With mutual TLS.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authentication<'a> {
    client_cert: &'a CertificateFacts,
}

/// Exactly one of the three.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Authorizer<'a> {
    Jwt {
        claims: &'a Map<String, Value>,
        scopes: Option<&'a [String]>,
    },
    Lambda(Option<&'a Map<String, Value>>),
    Iam(Iam<'a>),
}

/// Whatever is not known of a caller is null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Iam<'a> {
    access_key: Option<&'a Value>,
    account_id: Option<&'a Value>,
    caller_id: Option<&'a Value>,
    cognito_identity: Option<&'a Value>,
    principal_org_id: Option<&'a Value>,
    user_arn: Option<&'a Value>,
    user_id: Option<&'a Value>,
}

/// The event for an `AWS_PROXY` integration, as JSON text.
pub fn proxy(exchange: &Exchange) -> Bytes {
    let body = Body::of(&exchange.request);
    let is_base64 = body.as_ref().is_some_and(Body::is_base64);
    write(exchange, None, body.as_ref(), Some(is_base64))
}

/// The event for a Lambda `REQUEST` authorizer, as JSON text: without the body, with what is asked.
///
/// `identities` are the values of its identity sources.
pub fn authorizer(exchange: &Exchange, route_arn: &str, identities: &[String]) -> Bytes {
    let question = Question {
        r#type: "REQUEST",
        route_arn,
        identity_source: (!identities.is_empty()).then_some(identities),
    };
    write(exchange, Some(question), None, None)
}

fn write(
    exchange: &Exchange,
    question: Option<Question<'_>>,
    body: Option<&Body<'_>>,
    is_base64_encoded: Option<bool>,
) -> Bytes {
    let request = &exchange.request;
    let headers = Pairs::of_headers(exchange, str::to_ascii_lowercase);
    let query = Pairs::of_query(request);
    let cookies = request.cookies();
    let path = request.full_path(&exchange.stage.name);
    let variables = &exchange.stage.variables;
    let event = Event {
        version: "2.0",
        question,
        route_key: route_key(exchange),
        raw_path: &path,
        raw_query_string: request.query.as_deref().unwrap_or_default(),
        cookies: cookies.as_deref().and_then(each_cookie),
        headers: Joined(&headers),
        query_string_parameters: query.some().map(Joined),
        request_context: context(exchange, &path),
        body,
        path_parameters: path_parameters(exchange),
        is_base64_encoded,
        stage_variables: (!variables.is_empty()).then_some(variables),
    };
    to_bytes(&event, body)
}

/// `cookies`: one `name=value` each.
fn each_cookie(field: &str) -> Option<Vec<&str>> {
    let cookies = field.split(';').map(str::trim);
    let cookies: Vec<_> = cookies.filter(|cookie| !cookie.is_empty()).collect();
    (!cookies.is_empty()).then_some(cookies)
}

fn context<'a>(exchange: &'a Exchange, path: &'a str) -> Context<'a> {
    let party = &exchange.context.party;
    Context {
        account_id: &exchange.stage.api.account_id,
        api_id: &exchange.stage.api.id,
        authentication: party
            .certificate()
            .map(|client_cert| Authentication { client_cert }),
        authorizer: exchange.context.authorized().map(found_out),
        domain_name: party.domain_name(),
        domain_prefix: party.domain_prefix(),
        http: Http {
            method: exchange.request.method.as_str(),
            path,
            // AWS: whatever the client speaks.
            protocol: "HTTP/1.1",
            source_ip: party.source_ip().to_string(),
            user_agent: party.user_agent().unwrap_or_default(),
        },
        request_id: exchange.context.request_id.as_str(),
        route_key: route_key(exchange),
        stage: &exchange.stage.name,
        time: exchange.request_time(),
        time_epoch: exchange.context.time.0,
    }
}

fn found_out(authorized: &Authorized) -> Authorizer<'_> {
    match authorized {
        Authorized::Jwt(facts) => Authorizer::Jwt {
            claims: &facts.claims,
            scopes: facts.scopes.as_deref(),
        },
        Authorized::Lambda(facts) => Authorizer::Lambda(facts.context.as_ref()),
        Authorized::Iam(facts) => Authorizer::Iam(Iam {
            access_key: facts.get("accessKey"),
            account_id: facts.get("accountId"),
            caller_id: facts.get("caller"),
            cognito_identity: None,
            principal_org_id: facts.get("principalOrgId"),
            user_arn: facts.get("userArn"),
            user_id: facts.get("user"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_split_at_semicolons() {
        let check = |field: &str, expected: Option<&[&str]>| {
            assert_eq!(each_cookie(field).as_deref(), expected, "{field}");
        };
        check("a=1", Some(&["a=1"]));
        check("a=1; b=2", Some(&["a=1", "b=2"]));
        check("a=1;b=2;", Some(&["a=1", "b=2"]));
        check("a=\"x y\"; b", Some(&["a=\"x y\"", "b"]));
        check("", None);
        check(" ; ", None);
    }
}
