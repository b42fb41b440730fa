//! Integration URIs: absolute `http(s)` URLs and ARNs, with `${stageVariables.NAME}` and, in URLs, `{NAME}` of path parameters.
//!
//! A value can fill the place it stands in and nothing else: in a host only characters of a host, in a port only digits, in
//! a path or query everything else is percent-encoded. So the scheme never changes, and no path or query variable changes
//! the host. What an ARN means is not decided here.
//!
//! Source: API Gateway Developer Guide, "Amazon API Gateway stage variables reference"; syntax of URLs: RFC 3986.

mod parse;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;
use url::Url;

use crate::lang::scope::Scope;
use crate::lang::syntax::SyntaxError;

/// Longest result, in bytes (ours): the request line and headers that Amazon allows.
pub const RENDERED_BYTES: usize = 10 * 1024;
/// Room for most of them, in bytes.
const USUAL_BYTES: usize = 128;

/// A parsed `integrationUri`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriTemplate {
    kind: UriKind,
    parts: Vec<Part>,
}

/// What an integration URI is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriKind {
    /// An absolute URL of scheme `http` or `https`.
    Http,
    /// An ARN.
    Arn,
}

/// A variable of an integration URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UriVariable {
    /// `${stageVariables.NAME}`: the name with `stageVariables.`, as a [`Scope`] knows it.
    Stage(String),
    /// `{NAME}`: filled by a mapping to `integration.request.path.NAME`.
    Path(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(UriVariable, Place),
}

/// Where in the URI something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Host,
    Port,
    Path,
    Query,
    Arn,
}

/// Why no URI came of a template for one event. Values are not told: they may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RenderError {
    /// A variable is not set.
    #[error("{0} of the integration URI is not set")]
    Missing(String),
    /// A value has characters that its place in the URI does not take.
    #[error("the value of {0} does not fit its place in the integration URI")]
    Misfit(String),
    /// The host and port that came out are not valid.
    #[error("the stage variables give no valid host and port for the integration URI")]
    Authority,
    /// A value would climb in the path with `.` or `..`.
    #[error("a value would change the path of the integration URI with a dot segment")]
    DotSegment,
    /// The result exceeds [`RENDERED_BYTES`].
    #[error("the integration URI becomes longer than {RENDERED_BYTES} bytes")]
    TooLong,
}

/// Kept as they are: the unreserved characters of RFC 3986.
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What a greedy variable stands for has several segments.
const PARAMETERS: &AsciiSet = &PARAMETER.remove(b'/');
/// A stage variable may span several path segments; it is configuration, not a client's text.
const STAGE_PATH: &AsciiSet = &PARAMETER
    .remove(b'/')
    .remove(b':')
    .remove(b',')
    .remove(b'=')
    .remove(b'&');

impl UriTemplate {
    /// Reads an integration URI of at most 2048 characters.
    ///
    /// # Errors
    /// Anything but an absolute `http(s)` URL without user name and fragment, or an ARN; variables in a place that they
    /// cannot fill.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse::parse(text)
    }

    /// URL or ARN.
    pub fn kind(&self) -> UriKind {
        self.kind
    }

    /// The variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &UriVariable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable, _) => Some(variable),
            Part::Literal(_) => None,
        })
    }

    /// What stands in front of the path, when no variable decides about it and something follows.
    pub fn fixed_origin(&self) -> Option<&str> {
        let Some(Part::Literal(text)) = self.parts.first() else {
            return None;
        };
        let (scheme, rest) = text.split_once("://")?;
        let length = rest.find(['/', '?'])?;
        text.get(..scheme.len() + "://".len() + length)
    }

    /// The URI for one event; `path_parameters` fill the `{NAME}`s.
    ///
    /// # Errors
    /// [`RenderError`], each a fault of the configuration but for [`RenderError::DotSegment`] and
    /// [`RenderError::TooLong`], which a client's value can cause.
    pub fn render<'a>(
        &'a self,
        scope: &dyn Scope,
        path_parameters: &BTreeMap<String, String>,
    ) -> Result<Cow<'a, str>, RenderError> {
        let parameter = |name: &str| Some((path_parameters.get(name)?.as_str(), false));
        self.render_with(scope, &parameter)
    }

    /// The URI for one event; `parameter` gives what fills a `{NAME}`, and whether slashes in it stay slashes.
    ///
    /// # Errors
    /// As [`UriTemplate::render`].
    pub fn render_with<'a, 'v>(
        &'a self,
        scope: &dyn Scope,
        parameter: &dyn Fn(&str) -> Option<(&'v str, bool)>,
    ) -> Result<Cow<'a, str>, RenderError> {
        if let [Part::Literal(text)] = self.parts.as_slice() {
            return Ok(Cow::Borrowed(text));
        }
        let mut uri = String::with_capacity(USUAL_BYTES);
        for part in &self.parts {
            match part {
                Part::Literal(text) => uri.push_str(text),
                Part::Variable(variable, place) => {
                    let missing = || RenderError::Missing(variable.to_string());
                    let (value, slashes) = match variable {
                        UriVariable::Stage(name) => (scope.value(name).ok_or_else(missing)?, false),
                        UriVariable::Path(name) => {
                            let (value, slashes) = parameter(name).ok_or_else(missing)?;
                            (Cow::Borrowed(value), slashes)
                        }
                    };
                    fill(variable, *place, slashes, &value, &mut uri)?;
                }
            }
            if uri.len() > RENDERED_BYTES {
                return Err(RenderError::TooLong);
            }
        }
        self.check_result(&uri)?;
        Ok(Cow::Owned(uri))
    }

    fn check_result(&self, uri: &str) -> Result<(), RenderError> {
        let has = |wanted: fn(&Place) -> bool| {
            self.parts
                .iter()
                .any(|part| matches!(part, Part::Variable(_, place) if wanted(place)))
        };
        if has(|place| *place == Place::Path) && has_dot_segment(uri) {
            return Err(RenderError::DotSegment);
        }
        if has(|place| matches!(place, Place::Host | Place::Port)) && Url::parse(uri).is_err() {
            return Err(RenderError::Authority);
        }
        Ok(())
    }
}

/// Adds a value in the form of its place.
fn fill(
    variable: &UriVariable,
    place: Place,
    slashes: bool,
    value: &str,
    uri: &mut String,
) -> Result<(), RenderError> {
    // Encoding at most triples a value; one that is too long anyway is not encoded first.
    if value.len() > RENDERED_BYTES {
        return Err(RenderError::TooLong);
    }
    let keep = match (place, variable) {
        (Place::Path, UriVariable::Stage(_)) => STAGE_PATH,
        (Place::Path, UriVariable::Path(_)) if slashes => PARAMETERS,
        (Place::Path | Place::Query, _) => PARAMETER,
        (Place::Host | Place::Port | Place::Arn, _) => {
            let fits = !value.is_empty() && value.bytes().all(|byte| fits(place, byte));
            if !fits {
                return Err(RenderError::Misfit(variable.to_string()));
            }
            uri.push_str(value);
            return Ok(());
        }
    };
    // Most values are plain, and are taken as a whole.
    let slash = slashes && place == Place::Path;
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (slash && byte == b'/')
    };
    match value.bytes().all(plain) {
        true => uri.push_str(value),
        false => uri.extend(utf8_percent_encode(value, keep)),
    }
    Ok(())
}

fn fits(place: Place, byte: u8) -> bool {
    match place {
        Place::Host => byte.is_ascii_alphanumeric() || b".:-".contains(&byte),
        Place::Port => byte.is_ascii_digit(),
        Place::Arn => byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte),
        Place::Path | Place::Query => false,
    }
}

/// Whether the path of an absolute URL has a segment `.` or `..`, also percent-encoded, which clients resolve alike.
fn has_dot_segment(uri: &str) -> bool {
    let find = |text: &str, wanted: u8| memchr::memchr(wanted, text.as_bytes());
    let scheme = find(uri, b':').unwrap_or(uri.len());
    let after_scheme = uri.get(scheme..).unwrap_or_default();
    let authority_on = after_scheme.strip_prefix("://").unwrap_or_default();
    let path_at = find(authority_on, b'/').unwrap_or(authority_on.len());
    let path_on = authority_on.get(path_at..).unwrap_or_default();
    // Most paths have no dot at all.
    if !path_on.bytes().any(|byte| matches!(byte, b'.' | b'%')) {
        return false;
    }
    let path = path_on.split('?').next().unwrap_or_default();
    // A query may stand where a path is left out.
    let in_query = authority_on
        .get(..path_at)
        .is_some_and(|authority| authority.contains('?'));
    !in_query && path.split('/').any(is_dot_segment)
}

/// `.` and `..`, each dot as itself or percent-encoded.
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    let forms = [".", "%2e", "%2E"];
    while let Some(behind) = forms.iter().find_map(|form| rest.strip_prefix(form)) {
        rest = behind;
        dots += 1;
    }
    rest.is_empty() && matches!(dots, 1 | 2)
}

impl fmt::Display for UriVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(name) => write!(f, "${{{name}}}"),
            Self::Path(name) => write!(f, "{{{name}}}"),
        }
    }
}

impl fmt::Display for UriTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Variable(variable, _) => write!(f, "{variable}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
