//! Signs HTTP requests with AWS Signature Version 4 for the service `execute-api`.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;

/// Credentials and the region they are used in.
#[derive(Debug, Clone)]
pub struct Signer {
    identity: aws_credential_types::Credentials,
    region: String,
}

impl Signer {
    /// A signer for `region`; the token belongs to temporary credentials.
    pub fn new(access_key_id: &str, secret: &str, token: Option<&str>, region: &str) -> Self {
        let token = token.map(str::to_owned);
        Self {
            identity: Credentials::new(access_key_id, secret, token, None, "loadtest"),
            region: region.to_owned(),
        }
    }

    /// Adds the signature's headers to `request`, whose body is `body` and whose absolute URI is `uri`.
    ///
    /// # Errors
    ///
    /// The text says what cannot be signed: a URI that is none, or a token that is no header value.
    pub fn sign(
        &self,
        request: &mut Request<Full<Bytes>>,
        uri: &str,
        body: &[u8],
        time: SystemTime,
    ) -> Result<(), String> {
        let identity = self.identity.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("execute-api")
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let method = request.method().as_str();
        let signable =
            SignableRequest::new(method, uri, std::iter::empty(), SignableBody::Bytes(body))
                .map_err(|error| error.to_string())?;
        let output = sign(signable, &params).map_err(|error| error.to_string())?;
        let (headers, _) = output.into_parts().0.into_parts();
        for header in headers {
            let value = HeaderValue::from_str(header.value())
                .map_err(|_| format!("{} is no header value", header.name()))?;
            request.headers_mut().insert(header.name(), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn signed(token: Option<&str>, body: &'static str) -> Result<http::HeaderMap, String> {
        let signer = Signer::new("AKIDEXAMPLE", "secret", token, "eu-central-1");
        let mut request = Request::post("/dev/@connections/a%3D")
            .body(Full::from(body))
            .unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_776_205_019);
        let uri = "http://127.0.0.1:8080/dev/@connections/a%3D";
        signer.sign(&mut request, uri, body.as_bytes(), time)?;
        Ok(request.headers().clone())
    }

    #[test]
    fn the_signature_names_scope_and_headers() {
        let headers = signed(None, "hello").unwrap();
        assert_eq!(headers["x-amz-date"], "20260414T221659Z");
        let authorization = headers["authorization"].to_str().unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260414/eu-central-1/execute-api/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=";
        let signature = authorization.strip_prefix(scope).unwrap();
        assert_eq!(signature.len(), 64);
        let other = signed(None, "other").unwrap();
        assert_ne!(headers["authorization"], other["authorization"]);
    }

    #[test]
    fn a_token_is_signed_and_sent() {
        let headers = signed(Some("token"), "").unwrap();
        assert_eq!(headers["x-amz-security-token"], "token");
        let authorization = headers["authorization"].to_str().unwrap();
        assert!(authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"));
    }

    #[test]
    fn a_token_that_is_no_header_value_is_refused() {
        assert!(signed(Some("line\nbreak"), "").is_err());
    }
}
