use proptest::prelude::*;

use super::*;
use crate::lang::scope::tests::Facts;

fn line(format: &str, facts: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let format = AccessLogFormat::parse(format, Protocol::WebSocket).unwrap();
    format.render(&Facts::new(facts), &mut out);
    out
}

#[test]
fn renders() {
    fn check(format: &str, expected: &str) {
        let facts = [
            ("context.requestId", "R="),
            ("context.extendedRequestId", "X="),
            ("context.routeKey", "$default"),
            ("context.status", "200"),
            (
                "context.identity.userAgent",
                "a \"b\" \\c\r\nd\u{0}\u{85}\u{2028}",
            ),
            ("context.authorizer.tenant", "acme"),
            ("context.authorizer.a-b", "dash"),
            ("context.error.message", "Say \"no\""),
        ];
        assert_eq!(line(format, &facts), expected, "{format}");
    }
    check("$context.requestId", "R=");
    check("${context.requestId}", "R=");
    check("$context.extendedRequestId", "X=");
    check("$context.requestId.", "R=.");
    check("$context.requestId...", "R=...");
    check("$context.requestId$context.status", "R=200");
    check("$context.requestId-$context.status", "R=-200");
    check("${context.requestId}1", "R=1");
    check(
        "$context.requestId - - [$context.requestTime]",
        "R= - - [-]",
    );
    check("$context.requestId $context.routeKey", "R= $default");
    check("$context.requestId $context.authorizer.tenant", "R= acme");
    check("$context.requestId $context.authorizer.nope", "R= -");
    check("$context.requestId ${context.authorizer.a-b}", "R= dash");
    check("$context.requestId $context.error.message", "R= Say \"no\"");
    check(
        "$context.requestId $context.error.messageString",
        "R= \"Say \\\"no\\\"\"",
    );
    // Between quotes nothing ends the field; elsewhere values are as they are, but for what would end the line.
    check(
        r#"$context.requestId "$context.error.message" $context.error.message"#,
        r#"R= "Say \"no\"" Say "no""#,
    );
    check(
        "$context.requestId,$context.identity.userAgent",
        "R=,a \"b\" \\c\\r\\nd\\u0000\\u0085\\u2028",
    );
    check(
        r#"{"a\"b":$context.requestId,"c":"$context.error.message"}"#,
        r#"{"a\"b":R=,"c":"Say \"no\""}"#,
    );
    check(
        r#"{"id":"$context.requestId","ua":"$context.identity.userAgent"}"#,
        r#"{"id":"R=","ua":"a \"b\" \\c\r\nd\u0000\u0085\u2028"}"#,
    );
}

#[test]
fn an_unset_message_string_keeps_its_quotes() {
    let text = r#"{"id":"$context.requestId","error":$context.error.messageString}"#;
    assert_eq!(line(text, &[]), r#"{"id":"-","error":"-"}"#);
}

#[test]
fn values_are_bounded() {
    let long = "\u{1}".repeat(10_000);
    let text = line("$context.requestId", &[("context.requestId", &long)]);
    assert_eq!(text, "\\u0001".repeat(VALUE_BYTES / 6));
    let variables = "$context.stage".repeat(ACCESS_LOG_FORMAT_BYTES / 14 - 2);
    let format = format!("$context.requestId{variables}");
    let text = line(
        &format,
        &[("context.stage", &long), ("context.requestId", &long)],
    );
    assert!(text.len() < 1_000_000, "{}", text.len());
}

#[test]
fn refuses_with_place_and_remedy() {
    fn check(format: &str, expected: &str) {
        let message = AccessLogFormat::parse(format, Protocol::WebSocket)
            .unwrap_err()
            .to_string();
        assert_eq!(message, expected, "{format}");
    }
    let id = "character 1: the format has no request id; add $context.requestId or $context.extendedRequestId";
    let only = "an access log format has $context variables only; write variables as $context.NAME";
    check("", id);
    check("text", id);
    check("$context.connectionId", id);
    check("context.requestId", id);
    check(
        "$context.requestId $stageVariables.x",
        &format!("character 20: {only}"),
    );
    check("$context.requestId $", &format!("character 20: {only}"));
    check("$context.requestId ${x}", &format!("character 20: {only}"));
    check("$contextrequestId", &format!("character 1: {only}"));
    check(
        "ä ${context.requestId",
        "character 3: this `${` is never closed; write the missing `}`",
    );
    check(
        "$context.requestID",
        "character 10: there is no variable context.requestID; write context.requestId",
    );
    check(
        "$context.requestId $context.conectionId",
        "character 29: there is no variable context.conectionId; write context.connectionId",
    );
    check(
        "$context.requestId\n",
        "character 19: the format has more than one line; write it on one line",
    );
    check(
        "$context.requestId\r",
        "character 19: the format has more than one line; write it on one line",
    );
    check(
        "\t$context.requestId",
        "character 1: there is a control character in the format; remove it",
    );
    check(
        "$context.requestId x\u{2028}",
        "character 21: there is a control character in the format; remove it",
    );
    let long = format!("$context.requestId{}", "x".repeat(3072));
    check(
        &long,
        "character 1: the format has 3090 bytes; write at most 3072",
    );
    assert!(AccessLogFormat::parse("$context.", Protocol::WebSocket).is_err());
    assert!(AccessLogFormat::parse("${context.}", Protocol::WebSocket).is_err());
    assert!(
        AccessLogFormat::parse("$context.identity $context.requestId", Protocol::WebSocket)
            .is_err()
    );
}

#[test]
fn variables_are_listed() {
    let format =
        AccessLogFormat::parse("a $context.requestId ${context.stage}", Protocol::WebSocket)
            .unwrap();
    assert_eq!(
        format.variables().collect::<Vec<_>>(),
        ["context.requestId", "context.stage"]
    );
    assert_eq!(
        format.to_string(),
        "a ${context.requestId} ${context.stage}"
    );
}

proptest! {
    #[test]
    fn one_event_is_one_line_of_valid_json(values in prop::collection::vec(any::<String>(), 3)) {
        let facts = [
            ("context.requestId", values[0].as_str()),
            ("context.identity.userAgent", values[1].as_str()),
            ("context.error.message", values[2].as_str()),
        ];
        let format = r#"{"a":"$context.requestId","b":"${context.identity.userAgent}","c":$context.error.messageString}"#;
        let text = line(format, &facts);
        prop_assert!(!text.chars().any(breaks_line));
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(parsed["a"].as_str(), Some(values[0].as_str()));
        prop_assert_eq!(parsed["b"].as_str(), Some(values[1].as_str()));
        prop_assert_eq!(parsed["c"].as_str(), Some(values[2].as_str()));
    }

    #[test]
    fn parse_reads_what_print_writes(text in r"([ -#%-~]{0,6}(\$context\.(requestId|stage)|\$\{context\.authorizer\.[a-z]{1,3}\})){1,4}|.{0,30}") {
        if let Ok(format) = AccessLogFormat::parse(&text, Protocol::WebSocket) {
            let again = AccessLogFormat::parse(&format.to_string(), Protocol::WebSocket);
            prop_assert_eq!(again.as_ref(), Ok(&format));
        }
    }
}
