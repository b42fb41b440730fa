use http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn list(entries: &[&str]) -> Vec<String> {
    entries.iter().map(ToString::to_string).collect()
}

fn origins(entries: &[&str]) -> CorsConfiguration {
    CorsConfiguration {
        allow_origins: list(entries),
        ..CorsConfiguration::default()
    }
}

fn full() -> CorsConfiguration {
    CorsConfiguration {
        allow_origins: list(&["https://a.example", "https://b.example:8443"]),
        allow_methods: list(&["GET", "POST"]),
        allow_headers: list(&["Authorization", "content-type"]),
        expose_headers: list(&["x-total", "ETag"]),
        max_age: Some(300),
        allow_credentials: true,
    }
}

fn policy(configuration: &CorsConfiguration) -> CorsPolicy {
    CorsPolicy::new(configuration).unwrap()
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
fn origins_are_answered() {
    fn check(entries: &[&str], origin: &str, expected: Option<&str>) {
        let origin = HeaderValue::try_from(origin).unwrap();
        let answer = policy(&origins(entries)).answer(&origin);
        assert_eq!(
            answer.as_ref().map(|value| value.to_str().unwrap()),
            expected,
            "{entries:?} {origin:?}"
        );
    }
    check(&["*"], "https://a.example", Some("*"));
    check(&["*"], "null", Some("*"));
    check(&["*", "https://a.example"], "https://a.example", Some("*"));
    let two = ["https://a.example", "http://localhost:3000"];
    check(&two, "https://a.example", Some("https://a.example"));
    check(&two, "http://localhost:3000", Some("http://localhost:3000"));
    check(&two, "http://localhost", None);
    check(&two, "http://a.example", None);
    check(&two, "https://a.example.evil.example", None);
    check(&two, "https://sub.a.example", None);
    check(&two, "https://A.example", None);
    check(&two, "null", None);
    check(&two, "", None);
    check(
        &["https://A.Example"],
        "https://a.example",
        Some("https://a.example"),
    );
    check(
        &["https://*"],
        "https://any.example:1",
        Some("https://any.example:1"),
    );
    check(&["https://*"], "http://any.example", None);
    check(&["https://*"], "https://", None);
    check(
        &["http://*", "https://a.example"],
        "https://a.example",
        Some("https://a.example"),
    );
    check(
        &["http://*"],
        "http://any.example",
        Some("http://any.example"),
    );
    check(
        &["capacitor://localhost"],
        "capacitor://localhost",
        Some("capacitor://localhost"),
    );
    check(
        &["http://[::1]:3000"],
        "http://[::1]:3000",
        Some("http://[::1]:3000"),
    );
}

#[test]
fn ordinary_answers_are_dressed() {
    fn check(
        configuration: &CorsConfiguration,
        origin: Option<&str>,
        before: &[(&str, &str)],
        after: &[(&str, &str)],
    ) {
        let origin = origin.map(|origin| HeaderValue::try_from(origin).unwrap());
        let mut dressed = headers(before);
        policy(configuration).dress(origin.as_ref(), &mut dressed);
        assert_eq!(dressed, headers(after), "{origin:?} {before:?}");
    }
    let star = origins(&["*"]);
    let allow_any = [("access-control-allow-origin", "*")];
    check(&star, Some("https://a.example"), &[], &allow_any);
    check(&star, None, &[("a", "1")], &[("a", "1")]);
    let one = origins(&["https://a.example"]);
    let allow_one = [
        ("vary", "Origin"),
        ("access-control-allow-origin", "https://a.example"),
    ];
    check(&one, Some("https://a.example"), &[], &allow_one);
    check(&one, Some("https://b.example"), &[], &[("vary", "Origin")]);
    check(&one, None, &[], &[("vary", "Origin")]);
    // What the integration says does not count, once or twice.
    check(
        &one,
        Some("https://a.example"),
        &[
            ("access-control-allow-origin", "*"),
            ("access-control-allow-origin", "https://b.example"),
            ("Access-Control-Allow-Credentials", "true"),
            ("access-control-expose-headers", "*"),
            ("access-control-anything", "x"),
        ],
        &allow_one,
    );
    check(
        &one,
        None,
        &[("access-control-allow-origin", "*")],
        &[("vary", "Origin")],
    );
    check(
        &full(),
        Some("https://b.example:8443"),
        &[],
        &[
            ("vary", "Origin"),
            ("access-control-allow-origin", "https://b.example:8443"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-total,ETag"),
        ],
    );
    check(
        &full(),
        Some("https://evil.example"),
        &[],
        &[("vary", "Origin")],
    );
    // Vary is added once.
    for known in ["Accept, origin", "*", "ORIGIN"] {
        check(&one, None, &[("vary", known)], &[("vary", known)]);
    }
    check(
        &one,
        None,
        &[("vary", "accept")],
        &[("vary", "accept"), ("vary", "Origin")],
    );
}

#[test]
fn preflights_are_answered() {
    fn check(
        configuration: &CorsConfiguration,
        origin: &str,
        method: &str,
        expected: &[(&str, &str)],
    ) {
        let request = headers(&[
            ("origin", origin),
            ("access-control-request-method", method),
        ]);
        assert!(is_preflight(&Method::OPTIONS, &request));
        let answer = policy(configuration).preflight(&request);
        assert_eq!(answer, headers(expected), "{origin} {method}");
    }
    let one = origins(&["https://a.example"]);
    let allow_one = [
        ("vary", "Origin"),
        ("access-control-allow-origin", "https://a.example"),
    ];
    check(&one, "https://a.example", "GET", &allow_one);
    check(&one, "https://b.example", "GET", &[("vary", "Origin")]);
    check(
        &origins(&["*"]),
        "https://a.example",
        "PUT",
        &[("access-control-allow-origin", "*")],
    );
    let yes = [
        ("vary", "Origin"),
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "Authorization,content-type"),
        ("access-control-max-age", "300"),
    ];
    check(&full(), "https://a.example", "POST", &yes);
    check(&full(), "https://a.example", "PUT", &[("vary", "Origin")]);
    check(&full(), "https://a.example", "post", &[("vary", "Origin")]);
    check(
        &full(),
        "https://evil.example",
        "GET",
        &[("vary", "Origin")],
    );
    let any = CorsConfiguration {
        allow_methods: list(&["*"]),
        allow_headers: list(&["*"]),
        max_age: Some(-1),
        ..origins(&["*"])
    };
    let yes = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "*"),
        ("access-control-allow-headers", "*"),
        ("access-control-max-age", "-1"),
    ];
    check(&any, "https://a.example", "PURGE", &yes);
}

#[test]
fn preflights_are_told_from_other_requests() {
    fn check(method: Method, pairs: &[(&str, &str)], expected: bool) {
        assert_eq!(
            is_preflight(&method, &headers(pairs)),
            expected,
            "{method} {pairs:?}"
        );
    }
    let both = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "GET"),
    ];
    check(Method::OPTIONS, &both, true);
    check(Method::GET, &both, false);
    check(Method::OPTIONS, &both[..1], false);
    check(Method::OPTIONS, &both[1..], false);
    check(Method::OPTIONS, &[], false);
}

/// `field[entry]: problem; remedy` of each problem.
fn told(configuration: &CorsConfiguration) -> Vec<String> {
    let problems = CorsPolicy::new(configuration).unwrap_err();
    let one = |told: &CorsProblem| {
        let entry = told
            .entry
            .map(|entry| format!("[{entry}]"))
            .unwrap_or_default();
        format!("{}{entry}: {}; {}", told.field, told.problem, told.remedy)
    };
    problems.iter().map(one).collect()
}

#[test]
fn wrong_origins_are_refused() {
    fn check(text: &str, expected: &str) {
        let found = told(&origins(&["https://a.example", text]));
        assert_eq!(found, [format!("allowOrigins[1]: {expected}")], "{text}");
    }
    let wildcard = "a wildcard stands for all origins, or for all of a scheme; write *, https://*, http://*, or each origin on its own";
    check("https://*.example.com", wildcard);
    check("*.example.com", wildcard);
    check("https://a.example:*", wildcard);
    check("ws://*", wildcard);
    check(
        "null",
        "null is the origin of every sandboxed page; write the origins of pages that you know",
    );
    let form = "write a scheme and a host such as https://app.example.com";
    check("", &format!("an origin has a scheme; {form}"));
    check("a.example", &format!("an origin has a scheme; {form}"));
    check(
        "://a.example",
        &format!("this is not the scheme of an origin; {form}"),
    );
    check(
        "ht tp://a.example",
        &format!("this is not the scheme of an origin; {form}"),
    );
    check(
        "https://",
        &format!("this is not the host of an origin; {form}"),
    );
    check(
        "https://:80",
        &format!("this is not the host of an origin; {form}"),
    );
    check(
        "https://a b",
        &format!("this is not the host of an origin; {form}"),
    );
    check(
        "https://a:b:80",
        &format!("this is not the host of an origin; {form}"),
    );
    check(
        "https://a.example:",
        &format!("this is not the port of an origin; {form}"),
    );
    check(
        "https://a.example:70000",
        &format!("this is not the port of an origin; {form}"),
    );
    let more = "an origin has no user name, no path and no query; remove what is not scheme, host and port, the slash at the end too";
    check("https://a.example/", more);
    check("https://a.example/app", more);
    check("https://user@a.example", more);
    check(
        "https://a.example:443",
        "browsers leave the default port out; leave it out",
    );
    check(
        "http://a.example:80",
        "browsers leave the default port out; leave it out",
    );
}

#[test]
fn other_settings_are_refused() {
    fn check(change: fn(&mut CorsConfiguration), expected: &[&str]) {
        let mut configuration = full();
        change(&mut configuration);
        assert_eq!(told(&configuration), expected);
    }
    let methods = "write GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, or *";
    check(
        |it| it.allow_methods = list(&["ANY"]),
        &["allowMethods[0]: Method ANY is not supported; write *"],
    );
    check(
        |it| it.allow_methods = list(&["GET", "put", "TRACE"]),
        &[
            "allowMethods[1]: Method put is not supported; write PUT",
            &format!("allowMethods[2]: Method TRACE is not supported; {methods}"),
        ],
    );
    check(
        |it| it.allow_origins = list(&["*"]),
        &[
            "allowCredentials: allow-credentials is not supported if 'allow-origin' is *; name the origins, or leave allowCredentials out",
        ],
    );
    check(
        |it| it.allow_origins.clear(),
        &[
            "allowOrigins: there is no origin that may call the API; write one such as https://app.example.com, or *",
        ],
    );
    let name = "this is not the name of a header; write a name such as content-type, or *";
    check(
        |it| it.allow_headers = list(&["a b", "x-*", "*"]),
        &[
            &format!("allowHeaders[0]: {name}"),
            &format!("allowHeaders[1]: {name}"),
        ],
    );
    check(
        |it| it.expose_headers = list(&[""]),
        &[&format!("exposeHeaders[0]: {name}")],
    );
    let age = "maxAge: browsers do not keep a preflight that long; write a number of seconds from -1 to 86400";
    check(|it| it.max_age = Some(-2), &[age]);
    check(|it| it.max_age = Some(86_401), &[age]);
    check(
        |it| it.allow_headers = (0..101).map(|number| format!("x-{number}")).collect(),
        &[
            "allowHeaders: the list has 101 entries and 495 bytes; write at most 100 entries with 8192 bytes",
        ],
    );
    for age in [-1, 0, 86_400] {
        let configuration = CorsConfiguration {
            max_age: Some(age),
            ..full()
        };
        assert!(CorsPolicy::new(&configuration).is_ok());
    }
}

proptest! {
    #[test]
    fn only_what_is_listed_is_allowed(origin in r"https?://[ab]\.example(:1)?|.{0,12}") {
        let allowed = ["https://a.example", "http://b.example:1"];
        let configuration = CorsConfiguration { allow_credentials: true, ..origins(&allowed) };
        if let Ok(value) = HeaderValue::try_from(&origin) {
            let answer = policy(&configuration).answer(&value);
            prop_assert_eq!(answer.is_some(), allowed.contains(&&*origin));
            prop_assert!(answer.is_none_or(|answer| answer == value));
        }
    }
}
