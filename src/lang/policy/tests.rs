//! Whole documents: decisions, conditions, and what is wrong with the malformed ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ACTION: &str = "execute-api:Invoke";
const RESOURCE: &str = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/$connect";

fn facts() -> Facts {
    Facts::new()
        .with(key::SOURCE_IP, "203.0.113.9")
        .with(key::CURRENT_TIME, "2026-04-14T22:16:59Z")
        .with(key::EPOCH_TIME, "1776205019")
        .with(key::SECURE_TRANSPORT, "true")
        .with(key::USER_AGENT, "wscat/5.0")
        .with(key::USERNAME, "ann")
        .with(
            key::PRINCIPAL_ARN,
            "arn:aws:iam::111122223333:user/team/ann",
        )
        .with(key::PRINCIPAL_ACCOUNT, "111122223333")
        .with("x:empty", "")
        .with_all("x:Tags", ["red".to_owned(), "blue".to_owned()])
}

fn decide(document: &Value) -> Decision {
    let policy = Policy::parse(document).unwrap();
    policy.evaluate(&Request {
        action: ACTION,
        resource: RESOURCE,
        facts: &facts(),
    })
}

fn statement(effect: &str, action: Value, resource: Value) -> Value {
    json!({"Effect": effect, "Action": action, "Resource": resource})
}

fn document(statements: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

#[test]
fn deny_wins_then_allow_then_nothing() {
    let allow = || statement("Allow", json!("*"), json!("*"));
    let deny = || statement("Deny", json!("execute-api:*"), json!([RESOURCE]));
    let other = || statement("Allow", json!("s3:*"), json!("*"));
    for (statements, expected) in [
        (json!(allow()), Decision::Allow),
        (json!([allow()]), Decision::Allow),
        (json!([other()]), Decision::ImplicitDeny),
        (json!([other(), allow()]), Decision::Allow),
        (json!([allow(), deny()]), Decision::ExplicitDeny),
        (json!([deny(), allow()]), Decision::ExplicitDeny),
        (json!([deny()]), Decision::ExplicitDeny),
    ] {
        assert_eq!(
            decide(&document(statements.clone())),
            expected,
            "{statements}"
        );
    }
}

#[test]
fn several_policies_decide_together() {
    let parse = |effect: &str, action: &str| {
        Policy::parse(&document(statement(effect, json!(action), json!("*")))).unwrap()
    };
    let (allow, deny, other) = (
        parse("Allow", "*"),
        parse("Deny", "*"),
        parse("Allow", "s3:x"),
    );
    let known = facts();
    let request = Request {
        action: ACTION,
        resource: RESOURCE,
        facts: &known,
    };
    for (policies, expected) in [
        (vec![], Decision::ImplicitDeny),
        (vec![&other], Decision::ImplicitDeny),
        (vec![&other, &allow, &other], Decision::Allow),
        (vec![&allow, &deny], Decision::ExplicitDeny),
        (vec![&deny, &allow], Decision::ExplicitDeny),
    ] {
        assert_eq!(evaluate_all(policies, &request), expected);
    }
}

#[test]
fn actions_and_resources_select() {
    let check = |element: Value, expected: bool| {
        let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let fields = statement.as_object_mut().unwrap();
        for (name, value) in element.as_object().unwrap() {
            fields.remove(name.trim_start_matches("Not"));
            fields.insert(name.clone(), value.clone());
        }
        let allowed = decide(&document(statement)) == Decision::Allow;
        assert_eq!(allowed, expected, "{element}");
    };
    check(json!({"Action": "execute-api:Invoke"}), true);
    check(json!({"Action": "EXECUTE-API:invoke"}), true);
    check(json!({"Action": "execute-api:Inv*"}), true);
    check(json!({"Action": "execute-api:Invok?"}), true);
    check(json!({"Action": "execute-api:ManageConnections"}), false);
    check(json!({"Action": ["s3:*", "execute-api:*"]}), true);
    check(json!({"NotAction": "s3:*"}), true);
    check(json!({"NotAction": ["s3:*", "execute-api:invoke"]}), false);
    check(json!({"Resource": RESOURCE}), true);
    check(json!({"Resource": RESOURCE.replace("prod", "Prod")}), false);
    check(json!({"Resource": "arn:aws:execute-api:*"}), true);
    check(
        json!({"Resource": "arn:aws:execute-api:*:*:a1b2c3d4e5/*"}),
        true,
    );
    check(
        json!({"Resource": "arn:aws:execute-api:*:*:*/dev/*"}),
        false,
    );
    check(
        json!({"Resource": ["arn:aws:s3:::x", "arn:*/$connect"]}),
        true,
    );
    check(json!({"NotResource": "arn:aws:s3:::x"}), true);
    check(json!({"NotResource": ["arn:aws:s3:::x", "*"]}), false);
    // A variable that has no value never helps.
    check(json!({"Resource": "arn:*${aws:missing}*"}), false);
    check(json!({"NotResource": "arn:*${aws:missing}*"}), false);
    check(json!({"Resource": "arn:*${aws:missing, 'prod'}*"}), true);
}

#[test]
fn an_undecided_exception_does_not_lift_a_deny() {
    let deny = json!({"Effect": "Deny", "Action": "*", "NotResource": "arn:*${aws:missing}*"});
    assert_eq!(decide(&document(deny)), Decision::ExplicitDeny);
    let condition = json!({"StringNotEquals": {"aws:username": "${aws:missing}"}});
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition});
    assert_eq!(decide(&document(deny)), Decision::ExplicitDeny);
}

#[test]
fn variables_need_the_newer_version() {
    let resource = "arn:aws:execute-api:*:${aws:PrincipalAccount}:*";
    for (version, expected) in [
        (json!({"Version": "2012-10-17"}), Decision::Allow),
        (json!({"Version": "2008-10-17"}), Decision::ImplicitDeny),
        (json!({}), Decision::ImplicitDeny),
    ] {
        let mut document = version.clone();
        document["Statement"] = statement("Allow", json!("*"), json!(resource));
        assert_eq!(decide(&document), expected, "{version}");
    }
}

/// Whether an allowing statement with this condition applies.
fn check(operator: &str, key: &str, values: Value, expected: bool) {
    let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    statement["Condition"] = json!({operator: {key: values.clone()}});
    let allowed = decide(&document(statement)) == Decision::Allow;
    assert_eq!(allowed, expected, "{operator} {key} {values}");
}

#[test]
fn text_conditions() {
    let name = "aws:username";
    check("StringEquals", name, json!("ann"), true);
    check("StringEquals", "AWS:UserName", json!("ann"), true);
    check("StringEquals", name, json!("Ann"), false);
    check("StringEquals", name, json!("a*"), false);
    check("StringEquals", name, json!(["bob", "ann"]), true);
    check("StringEquals", name, json!("${aws:username}"), true);
    check("StringEquals", "aws:missing", json!("ann"), false);
    check(
        "StringEquals",
        "aws:PrincipalAccount",
        json!(111122223333_u64),
        true,
    );
    check("StringNotEquals", name, json!("bob"), true);
    check("StringNotEquals", name, json!(["bob", "ann"]), false);
    check("StringNotEquals", "aws:missing", json!("ann"), true);
    check("StringNotEquals", name, json!("${aws:missing}"), false);
    check("StringEqualsIgnoreCase", name, json!("ANN"), true);
    check("StringNotEqualsIgnoreCase", name, json!("ANN"), false);
    check("StringLike", name, json!("a?n"), true);
    check("StringLike", name, json!(["b*", "*n"]), true);
    check("StringLike", name, json!("A*"), false);
    check("StringLike", "x:empty", json!("*"), true);
    check("StringLike", name, json!("${*}"), false);
    check("StringNotLike", name, json!("b*"), true);
    check("StringNotLike", name, json!("a*"), false);
}

#[test]
fn arn_conditions() {
    let arn = "aws:PrincipalArn";
    check(
        "ArnEquals",
        arn,
        json!("arn:aws:iam::111122223333:user/team/ann"),
        true,
    );
    check("ArnEquals", arn, json!("arn:aws:iam::*:user/*"), true);
    check("ArnLike", arn, json!("arn:*:iam::111122223333:*"), true);
    check("ArnLike", arn, json!("*"), true);
    check("ArnLike", arn, json!("arn:aws:*:user/team/ann:*:*"), false);
    check(
        "ArnLike",
        arn,
        json!("arn:aws:iam::${aws:PrincipalAccount}:user/*/${aws:username}"),
        true,
    );
    check("ArnLike", arn, json!("arn:aws:sts::*:*"), false);
    check("ArnNotLike", arn, json!("arn:aws:sts::*:*"), true);
    check("ArnNotEquals", arn, json!("arn:aws:iam::*:user/*"), false);
    // A fact that is no ARN is no reason to let anyone in.
    check("ArnLike", "aws:username", json!("arn:aws:iam::*:*"), false);
    check(
        "ArnNotLike",
        "aws:username",
        json!("arn:aws:iam::*:*"),
        false,
    );
}

#[test]
fn number_conditions() {
    let time = "aws:EpochTime";
    check("NumericEquals", time, json!("1776205019"), true);
    check("NumericEquals", time, json!(1_776_205_019), true);
    check("NumericEquals", time, json!("1776205019.0"), true);
    check("NumericNotEquals", time, json!("1776205019"), false);
    check("NumericNotEquals", "aws:missing", json!("1"), true);
    check("NumericLessThan", time, json!("1776205020"), true);
    check("NumericLessThan", time, json!("1776205019"), false);
    check("NumericLessThanEquals", time, json!("1776205019"), true);
    check("NumericGreaterThan", time, json!("1776205018"), true);
    check("NumericGreaterThan", time, json!("1776205019"), false);
    check("NumericGreaterThanEquals", time, json!("1776205019"), true);
    check("NumericGreaterThan", time, json!("-1e3"), true);
    check("NumericEquals", "aws:username", json!("1"), false);
    check("NumericNotEquals", "aws:username", json!("1"), false);
}

#[test]
fn date_conditions() {
    let now = "aws:CurrentTime";
    check("DateEquals", now, json!("2026-04-14T22:16:59Z"), true);
    check("DateEquals", now, json!("2026-04-15T00:16:59+02:00"), true);
    check("DateEquals", now, json!("1776205019"), true);
    check("DateNotEquals", now, json!("2026-04-14"), true);
    check("DateLessThan", now, json!("2026-04-15"), true);
    check("DateLessThan", now, json!("2026-04-14T22:16Z"), false);
    check(
        "DateLessThanEquals",
        now,
        json!("2026-04-14T22:16:59Z"),
        true,
    );
    check(
        "DateGreaterThan",
        now,
        json!("2026-04-14T22:16:58.5Z"),
        true,
    );
    check(
        "DateGreaterThanEquals",
        now,
        json!("2026-04-15T00:00:00Z"),
        false,
    );
    check(
        "DateGreaterThan",
        "aws:EpochTime",
        json!("2026-04-14"),
        true,
    );
}

#[test]
fn bool_and_binary_conditions() {
    check("Bool", "aws:SecureTransport", json!("true"), true);
    check("Bool", "aws:SecureTransport", json!(true), true);
    check("Bool", "aws:SecureTransport", json!("False"), false);
    check("Bool", "aws:missing", json!("false"), false);
    check("BoolIfExists", "aws:missing", json!("false"), true);
    check("BinaryEquals", "x:empty", json!(""), true);
    check("BinaryEquals", "x:empty", json!("QQ=="), false);
}

#[test]
fn address_conditions() {
    let source = "aws:SourceIp";
    check("IpAddress", source, json!("203.0.113.0/24"), true);
    check("IpAddress", source, json!("203.0.113.77/24"), true);
    check("IpAddress", source, json!("203.0.113.9"), true);
    check("IpAddress", source, json!("203.0.113.8"), false);
    check(
        "IpAddress",
        source,
        json!(["2001:db8::/32", "0.0.0.0/0"]),
        true,
    );
    check("IpAddress", source, json!("::/0"), false);
    check("NotIpAddress", source, json!("203.0.113.0/24"), false);
    check("NotIpAddress", source, json!("198.51.100.0/24"), true);
    check(
        "NotIpAddress",
        "aws:username",
        json!("198.51.100.0/24"),
        false,
    );
    let document = document(json!({
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"IpAddress": {source: ["2001:db8::/32", "198.51.100.7/32"]}}
    }));
    let policy = Policy::parse(&document).unwrap();
    for (address, expected) in [
        ("2001:db8::1", Decision::Allow),
        ("2001:db9::1", Decision::ImplicitDeny),
        ("198.51.100.7", Decision::Allow),
        ("::ffff:198.51.100.7", Decision::Allow),
        ("", Decision::ImplicitDeny),
    ] {
        let request = Request {
            action: ACTION,
            resource: RESOURCE,
            facts: &Facts::new().with(source, address),
        };
        assert_eq!(policy.evaluate(&request), expected, "{address}");
    }
}

#[test]
fn existence_conditions() {
    check("Null", "aws:username", json!("false"), true);
    check("Null", "aws:username", json!("true"), false);
    check("Null", "aws:missing", json!("true"), true);
    check("Null", "aws:missing", json!(false), false);
    check("Null", "x:empty", json!("false"), true);
    check("StringEqualsIfExists", "aws:missing", json!("x"), true);
    check("StringEqualsIfExists", "aws:username", json!("x"), false);
    check("StringNotEqualsIfExists", "aws:username", json!("x"), true);
}

#[test]
fn conditions_over_several_values() {
    check(
        "ForAnyValue:StringEquals",
        "x:Tags",
        json!(["red", "green"]),
        true,
    );
    check("ForAnyValue:StringEquals", "x:Tags", json!("green"), false);
    check("ForAnyValue:StringNotEquals", "x:Tags", json!("red"), true);
    check(
        "ForAnyValue:StringNotEquals",
        "x:Tags",
        json!(["red", "blue"]),
        false,
    );
    check(
        "ForAllValues:StringLike",
        "x:Tags",
        json!(["r*", "b*"]),
        true,
    );
    check("ForAllValues:StringLike", "x:Tags", json!("r*"), false);
    check("ForAllValues:StringNotLike", "x:Tags", json!("g*"), true);
    check("ForAllValues:StringEquals", "aws:missing", json!("x"), true);
    check("ForAnyValue:StringEquals", "aws:missing", json!("x"), false);
    check(
        "ForAnyValue:StringNotEquals",
        "aws:missing",
        json!("x"),
        false,
    );
    check(
        "ForAnyValue:StringEqualsIfExists",
        "aws:missing",
        json!("x"),
        true,
    );
    check("StringEquals", "x:Tags", json!("blue"), true);
    check("StringNotEquals", "x:Tags", json!("blue"), false);
}

#[test]
fn all_conditions_of_a_statement_must_hold() {
    let decide = |condition: Value| {
        let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        statement["Condition"] = condition;
        decide(&document(statement)) == Decision::Allow
    };
    assert!(decide(json!({})));
    let name = json!({"aws:username": "ann", "aws:PrincipalAccount": "111122223333"});
    assert!(decide(
        json!({"StringEquals": name, "Bool": {"aws:SecureTransport": "true"}})
    ));
    assert!(!decide(
        json!({"StringEquals": name, "Bool": {"aws:SecureTransport": "false"}})
    ));
    let name = json!({"aws:username": "ann", "aws:PrincipalAccount": "444455556666"});
    assert!(!decide(json!({"StringEquals": name})));
}

/// A document is refused with these problems, and no others.
fn refused(document: &Value, problems: &[(&str, &str)]) {
    let found = Policy::parse(document).unwrap_err();
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|problem| (problem.path.as_str(), problem.message.as_str()))
        .collect();
    assert_eq!(found, problems, "{document}");
    for (path, _) in problems {
        assert!(document.pointer(path).is_some(), "{path} points nowhere");
    }
}

#[test]
fn malformed_documents_are_refused() {
    refused(
        &json!("x"),
        &[("", "a policy is an object with Version and Statement")],
    );
    refused(&json!({}), &[("", "Statement is missing")]);
    refused(
        &json!({"Version": "2012-10-18", "Id": 1, "Statements": [], "Statement": []}),
        &[
            (
                "/Statements",
                "there is no element Statements; did you mean Statement?",
            ),
            ("/Id", "Id is a text"),
            ("/Version", "Version is 2012-10-17 or 2008-10-17"),
            (
                "/Statement",
                "Statement is an object or a list of at least one",
            ),
        ],
    );
    refused(
        &document(json!("x".repeat(POLICY_CHARACTERS_MAX))),
        &[("", "a policy has at most 20480 characters")],
    );
}

#[test]
fn malformed_statements_are_refused() {
    refused(
        &document(
            json!([{}, 1, {"Effect": "allow", "Action": [], "Resource": [1, "*"], "Sid": 7}]),
        ),
        &[
            ("/Statement/0", "Effect is missing: Allow or Deny"),
            ("/Statement/0", "Action or NotAction is missing"),
            ("/Statement/0", "Resource or NotResource is missing"),
            (
                "/Statement/1",
                "a statement is an object with Effect, Action and Resource",
            ),
            ("/Statement/2/Sid", "Sid is a text"),
            ("/Statement/2/Effect", "Effect is Allow or Deny"),
            ("/Statement/2/Action", "the list is empty"),
            ("/Statement/2/Resource/0", "a text or a list of texts"),
        ],
    );
    refused(
        &document(
            json!({"Effect": "Deny", "Action": "*", "NotAction": "*", "Resource": "x", "Principal": "*"}),
        ),
        &[
            (
                "/Statement/Principal",
                "Principal is only for policies attached to a resource; this one belongs to its caller",
            ),
            ("/Statement", "Action and NotAction exclude each other"),
            ("/Statement/Resource", "'x' is not a resource: an ARN or *"),
        ],
    );
    refused(
        &document(
            json!({"Effect": "Deny", "Action": "Invoke", "Resource": "arn:${", "NotPrincipal": {}}),
        ),
        &[
            (
                "/Statement/NotPrincipal",
                "NotPrincipal is only for policies attached to a resource; this one belongs to its caller",
            ),
            (
                "/Statement/Action",
                "'Invoke' is not an action: a service, a colon and a name, such as execute-api:Invoke",
            ),
            (
                "/Statement/Resource",
                "a policy variable has no closing brace; write ${$} for a plain $",
            ),
        ],
    );
}

#[test]
fn malformed_conditions_are_refused() {
    let check = |condition: Value, path: &str, message: &str| {
        let mut statement = statement("Allow", json!("*"), json!("*"));
        statement["Condition"] = condition;
        refused(
            &document(statement),
            &[(&format!("/Statement/Condition{path}"), message)],
        );
    };
    check(json!([]), "", "Condition is an object of operators");
    check(
        json!({"StringEqual": {"a:b": "c"}}),
        "/StringEqual",
        "there is no condition operator StringEqual; did you mean StringEquals?",
    );
    for name in [
        "stringequals",
        "NullIfExists",
        "ForAnyValue:Null",
        "ForSomeValue:StringEquals",
        "IfExists",
        "",
        "StringEqualsIfExistsIfExists",
    ] {
        let document = document(json!({
            "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {name: {"a:b": "true"}}
        }));
        let problems = Policy::parse(&document).unwrap_err();
        let told = format!("there is no condition operator {name}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.message.starts_with(&told)),
            "{problems:?}"
        );
    }
    check(
        json!({"StringEquals": {}}),
        "/StringEquals",
        "a condition operator has an object of keys and values",
    );
    check(
        json!({"StringEquals": {"username": "ann"}}),
        "/StringEquals/username",
        "'username' is not a condition key: a prefix, a colon and a name, such as aws:SourceIp",
    );
    check(
        json!({"StringEquals": {"aws:PrincipalTag/a~b": []}}),
        "/StringEquals/aws:PrincipalTag~1a~0b",
        "the list is empty",
    );
    check(
        json!({"Bool": {"a:b": null}}),
        "/Bool/a:b",
        "a text or a list of texts",
    );
    check(
        json!({"Bool": {"a:b": "yes"}}),
        "/Bool/a:b",
        "'yes' is neither true nor false",
    );
    check(
        json!({"Null": {"a:b": "1"}}),
        "/Null/a:b",
        "'1' is neither true nor false",
    );
    for number in ["x", "inf", "NaN", "", "1e999"] {
        check(
            json!({"NumericEquals": {"a:b": number}}),
            "/NumericEquals/a:b",
            &format!("'{number}' is not a number"),
        );
    }
    check(
        json!({"IpAddress": {"a:b": ["10.0.0.0/8", "10.0.0.0/33"]}}),
        "/IpAddress/a:b/1",
        "'10.0.0.0/33' is not an address or a range such as 203.0.113.0/24",
    );
    check(
        json!({"DateEquals": {"a:b": "tomorrow"}}),
        "/DateEquals/a:b",
        "'tomorrow' is not a date such as 2026-04-14T22:16:59Z or a number of seconds since 1970",
    );
    check(
        json!({"BinaryEquals": {"a:b": "?"}}),
        "/BinaryEquals/a:b",
        "'?' is not base64",
    );
    check(
        json!({"ArnLike": {"a:b": "arn:aws:iam::1"}}),
        "/ArnLike/a:b",
        "'arn:aws:iam::1' is not an ARN: six parts between colons, each of which may have wildcards",
    );
}

#[test]
fn authorizer_results_have_short_resources_of_any_form() {
    let of = |resource: &str| {
        document(statement(
            "Allow",
            json!("execute-api:Invoke"),
            json!(resource),
        ))
    };
    for resource in ["*", "*/prod/*", RESOURCE, &"x".repeat(512)] {
        assert!(
            Policy::parse_authorizer_result(&of(resource)).is_ok(),
            "{resource}"
        );
    }
    let problems = Policy::parse_authorizer_result(&of(&"x".repeat(513))).unwrap_err();
    assert_eq!(
        problems.first().map(ToString::to_string).unwrap(),
        "/Statement/Resource: a resource of an authorizer's policy has at most 512 characters"
    );
    let mut principal = of("*");
    principal["Statement"]["Principal"] = json!("*");
    assert!(Policy::parse_authorizer_result(&principal).is_err());
    let long = format!("arn:{}", "x".repeat(600));
    assert!(Policy::parse(&of(&long)).is_ok());
}

#[test]
fn denials_mask_the_account() {
    let request = Request {
        action: ACTION,
        resource: "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/dev/GET/orders",
        facts: &Facts::new(),
    };
    let user = "arn:aws:iam::111122223333:user/x";
    let message = "User: arn:aws:iam::111122223333:user/x is not authorized to perform: execute-api:Invoke \
                   on resource: arn:aws:execute-api:eu-central-1:********3333:a1b2c3d4e5/dev/GET/orders";
    assert_eq!(
        access_denied_message(user, &request, Decision::ImplicitDeny),
        message
    );
    assert_eq!(
        access_denied_message(user, &request, Decision::ExplicitDeny),
        format!("{message} with an explicit deny")
    );
    let odd = Request {
        resource: "x:é",
        ..request
    };
    assert!(
        access_denied_message(user, &odd, Decision::ImplicitDeny).ends_with("on resource: x:é")
    );
}

proptest! {
    #[test]
    fn an_explicit_deny_always_wins(
        mut statements in prop::collection::vec((any::<bool>(), "(\\*|execute-api:\\*|s3:x)", "(\\*|arn:\\*connect|arn:x)"), 0..6),
        at in any::<prop::sample::Index>(),
        deny_action in "(\\*|execute-api:\\*|execute-api:inv\\?ke)",
        deny_resource in "(\\*|arn:\\*|arn:\\*/\\$connect)",
    ) {
        let at = at.index(statements.len() + 1);
        statements.insert(at, (false, deny_action, deny_resource));
        let statements: Vec<Value> = statements
            .into_iter()
            .map(|(allow, action, resource)| {
                statement(if allow { "Allow" } else { "Deny" }, json!(action), json!(resource))
            })
            .collect();
        prop_assert_eq!(decide(&document(json!(statements))), Decision::ExplicitDeny);
    }

    #[test]
    fn no_text_panics(texts in prop::collection::vec("[*?${}'a:/,é]{0,12}", 5)) {
        let document = document(json!({
            "Effect": "Allow", "Action": texts[0], "Resource": texts[1],
            "Condition": {"StringLike": {"a:b": texts[2]}, "ArnLike": {"a:c": texts[3]}}
        }));
        let facts = Facts::new().with("a:b", &texts[4]).with("a:c", &texts[4]).with("a", &texts[4]);
        if let Ok(policy) = Policy::parse_authorizer_result(&document) {
            let request = Request { action: &texts[4], resource: &texts[4], facts: &facts };
            prop_assert_ne!(policy.evaluate(&request), Decision::ExplicitDeny);
        }
    }
}
