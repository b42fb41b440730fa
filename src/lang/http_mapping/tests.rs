use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::lang::scope::tests::Facts;

const BODY: &str = r#"{"a":{"b":[7,8]},"s":"text","n":1.5,"t":true,"z":null,"o":{"k":"v"},"a b":"quoted","}":"brace"}"#;

fn facts() -> Facts {
    Facts::new(&[
        ("request.header.X-One", "1"),
        ("request.header.many", "1"),
        ("request.header.many", "2"),
        ("request.querystring.q", "x y"),
        ("request.querystring.many", "a"),
        ("request.querystring.many", "b"),
        ("request.path", "/orders/7 8"),
        ("request.path.id", "7 8"),
        ("request.path.file", "a/b?c"),
        ("request.path.climb", "../x"),
        ("response.header.etag", "\"e\""),
        ("context.requestId", "JCJmXjUAPHcEP4w="),
        ("context.authorizer.tenant", "acme"),
        ("context.authorizer.claims.sub", "user-42"),
        ("stageVariables.color", "blue"),
        ("context.identity.userAgent", "line\r\nbreak"),
    ])
    .with_body(BODY)
    .with_response_body(r#"{"code":502,"long":"x"}"#)
}

fn request(entries: &[(&str, &str)]) -> Vec<RequestMapping> {
    let read = |(key, value): &(&str, &str)| RequestMapping::parse(key, value).unwrap();
    entries.iter().map(read).collect()
}

fn response(entries: &[(&str, &str)]) -> Vec<ResponseMapping> {
    let read = |(key, value): &(&str, &str)| ResponseMapping::parse(key, value).unwrap();
    entries.iter().map(read).collect()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(*name).unwrap();
        headers.append(name, HeaderValue::try_from(*value).unwrap());
    }
    headers
}

#[test]
fn values_of_every_source() {
    fn check(value: &str, expected: Option<&str>) {
        let parsed = MappingValue::parse(value, Side::Response).unwrap();
        let facts = facts();
        let found = parsed.resolve(&facts, 1024).unwrap();
        assert_eq!(found.as_deref(), expected, "{value}");
        // The other spelling of a lone variable gives the same.
        if let Some(bare) = value
            .strip_prefix('$')
            .filter(|bare| !bare.starts_with('{'))
        {
            let braced = MappingValue::parse(&format!("${{{bare}}}"), Side::Response).unwrap();
            assert_eq!(braced, parsed, "{value}");
        }
    }
    check("$request.header.X-One", Some("1"));
    check("$request.header.many", Some("1,2"));
    check("$request.header.nope", None);
    check("$request.querystring.q", Some("x y"));
    check("$request.querystring.many", Some("a,b"));
    check("$request.querystring.filter[name]", None);
    check("$request.path", Some("/orders/7 8"));
    check("$request.path.id", Some("7 8"));
    check("$request.path.nope", None);
    check("$request.body", Some(BODY));
    check("$request.body.s", Some("text"));
    check("$request.body.n", Some("1.5"));
    check("$request.body.t", Some("true"));
    check("$request.body.z", None);
    check("$request.body.nope", None);
    check("$request.body.a.b[1]", Some("8"));
    check("$request.body.a.b[-1]", Some("8"));
    check("$request.body.a.b", Some("[7,8]"));
    check("$request.body.a.b[*]", Some("[7,8]"));
    check("$request.body.o", Some(r#"{"k":"v"}"#));
    check("$request.body['a b']", Some("quoted"));
    check("$request.body['}']", Some("brace"));
    check("$response.header.etag", Some("\"e\""));
    check("$response.body.code", Some("502"));
    check("$response.body", Some(r#"{"code":502,"long":"x"}"#));
    check("$context.requestId", Some("JCJmXjUAPHcEP4w="));
    check("$context.authorizer.claims.sub", Some("user-42"));
    check("$context.authorizer.nope", None);
    check("$stageVariables.color", Some("blue"));
    check("$stageVariables.nope", None);
    check("constant", Some("constant"));
    check("'quoted'", Some("'quoted'"));
    check("costs 5$", Some("costs 5$"));
    check("{a}", Some("{a}"));
    check(
        "${request.path.id}-${context.requestId}",
        Some("7 8-JCJmXjUAPHcEP4w="),
    );
    check("<${request.path.nope}>", Some("<>"));
    check("${request.body['}']}!", Some("brace!"));
    check(
        "${stageVariables.color}${stageVariables.color}",
        Some("blueblue"),
    );
}

#[test]
fn values_are_bounded() {
    fn check(value: &str, limit: usize, expected: Result<Option<&str>, TooLong>) {
        let parsed = MappingValue::parse(value, Side::Request).unwrap();
        let facts = facts();
        let found = parsed.resolve(&facts, limit);
        let found = found
            .as_ref()
            .map(|text| text.as_deref())
            .map_err(|error| *error);
        assert_eq!(found, expected, "{value}");
    }
    check("abc", 3, Ok(Some("abc")));
    check("abcd", 3, Err(TooLong));
    check("$request.path.id", 3, Ok(Some("7 8")));
    check("$request.path.id", 2, Err(TooLong));
    check("a${request.path.id}", 4, Ok(Some("a7 8")));
    check("a${request.path.id}", 3, Err(TooLong));
    check("$request.path.nope", 0, Ok(None));
}

#[test]
fn values_are_refused() {
    fn check(value: &str, expected: &str) {
        let error = MappingValue::parse(value, Side::Request).unwrap_err();
        assert_eq!(error.to_string(), expected, "{value}");
    }
    check(
        "",
        "character 1: the value has 0 characters; write 1 to 512 characters",
    );
    let long = "x".repeat(513);
    check(
        &long,
        "character 1: the value has 513 characters; write 1 to 512 characters",
    );
    let dollar = "text cannot start with a dollar sign; write a variable such as $request.header.NAME or $context.requestId";
    check(
        "$",
        &format!("character 1: there is nothing behind the dollar sign; {dollar}"),
    );
    check(
        "$5",
        &format!("character 1: `$5` is not a variable; {dollar}"),
    );
    check(
        "$context",
        &format!("character 1: `$context` is not a variable; {dollar}"),
    );
    check(
        "$response.header.x",
        "character 2: there is no response when the request is mapped; use it under responseParameters",
    );
    check(
        "a${response.body.x}",
        "character 4: there is no response when the request is mapped; use it under responseParameters",
    );
    check(
        "a${request.path",
        "character 2: this `${` is never closed; write the missing `}`",
    );
    check(
        "a $context.stage",
        "character 3: a variable among text needs braces; write it as ${context.requestId}, for instance",
    );
    check(
        "${context.stage}$request.path.x",
        "character 17: a variable among text needs braces; write it as ${context.requestId}, for instance",
    );
    let token = "write letters, digits and other characters of a header name only, and variables among text as ${…}";
    check(
        "$request.header.a b",
        &format!("character 18: ` ` is not part of a name; {token}"),
    );
    check(
        "$request.header.a/$context.stage",
        &format!("character 18: `/` is not part of a name; {token}"),
    );
    check(
        "$request.header.",
        "character 17: the name is missing; write a name of letters, digits and other characters of a header name",
    );
    check(
        "$request.path.{id}",
        "character 15: `{` is not part of a name; write letters, digits and . _ : - only, and variables among text as ${…}",
    );
    check(
        "$stageVariables.a-b",
        "character 18: `-` is not part of a name; write letters, digits and _ only, and variables among text as ${…}",
    );
    check(
        "$context.authorizer.claims.cognito:groups",
        "character 35: `:` is not part of a name; write letters, digits, . and _ only, and variables among text as ${…}",
    );
    check(
        "$context.connectionId",
        "character 10: context.connectionId exists on WebSocket APIs only; use a variable of HTTP APIs",
    );
    check(
        "$context.integration.status",
        "character 10: context.integration.status exists in access logs only; use it in accessLogSettings.format, or another variable here",
    );
    check(
        "$context.httpMetod",
        "character 10: there is no variable context.httpMetod; write context.httpMethod",
    );
    check(
        "$request.headers.x",
        "character 2: there is no source `request.headers.x`; write request.header.NAME",
    );
    check(
        "$route.request.querystring.x",
        "character 2: there is no source `route.request.querystring.x`; write request.querystring.NAME",
    );
    check(
        "${stageVariable.x}",
        "character 3: there is no source `stageVariable.x`; write stageVariables.NAME",
    );
    check(
        "$a.b",
        "character 2: there is no source `a.b`; write request.header.NAME, request.querystring.NAME, request.path, request.body, context.NAME or stageVariables.NAME behind the dollar sign",
    );
    let path = "write names and indexes, such as .items[0].id";
    check(
        "$request.body..a",
        &format!("character 15: a path into a body has no `..`; {path}"),
    );
    check(
        "$request.body.a[?(@.b)]",
        &format!("character 17: a path into a body has no filters; {path}"),
    );
    check(
        "$request.body.",
        "character 15: the path ends with a dot; write a name after the dot, or remove it; other characters go into ['a b']",
    );
    assert!(MappingValue::parse("$request.body['..?']", Side::Request).is_ok());
}

#[test]
fn targets_are_read() {
    fn check(key: &str, expected: &str) {
        let value = if key.starts_with("remove:") {
            "''"
        } else {
            "/x"
        };
        let mapping = RequestMapping::parse(key, value).unwrap();
        assert_eq!(
            format!("{}:{}", mapping.action(), mapping.target()),
            expected
        );
    }
    check("append:header.X-Tenant", "append:header.x-tenant");
    check("overwrite:header.Host", "overwrite:header.host");
    check("remove:header.cookie", "remove:header.cookie");
    check("append:querystring.Tags", "append:querystring.Tags");
    check("overwrite:querystring.a[b]", "overwrite:querystring.a[b]");
    check("remove:querystring.a", "remove:querystring.a");
    check("overwrite:path", "overwrite:path");
    check(
        "overwrite:header.content-type",
        "overwrite:header.content-type",
    );
    let status = ResponseMapping::parse("overwrite:statuscode", "502").unwrap();
    assert_eq!(
        (status.action(), status.target()),
        (Action::Overwrite, &ResponseTarget::Status)
    );
}

#[test]
fn targets_are_refused() {
    fn check_request(key: &str, expected: &str) {
        match RequestMapping::parse(key, "''").unwrap_err() {
            MappingError::Target(error) => assert_eq!(error.to_string(), expected, "{key}"),
            MappingError::Source(error) => panic!("{key}: {error}"),
        }
    }
    fn check_response(key: &str, expected: &str) {
        match ResponseMapping::parse(key, "''").unwrap_err() {
            MappingError::Target(error) => assert_eq!(error.to_string(), expected, "{key}"),
            MappingError::Source(error) => panic!("{key}: {error}"),
        }
    }
    let forms =
        "write append:, overwrite: or remove: and what is changed, such as append:header.NAME";
    check_request(
        "header.x",
        &format!("character 1: `header.x` does not say what to do; {forms}"),
    );
    check_request(
        "integration.request.header.x",
        &format!("character 1: `integration.request.header.x` does not say what to do; {forms}"),
    );
    check_request(
        "overwite:path",
        "character 1: `overwite` is not something that a mapping does; write overwrite:",
    );
    check_request(
        "set:path",
        &format!("character 1: `set` is not something that a mapping does; {forms}"),
    );
    check_request(
        "append:path",
        "character 8: the path can only be overwritten; write overwrite:path",
    );
    check_request(
        "remove:path",
        "character 8: the path can only be overwritten; write overwrite:path",
    );
    check_request(
        "append:headers.x",
        "character 8: `headers.x` is not a part of a request; write header.NAME",
    );
    check_request(
        "append:query.x",
        "character 8: `query.x` is not a part of a request; write header.NAME, querystring.NAME or path behind the colon",
    );
    check_request(
        "overwrite:statuscode",
        "character 11: `statuscode` is not a part of a request; write header.NAME, querystring.NAME or path behind the colon",
    );
    check_request(
        "append:header.a b",
        "character 15: this is not the name of a header; write a name such as x-tenant",
    );
    check_request(
        "append:header.",
        "character 15: this is not the name of a header; write a name such as x-tenant",
    );
    check_request(
        "append:querystring.",
        "character 20: this is not the name of a query parameter; write 1 to 256 bytes without control characters",
    );
    check_response(
        "overwrite:path",
        "character 11: `path` is not a part of a response; write header.NAME or statuscode behind the colon",
    );
    check_response(
        "append:querystring.x",
        "character 8: `querystring.x` is not a part of a response; write header.NAME or statuscode behind the colon",
    );
    check_response(
        "remove:statuscode",
        "character 8: the statuscode can only be overwritten; write overwrite:statuscode",
    );
}

#[test]
fn reserved_headers_cannot_be_mapped() {
    let refused = "Access-Control-Allow-Origin apigw-requestid Authorization Connection Content-Encoding Content-Length \
                   Content-Location Forwarded Keep-Alive Origin Proxy-Authenticate Proxy-Authorization TE Trailers \
                   Transfer-Encoding Upgrade x-amz-date x-amzn-trace-id X-Forwarded-For X-Forwarded-Host \
                   X-Forwarded-Proto Via Trailer Proxy-Connection";
    for name in refused.split_whitespace() {
        for action in ["append", "overwrite", "remove"] {
            let key = format!("{action}:header.{name}");
            let request = RequestMapping::parse(&key, "''");
            let response = ResponseMapping::parse(&key, "''");
            assert!(matches!(request, Err(MappingError::Target(_))), "{key}");
            assert!(matches!(response, Err(MappingError::Target(_))), "{key}");
        }
    }
    let error = RequestMapping::parse("overwrite:header.Via", "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "character 18: no mapping may touch the header via; map to another header"
    );
}

#[test]
fn constants_must_fit_their_target() {
    fn check(key: &str, value: &str, expected: &str) {
        let request = RequestMapping::parse(key, value);
        let error = match request {
            Err(MappingError::Target(_)) => ResponseMapping::parse(key, value).unwrap_err(),
            outcome => outcome.unwrap_err(),
        };
        assert!(matches!(error, MappingError::Source(_)), "{key}");
        assert_eq!(error.to_string(), expected, "{key} {value}");
    }
    check(
        "append:header.x",
        "a\r\nb",
        "character 1: a header cannot hold control characters; remove them",
    );
    check(
        "append:header.x",
        "",
        "character 1: the value has 0 characters; write 1 to 512 characters",
    );
    check(
        "remove:header.x",
        "y",
        "character 1: what is removed has no value; write ''",
    );
    check(
        "overwrite:path",
        "v2",
        "character 1: the path does not start with a slash; write a path such as /v2${request.path}",
    );
    check(
        "overwrite:path",
        "/a?b=c",
        "character 1: a path has no query string; write it as overwrite:querystring.NAME",
    );
    check(
        "overwrite:path",
        "/a b",
        "character 1: the text has a character that cannot stand in a path; percent-encode it",
    );
    check(
        "overwrite:path",
        "/a/../b",
        "character 1: the path has a malformed escape, a control character, a backslash or a dot segment; write the path that it leads to",
    );
    check(
        "overwrite:path",
        "/%zz",
        "character 1: the path has a malformed escape, a control character, a backslash or a dot segment; write the path that it leads to",
    );
    let status =
        "character 1: this is not a status that an answer can have; write a number from 200 to 599";
    for text in ["abc", "+200", "0200", "199", "600", "100", "2e2", " 200"] {
        check("overwrite:statuscode", text, status);
    }
    assert!(RequestMapping::parse("remove:header.x", "").is_ok());
    assert!(RequestMapping::parse("remove:header.x", "''").is_ok());
    assert!(ResponseMapping::parse("overwrite:statuscode", "$response.body.code").is_ok());
}

#[test]
fn headers_of_a_request_are_changed() {
    fn check(entries: &[(&str, &str)], before: &[(&str, &str)], after: &[(&str, &str)]) {
        let edits = RequestEdits::resolve(&request(entries), &facts()).unwrap();
        let mut changed = headers(before);
        edits.apply_to_headers(&mut changed);
        assert_eq!(changed, headers(after), "{entries:?}");
    }
    check(
        &[("append:header.a", "2")],
        &[("a", "1")],
        &[("a", "1"), ("a", "2")],
    );
    check(&[("append:header.a", "2")], &[], &[("a", "2")]);
    check(
        &[("overwrite:header.A", "3")],
        &[("a", "1"), ("a", "2")],
        &[("a", "3")],
    );
    check(
        &[("remove:header.a", "''")],
        &[("a", "1"), ("a", "2"), ("b", "1")],
        &[("b", "1")],
    );
    check(&[("remove:header.a", "''")], &[], &[]);
    check(
        &[("append:header.a", "$request.header.nope")],
        &[("a", "1")],
        &[("a", "1")],
    );
    check(
        &[("overwrite:header.a", "$request.header.nope")],
        &[("a", "1")],
        &[("a", "1")],
    );
    check(
        &[("overwrite:header.a", "<${request.header.nope}>")],
        &[("a", "1")],
        &[("a", "<>")],
    );
    check(
        &[("append:header.a", "$request.header.many")],
        &[],
        &[("a", "1,2")],
    );
    // A rename: values are those of the request as it came.
    check(
        &[
            ("remove:header.x-one", "''"),
            ("append:header.b", "$request.header.X-One"),
        ],
        &[("x-one", "1")],
        &[("b", "1")],
    );
    check(
        &[
            ("append:header.a", "3"),
            ("overwrite:header.a", "2"),
            ("remove:header.a", "''"),
        ],
        &[("a", "1")],
        &[("a", "2"), ("a", "3")],
    );
}

#[test]
fn queries_of_a_request_are_changed() {
    fn check(entries: &[(&str, &str)], before: Option<&str>, after: Option<&str>) {
        let edits = RequestEdits::resolve(&request(entries), &facts()).unwrap();
        assert_eq!(
            edits.apply_to_query(before).as_deref(),
            after,
            "{entries:?} {before:?}"
        );
    }
    check(&[], Some("a=1&&b"), Some("a=1&&b"));
    check(&[], None, None);
    check(&[("append:querystring.t", "1")], None, Some("t=1"));
    check(
        &[("append:querystring.t", "2")],
        Some("t=1&u=%20+"),
        Some("t=1&u=%20+&t=2"),
    );
    check(
        &[("append:querystring.a b", "x y&=+/ä")],
        Some("q"),
        Some("q&a%20b=x%20y%26%3D%2B%2F%C3%A4"),
    );
    check(
        &[("overwrite:querystring.t", "3")],
        Some("t=1&u=5&t=2"),
        Some("u=5&t=3"),
    );
    check(
        &[("overwrite:querystring.t", "$request.querystring.nope")],
        Some("t=1"),
        Some("t=1"),
    );
    check(
        &[("overwrite:querystring.t", "$request.querystring.many")],
        None,
        Some("t=a%2Cb"),
    );
    check(
        &[("remove:querystring.t", "''")],
        Some("t=1&u=5&t=2&t"),
        Some("u=5"),
    );
    check(&[("remove:querystring.t", "''")], Some("t=1"), None);
    check(
        &[("remove:querystring.t", "''")],
        Some("%74=1&T=2"),
        Some("T=2"),
    );
    check(
        &[("remove:querystring.a b", "''")],
        Some("a+b=1&a%20b=2&ab=3"),
        Some("ab=3"),
    );
    check(
        &[("remove:querystring.t", "''")],
        Some("u=%zz&&v"),
        Some("u=%zz&&v"),
    );
}

#[test]
fn paths_are_overwritten() {
    fn check(value: &str, expected: Result<Option<&str>, Unfit>) {
        let edits = RequestEdits::resolve(&request(&[("overwrite:path", value)]), &facts());
        let path = edits.as_ref().map(RequestEdits::path).map_err(Clone::clone);
        assert_eq!(path, expected, "{value}");
    }
    check("/v2/x", Ok(Some("/v2/x")));
    check("/v2/a%20b%3F", Ok(Some("/v2/a%20b%3F")));
    check("$request.path", Ok(Some("/orders/7%208")));
    check("/v2${request.path}", Ok(Some("/v2/orders/7%208")));
    check("$request.path.file", Ok(Some("/a/b%3Fc")));
    check("${request.path.file}.json", Ok(Some("/a/b%3Fc.json")));
    check("$request.path.nope", Ok(None));
    check("/a/${request.path.nope}", Ok(Some("/a/")));
    check("$request.path.climb", Err(Unfit::Path));
    check("/a/${request.path.climb}", Err(Unfit::Path));
    check("$context.identity.userAgent", Err(Unfit::Path));
}

#[test]
fn values_that_do_not_fit_refuse_a_request() {
    fn check(key: &str, value: &str, expected: &str) {
        let error = RequestEdits::resolve(&request(&[(key, value)]), &facts()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    check(
        "append:header.a",
        "$context.identity.userAgent",
        "the value for header.a has a control character",
    );
    let long = Facts::new(&[("request.header.x", &"x".repeat(10_241))]);
    for (key, name) in [
        ("append:header.a", "header.a"),
        ("append:querystring.a", "querystring.a"),
        ("overwrite:path", "path"),
    ] {
        let error =
            RequestEdits::resolve(&request(&[(key, "$request.header.x")]), &long).unwrap_err();
        assert_eq!(error, Unfit::TooLong(name.to_owned()));
    }
    let query = RequestEdits::resolve(
        &request(&[("append:querystring.a", "$context.identity.userAgent")]),
        &facts(),
    );
    assert_eq!(
        query.unwrap().apply_to_query(None).as_deref(),
        Some("a=line%0D%0Abreak")
    );
}

#[test]
fn answers_are_changed() {
    fn check(
        entries: &[(&str, &str)],
        before: &[(&str, &str)],
        after: &[(&str, &str)],
        status: Option<u16>,
    ) {
        let edits = ResponseEdits::resolve(&response(entries), &facts());
        let mut changed = headers(before);
        edits.apply_to_headers(&mut changed);
        assert_eq!(changed, headers(after), "{entries:?}");
        assert_eq!(
            edits.status().map(|status| status.as_u16()),
            status,
            "{entries:?}"
        );
    }
    check(
        &[("overwrite:statuscode", "502")],
        &[("a", "1")],
        &[("a", "1")],
        Some(502),
    );
    check(
        &[("overwrite:statuscode", "$response.body.code")],
        &[],
        &[],
        Some(502),
    );
    check(
        &[("overwrite:statuscode", "$response.body.long")],
        &[],
        &[],
        None,
    );
    check(
        &[("overwrite:statuscode", "$response.body.nope")],
        &[],
        &[],
        None,
    );
    check(
        &[("append:header.x-trace", "$context.requestId")],
        &[],
        &[("x-trace", "JCJmXjUAPHcEP4w=")],
        None,
    );
    check(
        &[("overwrite:header.a", "$response.header.etag")],
        &[("a", "1")],
        &[("a", "\"e\"")],
        None,
    );
    check(
        &[("remove:header.server", "''")],
        &[("server", "x"), ("a", "1")],
        &[("a", "1")],
        None,
    );
    // What does not fit is left out; the rest is done.
    check(
        &[
            ("append:header.a", "$context.identity.userAgent"),
            ("append:header.b", "2"),
        ],
        &[],
        &[("b", "2")],
        None,
    );
}

#[test]
fn bodies_that_are_read_are_known() {
    fn check(value: &str, of_request: bool, of_response: bool) {
        let mapping = ResponseMapping::parse("append:header.a", value).unwrap();
        assert_eq!(mapping.reads_request_body(), of_request, "{value}");
        assert_eq!(mapping.reads_response_body(), of_response, "{value}");
    }
    check("$request.body", true, false);
    check("$request.body.a", true, false);
    check("x${response.body.a}", false, true);
    check("${request.body}${response.body}", true, true);
    check("$request.header.body", false, false);
    check("request.body", false, false);
    let mapping =
        RequestMapping::parse("append:header.a", "${request.body.a}-${context.stage}").unwrap();
    assert!(mapping.reads_request_body());
    let sources: Vec<_> = mapping.sources().map(Source::to_string).collect();
    assert_eq!(sources, ["request.body.a", "context.stage"]);
}

#[test]
fn only_the_beginning_of_a_body_is_seen() {
    let pad = |inside: usize| format!("{{\"a\":1{}}}", " ".repeat(inside));
    let fits = pad(BODY_BYTES_SEEN - 7);
    assert_eq!(fits.len(), BODY_BYTES_SEEN);
    assert!(body_as_json(fits.as_bytes()).is_some());
    assert!(body_as_json(pad(BODY_BYTES_SEEN - 6).as_bytes()).is_none());
    // Only spaces are cut off.
    assert!(body_as_json(format!("{fits}   ").as_bytes()).is_some());
    assert!(body_as_json(b"").is_none());
    assert!(body_as_json(b"\xff").is_none());
}

proptest! {
    #[test]
    fn values_print_to_what_reads_the_same(
        value in r"(\$\{?(request|response|context|stageVariables)\.(header|querystring|path|body|stage)(\.[a-z$]{1,4})?\}?|[a-z$ {}]{0,4}){1,3}",
    ) {
        if let Ok(parsed) = MappingValue::parse(&value, Side::Response) {
            let again = MappingValue::parse(&parsed.to_string(), Side::Response);
            prop_assert_eq!(again, Ok(parsed));
        }
    }

    #[test]
    fn no_value_makes_a_path_with_two_readings(text in r"[a./%2eEFf\\?#\x00 ]{0,12}|.{0,12}") {
        let facts = Facts::new(&[("request.header.x", &text)]);
        let mappings = request(&[("overwrite:path", "/a/${request.header.x}/b")]);
        if let Ok(edits) = RequestEdits::resolve(&mappings, &facts) {
            let path = edits.path().unwrap();
            prop_assert!(path.starts_with("/a/") && path.ends_with("/b"));
            let uri: http::Uri = path.parse().unwrap();
            prop_assert_eq!(uri.path(), path);
            let decoded = percent_encoding::percent_decode_str(path).decode_utf8().unwrap();
            prop_assert_eq!(decoded, format!("/a/{text}/b"));
        }
    }

    #[test]
    fn a_value_in_a_query_is_one_value(text in ".{0,12}", query in "[a-c=&+%2]{0,8}") {
        let facts = Facts::new(&[("request.header.x", &text)]);
        let mappings = request(&[("overwrite:querystring.name", "$request.header.x")]);
        let edits = RequestEdits::resolve(&mappings, &facts).unwrap();
        let changed = edits.apply_to_query(Some(&query)).unwrap();
        let (kept, value) = changed.rsplit_once("name=").unwrap();
        prop_assert_eq!(kept.trim_end_matches('&'), query.trim_end_matches('&'));
        let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
        prop_assert_eq!(value, text);
    }
}
