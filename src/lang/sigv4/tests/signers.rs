//! What the AWS SDKs sign verifies, in both placements and every spelling of a path.

use proptest::prelude::*;

use super::*;

/// Signs in four styles and verifies each with the credentials that belong to it.
fn check(request: &Request) {
    for presigned in [None, Some(60)] {
        for token in [None, Some(TOKEN)] {
            let style = Style {
                presigned,
                token,
                unsigned_payload: false,
            };
            let request = signed(request.clone(), style);
            let secret = match token {
                Some(token) => SigningSecret::temporary(SECRET, token),
                None => SigningSecret::permanent(SECRET),
            };
            assert_eq!(request.verify(&secret, &EXPECTED), Ok(()), "{request:?}");
        }
    }
}

#[test]
fn requests_of_many_shapes_verify() {
    for target in [
        "/",
        "/prod",
        "/prod/",
        "/prod/@connections/Zk3bXfH2DoECJ0w=",
        "/prod/@connections/Zk3bXfH2DoECJ0w%3D",
        "/prod/%40connections/Zk3bXfH2DoECJ0w%3D",
        "/prod/%40connections/Zk3bXfH2DoECJ0w=",
        "/prod/a%20b/%E1%88%B4/c%2Fd",
        "/prod//double///slash",
        "/prod/./dot/../dots/",
        "/prod/~user/(a)*!'$,;:",
        "/prod?b=2&a=1",
        "/prod?a=2&a=1&a",
        "/prod?empty=&bare&x=%20y%2Bz%2F",
        "/prod?q=1+2",
        "/prod?q=a:b/c@d",
        "/prod?token=%C3%A9",
        "/prod/100%25/%2525",
        "/prod?",
    ] {
        check(&chat("GET", target, ""));
        check(&chat(
            "POST",
            target,
            "{\"action\":\"say\",\"text\":\"ol\u{e1}\"}",
        ));
    }
}

#[test]
fn headers_of_many_shapes_verify() {
    for headers in [
        &[("Content-Type", "application/json")][..],
        &[("X-Amz-Meta-Thing", "  a   b  ")],
        &[("X-Custom", "one"), ("x-custom", "two")],
        &[("User-Agent", "aws-sdk"), ("X-Amzn-Trace-Id", "Root=1-2-3")],
        &[("X-Amz-User-Agent", "aws-sdk-js")],
        &[("Accept", "")],
    ] {
        let mut request = chat("PUT", "/prod/items", "body");
        for (name, value) in headers {
            request.headers.push(((*name).into(), (*value).into()));
        }
        check(&request);
    }
}

#[test]
fn a_trace_id_added_on_the_way_does_no_harm() {
    let mut request = signed(chat("GET", "/prod", ""), PLAIN);
    request.set(
        "X-Amzn-Trace-Id",
        "Root=1-66a1b2c3-0123456789abcdef01234567",
    );
    request.set("X-Forwarded-For", "203.0.113.9");
    assert_eq!(request.accepted(), Ok(()));
}

#[test]
fn an_unsigned_payload_is_good_only_when_it_says_so() {
    let style = Style {
        unsigned_payload: true,
        ..PLAIN
    };
    let mut request = chat("POST", "/prod", "anything");
    request.set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD");
    let mut request = signed(request, style);
    assert_eq!(request.accepted(), Ok(()));
    request.body = b"something else".to_vec();
    assert_eq!(request.accepted(), Ok(()));
    let silent = signed(chat("POST", "/prod", "anything"), style);
    assert!(matches!(
        silent.accepted(),
        Err(SigV4Error::SignatureMismatch(_))
    ));
}

#[test]
fn the_date_header_may_stand_in() {
    // Signed by hand: no SDK uses it.
    for date in ["Sun, 30 Aug 2015 12:36:00 GMT", "20150830T123600Z"] {
        let mut request = chat("GET", "/prod", "");
        request.set("Date", date);
        let key = SigningKey::derive(
            &SigningSecret::permanent(SECRET),
            "20150830",
            EXPECTED.region,
            EXPECTED.service,
        );
        let credential = "AKIDEXAMPLE/20150830/eu-central-1/execute-api/aws4_request";
        let authorization = |signature: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=date;host, Signature={signature}"
            )
        };
        request.set("Authorization", &authorization("00"));
        let Err(SigV4Error::SignatureMismatch(mismatch)) = request.accepted() else {
            panic!("an arbitrary signature must not match");
        };
        assert!(mismatch.string_to_sign.contains("\n20150830T123600Z\n"));
        let signature = key.sign(mismatch.string_to_sign.as_bytes());
        request.set("Authorization", &authorization(&signature));
        assert_eq!(request.accepted(), Ok(()), "{date}");
    }
}

#[test]
fn a_kept_key_serves_its_day_only() {
    let request = signed(chat("GET", "/prod", ""), PLAIN);
    let claim = request.claim().unwrap().unwrap();
    assert_eq!(claim.access_key_id(), KEY_ID);
    assert_eq!(claim.date(), "20150830");
    assert_eq!(claim.signed_at_epoch_seconds(), NOW);
    assert_eq!(claim.session_token(), None);
    assert!(!claim.is_presigned());
    let outcome = |date: &str, region: &str| {
        let key = SigningKey::derive(
            &SigningSecret::permanent(SECRET),
            date,
            region,
            "execute-api",
        );
        assert_eq!(key.date(), date);
        request.with(|wire| claim.verify_with_key(wire, &key, &EXPECTED))
    };
    assert_eq!(outcome("20150830", "eu-central-1"), Ok(()));
    assert!(outcome("20150829", "eu-central-1").is_err());
    assert!(outcome("20150830", "eu-west-1").is_err());
}

#[test]
fn nothing_secret_is_printed() {
    let secret = SigningSecret::temporary(SECRET, TOKEN);
    let key = SigningKey::derive(&secret, "20150830", "eu-central-1", "execute-api");
    let style = Style {
        token: Some(TOKEN),
        ..PLAIN
    };
    let request = signed(chat("GET", "/prod", ""), style);
    let claim = request.claim().unwrap().unwrap();
    let printed = format!("{secret:?} {key:?} {claim:?}");
    assert!(printed.contains("20150830"), "{printed}");
    for hidden in [SECRET, TOKEN, "wJalr"] {
        assert!(!printed.contains(hidden), "{printed}");
    }
    let signature = request.header("authorization");
    let (_, signature) = signature.rsplit_once('=').unwrap();
    assert!(!printed.contains(signature), "{printed}");
}

proptest! {
    #[test]
    fn whatever_is_signed_verifies(
        method in "GET|POST|PUT|DELETE|PATCH",
        // No dot segments here: signers disagree about the slash after a final one.
        path in "(/[a-zA-Z0-9@=~_-]?([a-zA-Z0-9@=~_-]|%20|%25|%3D|%2F|%C3%A9|x[.]){0,8}){1,5}",
        query in "(([a-z]|%2B|%20){1,4}=([A-Za-z0-9:/@,~-]|%26|\\+){0,6}(&|)){0,4}",
        value in "[ -~]{0,20}",
        body in prop::collection::vec(any::<u8>(), 0..64),
        presigned in any::<bool>(),
    ) {
        let mut request = chat(&method, &format!("{path}?{query}"), "");
        request.body = body;
        request.set("X-Amz-Meta-Thing", &value);
        let request = signed(request, if presigned { PRESIGNED } else { PLAIN });
        prop_assert_eq!(request.accepted(), Ok(()));
    }

    #[test]
    fn no_input_panics_or_verifies(
        method in "[ -~]{0,8}",
        path in any::<String>(),
        query in prop::option::of("(X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature)=[A-Z0-9a-z/;%-]{0,40}&?){0,7}"),
        authorization in "(AWS4-HMAC-SHA256 ?)?((Credential|SignedHeaders|Signature|x)?=?[a-z0-9/;=, ]{0,30},? ?){0,4}",
        date in "[0-9TZ]{0,17}|[ -~]{0,30}",
    ) {
        let mut request = Request::new(&method, "", &[("host", "h")], "");
        request.path = path;
        request.query = query;
        request.set("Authorization", &authorization);
        request.set("X-Amz-Date", &date);
        prop_assert!(request.accepted().is_err());
    }
}
