//! One route key: `$default`, or a method and a path with variables.

use std::fmt;

use http::Method;

use crate::lang::syntax::{Cursor, SyntaxError, nearest};

/// Longest key, in bytes (ours; Amazon states none).
const KEY_BYTES: usize = 1024;

/// The methods that a key can name; `ANY` stands for all of them and for every other.
pub const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

const DEFAULT: &str = "$default";

/// A parsed route key; it prints as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRouteKey {
    written: String,
    /// `None` for `ANY` and `$default`.
    method: Option<Method>,
    /// `None` for `$default`; none of them for `/`.
    segments: Option<Vec<Segment>>,
}

/// What stands between two slashes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that must be equal.
    Literal(String),
    /// `{name}`: one segment that is not empty.
    Variable(String),
    /// `{name+}`: all that is left; the last of a key.
    Greedy(String),
}

impl HttpRouteKey {
    /// Reads a key.
    ///
    /// # Errors
    /// Text that is neither `$default` nor `METHOD /path`, variables that are not a whole segment, a greedy one before the
    /// end, two of one name, a trailing slash, and segments that no request can have.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > KEY_BYTES {
            let remedy = format!("write at most {KEY_BYTES} bytes");
            return Err(SyntaxError::new(1, "the route key is too long", remedy));
        }
        if text.starts_with('$') {
            return Self::dollar(text);
        }
        let mut cursor = Cursor::new(text, 1);
        let method = method(&mut cursor)?;
        let segments = path(&mut cursor)?;
        Ok(Self {
            written: text.to_owned(),
            method,
            segments: Some(segments),
        })
    }

    fn dollar(text: &str) -> Result<Self, SyntaxError> {
        let problem = match text {
            DEFAULT => {
                return Ok(Self {
                    written: text.to_owned(),
                    method: None,
                    segments: None,
                });
            }
            "$connect" | "$disconnect" => format!("only WebSocket APIs have {text}"),
            _ => "the only key with a dollar sign is $default".to_owned(),
        };
        let remedy = "write $default, or a method and a path such as GET /orders";
        Err(SyntaxError::new(1, problem, remedy))
    }

    /// Whether this is `$default`, which takes what no other key takes.
    pub fn is_default(&self) -> bool {
        self.segments.is_none()
    }

    /// The method; `None` for `ANY`, and for `$default`.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The path as written, with its variables: `/orders/{id}`; for `$default` that word.
    pub fn path(&self) -> &str {
        match self.written.split_once(' ') {
            Some((_, path)) => path,
            None => DEFAULT,
        }
    }

    /// What stands between the slashes; nothing for `/` and `$default`.
    pub fn segments(&self) -> &[Segment] {
        self.segments.as_deref().unwrap_or_default()
    }

    /// The names of the variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments().iter().filter_map(Segment::variable)
    }

    /// The key with the names of its variables blanked: two keys of one shape are one route.
    pub fn shape(&self) -> String {
        let mut shape = match (&self.segments, &self.method) {
            (None, _) => return DEFAULT.to_owned(),
            (Some(_), None) => "ANY ".to_owned(),
            (Some(_), Some(method)) => format!("{method} "),
        };
        for segment in self.segments() {
            shape.push('/');
            shape.push_str(match segment {
                Segment::Literal(text) => text,
                Segment::Variable(_) => "{}",
                Segment::Greedy(_) => "{+}",
            });
        }
        if self.segments().is_empty() {
            shape.push('/');
        }
        shape
    }
}

impl Segment {
    /// The name, when it is a variable.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Variable(name) | Self::Greedy(name) => Some(name),
        }
    }
}

impl fmt::Display for HttpRouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Consumes the method and the space behind it.
fn method(cursor: &mut Cursor<'_>) -> Result<Option<Method>, SyntaxError> {
    let start = cursor.clone();
    let word = cursor.take_while(|character| character != ' ' && character != '/');
    let known = || METHODS.iter().map(Method::as_str).chain(["ANY"]);
    if word.is_empty() {
        let remedy = "write a method, a space and a path, such as GET /orders, or ANY /orders";
        return Err(start.error("the method is missing", remedy));
    }
    if !known().any(|known| known == word) {
        let shown: String = word.chars().take(32).collect();
        let upper = word.to_ascii_uppercase();
        let remedy = match known().find(|known| *known == upper) {
            Some(known) => format!("write {known}"),
            None => match nearest(&upper, known()) {
                Some(near) => format!("write {near}"),
                None => "write GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, or ANY".to_owned(),
            },
        };
        let problem = format!("`{shown}` is not a method of a route key");
        return Err(start.error(problem, remedy));
    }
    if !cursor.eat(" ") {
        let problem = "there is no space behind the method";
        return Err(cursor.error(problem, "write a path such as GET /orders"));
    }
    Ok(METHODS
        .iter()
        .find(|method| method.as_str() == word)
        .cloned())
}

/// Consumes a path to the end of the key.
fn path(cursor: &mut Cursor<'_>) -> Result<Vec<Segment>, SyntaxError> {
    match cursor.peek() {
        Some('/') => {}
        Some(' ') => return Err(cursor.error("there is a second space", "remove it")),
        _ => {
            let problem = "the path does not start with a slash";
            return Err(cursor.error(problem, "write a path such as /orders"));
        }
    }
    let mut segments: Vec<Segment> = Vec::new();
    if cursor.rest() == "/" {
        return Ok(segments);
    }
    while let Some(slash) = cursor.peek() {
        let start = cursor.clone();
        if slash != '/' {
            return Err(after_variable(&start, slash));
        }
        if let Some(Segment::Greedy(name)) = segments.last() {
            let problem = format!("{{{name}+}} takes all that is left of a path");
            return Err(start.error(problem, "write it last, or without the plus sign"));
        }
        cursor.next();
        let position = cursor.clone();
        let segment = segment(cursor)?;
        let used =
            |known: &Segment| known.variable().is_some() && known.variable() == segment.variable();
        if segments.iter().any(used) {
            let name = segment.variable().unwrap_or_default();
            let problem = format!("the variable {name} stands in the path twice");
            return Err(position.error(problem, "give one of them another name"));
        }
        segments.push(segment);
    }
    Ok(segments)
}

/// Consumes a segment to the next slash, or to the end.
fn segment(cursor: &mut Cursor<'_>) -> Result<Segment, SyntaxError> {
    let start = cursor.clone();
    if cursor.peek() == Some('{') {
        return variable(cursor);
    }
    let text = cursor.take_while(is_name_character);
    match (text, cursor.peek()) {
        ("", None) => Err(start.error("the path ends with a slash", "remove it")),
        ("", Some('/')) => Err(start.error("the path has an empty segment", "remove one slash")),
        (_, Some('{')) => Err(cursor.error(
            "a variable must be a whole segment",
            "write a slash before the brace",
        )),
        (_, Some(other)) if other != '/' => {
            let problem = format!(
                "`{}` cannot stand in the path of a route key",
                other.escape_default()
            );
            let remedy = "write letters, digits and . _ : - only, or a variable such as {name}";
            Err(cursor.error(problem, remedy))
        }
        ("." | "..", _) => Err(start.error(
            "no request has a dot segment",
            "write the path that it leads to",
        )),
        _ => Ok(Segment::Literal(text.to_owned())),
    }
}

/// Consumes `{name}` or `{name+}`.
fn variable(cursor: &mut Cursor<'_>) -> Result<Segment, SyntaxError> {
    let open = cursor.clone();
    cursor.eat("{");
    let name = cursor.take_while(is_name_character);
    if name.is_empty() {
        let remedy = "write a name of letters, digits and . _ : - such as {id}";
        return Err(cursor.error("the variable has no name", remedy));
    }
    let greedy = cursor.eat("+");
    if cursor.eat("}") {
        let name = name.to_owned();
        return Ok(match greedy {
            true => Segment::Greedy(name),
            false => Segment::Variable(name),
        });
    }
    match cursor.peek() {
        None | Some('/') => Err(open.error("this brace is never closed", "write the missing `}`")),
        Some(other) => {
            let problem = format!(
                "`{}` cannot stand in the name of a variable",
                other.escape_default()
            );
            Err(cursor.error(problem, "write letters, digits and . _ : - only"))
        }
    }
}

/// What stands behind a segment and is no slash; a literal has been refused before.
fn after_variable(place: &Cursor<'_>, character: char) -> SyntaxError {
    if character == '}' {
        return place.error("this brace was never opened", "remove it");
    }
    place.error(
        "a variable must be a whole segment",
        "write a slash behind the closing brace",
    )
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._:-".contains(character)
}
