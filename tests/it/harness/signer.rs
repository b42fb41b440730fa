//! Requests signed by the signer of the AWS SDK for Rust.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use super::gateway::START;

pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Who signs, where and when.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) token: Option<&'static str>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    /// Milliseconds since 1970.
    pub(crate) time: u64,
    /// `Some` puts the signature into the query, good for so many seconds.
    pub(crate) expires: Option<u64>,
}

impl Default for Signer {
    /// The example credentials in `us-east-1` at the manual clock's start, in headers.
    fn default() -> Self {
        Self {
            key_id: KEY_ID,
            secret: SECRET,
            token: None,
            region: "us-east-1",
            service: "execute-api",
            time: START,
            expires: None,
        }
    }
}

/// What signing adds to a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signature {
    pub(crate) headers: Vec<(String, String)>,
    /// `name=value` pairs, percent-encoded.
    pub(crate) query: String,
}

impl Signer {
    /// Signs a request for `gateway.test`. `target` is path and query; headers are those to be signed beside `Host`.
    pub(crate) fn sign(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Signature {
        let mut settings = SigningSettings::default();
        if let Some(seconds) = self.expires {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        let token = self.token.map(str::to_owned);
        let identity = Credentials::new(self.key_id, self.secret, token, None, "test").into();
        let parameters: SigningParams<'_> = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(UNIX_EPOCH + Duration::from_millis(self.time))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let url = format!("https://gateway.test{target}");
        let host = [("host", "gateway.test")];
        let headers = host.iter().chain(headers).copied();
        let signable =
            SignableRequest::new(method, &url, headers, SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        let (added, parameters) = instructions.into_parts();
        let encode = |text: &str| {
            let encoded =
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
            encoded.to_string()
        };
        let pairs: Vec<_> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        Signature {
            headers: added
                .iter()
                .map(|header| (header.name().to_owned(), header.value().to_owned()))
                .collect(),
            query: pairs.join("&"),
        }
    }
}
