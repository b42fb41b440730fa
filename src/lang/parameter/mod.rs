//! Request parameter mappings of an integration, and the parameters that a route declares.
//!
//! A mapping is `integration.request.{header|querystring|path}.NAME` from a source such as `context.connectionId`. Applying
//! the values to a request is done elsewhere; here they are found, and it is said which are fit for a header.
//!
//! Source: API Gateway Developer Guide, "Setting up data mapping for WebSocket APIs".

mod source;
mod target;

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use crate::lang::scope::Scope;
use crate::lang::syntax::{SyntaxError, is_parameter_name};

pub use source::ParameterSource;
pub use target::ParameterTarget;

/// One entry of `requestParameters` of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterMapping {
    target: ParameterTarget,
    source: ParameterSource,
}

/// Which half of a mapping is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MappingError {
    /// The key.
    #[error("{0}")]
    Target(SyntaxError),
    /// The value.
    #[error("{0}")]
    Source(SyntaxError),
}

impl ParameterMapping {
    /// Reads the key and the value of an entry.
    ///
    /// # Errors
    /// A key that is no target, a value that is no source, and literal text that cannot stand in a header.
    pub fn parse(key: &str, value: &str) -> Result<Self, MappingError> {
        let target = ParameterTarget::parse(key).map_err(MappingError::Target)?;
        let source = ParameterSource::parse(value).map_err(MappingError::Source)?;
        if let (ParameterTarget::Header(_), ParameterSource::Literal(text)) = (&target, &source)
            && !header_safe(text)
        {
            let problem = "a header cannot hold control characters";
            return Err(MappingError::Source(SyntaxError::new(
                1,
                problem,
                "remove them",
            )));
        }
        Ok(Self { target, source })
    }

    /// Where the value goes.
    pub fn target(&self) -> &ParameterTarget {
        &self.target
    }

    /// Where the value comes from.
    pub fn source(&self) -> &ParameterSource {
        &self.source
    }

    /// The values to write for one event: none when the source is not set (the parameter is then left out), several only
    /// for query parameters; several values of a header are joined with `,`.
    pub fn resolve<'a>(&'a self, scope: &'a dyn Scope) -> Vec<Cow<'a, str>> {
        let values = self.source.resolve(scope);
        match self.target {
            ParameterTarget::Query(_) => values,
            _ if values.len() < 2 => values,
            _ => vec![Cow::Owned(values.join(","))],
        }
    }
}

/// A parameter that a route declares: the key of an entry of its `requestParameters`. Whether it is required is the
/// entry's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredParameter {
    place: ParameterPlace,
    name: String,
    scope_name: String,
}

/// Where a route's declared parameter is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterPlace {
    /// `route.request.header.NAME`
    Header,
    /// `route.request.querystring.NAME`
    Query,
}

impl RequiredParameter {
    /// Reads `route.request.querystring.NAME` or `route.request.header.NAME`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(key: &str) -> Result<Self, SyntaxError> {
        let places = [
            ("route.request.header.", ParameterPlace::Header),
            ("route.request.querystring.", ParameterPlace::Query),
        ];
        for (prefix, place) in places {
            if let Some(name) = key.strip_prefix(prefix) {
                check_name(name, prefix.len() + 1)?;
                return Ok(Self {
                    place,
                    name: name.to_owned(),
                    scope_name: key.to_owned(),
                });
            }
        }
        Err(SyntaxError::new(
            1,
            "this is not a request parameter of a route",
            match key.strip_prefix("method.request.") {
                Some(rest) => format!("write route.request.{}", shortened(rest)),
                None => {
                    "write route.request.querystring.NAME or route.request.header.NAME".to_owned()
                }
            },
        ))
    }

    /// Where it is looked for.
    pub fn place(&self) -> ParameterPlace {
        self.place
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the handshake has it; an empty value counts as present.
    pub fn is_present(&self, scope: &dyn Scope) -> bool {
        scope.value(&self.scope_name).is_some()
    }
}

impl fmt::Display for RequiredParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scope_name)
    }
}

/// Whether text may be sent as a header value: no control character but the tab (RFC 9110, section 5.5).
pub fn header_safe(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

fn check_name(name: &str, position: usize) -> Result<(), SyntaxError> {
    if is_parameter_name(name) {
        return Ok(());
    }
    Err(SyntaxError::new(
        position,
        "this is not a parameter name",
        "write letters, digits and . _ $ - only",
    ))
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
