//! Where a mapped parameter goes.

use std::fmt;

use super::{check_name, shortened};
use crate::lang::syntax::SyntaxError;

/// A part of the request toward the backend, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterTarget {
    /// `integration.request.header.NAME`
    Header(String),
    /// `integration.request.querystring.NAME`
    Query(String),
    /// `integration.request.path.NAME`: fills `{NAME}` of the integration URI.
    Path(String),
}

/// Headers that a mapping may not set, in lower case: those that frame the message or belong to one connection (RFC 9110,
/// section 7.6.1; RFC 9112, section 6), and those that the gateway writes itself.
///
/// AWS: "Amazon API Gateway important notes" and "Transform API requests and responses for HTTP APIs". `Authorization`, and
/// `X-Amz-Invocation-Type` for instance, stay open: WebSocket APIs map them as REST APIs do.
const RESERVED_HEADERS: [&str; 22] = [
    "connection",
    "content-length",
    "content-md5",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

/// Prefixes of reserved headers, in lower case.
const RESERVED_PREFIXES: [&str; 3] = ["apigw-", "x-amzn-", "x-forwarded-"];

impl ParameterTarget {
    /// Reads `integration.request.{header|querystring|path}.NAME`.
    ///
    /// # Errors
    /// Any other text, and headers that a mapping may not set.
    pub fn parse(key: &str) -> Result<Self, SyntaxError> {
        const REMEDY: &str = "write integration.request.header.NAME, integration.request.querystring.NAME or integration.request.path.NAME";
        let Some(rest) = key.strip_prefix("integration.request.") else {
            let problem = format!(
                "`{}` is not a request parameter of an integration",
                shortened(key)
            );
            return Err(SyntaxError::new(1, problem, REMEDY));
        };
        let place_at = "integration.request.".len() + 1;
        let Some((place, name)) = rest.split_once('.') else {
            return Err(SyntaxError::new(place_at, "the name is missing", REMEDY));
        };
        // What comes before the name is ASCII in every accepted key, so bytes are characters.
        let name_at = place_at + place.len() + 1;
        let target = match place {
            "header" => Self::Header(name.to_owned()),
            "querystring" => Self::Query(name.to_owned()),
            "path" => Self::Path(name.to_owned()),
            other => {
                let problem = format!("`{}` is not a part of a request", shortened(other));
                return Err(SyntaxError::new(place_at, problem, REMEDY));
            }
        };
        check_name(name, name_at)?;
        if place == "header" && is_reserved(name) {
            let problem = format!(
                "the header {} is written by the gateway itself",
                shortened(name)
            );
            return Err(SyntaxError::new(name_at, problem, "map to another header"));
        }
        Ok(target)
    }

    /// The name in the request toward the backend.
    pub fn name(&self) -> &str {
        match self {
            Self::Header(name) | Self::Query(name) | Self::Path(name) => name,
        }
    }
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED_HEADERS.contains(&name.as_str())
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

impl fmt::Display for ParameterTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Header(_) => "header",
            Self::Query(_) => "querystring",
            Self::Path(_) => "path",
        };
        write!(f, "integration.request.{place}.{}", self.name())
    }
}
