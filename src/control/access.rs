//! Who may call: whoever signs for the service `apigateway` and is allowed to by policy, or anyone on this machine.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::authorizer::iam::Service;
use crate::error::ServiceException;
use crate::management::{ServiceCall, ServiceCaller};
use crate::pipeline::Services;

/// Where tagged resources are.
const TAGS: &str = "/tags/";
/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Whether the body of a call is worth reading: not when all that is known without it speaks against the caller.
///
/// # Errors
/// As [`authorize`].
pub(super) fn admit(
    services: &Services,
    region: &str,
    call: &ServiceCall,
) -> Result<(), ServiceException> {
    match services.plan().credentials.control_open {
        true => Ok(()),
        false => call.check_claim(services, Service::ApiGateway, region),
    }
}

/// Who makes a call that may go on.
pub(super) struct Caller {
    region: String,
    account_id: String,
    /// `None` for anyone on this machine.
    signer: Option<ServiceCaller>,
}

impl Caller {
    /// That the caller's policy does not deny an action on one resource of a call that is about many, e.g. `PATCH` on `/apis/a1`: the call
    /// itself was allowed by its own path.
    ///
    /// # Errors
    /// It does; in Amazon's words.
    pub(super) fn may(&self, method: &str, path: &str) -> Result<(), ServiceException> {
        let Some(signer) = &self.signer else {
            return Ok(());
        };
        for (action, arn) in names(&self.region, &self.account_id, method, path) {
            let decided = signer.check_not_denied(&action, &arn);
            decided.map_err(ServiceException::denied)?;
        }
        Ok(())
    }
}

/// Whether the call may go on; gives who makes it.
///
/// # Errors
/// What is wrong with its signature, or with what its signer asks for.
pub(super) fn authorize(
    services: &Services,
    region: &str,
    account_id: &str,
    call: &ServiceCall,
    body: &[u8],
) -> Result<Caller, ServiceException> {
    let caller = |signer| Caller {
        region: region.to_owned(),
        account_id: account_id.to_owned(),
        signer,
    };
    if services.plan().credentials.control_open {
        return match from_a_page(call) {
            true => Err(ServiceException::denied(
                "`server.adminAuth: none` is for programs on this machine, not for pages in its browsers",
            )),
            false => Ok(caller(None)),
        };
    }
    let signer = call.signer(services, Service::ApiGateway, region, body)?;
    let (method, resource) = (call.method.as_str(), resource(call.uri.path()));
    let names = names(region, account_id, method, &resource);
    let allowed = |(action, arn): &(String, String)| call.allowed(services, &signer, action, arn);
    let mut decided = names.iter().map(allowed);
    let first = decided.next().unwrap_or(Ok(()));
    match first.is_ok() || decided.any(|decided| decided.is_ok()) {
        true => {
            let caller = caller(Some(call.caller(services, signer)));
            // What is allowed by one name may be denied by the other.
            if names.len() > 1 {
                caller.may(method, &resource)?;
            }
            Ok(caller)
        }
        false => Err(ServiceException::denied(first.err().unwrap_or_default())),
    }
}

/// Action and ARN of what a call does, as policies name them: by its method and, where Amazon has it, by a name of its own.
fn names(region: &str, account_id: &str, method: &str, resource: &str) -> Vec<(String, String)> {
    let mut names = vec![(action(method), arn(region, resource))];
    if let Some(name) = action_on_rules(method, resource) {
        // AWS: the ARNs of routing rules name the account.
        let arn = format!("arn:aws:apigateway:{region}:{account_id}:{resource}");
        names.push((action(name), arn));
    }
    names
}

/// Amazon's names for what can be done with routing rules (Service Authorization Reference, "API Gateway Management V2").
fn action_on_rules(method: &str, resource: &str) -> Option<&'static str> {
    let (_, below) = resource.strip_prefix("/domainnames/")?.split_once('/')?;
    match (method, below.strip_prefix("routingrules")?) {
        ("POST", "") => Some("CreateRoutingRule"),
        ("GET", "") => Some("ListRoutingRules"),
        (_, id) if !id.starts_with('/') => None,
        ("GET", _) => Some("GetRoutingRule"),
        ("PUT", _) => Some("UpdateRoutingRule"),
        ("DELETE", _) => Some("DeleteRoutingRule"),
        _ => None,
    }
}

fn action(name: &str) -> String {
    format!("apigateway:{name}")
}

fn arn(region: &str, resource: &str) -> String {
    format!("arn:aws:apigateway:{region}::{resource}")
}

/// The part of an ARN that a path stands for, the same however the path is spelled. AWS: a resource that is tagged stays encoded
/// in it.
fn resource(path: &str) -> String {
    let path = path.strip_prefix("/v2").unwrap_or(path);
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
    match path.strip_prefix(TAGS) {
        Some(tagged) => format!("{TAGS}{}", utf8_percent_encode(&decoded(tagged), RESERVED)),
        None => decoded(path).into_owned(),
    }
}

/// Whether a page in a browser may have made the call: of another origin, or of a name that someone made to mean this machine.
fn from_a_page(call: &ServiceCall) -> bool {
    call.fields.contains_key("origin")
        || call.fields.contains_key("sec-fetch-site")
        || !is_own(&call.host)
}

/// Whether a host is this machine, whatever name servers say.
fn is_own(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<std::net::IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_the_same_however_its_path_is_spelled() {
        let check = |path, expected: &str| assert_eq!(resource(path), expected, "{path}");
        check("/v2/apis/a1/stages/%24default", "/apis/a1/stages/$default");
        let tagged = "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1";
        for spelled in [
            "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1",
            "/v2/tags/arn%3aaws%3aapigateway%3aus-east-1%3a%3a%2fapis%2fa1",
            "/v2/tags/arn:aws:apigateway:us-east-1::/apis/a1",
            "/v2/tags/%61rn:aws:apigateway:us%2Deast-1::/apis/%61%31",
        ] {
            check(spelled, tagged);
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        let check = |host, expected: bool| assert_eq!(is_own(host), expected, "{host}");
        check("127.0.0.1:8081", true);
        check("[::1]:8081", true);
        check("localhost:8081", true);
        check("apigateway.LOCALHOST", true);
        check("evil.example:8081", false);
        check("localhost.evil.example", false);
        check("10.0.0.1", false);
    }
}
