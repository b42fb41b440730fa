//! A text in YAML or JSON that is no definition, read within the same bounds.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::diagnostic::{Diagnostic, Origin, Report};
use super::scalar::core;
use super::tree::{self, Node, Value};

/// Largest text that is read, in bytes: that of an import on AWS.
const TEXT_BYTES: usize = 6 * 1024 * 1024;
/// Longest key, in bytes. YAML bounds most keys so, by characters (YAML 1.2, 7.4.2); every place below a key names it.
const KEY_BYTES: usize = 1024;

/// The value that a text in YAML 1.2 or JSON stands for, with scalars as the core schema has them (YAML 1.2, 10.3.2). Keys are texts.
///
/// `name` stands for the text in messages. It may have 6 MiB and each key 1024 bytes; depth, the number of values and what aliases
/// repeat are bounded as in a definition.
///
/// # Errors
/// What is wrong, with line and column: syntax, keys that stand twice, tags, a text that is too large or too deep, a key that is too long.
pub fn read_document(text: &str, name: &str) -> Result<Json, Vec<Diagnostic>> {
    let origin = Arc::new(Origin {
        name: name.to_owned(),
        directory: PathBuf::new(),
    });
    if text.len() > TEXT_BYTES {
        let what = format!("is larger than {TEXT_BYTES} bytes");
        return Err(vec![Diagnostic::new(None, name, what, "make it smaller")]);
    }
    let mut report = Report::default();
    let root = tree::parse_any(text, &origin, &mut report);
    let value = root.map(|root| json(root, &mut report));
    let problems = report.finish();
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(problems),
    }
}

/// The value that a tree stands for, with scalars as the core schema has them.
pub(crate) fn document_value(node: Node) -> Json {
    // Only keys of documents from outside can be too long.
    json(node, &mut Report::default())
}

/// No deeper than the parser lets values be nested.
fn json(node: Node, report: &mut Report) -> Json {
    match node.value {
        Value::Scalar(scalar) => core(&scalar.text, scalar.plain),
        Value::Sequence(items) => items.into_iter().map(|item| json(item, report)).collect(),
        Value::Mapping(entries) => {
            let members = entries.into_iter().map(|entry| {
                if entry.key.len() > KEY_BYTES {
                    let what = format!("this key is longer than {KEY_BYTES} bytes");
                    report.add(Some(&entry.place), "", what, "make it shorter");
                }
                (entry.key, json(entry.value, report))
            });
            Json::Object(members.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_are_one() {
        let check = |text: &str, expected: Json| {
            assert_eq!(read_document(text, "body").ok(), Some(expected), "{text}");
        };
        check("a: [1, 'x', true, ~]", json!({ "a": [1, "x", true, null] }));
        check(
            r#"{"a":[1,"x",true,null]}"#,
            json!({ "a": [1, "x", true, null] }),
        );
        check(
            "{\n\t\"a\": {\n\t\t\"b\": 1.5\n\t}\n}\n",
            json!({ "a": { "b": 1.5 } }),
        );
        check("200: ok", json!({ "200": "ok" }));
        check("", json!({}));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let check = |text: &str, expected: &str| {
            let problems = read_document(text, "body").expect_err(text);
            let first = problems
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(first.contains(expected), "{text}: {first}");
        };
        check("a: 1\na: 2", "body:2:1: a: this key stands here twice");
        check("a: [", "body:");
        check("a: &x [*x]", "inside the value it repeats");
        check("a: !tag b", "tag");
        check(&"[".repeat(100), "deeper than 64 levels");
        check(&" ".repeat(TEXT_BYTES + 1), "larger than 6291456 bytes");
        let keyed = |length: usize| format!("{{\"a\": {{\"{}\": 1}}}}", "k".repeat(length));
        check(
            &keyed(KEY_BYTES + 1),
            "body:1:8: this key is longer than 1024 bytes",
        );
        assert!(read_document(&keyed(KEY_BYTES), "body").is_ok());
    }
}
