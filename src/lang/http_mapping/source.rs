//! One variable of a value: `$request.header.x`, or the same in braces.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::lang::context_names::{self, Protocol, Reach};
use crate::lang::jsonpath::{self, Found, JsonPath};
use crate::lang::scope::Scope;
use crate::lang::syntax::{SyntaxError, nearest};

/// Where a mapping stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before the integration: there is no answer yet.
    Request,
    /// Behind it.
    Response,
}

/// Where a part of a value comes from. Names are kept as a [`Scope`] knows them, `request.header.x` for instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `request.header.NAME`
    RequestHeader(String),
    /// `request.querystring.NAME`
    RequestQuery(String),
    /// `request.path`: without the stage, decoded.
    RequestPath,
    /// `request.path.NAME`: a variable of the route's path, decoded.
    PathVariable(String),
    /// `request.body`, the whole text, or `request.body.PATH`.
    RequestBody(JsonPath),
    /// `response.header.NAME`
    ResponseHeader(String),
    /// `response.body`, the whole text, or `response.body.PATH`.
    ResponseBody(JsonPath),
    /// `context.NAME`
    Context(String),
    /// `stageVariables.NAME`
    StageVariable(String),
}

const REQUEST_HEADER: &str = "request.header.";
const REQUEST_QUERY: &str = "request.querystring.";
const REQUEST_PATH: &str = "request.path";
const PATH_VARIABLE: &str = "request.path.";
const REQUEST_BODY: &str = "request.body";
const RESPONSE_HEADER: &str = "response.header.";
const RESPONSE_BODY: &str = "response.body";
const CONTEXT: &str = "context.";
const STAGE_VARIABLE: &str = "stageVariables.";

/// How each source begins: what tells a variable from text.
const ROOTS: [&str; 4] = ["request.", "response.", CONTEXT, STAGE_VARIABLE];

impl Source {
    /// Reads what stands behind `$` or between braces; `position` is that of its first character in the value.
    pub(super) fn parse(text: &str, position: usize, side: Side) -> Result<Self, SyntaxError> {
        let source = Self::read(text, position)?;
        let of_answer = matches!(source, Self::ResponseHeader(_) | Self::ResponseBody(_));
        if of_answer && side == Side::Request {
            let problem = "there is no response when the request is mapped";
            let remedy = "use it under responseParameters";
            return Err(SyntaxError::new(position, problem, remedy));
        }
        Ok(source)
    }

    fn read(text: &str, position: usize) -> Result<Self, SyntaxError> {
        for (root, of_body) in [
            (REQUEST_BODY, Self::RequestBody as fn(JsonPath) -> Self),
            (RESPONSE_BODY, Self::ResponseBody),
        ] {
            if let Some(suffix) = text.strip_prefix(root)
                && (suffix.is_empty() || suffix.starts_with(['.', '[']))
            {
                return body_path(suffix, position + root.len()).map(of_body);
            }
        }
        if text == REQUEST_PATH {
            return Ok(Self::RequestPath);
        }
        if let Some(name) = text.strip_prefix(CONTEXT) {
            check_context(name, position + CONTEXT.len())?;
            return Ok(Self::Context(text.to_owned()));
        }
        type Form = (
            &'static str,
            fn(char) -> bool,
            &'static str,
            fn(String) -> Source,
        );
        const FORMS: [Form; 5] = [
            (REQUEST_HEADER, is_token, TOKEN, Source::RequestHeader),
            (RESPONSE_HEADER, is_token, TOKEN, Source::ResponseHeader),
            (REQUEST_QUERY, is_printable, PRINTABLE, Source::RequestQuery),
            (PATH_VARIABLE, is_path_name, PATH_NAME, Source::PathVariable),
            (STAGE_VARIABLE, is_word, WORD, Source::StageVariable),
        ];
        for (root, fits, characters, form) in FORMS {
            if let Some(name) = text.strip_prefix(root) {
                check_name(name, position + root.len(), fits, characters)?;
                return Ok(form(text.to_owned()));
            }
        }
        Err(unknown(text, position))
    }

    /// Whether `text` begins like a variable.
    pub(super) fn starts(text: &str) -> bool {
        ROOTS.iter().any(|root| text.starts_with(root))
    }

    /// The value for one event, `None` when it is not set. What came more than once is joined with `,`.
    pub fn resolve<'a>(&'a self, scope: &'a dyn Scope) -> Option<Cow<'a, str>> {
        match self {
            Self::RequestHeader(name) | Self::RequestQuery(name) | Self::ResponseHeader(name) => {
                joined(scope.values(name))
            }
            Self::PathVariable(name) | Self::Context(name) | Self::StageVariable(name) => {
                scope.value(name)
            }
            Self::RequestPath => scope.value(REQUEST_PATH),
            Self::RequestBody(path) if path.is_root() => scope.value(REQUEST_BODY),
            Self::RequestBody(path) => scope.body().and_then(|root| found(path, root)),
            Self::ResponseBody(path) if path.is_root() => scope.value(RESPONSE_BODY),
            Self::ResponseBody(path) => scope.response_body().and_then(|root| found(path, root)),
        }
    }
}

fn joined(mut values: Vec<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    match values.len() {
        0 | 1 => values.pop(),
        _ => Some(Cow::Owned(values.join(","))),
    }
}

/// What a path finds, as text: a string is itself, a list or an object is JSON, null is nothing.
fn found<'v>(path: &JsonPath, root: &'v Value) -> Option<Cow<'v, str>> {
    match path.find(root)? {
        Found::One(Value::Null) => None,
        Found::One(value @ (Value::Array(_) | Value::Object(_))) => {
            jsonpath::json_text(value).map(Cow::Owned)
        }
        Found::One(value) => jsonpath::stringify(value),
        many @ Found::Many(_) => many.json().map(Cow::Owned),
    }
}

/// AWS: no recursive descent and no filter expressions.
fn body_path(suffix: &str, position: usize) -> Result<JsonPath, SyntaxError> {
    let mut quote = None;
    let mut before = ' ';
    for (offset, character) in suffix.chars().enumerate() {
        let problem = match (quote, before, character) {
            (Some(open), _, _) if open == character && before != '\\' => {
                quote = None;
                None
            }
            (Some(_), _, _) => None,
            (None, _, '\'' | '"') => {
                quote = Some(character);
                None
            }
            (None, '.', '.') => Some("a path into a body has no `..`"),
            (None, _, '?') => Some("a path into a body has no filters"),
            _ => None,
        };
        if let Some(problem) = problem {
            let remedy = "write names and indexes, such as .items[0].id";
            return Err(SyntaxError::new(position + offset, problem, remedy));
        }
        before = character;
    }
    JsonPath::parse_suffix(suffix, position)
}

fn check_context(name: &str, position: usize) -> Result<(), SyntaxError> {
    let fits = |character: char| is_word(character) || character == '.';
    check_name(name, position, fits, "letters, digits, . and _")?;
    let known = context_names::check(name, Protocol::Http, Reach::Everywhere);
    known.map_err(|refused| SyntaxError::new(position, refused.problem, refused.remedy))
}

const TOKEN: &str = "letters, digits and other characters of a header name";
const PRINTABLE: &str = "characters without braces and control characters";
const PATH_NAME: &str = "letters, digits and . _ : -";
const WORD: &str = "letters, digits and _";

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_path_name(character: char) -> bool {
    is_word(character) || ".:-".contains(character)
}

/// RFC 9110, section 5.6.2.
fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

fn is_printable(character: char) -> bool {
    !character.is_control() && !"{}".contains(character)
}

fn check_name(
    name: &str,
    position: usize,
    fits: impl Fn(char) -> bool,
    characters: &str,
) -> Result<(), SyntaxError> {
    if name.is_empty() {
        let remedy = format!("write a name of {characters}");
        return Err(SyntaxError::new(position, "the name is missing", remedy));
    }
    match name.chars().position(|character| !fits(character)) {
        None => Ok(()),
        Some(offset) => {
            let foreign = name.chars().nth(offset).unwrap_or_default();
            let problem = format!("`{}` is not part of a name", foreign.escape_default());
            let remedy = format!("write {characters} only, and variables among text as ${{…}}");
            Err(SyntaxError::new(position + offset, problem, remedy))
        }
    }
}

fn unknown(text: &str, position: usize) -> SyntaxError {
    let shown: String = text.chars().take(64).collect();
    let problem = format!("there is no source `{shown}`");
    let forms = [
        REQUEST_HEADER,
        REQUEST_QUERY,
        PATH_VARIABLE,
        REQUEST_BODY,
        RESPONSE_HEADER,
        RESPONSE_BODY,
        CONTEXT,
        STAGE_VARIABLE,
    ];
    let foreign = ["route.", "method.", "integration."];
    let own = foreign.iter().find_map(|root| text.strip_prefix(root));
    let own = own.unwrap_or(text);
    let root_end = own
        .match_indices('.')
        .nth(1)
        .map_or(own.len(), |(at, _)| at + 1);
    let root = own.get(..root_end).unwrap_or(own);
    let remedy = match nearest(root, forms) {
        Some(near) if near.ends_with('.') => format!("write {near}NAME"),
        Some(near) => format!("write {near}"),
        None => "write request.header.NAME, request.querystring.NAME, request.path, request.body, context.NAME or \
                 stageVariables.NAME behind the dollar sign"
            .to_owned(),
    };
    SyntaxError::new(position, problem, remedy)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequestHeader(name)
            | Self::RequestQuery(name)
            | Self::PathVariable(name)
            | Self::ResponseHeader(name)
            | Self::Context(name)
            | Self::StageVariable(name) => f.write_str(name),
            Self::RequestPath => f.write_str(REQUEST_PATH),
            Self::RequestBody(path) => write!(f, "{REQUEST_BODY}{}", path.suffix()),
            Self::ResponseBody(path) => write!(f, "{RESPONSE_BODY}{}", path.suffix()),
        }
    }
}
