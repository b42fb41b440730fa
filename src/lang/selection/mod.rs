//! Selection expressions: `$request.body.action`, `${request.body.service}/${request.body.action}`, `\$default`.
//!
//! One grammar serves route selection, route responses, models, templates and API keys; which variables a place allows is
//! the compiler's decision, by [`SelectionExpression::variables`]. Matching the result against keys is not done here.
//!
//! Source: API Gateway Developer Guide, "WebSocket selection expressions".

mod parse;

use std::borrow::Cow;
use std::fmt;

use crate::lang::jsonpath::{self, JsonPath, NotJson};
use crate::lang::scope::Scope;
use crate::lang::syntax::SyntaxError;

/// Longest expression, in bytes (ours; Amazon states none).
pub const EXPRESSION_BYTES: usize = 1024;
/// Most variables in one expression (ours).
pub const VARIABLES: usize = 16;
/// Most variables in one expression whose path is a [query](JsonPath::is_query) (ours).
pub const QUERIES: usize = 2;

/// Text with variables, evaluated in a single pass: what a variable gives is never read again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SelectionExpression {
    /// Never two literals in a row, never an empty one.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(Variable),
}

/// A variable of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    root: Root,
    /// As written, without `$` and braces.
    written: String,
    /// Under which the scope knows it; for bodies the name of the whole body.
    name: String,
    /// The path into a body, `$` for the whole of it; for other roots always `$`.
    path: JsonPath,
}

/// Where a variable takes its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `request.body`, `request.body.PATH`
    RequestBody,
    /// `request.header.NAME`
    RequestHeader,
    /// `request.querystring.NAME`
    RequestQuery,
    /// `context.NAME`
    Context,
    /// `stageVariables.NAME`
    StageVariable,
    /// `integration.response.statuscode`, also spelled `response.statuscode`
    ResponseStatus,
    /// `integration.response.header.NAME`
    ResponseHeader,
    /// `integration.response.multivalueheader.NAME`
    ResponseMultiHeader,
    /// `integration.response.body.PATH`
    ResponseBody,
}

/// What a route selection expression makes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKeyChoice<'a> {
    /// The message is not JSON: only `$default` can take it.
    NotJson,
    /// The key to look up. A client can choose any text, `$connect` included: only custom routes may be looked up by it.
    Key(Cow<'a, str>),
}

impl SelectionExpression {
    /// Reads an expression. A lone unescaped `$default` is taken as `\$default`, as Amazon's own samples write it.
    ///
    /// # Errors
    /// Text outside the grammar, unknown variables, and expressions over [`EXPRESSION_BYTES`], [`VARIABLES`] or
    /// [`QUERIES`].
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse::parse(text).map(|parts| Self { parts })
    }

    /// The variables, in order, so that a place can refuse those it does not have.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable),
            Part::Literal(_) => None,
        })
    }

    /// The result when it does not depend on any variable.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The result for one event; what is missing is empty. Values become text by the rules of [`jsonpath::stringify`].
    pub fn evaluate<'a>(&'a self, scope: &'a dyn Scope) -> Cow<'a, str> {
        self.join(|variable| variable.value(scope))
    }

    /// The key that a route selection expression gives for a message. Variables other than `request.body` are empty: the
    /// compiler refuses them in this place.
    ///
    /// With one variable of names and indexes the message is checked as JSON in one pass and never built.
    pub fn route_key<'a>(&'a self, message: &'a str) -> RouteKeyChoice<'a> {
        match self.key_of(message) {
            Ok(key) => RouteKeyChoice::Key(key),
            Err(NotJson) => RouteKeyChoice::NotJson,
        }
    }

    fn key_of<'a>(&'a self, message: &'a str) -> Result<Cow<'a, str>, NotJson> {
        let mut paths = self.variables().filter(|v| v.reads_inside_message());
        match (paths.next(), paths.next()) {
            (None, _) => {
                jsonpath::validate(message)?;
                Ok(self.join(|variable| variable.of_message(message, |_| None)))
            }
            (Some(only), None) => {
                let mut picked = only.path.pick(message)?;
                Ok(self.join(|variable| variable.of_message(message, |_| picked.take())))
            }
            _ => {
                let root = serde_json::from_str(message).map_err(|_| NotJson)?;
                Ok(self.join(|variable| {
                    variable.of_message(message, |path| {
                        let text = path.find(&root)?.text()?;
                        Some(Cow::Owned(text.into_owned()))
                    })
                }))
            }
        }
    }

    /// Literals and values in order; allocates only for more than one part.
    fn join<'a>(
        &'a self,
        mut value: impl FnMut(&'a Variable) -> Option<Cow<'a, str>>,
    ) -> Cow<'a, str> {
        match self.parts.as_slice() {
            [] => Cow::Borrowed(""),
            [Part::Literal(text)] => Cow::Borrowed(text),
            [Part::Variable(variable)] => value(variable).unwrap_or_default(),
            parts => {
                let mut result = String::new();
                for part in parts {
                    match part {
                        Part::Literal(text) => result.push_str(text),
                        Part::Variable(variable) => {
                            result.push_str(&value(variable).unwrap_or_default());
                        }
                    }
                }
                Cow::Owned(result)
            }
        }
    }
}

impl Variable {
    /// Where the value comes from.
    pub fn root(&self) -> Root {
        self.root
    }

    /// As written, without `$` and braces: `request.body.action`.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The name under which a [`Scope`] knows it, such as `route.request.header.X`; for a body that of the whole body.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path into the body, `$` when there is none.
    pub fn path(&self) -> &JsonPath {
        &self.path
    }

    fn reads_inside_message(&self) -> bool {
        self.root == Root::RequestBody && !self.path.is_root()
    }

    fn value<'a>(&'a self, scope: &'a dyn Scope) -> Option<Cow<'a, str>> {
        match self.root {
            // The whole body is its text as received, JSON or not.
            Root::RequestBody | Root::ResponseBody if self.path.is_root() => {
                scope.value(&self.name)
            }
            Root::RequestBody => self.path.find(scope.body()?)?.text(),
            Root::ResponseBody => self.path.find(scope.response_body()?)?.text(),
            Root::ResponseMultiHeader => {
                let values = scope.values(&self.name);
                (!values.is_empty()).then(|| Cow::Owned(values.join(",")))
            }
            _ => scope.value(&self.name),
        }
    }

    fn of_message<'a>(
        &'a self,
        message: &'a str,
        inside: impl FnOnce(&JsonPath) -> Option<Cow<'a, str>>,
    ) -> Option<Cow<'a, str>> {
        match self.root {
            Root::RequestBody if self.path.is_root() => Some(Cow::Borrowed(message)),
            Root::RequestBody => inside(&self.path),
            _ => None,
        }
    }
}

impl fmt::Display for SelectionExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [Part::Variable(variable)] = self.parts.as_slice()
            && parse::is_bare(&variable.written)
        {
            return write!(f, "${}", variable.written);
        }
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(&text.replace('$', "\\$"))?,
                Part::Variable(variable) => write!(f, "${{{}}}", variable.written)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
