//! A call of one of the gateway's own services: `@connections`, or the control plane. Both are read and checked alike.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderMap, USER_AGENT};
use http::{Method, Uri};

use crate::authorizer::iam::{self, Circumstances, Service};
use crate::base::body::{BodyError, Payload, collect_or_drain};
use crate::base::clock::{EpochMillis, within};
use crate::error::ServiceException;
use crate::exchange::{Forwarding, Headers, plain};
use crate::lang::sigv4::{Claim, HEADER_FIELDS_MAX, SignedRequest};
use crate::pipeline::Services;
use crate::plan::credentials::Credential;

/// Longest wait for the body of a call.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How the names begin of the header fields that the gateway adds or replaces, but for `Host`.
const ADDED: [&str; 2] = ["x-forwarded-", "x-amzn-trace-id"];
/// How many fields it adds at most.
const ADDED_MAX: usize = 5;

/// One call, taken off the wire.
#[derive(Debug)]
pub struct ServiceCall {
    /// HTTP method.
    pub method: Method,
    /// Path and query as they came, percent-encoding and all.
    pub uri: Uri,
    /// Header fields as they came.
    pub fields: HeaderMap,
    /// How it came in.
    pub forwarding: Forwarding,
    /// The caller's address.
    pub source_ip: IpAddr,
    /// The host that it was sent to, with its port unless that is the scheme's own.
    pub host: String,
    /// The body, which may still be on its way.
    pub body: Payload,
}

impl ServiceCall {
    /// The body, of at most `limit` bytes; up to `drained` bytes of a larger one are read so that the caller sees the answer.
    ///
    /// # Errors
    /// Why there is no body.
    pub async fn read_body(
        &mut self,
        services: &Services,
        limit: usize,
        drained: usize,
    ) -> Result<Bytes, ServiceException> {
        if let Some(whole) = self.body.whole() {
            return match whole.len() <= limit {
                true => Ok(whole.clone()),
                false => Err(ServiceException::payload_too_large()),
            };
        }
        // By itself, so that what waits for it stays small.
        let reading = Box::pin(collect_or_drain(&mut self.body, limit, drained));
        match within(services.clock.as_ref(), BODY_TIMEOUT, reading).await {
            Some(Ok(collected)) => Ok(collected.bytes),
            Some(Err(BodyError::TooLarge { .. })) => Err(ServiceException::payload_too_large()),
            Some(Err(BodyError::Broken(_))) => {
                Err(ServiceException::bad_request("The body ended early"))
            }
            None => Err(ServiceException::bad_request("The body came too slowly")),
        }
    }

    /// That someone known claims to have signed the call. Whether the claim is true only [`ServiceCall::signer`] can tell, since
    /// the hash of the body is part of what is signed.
    ///
    /// # Errors
    /// What is wrong with the claim, whatever the body is.
    pub fn check_claim(
        &self,
        services: &Services,
        service: Service,
        region: &str,
    ) -> Result<(), ServiceException> {
        let shown = self.shown_fields();
        let headers = self.signed_fields(shown.as_ref());
        let claim = Claim::parse(&self.signed_request(&headers, b""));
        let plan = services.plan_now();
        let known = |claim: &Claim| plan.credentials.find(claim.access_key_id()).is_some();
        match claim.is_ok_and(|claim| claim.as_ref().is_some_and(known)) {
            true => Ok(()),
            // It finds the same before it comes to the body.
            false => self.signer(services, service, region, b"").map(drop),
        }
    }

    /// Who signed the call.
    ///
    /// # Errors
    /// What is wrong with the signature.
    pub fn signer(
        &self,
        services: &Services,
        service: Service,
        region: &str,
        body: &[u8],
    ) -> Result<Arc<Credential>, ServiceException> {
        let shown = self.shown_fields();
        let headers = self.signed_fields(shown.as_ref());
        let signed = self.signed_request(&headers, body);
        let (plan, now) = (services.plan_now(), services.clock.wall());
        services
            .signatures
            .authenticate(&plan.credentials, &signed, service, region, now)
            .map_err(|error| {
                ServiceException::unsigned(error.exception(), error.detailed_message())
            })
    }

    /// Header fields as events show them, should a signature cover one that is not there as it came.
    fn shown_fields(&self) -> Option<Headers> {
        let read_anew = |value: &[u8]| !value.is_ascii();
        let authorizations = self.fields.get_all(AUTHORIZATION).iter();
        let rewritten = self.uri.query().is_some()
            || self.fields.len() + ADDED_MAX > HEADER_FIELDS_MAX
            || self
                .fields
                .values()
                .any(|value| read_anew(value.as_bytes()))
            || authorizations
                .into_iter()
                .any(|value| names_added(value.as_bytes()));
        rewritten.then(|| self.forwarding.headers(&self.fields, plain))
    }

    fn signed_fields<'a>(&'a self, shown: Option<&'a Headers>) -> Vec<(&'a str, &'a [u8])> {
        if let Some(headers) = shown {
            let headers = headers.iter();
            return headers
                .map(|(name, value)| (name, value.as_bytes()))
                .collect();
        }
        let mut fields = Vec::with_capacity(self.fields.len() + 1);
        let came = self.fields.iter();
        fields.extend(came.map(|(name, value)| (name.as_str(), value.as_bytes())));
        if !self.fields.contains_key(HOST) {
            // HTTP/2 names the host elsewhere; signers sign it as if it stood here.
            fields.push(("host", self.forwarding.host.as_bytes()));
        }
        fields
    }

    /// The caller's `User-Agent`; what is not UTF-8 is read as Latin-1.
    fn user_agent(&self) -> Option<Cow<'_, str>> {
        let value = self.fields.get_all(USER_AGENT).iter().next_back()?;
        Some(match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
        })
    }

    fn signed_request<'a>(
        &'a self,
        headers: &'a [(&'a str, &'a [u8])],
        body: &'a [u8],
    ) -> SignedRequest<'a> {
        SignedRequest {
            method: self.method.as_str(),
            path: self.uri.path(),
            query: self.uri.query(),
            headers,
            body,
        }
    }

    /// Whether the signer's policy allows the action on a resource.
    ///
    /// # Errors
    /// Amazon's text of the refusal.
    pub fn allowed(
        &self,
        services: &Services,
        signer: &Credential,
        action: &str,
        arn: &str,
    ) -> Result<(), String> {
        let user_agent = self.user_agent();
        let circumstances = Circumstances {
            source_ip: self.source_ip,
            user_agent: user_agent.as_deref(),
            now: services.clock.wall(),
            secure: self.forwarding.secure,
        };
        iam::authorize(signer, action, arn, &circumstances)
    }

    /// The signer, as policies see it while the call runs.
    pub fn caller(&self, services: &Services, signer: Arc<Credential>) -> ServiceCaller {
        ServiceCaller {
            signer,
            source_ip: self.source_ip,
            user_agent: self.user_agent().map(Cow::into_owned),
            now: services.clock.wall(),
            secure: self.forwarding.secure,
        }
    }
}

/// Who signed a call, and what policies may ask about it.
#[derive(Debug, Clone)]
pub struct ServiceCaller {
    signer: Arc<Credential>,
    source_ip: IpAddr,
    user_agent: Option<String>,
    now: EpochMillis,
    secure: bool,
}

impl ServiceCaller {
    /// Whether the caller's policy does not deny the action on a resource that is part of the call.
    ///
    /// # Errors
    /// Amazon's text of the refusal.
    pub fn check_not_denied(&self, action: &str, arn: &str) -> Result<(), String> {
        let circumstances = Circumstances {
            source_ip: self.source_ip,
            user_agent: self.user_agent.as_deref(),
            now: self.now,
            secure: self.secure,
        };
        iam::check_not_denied(&self.signer, action, arn, &circumstances)
    }
}

/// Whether an `Authorization` header may list a field as signed that the gateway adds.
fn names_added(authorization: &[u8]) -> bool {
    memchr::memchr2_iter(b'x', b'X', authorization).any(|at| {
        let rest = authorization.get(at..).unwrap_or_default();
        ADDED.iter().any(|name| {
            let start = rest.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_that_covers_added_fields_is_told_apart() {
        let check = |names: &str, expected: bool| {
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=AKIAXX/20150830/r/execute-api/aws4_request, \
                 SignedHeaders={names}, Signature=00"
            );
            assert_eq!(names_added(authorization.as_bytes()), expected, "{names}");
        };
        check("host;x-amz-date", false);
        check("content-type;host;x-amz-content-sha256;x-forwarded", false);
        check("host;x-amz-date;x-forwarded-for", true);
        check("host;X-Forwarded-Proto", true);
        check("x-AMZN-trace-id", true);
    }
}
