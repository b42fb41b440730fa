//! From text to steps, or to a query for `serde_json_path` that is cheap enough to run on a stranger's document.
//!
//! The bounds: a query visits each value of the document a fixed number of times only if it descends (`..`) at most once,
//! lists few alternatives and never starts again at the root inside a filter; all others are refused.

use std::fmt::Write as _;

use super::{Route, Step};
use crate::lang::syntax::{Cursor, SyntaxError};

/// Longest path, in bytes: that of a parameter mapping, rounded up (ours).
const PATH_BYTES: usize = 1024;
/// Most steps in a path: JSON is read to a depth of 128 (ours).
const STEPS: usize = 128;
/// Deepest nesting of brackets inside brackets (ours).
const NESTING: usize = 8;
/// Most commas in unions, together (ours): each could double the list.
const COMMAS: usize = 3;
/// Most `@` in filters, together (ours): each is looked up once for every value of the document.
const FILTER_PATHS: usize = 8;

const FORMS: &str =
    "write names, indexes, slices, `*`, one `..` or a filter such as [?(@.price < 10)]";

/// What has been read of one path.
struct Reading<'t> {
    cursor: Cursor<'t>,
    steps: Vec<Step>,
    /// The same path in the spelling of RFC 9535.
    standard: String,
    plural: bool,
    descents: usize,
    commas: usize,
    filter_paths: usize,
}

/// Reads what follows `$`; `position` is that of the first character in the whole text.
pub(super) fn parse(suffix: &str, position: usize) -> Result<Route, SyntaxError> {
    if suffix.len() > PATH_BYTES {
        let remedy = format!("write at most {PATH_BYTES} bytes");
        return Err(SyntaxError::new(
            position,
            "the JSON path is too long",
            remedy,
        ));
    }
    let mut reading = Reading {
        cursor: Cursor::new(suffix, position),
        steps: Vec::new(),
        standard: "$".to_owned(),
        plural: false,
        descents: 0,
        commas: 0,
        filter_paths: 0,
    };
    let mut count = 0;
    while !reading.cursor.rest().is_empty() {
        count += 1;
        if count > STEPS {
            let remedy = format!("write at most {STEPS}");
            return Err(reading.cursor.error("the path has too many steps", remedy));
        }
        reading.segment()?;
    }
    if !reading.plural {
        return Ok(Route::Definite(reading.steps));
    }
    match serde_json_path::JsonPath::parse(&reading.standard) {
        Ok(query) => Ok(Route::Query(query)),
        Err(error) => {
            let problem = format!("`${suffix}` is not a JSON path ({})", error.message());
            Err(SyntaxError::new(position, problem, FORMS))
        }
    }
}

impl<'t> Reading<'t> {
    fn segment(&mut self) -> Result<(), SyntaxError> {
        if self.cursor.rest().starts_with("..") {
            self.descend()?;
            self.cursor.eat("..");
            self.plural = true;
            self.standard.push_str("..");
            return match self.cursor.peek() {
                Some('[') => self.bracket(),
                _ => self.dotted(),
            };
        }
        if self.cursor.eat(".") {
            return self.dotted();
        }
        match self.cursor.peek() {
            Some('[') => self.bracket(),
            _ => Err(self.cursor.error(
                "a step of a JSON path starts with `.` or `[`",
                "write a path such as .items[0].id; names with other characters as ['a b']",
            )),
        }
    }

    /// Counts descents, those in filters too.
    fn descend(&mut self) -> Result<(), SyntaxError> {
        self.descents += 1;
        if self.descents > 1 {
            let problem = "a second `..` would make the cost of this path explode";
            return Err(self.cursor.error(problem, "name the steps between"));
        }
        Ok(())
    }

    /// A name or `*` after a dot.
    fn dotted(&mut self) -> Result<(), SyntaxError> {
        if self.cursor.eat("*") {
            self.plural = true;
            self.standard.push_str("[*]");
            return Ok(());
        }
        let name = self.cursor.take_while(is_name_character);
        if name.is_empty() {
            let problem = match self.cursor.peek() {
                None => "the path ends with a dot".to_owned(),
                Some('[') => "there is a dot before `[`".to_owned(),
                Some(other) => format!("a name cannot start with `{}`", other.escape_default()),
            };
            let remedy =
                "write a name after the dot, or remove it; other characters go into ['a b']";
            return Err(self.cursor.error(problem, remedy));
        }
        if name == "$" {
            let problem = "a `$` inside a path does not start again at the root";
            let remedy = "remove it, or write ['$'] for a member of that name";
            return Err(self.cursor.error(problem, remedy));
        }
        self.name(name.to_owned());
        Ok(())
    }

    fn name(&mut self, name: String) {
        self.standard.push_str("['");
        for character in name.chars() {
            if matches!(character, '\'' | '\\') {
                self.standard.push('\\');
            }
            self.standard.push(character);
        }
        self.standard.push_str("']");
        self.steps.push(Step::Name(name));
    }

    /// `[…]`: a quoted name, an index, `*`, or what only a query can do.
    fn bracket(&mut self) -> Result<(), SyntaxError> {
        let inside = self.inside_brackets()?;
        let content = inside.rest().trim();
        match content.chars().next() {
            None => Err(inside.error("the brackets are empty", FORMS)),
            Some('*') if content == "*" => {
                self.plural = true;
                self.standard.push_str("[*]");
                Ok(())
            }
            Some(quote @ ('\'' | '"')) => match quoted_name(content, quote) {
                Quoted::Name(name) => {
                    self.name(name);
                    Ok(())
                }
                Quoted::Union => {
                    self.query(content);
                    Ok(())
                }
                Quoted::Wrong => Err(inside.error(
                    "this quoted name has an escape or control character that is not supported",
                    "escape only quotes and backslashes, each with a backslash",
                )),
            },
            _ if is_index(content) => {
                let index = content.parse::<i64>().ok();
                let Some(index) = index.filter(|index| index.abs() < 1 << 53) else {
                    return Err(inside.error("the index is too large", "write a smaller one"));
                };
                // Writing to a String cannot fail.
                write!(self.standard, "[{index}]").unwrap_or_default();
                self.steps.push(Step::Index(index));
                Ok(())
            }
            _ => {
                self.query(content);
                Ok(())
            }
        }
    }

    fn query(&mut self, content: &str) {
        self.plural = true;
        self.standard.push('[');
        self.standard.push_str(content);
        self.standard.push(']');
    }

    /// Consumes `[` to its `]` and gives what stands between, having checked what it may cost.
    fn inside_brackets(&mut self) -> Result<Cursor<'t>, SyntaxError> {
        let open = self.cursor.clone();
        self.cursor.eat("[");
        let inside = self.cursor.clone();
        let (mut depth, mut before) = (1, '[');
        while let Some(character) = self.cursor.peek() {
            if matches!(character, '\'' | '"') {
                self.skip_quoted(character)?;
                before = character;
                continue;
            }
            self.inspect(character, before)?;
            match character {
                '[' | '(' if depth == NESTING => {
                    let problem = "the brackets are nested too deeply";
                    return Err(self.cursor.error(problem, "write a simpler filter"));
                }
                '[' | '(' => depth += 1,
                ']' | ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let length = inside.rest().len() - self.cursor.rest().len();
                self.cursor.next();
                let content = inside.rest().get(..length).unwrap_or_default();
                return Ok(Cursor::new(content, inside.position()));
            }
            before = character;
            self.cursor.next();
        }
        Err(open.error("this `[` is never closed", "write the missing `]`"))
    }

    /// Checks a character between brackets and outside quotes, given the one before it.
    fn inspect(&mut self, character: char, before: char) -> Result<(), SyntaxError> {
        match character {
            '$' => {
                let problem = "a filter cannot start again at `$`";
                Err(self
                    .cursor
                    .error(problem, "write paths in filters with `@`"))
            }
            '(' if before.is_ascii_alphanumeric() || before == '_' => {
                let problem = "functions are not supported in filters";
                let remedy = "compare values, as in [?(@.a == 'b')]";
                Err(self.cursor.error(problem, remedy))
            }
            '.' if before == '.' => self.descend(),
            ',' => self.comma(),
            '@' => self.filter_path(),
            _ => Ok(()),
        }
    }

    fn comma(&mut self) -> Result<(), SyntaxError> {
        self.commas += 1;
        if self.commas > COMMAS {
            let remedy = format!("write at most {COMMAS} commas in one path");
            return Err(self
                .cursor
                .error("the path lists too many alternatives", remedy));
        }
        Ok(())
    }

    fn filter_path(&mut self) -> Result<(), SyntaxError> {
        self.filter_paths += 1;
        if self.filter_paths > FILTER_PATHS {
            let remedy = format!("write at most {FILTER_PATHS} `@` in one path");
            return Err(self
                .cursor
                .error("the filters compare too many values", remedy));
        }
        Ok(())
    }

    fn skip_quoted(&mut self, quote: char) -> Result<(), SyntaxError> {
        let open = self.cursor.clone();
        self.cursor.next();
        while let Some(character) = self.cursor.next() {
            if character == '\\' {
                self.cursor.next();
            } else if character == quote {
                return Ok(());
            }
        }
        let problem = "this quote is never closed";
        Err(open.error(problem, format!("write the missing `{quote}`")))
    }
}

/// What a content that starts with a quote is.
enum Quoted {
    Name(String),
    Union,
    Wrong,
}

fn quoted_name(content: &str, quote: char) -> Quoted {
    let mut characters = content.chars();
    characters.next();
    let mut name = String::new();
    loop {
        match characters.next() {
            Some('\\') => match characters.next() {
                Some(escaped @ ('\'' | '"' | '\\')) => name.push(escaped),
                _ => return Quoted::Wrong,
            },
            Some(end) if end == quote => break,
            Some(character) if !character.is_control() => name.push(character),
            _ => return Quoted::Wrong,
        }
    }
    if characters.as_str().is_empty() {
        Quoted::Name(name)
    } else {
        Quoted::Union
    }
}

fn is_index(content: &str) -> bool {
    let digits = content.strip_prefix('-').unwrap_or(content);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    whole && (content == "0" || !digits.starts_with('0'))
}

/// What a name after a dot is made of: all but the characters that mean something in the dialect.
fn is_name_character(character: char) -> bool {
    !character.is_whitespace()
        && !character.is_control()
        && !".[]()'\"\\*,?{}<>=&|!".contains(character)
}
