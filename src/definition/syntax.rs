//! What the YAML parser says, in words that help.
//!
//! Most syntax errors in definitions are quoting slips: `${...}`, `{id}` and `@` mean something to YAML. Nothing of the
//! text is repeated here beyond one character, because it may be a secret.

use std::borrow::Cow;

use saphyr_parser::ScanError;
use serde::de::IgnoredAny;

const QUOTE: &str = "quote this: put the whole value between double quotes";

/// What is wrong and how to fix it.
pub(super) fn explain(text: &str, error: &ScanError) -> (String, String) {
    let (before, at) = around(text, error.marker().index());
    let info = error.info();
    if before == Some('$') && at == Some('{') {
        return slip("`{` begins a map here, so `${...}` cannot stand unquoted in flow style");
    }
    if let (Some(before), Some(at @ ('{' | '['))) = (before, at)
        && !before.is_whitespace()
        && !",:[{".contains(before)
    {
        return slip(&format!(
            "`{at}` cannot stand in an unquoted value in flow style"
        ));
    }
    if info.starts_with("unexpected character") {
        let at = at.map_or_else(String::new, |at| format!("`{at}` "));
        return slip(&format!("{at}cannot begin an unquoted value"));
    }
    if info.contains("unknown anchor") {
        return slip("`*` begins an alias, and no value is anchored under that name");
    }
    if info.contains("trailing content") {
        return slip("there is text after the closing quote");
    }
    if info.contains("mapping values are not allowed") {
        let what = "a `:` followed by a blank makes this a map, which cannot stand here";
        let remedy = "quote this if it is a value, else correct the indentation";
        return (what.to_owned(), remedy.to_owned());
    }
    if info.contains("tab") {
        let remedy = "indent with blanks".to_owned();
        return (info.to_owned(), remedy);
    }
    if info.contains("unexpected end of stream") {
        return (info.to_owned(), "close the quote".to_owned());
    }
    let remedy = "correct the YAML here; a value with `{`, `}`, `[`, `]`, `,`, `: ` or ` #` in it needs quotes";
    (info.to_owned(), remedy.to_owned())
}

fn slip(what: &str) -> (String, String) {
    (what.to_owned(), QUOTE.to_owned())
}

/// The characters before and at an index.
fn around(text: &str, index: usize) -> (Option<char>, Option<char>) {
    let mut rest = text.chars().skip(index.saturating_sub(1));
    if index == 0 {
        return (None, rest.next());
    }
    (rest.next(), rest.next())
}

/// In JSON, a character beyond the basic plane is written as two escapes (RFC 8259 section 7); YAML wants one.
pub(super) fn join_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return Cow::Borrowed(text);
    }
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Cow::Borrowed(text);
    }
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    // A backslash occurs only inside strings, because the text is JSON.
    while let Some((plain, escape)) = rest.split_once('\\') {
        joined.push_str(plain);
        rest = match pair(escape) {
            Some((character, after)) => {
                joined.push_str(&format!("\\U{:08X}", u32::from(character)));
                after
            }
            None => {
                let mut characters = escape.chars();
                joined.push('\\');
                joined.extend(characters.next());
                characters.as_str()
            }
        };
    }
    joined.push_str(rest);
    Cow::Owned(joined)
}

/// The character written by two escapes of four digits each (RFC 8259, section 7) and what follows it.
fn pair(escape: &str) -> Option<(char, &str)> {
    let (high, rest) = unit(escape)?;
    let (low, rest) = unit(rest.strip_prefix('\\')?)?;
    let mut decoded = char::decode_utf16([high, low]);
    match (decoded.next(), decoded.next()) {
        (Some(Ok(character)), None) => Some((character, rest)),
        _ => None,
    }
}

fn unit(escape: &str) -> Option<(u16, &str)> {
    let rest = escape.strip_prefix('u')?;
    let (digits, rest) = rest.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}
