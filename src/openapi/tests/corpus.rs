//! The fuzzing corpus, replayed: no input panics, and each ends as its file name says. And documents with something wrong put in.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::reading::SHOP;
use crate::definition::read_document;
use crate::openapi;

#[path = "../../../fuzz/checks/openapi.rs"]
mod check;

use check::Outcome;

#[test]
fn every_input_ends_as_its_name_says() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/openapi");
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(corpus).expect("the corpus is there") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        let data = std::fs::read(entry.path()).expect("an input");
        let ended = match check::check(&data) {
            Outcome::Imported => "imported",
            Outcome::Warned => "warned",
            Outcome::Refused => "refused",
        };
        // What the fuzzer adds is named by a hash and may end in any way.
        if let Some((expected, _)) = name.split_once('-') {
            assert_eq!(ended, expected, "{name}");
            seen.insert(ended);
        }
    }
    assert_eq!(seen, BTreeSet::from(["imported", "refused", "warned"]));
}

/// How many values there are in a value.
fn count(value: &Value) -> usize {
    let below: usize = match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    };
    below + 1
}

/// Puts `wrong` in place of one value, by its number; `None` when that was done.
fn replace(value: &mut Value, number: usize, wrong: &Value) -> Option<usize> {
    let Some(mut left) = number.checked_sub(1) else {
        *value = wrong.clone();
        return None;
    };
    let below: Box<dyn Iterator<Item = &mut Value>> = match value {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(members) => Box::new(members.values_mut()),
        _ => return Some(left),
    };
    for value in below {
        left = replace(value, left, wrong)?;
    }
    Some(left)
}

fn wrong() -> impl Strategy<Value = Value> {
    let reference = prop_oneof![
        Just("#/components/x-amazon-apigateway-integrations/shop"),
        Just("#/components/securitySchemes/pool"),
        Just("#/paths/~1signed"),
        Just("#"),
        Just("x"),
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{}, 1, "a"])),
        reference.prop_map(|to| json!({ "$ref": to })),
        "[a-zA-Z$~/ -]{0,6}".prop_map(|name| json!({ name: { "type": "request" } })),
    ]
}

proptest! {
    #[test]
    fn no_document_with_mistakes_in_it_does_harm(mistakes in prop::collection::vec((any::<prop::sample::Index>(), wrong()), 1..4)) {
        let mut document = read_document(SHOP, "body").expect("a document");
        for (place, wrong) in mistakes {
            let number = place.index(count(&document));
            replace(&mut document, number, &wrong);
        }
        check::check(document.to_string().as_bytes());
    }

    #[test]
    fn no_text_does_harm(text in "(openapi: 3.0.1\ninfo: \\{title: a\\}\n)?(paths|components|tags|servers|\\{|\\[|: |, |\\*a|&a |\n|  |\"|'|\\$ref|#/a|\\PC){0,20}") {
        check::check(text.as_bytes());
    }
}
