//! JSON to YAML as a person would write it: block style where it is long, flow style where it fits a line, quotes where needed.
//!
//! The same value gives the same text, and [`super::tree`] reads the same value from it. Nothing here knows a definition.

use serde_json::{Map, Value};

use super::scalar::core;

/// Longest line that is written in flow style, in characters.
const WIDTH: usize = 110;
/// Longest key that stands before its value, in characters. YAML 1.2 section 7.4.2: 1024, quotes included.
const KEY_CHARACTERS: usize = 1000;
/// Nesting of what is written in flow style at most.
const FLOW_HEIGHT: usize = 3;
/// Down to this depth a map of maps is always written as a block.
const SECTIONS_DEPTH: usize = 2;
const INDENT: &str = "  ";
/// Words that readers of YAML 1.1 take for something else than text.
const WORDS: [&str; 8] = ["yes", "no", "on", "off", "y", "n", "=", "<<"];

/// The whole text of a value.
pub(super) fn render(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => block_map(members, 0, &mut text),
        Value::Array(items) if !items.is_empty() => block_list(items, 0, &mut text),
        other => {
            text.push_str(&flow(other));
            text.push('\n');
        }
    }
    text
}

/// A value on one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key, true), flow(value)));
            match members.collect::<Vec<_>>().join(", ") {
                inner if inner.is_empty() => "{}".to_owned(),
                inner => format!("{{ {inner} }}"),
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => scalar(text, true),
        other => other.to_string(),
    }
}

fn block_map(members: &Map<String, Value>, depth: usize, text: &mut String) {
    for (key, value) in members {
        text.push_str(&INDENT.repeat(depth));
        let key = scalar(key, true);
        if key.chars().count() > KEY_CHARACTERS {
            // The explicit form has no limit.
            text.push_str(&format!("? {key}\n{}:", INDENT.repeat(depth)));
        } else {
            text.push_str(&format!("{key}:"));
        }
        after_key(value, depth, key.chars().count(), text);
    }
}

fn after_key(value: &Value, depth: usize, before: usize, text: &mut String) {
    if let Some(lines) = literal(value) {
        let chomp = if lines.ends_with('\n') { "" } else { "-" };
        text.push_str(&format!(" |{chomp}\n"));
        for line in lines.lines() {
            if !line.is_empty() {
                text.push_str(&INDENT.repeat(depth + 1));
                text.push_str(line);
            }
            text.push('\n');
        }
        return;
    }
    let room = WIDTH.saturating_sub(before + depth * INDENT.len());
    match value {
        Value::Object(members) if !members.is_empty() && !fits(value, depth, room) => {
            text.push('\n');
            block_map(members, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() && !fits(value, depth, room) => {
            text.push('\n');
            block_list(items, depth + 1, text);
        }
        Value::String(plain) => text.push_str(&format!(" {}\n", scalar(plain, false))),
        other => text.push_str(&format!(" {}\n", flow(other))),
    }
}

fn block_list(items: &[Value], depth: usize, text: &mut String) {
    for item in items {
        text.push_str(&INDENT.repeat(depth));
        text.push('-');
        match item {
            Value::Object(members) if !members.is_empty() && !fits(item, depth, WIDTH) => {
                let mut inner = String::new();
                block_map(members, depth + 1, &mut inner);
                // The first key stands behind the dash.
                let inner = inner.strip_prefix(&INDENT.repeat(depth + 1));
                text.push_str(&format!(" {}", inner.unwrap_or_default()));
            }
            Value::Array(inner) if !inner.is_empty() && !fits(item, depth, WIDTH) => {
                text.push('\n');
                block_list(inner, depth + 1, text);
            }
            Value::String(plain) => text.push_str(&format!(" {}\n", scalar(plain, false))),
            other => text.push_str(&format!(" {}\n", flow(other))),
        }
    }
}

/// Whether a collection is written in flow style.
fn fits(value: &Value, depth: usize, room: usize) -> bool {
    let inner_map = |value: &Value| value.as_object().is_some_and(|map| !map.is_empty());
    let section = match value {
        Value::Object(members) => members.values().any(inner_map),
        _ => false,
    };
    depth > 0
        && !(section && depth <= SECTIONS_DEPTH)
        && height(value) <= FLOW_HEIGHT
        && flow(value).chars().count() <= room
}

fn height(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(height).max().unwrap_or_default(),
        Value::Array(items) => 1 + items.iter().map(height).max().unwrap_or_default(),
        _ => 0,
    }
}

/// A text of several lines that can stand as it is.
fn literal(value: &Value) -> Option<&str> {
    let text = value.as_str()?;
    let body = text.strip_suffix('\n').unwrap_or(text);
    let sound = |line: &str| {
        !line.ends_with([' ', '\t'])
            && !line.starts_with('\t')
            && line.chars().all(|c| c == '\t' || is_printable(c))
    };
    let begins = !body.starts_with([' ', '\n']) && !body.ends_with('\n');
    (body.contains('\n') && begins && body.split('\n').all(sound)).then_some(text)
}

/// A text as a scalar, quoted where it would else be something different.
fn scalar(text: &str, in_flow: bool) -> String {
    let printable = text.chars().all(is_printable);
    if printable && is_plain(text, in_flow) {
        return text.to_owned();
    }
    if printable && text.contains(['"', '\\']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other if is_printable(other) => quoted.push(other),
            other => quoted.push_str(&format!("\\U{:08X}", u32::from(other))),
        }
    }
    quoted.push('"');
    quoted
}

fn is_printable(character: char) -> bool {
    let odd = matches!(
        character,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    );
    !character.is_control() && !odd
}

fn is_plain(text: &str, in_flow: bool) -> bool {
    let first = text.chars().next();
    let begins = first.is_some_and(|c| c.is_alphanumeric() || "$/._(".contains(c));
    let special = if in_flow { ",[]{}:" } else { "" };
    let numeric = first.is_some_and(|c| c.is_ascii_digit() || c == '.')
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || "xo_.+-:".contains(c));
    begins
        && !numeric
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(|c| special.contains(c))
        && !(in_flow && text.contains([' ', '#', '"', '\'']))
        && !text.starts_with("...")
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
        && core(text, true).is_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::super::diagnostic::{Origin, Report};
    use super::super::tree::{self, Node, Value as Tree};
    use super::*;

    fn read(node: &Node) -> Value {
        match &node.value {
            Tree::Scalar(scalar) => core(&scalar.text, scalar.plain),
            Tree::Sequence(items) => items.iter().map(read).collect(),
            Tree::Mapping(entries) => {
                let members = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), read(&entry.value)));
                Value::Object(members.collect())
            }
        }
    }

    fn round(value: &Value) {
        let text = render(value);
        let mut report = Report::default();
        let origin = Arc::new(Origin {
            name: "a.yaml".to_owned(),
            directory: PathBuf::from("."),
        });
        let node = tree::parse(&text, &origin, &mut report);
        assert!(report.is_empty(), "{text}\n{:?}", report.finish());
        assert_eq!(read(&node.unwrap()), *value, "{text}");
    }

    #[test]
    fn short_things_stand_on_a_line_and_long_ones_do_not() {
        let value = json!({ "apis": { "chat": {
            "protocolType": "WEBSOCKET",
            "routeSelectionExpression": "$request.body.action",
            "routes": { "$connect": { "target": "integrations/a", "routeResponses": { "$default": {} } }, "GET /{x}": {} },
            "stages": { "prod": {} },
            "version": "1.0", "description": "a: b", "ratio": 1.5, "on": "off",
            "script": "a\n  b\n\nc\n",
            "quoted": "{\"a\": 1}",
            "list": ["x".repeat(60), "y".repeat(60)],
            "deep": [{ "one": "x".repeat(60), "two": "x".repeat(60) }],
        } } });
        let (x, y) = ("x".repeat(60), "y".repeat(60));
        let expected = format!(
            "apis:\n  chat:\n    protocolType: WEBSOCKET\n    routeSelectionExpression: $request.body.action\n    routes:\n      \
             $connect: {{ target: integrations/a, routeResponses: {{ $default: {{}} }} }}\n      \"GET /{{x}}\": {{}}\n    \
             stages: {{ prod: {{}} }}\n    version: \"1.0\"\n    description: \"a: b\"\n    ratio: 1.5\n    \"on\": \"off\"\n    \
             script: |\n      a\n        b\n\n      c\n    quoted: '{{\"a\": 1}}'\n    list:\n      - {x}\n      - {y}\n    \
             deep:\n      - one: {x}\n        two: {x}\n"
        );
        assert_eq!(render(&value), expected);
        round(&value);
    }

    fn text() -> impl Strategy<Value = String> {
        let odd = "(?s)[ -~\\t\\n\\r#:\"'{}\\[\\],&*!|>%@`\u{85}\u{2028}\u{feff}é😀-]{0,12}";
        let words = prop::sample::select(vec![
            "true",
            "null",
            "~",
            "1",
            "0x1f",
            "1e3",
            ".5",
            "...",
            "---",
            "- a",
            "? a",
            "a: b",
            "a #b",
            "$default",
            "${stageVariables.x}",
            "yes",
            "",
            " ",
            "a\n",
            "\na",
            "a\nb",
            " a\nb",
            "a \nb",
            "a\n\n",
            "http://x/{y}",
            "function:a",
            "/2\\d\\d/",
            "{\"a\":1}",
            "it's",
            "2012-10-17",
            "1:30",
            "=",
            "<<",
        ]);
        prop_oneof![odd, words.prop_map(str::to_owned)]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e12..1e12f64).prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(text(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_what_it_was(value in value()) {
            let whole = match value {
                // Nothing at all is an empty map to a reader.
                Value::Null => json!({}),
                other => other,
            };
            round(&whole);
        }

        #[test]
        fn long_keys_read_as_what_they_were(length in 900..1100usize) {
            round(&json!({ "a": { "k".repeat(length): { "b": 1 } } }));
        }
    }
}
