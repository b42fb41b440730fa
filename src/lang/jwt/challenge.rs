//! Values of `www-authenticate` (RFC 6750 section 3).
//!
//! AWS: parameters are separated by spaces alone, and `scope` lists those of the route, if only as an empty text ("Troubleshooting
//! issues with HTTP API JWT authorizers").

use std::fmt::Display;

/// For a request without a token.
pub const MISSING: &str = "Bearer";
/// `$context.authorizer.error` of a request without a token.
pub const MISSING_ERROR: &str = "missing: token not provided";

/// For a token that is refused.
pub fn invalid_token(scopes: &[String], description: impl Display) -> String {
    bearer(scopes, "invalid_token", description)
}

/// For a good token without any of the scopes that the route wants.
///
/// AWS: what a 403 carries is not documented; this is RFC 6750's form.
pub fn insufficient_scope(scopes: &[String]) -> String {
    bearer(scopes, "insufficient_scope", INSUFFICIENT_SCOPE)
}

/// What is wrong with a token that [`insufficient_scope`] answers.
pub const INSUFFICIENT_SCOPE: &str = "the token does not have a valid scope";

fn bearer(scopes: &[String], error: &str, description: impl Display) -> String {
    let scopes = scopes.join(" ");
    format!(r#"Bearer scope="{scopes}" error="{error}" error_description="{description}""#)
}
