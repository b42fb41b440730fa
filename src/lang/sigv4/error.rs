//! Why a signature was refused, in Amazon's words and under Amazon's exception names.

use super::{ALGORITHM, EXPIRES_SECONDS_MAX, HEAD_BYTES_MAX, HEADER_FIELDS_MAX};

/// Why a request is not accepted as signed. `Display` is the `message` that AWS shows.
///
/// Source: AWS General Reference, "Troubleshooting Signature Version 4 errors"; texts that Amazon leaves open say in plain
/// words what is wrong. Messages may quote what the client itself sent; they never hold a secret of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// A signature is demanded and there is none. For callers: [`super::Claim::parse`] reports it as `None`.
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    /// A piece of the `Authorization` header has no equals sign.
    #[error(
        "'{piece}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
    )]
    NotKeyValue {
        /// The piece between two commas.
        piece: String,
        /// The whole header value.
        authorization: String,
    },
    /// The `Authorization` header, or the date beside it, is incomplete.
    #[error("{missing} Authorization={authorization}")]
    MissingParts {
        /// One sentence for each missing part.
        missing: String,
        /// The whole header value.
        authorization: String,
    },
    /// A presigned query is incomplete. Holds one sentence for each missing parameter.
    #[error("{0} Re-examine the query-string parameters.")]
    MissingParameters(String),
    /// A part that must be there once is there twice.
    #[error("'{0}' must not be given more than once.")]
    Repeated(String),
    /// The `Authorization` header holds a part that Signature Version 4 does not know.
    #[error("'{0}' is not a valid parameter of the Authorization header.")]
    UnknownParameter(String),
    /// Not `AWS4-HMAC-SHA256`; Signature Version 4A is one of these.
    #[error("Unsupported AWS 'algorithm': '{0}', use '{ALGORITHM}'.")]
    UnsupportedAlgorithm(String),
    /// The credential does not have five elements.
    #[error(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{0}'"
    )]
    MalformedCredential(String),
    /// The date is in no accepted form.
    #[error(
        "Date must be in ISO-8601 'basic format'. Got '{0}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )]
    MalformedDate(String),
    /// `X-Amz-Expires` is not a number of seconds from 0 to a week.
    #[error(
        "X-Amz-Expires must be a number of seconds from 0 to {EXPIRES_SECONDS_MAX}. Got '{0}'."
    )]
    MalformedExpires(String),
    /// More than can be looked at.
    #[error(
        "A signed request must not have more than {HEADER_FIELDS_MAX} header fields or {HEAD_BYTES_MAX} bytes before its body."
    )]
    HeadTooLarge,
    /// The credential scope is for another day, region or service. Holds one sentence for each.
    #[error("{0}")]
    Scope(String),
    /// `host` is not among the signed headers.
    #[error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")]
    HostNotSigned,
    /// An `x-amz-*` header is not among the signed headers.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(String),
    /// A header is listed as signed but is not in the request.
    #[error("'{0}' is a 'SignedHeader' in the AWS Authorization but not in the request.")]
    SignedHeaderAbsent(String),
    /// Signed too long ago.
    #[error("Signature expired: {0}")]
    Expired(String),
    /// Signed in the future.
    #[error("Signature not yet current: {0}")]
    NotYetCurrent(String),
    /// `X-Amz-Content-Sha256` is not the hash of the body that came.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    PayloadMismatch,
    /// The signature is not the one this request and this key give.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch(Box<Mismatch>),
    /// The access key is not known, or its session token is not the one that came.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    /// The access key was temporary and its time is over. For callers: nothing here knows how long keys live.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
}

/// What the verifier would have signed; harmless to show to the sender, who sent all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The canonical request, in the form that the AWS SDKs use.
    pub canonical_request: String,
    /// The string to sign that goes with it.
    pub string_to_sign: String,
}

impl SigV4Error {
    /// The value of `x-amzn-ErrorType`.
    pub fn exception(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::NotKeyValue { .. }
            | Self::MissingParts { .. }
            | Self::MissingParameters(_)
            | Self::Repeated(_)
            | Self::UnknownParameter(_)
            | Self::UnsupportedAlgorithm(_)
            | Self::MalformedCredential(_)
            | Self::MalformedDate(_)
            | Self::MalformedExpires(_)
            | Self::HeadTooLarge => "IncompleteSignatureException",
            Self::Scope(_)
            | Self::HostNotSigned
            | Self::HeaderNotSigned(_)
            | Self::SignedHeaderAbsent(_)
            | Self::Expired(_)
            | Self::NotYetCurrent(_)
            | Self::PayloadMismatch
            | Self::SignatureMismatch(_) => "InvalidSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
        }
    }

    /// The message with, for a signature that does not match, the canonical string and the string to sign appended as
    /// REST APIs and `@connections` show them.
    pub fn detailed_message(&self) -> String {
        match self {
            Self::SignatureMismatch(mismatch) => format!(
                "{self}\n\nThe Canonical String for this request should have been\n'{}'\n\n\
                 The String-to-Sign should have been\n'{}'\n",
                mismatch.canonical_request, mismatch.string_to_sign
            ),
            _ => self.to_string(),
        }
    }
}
