use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::lang;
use crate::lang::scope::tests::Facts;

#[path = "../../../fuzz/checks/selection.rs"]
mod fuzz_check;

const MESSAGE: &str = r#"{"service":"chat","action":"join","data":{"room":"r1"},"n":1,"yes":true,"nil":null,"list":["a","b"],"dollar":"$request.body.n"}"#;

fn key(expression: &str, message: &str) -> Option<String> {
    let expression = SelectionExpression::parse(expression).unwrap();
    match expression.route_key(message) {
        RouteKeyChoice::NotJson => None,
        RouteKeyChoice::Key(key) => Some(key.into_owned()),
    }
}

#[test]
fn route_keys() {
    fn check(expression: &str, expected: &str) {
        assert_eq!(
            key(expression, MESSAGE).as_deref(),
            Some(expected),
            "{expression}"
        );
        let facts = Facts::new(&[]).with_body(MESSAGE);
        let parsed = SelectionExpression::parse(expression).unwrap();
        assert_eq!(parsed.evaluate(&facts), expected, "evaluated {expression}");
    }
    check("$request.body.action", "join");
    check("${request.body.action}", "join");
    check(
        "${request.body.service}/${request.body.action}",
        "chat/join",
    );
    check("$request.body.service/$request.body.action", "chat/join");
    check("${request.body.action}-${request.body.nope}", "join-");
    check("action", "action");
    check("\\$default", "$default");
    check("$default", "$default");
    check("$request.body.data.room", "r1");
    check("$request.body['data']['room']", "r1");
    check("${request.body['data'].room}", "r1");
    check("$request.body.list[0]", "a");
    check("$request.body.list[-1]", "b");
    check("$request.body.list[*]", "[a, b]");
    check("$request.body.list", "[a, b]");
    check("$request.body..room", "[r1]");
    check("${request.body.list[?(@ == 'a')]}", "[a]");
    check("$request.body.data", r#"{"room":"r1"}"#);
    check("$request.body.n", "1");
    check("$request.body.yes", "true");
    check("$request.body.nil", "");
    check("$request.body.nope.deeper", "");
    check("$request.body.n.deeper", "");
    check("$request.body.dollar", "$request.body.n");
    check(
        "${request.body.dollar}${request.body.n}",
        "$request.body.n1",
    );
    check("\\${request.body.action}", "${request.body.action}");
    check("a\\$b", "a$b");
    check("pre $request.body.action post", "pre join post");
    check("}{", "}{");
    check("$request.body", MESSAGE);
    check("x$request.body.n", "x1");
}

#[test]
fn messages_that_are_not_an_object() {
    fn check(message: &str, expected: Option<&str>) {
        assert_eq!(
            key("$request.body.action", message).as_deref(),
            expected,
            "{message}"
        );
        let several = key("${request.body.action}${request.body.action}", message);
        assert_eq!(several.is_some(), expected.is_some(), "several {message}");
        assert_eq!(
            key("constant", message).is_some(),
            expected.is_some(),
            "constant {message}"
        );
    }
    check("", None);
    check(" ", None);
    check("hi", None);
    check("{action:\"join\"}", None);
    check("{\"action\":\"join\"", None);
    check("\"join\"", Some(""));
    check("7", Some(""));
    check("null", Some(""));
    check("[]", Some(""));
    check("{}", Some(""));
    check(r#"{"action":""}"#, Some(""));
    check(r#"{"action":"$connect"}"#, Some("$connect"));
    check(r#"{"action":"a","action":"b"}"#, Some("b"));
    check(&"[".repeat(100_000), None);
}

#[test]
fn other_variables() {
    fn check(expression: &str, expected: &str) {
        let facts = Facts::new(&[
            ("route.request.header.x-api-key", "k1"),
            ("route.request.querystring.q", "one"),
            ("route.request.querystring.q", "two"),
            ("context.authorizer.usageIdentifierKey", "k2"),
            ("stageVariables.tier", "gold"),
            ("integration.response.statuscode", "204"),
            ("integration.response.header.h", "1"),
            ("integration.response.header.h", "2"),
        ]);
        let facts = facts.with_response_body(r#"{"errorMessage":"no"}"#);
        let parsed = SelectionExpression::parse(expression).unwrap();
        assert_eq!(parsed.evaluate(&facts), expected, "{expression}");
    }
    check("$request.header.x-api-key", "k1");
    check("$request.querystring.q", "two");
    check("$context.authorizer.usageIdentifierKey", "k2");
    check("$context.connectionId", "");
    check("$stageVariables.tier", "gold");
    check("$integration.response.statuscode", "204");
    check("${response.statuscode}", "204");
    check("$integration.response.header.h", "2");
    check("$integration.response.multivalueheader.h", "1,2");
    check("$integration.response.multivalueheader.i", "");
    check("$integration.response.body.errorMessage", "no");
    check("$request.body.action", "");
    check("$request.body", "");
}

#[test]
fn variables_are_listed() {
    let expression = "${request.body.a}-${request.header.b}${context.stage}";
    let expression = SelectionExpression::parse(expression).unwrap();
    let listed: Vec<_> = expression
        .variables()
        .map(|v| (v.root(), v.written()))
        .collect();
    let expected = [
        (Root::RequestBody, "request.body.a"),
        (Root::RequestHeader, "request.header.b"),
        (Root::Context, "context.stage"),
    ];
    assert_eq!(listed, expected);
    assert_eq!(expression.constant(), None);
    assert_eq!(
        SelectionExpression::parse("\\$default").unwrap().constant(),
        Some("$default")
    );
}

#[test]
fn refuses_with_place_and_remedy() {
    fn check(text: &str, expected: &str) {
        assert_eq!(
            SelectionExpression::parse(text).unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
    let dollar = "a dollar sign starts a variable; write a variable such as $request.body.action, or \\$ for a literal dollar";
    let braces =
        "put braces around the variable when text follows it, as in ${request.body.action}-x";
    let backslash = "a backslash only escapes a dollar sign; write \\$ for a literal dollar, and no other backslash";
    check(
        "",
        "character 1: the expression is empty; write an expression such as $request.body.action",
    );
    check("$", &format!("character 1: {dollar}"));
    check("price $ 3", &format!("character 7: {dollar}"));
    check("$$request.body.a", &format!("character 1: {dollar}"));
    check("\\", &format!("character 1: {backslash}"));
    check("a\\b", &format!("character 2: {backslash}"));
    check(
        "ä${request.body.a",
        "character 2: this `${` is never closed; write the missing `}`",
    );
    check(
        "${request.body['a}",
        "character 1: this `${` is never closed; write the missing `}`",
    );
    check(
        "$request.body.action.",
        &format!("character 21: the variable ends in `.`; {braces}"),
    );
    check(
        "$request.body.action-$request.body.b",
        &format!("character 21: the variable ends in `-`; {braces}"),
    );
    check(
        "$connect",
        "character 2: there is no variable `connect`; write \\$connect for the literal text $connect",
    );
    check(
        "x$default",
        "character 3: there is no variable `default`; write \\$default for the literal text $default",
    );
    check(
        "$reqest.body.action",
        "character 2: there is no variable `reqest.body.action`; did you mean request.body?",
    );
    check(
        "$request.headers.a",
        "character 2: there is no variable `request.headers.a`; did you mean request.header?",
    );
    check(
        "$request.bodyaction",
        "character 2: there is no variable `request.bodyaction`; did you mean request.body?",
    );
    check(
        "$stageVariable.a",
        "character 2: there is no variable `stageVariable.a`; did you mean stageVariables?",
    );
    check(
        "$route.request.header.a",
        "character 2: there is no variable `route.request.header.a`; write request.header.a",
    );
    check(
        "$method.request.body.a",
        "character 2: there is no variable `method.request.body.a`; write request.body.a",
    );
    check(
        "$integration.response.statusCode",
        "character 2: there is no variable `integration.response.statusCode`; did you mean integration.response.statuscode?",
    );
    check(
        "$context.conectionId",
        "character 10: there is no variable context.conectionId; write context.connectionId",
    );
    check(
        "${request.header.a b}",
        "character 18: this is not a name; write letters, digits and . _ $ - only",
    );
    check(
        "${stageVariables.}",
        "character 18: this is not a name; write letters, digits and . _ $ - only",
    );
    check(
        "${request.body.}",
        "character 16: the path ends with a dot; write a name after the dot, or remove it; other characters go into ['a b']",
    );
    check(
        "a\nb",
        "character 2: there is a control character in the expression; remove it",
    );
    check(
        &"x".repeat(1025),
        "character 1: the expression is too long; write at most 1024 bytes",
    );
    check(
        &"${request.body.a}".repeat(17),
        "character 273: there are too many variables; write at most 16",
    );
    check(
        &"$request.body..a/".repeat(3),
        "character 35: there are too many variables that search the body; write at most 2 with `*`, `..` or filters",
    );
    assert!(SelectionExpression::parse("$request.body[").is_err());
    assert!(SelectionExpression::parse("${zzz}").is_err());
    assert!(SelectionExpression::parse("${}").is_err());
}

#[test]
fn prints() {
    fn check(text: &str, expected: &str) {
        let parsed = SelectionExpression::parse(text).unwrap();
        assert_eq!(parsed.to_string(), expected, "{text}");
        assert_eq!(SelectionExpression::parse(expected), Ok(parsed));
    }
    check("$request.body.action", "$request.body.action");
    check("${request.body.action}", "$request.body.action");
    check("${request.body['a}b']}", "$request.body['a}b']");
    check("${request.body.a:b}", "${request.body.a:b}");
    check(
        "$request.body.a/$request.body.b",
        "${request.body.a}/${request.body.b}",
    );
    check("\\$default", "\\$default");
    check("$default", "\\$default");
    check("a", "a");
}

#[test]
fn the_fuzz_corpus_holds() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/selection");
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        fuzz_check::check(&std::fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 38, "only {replayed} inputs");
}

#[test]
fn the_common_shape_borrows() {
    let expression = SelectionExpression::parse("$request.body.a.b").unwrap();
    let chosen = expression.route_key(r#"{"x":[{}],"a":{"b":"key"}}"#);
    assert!(matches!(chosen, RouteKeyChoice::Key(Cow::Borrowed("key"))));
}

fn expressions() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z/ {}]{1,4}",
        Just("\\$".to_owned()),
        Just("${request.body.a}".to_owned()),
        Just("$request.body.b[0]".to_owned()),
        Just("${request.body['c d'].e}".to_owned()),
        Just("$request.body..f".to_owned()),
        Just("${context.stage}".to_owned()),
        Just("$stageVariables.x".to_owned()),
        Just("${request.header.X-Y}".to_owned()),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn parse_reads_what_print_writes(text in expressions()) {
        if let Ok(parsed) = SelectionExpression::parse(&text) {
            let printed = parsed.to_string();
            let again = SelectionExpression::parse(&printed);
            prop_assert_eq!(again.as_ref(), Ok(&parsed), "{}", printed);
        }
    }

    #[test]
    fn anything_is_parsed_or_refused(text in r"[$\\{}\[\]'.*a-c/ ]{0,20}|.{0,20}", message in ".{0,40}") {
        if let Ok(parsed) = SelectionExpression::parse(&text) {
            let again = SelectionExpression::parse(&parsed.to_string());
            prop_assert_eq!(again.as_ref(), Ok(&parsed));
            let is_json = serde_json::from_str::<Value>(&message).is_ok();
            prop_assert_eq!(parsed.route_key(&message) != RouteKeyChoice::NotJson, is_json);
        }
    }

    #[test]
    fn a_route_key_is_what_evaluation_gives(
        text in expressions(),
        a in ".{0,6}",
        b in prop::collection::vec(any::<i32>(), 0..3),
    ) {
        let message = serde_json::json!({ "a": a, "b": b, "c d": { "e": b, "f": a } }).to_string();
        if let Ok(parsed) = SelectionExpression::parse(&text) {
            let facts = Facts::new(&[]).with_body(&message);
            let expected = parsed.evaluate(&facts);
            let is_expected = matches!(parsed.route_key(&message), RouteKeyChoice::Key(key) if key == expected);
            prop_assert!(is_expected);
        }
    }
}
