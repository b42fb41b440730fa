//! Events of HTTP APIs in payload format 1.0.
//!
//! Source: developer guide, "Create AWS Lambda proxy integrations for HTTP APIs" and "Control access to HTTP APIs with AWS
//! Lambda authorizers", and captures, where these events differ from those of REST APIs. What is not there is null.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::http::{
    Body, Last, Lists, Pairs, PathParameters, decoded_path, encoded_path, path_parameters,
    resource, route_key, to_bytes,
};
use crate::exchange::{Authorized, Exchange, LambdaFacts};
use crate::lang::certificate::CertificateFacts;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyEvent<'a> {
    version: &'static str,
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Last<'a>,
    multi_value_headers: Lists<'a>,
    query_string_parameters: Option<Last<'a>>,
    multi_value_query_string_parameters: Option<Lists<'a>>,
    request_context: ProxyContext<'a>,
    path_parameters: Option<PathParameters<'a>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    body: Option<&'a Body<'a>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerEvent<'a> {
    version: &'static str,
    r#type: &'static str,
    method_arn: &'a str,
    identity_source: Option<&'a str>,
    authorization_token: Option<&'a str>,
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Last<'a>,
    query_string_parameters: Option<Last<'a>>,
    path_parameters: Option<PathParameters<'a>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    request_context: AuthorizerContext<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyContext<'a> {
    account_id: &'a str,
    api_id: &'a str,
    authorizer: Authorizer<'a>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    extended_request_id: &'a str,
    http_method: &'a str,
    identity: Identity<'a>,
    path: &'a str,
    protocol: &'static str,
    request_id: &'a str,
    request_time: String,
    request_time_epoch: u64,
    resource_id: &'a str,
    resource_path: &'a str,
    stage: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerContext<'a> {
    path: &'a str,
    account_id: &'a str,
    resource_id: &'a str,
    stage: &'a str,
    request_id: &'a str,
    identity: Address<'a>,
    resource_path: &'a str,
    http_method: &'a str,
    api_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address<'a> {
    source_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cert: Option<&'a CertificateFacts>,
}

/// Whatever is not known of a caller is null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    access_key: Option<&'a Value>,
    account_id: Option<&'a Value>,
    caller: Option<&'a Value>,
    cognito_authentication_provider: Option<&'a Value>,
    cognito_authentication_type: Option<&'a Value>,
    cognito_identity_id: Option<&'a Value>,
    cognito_identity_pool_id: Option<&'a Value>,
    principal_org_id: Option<&'a Value>,
    source_ip: String,
    user: Option<&'a Value>,
    user_agent: &'a str,
    user_arn: Option<&'a Value>,
    /// There with mutual TLS only.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cert: Option<&'a CertificateFacts>,
}

/// `requestContext.authorizer`.
#[derive(Serialize)]
#[serde(untagged)]
enum Authorizer<'a> {
    Jwt {
        claims: &'a Map<String, Value>,
        scopes: Option<&'a [String]>,
    },
    Lambda(Flat<'a>),
    /// The guide's sample of a route that nobody guards.
    None {
        claims: (),
        scopes: (),
    },
}

/// The context of a Lambda authorizer beside its principal.
struct Flat<'a>(&'a LambdaFacts);

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const PRINCIPAL: &str = "principalId";
        let mut map = serializer.serialize_map(None)?;
        if let Some(principal) = &self.0.principal_id {
            map.serialize_entry(PRINCIPAL, principal)?;
        }
        for (name, value) in self.0.context.iter().flatten() {
            if name != PRINCIPAL || self.0.principal_id.is_none() {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// The event for an `AWS_PROXY` integration, as JSON text.
pub fn proxy(exchange: &Exchange) -> Bytes {
    let request = &exchange.request;
    let headers = headers(exchange);
    let query = Pairs::of_query(request);
    let path = decoded_path(exchange);
    let body = Body::of(request);
    let event = ProxyEvent {
        version: "1.0",
        resource: resource(exchange),
        path: &encoded_path(exchange),
        http_method: request.method.as_str(),
        headers: Last(&headers),
        multi_value_headers: Lists(&headers),
        query_string_parameters: query.some().map(Last),
        multi_value_query_string_parameters: query.some().map(Lists),
        request_context: proxy_context(exchange, &path),
        path_parameters: path_parameters(exchange),
        stage_variables: stage_variables(exchange),
        body: body.as_ref(),
        is_base64_encoded: body.as_ref().is_some_and(Body::is_base64),
    };
    to_bytes(&event, body.as_ref())
}

/// The event for a Lambda `REQUEST` authorizer, as JSON text.
///
/// `identities` are the values of its identity sources.
pub fn authorizer(exchange: &Exchange, method_arn: &str, identities: &[String]) -> Bytes {
    let request = &exchange.request;
    let headers = headers(exchange);
    let query = Pairs::of_query(request);
    let path = decoded_path(exchange);
    let identity = (!identities.is_empty()).then(|| identities.join(","));
    let event = AuthorizerEvent {
        version: "1.0",
        r#type: "REQUEST",
        method_arn,
        identity_source: identity.as_deref(),
        authorization_token: identity.as_deref(),
        resource: resource(exchange),
        path: &encoded_path(exchange),
        http_method: request.method.as_str(),
        headers: Last(&headers),
        query_string_parameters: query.some().map(Last),
        path_parameters: path_parameters(exchange),
        stage_variables: stage_variables(exchange),
        request_context: AuthorizerContext {
            path: &path,
            account_id: &exchange.stage.api.account_id,
            resource_id: route_key(exchange),
            stage: &exchange.stage.name,
            request_id: exchange.context.request_id.as_str(),
            identity: Address {
                source_ip: exchange.context.party.source_ip().to_string(),
                client_cert: exchange.context.party.certificate(),
            },
            resource_path: resource(exchange),
            http_method: request.method.as_str(),
            api_id: &exchange.stage.api.id,
        },
    };
    to_bytes(&event, None)
}

/// The headers of a request, cookies among them.
fn headers(exchange: &Exchange) -> Pairs<'_> {
    let mut headers = Pairs::of_headers(exchange, title_case);
    if let Some(cookies) = exchange.request.cookies() {
        headers.push("Cookie", cookies);
    }
    headers
}

/// AWS: every word of a header's name begins with a capital letter, whatever the client wrote.
fn title_case(name: &str) -> String {
    let mut begins = true;
    let letters = name.chars().map(|letter| {
        let spelled = match begins {
            true => letter.to_ascii_uppercase(),
            false => letter.to_ascii_lowercase(),
        };
        begins = letter == '-';
        spelled
    });
    letters.collect()
}

fn stage_variables(exchange: &Exchange) -> Option<&BTreeMap<String, String>> {
    let variables = &exchange.stage.variables;
    (!variables.is_empty()).then_some(variables)
}

fn proxy_context<'a>(exchange: &'a Exchange, path: &'a str) -> ProxyContext<'a> {
    let party = &exchange.context.party;
    let request_id = exchange.context.request_id.as_str();
    ProxyContext {
        account_id: &exchange.stage.api.account_id,
        api_id: &exchange.stage.api.id,
        authorizer: found_out(exchange.context.authorized()),
        domain_name: party.domain_name(),
        domain_prefix: party.domain_prefix(),
        extended_request_id: request_id,
        http_method: exchange.request.method.as_str(),
        identity: identity(exchange),
        path,
        // AWS: whatever the client speaks.
        protocol: "HTTP/1.1",
        request_id,
        request_time: exchange.request_time(),
        request_time_epoch: exchange.context.time.0,
        resource_id: route_key(exchange),
        resource_path: resource(exchange),
        stage: &exchange.stage.name,
    }
}

fn found_out(authorized: Option<&Authorized>) -> Authorizer<'_> {
    match authorized {
        Some(Authorized::Jwt(facts)) => Authorizer::Jwt {
            claims: &facts.claims,
            scopes: facts.scopes.as_deref(),
        },
        Some(Authorized::Lambda(facts)) => Authorizer::Lambda(Flat(facts)),
        // What is known of a signed caller stands in `identity`.
        Some(Authorized::Iam(_)) | None => Authorizer::None {
            claims: (),
            scopes: (),
        },
    }
}

fn identity(exchange: &Exchange) -> Identity<'_> {
    let party = &exchange.context.party;
    let facts = exchange.context.identity();
    let fact = |name: &str| facts.and_then(|facts| facts.get(name));
    Identity {
        access_key: fact("accessKey"),
        account_id: fact("accountId"),
        caller: fact("caller"),
        cognito_authentication_provider: None,
        cognito_authentication_type: None,
        cognito_identity_id: None,
        cognito_identity_pool_id: None,
        principal_org_id: fact("principalOrgId"),
        source_ip: party.source_ip().to_string(),
        user: fact("user"),
        user_agent: party.user_agent().unwrap_or_default(),
        user_arn: fact("userArn"),
        client_cert: party.certificate(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_in_title_case() {
        let check = |name: &str, expected: &str| assert_eq!(title_case(name), expected);
        check("x-amzn-trace-id", "X-Amzn-Trace-Id");
        check("HOST", "Host");
        check("dnt", "Dnt");
        check("sec-ch-ua-mobile", "Sec-Ch-Ua-Mobile");
        check("a--b", "A--B");
        check("x_y", "X_y");
    }
}
