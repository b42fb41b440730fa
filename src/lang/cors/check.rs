//! From `corsConfiguration` as it is written to a policy, with everything that is wrong.

use std::fmt;

use http::{HeaderName, HeaderValue};

use super::{CorsPolicy, Origins};
use crate::lang::http_route::METHODS;

/// Most entries of one list (ours).
pub const LIST_ENTRIES: usize = 100;
/// Longest list in a header, in bytes (ours): the whole head of an answer stays within what clients read.
const LIST_BYTES: usize = 8 * 1024;
/// Shortest and longest time that a preflight is kept, in seconds; -1 asks browsers not to keep it.
const MAX_AGE: std::ops::RangeInclusive<i64> = -1..=86_400;

/// `corsConfiguration` as it is written; a list that is not written is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsConfiguration {
    /// `allowOrigins`: origins, `*`, `https://*`, `http://*`.
    pub allow_origins: Vec<String>,
    /// `allowMethods`: methods, or `*`.
    pub allow_methods: Vec<String>,
    /// `allowHeaders`: names, or `*`.
    pub allow_headers: Vec<String>,
    /// `exposeHeaders`: names, or `*`.
    pub expose_headers: Vec<String>,
    /// `maxAge`, in seconds.
    pub max_age: Option<i64>,
    /// `allowCredentials`
    pub allow_credentials: bool,
}

/// A setting of `corsConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorsField {
    /// `allowOrigins`
    AllowOrigins,
    /// `allowMethods`
    AllowMethods,
    /// `allowHeaders`
    AllowHeaders,
    /// `exposeHeaders`
    ExposeHeaders,
    /// `maxAge`
    MaxAge,
    /// `allowCredentials`
    AllowCredentials,
}

/// A setting that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsProblem {
    /// Which one.
    pub field: CorsField,
    /// Which entry of it, from 0, when it is a list and one entry is to blame.
    pub entry: Option<usize>,
    /// What is wrong, lower case, without a full stop.
    pub problem: String,
    /// How to fix it, lower case, without a full stop.
    pub remedy: String,
}

/// Every origin of a scheme.
const SCHEMES: [(&str, &str); 2] = [("https://*", "https://"), ("http://*", "http://")];

pub(super) fn check(configuration: &CorsConfiguration) -> Result<CorsPolicy, Vec<CorsProblem>> {
    let mut problems = Vec::new();
    let origins = read_origins(configuration, &mut problems);
    check_methods(&configuration.allow_methods, &mut problems);
    let headers = &configuration.allow_headers;
    check_names(CorsField::AllowHeaders, headers, &mut problems);
    let exposed = &configuration.expose_headers;
    check_names(CorsField::ExposeHeaders, exposed, &mut problems);
    let max_age = configuration
        .max_age
        .filter(|seconds| MAX_AGE.contains(seconds));
    if max_age != configuration.max_age {
        let problem = "browsers do not keep a preflight that long".to_owned();
        let remedy = "write a number of seconds from -1 to 86400".to_owned();
        problems.push(CorsProblem::of(CorsField::MaxAge, problem, remedy));
    }
    let policy = CorsPolicy {
        origins,
        methods: configuration.allow_methods.clone(),
        allow_methods: list(
            CorsField::AllowMethods,
            &configuration.allow_methods,
            &mut problems,
        ),
        allow_headers: list(CorsField::AllowHeaders, headers, &mut problems),
        expose_headers: list(CorsField::ExposeHeaders, exposed, &mut problems),
        max_age: max_age.map(HeaderValue::from),
        credentials: configuration.allow_credentials,
    };
    match problems.is_empty() {
        true => Ok(policy),
        false => Err(problems),
    }
}

fn read_origins(configuration: &CorsConfiguration, problems: &mut Vec<CorsProblem>) -> Origins {
    let (mut exact, mut schemes, mut any) = (Vec::new(), Vec::new(), false);
    for (entry, text) in configuration.allow_origins.iter().enumerate() {
        if text == "*" {
            any = true;
        } else if let Some((_, scheme)) = SCHEMES.iter().find(|(written, _)| written == text) {
            schemes.push(*scheme);
        } else {
            match read_origin(text) {
                Ok(origin) => exact.push(origin),
                Err((problem, remedy)) => {
                    problems.push(CorsProblem::at(
                        CorsField::AllowOrigins,
                        entry,
                        problem,
                        remedy,
                    ));
                }
            }
        }
    }
    if any && configuration.allow_credentials {
        let problem = "allow-credentials is not supported if 'allow-origin' is *".to_owned();
        let remedy = "name the origins, or leave allowCredentials out".to_owned();
        problems.push(CorsProblem::of(
            CorsField::AllowCredentials,
            problem,
            remedy,
        ));
    }
    if configuration.allow_origins.is_empty() {
        let problem = "there is no origin that may call the API".to_owned();
        let remedy = "write one such as https://app.example.com, or *".to_owned();
        problems.push(CorsProblem::of(CorsField::AllowOrigins, problem, remedy));
    }
    match any {
        true => Origins::Any,
        false => Origins::These { exact, schemes },
    }
}

/// An origin in the form in which browsers send it (RFC 6454, section 6.2): scheme and host in lower case, no default port.
fn read_origin(text: &str) -> Result<String, (String, String)> {
    let wrong = |problem: &str, remedy: &str| Err((problem.to_owned(), remedy.to_owned()));
    if text.contains('*') {
        return wrong(
            "a wildcard stands for all origins, or for all of a scheme",
            "write *, https://*, http://*, or each origin on its own",
        );
    }
    if text == "null" {
        return wrong(
            "null is the origin of every sandboxed page",
            "write the origins of pages that you know",
        );
    }
    const REMEDY: &str = "write a scheme and a host such as https://app.example.com";
    let Some((scheme, authority)) = text.split_once("://") else {
        return wrong("an origin has a scheme", REMEDY);
    };
    let is_scheme =
        |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        || !scheme.chars().all(is_scheme)
    {
        return wrong("this is not the scheme of an origin", REMEDY);
    }
    if authority.contains(['/', '?', '#', '@']) {
        return wrong(
            "an origin has no user name, no path and no query",
            "remove what is not scheme, host and port, the slash at the end too",
        );
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_host =
        |character: char| character.is_ascii_alphanumeric() || "-._[]:".contains(character);
    let is_address = host.starts_with('[') && host.ends_with(']');
    if host.is_empty()
        || !host.chars().all(is_host)
        || (host.contains([':', '[', ']']) && !is_address)
    {
        return wrong("this is not the host of an origin", REMEDY);
    }
    match port.map(str::parse::<u16>) {
        Some(Err(_)) => return wrong("this is not the port of an origin", REMEDY),
        Some(Ok(port)) if matches!((scheme, port), ("https", 443) | ("http", 80)) => {
            return wrong("browsers leave the default port out", "leave it out");
        }
        _ => {}
    }
    Ok(text.to_ascii_lowercase())
}

fn check_methods(methods: &[String], problems: &mut Vec<CorsProblem>) {
    for (entry, text) in methods.iter().enumerate() {
        let known = |name: &str| METHODS.iter().any(|method| method.as_str() == name);
        if text == "*" || known(text) {
            continue;
        }
        let upper = text.to_ascii_uppercase();
        let remedy = match upper.as_str() {
            "ANY" => "write *".to_owned(),
            upper if known(upper) => format!("write {upper}"),
            _ => "write GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, or *".to_owned(),
        };
        let shown: String = text.chars().take(32).collect();
        let problem = format!("Method {shown} is not supported");
        problems.push(CorsProblem::at(
            CorsField::AllowMethods,
            entry,
            problem,
            remedy,
        ));
    }
}

fn check_names(field: CorsField, names: &[String], problems: &mut Vec<CorsProblem>) {
    for (entry, text) in names.iter().enumerate() {
        if text == "*" || (HeaderName::try_from(text).is_ok() && !text.contains('*')) {
            continue;
        }
        let problem = "this is not the name of a header".to_owned();
        let remedy = "write a name such as content-type, or *".to_owned();
        problems.push(CorsProblem::at(field, entry, problem, remedy));
    }
}

/// A list as the value of a header; `None` when it is empty.
fn list(
    field: CorsField,
    entries: &[String],
    problems: &mut Vec<CorsProblem>,
) -> Option<HeaderValue> {
    if entries.is_empty() {
        return None;
    }
    let joined = entries.join(",");
    if entries.len() > LIST_ENTRIES || joined.len() > LIST_BYTES {
        let problem = format!(
            "the list has {} entries and {} bytes",
            entries.len(),
            joined.len()
        );
        let remedy = format!("write at most {LIST_ENTRIES} entries with {LIST_BYTES} bytes");
        problems.push(CorsProblem::of(field, problem, remedy));
    }
    // What is not a value has been refused as a name before.
    HeaderValue::try_from(joined).ok()
}

impl CorsProblem {
    fn of(field: CorsField, problem: String, remedy: String) -> Self {
        Self {
            field,
            entry: None,
            problem,
            remedy,
        }
    }

    fn at(field: CorsField, entry: usize, problem: String, remedy: String) -> Self {
        Self {
            entry: Some(entry),
            ..Self::of(field, problem, remedy)
        }
    }
}

impl fmt::Display for CorsField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllowOrigins => "allowOrigins",
            Self::AllowMethods => "allowMethods",
            Self::AllowHeaders => "allowHeaders",
            Self::ExposeHeaders => "exposeHeaders",
            Self::MaxAge => "maxAge",
            Self::AllowCredentials => "allowCredentials",
        })
    }
}
