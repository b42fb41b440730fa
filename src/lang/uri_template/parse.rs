//! From text to parts, each variable with the place it stands in.

use url::Url;

use super::{Part, Place, UriKind, UriTemplate, UriVariable, has_dot_segment};
use crate::base::quotas::INTEGRATION_URI_CHARACTERS;
use crate::lang::syntax::{Cursor, SyntaxError, is_parameter_name};

/// The colons before the resource of an ARN: `arn:partition:service:region:account:resource`.
const ARN_COLONS: usize = 5;

pub(super) fn parse(text: &str) -> Result<UriTemplate, SyntaxError> {
    let length = text.chars().count();
    if length == 0 || length > INTEGRATION_URI_CHARACTERS {
        let problem = format!("the URI has {length} characters");
        return Err(SyntaxError::new(1, problem, "write 1 to 2048 characters"));
    }
    let (kind, place) = if text.starts_with("http://") || text.starts_with("https://") {
        (UriKind::Http, Place::Host)
    } else if text.starts_with("arn:") {
        (UriKind::Arn, Place::Arn)
    } else {
        let problem = "this is neither an http(s) URL nor an ARN";
        let remedy = "write an absolute URL such as https://backend.example.com/path";
        return Err(SyntaxError::new(1, problem, remedy));
    };
    let mut reading = Reading {
        cursor: Cursor::new(text, 1),
        literal: String::new(),
        parts: Vec::new(),
        sample: String::new(),
        place,
    };
    if kind == UriKind::Http {
        let scheme = reading.cursor.take_while(|character| character != '/');
        reading.push_literal(scheme);
        reading.cursor.eat("//");
        reading.push_literal("//");
    }
    while let Some(character) = reading.cursor.peek() {
        reading.read(character)?;
    }
    let sample = reading.sample.clone();
    let template = reading.finish(kind);
    check_sample(kind, &sample)?;
    Ok(template)
}

struct Reading<'t> {
    cursor: Cursor<'t>,
    /// Literal text that has not become a part.
    literal: String,
    parts: Vec<Part>,
    /// The URI with a harmless value for each variable.
    sample: String,
    place: Place,
}

impl Reading<'_> {
    fn read(&mut self, character: char) -> Result<(), SyntaxError> {
        match character {
            '$' => self.stage_variable(),
            '{' => self.path_parameter(),
            '%' => self.encoded(),
            _ => {
                self.check_character(character)?;
                self.place = match (self.place, character) {
                    (Place::Host | Place::Port, '/') => Place::Path,
                    (Place::Host | Place::Port | Place::Path, '?') => Place::Query,
                    (Place::Host, ':') if !self.in_ip_literal() => Place::Port,
                    (place, _) => place,
                };
                self.cursor.next();
                self.push_literal(character.encode_utf8(&mut [0; 4]));
                Ok(())
            }
        }
    }

    fn push_literal(&mut self, text: &str) {
        self.literal.push_str(text);
        self.sample.push_str(text);
    }

    /// Whether an IPv6 address in brackets is open.
    fn in_ip_literal(&self) -> bool {
        self.sample.contains('[') && !self.sample.contains(']')
    }

    fn check_character(&self, character: char) -> Result<(), SyntaxError> {
        let in_authority = matches!(self.place, Place::Host | Place::Port);
        let problem = match character {
            '#' if self.place != Place::Arn => "an integration URI has no fragment",
            '@' if in_authority => "an integration URI has no user name",
            '[' | ']' if self.place == Place::Host => return Ok(()),
            _ if character.is_ascii_alphanumeric() || "-._~:/?#@!&'()*+,;=".contains(character) => {
                return Ok(());
            }
            _ => {
                let shown = character.escape_default();
                let problem = format!("`{shown}` cannot stand in a URI");
                return Err(self.cursor.error(problem, "percent-encode it"));
            }
        };
        Err(self.cursor.error(problem, "remove it"))
    }

    fn encoded(&mut self) -> Result<(), SyntaxError> {
        let mut digits = self.cursor.rest().chars().skip(1);
        let whole = (0..2).all(|_| digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()));
        if !whole || matches!(self.place, Place::Host | Place::Port) {
            let problem = "this is not a percent-encoded character of a path or query";
            return Err(self.cursor.error(problem, "write %25 for a percent sign"));
        }
        self.cursor.next();
        self.push_literal("%");
        Ok(())
    }

    fn stage_variable(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.clone();
        const REMEDY: &str = "write ${stageVariables.NAME}, or %24 for a dollar sign";
        if !self.cursor.eat("${stageVariables.") {
            let problem = "an integration URI has stage variables only";
            return Err(start.error(problem, REMEDY));
        }
        let name = self.name(&start, "")?;
        self.check_arn_prefix(&start)?;
        self.push_variable(UriVariable::Stage(format!("stageVariables.{name}")));
        Ok(())
    }

    fn path_parameter(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.clone();
        if !matches!(self.place, Place::Path | Place::Query) {
            let problem = "a path parameter can only stand in the path or the query of a URL";
            return Err(start.error(problem, "write ${stageVariables.NAME} here"));
        }
        self.cursor.eat("{");
        let name = self.name(&start, ":")?;
        self.push_variable(UriVariable::Path(name));
        Ok(())
    }

    /// The name up to the closing brace; `further` are characters that it may have besides the usual ones. Variables of the
    /// paths of HTTP APIs may have colons.
    fn name(&mut self, start: &Cursor<'_>, further: &str) -> Result<String, SyntaxError> {
        let position = self.cursor.position();
        let name = self.cursor.take_while(|character| character != '}');
        if !self.cursor.eat("}") {
            return Err(start.error("this brace is never closed", "write the missing `}`"));
        }
        if !is_parameter_name(&name.replace(|c| further.contains(c), "_")) {
            let remedy = "write letters, digits and . _ $ - only";
            return Err(SyntaxError::new(position, "this is not a name", remedy));
        }
        Ok(name.to_owned())
    }

    /// AWS: a stage variable stands for a function or alias of the same account, not for an account or service.
    fn check_arn_prefix(&self, start: &Cursor<'_>) -> Result<(), SyntaxError> {
        if self.place != Place::Arn {
            return Ok(());
        }
        let colons = self.sample.matches(':').count();
        let of_lambda = self.sample.contains(":lambda:");
        if colons < ARN_COLONS || (of_lambda && !self.sample.contains(":function:")) {
            return Err(start.error(
                "a stage variable cannot choose the service, region or account of an ARN",
                "write these out, and the variable in the name that follows",
            ));
        }
        Ok(())
    }

    fn push_variable(&mut self, variable: UriVariable) {
        self.sample
            .push(if self.place == Place::Port { '1' } else { 'x' });
        if !self.literal.is_empty() {
            self.parts
                .push(Part::Literal(std::mem::take(&mut self.literal)));
        }
        self.parts.push(Part::Variable(variable, self.place));
    }

    fn finish(mut self, kind: UriKind) -> UriTemplate {
        if !self.literal.is_empty() {
            self.parts.push(Part::Literal(self.literal));
        }
        UriTemplate {
            kind,
            parts: std::mem::take(&mut self.parts),
        }
    }
}

fn check_sample(kind: UriKind, sample: &str) -> Result<(), SyntaxError> {
    if kind == UriKind::Arn {
        if sample.matches(':').count() < ARN_COLONS {
            let remedy = "write arn:partition:service:region:account:resource";
            return Err(SyntaxError::new(1, "the ARN is incomplete", remedy));
        }
        return Ok(());
    }
    let authority = sample.split_once("://").map_or("", |(_, rest)| rest);
    if authority.is_empty() || authority.starts_with(['/', '?']) {
        let position = sample.len() - authority.len() + 1;
        return Err(SyntaxError::new(
            position,
            "the host is missing",
            "write it after `//`",
        ));
    }
    if let Err(error) = Url::parse(sample) {
        let problem = format!("this is not a URL ({error})");
        let remedy = "write an absolute URL such as https://backend.example.com/path";
        return Err(SyntaxError::new(1, problem, remedy));
    }
    if has_dot_segment(sample) {
        let remedy = "write the path without them";
        return Err(SyntaxError::new(
            1,
            "the path has a segment `.` or `..`",
            remedy,
        ));
    }
    Ok(())
}
