//! Signers that others wrote, published vectors, every refusal, and mutations of good requests.

mod corpus;
mod mutations;
mod refusals;
mod signers;
mod suite;
mod vectors;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use super::*;

/// Amazon's example credentials.
const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEXAMPLE/token+with=signs==";
/// 2015-08-30T12:36:00Z, the instant of Amazon's examples.
const NOW: i64 = 1_440_938_160;

pub(super) const EXPECTED: Expected<'static> = Expected {
    region: "eu-central-1",
    service: "execute-api",
    now_epoch_seconds: NOW,
    skew_seconds: 300,
};

/// A request that owns its parts, for tests that change them.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn new(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_bytes()))
            .collect();
        act(&SignedRequest {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &headers,
            body: &self.body,
        })
    }

    fn claim(&self) -> Result<Option<Claim>, SigV4Error> {
        self.with(Claim::parse)
    }

    /// Parse and verify; an unsigned request is refused as callers refuse it.
    fn verify(&self, secret: &SigningSecret, expected: &Expected<'_>) -> Result<(), SigV4Error> {
        let claim = self
            .claim()?
            .ok_or(SigV4Error::MissingAuthenticationToken)?;
        self.with(|request| claim.verify(request, secret, expected))
    }

    fn accepted(&self) -> Result<(), SigV4Error> {
        self.verify(&SigningSecret::permanent(SECRET), &EXPECTED)
    }

    /// Puts a header in the place of all headers of that name.
    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn header(&self, name: &str) -> String {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.clone())
            .unwrap_or_default()
    }
}

/// How `aws-sigv4` shall sign.
#[derive(Clone, Copy)]
struct Style {
    presigned: Option<u64>,
    token: Option<&'static str>,
    unsigned_payload: bool,
}

const PLAIN: Style = Style {
    presigned: None,
    token: None,
    unsigned_payload: false,
};
const PRESIGNED: Style = Style {
    presigned: Some(900),
    ..PLAIN
};

/// Signs with the signer of the AWS SDK for Rust, as it signs for `execute-api`.
fn signed(mut request: Request, style: Style) -> Request {
    let mut settings = SigningSettings::default();
    if let Some(seconds) = style.presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(seconds));
    }
    let identity =
        Credentials::new(KEY_ID, SECRET, style.token.map(str::to_owned), None, "test").into();
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(EXPECTED.region)
        .name(EXPECTED.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs()))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let url = format!("https://{}{}", request.header("host"), request.target());
    let body = request.body.clone();
    let signable = if style.unsigned_payload {
        SignableBody::UnsignedPayload
    } else {
        SignableBody::Bytes(&body)
    };
    let headers = request.headers.clone();
    let pairs = headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let signable = SignableRequest::new(&request.method, &url, pairs, signable).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let (added, parameters) = instructions.into_parts();
    for header in added {
        request.set(header.name(), header.value());
    }
    for (name, value) in parameters {
        let value =
            percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
        let pair = format!("{name}={value}");
        request.query = Some(match request.query {
            Some(query) if !query.is_empty() => format!("{query}&{pair}"),
            _ => pair,
        });
    }
    request
}

fn chat(method: &str, target: &str, body: &str) -> Request {
    Request::new(method, target, &[("Host", "abc.example.com")], body)
}
