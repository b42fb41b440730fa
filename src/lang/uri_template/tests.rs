use proptest::prelude::*;

use super::*;
use crate::lang::scope::tests::Facts;

fn render(
    template: &str,
    stage: &[(&str, &str)],
    path: &[(&str, &str)],
) -> Result<String, RenderError> {
    let stage: Vec<_> = stage
        .iter()
        .map(|(name, value)| (format!("stageVariables.{name}"), *value))
        .collect();
    let stage: Vec<_> = stage
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let path = path
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let template = UriTemplate::parse(template).unwrap();
    template
        .render(&Facts::new(&stage), &path)
        .map(Cow::into_owned)
}

#[test]
fn renders() {
    fn check(template: &str, expected: &str) {
        let stage = [
            ("host", "api.example.com"),
            ("port", "9000"),
            ("both", "api.example.com:9000"),
            ("dir", "v1/chat"),
            ("odd", "a?b#c&d=e%"),
            ("fn", "chat:live"),
        ];
        let path = [
            ("id", "a/b?c#d e"),
            ("utf", "ä"),
            ("dots", "..."),
            ("empty", ""),
        ];
        assert_eq!(
            render(template, &stage, &path).as_deref(),
            Ok(expected),
            "{template}"
        );
        assert_eq!(UriTemplate::parse(template).unwrap().to_string(), template);
    }
    check(
        "http://127.0.0.1:9000/events",
        "http://127.0.0.1:9000/events",
    );
    check("https://backend.example.com", "https://backend.example.com");
    check(
        "http://[::1]:9000/a?b=c&d=%20",
        "http://[::1]:9000/a?b=c&d=%20",
    );
    check(
        "http://${stageVariables.host}/x",
        "http://api.example.com/x",
    );
    check("http://${stageVariables.host}", "http://api.example.com");
    check(
        "http://${stageVariables.both}/x",
        "http://api.example.com:9000/x",
    );
    check(
        "http://beta.${stageVariables.host}:${stageVariables.port}/x",
        "http://beta.api.example.com:9000/x",
    );
    check("http://[::1]:${stageVariables.port}", "http://[::1]:9000");
    check("http://h/${stageVariables.dir}/x", "http://h/v1/chat/x");
    check(
        "http://h/${stageVariables.odd}",
        "http://h/a%3Fb%23c&d=e%25",
    );
    check(
        "http://h/?q=${stageVariables.odd}",
        "http://h/?q=a%3Fb%23c%26d%3De%25",
    );
    check(
        "http://h?q=${stageVariables.host}",
        "http://h?q=api.example.com",
    );
    check(
        "http://h/users/{id}/{utf}",
        "http://h/users/a%2Fb%3Fc%23d%20e/%C3%A4",
    );
    check(
        "http://h/users?id={id}",
        "http://h/users?id=a%2Fb%3Fc%23d%20e",
    );
    check("http://h/{dots}/{empty}", "http://h/.../");
    check(
        "arn:aws:lambda:eu-west-1:000000000000:function:${stageVariables.fn}",
        "arn:aws:lambda:eu-west-1:000000000000:function:chat:live",
    );
    check(
        "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:${stageVariables.fn}/invocations",
        "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:chat:live/invocations",
    );
    check(
        "arn:aws:apigateway:eu-west-1:sqs:path/000000000000/q.fifo",
        "arn:aws:apigateway:eu-west-1:sqs:path/000000000000/q.fifo",
    );
}

#[test]
fn refuses_values() {
    fn check(template: &str, value: &str, expected: RenderError) {
        let outcome = render(template, &[("v", value)], &[("v", value)]);
        assert_eq!(outcome, Err(expected), "{template} {value}");
    }
    let stage = || "${stageVariables.v}".to_owned();
    check(
        "http://${stageVariables.v}/",
        "evil.example/x",
        RenderError::Misfit(stage()),
    );
    check(
        "http://${stageVariables.v}/",
        "user@evil",
        RenderError::Misfit(stage()),
    );
    check(
        "http://${stageVariables.v}/",
        "a?b",
        RenderError::Misfit(stage()),
    );
    check(
        "http://${stageVariables.v}/",
        "",
        RenderError::Misfit(stage()),
    );
    check(
        "http://${stageVariables.v}/",
        "[::1]",
        RenderError::Misfit(stage()),
    );
    check("http://${stageVariables.v}/", "a:b", RenderError::Authority);
    check(
        "http://${stageVariables.v}.example.com/",
        "evil:80",
        RenderError::Authority,
    );
    check(
        "http://${stageVariables.v}/",
        "a:99999",
        RenderError::Authority,
    );
    check(
        "http://h:${stageVariables.v}/",
        "80a",
        RenderError::Misfit(stage()),
    );
    check(
        "http://h:${stageVariables.v}/",
        "99999",
        RenderError::Authority,
    );
    check("http://h/a/{v}/b", "..", RenderError::DotSegment);
    check("http://h/a/{v}/b", ".", RenderError::DotSegment);
    check("http://h/a/.{v}", ".", RenderError::DotSegment);
    check(
        "http://h/a/${stageVariables.v}",
        "x/../../y",
        RenderError::DotSegment,
    );
    check("http://h/a/%2e{v}", ".", RenderError::DotSegment);
    check("http://h/{v}", &"ä".repeat(2000), RenderError::TooLong);
    check("http://h/{v}", &"a".repeat(20_000), RenderError::TooLong);
    check(
        "arn:aws:lambda:r:1:function:${stageVariables.v}",
        "a/b",
        RenderError::Misfit(stage()),
    );
    assert_eq!(
        render("http://h/{a}", &[], &[]),
        Err(RenderError::Missing("{a}".into()))
    );
    assert_eq!(
        render("http://h/${stageVariables.a}", &[], &[]),
        Err(RenderError::Missing("${stageVariables.a}".into()))
    );
}

#[test]
fn a_climbing_text_is_harmless_in_the_query() {
    assert_eq!(
        render("http://h/a?p={v}", &[], &[("v", "..")]).as_deref(),
        Ok("http://h/a?p=..")
    );
}

#[test]
fn refuses_templates() {
    fn check(template: &str, expected: &str) {
        let message = UriTemplate::parse(template).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{template}: {message}");
    }
    check("", "character 1: the URI has 0 characters");
    check(
        &format!("http://h/{}", "a".repeat(2040)),
        "character 1: the URI has 2049 characters",
    );
    check(
        "ftp://h/",
        "character 1: this is neither an http(s) URL nor an ARN",
    );
    check(
        "/path",
        "character 1: this is neither an http(s) URL nor an ARN",
    );
    check(
        "${stageVariables.url}",
        "character 1: this is neither an http(s) URL nor an ARN",
    );
    check("http:///x", "character 8: the host is missing");
    check("http://", "character 8: the host is missing");
    check("http://?x", "character 8: the host is missing");
    check(
        "http://h:99999/",
        "character 1: this is not a URL (invalid port number)",
    );
    check(
        "http://h:x/",
        "character 1: this is not a URL (invalid port number)",
    );
    check(
        "http://[::1/",
        "character 1: this is not a URL (invalid IPv6 address)",
    );
    check(
        "http://user@h/",
        "character 12: an integration URI has no user name",
    );
    check(
        "http://h/#x",
        "character 10: an integration URI has no fragment",
    );
    check(
        "http://h/a b",
        "character 11: ` ` cannot stand in a URI; percent-encode it",
    );
    check(
        "http://h/ä",
        "character 10: `\\u{e4}` cannot stand in a URI",
    );
    check("http://h\\x", "character 9: `\\\\` cannot stand in a URI");
    check("http://h/a}", "character 11: `}` cannot stand in a URI");
    check("http://h/[a]", "character 10: `[` cannot stand in a URI");
    check(
        "http://h/%zz",
        "character 10: this is not a percent-encoded character",
    );
    check(
        "http://h/%2",
        "character 10: this is not a percent-encoded character",
    );
    check(
        "http://h%41/",
        "character 9: this is not a percent-encoded character",
    );
    check(
        "http://h/a/../b",
        "character 1: the path has a segment `.` or `..`",
    );
    check(
        "http://h/%2e%2E/b",
        "character 1: the path has a segment `.` or `..`",
    );
    check(
        "http://h/$x",
        "character 10: an integration URI has stage variables only; write ${stageVariables.NAME}",
    );
    check(
        "http://h/${context.stage}",
        "character 10: an integration URI has stage variables only",
    );
    check(
        "http://h/${stageVariables.x",
        "character 10: this brace is never closed",
    );
    check(
        "http://h/${stageVariables.}",
        "character 27: this is not a name",
    );
    check("http://h/{x", "character 10: this brace is never closed");
    check("http://h/{proxy+}", "character 11: this is not a name");
    check(
        "http://{x}/",
        "character 8: a path parameter can only stand in the path",
    );
    check(
        "http://h:{x}/",
        "character 10: a path parameter can only stand in the path",
    );
    check("arn:aws:sqs", "character 1: the ARN is incomplete");
    check(
        "arn:aws:lambda:r:${stageVariables.x}:function:f",
        "character 18: a stage variable cannot choose",
    );
    check(
        "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${stageVariables.x}/invocations",
        "character 55: a stage variable cannot choose",
    );
    check(
        "arn:aws:lambda:r:1:function:{x}",
        "character 29: a path parameter can only stand in the path",
    );
}

#[test]
fn variables_are_listed() {
    let template = UriTemplate::parse("http://${stageVariables.h}/{a}?b={b}").unwrap();
    let expected = [
        UriVariable::Stage("stageVariables.h".into()),
        UriVariable::Path("a".into()),
        UriVariable::Path("b".into()),
    ];
    assert_eq!(template.variables().cloned().collect::<Vec<_>>(), expected);
    assert_eq!(template.kind(), UriKind::Http);
    assert_eq!(
        UriTemplate::parse("arn:aws:a:b:c:d").unwrap().kind(),
        UriKind::Arn
    );
}

proptest! {
    #[test]
    fn path_and_query_values_change_neither_scheme_nor_authority(
        path in any::<String>(),
        query in any::<String>(),
        stage in any::<String>(),
    ) {
        let template = "https://backend.example.com:8443/a/{p}${stageVariables.s}/c?d={q}&e=${stageVariables.s}";
        if let Ok(uri) = render(template, &[("s", &stage)], &[("p", &path), ("q", &query)]) {
            let parsed = Url::parse(&uri).unwrap();
            prop_assert_eq!(parsed.origin().ascii_serialization(), "https://backend.example.com:8443");
            prop_assert_eq!(parsed.username(), "");
            prop_assert_eq!(parsed.fragment(), None);
            prop_assert!(parsed.path().starts_with("/a/") && parsed.path().ends_with("/c"));
            prop_assert_eq!(parsed.as_str(), uri.as_str());
            let read: Vec<_> = parsed.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            prop_assert_eq!(read, [("d".to_owned(), query), ("e".to_owned(), stage)]);
            prop_assert!(uri.parse::<http::Uri>().is_ok());
        }
    }

    #[test]
    fn host_values_fill_the_host_only(host in "[a-z0-9.:@/?#%\\[\\]-]{0,12}", port in "[0-9a:/@]{0,6}") {
        let template = "http://${stageVariables.h}:${stageVariables.p}/fixed?q=1";
        if let Ok(uri) = render(template, &[("h", &host), ("p", &port)], &[]) {
            let parsed = Url::parse(&uri).unwrap();
            prop_assert_eq!(parsed.scheme(), "http");
            prop_assert_eq!(parsed.path(), "/fixed");
            prop_assert_eq!(parsed.query(), Some("q=1"));
            prop_assert_eq!(parsed.username(), "");
        }
    }

    #[test]
    fn parse_reads_what_print_writes(text in r"(https?://|arn:aws:lambda:r:1:function:)([a-z./:?=-]|\{[a-z]\}|\$\{stageVariables\.[a-z]\}){0,12}|.{0,30}") {
        if let Ok(template) = UriTemplate::parse(&text) {
            prop_assert_eq!(template.to_string(), text);
        }
    }
}
