//! What a mapping changes.

use std::fmt;

use http::HeaderName;

use crate::lang::syntax::{SyntaxError, nearest};

/// What a mapping does, in the order in which several are done to the same part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `remove`
    Remove,
    /// `overwrite`: replaces every value, or creates one.
    Overwrite,
    /// `append`: adds a value to those that are there.
    Append,
}

/// A part of the request toward the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestTarget {
    /// `header.NAME`
    Header(HeaderName),
    /// `querystring.NAME`
    Query(String),
    /// `path`, which can only be overwritten.
    Path,
}

/// A part of the answer to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseTarget {
    /// `header.NAME`
    Header(HeaderName),
    /// `statuscode`, which can only be overwritten.
    Status,
}

/// Headers that no mapping may touch.
///
/// AWS: "Transform API requests and responses for HTTP APIs". The last three are ours: they frame a message or belong to one
/// connection like the others (RFC 9110, section 7.6.1).
const RESERVED: [&str; 21] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "trailer",
    "proxy-connection",
    "http2-settings",
];

/// Prefixes of such headers.
const RESERVED_PREFIXES: [&str; 4] = ["access-control-", "apigw-", "x-amz-", "x-amzn-"];

/// Longest name of a query parameter, in bytes (ours).
const QUERY_NAME_BYTES: usize = 256;

impl RequestTarget {
    /// Reads the key of an entry of `requestParameters`.
    ///
    /// # Errors
    /// Any other text, and headers that no mapping may touch.
    pub fn parse(key: &str) -> Result<(Action, Self), SyntaxError> {
        const PARTS: [&str; 3] = ["header.", "querystring.", "path"];
        let (action, part, position) = action(key)?;
        let target = if let Some(name) = part.strip_prefix("header.") {
            Self::Header(header(name, position + "header.".len())?)
        } else if let Some(name) = part.strip_prefix("querystring.") {
            Self::Query(query_name(name, position + "querystring.".len())?)
        } else if part == "path" {
            only_overwrite(action, part, position)?;
            Self::Path
        } else {
            let remedy = "write header.NAME, querystring.NAME or path behind the colon";
            return Err(unknown(part, position, "a request", &PARTS, remedy));
        };
        Ok((action, target))
    }
}

impl ResponseTarget {
    /// Reads the key of an entry of `responseParameters`.
    ///
    /// # Errors
    /// As [`RequestTarget::parse`].
    pub fn parse(key: &str) -> Result<(Action, Self), SyntaxError> {
        const PARTS: [&str; 2] = ["header.", "statuscode"];
        let (action, part, position) = action(key)?;
        let target = if let Some(name) = part.strip_prefix("header.") {
            Self::Header(header(name, position + "header.".len())?)
        } else if part == "statuscode" {
            only_overwrite(action, part, position)?;
            Self::Status
        } else {
            let remedy = "write header.NAME or statuscode behind the colon";
            return Err(unknown(part, position, "a response", &PARTS, remedy));
        };
        Ok((action, target))
    }
}

/// The action, the part it is done to, and the position of that.
fn action(key: &str) -> Result<(Action, &str, usize), SyntaxError> {
    const ACTIONS: [(&str, Action); 3] = [
        ("append", Action::Append),
        ("overwrite", Action::Overwrite),
        ("remove", Action::Remove),
    ];
    const REMEDY: &str =
        "write append:, overwrite: or remove: and what is changed, such as append:header.NAME";
    let Some((word, part)) = key.split_once(':') else {
        let problem = format!("`{}` does not say what to do", shortened(key));
        return Err(SyntaxError::new(1, problem, REMEDY));
    };
    match ACTIONS.iter().find(|(known, _)| *known == word) {
        Some((_, action)) => Ok((*action, part, word.len() + 2)),
        None => {
            let problem = format!("`{}` is not something that a mapping does", shortened(word));
            let remedy = match nearest(word, ACTIONS.map(|(known, _)| known)) {
                Some(near) => format!("write {near}:"),
                None => REMEDY.to_owned(),
            };
            Err(SyntaxError::new(1, problem, remedy))
        }
    }
}

fn only_overwrite(action: Action, part: &str, position: usize) -> Result<(), SyntaxError> {
    if action == Action::Overwrite {
        return Ok(());
    }
    let problem = format!("the {part} can only be overwritten");
    let remedy = format!("write overwrite:{part}");
    Err(SyntaxError::new(position, problem, remedy))
}

fn header(name: &str, position: usize) -> Result<HeaderName, SyntaxError> {
    let Ok(header) = HeaderName::try_from(name) else {
        let problem = "this is not the name of a header";
        return Err(SyntaxError::new(
            position,
            problem,
            "write a name such as x-tenant",
        ));
    };
    let known = header.as_str();
    if is_reserved(known) {
        let problem = format!("no mapping may touch the header {}", shortened(known));
        return Err(SyntaxError::new(position, problem, "map to another header"));
    }
    Ok(header)
}

/// Whether a header, in lower case, is one that no mapping may touch.
pub fn is_reserved(header: &str) -> bool {
    let mut prefixes = RESERVED_PREFIXES.iter();
    RESERVED.contains(&header) || prefixes.any(|prefix| header.starts_with(prefix))
}

fn query_name(name: &str, position: usize) -> Result<String, SyntaxError> {
    if name.is_empty() || name.len() > QUERY_NAME_BYTES || name.chars().any(char::is_control) {
        let problem = "this is not the name of a query parameter";
        let remedy = format!("write 1 to {QUERY_NAME_BYTES} bytes without control characters");
        return Err(SyntaxError::new(position, problem, remedy));
    }
    Ok(name.to_owned())
}

fn unknown(
    part: &str,
    position: usize,
    whole: &str,
    parts: &[&'static str],
    remedy: &str,
) -> SyntaxError {
    let problem = format!("`{}` is not a part of {whole}", shortened(part));
    let root_end = part.find('.').map_or(part.len(), |at| at + 1);
    let remedy = match nearest(part.get(..root_end).unwrap_or(part), parts.iter().copied()) {
        Some(near) if near.ends_with('.') => format!("write {near}NAME"),
        Some(near) => format!("write {near}"),
        None => remedy.to_owned(),
    };
    SyntaxError::new(position, problem, remedy)
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remove => "remove",
            Self::Overwrite => "overwrite",
            Self::Append => "append",
        })
    }
}

impl fmt::Display for RequestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Query(name) => write!(f, "querystring.{name}"),
            Self::Path => f.write_str("path"),
        }
    }
}

impl fmt::Display for ResponseTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Status => f.write_str("statuscode"),
        }
    }
}
