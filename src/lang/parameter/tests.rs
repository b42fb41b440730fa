use proptest::prelude::*;

use super::*;
use crate::lang::scope::tests::Facts;

fn facts() -> Facts {
    Facts::new(&[
        ("context.connectionId", "abc="),
        ("context.authorizer.tenant", "acme"),
        ("stageVariables.tier", "gold"),
        ("route.request.header.h", "1"),
        ("route.request.header.h", "2"),
        ("route.request.querystring.q", "x"),
        ("route.request.querystring.q", "y"),
    ])
    .with_body(r#"{"a":{"b":[7,8]},"s":"text"}"#)
}

#[test]
fn resolves() {
    fn check(key: &str, value: &str, expected: &[&str]) {
        let mapping = ParameterMapping::parse(key, value).unwrap();
        assert_eq!(mapping.resolve(&facts()), expected, "{key} {value}");
        assert_eq!(mapping.target().to_string(), key);
        assert_eq!(mapping.source().to_string(), value);
    }
    let (header, query) = (
        "integration.request.header.X",
        "integration.request.querystring.x",
    );
    let path = "integration.request.path.x";
    check(header, "context.connectionId", &["abc="]);
    check(header, "context.authorizer.tenant", &["acme"]);
    check(header, "context.authorizer.nope", &[]);
    check(header, "context.messageId", &[]);
    check(header, "stageVariables.tier", &["gold"]);
    check(header, "stageVariables.nope", &[]);
    check(header, "'static text'", &["static text"]);
    check(header, "''", &[""]);
    check(header, "'it's'", &["it's"]);
    check(header, "'$context.stage'", &["$context.stage"]);
    check(header, "route.request.header.h", &["2"]);
    check(header, "route.request.multivalueheader.h", &["1,2"]);
    check(header, "route.request.multivalueheader.nope", &[]);
    check(header, "route.request.multivaluequerystring.q", &["x,y"]);
    check(query, "route.request.querystring.q", &["y"]);
    check(query, "route.request.multivaluequerystring.q", &["x", "y"]);
    check(query, "route.request.multivalueheader.h", &["1", "2"]);
    check(path, "route.request.multivaluequerystring.q", &["x,y"]);
    check(path, "route.request.body.s", &["text"]);
    check(path, "route.request.body.a.b[1]", &["8"]);
    check(path, "route.request.body['s']", &["text"]);
    check(path, "route.request.body.nope", &[]);
    check(
        path,
        "route.request.body",
        &[r#"{"a":{"b":[7,8]},"s":"text"}"#],
    );
}

#[test]
fn refuses_sources() {
    fn check(value: &str, expected: &str) {
        let message = ParameterSource::parse(value).unwrap_err().to_string();
        assert!(message.contains(expected), "{value}: {message}");
    }
    check("", "the value has 0 characters; write 1 to 512 characters");
    check(
        &"ä".repeat(513),
        "the value has 513 characters; write 1 to 512 characters",
    );
    check(
        "method.request.header.x",
        "character 1: `method.request.header.x` is not a source of a parameter; write route.request.header.x",
    );
    check(
        "method.request.querystring.x",
        "; write route.request.querystring.x",
    );
    check("method.request.body", "; write route.request.body");
    check("$request.header.x", "; write route.request.header.x");
    check(
        "request.querystring.x",
        "; write route.request.querystring.x",
    );
    check(
        "$route.request.querystring.x",
        "; write route.request.querystring.x",
    );
    check(
        "$context.connectionId",
        "; write context.connectionId without dollar sign and braces",
    );
    check(
        "${stageVariables.x}",
        "; write stageVariables.x without dollar sign and braces",
    );
    check(
        "application/json",
        "or literal text in single quotes, 'text'",
    );
    check(
        "route.request.path.x",
        "or literal text in single quotes, 'text'",
    );
    check(
        "route.request.bodyx",
        "or literal text in single quotes, 'text'",
    );
    check("'open", "character 1: this quote is never closed");
    check("'", "character 1: this quote is never closed");
    check(
        "context.conectionId",
        "character 9: there is no variable context.conectionId; write context.connectionId",
    );
    check("context.integration.error", "exists in access logs only");
    check(
        "stageVariables.",
        "character 16: this is not a parameter name",
    );
    check(
        "stageVariables.a b",
        "character 16: this is not a parameter name",
    );
    check(
        "route.request.header.a:b",
        "character 22: this is not a parameter name",
    );
    check(
        "route.request.header.a\r\nb",
        "character 22: this is not a parameter name",
    );
    check(
        "route.request.body.",
        "character 20: the path ends with a dot",
    );
}

#[test]
fn refuses_targets() {
    fn check(key: &str, expected: &str) {
        let message = ParameterTarget::parse(key).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{key}: {message}");
    }
    check(
        "",
        "character 1: `` is not a request parameter of an integration; write integration.request.header.NAME",
    );
    check(
        "overwrite:header.x",
        "character 1: `overwrite:header.x` is not a request parameter of an integration",
    );
    check("integration.request.", "character 21: the name is missing");
    check(
        "integration.request.header",
        "character 21: the name is missing",
    );
    check(
        "integration.request.body.x",
        "character 21: `body` is not a part of a request",
    );
    check(
        "integration.request.header.",
        "character 28: this is not a parameter name",
    );
    check(
        "integration.request.header.a b",
        "character 28: this is not a parameter name",
    );
    check(
        "integration.request.header.Host",
        "character 28: the header Host is written by the gateway itself; map to another header",
    );
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "TE",
        "X-Amzn-Trace-Id",
        "X-Forwarded-For",
        "x-forwarded-proto",
    ] {
        let key = format!("integration.request.header.{name}");
        check(&key, &format!("character 28: the header {name} is written"));
    }
}

#[test]
fn open_targets() {
    fn check(key: &str, expected: ParameterTarget) {
        assert_eq!(ParameterTarget::parse(key), Ok(expected), "{key}");
    }
    let header = |name: &str| ParameterTarget::Header(name.to_owned());
    check(
        "integration.request.header.connectionId",
        header("connectionId"),
    );
    check(
        "integration.request.header.Content-Type",
        header("Content-Type"),
    );
    check(
        "integration.request.header.Authorization",
        header("Authorization"),
    );
    check(
        "integration.request.header.X-Amz-Invocation-Type",
        header("X-Amz-Invocation-Type"),
    );
    check(
        "integration.request.header.Sec-WebSocket-Version",
        header("Sec-WebSocket-Version"),
    );
    check(
        "integration.request.querystring.host",
        ParameterTarget::Query("host".into()),
    );
    check(
        "integration.request.querystring.a.b",
        ParameterTarget::Query("a.b".into()),
    );
    check(
        "integration.request.path.id",
        ParameterTarget::Path("id".into()),
    );
}

#[test]
fn sources_know_where_they_exist() {
    fn check(value: &str, handshake: bool, message: bool) {
        let source = ParameterSource::parse(value).unwrap();
        assert_eq!(
            (source.needs_handshake(), source.needs_message()),
            (handshake, message),
            "{value}"
        );
    }
    check("route.request.header.x", true, false);
    check("route.request.multivalueheader.x", true, false);
    check("route.request.querystring.x", true, false);
    check("route.request.multivaluequerystring.x", true, false);
    check("route.request.body.x", false, true);
    check("context.stage", false, false);
    check("stageVariables.x", false, false);
    check("'x'", false, false);
}

#[test]
fn literals_for_headers_have_no_control_characters() {
    let header = ParameterMapping::parse("integration.request.header.x", "'a\r\nb'");
    assert!(matches!(header, Err(MappingError::Source(_))));
    assert!(ParameterMapping::parse("integration.request.querystring.x", "'a\r\nb'").is_ok());
    let target = ParameterMapping::parse("integration.request.header.host", "'a'");
    assert!(matches!(target, Err(MappingError::Target(_))));
}

#[test]
fn header_values() {
    fn check(text: &str, expected: bool) {
        assert_eq!(header_safe(text), expected, "{text:?}");
        assert_eq!(
            http::HeaderValue::from_bytes(text.as_bytes()).is_ok(),
            expected,
            "{text:?}"
        );
    }
    check("", true);
    check("plain text", true);
    check("tab\there", true);
    check("äöü", true);
    check("a\rb", false);
    check("a\nb", false);
    check("a\0b", false);
    check("\u{1b}[0m", false);
    check("\u{7f}", false);
}

#[test]
fn route_parameters() {
    fn check(key: &str, place: ParameterPlace, name: &str, present: bool) {
        let parameter = RequiredParameter::parse(key).unwrap();
        assert_eq!(
            (parameter.place(), parameter.name()),
            (place, name),
            "{key}"
        );
        assert_eq!(parameter.is_present(&facts()), present, "{key}");
        assert_eq!(parameter.to_string(), key);
    }
    check(
        "route.request.querystring.q",
        ParameterPlace::Query,
        "q",
        true,
    );
    check(
        "route.request.querystring.token",
        ParameterPlace::Query,
        "token",
        false,
    );
    check("route.request.header.h", ParameterPlace::Header, "h", true);
    fn refuse(key: &str, expected: &str) {
        assert_eq!(
            RequiredParameter::parse(key).unwrap_err().to_string(),
            expected,
            "{key}"
        );
    }
    refuse(
        "method.request.querystring.q",
        "character 1: this is not a request parameter of a route; write route.request.querystring.q",
    );
    refuse(
        "route.request.path.q",
        "character 1: this is not a request parameter of a route; write route.request.querystring.NAME or route.request.header.NAME",
    );
    refuse(
        "route.request.header.",
        "character 22: this is not a parameter name; write letters, digits and . _ $ - only",
    );
    refuse(
        "route.request.querystring.a b",
        "character 27: this is not a parameter name; write letters, digits and . _ $ - only",
    );
}

proptest! {
    #[test]
    fn parse_reads_what_print_writes(
        value in r"'[ -~]{0,8}'|(route\.request\.(multivalue)?(header|querystring)|stageVariables|context|route\.request\.body)\.[a-zA-Z0-9._$-]{1,8}|.{0,12}",
    ) {
        if let Ok(source) = ParameterSource::parse(&value) {
            prop_assert_eq!(source.to_string(), value);
        }
    }

    #[test]
    fn targets_print_as_written(key in r"integration\.request\.(header|querystring|path)\.[a-zA-Z0-9._$-]{1,8}|.{0,12}") {
        if let Ok(target) = ParameterTarget::parse(&key) {
            prop_assert_eq!(target.to_string(), key);
        }
    }

    #[test]
    fn safe_header_values_are_accepted_by_the_http_crate(text in any::<String>()) {
        prop_assert_eq!(header_safe(&text), http::HeaderValue::from_bytes(text.as_bytes()).is_ok());
    }
}
