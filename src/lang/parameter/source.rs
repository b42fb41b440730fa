//! Where a mapped parameter comes from.

use std::borrow::Cow;
use std::fmt;

use super::{check_name, shortened};
use crate::base::quotas::PARAMETER_VALUE_CHARACTERS;
use crate::lang::context_names::{self, Protocol, Reach};
use crate::lang::jsonpath::JsonPath;
use crate::lang::scope::Scope;
use crate::lang::syntax::SyntaxError;

const HEADER: &str = "route.request.header.";
const MULTI_HEADER: &str = "route.request.multivalueheader.";
const QUERY: &str = "route.request.querystring.";
const MULTI_QUERY: &str = "route.request.multivaluequerystring.";
const BODY: &str = "route.request.body";
const STAGE_VARIABLE: &str = "stageVariables.";
const CONTEXT: &str = "context.";

/// The value of a mapping. Names are kept as a [`Scope`] knows them, `context.connectionId` for instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterSource {
    /// `'text'`
    Literal(String),
    /// `context.NAME`
    Context(String),
    /// `stageVariables.NAME`
    StageVariable(String),
    /// `route.request.header.NAME`: the last value. `$connect` only.
    RouteHeader(String),
    /// `route.request.multivalueheader.NAME`: all values of `route.request.header.NAME`. `$connect` only.
    RouteMultiHeader(String),
    /// `route.request.querystring.NAME`: the last value. `$connect` only.
    RouteQuery(String),
    /// `route.request.multivaluequerystring.NAME`: all values of `route.request.querystring.NAME`. `$connect` only.
    RouteMultiQuery(String),
    /// `route.request.body` (the whole text) or `route.request.body.PATH`. Message routes only.
    RouteBody(JsonPath),
}

impl ParameterSource {
    /// Reads the value of a mapping.
    ///
    /// # Errors
    /// A value of no or more than 512 characters, one that is none of the forms above, and unknown context names.
    pub fn parse(value: &str) -> Result<Self, SyntaxError> {
        let length = value.chars().count();
        if length == 0 || length > PARAMETER_VALUE_CHARACTERS {
            let problem = format!("the value has {length} characters");
            return Err(SyntaxError::new(1, problem, "write 1 to 512 characters"));
        }
        if let Some(rest) = value.strip_prefix('\'') {
            return match rest.strip_suffix('\'') {
                Some(text) => Ok(Self::Literal(text.to_owned())),
                None => Err(SyntaxError::new(
                    1,
                    "this quote is never closed",
                    "end the text with a single quote",
                )),
            };
        }
        if let Some(suffix) = value.strip_prefix(BODY)
            && (suffix.is_empty() || suffix.starts_with(['.', '[']))
        {
            return JsonPath::parse_suffix(suffix, BODY.len() + 1).map(Self::RouteBody);
        }
        if let Some(name) = value.strip_prefix(CONTEXT) {
            return match context_names::check(name, Protocol::WebSocket, Reach::Everywhere) {
                Ok(()) => Ok(Self::Context(value.to_owned())),
                Err(refused) => Err(SyntaxError::new(
                    CONTEXT.len() + 1,
                    refused.problem,
                    refused.remedy,
                )),
            };
        }
        Self::named(value)
    }

    fn named(value: &str) -> Result<Self, SyntaxError> {
        type Form = (&'static str, &'static str, fn(String) -> ParameterSource);
        const FORMS: [Form; 5] = [
            (
                STAGE_VARIABLE,
                STAGE_VARIABLE,
                ParameterSource::StageVariable,
            ),
            (HEADER, HEADER, ParameterSource::RouteHeader),
            (MULTI_HEADER, HEADER, ParameterSource::RouteMultiHeader),
            (QUERY, QUERY, ParameterSource::RouteQuery),
            (MULTI_QUERY, QUERY, ParameterSource::RouteMultiQuery),
        ];
        for (prefix, scope_prefix, form) in FORMS {
            if let Some(name) = value.strip_prefix(prefix) {
                check_name(name, prefix.len() + 1)?;
                return Ok(form(format!("{scope_prefix}{name}")));
            }
        }
        let problem = format!("`{}` is not a source of a parameter", shortened(value));
        Err(SyntaxError::new(1, problem, suggestion(value)))
    }

    /// Whether the source exists on `$connect` only, because it reads the handshake.
    pub fn needs_handshake(&self) -> bool {
        matches!(
            self,
            Self::RouteHeader(_)
                | Self::RouteMultiHeader(_)
                | Self::RouteQuery(_)
                | Self::RouteMultiQuery(_)
        )
    }

    /// Whether the source exists on message routes only, because it reads the message.
    pub fn needs_message(&self) -> bool {
        matches!(self, Self::RouteBody(_))
    }

    /// The values for one event, none when the source is not set; several only for the `multivalue` forms.
    pub fn resolve<'a>(&'a self, scope: &'a dyn Scope) -> Vec<Cow<'a, str>> {
        let one = match self {
            Self::Literal(text) => Some(Cow::Borrowed(text.as_str())),
            Self::Context(name)
            | Self::StageVariable(name)
            | Self::RouteHeader(name)
            | Self::RouteQuery(name) => scope.value(name),
            Self::RouteMultiHeader(name) | Self::RouteMultiQuery(name) => {
                return scope.values(name);
            }
            Self::RouteBody(path) if path.is_root() => scope.value(BODY),
            Self::RouteBody(path) => scope
                .body()
                .and_then(|root| path.find(root))
                .and_then(|found| found.text()),
        };
        one.into_iter().collect()
    }
}

/// What was probably meant.
fn suggestion(value: &str) -> String {
    let bare = value.trim_start_matches('$');
    let bare = match bare
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some(inner) => inner,
        None => bare,
    };
    for foreign in ["method.request.", "request.", "route.request."] {
        if let Some(rest) = bare.strip_prefix(foreign)
            && !rest.is_empty()
            && (foreign != "route.request." || bare.len() < value.len())
        {
            return format!("write route.request.{}", shortened(rest));
        }
    }
    if bare.len() < value.len() && (bare.starts_with(CONTEXT) || bare.starts_with(STAGE_VARIABLE)) {
        return format!("write {} without dollar sign and braces", shortened(bare));
    }
    "write route.request.querystring.NAME, route.request.header.NAME, route.request.body.PATH, context.NAME, \
     stageVariables.NAME, or literal text in single quotes, 'text'"
        .to_owned()
}

impl fmt::Display for ParameterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let renamed = |name: &str, from: &str, to: &str| match name.strip_prefix(from) {
            Some(rest) => format!("{to}{rest}"),
            None => name.to_owned(),
        };
        match self {
            Self::Literal(text) => write!(f, "'{text}'"),
            Self::Context(name)
            | Self::StageVariable(name)
            | Self::RouteHeader(name)
            | Self::RouteQuery(name) => f.write_str(name),
            Self::RouteMultiHeader(name) => f.write_str(&renamed(name, HEADER, MULTI_HEADER)),
            Self::RouteMultiQuery(name) => f.write_str(&renamed(name, QUERY, MULTI_QUERY)),
            Self::RouteBody(path) => write!(f, "{BODY}{}", path.suffix()),
        }
    }
}
