use super::*;

use proptest::prelude::*;

type Reader = fn(Bytes) -> Result<Answer, MalformedAnswer>;

/// Status, headers by name and value in order, and body.
type Told = (u16, Vec<(String, String)>, String);

fn told(reader: Reader, output: &str) -> Result<Told, MalformedAnswer> {
    let answer = reader(Bytes::copy_from_slice(output.as_bytes()))?;
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8(value.as_bytes().to_vec()).unwrap();
        (name.to_string(), value)
    });
    let body = answer.body.whole().cloned().unwrap_or_default();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Ok((answer.status.as_u16(), headers.collect(), body))
}

/// [`Told`] as tests write it.
type Expected<'a> = (u16, &'a [(&'a str, &'a str)], &'a str);

fn check(reader: Reader, output: &str, expected: Result<Expected<'_>, MalformedAnswer>) {
    let expected = expected.map(|(status, headers, body)| {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        (status, headers.collect(), body.to_owned())
    });
    assert_eq!(told(reader, output), expected, "{output}");
}

const TYPE: &str = "content-type";
const PLAIN: (&str, &str) = (TYPE, "text/plain; charset=utf-8");

#[test]
fn output_without_status_is_a_body() {
    let check = |output: &str, body: &str| {
        check(
            read_v2,
            output,
            Ok((200, &[(TYPE, "application/json")], body)),
        );
    };
    check(r#""test""#, "test");
    check(r#" "a\n\u00e4" "#, "a\nä");
    check(r#""""#, "");
    check(r#"{"body":"hi"}"#, r#"{"body":"hi"}"#);
    check(
        r#"{"headers":{"a":"b"}, "body": 1 }"#,
        r#"{"headers":{"a":"b"}, "body": 1 }"#,
    );
    check(r#"{"StatusCode":404}"#, r#"{"StatusCode":404}"#);
    check("[1, 2]", "[1, 2]");
    check(r#"[{"statusCode":404}]"#, r#"[{"statusCode":404}]"#);
    check("7", "7");
    check("true", "true");
    check("null", "null");
    check("", "");
    check("plain text", "plain text");
    check(r#"{"statusCode":404"#, r#"{"statusCode":404"#);
    check(r#"{"statusCode":404} x"#, r#"{"statusCode":404} x"#);
    check(r#"{"message": "#, r#"{"message": "#);
}

#[test]
fn bytes_that_are_no_text_pass_as_they_are() {
    let output = Bytes::from_static(b"{\"a\":\"\xff\"}");
    let answer = read_v2(output.clone()).unwrap();
    assert_eq!(answer.body.whole(), Some(&output));
}

#[test]
fn format_1_needs_an_object_with_status() {
    let check = |output: &str, error| check(read_v1, output, Err(error));
    for output in ["\"test\"", "[]", "7", "null", "", "plain text", "{", "{} x"] {
        check(output, MalformedAnswer::NotAnObject);
    }
    check("{}", MalformedAnswer::Status);
    check(r#"{"body":"hi"}"#, MalformedAnswer::Status);
}

#[test]
fn statuses() {
    let check = |status: &str, expected: Option<u16>| {
        for reader in [read_v1 as Reader, read_v2] {
            let output = format!(r#"{{"statusCode":{status}}}"#);
            match expected {
                Some(status) => check(reader, &output, Ok((status, &[PLAIN], ""))),
                None => check(reader, &output, Err(MalformedAnswer::Status)),
            }
        }
    };
    check("200", Some(200));
    check(" 201 ", Some(201));
    check("599", Some(599));
    check(r#""404""#, Some(404));
    check("200.5", None);
    check("200.0", None);
    check("2e2", None);
    check("0", None);
    check("-200", None);
    check("101", None);
    check("199", None);
    check("600", None);
    check("70000", None);
    check("null", None);
    check("true", None);
    check("{}", None);
    check("[200]", None);
    check(r#""ok""#, None);
    check(r#""""#, None);
}

#[test]
fn bodies() {
    let check = |members: &str, expected: Result<&str, MalformedAnswer>| {
        for reader in [read_v1 as Reader, read_v2] {
            let output = format!(r#"{{"statusCode":200,{members}}}"#);
            let expected = expected.clone();
            check(
                reader,
                &output,
                expected.map(|body| (200, &[PLAIN][..], body)),
            );
        }
    };
    check(r#""body":"hi""#, Ok("hi"));
    check(r#""body":"a\"b\\\u00e4ö""#, Ok("a\"b\\äö"));
    check(r#""body":"""#, Ok(""));
    check(r#""body":null"#, Ok(""));
    check(r#""body":null,"isBase64Encoded":true"#, Ok(""));
    check(r#""x":1"#, Ok(""));
    check(r#""body":"first","body":"last""#, Ok("last"));
    check(r#""body":"aGk=","isBase64Encoded":true"#, Ok("hi"));
    check(r#""body":"aGk\u003d","isBase64Encoded":true"#, Ok("hi"));
    check(r#""body":"aGk=","isBase64Encoded":false"#, Ok("aGk="));
    check(r#""body":"aGk=","isBase64Encoded":"true""#, Ok("aGk="));
    check(
        r#""body":"!","isBase64Encoded":true"#,
        Err(MalformedAnswer::Base64),
    );
    for body in [r#"{"a":1}"#, "[]", "7", "true"] {
        check(&format!(r#""body":{body}"#), Err(MalformedAnswer::Body));
    }
}

#[test]
fn a_body_without_escapes_is_not_copied() {
    let output = Bytes::from_static(br#"{"statusCode":200,"body":"just text"}"#);
    let answer = read_v2(output.clone()).unwrap();
    let body = answer.body.whole().unwrap();
    assert!(output.as_ptr_range().contains(&body.as_ptr()));
}

#[test]
fn content_types() {
    let check = |reader, members: &str, expected: &[(&str, &str)]| {
        let output = format!(r#"{{"statusCode":200,{members}}}"#);
        check(reader, &output, Ok((200, expected, "")));
    };
    check(
        read_v2,
        r#""headers":{"Content-Type":"a/b"}"#,
        &[(TYPE, "a/b")],
    );
    check(
        read_v2,
        r#""headers":{"content-type":"a/b"}"#,
        &[(TYPE, "a/b")],
    );
    check(read_v2, r#""headers":{"X":"1"}"#, &[("x", "1"), PLAIN]);
    check(read_v2, r#""headers":null"#, &[PLAIN]);
    // Format 2.0 has no such map.
    check(
        read_v2,
        r#""multiValueHeaders":{"Content-Type":["a/b"],"X":["1"]}"#,
        &[PLAIN],
    );
    check(
        read_v1,
        r#""multiValueHeaders":{"Content-Type":["a/b"]}"#,
        &[(TYPE, "a/b")],
    );
    check(
        read_v1,
        r#""multiValueHeaders":{"X":["1"]}"#,
        &[("x", "1"), PLAIN],
    );
    let both = r#""headers":{"content-type":"a/b"},"multiValueHeaders":{"Content-Type":["a/b"]}"#;
    check(read_v1, both, &[(TYPE, "a/b")]);
}

#[test]
fn cookies_come_before_the_header() {
    let output = r#"{"statusCode":200,"headers":{"Set-Cookie":"c=3"},"cookies":["a=1","b=2"]}"#;
    let cookie = |value| ("set-cookie", value);
    let expected = [cookie("a=1"), cookie("b=2"), cookie("c=3"), PLAIN];
    check(read_v2, output, Ok((200, &expected, "")));
    // Format 1.0 knows no `cookies`.
    check(read_v1, output, Ok((200, &[cookie("c=3"), PLAIN], "")));
}

#[test]
fn headers_of_both_maps() {
    let output = r#"{"statusCode":200,
        "headers":{"Combined-Header":"single-value","n":7,"t":true,"gone":null},
        "multiValueHeaders":{"combined-header":["multi-value1","multi-value2"],"m":["1",2,null],"one":"1"}}"#;
    let combined = |value| ("combined-header", value);
    let expected = [
        combined("single-value"),
        combined("multi-value1"),
        combined("multi-value2"),
        ("n", "7"),
        ("t", "true"),
        ("m", "1"),
        ("m", "2"),
        ("one", "1"),
        PLAIN,
    ];
    check(read_v1, output, Ok((200, &expected, "")));
}

#[test]
fn values_are_trimmed_and_may_be_beyond_ascii() {
    let output = r#"{"statusCode":200,"headers":{"a":"  x  ","b":"Zoë","c":""}}"#;
    let expected = [("a", "x"), ("b", "Zoë"), ("c", ""), PLAIN];
    check(read_v2, output, Ok((200, &expected, "")));
}

#[test]
fn what_cannot_be_sent_is_malformed() {
    let check = |reader, members: &str, error| {
        let output = format!(r#"{{"statusCode":200,{members}}}"#);
        check(reader, &output, Err(error));
    };
    let header = |name: &str| MalformedAnswer::Header(name.to_owned());
    for reader in [read_v1 as Reader, read_v2] {
        check(reader, r#""headers":{"a b":"1"}"#, header("a b"));
        check(reader, r#""headers":{"":"1"}"#, header(""));
        check(reader, r#""headers":{"ä":"1"}"#, header("ä"));
        check(reader, r#""headers":{"a":"1\r\nb: 2"}"#, header("a"));
        check(reader, r#""headers":{"a":"1\u0000"}"#, header("a"));
        check(reader, r#""headers":{"a":["1"]}"#, header("a"));
        check(reader, r#""headers":{"a":{}}"#, header("a"));
        let problem = MalformedAnswer::Headers("headers that are no object");
        check(reader, r#""headers":"a: 1""#, problem.clone());
        check(reader, r#""headers":[]"#, problem);
        let long = format!(r#""headers":{{"a":"{}"}}"#, "x".repeat(HEADERS_BYTES));
        check(
            reader,
            &long,
            MalformedAnswer::Headers("headers of more than 64 KiB"),
        );
    }
    check(read_v1, r#""multiValueHeaders":{"a":[["1"]]}"#, header("a"));
    check(
        read_v1,
        r#""multiValueHeaders":{"a":["1\n2"]}"#,
        header("a"),
    );
    let problem = MalformedAnswer::Headers("multiValueHeaders that are no object");
    check(read_v1, r#""multiValueHeaders":[]"#, problem);
    check(
        read_v2,
        r#""cookies":["a=1\r\nb: 2"]"#,
        header("set-cookie"),
    );
    let problem = MalformedAnswer::Headers("cookies that are no list of strings");
    check(read_v2, r#""cookies":"a=1""#, problem.clone());
    check(read_v2, r#""cookies":[1]"#, problem);
}

/// Output of a hostile function: members of an answer with all sorts of values, cut off somewhere.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let names = [
        "statusCode",
        "headers",
        "multiValueHeaders",
        "cookies",
        "body",
        "isBase64Encoded",
        "x",
    ];
    let values = prop_oneof![
        Just("200".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("[[[]]]".to_owned()),
        Just(r#"{"A":"b","c":["d",1]}"#.to_owned()),
        Just(r#"["a=1"]"#.to_owned()),
        r#""[a-zA-Z0-9+/=\\u]{0,12}""#,
        "-?[0-9.e]{1,6}",
    ];
    let member = (proptest::sample::select(names.to_vec()), values);
    let object = proptest::collection::vec(member, 0..8).prop_map(|members| {
        let members = members
            .iter()
            .map(|(name, value)| format!("{name:?}:{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    });
    (object, any::<proptest::sample::Index>(), any::<bool>()).prop_map(|(text, at, cut)| {
        let mut bytes = text.into_bytes();
        if cut {
            bytes.truncate(at.index(bytes.len()));
        }
        bytes
    })
}

proptest! {
    #[test]
    fn no_output_harms_the_gateway(output in prop_oneof![hostile(), any::<Vec<u8>>()]) {
        for reader in [read_v1 as Reader, read_v2] {
            if let Ok(answer) = reader(Bytes::from(output.clone())) {
                prop_assert!((200..600).contains(&answer.status.as_u16()));
                prop_assert!(answer.headers.contains_key(CONTENT_TYPE));
            }
        }
    }
}
