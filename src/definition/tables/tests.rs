use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use serde_json::{Value as Json, json};

use super::super::load_text;
use super::super::shape::{Form, Need, Object, Shape, Text};
use super::super::surroundings::fake::Fake;
use super::*;

/// Calls `visit` with every text rule and every object below a shape.
fn visit<'a>(
    shape: &'a Shape,
    texts: &mut dyn FnMut(&'a Text),
    objects: &mut dyn FnMut(&'a Object),
) {
    match shape {
        Shape::Text(rule) => texts(rule),
        Shape::Only { shape, .. } | Shape::Or(_, shape) => visit(shape, texts, objects),
        Shape::List { item, .. } => visit(item, texts, objects),
        Shape::Map { key, value, .. } => {
            texts(key);
            visit(value, texts, objects);
        }
        Shape::Object(object) => {
            objects(object);
            for field in object.fields {
                visit(field.shape, texts, objects);
            }
            for (_, other) in object.kind.map_or(&[][..], |kind| kind.others) {
                objects(other);
                for field in other.fields {
                    visit(field.shape, texts, objects);
                }
            }
        }
        Shape::Choice(_)
        | Shape::Integer { .. }
        | Shape::Number { .. }
        | Shape::Boolean
        | Shape::Duration { .. }
        | Shape::Document => {}
    }
}

/// A text that the rule accepts.
fn example_text(rule: &Text) -> &'static str {
    let candidates = [
        "a",
        "000000000000",
        "$default",
        "integrations/a",
        "route.request.header.a",
        "integration.request.header.a",
        "200",
        "aaaaaaaaaaaaaaaaaaaa",
        "https://id.example.com/",
        "a:1",
        "arn:aws:acm:us-east-1:000000000000:certificate/a",
        "s3://a/b",
    ];
    match rule.form {
        Form::Any | Form::Path => "a",
        Form::Pattern(pattern, _) => {
            let pattern = Regex::new(pattern).unwrap();
            candidates
                .into_iter()
                .find(|text| text.len() >= rule.min && pattern.is_match(text))
                .unwrap_or_else(|| panic!("no example for {pattern}"))
        }
        Form::Address => "127.0.0.1:0",
        Form::Network => "10.0.0.0/8",
        Form::Endpoint => "http://127.0.0.1:1",
        Form::Content(_) | Form::File(_) => "page.html",
        Form::Destination => "file:log",
    }
}

/// A value of the shape with everything in it that is supported.
fn full(shape: &Shape) -> Json {
    match shape {
        Shape::Text(rule) => json!(example_text(rule)),
        Shape::Choice(choices) => {
            let supported = choices.iter().find(|choice| choice.refused.is_none());
            json!(supported.unwrap().word)
        }
        Shape::Only {
            shape, accepted, ..
        } => match shape {
            Shape::Text(_) => json!(accepted[0]),
            _ => serde_json::from_str(accepted[0]).unwrap(),
        },
        Shape::Integer { min, .. } => json!(min),
        Shape::Number { min, .. } => json!(min),
        Shape::Boolean => json!(false),
        Shape::Duration { min_ms, .. } => json!(format!("{min_ms}ms")),
        Shape::Or(_, shape) => full(shape),
        Shape::List { item, .. } => json!([full(item)]),
        Shape::Map { key, value, .. } => {
            let mut entries = json!({ example_text(key): full(value) });
            if let Shape::Object(Object {
                kind: Some(kind), ..
            }) = value
            {
                for (number, (_, other)) in kind.others.iter().enumerate() {
                    entries[format!("a{number}")] = full(&Shape::Object(other));
                }
            }
            entries
        }
        Shape::Object(object) => {
            let supported = |field: &&super::super::shape::Field| {
                !matches!(field.need, Need::Refused(_)) && field.name != "include"
            };
            let fields = object.fields.iter().filter(supported);
            fields
                .map(|field| (field.name.to_owned(), full(field.shape)))
                .collect()
        }
        Shape::Document => json!({}),
    }
}

#[test]
fn every_pattern_compiles() {
    let mut count = 0;
    visit(
        &Shape::Object(&DEFINITION),
        &mut |text| {
            if let Form::Pattern(pattern, _) = text.form {
                Regex::new(pattern).unwrap();
                count += 1;
            }
        },
        &mut |_| {},
    );
    assert!(count > 10);
}

#[test]
fn every_table_has_its_own_name_and_no_key_twice() {
    let mut seen: BTreeMap<&str, *const Object> = BTreeMap::new();
    visit(&Shape::Object(&DEFINITION), &mut |_| {}, &mut |object| {
        let known = seen.insert(object.name, object);
        assert!(known.is_none_or(|known| std::ptr::eq(known, object)));
        let mut names: Vec<_> = object.fields.iter().map(|field| field.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{}", object.name);
    });
}

#[test]
fn everything_the_tables_support_is_in_the_model() {
    // The model refuses fields that it does not know, and so does this test.
    let definition = full(&Shape::Object(&DEFINITION)).to_string();
    let fake = Fake::default().file("page.html", "x");
    let loaded = load_text(&definition, Path::new(""), &fake).unwrap();
    let problems = loaded.report().finish();
    assert!(problems.is_empty(), "{definition}\n{problems:#?}");
}
