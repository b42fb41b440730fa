use proptest::prelude::*;

use super::*;

const ADDRESS: &str = "https://apigateway.amazonaws.com/restapis/chat/models/";

fn compiled(name: &str, schemas: Value) -> Result<Schema, Vec<SchemaError>> {
    let schemas: BTreeMap<String, Value> = serde_json::from_value(schemas).unwrap();
    let models = Models {
        api: "chat",
        schemas: &schemas,
    };
    Schema::compile(name, models)
}

fn schema(schema: Value) -> Schema {
    compiled("a", json!({ "a": schema })).unwrap()
}

/// A message of so many levels.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[test]
fn messages_fit_or_do_not() {
    let check = |definition: Value, good: &[Value], bad: &[Value]| {
        let schema = schema(definition.clone());
        for message in good {
            assert!(schema.accepts(message), "{definition} {message}");
        }
        for message in bad {
            assert!(!schema.accepts(message), "{definition} {message}");
            assert!(schema.explain(message).len() > 2, "{definition} {message}");
        }
    };
    check(json!({}), &[json!(1), json!({ "a": [] })], &[]);
    check(
        json!({ "$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } } }),
        &[json!({ "a": 1 }), json!({ "a": 1, "b": 2 })],
        &[json!([]), json!({}), json!({ "a": "1" })],
    );
    // Draft 4 and no other: a boolean beside a bound, and no constants.
    check(
        json!({ "minimum": 5, "exclusiveMinimum": true, "const": 7 }),
        &[json!(6)],
        &[json!(5)],
    );
    check(
        json!({ "pattern": "^(?=.*[0-9])[a-z0-9]{3,}$" }),
        &[json!("ab1"), json!(5)],
        &[json!("abc"), json!("a1")],
    );
    check(
        json!({ "type": "string", "format": "date-time" }),
        &[json!("2026-03-12T08:15:30Z")],
        &[json!("yesterday")],
    );
    // Names that a schema gives itself lead nowhere else.
    check(
        json!({ "id": "http://example.com/x", "definitions": { "b": { "id": "/b", "type": "integer" } }, "items": { "$ref": "#/definitions/b" } }),
        &[json!([1])],
        &[json!(["1"])],
    );
    // A property may have any name.
    check(
        json!({ "properties": { "id": { "type": "string" }, "$ref": { "type": "string" } } }),
        &[json!({ "id": "a", "$ref": "b" })],
        &[json!({ "id": 1 }), json!({ "$ref": 1 })],
    );
}

#[test]
fn models_refer_to_each_other() {
    let schemas = json!({
        "tree": { "type": "object", "properties": {
            "label": { "$ref": format!("{ADDRESS}label") },
            "children": { "type": "array", "items": { "$ref": "#" } },
        } },
        "label": { "$ref": "#/definitions/odd~1na~0me%20s" , "definitions": { "odd/na~me s": { "type": "string" } } },
        "deep": { "$ref": format!("{ADDRESS}tree#/properties/label") },
    });
    let tree = compiled("tree", schemas.clone()).unwrap();
    let leaf = json!({ "label": "x", "children": [] });
    assert!(tree.accepts(&json!({ "label": "x", "children": [leaf, leaf] })));
    assert!(!tree.accepts(&json!({ "children": [{ "children": [{ "label": 1 }] }] })));
    let deep = compiled("deep", schemas).unwrap();
    assert!(deep.accepts(&json!("x")) && !deep.accepts(&json!(1)));
}

#[test]
fn schemas_that_cannot_be_used_say_why() {
    let check = |schema: Value, pointer: &str, expected: &str| {
        let errors = compiled("a", json!({ "a": schema, "b": {} })).unwrap_err();
        let found = errors.iter().any(|error| {
            let said = format!("{}; {}", error.problem, error.remedy);
            error.model == "a" && error.pointer == pointer && said.contains(expected)
        });
        assert!(found, "{schema}: {errors:#?}");
    };
    check(json!(true), "", "a schema is a map");
    check(json!([]), "", "a schema is a map");
    check(json!({ "type": "text" }), "/type", "");
    check(
        json!({ "properties": { "x": { "minLength": -1 } } }),
        "/properties/x/minLength",
        "",
    );
    check(
        json!({ "$schema": "http://json-schema.org/draft-07/schema#" }),
        "/$schema",
        "draft 4",
    );
    for away in [
        "http://example.com/x",
        "file:///etc/passwd",
        "b",
        "",
        "#name",
        "https://apigateway.amazonaws.com/restapis/other/models/b",
    ] {
        check(json!({ "$ref": away }), "/$ref", "leads out of the models");
    }
    check(json!({ "$ref": 7 }), "/$ref", "leads out of the models");
    check(
        json!({ "items": { "$ref": format!("{ADDRESS}c") } }),
        "/items/$ref",
        "no such model",
    );
    check(
        json!({ "$ref": "#/definitions/x" }),
        "/$ref",
        "leads to nothing",
    );
    check(json!({ "pattern": "(" }), "/pattern", "regex");
}

#[test]
fn schemas_do_not_lead_back_to_themselves() {
    let check = |schemas: Value| {
        let errors = compiled("a", schemas.clone()).unwrap_err();
        assert!(
            errors[0].problem.contains("leads back to itself"),
            "{schemas}: {errors:#?}"
        );
    };
    check(json!({ "a": { "$ref": "#" } }));
    check(json!({ "a": { "allOf": [{ "$ref": "#" }] } }));
    check(json!({ "a": { "not": { "anyOf": [{ "$ref": "#/not" }] } } }));
    check(
        json!({ "a": { "$ref": format!("{ADDRESS}b") }, "b": { "oneOf": [{}, { "$ref": format!("{ADDRESS}a") }] } }),
    );
    check(json!({ "a": { "dependencies": { "x": { "$ref": "#" } } } }));
    let long: serde_json::Map<_, _> = (0..40)
        .map(|number| {
            (
                format!("d{number}"),
                json!({ "$ref": format!("#/definitions/d{}", number + 1) }),
            )
        })
        .chain([("d40".to_owned(), json!({}))])
        .collect();
    check(json!({ "a": { "definitions": long } }));
}

#[test]
fn deep_messages_are_refused_not_followed() {
    let tree = schema(json!({ "additionalProperties": { "$ref": "#" } }));
    assert!(tree.accepts(&nested(100)));
    assert!(!tree.accepts(&nested(MESSAGE_DEPTH + 1)));
    // As deep a schema at each level as can be.
    let wrapped = (0..CHAIN_IN_TEST).fold(
        json!({ "additionalProperties": { "$ref": "#" } }),
        |inner, _| json!({ "allOf": [inner] }),
    );
    let deep = schema(wrapped);
    assert!(deep.message_depth >= 30, "{deep:?}");
    let judge = move || {
        assert!(deep.accepts(&nested(deep.message_depth)));
        let message = nested(deep.message_depth + 1);
        assert!(!deep.accepts(&message));
        assert!(deep.explain(&message).contains("deeper than"));
    };
    // Half of what tokio gives a thread, and unoptimized.
    let thread = std::thread::Builder::new().stack_size(1024 * 1024);
    thread.spawn(judge).unwrap().join().unwrap();
}

const CHAIN_IN_TEST: usize = 28;

#[test]
fn many_ways_to_the_same_end_are_gone_once() {
    // Each level has two ways into the next: two to the power of the depth, if each were gone.
    let twice = schema(json!({ "anyOf": [
        { "properties": { "a": { "$ref": "#" } }, "required": ["x"] },
        { "properties": { "a": { "$ref": "#" } }, "required": ["y"] },
    ] }));
    let message = nested(100);
    assert!(!twice.accepts(&message));
    assert_eq!(
        twice.explain(&message),
        "[the message does not fit its model]"
    );
}

#[test]
fn explanations_name_places_and_keep_values_to_themselves() {
    let schema =
        schema(json!({ "required": ["a"], "properties": { "pin": { "type": "integer" } } }));
    let text = schema.explain(&json!({ "pin": "s3cr3t" }));
    assert!(text.starts_with('[') && text.ends_with(']'), "{text}");
    assert!(text.contains("/pin: ") && text.contains("\"a\""), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
}

#[test]
fn patterns_that_run_wild_do_not_fit() {
    let wild = schema(json!({ "pattern": "^(a|aa|(?=a)a)+$" }));
    assert!(wild.accepts(&json!("aaaa")));
    let message = json!(format!("{}b", "a".repeat(5000)));
    assert!(!wild.accepts(&message));
}

/// Something that is nearly a schema, or a message: JSON in which keywords are likely.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z#/$.*+()]{0,6}".prop_map(Value::from),
        Just(json!("#")),
        Just(json!("#/definitions/a")),
        Just(json!(format!("{ADDRESS}a"))),
        Just(json!("object")),
    ];
    let names = prop::sample::select(vec![
        "$ref",
        "$schema",
        "id",
        "type",
        "properties",
        "additionalProperties",
        "patternProperties",
        "definitions",
        "items",
        "additionalItems",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "dependencies",
        "required",
        "enum",
        "pattern",
        "format",
        "minimum",
        "exclusiveMinimum",
        "multipleOf",
        "maxLength",
        "uniqueItems",
        "a",
        "b",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let entry = (names.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(entry, 0..6).prop_map(|entries| {
                let entries = entries.into_iter();
                entries
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_written_or_sent_breaks_it(schema in anything(), other in anything(), message in anything()) {
        if let Ok(schema) = compiled("a", json!({ "a": schema, "b": other })) {
            let explained = schema.explain(&message);
            prop_assert!(schema.accepts(&message) || explained.len() > 2, "{explained}");
        }
    }
}
