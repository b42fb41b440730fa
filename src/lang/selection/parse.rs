//! From text to parts. Nothing is evaluated here.

use super::{EXPRESSION_BYTES, Part, QUERIES, Root, VARIABLES, Variable};
use crate::lang::context_names::{self, Protocol, Reach};
use crate::lang::jsonpath::JsonPath;
use crate::lang::syntax::{Cursor, SyntaxError, is_parameter_name, nearest};

/// Roots that a name follows, with the name under which a scope knows them.
const NAMED: [(&str, Root, &str); 6] = [
    (
        "request.header.",
        Root::RequestHeader,
        "route.request.header.",
    ),
    (
        "request.querystring.",
        Root::RequestQuery,
        "route.request.querystring.",
    ),
    ("context.", Root::Context, "context."),
    ("stageVariables.", Root::StageVariable, "stageVariables."),
    (
        "integration.response.header.",
        Root::ResponseHeader,
        "integration.response.header.",
    ),
    (
        "integration.response.multivalueheader.",
        Root::ResponseMultiHeader,
        "integration.response.header.",
    ),
];

/// Roots that a JSON path may follow, with the name under which a scope knows the whole.
const BODIES: [(&str, Root, &str); 2] = [
    ("request.body", Root::RequestBody, "route.request.body"),
    (
        "integration.response.body",
        Root::ResponseBody,
        "integration.response.body",
    ),
];

/// Both spellings occur in Amazon's pages.
const STATUSES: [&str; 2] = ["integration.response.statuscode", "response.statuscode"];

pub(super) fn parse(text: &str) -> Result<Vec<Part>, SyntaxError> {
    if text.len() > EXPRESSION_BYTES {
        let remedy = format!("write at most {EXPRESSION_BYTES} bytes");
        return Err(SyntaxError::new(1, "the expression is too long", remedy));
    }
    if text.is_empty() {
        let remedy = "write an expression such as $request.body.action";
        return Err(SyntaxError::new(1, "the expression is empty", remedy));
    }
    if text == "$default" {
        return Ok(vec![Part::Literal(text.to_owned())]);
    }
    let mut cursor = Cursor::new(text, 1);
    let mut parts = Vec::new();
    while let Some(character) = cursor.peek() {
        match character {
            '\\' => push_literal(&mut parts, escape(&mut cursor)?),
            '$' => {
                let start = cursor.clone();
                parts.push(Part::Variable(variable(&mut cursor)?));
                check_count(&parts, &start)?;
            }
            control if control.is_control() => {
                let problem = "there is a control character in the expression";
                return Err(cursor.error(problem, "remove it"));
            }
            _ => {
                let literal = cursor.take_while(|c| !matches!(c, '\\' | '$') && !c.is_control());
                push_literal(&mut parts, literal);
            }
        }
    }
    Ok(parts)
}

/// Refuses the variable that starts at `start` and was added last, when it is one too many.
fn check_count(parts: &[Part], start: &Cursor<'_>) -> Result<(), SyntaxError> {
    let variables = parts.iter().filter_map(|part| match part {
        Part::Variable(variable) => Some(variable),
        Part::Literal(_) => None,
    });
    if variables.clone().count() > VARIABLES {
        let remedy = format!("write at most {VARIABLES}");
        return Err(start.error("there are too many variables", remedy));
    }
    if variables
        .filter(|variable| variable.path.is_query())
        .count()
        > QUERIES
    {
        let problem = "there are too many variables that search the body";
        let remedy = format!("write at most {QUERIES} with `*`, `..` or filters");
        return Err(start.error(problem, remedy));
    }
    Ok(())
}

/// Adds literal text, joining it to literal text before it.
fn push_literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Literal(before)) => before.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}

/// `\$`, the only escape. A lone backslash is refused, because before a `$` it could not be told from the escape.
fn escape(cursor: &mut Cursor<'_>) -> Result<&'static str, SyntaxError> {
    if cursor.eat("\\$") {
        return Ok("$");
    }
    Err(cursor.error(
        "a backslash only escapes a dollar sign",
        "write \\$ for a literal dollar, and no other backslash",
    ))
}

fn variable(cursor: &mut Cursor<'_>) -> Result<Variable, SyntaxError> {
    let start = cursor.clone();
    cursor.eat("$");
    if cursor.peek() == Some('{') {
        return braced(cursor, &start);
    }
    let position = cursor.position();
    let written = take_bare(cursor);
    match written.chars().last() {
        None => Err(start.error(
            "a dollar sign starts a variable",
            "write a variable such as $request.body.action, or \\$ for a literal dollar",
        )),
        // What looks like text after the variable would silently become part of its name.
        Some(last @ ('.' | '-')) => Err(SyntaxError::new(
            position + written.chars().count() - 1,
            format!("the variable ends in `{last}`"),
            "put braces around the variable when text follows it, as in ${request.body.action}-x",
        )),
        Some(_) => resolve(written, position),
    }
}

fn braced(cursor: &mut Cursor<'_>, start: &Cursor<'_>) -> Result<Variable, SyntaxError> {
    cursor.eat("{");
    let position = cursor.position();
    let (mut brackets, mut quote, mut escaped) = (0usize, None, false);
    let end = cursor.rest().find(|character: char| {
        match (quote, character) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if brackets > 0 => quote = Some(character),
            (None, '[') => brackets += 1,
            (None, ']') => brackets = brackets.saturating_sub(1),
            (None, '}') => return brackets == 0,
            (None, _) => {}
        }
        false
    });
    let Some(written) = end.and_then(|end| cursor.rest().get(..end)) else {
        return Err(start.error("this `${` is never closed", "write the missing `}`"));
    };
    cursor.eat(written);
    cursor.eat("}");
    resolve(written, position)
}

/// Consumes a variable without braces: letters, digits, `_`, `-`, `.`; inside a body also `*` and brackets.
fn take_bare<'t>(cursor: &mut Cursor<'t>) -> &'t str {
    let whole = cursor.rest();
    loop {
        cursor.take_while(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        let taken = whole.len() - cursor.rest().len();
        let written = whole.get(..taken).unwrap_or_default();
        let in_body = BODIES
            .iter()
            .any(|(body, _, _)| written.strip_prefix(body).is_some());
        let more = match cursor.peek() {
            Some('*') if in_body => cursor.eat("*"),
            Some('[') if in_body => take_bracket(cursor),
            _ => false,
        };
        if !more {
            return written;
        }
    }
}

/// Consumes `[…]` with everything in it; an unclosed one to the end, which the path then reports.
fn take_bracket(cursor: &mut Cursor<'_>) -> bool {
    let mut depth = 0usize;
    let mut quote = None;
    while let Some(character) = cursor.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                cursor.next();
            }
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') if depth == 1 => return true,
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
    }
    true
}

/// Whether a variable reads the same without braces.
pub(super) fn is_bare(written: &str) -> bool {
    let mut cursor = Cursor::new(written, 1);
    let taken = take_bare(&mut cursor);
    taken == written && !taken.ends_with(['.', '-'])
}

fn resolve(written: &str, position: usize) -> Result<Variable, SyntaxError> {
    for (body, root, name) in BODIES {
        if let Some(suffix) = written.strip_prefix(body)
            && (suffix.is_empty() || suffix.starts_with(['.', '[']))
        {
            let start = position + body.chars().count();
            let path = JsonPath::parse_suffix(suffix, start)?;
            return Ok(assemble(root, written, name.to_owned(), path));
        }
    }
    let whole = JsonPath::parse_suffix("", position)?;
    if STATUSES.contains(&written) {
        let name = STATUSES[0].to_owned();
        return Ok(assemble(Root::ResponseStatus, written, name, whole));
    }
    for (prefix, root, scope_prefix) in NAMED {
        if let Some(name) = written.strip_prefix(prefix) {
            check_name(root, name, position + prefix.len())?;
            let name = format!("{scope_prefix}{name}");
            return Ok(assemble(root, written, name, whole));
        }
    }
    Err(unknown(written, position))
}

fn assemble(root: Root, written: &str, name: String, path: JsonPath) -> Variable {
    Variable {
        root,
        written: written.to_owned(),
        name,
        path,
    }
}

fn check_name(root: Root, name: &str, position: usize) -> Result<(), SyntaxError> {
    if root == Root::Context {
        return context_names::check(name, Protocol::WebSocket, Reach::Everywhere)
            .map_err(|refused| SyntaxError::new(position, refused.problem, refused.remedy));
    }
    if !is_parameter_name(name) {
        return Err(SyntaxError::new(
            position,
            "this is not a name",
            "write letters, digits and . _ $ - only",
        ));
    }
    Ok(())
}

fn unknown(written: &str, position: usize) -> SyntaxError {
    let shown: String = written.chars().take(64).collect();
    let problem = format!("there is no variable `{shown}`");
    let remedy = match written {
        "default" | "connect" | "disconnect" => {
            format!("write \\${written} for the literal text ${written}")
        }
        _ => suggestion(written),
    };
    SyntaxError::new(position, problem, remedy)
}

fn suggestion(written: &str) -> String {
    for foreign in ["route.request.", "method.request."] {
        if let Some(rest) = written.strip_prefix(foreign) {
            let rest: String = rest.chars().take(64).collect();
            return format!("write request.{rest}");
        }
    }
    // Compared by as many segments as the known root has.
    let roots = BODIES.iter().map(|(body, _, _)| *body);
    let roots = roots.chain(
        NAMED
            .iter()
            .map(|(prefix, _, _)| prefix.trim_end_matches('.')),
    );
    let roots: Vec<&str> = roots.chain(STATUSES).collect();
    let near = (1..=3).rev().find_map(|count| {
        let head: Vec<&str> = written.split('.').take(count).collect();
        let same = roots.iter().filter(|root| root.split('.').count() == count);
        nearest(&head.join("."), same.copied())
    });
    match near {
        Some(root) => format!("did you mean {root}?"),
        None => {
            "write request.body.PATH, request.header.NAME, request.querystring.NAME, context.NAME, \
                 stageVariables.NAME or integration.response.statuscode"
                .to_owned()
        }
    }
}
