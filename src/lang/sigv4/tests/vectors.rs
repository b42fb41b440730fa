//! The published examples: "AWS Signature Version 4 test suite" and the example of the AWS General Reference.

use super::*;

/// Verifies one published signature.
fn check(service: &str, request: (&str, &str, &[(&str, &str)], &str), signature: &str) {
    let (method, target, headers, body) = request;
    let mut names: Vec<String> = headers.iter().map(|(n, _)| n.to_lowercase()).collect();
    names.push("x-amz-date".to_owned());
    names.sort();
    names.dedup();
    let mut request = Request::new(method, target, headers, body);
    request.set("X-Amz-Date", "20150830T123600Z");
    request.set(
        "Authorization",
        &format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, \
             SignedHeaders={}, Signature={signature}",
            names.join(";")
        ),
    );
    let expected = Expected {
        region: "us-east-1",
        service,
        ..EXPECTED
    };
    let outcome = request.verify(&SigningSecret::permanent(SECRET), &expected);
    assert_eq!(outcome, Ok(()), "{method} {target}");
}

const HOST: (&str, &str) = ("Host", "example.amazonaws.com");

#[test]
fn published_signatures_verify() {
    check(
        "service",
        ("GET", "/", &[HOST], ""),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
    check(
        "service",
        ("POST", "/", &[HOST], ""),
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
    check(
        "service",
        ("GET", "/?Param2=value2&Param1=value1", &[HOST], ""),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    check(
        "service",
        (
            "GET",
            "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=\
             -._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            &[HOST],
            "",
        ),
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    );
    check(
        "service",
        ("GET", "/%E1%88%B4", &[HOST], ""),
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    );
    check(
        "service",
        ("GET", "/example%20space/", &[HOST], ""),
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    );
    for path in ["/./", "//", "/example/..", "/"] {
        check(
            "service",
            ("GET", path, &[HOST], ""),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
    }
    check(
        "service",
        (
            "POST",
            "/",
            &[HOST, ("Content-Type", "application/x-www-form-urlencoded")],
            "Param1=value1",
        ),
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
    check(
        "service",
        (
            "GET",
            "/",
            &[
                HOST,
                ("My-Header1", " value1"),
                ("My-Header2", " \"a   b   c\""),
            ],
            "",
        ),
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    check(
        "iam",
        (
            "GET",
            "/?Action=ListUsers&Version=2010-05-08",
            &[
                ("Host", "iam.amazonaws.com"),
                (
                    "Content-Type",
                    "application/x-www-form-urlencoded; charset=utf-8",
                ),
            ],
            "",
        ),
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    );
}

#[test]
fn a_repeated_header_is_joined_in_wire_order() {
    check(
        "service",
        (
            "GET",
            "/",
            &[
                HOST,
                ("My-Header1", "value4"),
                ("My-Header1", "value1"),
                ("My-Header1", "value3"),
                ("My-Header1", "value2"),
            ],
            "",
        ),
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    );
}
