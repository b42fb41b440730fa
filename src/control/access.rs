//! Who may call: whoever signs for the service `apigateway` and is allowed to by policy, or anyone on this machine.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::authorizer::iam::Service;
use crate::error::ServiceException;
use crate::management::ServiceCall;
use crate::pipeline::Services;

/// Whether the body of a call is worth reading: not when all that is known without it speaks against the caller.
///
/// # Errors
/// As [`authorize`].
pub(super) fn admit<B>(
    services: &Services,
    region: &str,
    call: &ServiceCall<B>,
) -> Result<(), ServiceException> {
    match services.plan().credentials.control_open {
        true => Ok(()),
        false => call.check_claim(services, Service::ApiGateway, region),
    }
}

/// Whether the call may go on.
///
/// # Errors
/// What is wrong with its signature, or with what its signer asks for.
pub(super) fn authorize<B>(
    services: &Services,
    region: &str,
    call: &ServiceCall<B>,
    body: &[u8],
) -> Result<(), ServiceException> {
    if services.plan().credentials.control_open {
        return match from_a_page(call) {
            true => Err(ServiceException::denied(
                "`server.adminAuth: none` is for programs on this machine, not for pages in its browsers",
            )),
            false => Ok(()),
        };
    }
    let signer = call.signer(services, Service::ApiGateway, region, body)?;
    let action = format!("apigateway:{}", call.method);
    let arn = format!("arn:aws:apigateway:{region}::{}", resource(&call.path));
    call.allowed(services, &signer, &action, &arn)
        .map_err(ServiceException::denied)
}

/// The part of an ARN that a path stands for. AWS: a resource that is tagged stays encoded in it.
fn resource(path: &str) -> Cow<'_, str> {
    let path = path.strip_prefix("/v2").unwrap_or(path);
    match path.starts_with("/tags/") {
        true => Cow::Borrowed(path),
        false => percent_decode_str(path).decode_utf8_lossy(),
    }
}

/// Whether a page in a browser may have made the call: of another origin, or of a name that someone made to mean this machine.
fn from_a_page<B>(call: &ServiceCall<B>) -> bool {
    let headers = &call.headers;
    headers.last("origin").is_some()
        || headers.last("sec-fetch-site").is_some()
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
