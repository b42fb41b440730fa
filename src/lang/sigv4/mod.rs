//! Signature Version 4, server side: what a request claims about its signer, and whether the claim is true.
//!
//! Signing outgoing calls is the `aws-sigv4` crate's work and has no place here; neither has looking up credentials or
//! reading a clock: the caller brings both. The order is [`Claim::parse`], a look-up of the access key, then
//! [`Claim::verify`] (or [`Claim::verify_with_key`] with a [`SigningKey`] that the caller kept).
//!
//! Signers disagree about two things, and none of them can be asked what it did, so a request is accepted when its
//! signature matches any of a few canonical forms that all mean the same request:
//!
//! - the path encoded once more (botocore, the AWS SDKs), decoded and encoded again (hand-written signers), or as sent
//!   (curl before 8.0), with dot segments and doubled slashes removed by some and kept by others;
//! - the query as sent (botocore), or read as a form and encoded again (`aws-sigv4`, Go, aws4, curl).
//!
//! Any two requests that share a form have the same method, decoded path, query and body, up to dot segments and doubled
//! slashes in the path: whoever routes by path refuses those or routes by the path without them.
//!
//! Invariant: no input, however malformed, panics, and the work is linear in the size of the request.
//!
//! Source: AWS General Reference, "Signature Version 4 signing process"; IAM User Guide, "Create a signed AWS API request".

mod canonical;
mod credential;
mod error;
mod forms;
mod key;
mod parse;
mod stamp;

use subtle::ConstantTimeEq as _;

pub use error::{Mismatch, SigV4Error};
pub use key::{SigningKey, SigningSecret};

use canonical::Digester;
use credential::Credential;
use stamp::Stamp;

/// The only algorithm: symmetric keys, HMAC over SHA-256.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last element of every credential scope.
pub const TERMINATOR: &str = "aws4_request";
/// Most header fields a request may have to be looked at.
pub const HEADER_FIELDS_MAX: usize = 100;
/// Most bytes that path, query and header fields may have together.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Longest life of a presigned request, in seconds: one week (IAM User Guide, "Query string parameters").
pub const EXPIRES_SECONDS_MAX: i64 = 604_800;

/// A request as it came over the wire; nothing in it has been decoded or put in order.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method as sent.
    pub method: &'a str,
    /// The path exactly as on the request line, without the query.
    pub path: &'a str,
    /// The query exactly as on the request line, without the question mark.
    pub query: Option<&'a str>,
    /// Header fields in wire order; names in any case, repeated names allowed. HTTP/2's `:authority` goes in as `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> SignedRequest<'a> {
    /// The values of a header field in wire order.
    fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// Refuses what is too large to look at.
    fn check_size(&self) -> Result<(), SigV4Error> {
        let fields: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let bytes = self.path.len() + self.query.map_or(0, str::len) + fields;
        if bytes > HEAD_BYTES_MAX || self.headers.len() > HEADER_FIELDS_MAX {
            return Err(SigV4Error::HeadTooLarge);
        }
        Ok(())
    }
}

/// What a verifier demands of every claim.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The API's region, for instance `eu-central-1`.
    pub region: &'a str,
    /// The service in the credential scope: `execute-api` for every kind of API.
    pub service: &'a str,
    /// The gateway's clock, in seconds since 1970.
    pub now_epoch_seconds: i64,
    /// How far a signer's clock may be off, either way, in seconds.
    pub skew_seconds: i64,
}

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In the `Authorization` header.
    Header,
    /// In the query, good for so many seconds; without a number the clock skew is all the time there is.
    Query { expires: Option<i64> },
}

/// A signature and everything its signer said around it. It proves nothing until [`Claim::verify`] has returned `Ok`.
pub struct Claim {
    placement: Placement,
    credential: Credential,
    /// As listed by the signer, in the signer's order, with semicolons between them.
    signed_headers: String,
    /// `None` when what was sent is not 64 lower-case hexadecimal digits, which no signature equals.
    signature: Option<[u8; 32]>,
    stamp: Stamp,
    session_token: Option<String>,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the signature nor the session token may reach a log.
        f.debug_struct("Claim")
            .field("access_key_id", &self.access_key_id())
            .field("scope", &self.credential.scope())
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

impl Claim {
    /// Reads the claim of a request, `None` when it shows no trace of a signature; the body is not looked at and may be empty here.
    ///
    /// An `Authorization` header decides when there is one; otherwise the query does.
    ///
    /// # Errors
    ///
    /// Every [`SigV4Error`] whose exception is `IncompleteSignatureException`.
    pub fn parse(request: &SignedRequest<'_>) -> Result<Option<Self>, SigV4Error> {
        request.check_size()?;
        parse::claim(request)
    }

    /// The access key id the request was signed with.
    pub fn access_key_id(&self) -> &str {
        self.credential.access_key_id()
    }

    /// The session token that came with the request, if any. It is a secret: never log it.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// The day of the credential scope as `YYYYMMDD`; with the access key id it names the [`SigningKey`] to use.
    pub fn date(&self) -> &str {
        self.credential.date()
    }

    /// When the request says it was signed, in seconds since 1970.
    pub fn signed_at_epoch_seconds(&self) -> i64 {
        self.stamp.epoch_seconds()
    }

    /// Whether the signature stands in the query.
    pub fn is_presigned(&self) -> bool {
        self.placement != Placement::Header
    }

    /// Checks the credential scope: date, region, service and terminator.
    ///
    /// Call it before looking up the access key, so that a caller in the wrong region learns that first.
    ///
    /// # Errors
    ///
    /// [`SigV4Error::Scope`], which names everything that is wrong.
    pub fn check_scope(&self, expected: &Expected<'_>) -> Result<(), SigV4Error> {
        let scope = &self.credential;
        let mut wrong = Vec::new();
        if scope.region() != expected.region {
            wrong.push(format!(
                "Credential should be scoped to a valid region, not '{}'.",
                scope.region()
            ));
        }
        if scope.service() != expected.service {
            wrong.push(format!(
                "Credential should be scoped to correct service: '{}'.",
                expected.service
            ));
        }
        if scope.terminator() != TERMINATOR {
            wrong.push(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'.",
                scope.terminator()
            ));
        }
        if scope.date() != self.stamp.date() {
            wrong.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{}'.",
                scope.date(),
                self.stamp.date(),
                self.stamp
            ));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(SigV4Error::Scope(wrong.join(" ")))
    }

    /// Checks that the request was signed about now, or that a presigned request is still good.
    ///
    /// # Errors
    ///
    /// [`SigV4Error::Expired`] and [`SigV4Error::NotYetCurrent`].
    pub fn check_time(&self, expected: &Expected<'_>) -> Result<(), SigV4Error> {
        let expires = match self.placement {
            Placement::Header => None,
            Placement::Query { expires } => expires,
        };
        self.stamp
            .check(expires, expected.now_epoch_seconds, expected.skew_seconds)
    }

    /// Verifies the claim with a secret; derives the day's key on the way.
    ///
    /// # Errors
    ///
    /// As [`Claim::verify_with_key`].
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        secret: &SigningSecret,
        expected: &Expected<'_>,
    ) -> Result<(), SigV4Error> {
        self.check_scope(expected)?;
        let key = SigningKey::derive(secret, self.date(), expected.region, expected.service);
        self.verify_with_key(request, &key, expected)
    }

    /// Verifies the claim with a key that was derived before: scope, session token, coverage of the signed headers,
    /// time, body, signature, in this order.
    ///
    /// A caller that keeps keys keeps them by access key id and [`Claim::date`], and only after [`Claim::check_time`],
    /// so that nobody fills its cache with far-away days.
    ///
    /// # Errors
    ///
    /// Any [`SigV4Error`] but those of [`Claim::parse`]; of those only [`SigV4Error::HeadTooLarge`] and
    /// [`SigV4Error::Repeated`].
    pub fn verify_with_key(
        &self,
        request: &SignedRequest<'_>,
        key: &SigningKey,
        expected: &Expected<'_>,
    ) -> Result<(), SigV4Error> {
        request.check_size()?;
        self.check_scope(expected)?;
        self.check_token(key.session_token())?;
        let listed: Vec<&str> = self.signed_headers.split(';').collect();
        self.check_coverage(request, &listed)?;
        self.check_time(expected)?;
        let digester = Digester::of(self, request, &listed)?;
        let matches = self.signature.is_some_and(|signature| {
            key.is_for(&self.credential)
                && digester.any_string_to_sign(|text| key.signed(text, &signature))
        });
        if matches {
            return Ok(());
        }
        Err(SigV4Error::SignatureMismatch(Box::new(digester.mismatch())))
    }

    /// Temporary credentials are good with exactly their token, permanent ones with none.
    fn check_token(&self, expected: Option<&str>) -> Result<(), SigV4Error> {
        let same = match (self.session_token.as_deref(), expected) {
            (None, None) => true,
            (Some(sent), Some(token)) => sent.as_bytes().ct_eq(token.as_bytes()).into(),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            Ok(())
        } else {
            Err(SigV4Error::UnrecognizedClient)
        }
    }

    /// What must not change under way must be signed: the host and every `x-amz-*` header.
    ///
    /// `x-amzn-*` (the trace id above all) is added and changed by proxies and never demanded. Two `x-amz-*` headers
    /// are left out by the AWS SDKs when presigning; they say nothing about the meaning of a request. The session token may
    /// be added after signing: it is compared with the credential's own.
    fn check_coverage(
        &self,
        request: &SignedRequest<'_>,
        listed: &[&str],
    ) -> Result<(), SigV4Error> {
        if !lists(listed, "host") {
            return Err(SigV4Error::HostNotSigned);
        }
        for (name, _) in request.headers {
            if is_amazons(name) && !self.may_leave_out(name) && !lists(listed, name) {
                return Err(SigV4Error::HeaderNotSigned(name.to_ascii_lowercase()));
            }
        }
        let is_absent = |name: &&&str| request.values(name).next().is_none();
        match listed.iter().find(is_absent) {
            Some(name) => Err(SigV4Error::SignedHeaderAbsent((*name).to_owned())),
            None => Ok(()),
        }
    }

    /// Whether an `x-amz-*` header need not be signed.
    fn may_leave_out(&self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        is("x-amz-security-token")
            || (self.is_presigned() && (is("x-amz-user-agent") || is("x-amz-checksum-mode")))
    }
}

/// Whether a header is listed as signed, in lower case, as signers have to write it.
fn lists(listed: &[&str], name: &str) -> bool {
    let capital = |byte: u8| byte.is_ascii_uppercase();
    listed
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name) && !own.bytes().any(capital))
}

fn is_amazons(name: &str) -> bool {
    const PREFIX: &str = "x-amz-";
    let start = name.get(..PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests;
