use std::fmt::Write as _;
use std::path::PathBuf;

use super::*;

fn origin() -> Arc<Origin> {
    Arc::new(Origin {
        name: "t.yaml".to_owned(),
        directory: PathBuf::from("."),
    })
}

fn read(text: &str) -> (Option<Node>, Vec<String>) {
    let mut report = Report::default();
    let node = parse(text, &origin(), &mut report);
    let problems = report.finish().iter().map(ToString::to_string).collect();
    (node, problems)
}

/// The tree in one line: text as written, quoted scalars in quotes.
fn outline(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if scalar.plain => scalar.text.clone(),
        Value::Scalar(scalar) => format!("{:?}", scalar.text),
        Value::Sequence(items) => {
            let items: Vec<_> = items.iter().map(outline).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Mapping(entries) => {
            let mut text = String::new();
            for entry in entries {
                write!(text, "{}={} ", entry.key, outline(&entry.value)).unwrap();
            }
            format!("{{{}}}", text.trim_end())
        }
    }
}

#[test]
fn texts_become_trees() {
    let check = |text: &str, expected: &str| {
        let (node, problems) = read(text);
        assert_eq!(problems, Vec::<String>::new(), "{text}");
        assert_eq!(outline(&node.unwrap()), expected, "{text}");
    };
    check("", "{}");
    check("# nothing", "{}");
    check("a: 1\nb: [x, 'y', \"z\"]", r#"{a=1 b=[x "y" "z"]}"#);
    check("404: 007\nyes: no", "{404=007 yes=no}");
    check("a: { $default: {} }", "{a={$default={}}}");
    check("a: !!str 12", r#"{a="12"}"#);
    check("a: |\n  x\n  y\n", "{a=\"x\\ny\\n\"}");
    check("a: &x { b: 1 }\nc: *x", "{a={b=1} c={b=1}}");
    check("\u{feff}a: 1", "{a=1}");
    check(
        "{\n\t\"a\": \"x\\/y\",\n\t\"b\": [true, null]\n}",
        r#"{a="x/y" b=[true null]}"#,
    );
    check(r#"{"a":"\ud83d\ude00\\ud83d\n"}"#, r#"{a="😀\\ud83d\n"}"#);
}

#[test]
fn everything_knows_its_place() {
    let (node, _) = read("a:\n  bé: { c: 7 }\n");
    let inner = node.unwrap();
    let inner = inner.get("a").and_then(|node| node.get("bé")).unwrap();
    assert_eq!(inner.place.to_string(), "t.yaml:2:7");
    let Value::Mapping(entries) = &inner.value else {
        panic!("not a map")
    };
    assert_eq!(entries[0].place.to_string(), "t.yaml:2:9");
    assert_eq!(entries[0].value.place.to_string(), "t.yaml:2:12");
}

#[test]
fn problems_name_their_place_and_remedy() {
    let check = |text: &str, expected: &str| {
        let (_, problems) = read(text);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(expected), "{text}: {problems:?}");
    };
    check("a: { target: ${x} }", "t.yaml:1:15: `{` begins a map");
    check("a: { target: ${x} }", "quote this");
    check("a: { s: ${env:FOO} }", "quote this");
    check("a: { b: $request{x} }", "quote this");
    check("a: { u: http://h/{id} }", "t.yaml:1:18: `{` cannot stand");
    check("a: { u: http://h/{id} }", "quote this");
    check("a: [ x[0] ]", "quote this");
    check(
        "a: { b: @x }",
        "`@` cannot begin an unquoted value; quote this",
    );
    check("a: @x", "quote this");
    check("a: %x", "`%` cannot begin an unquoted value; quote this");
    check("a: `x`", "quote this");
    check("a: *.example", "quote this");
    check("a: b: c", "quote this");
    check("a: \"x\" y", "quote this");
    check("a: {b: {{x}}}", "t.yaml:1:9: a key is text");
    check("a: 'x", "close the quote");
    check("a:\n\tb: 1", "indent with blanks");
    check("a: !x b", "t.yaml:1:4: `!` begins a YAML tag");
    check("a: 1\n---\nb: 1", "t.yaml:2:1: a second document");
    check(
        "a: 1\nb: 2\na: 3",
        "t.yaml:3:1: a: this key stands here twice, first at t.yaml:1:1",
    );
    check("a: &x { b: *x }", "inside the value it repeats");
}

#[test]
fn a_duplicate_key_does_not_hide_what_follows() {
    let (node, problems) = read("a: 1\na: { x: 1 }\nb: 2\na: 3");
    assert_eq!(outline(&node.unwrap()), "{a=1 b=2}");
    assert_eq!(problems.len(), 2);
}

#[test]
fn everything_is_bounded() {
    let check = |text: &str, expected: &str| {
        let (node, problems) = read(text);
        assert!(node.is_none());
        assert!(problems[0].contains(expected), "{problems:?}");
    };
    check(&"[".repeat(DEPTH + 1), "nested deeper than 64");
    check(&"{a: ".repeat(DEPTH + 1), "nested deeper than 64");
    check(&" ".repeat(TEXT_BYTES + 1), "larger than");

    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(laughs, "a{level}: &a{level} [{below}]").unwrap();
    }
    check(&laughs, "more than 1000000 values");

    let mut ladder = "a0: &a0 [x]\n".to_owned();
    for level in 1..=DEPTH {
        writeln!(ladder, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    check(&ladder, "nested deeper than 64");

    let long = "x".repeat(1024 * 1024);
    let repeats = "*a, ".repeat(17);
    check(
        &format!("a: &a {long}\nb: [{repeats}]"),
        "aliases repeat more than",
    );
}

#[test]
fn any_text_is_read_or_refused() {
    use proptest::prelude::*;
    proptest!(|(text in "[-a:{}\\[\\], \n\t'\"&*!|>%@`#?$\\\\u0-9]{0,80}")| {
        let (node, problems) = read(&text);
        prop_assert!(node.is_some() || !problems.is_empty());
    });
}
