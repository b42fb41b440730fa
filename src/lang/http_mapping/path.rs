//! The path that `overwrite:path` gives: text as written, values percent-encoded.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::is_plain_path;
use super::value::MappingValue;
use crate::lang::syntax::SyntaxError;

/// Kept as they are in a value: what may stand in a path (RFC 3986, section 3.3), slashes too.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// Checks the text of a path; what variables give is encoded.
pub(super) fn check(value: &MappingValue) -> Result<(), SyntaxError> {
    if value
        .leading_literal()
        .is_some_and(|text| !text.starts_with('/'))
    {
        let problem = "the path does not start with a slash";
        return Err(SyntaxError::new(
            1,
            problem,
            "write a path such as /v2${request.path}",
        ));
    }
    if value.literals().any(|text| text.contains('?')) {
        let problem = "a path has no query string";
        return Err(SyntaxError::new(
            1,
            problem,
            "write it as overwrite:querystring.NAME",
        ));
    }
    // Escapes stay as written, so that a constant can have any character.
    let foreign = |character: char| {
        !(character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%".contains(character))
    };
    if value.literals().any(|text| text.contains(foreign)) {
        let problem = "the text has a character that cannot stand in a path";
        return Err(SyntaxError::new(1, problem, "percent-encode it"));
    }
    if value
        .literals()
        .any(|text| !is_plain_path(&format!("/{text}")))
    {
        let problem =
            "the path has a malformed escape, a control character, a backslash or a dot segment";
        return Err(SyntaxError::new(
            1,
            problem,
            "write the path that it leads to",
        ));
    }
    Ok(())
}

/// What a variable gives, encoded.
pub(super) fn encode(value: Cow<'_, str>) -> Cow<'_, str> {
    Cow::Owned(utf8_percent_encode(&value, PATH).to_string())
}

/// The path with a slash before it; `None` when it can be read in more than one way.
pub(super) fn finish(path: &str) -> Option<String> {
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    };
    is_plain_path(&path).then_some(path)
}
