use proptest::prelude::*;
use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "action": "join", "n": 1, "f": 1.5, "yes": true, "nil": null,
        "items": [{"id": 7, "p": 5}, {"id": 8, "p": 15}], "tags": ["a", "b", null, ["c"]],
        "a b": {"it's": "spaced"}, "my-key": "dash", "$type": "dollar", "@id": "at", "cognito:groups": "colon", "ä": "umlaut"
    })
}

#[test]
fn finds_text() {
    fn check(path: &str, expected: Option<&str>) {
        let document = document();
        let parsed = JsonPath::parse(path).unwrap();
        assert_eq!(
            parsed
                .find(&document)
                .and_then(|found| found.text())
                .as_deref(),
            expected,
            "{path}"
        );
        assert_eq!(
            parsed.pick(&document.to_string()).unwrap().as_deref(),
            expected,
            "picked {path}"
        );
        assert_eq!(parsed.to_string(), path);
    }
    check("$.action", Some("join"));
    check("$['action']", Some("join"));
    check("$[ \"action\" ]", Some("join"));
    check("$.n", Some("1"));
    check("$.f", Some("1.5"));
    check("$.yes", Some("true"));
    check("$.nil", Some(""));
    check("$.nope", None);
    check("$.action.deeper", None);
    check("$.nil.deeper", None);
    check("$.action[0]", None);
    check("$[0]", None);
    check("$.items[0].id", Some("7"));
    check("$.items[1].id", Some("8"));
    check("$.items[2].id", None);
    check("$.items[-1].id", Some("8"));
    check("$.items[-3].id", None);
    check("$.items.id", None);
    check("$.items", Some(r#"[{"id":7,"p":5}, {"id":8,"p":15}]"#));
    check("$.items[0]", Some(r#"{"id":7,"p":5}"#));
    check("$.tags", Some("[a, b, null, [c]]"));
    check("$['a b']['it\\'s']", Some("spaced"));
    check("$['a b'][\"it's\"]", Some("spaced"));
    check("$.my-key", Some("dash"));
    check("$.$type", Some("dollar"));
    check("$.@id", Some("at"));
    check("$.cognito:groups", Some("colon"));
    check("$.ä", Some("umlaut"));
    check("$.items[*].id", Some("[7, 8]"));
    check("$.items.*.id", Some("[7, 8]"));
    check("$..id", Some("[7, 8]"));
    check("$..['id']", Some("[7, 8]"));
    check("$.items[0:1].id", Some("[7]"));
    check("$.items[0,1].id", Some("[7, 8]"));
    check("$['action','n']", Some("[join, 1]"));
    check("$.items[?(@.p < 10)].id", Some("[7]"));
    check("$.items[?@.p > 10 && @.id == 8].id", Some("[8]"));
    check("$.items[?(@.p > 100)].id", None);
    check("$.items[*].nope", None);
}

#[test]
fn finds_json() {
    fn check(path: &str, expected: &str) {
        let document = document();
        let found = JsonPath::parse(path)
            .unwrap()
            .find(&document)
            .unwrap()
            .json();
        assert_eq!(found.as_deref(), Some(expected), "{path}");
    }
    check("$.action", r#""join""#);
    check("$.nil", "null");
    check("$.items[0]", r#"{"id":7,"p":5}"#);
    check("$.tags", r#"["a","b",null,["c"]]"#);
    check("$.items[*].id", "[7,8]");
}

#[test]
fn refuses_with_place_and_remedy() {
    fn check(path: &str, position: usize, problem: &str) {
        let error = JsonPath::parse(path).unwrap_err();
        assert_eq!(
            (error.position, error.problem.as_str()),
            (position, problem),
            "{path}"
        );
        assert!(!error.remedy.is_empty());
    }
    check("", 1, "a JSON path starts with `$`");
    check("a.b", 1, "a JSON path starts with `$`");
    check("$a", 2, "a step of a JSON path starts with `.` or `[`");
    check("$.a b", 4, "a step of a JSON path starts with `.` or `[`");
    check("$.", 3, "the path ends with a dot");
    check("$.a.", 5, "the path ends with a dot");
    check("$.a.[0]", 5, "there is a dot before `[`");
    check("$.a.'b'", 5, "a name cannot start with `\\'`");
    check("$.a[", 4, "this `[` is never closed");
    check("$.a['b", 5, "this quote is never closed");
    check("$.a[]", 5, "the brackets are empty");
    check("$.a[ ]", 5, "the brackets are empty");
    check(
        "$['a\\n']",
        3,
        "this quoted name has an escape or control character that is not supported",
    );
    check("$[99999999999999999999]", 3, "the index is too large");
    check("$[9007199254740992]", 3, "the index is too large");
    check(
        "$..a..b",
        5,
        "a second `..` would make the cost of this path explode",
    );
    check(
        "$..a[?@..b]",
        9,
        "a second `..` would make the cost of this path explode",
    );
    check("$.a[?@ == $.b]", 11, "a filter cannot start again at `$`");
    check(
        "$.a[?match(@.b, '.*')]",
        11,
        "functions are not supported in filters",
    );
    check("$.a[0,1,2,3,4]", 12, "the path lists too many alternatives");
    check(
        "$[?((((((((@.a))))))))]",
        11,
        "the brackets are nested too deeply",
    );
    check(
        &format!("${}", ".a".repeat(129)),
        258,
        "the path has too many steps",
    );
    check(
        &format!("$.{}", "a".repeat(1024)),
        2,
        "the JSON path is too long",
    );
    check(
        &format!("$[?{}@.a]", "@.a||".repeat(8)),
        44,
        "the filters compare too many values",
    );
    check(
        "$.$.a",
        4,
        "a `$` inside a path does not start again at the root",
    );
    assert!(JsonPath::parse("$.a[01]").is_err());
    assert!(JsonPath::parse("$.a[?(@.b ~= 1)]").is_err());
    assert!(JsonPath::parse("$.items.length()").is_err());
}

#[test]
fn picking_checks_the_whole_text() {
    fn check(text: &str, expected: Result<Option<&str>, NotJson>) {
        let picked = JsonPath::parse("$.a").unwrap().pick(text);
        assert_eq!(
            picked
                .as_ref()
                .map(|found| found.as_deref())
                .map_err(|error| *error),
            expected,
            "{text}"
        );
        assert_eq!(validate(text).is_ok(), expected.is_ok(), "{text}");
        assert_eq!(
            serde_json::from_str::<Value>(text).is_ok(),
            expected.is_ok(),
            "{text}"
        );
    }
    let nested = |depth: usize| {
        format!(
            "{{\"a\":1,\"b\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    check(r#"{"a":"x"}"#, Ok(Some("x")));
    check(r#" {"a" : "x" } "#, Ok(Some("x")));
    check(r#"{"a":"x","a":"y"}"#, Ok(Some("y")));
    check(r#"{"\u0061":"x"}"#, Ok(Some("x")));
    check(r#"{"a":"\u0041\n"}"#, Ok(Some("A\n")));
    check(r#"{"a":-0}"#, Ok(Some("-0.0")));
    check(r#"{"a":1e2}"#, Ok(Some("100.0")));
    check(
        r#"{"a":18446744073709551615}"#,
        Ok(Some("18446744073709551615")),
    );
    check("{}", Ok(None));
    check("7", Ok(None));
    check("\"a\"", Ok(None));
    check("null", Ok(None));
    check("[1]", Ok(None));
    check(&nested(126), Ok(Some("1")));
    check(&nested(127), Err(NotJson));
    check(&nested(100_000), Err(NotJson));
    check("", Err(NotJson));
    check(" ", Err(NotJson));
    check("hi", Err(NotJson));
    check("{a:1}", Err(NotJson));
    check(r#"{"a":1,}"#, Err(NotJson));
    check(r#"{"a":1} x"#, Err(NotJson));
    check(r#"{"a":1}{}"#, Err(NotJson));
    check(r#"{"a":1,"b":"\ud800"}"#, Err(NotJson));
    check(r#"{"a":1,"b":1e999}"#, Err(NotJson));
    check(r#"{"a":1,"b":01}"#, Err(NotJson));
    check(r#"{"a":1,"b":NaN}"#, Err(NotJson));
    check("{\"a\":1,\"b\":\"\u{1}\"}", Err(NotJson));
    check("\u{feff}{\"a\":1}", Err(NotJson));
}

#[test]
fn a_plain_string_is_borrowed() {
    let picked = JsonPath::parse("$.a.b")
        .unwrap()
        .pick(r#"{"x":[1],"a":{"b":"text"}}"#);
    assert!(matches!(
        picked,
        Ok(Some(std::borrow::Cow::Borrowed("text")))
    ));
}

#[test]
fn later_duplicates_hide_earlier_ones_at_every_step() {
    let path = JsonPath::parse("$.a.b").unwrap();
    assert_eq!(path.pick(r#"{"a":{"b":1},"a":{}}"#), Ok(None));
    assert_eq!(path.pick(r#"{"a":{"b":1},"a":3}"#), Ok(None));
}

#[test]
fn text_is_bounded() {
    let wide = json!({ "a": vec!["x".repeat(1000); 300] });
    let path = JsonPath::parse("$.a").unwrap();
    assert_eq!(path.find(&wide).unwrap().text(), None);
    assert_eq!(path.find(&wide).unwrap().json(), None);
    assert_eq!(path.pick(&wide.to_string()), Ok(None));
    let many = JsonPath::parse("$..*").unwrap();
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let deep: Value = serde_json::from_str(&format!("[{}]", vec![deep; 600].join(","))).unwrap();
    assert_eq!(many.find(&deep).unwrap().text(), None);
    assert_eq!(many.find(&deep).unwrap().json(), None);
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn picking_agrees_with_building(
        value in json_values(),
        path in r"\$(\.[abc]|\[[0-3]\]|\['[abc]'\]){0,4}",
        cut in prop::option::of(0usize..64),
    ) {
        let mut text = value.to_string();
        if let Some(cut) = cut {
            text = text.chars().take(cut).collect();
        }
        let path = JsonPath::parse(&path).unwrap();
        let built = serde_json::from_str::<Value>(&text).map_err(|_| NotJson);
        let expected = built.map(|root| {
            path.find(&root).and_then(|found| found.text()).map(|text| text.into_owned())
        });
        prop_assert_eq!(path.pick(&text).map(|found| found.map(|text| text.into_owned())), expected);
    }

    #[test]
    fn any_text_is_parsed_or_refused(suffix in r"[.\[\]*?@$'a-c0-2:,()<=& \\-]{0,24}", value in json_values()) {
        if let Ok(path) = JsonPath::parse(&format!("${suffix}")) {
            let printed = JsonPath::parse(&path.to_string());
            prop_assert_eq!(printed.as_ref(), Ok(&path));
            let _found = path.find(&value);
        }
    }
}
