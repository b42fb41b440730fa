//! A call of one of the gateway's own services: `@connections`, or the control plane. Both are read and checked alike.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;

use crate::authorizer::iam::{self, Circumstances, Service};
use crate::base::body::{BodyError, collect_or_drain};
use crate::base::clock::within;
use crate::error::ServiceException;
use crate::exchange::Headers;
use crate::lang::sigv4::{Claim, SignedRequest};
use crate::pipeline::Services;
use crate::plan::credentials::Credential;

/// Longest wait for the body of a call.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// One call, taken off the wire.
#[derive(Debug)]
pub struct ServiceCall<B> {
    /// HTTP method.
    pub method: Method,
    /// Path as it came, percent-encoding and all.
    pub path: String,
    /// Query string as it came.
    pub query: Option<String>,
    /// Headers as they came.
    pub headers: Headers,
    /// The caller's address.
    pub source_ip: IpAddr,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The host that it was sent to, with its port unless that is the scheme's own.
    pub host: String,
    /// The body, not read yet.
    pub body: B,
}

impl<B> ServiceCall<B> {
    /// The body, of at most `limit` bytes; up to `drained` bytes of a larger one are read so that the caller sees the answer.
    ///
    /// # Errors
    /// Why there is no body.
    pub async fn read_body(
        &mut self,
        services: &Services,
        limit: usize,
        drained: usize,
    ) -> Result<Bytes, ServiceException>
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let reading = collect_or_drain(&mut self.body, limit, drained);
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
        let headers = self.signed_fields();
        let claim = Claim::parse(&self.signed_request(&headers, b""));
        let credentials = &services.plan().credentials;
        let known = |claim: &Claim| credentials.find(claim.access_key_id()).is_some();
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
        let headers = self.signed_fields();
        let signed = self.signed_request(&headers, body);
        let (credentials, now) = (&services.plan().credentials, services.clock.wall());
        services
            .signatures
            .authenticate(credentials, &signed, service, region, now)
            .map_err(|error| {
                ServiceException::unsigned(error.exception(), error.detailed_message())
            })
    }

    fn signed_fields(&self) -> Vec<(&str, &[u8])> {
        let fields = self.headers.iter();
        fields
            .map(|(name, value)| (name, value.as_bytes()))
            .collect()
    }

    fn signed_request<'a>(
        &'a self,
        headers: &'a [(&'a str, &'a [u8])],
        body: &'a [u8],
    ) -> SignedRequest<'a> {
        SignedRequest {
            method: self.method.as_str(),
            path: &self.path,
            query: self.query.as_deref(),
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
        let circumstances = Circumstances {
            source_ip: self.source_ip,
            user_agent: self.headers.last("user-agent"),
            now: services.clock.wall(),
            secure: self.secure,
        };
        iam::authorize(signer, action, arn, &circumstances)
    }
}
