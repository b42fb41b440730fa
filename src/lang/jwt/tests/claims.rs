//! How claims look to integrations, and which scopes a token carries.

use serde_json::json;

use super::*;

#[test]
fn every_claim_is_a_text() {
    let check = |value: Value, expected: &str| {
        let verified = verdict(json!({ "x": value })).unwrap();
        assert_eq!(verified.claims["x"], expected, "{value}");
    };
    check(json!("text"), "text");
    check(json!(""), "");
    check(json!(7), "7");
    check(json!(-7), "-7");
    check(json!(u64::MAX), "18446744073709551615");
    check(json!(1.5), "1.5");
    check(json!(true), "true");
    check(json!(false), "false");
    check(json!([]), "[]");
    check(json!(["a", "b"]), "[a b]");
    check(json!(["a b", "c"]), "[a b c]");
    check(json!([1, true, null, "x"]), "[1 true <nil> x]");
    check(json!([["a", "b"], ["c"]]), "[[a b] [c]]");
    check(json!([{ "a": 1 }]), r#"[{"a":1}]"#);
    check(json!({}), "{}");
    check(
        json!({ "a": [1, "b"], "c": null }),
        r#"{"a":[1,"b"],"c":null}"#,
    );
    check(json!("\"quoted\""), "\"quoted\"");
}

#[test]
fn null_is_left_out_and_the_order_is_kept() {
    let mint = &mints().p256;
    let payload = format!(
        r#"{{"z":null,"exp":{},"iss":"{ISSUER}","aud":["web"],"a":1}}"#,
        NOW + 600
    );
    let token = mint.sign_raw(r#"{"alg":"ES256","kid":"p256"}"#, &payload);
    let verified = verify(&token, &set(&[mint]), &rules(), at(NOW)).unwrap();
    let expected =
        json!({ "exp": (NOW + 600).to_string(), "iss": ISSUER, "aud": "[web]", "a": "1" });
    assert_eq!(
        Value::Object(verified.claims).to_string(),
        expected.to_string()
    );
}

#[test]
fn claims_name_nothing_twice_and_are_an_object() {
    let mint = &mints().p256;
    let check = |payload: &str| {
        let token = mint.sign_raw(r#"{"alg":"ES256","kid":"p256"}"#, payload);
        let verdict = verify(&token, &set(&[mint]), &rules(), at(NOW));
        assert_eq!(verdict, Err(JwtError::Claims), "{payload}");
    };
    check("");
    check("null");
    check("7");
    check("[]");
    check("\"text\"");
    check("{");
    check("{} {}");
    check(r#"{"exp":1,"exp":2}"#);
    check(r#"{"exp":1,"\u0065xp":2}"#);
    check(r#"{"a":{"b":1,"b":2}}"#);
    check(r#"{"a":[{"b":1,"b":2}]}"#);
    check(r#"{"exp":1e999}"#);
    check(r#"{"exp":NaN}"#);
    check(r#"{'exp':1}"#);
    check(&format!(
        r#"{{"a":{}1{}}}"#,
        "[".repeat(2000),
        "]".repeat(2000)
    ));
    check(&format!(
        r#"{{"a":{}1{}}}"#,
        r#"{"a":"#.repeat(400),
        "}".repeat(400)
    ));
    check("\u{feff}{}");
}

#[test]
fn scopes_come_from_scp_or_scope() {
    let check = |changes: Value, expected: &[&str]| {
        let verified = verdict(changes.clone()).unwrap();
        assert_eq!(verified.scopes, expected, "{changes}");
    };
    check(json!({}), &[]);
    check(json!({ "scope": "" }), &[]);
    check(json!({ "scope": "a" }), &["a"]);
    check(json!({ "scope": " a  b " }), &["a", "b"]);
    check(json!({ "scope": ["a"] }), &[]);
    check(json!({ "scope": 7 }), &[]);
    check(json!({ "scp": ["a", "b"] }), &["a", "b"]);
    check(json!({ "scp": ["a", 7, null] }), &["a"]);
    check(json!({ "scp": "a b" }), &["a", "b"]);
    check(json!({ "scp": "a", "scope": "b" }), &["a"]);
    check(json!({ "scp": [], "scope": "b" }), &[]);
    check(json!({ "scp": 7, "scope": "b" }), &[]);
}
