//! One field of a good request changed: never accepted.

use proptest::prelude::*;

use super::*;

fn header_request() -> Request {
    let mut request = chat(
        "POST",
        "/prod/@connections/Zk3bXfH2DoECJ0w%3D?b=2&a=1",
        "hello",
    );
    request.set("Content-Type", "application/json");
    request.set("X-Amz-Meta-Thing", "one");
    let style = Style {
        token: Some(TOKEN),
        ..PLAIN
    };
    signed(request, style)
}

fn presigned_request() -> Request {
    let style = Style {
        token: Some(TOKEN),
        ..PRESIGNED
    };
    signed(chat("GET", "/prod?room=a&seat=7", ""), style)
}

fn outcome(request: &Request) -> Result<(), SigV4Error> {
    request.verify(&SigningSecret::temporary(SECRET, TOKEN), &EXPECTED)
}

type Mutation = (&'static str, fn(&mut Request));

fn replace_authorization(request: &mut Request, from: &str, to: &str) {
    let before = request.header("authorization");
    let after = before.replacen(from, to, 1);
    assert_ne!(before, after, "{from} is not there");
    request.set("authorization", &after);
}

fn replace_query(request: &mut Request, from: &str, to: &str) {
    let before = request.query.clone().unwrap();
    let after = before.replacen(from, to, 1);
    assert_ne!(before, after, "{from} is not there in {before}");
    request.query = Some(after);
}

fn drop_header(request: &mut Request, name: &str) {
    let before = request.headers.len();
    request
        .headers
        .retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    assert!(request.headers.len() < before);
}

fn change_last_digit(text: &str) -> String {
    let mut text = text.to_owned();
    let last = text.pop().unwrap();
    text.push(if last == '0' { '1' } else { '0' });
    text
}

const HEADER_MUTATIONS: &[Mutation] = &[
    ("method", |r| r.method = "PUT".into()),
    ("method emptied", |r| r.method.clear()),
    ("stage", |r| r.path = r.path.replace("/prod", "/dev")),
    ("connection id", |r| r.path = r.path.replace("Zk3", "Zk4")),
    ("path longer", |r| r.path.push('x')),
    ("path with a slash at its end", |r| r.path.push('/')),
    ("path case", |r| r.path = r.path.replace("prod", "Prod")),
    ("path emptied", |r| r.path.clear()),
    ("path encoded twice", |r| {
        r.path = r.path.replace("%3D", "%253D")
    }),
    ("path segment gone", |r| {
        r.path = r.path.replace("/@connections", "")
    }),
    ("query value", |r| replace_query(r, "a=1", "a=2")),
    ("query name", |r| replace_query(r, "a=1", "c=1")),
    ("query parameter added", |r| {
        replace_query(r, "a=1", "a=1&c=3")
    }),
    ("query parameter repeated", |r| {
        replace_query(r, "a=1", "a=1&a=1")
    }),
    ("query parameter gone", |r| replace_query(r, "&a=1", "")),
    ("query gone", |r| r.query = None),
    ("signature in the query", |r| {
        replace_query(r, "a=1", "a=1&X-Amz-Signature=0")
    }),
    ("body changed", |r| r.body = b"hellp".to_vec()),
    ("body longer", |r| r.body.push(b' ')),
    ("body gone", |r| r.body.clear()),
    ("host", |r| r.set("host", "abd.example.com")),
    ("host with a port", |r| {
        r.set("host", "abc.example.com:8443")
    }),
    ("host gone", |r| drop_header(r, "host")),
    ("host twice", |r| {
        r.headers.push(("host".into(), "abc.example.com".into()))
    }),
    ("content type", |r| r.set("content-type", "text/plain")),
    ("content type gone", |r| drop_header(r, "content-type")),
    ("meta value", |r| r.set("x-amz-meta-thing", "two")),
    ("meta emptied", |r| r.set("x-amz-meta-thing", "")),
    ("meta gone", |r| drop_header(r, "x-amz-meta-thing")),
    ("meta twice", |r| {
        r.headers.push(("x-amz-meta-thing".into(), "two".into()))
    }),
    ("unsigned amazon header", |r| r.set("x-amz-meta-other", "1")),
    ("unsigned target", |r| r.set("X-Amz-Target", "Other")),
    ("date later", |r| r.set("x-amz-date", "20150830T123601Z")),
    ("date earlier", |r| r.set("x-amz-date", "20150830T123559Z")),
    ("date of another day", |r| {
        r.set("x-amz-date", "20150831T123600Z")
    }),
    ("date malformed", |r| {
        r.set("x-amz-date", "2015-08-30T12:36:00Z")
    }),
    ("date gone", |r| drop_header(r, "x-amz-date")),
    ("date twice", |r| {
        r.headers
            .push(("X-Amz-Date".into(), "20150830T123600Z".into()))
    }),
    ("token", |r| {
        r.set("x-amz-security-token", &change_last_digit(TOKEN))
    }),
    ("token gone", |r| drop_header(r, "x-amz-security-token")),
    ("token emptied", |r| r.set("x-amz-security-token", "")),
    ("payload said to be unsigned", |r| {
        r.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    }),
    ("payload hash added", |r| {
        r.set(
            "x-amz-content-sha256",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        )
    }),
    ("algorithm", |r| {
        replace_authorization(r, "HMAC-SHA256", "HMAC-SHA512")
    }),
    ("asymmetric algorithm", |r| {
        replace_authorization(r, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
    }),
    ("scope day", |r| {
        replace_authorization(r, "/20150830/", "/20150829/")
    }),
    ("scope region", |r| {
        replace_authorization(r, "eu-central-1", "eu-west-1")
    }),
    ("scope service", |r| {
        replace_authorization(r, "execute-api", "apigateway")
    }),
    ("scope terminator", |r| {
        replace_authorization(r, "aws4_request", "aws4_reques")
    }),
    ("credential longer", |r| {
        replace_authorization(r, "aws4_request", "aws4_request/x")
    }),
    ("signed headers without host", |r| {
        replace_authorization(r, ";host", "")
    }),
    ("signed headers without the date", |r| {
        replace_authorization(r, ";x-amz-date", "")
    }),
    ("signed headers in another order", |r| {
        replace_authorization(r, "content-type;host", "host;content-type")
    }),
    ("signed headers in another case", |r| {
        replace_authorization(r, ";host", ";Host")
    }),
    ("signed header repeated", |r| {
        replace_authorization(r, ";host", ";host;host")
    }),
    ("signed header that is not there", |r| {
        replace_authorization(r, ";host", ";host;x-absent")
    }),
    ("signature digit", |r| {
        let changed = change_last_digit(&r.header("authorization"));
        r.set("authorization", &changed);
    }),
    ("signature shorter", |r| {
        let mut text = r.header("authorization");
        text.pop();
        r.set("authorization", &text);
    }),
    ("signature longer", |r| {
        let text = r.header("authorization");
        r.set("authorization", &format!("{text}0"));
    }),
    ("signature in capitals", |r| {
        let text = r.header("authorization");
        let (head, signature) = text.rsplit_once('=').unwrap();
        r.set(
            "authorization",
            &format!("{head}={}", signature.to_uppercase()),
        );
    }),
    ("signature of nothing", |r| {
        let text = r.header("authorization");
        let (head, _) = text.rsplit_once('=').unwrap();
        r.set("authorization", &format!("{head}={}", "0".repeat(64)));
    }),
    ("authorization with one part more", |r| {
        let text = r.header("authorization");
        r.set("authorization", &format!("{text}, Extra=1"));
    }),
    ("authorization twice", |r| {
        let text = r.header("authorization");
        r.headers.push(("Authorization".into(), text));
    }),
    ("authorization gone", |r| drop_header(r, "authorization")),
];

const PRESIGNED_MUTATIONS: &[Mutation] = &[
    ("method", |r| r.method = "POST".into()),
    ("path", |r| r.path = "/dev".into()),
    ("host", |r| r.set("host", "evil.example.com")),
    ("body added", |r| r.body = b"x".to_vec()),
    ("parameter", |r| replace_query(r, "seat=7", "seat=8")),
    ("parameter gone", |r| replace_query(r, "&seat=7", "")),
    ("parameter added", |r| {
        replace_query(r, "room=a", "room=a&admin=1")
    }),
    ("algorithm", |r| {
        replace_query(r, "HMAC%2DSHA256", "HMAC%2DSHA1")
    }),
    ("algorithm gone", |r| {
        replace_query(r, "X-Amz-Algorithm=", "Algorithm=")
    }),
    ("day", |r| {
        replace_query(r, "%2F20150830%2F", "%2F20150829%2F")
    }),
    ("region", |r| replace_query(r, "central", "west")),
    ("service", |r| replace_query(r, "execute", "exec")),
    ("time", |r| replace_query(r, "T123600Z", "T123601Z")),
    ("life", |r| replace_query(r, "Expires=900", "Expires=9000")),
    ("life gone", |r| replace_query(r, "&X-Amz-Expires=900", "")),
    ("life twice", |r| {
        replace_query(
            r,
            "&X-Amz-Expires=900",
            "&X-Amz-Expires=900&X-Amz-Expires=9",
        )
    }),
    ("signed headers", |r| {
        replace_query(r, "SignedHeaders=host", "SignedHeaders=")
    }),
    ("token", |r| replace_query(r, "token", "tokem")),
    ("signature", |r| {
        let query = r.query.clone().unwrap();
        let (head, rest) = query.split_once("X-Amz-Signature=").unwrap();
        let digit = if rest.starts_with('0') { '1' } else { '0' };
        let rest: String = rest.chars().skip(1).collect();
        r.query = Some(format!("{head}X-Amz-Signature={digit}{rest}"));
    }),
    ("signature twice", |r| {
        let query = r.query.clone().unwrap();
        r.query = Some(format!("{query}&X-Amz-Signature=0"));
    }),
    ("amazon header added", |r| r.set("x-amz-target", "Other")),
    ("payload said to be unsigned", |r| {
        r.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    }),
    ("payload said to be unsigned in the query", |r| {
        replace_query(r, "seat=7", "seat=7&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD");
    }),
    ("authorization added", |r| {
        r.set("authorization", "Bearer abc")
    }),
];

#[test]
fn every_mutation_of_a_signed_request_is_refused() {
    assert!(HEADER_MUTATIONS.len() >= 60);
    for (base, mutations) in [
        (header_request(), HEADER_MUTATIONS),
        (presigned_request(), PRESIGNED_MUTATIONS),
    ] {
        assert_eq!(outcome(&base), Ok(()));
        for (what, mutate) in mutations {
            let mut request = base.clone();
            mutate(&mut request);
            assert!(
                outcome(&request).is_err(),
                "{what} was accepted: {request:?}"
            );
        }
    }
}

#[test]
fn the_wrong_secret_is_refused() {
    let request = header_request();
    for secret in [
        SigningSecret::temporary("other", TOKEN),
        SigningSecret::temporary(SECRET, "other"),
        SigningSecret::temporary(SECRET, ""),
        SigningSecret::permanent(SECRET),
    ] {
        assert!(request.verify(&secret, &EXPECTED).is_err());
    }
}

proptest! {
    #[test]
    fn any_changed_byte_of_the_body_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..64),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut request = chat("POST", "/prod", "");
        request.body = body;
        let mut request = signed(request, PLAIN);
        prop_assert_eq!(request.accepted(), Ok(()));
        let at = at.index(request.body.len());
        request.body[at] ^= flip;
        prop_assert!(request.accepted().is_err());
    }

    #[test]
    fn any_changed_character_of_the_authorization_is_refused(
        at in any::<prop::sample::Index>(),
        with in "[!-~]",
    ) {
        let mut request = header_request();
        let mut text: Vec<String> = request.header("authorization").chars().map(String::from).collect();
        let at = at.index(text.len());
        // The access key id is looked up by the caller, who then verifies with another secret.
        let key_id = request.header("authorization").find("AKID").unwrap();
        prop_assume!(text[at] != with && !(key_id..key_id + KEY_ID.len()).contains(&at));
        text[at] = with;
        request.set("authorization", &text.concat());
        prop_assert!(outcome(&request).is_err());
    }
}
