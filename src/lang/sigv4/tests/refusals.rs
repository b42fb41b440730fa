//! The words and names of every refusal.

use super::*;

const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/execute-api/aws4_request, \
     SignedHeaders=host;x-amz-date, Signature=00";

/// A request with these headers is refused under this name in these words.
fn check(target: &str, headers: &[(&str, &str)], exception: &str, message: &str) {
    let mut request = chat("GET", target, "");
    for (name, value) in headers {
        request.headers.push(((*name).into(), (*value).into()));
    }
    let error = request.accepted().unwrap_err();
    assert_eq!(
        (error.exception(), error.to_string().as_str()),
        (exception, message)
    );
}

const DATE: (&str, &str) = ("X-Amz-Date", "20150830T123600Z");

#[test]
fn incomplete_headers_are_told_what_they_lack() {
    let incomplete = |headers: &[(&str, &str)], message: &str| {
        check("/prod", headers, "IncompleteSignatureException", message);
    };
    incomplete(
        &[("Authorization", "AWS4-HMAC-SHA256")],
        "Authorization header requires 'Credential' parameter. \
         Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. \
         Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
         Authorization=AWS4-HMAC-SHA256",
    );
    incomplete(
        &[
            DATE,
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,Signature=0",
            ),
        ],
        "Authorization header requires 'SignedHeaders' parameter. \
         Authorization=AWS4-HMAC-SHA256 Credential=a/b/c/d/e,Signature=0",
    );
    incomplete(
        &[("Authorization", "Bearer abc")],
        "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'.",
    );
    incomplete(
        &[
            DATE,
            ("Authorization", &AUTHORIZATION.replace("HMAC", "HMAK")),
        ],
        "Unsupported AWS 'algorithm': 'AWS4-HMAK-SHA256', use 'AWS4-HMAC-SHA256'.",
    );
    incomplete(
        &[
            DATE,
            ("Authorization", &AUTHORIZATION.replace("/aws4_request", "")),
        ],
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
         got 'AKIDEXAMPLE/20150830/eu-central-1/execute-api'",
    );
    incomplete(
        &[
            ("X-Amz-Date", "yesterday"),
            ("Authorization", AUTHORIZATION),
        ],
        "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601",
    );
    incomplete(
        &[DATE, DATE, ("Authorization", AUTHORIZATION)],
        "'X-Amz-Date' must not be given more than once.",
    );
    incomplete(
        &[
            DATE,
            ("Authorization", &format!("{AUTHORIZATION}, Signature=01")),
        ],
        "'Signature' must not be given more than once.",
    );
    incomplete(
        &[
            DATE,
            ("Authorization", &format!("{AUTHORIZATION}, Colour=red")),
        ],
        "'Colour' is not a valid parameter of the Authorization header.",
    );
}

#[test]
fn unsigned_requests_are_no_error_of_parsing() {
    for target in [
        "/prod",
        "/prod?",
        "/prod?a=1&X-Amz-Date=x&X-Amz-Security-Token=y",
    ] {
        assert!(
            chat("GET", target, "").claim().unwrap().is_none(),
            "{target}"
        );
    }
    let mut request = chat("GET", "/prod", "");
    request.set("Authorization", "");
    assert!(request.claim().unwrap().is_none());
    check(
        "/prod",
        &[],
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    );
}

#[test]
fn incomplete_queries_are_told_what_they_lack() {
    let incomplete = |query: &str, message: &str| {
        let target = format!("/prod?{query}");
        check(&target, &[], "IncompleteSignatureException", message);
    };
    incomplete(
        "X-Amz-Signature=00",
        "AWS query-string parameters must include 'X-Amz-Algorithm'. \
         AWS query-string parameters must include 'X-Amz-Credential'. \
         AWS query-string parameters must include 'X-Amz-SignedHeaders'. \
         AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
    );
    let rest = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/20150830/eu-central-1/execute-api/aws4_request\
                &X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    for expires in [
        "604801",
        "-1",
        "1.5",
        "",
        "99999999999999999999",
        "%2B60",
        "+60",
    ] {
        let shown = expires.replace("%2B", "+");
        incomplete(
            &format!("{rest}&X-Amz-Expires={expires}"),
            &format!("X-Amz-Expires must be a number of seconds from 0 to 604800. Got '{shown}'."),
        );
    }
    incomplete(
        &format!("{rest}&X%2DAmz-Signature=00"),
        "'X-Amz-Signature' must not be given more than once.",
    );
}

#[test]
fn a_wrong_scope_is_named_in_full() {
    let scope = |from: &str, to: &str, message: &str| {
        let authorization = AUTHORIZATION.replace(from, to);
        let headers = [DATE, ("Authorization", authorization.as_str())];
        check("/prod", &headers, "InvalidSignatureException", message);
    };
    scope(
        "eu-central-1",
        "eu-west-1",
        "Credential should be scoped to a valid region, not 'eu-west-1'.",
    );
    scope(
        "eu-central-1/execute-api",
        "x/apigateway",
        "Credential should be scoped to a valid region, not 'x'. \
         Credential should be scoped to correct service: 'execute-api'.",
    );
    scope(
        "aws4_request",
        "aws3_request",
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3_request'.",
    );
    scope(
        "/20150830/",
        "/20150831/",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
         '20150831' != '20150830', from '20150830T123600Z'.",
    );
}

#[test]
fn what_must_be_signed_is_named() {
    let invalid = |headers: &[(&str, &str)], message: &str| {
        check("/prod", headers, "InvalidSignatureException", message);
    };
    invalid(
        &[DATE, ("Authorization", &AUTHORIZATION.replace("host;", ""))],
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
    invalid(
        &[DATE, ("X-AMZ-Thing", "1"), ("Authorization", AUTHORIZATION)],
        "'x-amz-thing' must be a 'SignedHeader' in the AWS Authorization.",
    );
    invalid(
        &[
            DATE,
            (
                "Authorization",
                &AUTHORIZATION.replace("host;", "accept;host;"),
            ),
        ],
        "'accept' is a 'SignedHeader' in the AWS Authorization but not in the request.",
    );
    let authorization = AUTHORIZATION.replace("host;", "host;x-amz-content-sha256;");
    for hash in [
        "abc",
        "",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "unsigned-payload",
    ] {
        invalid(
            &[
                DATE,
                ("X-Amz-Content-Sha256", hash),
                ("Authorization", &authorization),
            ],
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
    }
}

#[test]
fn a_mismatch_shows_what_would_have_been_signed() {
    let headers = [DATE, ("Authorization", AUTHORIZATION)];
    let short = "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    let target = "/test/@connections/abc=";
    check(target, &headers, "InvalidSignatureException", short);
    let mut request = chat("POST", target, "");
    request.set(DATE.0, DATE.1);
    request.set("Authorization", AUTHORIZATION);
    let shown = request.accepted().unwrap_err().detailed_message();
    let canonical = "\n\nThe Canonical String for this request should have been\n'POST\n\
                     /test/%40connections/abc%3D\n\nhost:abc.example.com\nx-amz-date:20150830T123600Z\n\n\
                     host;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n\n\
                     The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n\
                     20150830/eu-central-1/execute-api/aws4_request\n";
    assert!(shown.starts_with(&format!("{short}{canonical}")), "{shown}");
}

#[test]
fn tokens_belong_to_their_credentials() {
    let error = SigV4Error::UnrecognizedClient;
    assert_eq!(error.exception(), "UnrecognizedClientException");
    assert_eq!(
        error.to_string(),
        "The security token included in the request is invalid."
    );
    assert_eq!(
        SigV4Error::ExpiredToken.exception(),
        "ExpiredTokenException"
    );
    assert_eq!(
        SigV4Error::ExpiredToken.to_string(),
        "The security token included in the request is expired"
    );
    let permanent = signed(chat("GET", "/prod", ""), PLAIN);
    let temporary = SigningSecret::temporary(SECRET, TOKEN);
    assert_eq!(permanent.verify(&temporary, &EXPECTED), Err(error.clone()));
    let style = Style {
        token: Some(TOKEN),
        ..PRESIGNED
    };
    assert_eq!(
        signed(chat("GET", "/prod", ""), style).accepted(),
        Err(error)
    );
}

/// A request signed at `NOW` and seen so many seconds later.
fn check_time(style: Style, seconds_later: i64, message: Option<&str>) {
    let expected = Expected {
        now_epoch_seconds: NOW.saturating_add(seconds_later),
        ..EXPECTED
    };
    let outcome = signed(chat("GET", "/prod", ""), style)
        .verify(&SigningSecret::permanent(SECRET), &expected);
    match message {
        None => assert_eq!(outcome, Ok(()), "{seconds_later}"),
        Some(message) => {
            let error = outcome.unwrap_err();
            assert_eq!(error.exception(), "InvalidSignatureException");
            assert_eq!(error.to_string(), message);
        }
    }
}

#[test]
fn requests_are_good_for_five_minutes_either_way() {
    check_time(PLAIN, 0, None);
    check_time(PLAIN, 300, None);
    check_time(PLAIN, -300, None);
    check_time(
        PLAIN,
        301,
        Some(
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)",
        ),
    );
    check_time(
        PLAIN,
        -301,
        Some(
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)",
        ),
    );
    check_time(
        PLAIN,
        i64::MAX,
        Some(
            "Signature expired: 20150830T123600Z is now earlier than 9223372036854775507 (9223372036854775807 - 5 min.)",
        ),
    );
}

#[test]
fn presigned_requests_are_good_until_their_end() {
    check_time(PRESIGNED, -300, None);
    check_time(PRESIGNED, 900, None);
    check_time(
        PRESIGNED,
        901,
        Some("Signature expired: 20150830T125100Z is now earlier than 20150830T125101Z"),
    );
    check_time(
        PRESIGNED,
        -301,
        Some(
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)",
        ),
    );
    let week = Style {
        presigned: Some(604_800),
        ..PLAIN
    };
    check_time(week, 604_800, None);
}

#[test]
fn odd_windows_are_told_in_seconds() {
    let expected = Expected {
        now_epoch_seconds: NOW + 91,
        skew_seconds: 90,
        ..EXPECTED
    };
    let error = signed(chat("GET", "/prod", ""), PLAIN)
        .verify(&SigningSecret::permanent(SECRET), &expected)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T123731Z - 90 sec.)"
    );
}

#[test]
fn oversized_requests_are_not_looked_at() {
    let too_large = Err(SigV4Error::HeadTooLarge);
    let mut request = signed(chat("GET", "/prod", ""), PLAIN);
    let claim = request.claim().unwrap().unwrap();
    request.query = Some("a".repeat(HEAD_BYTES_MAX));
    assert_eq!(request.accepted(), too_large);
    let secret = SigningSecret::permanent(SECRET);
    let late = request.with(|wire| claim.verify(wire, &secret, &EXPECTED));
    assert_eq!(late, too_large);
    let mut request = chat("GET", "/prod", "");
    for number in 0..HEADER_FIELDS_MAX {
        request.headers.push((format!("x-{number}"), String::new()));
    }
    assert_eq!(request.accepted(), too_large);
    let mut request = chat("GET", "/prod", "");
    request.set(DATE.0, DATE.1);
    let names = "a;".repeat(HEADER_FIELDS_MAX);
    request.set("Authorization", &AUTHORIZATION.replace("host;", &names));
    assert_eq!(request.accepted(), too_large);
    assert_eq!(
        SigV4Error::HeadTooLarge.to_string(),
        "A signed request must not have more than 100 header fields or 32768 bytes before its body."
    );
    assert_eq!(
        SigV4Error::HeadTooLarge.exception(),
        "IncompleteSignatureException"
    );
}
