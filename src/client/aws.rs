//! Signing of outgoing calls with Signature Version 4; the algorithm comes from the aws-sigv4 crate.
//!
//! Verification of incoming signatures is no part of this. Credentials are handed in, never looked up.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;

use crate::base::body::causes;
use crate::base::clock::EpochMillis;

/// Whose signature, and for which service where. The scope of the signature without its date.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The key pair, with its session token if it has one.
    pub credentials: &'a Credentials,
    /// The region, such as `eu-west-1`.
    pub region: &'a str,
    /// The signing name of the service, such as `lambda`.
    pub service: &'a str,
}

/// A request that cannot be signed: a header that is not text, or a URI that is not absolute.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct SigningError(String);

impl Signer<'_> {
    /// Signs a request as it stands: adds `x-amz-date`, `authorization` and, with a session token, `x-amz-security-token`.
    ///
    /// AWS: "Create a signed AWS API request". Whatever is changed afterwards, other than the headers that proxies change,
    /// breaks the signature.
    ///
    /// # Errors
    /// See [`SigningError`].
    pub fn sign(
        &self,
        request: &mut http::Request<Bytes>,
        wall: EpochMillis,
    ) -> Result<(), SigningError> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(UNIX_EPOCH + Duration::from_millis(wall.0))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| SigningError(causes(&error)))?
            .into();
        let mut headers = Vec::with_capacity(request.headers().len());
        for (name, value) in request.headers() {
            let text = value
                .to_str()
                .map_err(|_| SigningError(format!("header {name} is not text")))?;
            headers.push((name.as_str(), text));
        }
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers.into_iter(),
            SignableBody::Bytes(request.body()),
        )
        .map_err(|error| SigningError(causes(&error)))?;
        let (instructions, _) = sign(signable, &parameters)
            .map_err(|error| SigningError(causes(&error)))?
            .into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(token: Option<&str>, uri: &str) -> http::Request<Bytes> {
        let credentials = Credentials::from_keys(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
        );
        let signer = Signer {
            credentials: &credentials,
            region: "us-east-1",
            service: "service",
        };
        let mut request = http::Request::get(uri).body(Bytes::new()).unwrap();
        // 2015-08-30T12:36:00Z, the moment of Amazon's published test suite.
        signer
            .sign(&mut request, EpochMillis(1_440_938_160_000))
            .unwrap();
        request
    }

    /// Expected signatures from the test suite that AWS publishes for Signature Version 4.
    fn check(uri: &str, signature: &str) {
        let request = signed(None, uri);
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        assert_eq!(request.headers()["authorization"], expected);
        assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
    }

    #[test]
    fn signatures_are_those_of_the_published_suite() {
        check(
            "https://example.amazonaws.com/",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
        check(
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
    }

    #[test]
    fn a_session_token_is_sent_and_signed() {
        let request = signed(Some("token"), "https://example.amazonaws.com/");
        assert_eq!(request.headers()["x-amz-security-token"], "token");
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"));
    }

    #[test]
    fn a_header_that_is_not_text_is_refused() {
        let credentials = Credentials::from_keys("a", "b", None);
        let signer = Signer {
            credentials: &credentials,
            region: "us-east-1",
            service: "lambda",
        };
        let mut request = http::Request::get("https://example.com/")
            .header("x-odd", http::HeaderValue::from_bytes(b"\xff").unwrap())
            .body(Bytes::new())
            .unwrap();
        let error = signer.sign(&mut request, EpochMillis(0)).unwrap_err();
        assert!(error.to_string().contains("x-odd"), "{error}");
    }
}
