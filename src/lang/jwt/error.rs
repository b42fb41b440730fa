//! Why a token was refused, in Amazon's style of words.

/// Why a token is not accepted. `Display` is what the client reads in `error_description`, so no text quotes the token.
///
/// Amazon publishes one description ("the token does not have a valid audience"; developer guide, "Troubleshooting issues with
/// HTTP API JWT authorizers"); a few more are known from logs, and the others follow their style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// More than [`super::TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts.
    #[error("token contains an invalid number of segments")]
    Segments,
    /// A part is not base64url without padding (RFC 7515 section 2).
    #[error("the token is not base64url encoded")]
    Encoding,
    /// The header is not a JSON object with an `alg`, or a field of it has the wrong type or too many bytes.
    #[error("the token does not have a valid header")]
    Header,
    /// The header names extensions that must be understood (RFC 7515 section 4.1.11); none is.
    #[error("the token has a critical header that is not understood")]
    Critical,
    /// `alg` is `none`, symmetric, or unknown.
    #[error("signing method is invalid")]
    Algorithm,
    /// No key of the issuer, or more than one, fits the header.
    #[error("the token is not signed with a key of the issuer")]
    UnknownKey,
    /// The signature is not by that key over these bytes.
    #[error("the token does not have a valid signature")]
    Signature,
    /// The claims are not a JSON object, name something twice or are nested too deeply.
    #[error("the token does not have valid claims")]
    Claims,
    /// A registered claim has the wrong type.
    #[error("the token does not have a valid {0} claim")]
    Claim(&'static str),
    /// `iss` is another issuer, or missing.
    #[error("issuer does not match")]
    Issuer,
    /// Neither `aud` nor, without one, `client_id` is one that the authorizer knows.
    #[error("the token does not have a valid audience")]
    Audience,
    /// There is no `exp`.
    #[error("the token does not have an expiry time")]
    NoExpiry,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is still to come.
    #[error("the token was issued in the future")]
    IssuedInFuture,
}

impl JwtError {
    /// Whether the verdict may be another one once the issuer's keys have been fetched anew.
    pub fn depends_on_keys(self) -> bool {
        self == Self::UnknownKey
    }
}
