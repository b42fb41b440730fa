use http::Method;
use proptest::prelude::*;

use super::*;
use crate::lang::http_path::RoutePath;

fn key(text: &str) -> HttpRouteKey {
    HttpRouteKey::parse(text).unwrap()
}

fn router(keys: &[&str]) -> Router<usize> {
    Router::new(
        keys.iter()
            .enumerate()
            .map(|(place, text)| (key(text), place)),
    )
}

fn method(text: &str) -> Method {
    Method::from_bytes(text.as_bytes()).unwrap()
}

/// The key that takes `METHOD /path`, and the variables of it.
fn taken(keys: &[&str], request: &str) -> Option<(String, Vec<(String, String)>)> {
    let (name, path) = request.split_once(' ').unwrap();
    let path = RoutePath::parse(path).unwrap();
    let router = router(keys);
    let found = router.select(&method(name), &path)?;
    assert_eq!(found.key.to_string(), keys[*found.route]);
    Some((found.key.to_string(), found.variables))
}

fn check(keys: &[&str], request: &str, expected: &str) {
    let found = taken(keys, request).map(|(key, _)| key);
    assert_eq!(found.as_deref().unwrap_or("none"), expected, "{request}");
    let turned: Vec<_> = keys.iter().rev().copied().collect();
    let again = taken(&turned, request).map(|(key, _)| key);
    assert_eq!(again, found, "{request}: the order of routes plays no part");
}

fn check_variables(route: &str, request: &str, expected: &[(&str, &str)]) {
    let (_, variables) = taken(&[route], request).unwrap();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(variables, expected, "{route} {request}");
}

#[test]
fn the_table_of_precedence() {
    let all = [
        "GET /a/b/1",
        "GET /a/b/{id}",
        "GET /a/{x+}",
        "ANY /{x+}",
        "$default",
    ];
    check(&all, "GET /a/b/1", "GET /a/b/1");
    check(&all, "GET /a/b/2", "GET /a/b/{id}");
    check(&all, "GET /a/c/1", "GET /a/{x+}");
    check(&all, "POST /t/5", "ANY /{x+}");
    check(&all, "GET /", "$default");
    let two = ["GET /a/{x+}", "GET /a/b/{x+}"];
    check(&two, "GET /a/b/c/d", "GET /a/b/{x+}");
    check(&two, "GET /a/b", "GET /a/{x+}");
    check(&["POST /a"], "GET /a", "none");
}

#[test]
fn tiers_then_methods_then_segments() {
    // Without a greedy variable wins, also over an exact method and a longer literal.
    check(
        &["ANY /a/{v}", "GET /a/b/{x+}", "GET /a/{x+}"],
        "GET /a/b",
        "ANY /a/{v}",
    );
    check(
        &["ANY /{u}/{v}/{w}", "GET /a/b/{x+}"],
        "GET /a/b/c",
        "ANY /{u}/{v}/{w}",
    );
    check(&["ANY /{x+}", "$default"], "GET /a", "ANY /{x+}");
    // An exact method wins over ANY with a better path.
    check(&["ANY /a/b", "GET /{v}/{w}"], "GET /a/b", "GET /{v}/{w}");
    check(&["ANY /a/b/{x+}", "GET /{x+}"], "GET /a/b/c", "GET /{x+}");
    check(&["ANY /a", "GET /a"], "GET /a", "GET /a");
    check(&["ANY /a", "GET /a"], "PUT /a", "ANY /a");
    // From left to right.
    check(
        &["GET /a/{v}/{w}", "GET /{u}/b/c"],
        "GET /a/b/c",
        "GET /a/{v}/{w}",
    );
    check(
        &["GET /a/{v}/d", "GET /{u}/b/c"],
        "GET /a/b/c",
        "GET /{u}/b/c",
    );
    check(
        &["GET /a/{x+}", "GET /{v}/b/{x+}"],
        "GET /a/b/c",
        "GET /a/{x+}",
    );
    check(&["GET /{v}/{x+}", "GET /{x+}"], "GET /a/b", "GET /{v}/{x+}");
    check(&["GET /{v}/{x+}", "GET /{x+}"], "GET /a", "GET /{x+}");
}

#[test]
fn there_is_no_405() {
    check(&["POST /a", "GET /{x+}"], "GET /a", "GET /{x+}");
    check(&["POST /a", "$default"], "GET /a", "$default");
    check(&["POST /t"], "GET /t", "none");
    check(&["GET /a"], "HEAD /a", "none");
    check(&["GET /a", "ANY /a"], "HEAD /a", "ANY /a");
    check(&["ANY /a"], "TRACE /a", "ANY /a");
    check(&["ANY /a"], "PROPFIND /a", "ANY /a");
    check(&["GET /a"], "get /a", "none");
}

#[test]
fn details_of_matching() {
    // A greedy variable needs one segment.
    check(&["GET /pets/{p+}"], "GET /pets", "none");
    check(&["GET /pets/{p+}"], "GET /pets/", "none");
    check(&["GET /pets/{p+}"], "GET /pets//", "none");
    check(&["GET /{p+}"], "GET /", "none");
    check(&["GET /{p+}", "GET /"], "GET /", "GET /");
    check(&["GET /{p+}", "$default"], "GET /", "$default");
    // A trailing slash is significant.
    check(&["POST /todos"], "POST /todos/", "none");
    check(&["POST /todos/{id}"], "POST /todos/", "none");
    check(&["POST /todos/{id}"], "POST /todos/7/", "none");
    check(&["POST /t"], "POST /t/", "none");
    check(&["ANY /{x+}"], "POST /todos/", "ANY /{x+}");
    // Case is significant.
    check(&["GET /Todos"], "GET /todos", "none");
    // Empty segments are kept, and no variable takes one.
    check(&["GET /a/b"], "GET /a//b", "none");
    check(&["GET /a/{v}/b"], "GET /a//b", "none");
    check(&["GET /{v}"], "GET //", "none");
    check(&["GET /"], "GET //", "none");
    check(&["GET /a/{x+}"], "GET /a//b", "GET /a/{x+}");
    // An escape of a plain character is that character; an encoded slash parts nothing.
    check(&["GET /admin", "GET /{x+}"], "GET /%61dmin", "GET /admin");
    check(&["GET /a/b", "GET /{v}"], "GET /a%2Fb", "GET /{v}");
    check(&["GET /{v}/{w}"], "GET /%2F/%2F", "GET /{v}/{w}");
}

#[test]
fn variables_are_decoded() {
    check_variables("GET /u/{n}", "GET /u/John%20D", &[("n", "John D")]);
    check_variables("GET /u/{n}", "GET /u/%C3%A9%2Fb", &[("n", "é/b")]);
    check_variables("GET /u/{n}", "GET /u/100%2541", &[("n", "100%41")]);
    check_variables("GET /u/{n}", "GET /u/a+b", &[("n", "a+b")]);
    check_variables("GET /files/{p+}", "GET /files/x/y", &[("p", "x/y")]);
    check_variables("GET /files/{p+}", "GET /files/x%20y/", &[("p", "x y/")]);
    check_variables("GET /files/{p+}", "GET /files/x//y", &[("p", "x//y")]);
    check_variables("GET /files/{p+}", "GET /files/%2Fx", &[("p", "/x")]);
    check_variables(
        "ANY /{a}/b/{c.d}/{e:f+}",
        "PUT /1/b/2/3/4",
        &[("a", "1"), ("c.d", "2"), ("e:f", "3/4")],
    );
    check_variables("GET /a", "GET /a", &[]);
    check_variables("GET /", "GET /", &[]);
    check_variables("$default", "GET /a/b", &[]);
}

#[test]
fn the_other_reading_of_a_path_can_be_looked_up() {
    let router = router(&["GET /admin/users", "$default"]);
    for raw in [
        "/admin%2Fusers",
        "//admin/users",
        "/admin//users",
        "/admin/users%3Fx",
    ] {
        let path = RoutePath::parse(raw).unwrap();
        let first = router.select(&Method::GET, &path).unwrap();
        assert!(first.key.is_default(), "{raw}");
        let other = path.canonical().unwrap();
        let second = router.select(&Method::GET, &other).unwrap();
        assert_eq!(second.key.path(), "/admin/users", "{raw}");
    }
}

#[test]
fn keys_are_read() {
    fn check(text: &str, method: Option<Method>, path: &str, variables: &[&str], shape: &str) {
        let key = key(text);
        assert_eq!(key.to_string(), text);
        assert_eq!(key.method(), method.as_ref(), "{text}");
        assert_eq!(key.path(), path, "{text}");
        assert_eq!(key.variables().collect::<Vec<_>>(), variables, "{text}");
        assert_eq!(key.shape(), shape, "{text}");
        assert_eq!(key.is_default(), text == "$default");
    }
    check("$default", None, "$default", &[], "$default");
    check("GET /", Some(Method::GET), "/", &[], "GET /");
    check("ANY /", None, "/", &[], "ANY /");
    check("POST /a/b", Some(Method::POST), "/a/b", &[], "POST /a/b");
    check(
        "PATCH /o/{id}/{rest+}",
        Some(Method::PATCH),
        "/o/{id}/{rest+}",
        &["id", "rest"],
        "PATCH /o/{}/{+}",
    );
    check("ANY /{x+}", None, "/{x+}", &["x"], "ANY /{+}");
    check(
        "GET /.well-known/a_b:c/{d.e:f-g_h}",
        Some(Method::GET),
        "/.well-known/a_b:c/{d.e:f-g_h}",
        &["d.e:f-g_h"],
        "GET /.well-known/a_b:c/{}",
    );
    for method in METHODS {
        assert_eq!(key(&format!("{method} /a")).method(), Some(&method));
    }
    assert_eq!(key("GET /p/{id}").shape(), key("GET /p/{x}").shape());
    assert_ne!(key("GET /p/{id}").shape(), key("GET /p/{id+}").shape());
    assert_ne!(key("GET /p/{id}").shape(), key("ANY /p/{id}").shape());
}

#[test]
fn keys_are_refused() {
    fn check(text: &str, expected: &str) {
        let error = HttpRouteKey::parse(text).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let method = "write a method, a space and a path, such as GET /orders, or ANY /orders";
    check("", &format!("character 1: the method is missing; {method}"));
    check(
        "/a",
        &format!("character 1: the method is missing; {method}"),
    );
    check(
        " /a",
        &format!("character 1: the method is missing; {method}"),
    );
    check(
        "get /a",
        "character 1: `get` is not a method of a route key; write GET",
    );
    check(
        "any /a",
        "character 1: `any` is not a method of a route key; write ANY",
    );
    check(
        "DELET /a",
        "character 1: `DELET` is not a method of a route key; write DELETE",
    );
    let methods = "write GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, or ANY";
    check(
        "TRACE /a",
        &format!("character 1: `TRACE` is not a method of a route key; {methods}"),
    );
    check(
        "* /a",
        &format!("character 1: `*` is not a method of a route key; {methods}"),
    );
    let dollar = "write $default, or a method and a path such as GET /orders";
    check(
        "$connect",
        &format!("character 1: only WebSocket APIs have $connect; {dollar}"),
    );
    check(
        "$Default",
        &format!("character 1: the only key with a dollar sign is $default; {dollar}"),
    );
    check(
        "$default ",
        &format!("character 1: the only key with a dollar sign is $default; {dollar}"),
    );
    check(
        "GET",
        "character 4: there is no space behind the method; write a path such as GET /orders",
    );
    check(
        "GET/a",
        "character 4: there is no space behind the method; write a path such as GET /orders",
    );
    check("GET  /a", "character 5: there is a second space; remove it");
    check(
        "GET ",
        "character 5: the path does not start with a slash; write a path such as /orders",
    );
    check(
        "GET a",
        "character 5: the path does not start with a slash; write a path such as /orders",
    );
    check(
        "GET /a/",
        "character 8: the path ends with a slash; remove it",
    );
    check(
        "GET /{v}/",
        "character 10: the path ends with a slash; remove it",
    );
    check(
        "GET //",
        "character 6: the path has an empty segment; remove one slash",
    );
    check(
        "GET /a//b",
        "character 8: the path has an empty segment; remove one slash",
    );
    check(
        "GET /a/../b",
        "character 8: no request has a dot segment; write the path that it leads to",
    );
    check(
        "GET /.",
        "character 6: no request has a dot segment; write the path that it leads to",
    );
    let literal = "write letters, digits and . _ : - only, or a variable such as {name}";
    check(
        "GET /a b",
        &format!("character 7: ` ` cannot stand in the path of a route key; {literal}"),
    );
    check(
        "GET /a%20b",
        &format!("character 7: `%` cannot stand in the path of a route key; {literal}"),
    );
    check(
        "GET /a*",
        &format!("character 7: `*` cannot stand in the path of a route key; {literal}"),
    );
    check(
        "GET /ä",
        &format!("character 6: `\\u{{e4}}` cannot stand in the path of a route key; {literal}"),
    );
    check(
        "GET /a}",
        &format!("character 7: `}}` cannot stand in the path of a route key; {literal}"),
    );
    check(
        "GET /a{b}",
        "character 7: a variable must be a whole segment; write a slash before the brace",
    );
    check(
        "GET /{b}c",
        "character 9: a variable must be a whole segment; write a slash behind the closing brace",
    );
    check(
        "GET /{b}{c}",
        "character 9: a variable must be a whole segment; write a slash behind the closing brace",
    );
    check(
        "GET /{b}}",
        "character 9: this brace was never opened; remove it",
    );
    check(
        "GET /{}",
        "character 7: the variable has no name; write a name of letters, digits and . _ : - such as {id}",
    );
    check(
        "GET /{+}",
        "character 7: the variable has no name; write a name of letters, digits and . _ : - such as {id}",
    );
    check(
        "GET /{a",
        "character 6: this brace is never closed; write the missing `}`",
    );
    check(
        "GET /{a/b}",
        "character 6: this brace is never closed; write the missing `}`",
    );
    check(
        "GET /{a*}",
        "character 8: `*` cannot stand in the name of a variable; write letters, digits and . _ : - only",
    );
    check(
        "GET /{a++}",
        "character 9: `+` cannot stand in the name of a variable; write letters, digits and . _ : - only",
    );
    check(
        "GET /{a+}/b",
        "character 10: {a+} takes all that is left of a path; write it last, or without the plus sign",
    );
    check(
        "GET /{a}/b/{a}",
        "character 12: the variable a stands in the path twice; give one of them another name",
    );
    check(
        "GET /{a}/{a+}",
        "character 10: the variable a stands in the path twice; give one of them another name",
    );
    let long = format!("GET /{}", "a".repeat(1020));
    check(
        &long,
        "character 1: the route key is too long; write at most 1024 bytes",
    );
}

/// The specification in the words of the guide: every key is tried, and the best one is taken.
fn model<'k>(
    keys: &'k [HttpRouteKey],
    method: &Method,
    segments: &[&str],
) -> Option<&'k HttpRouteKey> {
    fn rank(segment: &Segment) -> u8 {
        match segment {
            Segment::Literal(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Greedy(_) => 2,
        }
    }
    fn takes(pattern: &[Segment], segments: &[&str]) -> bool {
        match (pattern, segments) {
            ([], []) => true,
            ([Segment::Greedy(_)], some) => some.iter().any(|segment| !segment.is_empty()),
            ([Segment::Literal(text), more @ ..], [first, rest @ ..]) => {
                text == first && takes(more, rest)
            }
            ([Segment::Variable(_), more @ ..], [first, rest @ ..]) => {
                !first.is_empty() && takes(more, rest)
            }
            _ => false,
        }
    }
    let root = [Segment::Literal(String::new())];
    let pattern = |key: &'k HttpRouteKey| match key.segments() {
        [] => root.to_vec(),
        segments => segments.to_vec(),
    };
    let matching = keys.iter().filter(|key| {
        let serves = key.method().is_none_or(|own| own == method);
        key.is_default() || (serves && takes(&pattern(key), segments))
    });
    matching.min_by_key(|key| {
        let ranks: Vec<u8> = pattern(key).iter().map(rank).collect();
        let tier = match (key.is_default(), ranks.last()) {
            (true, _) => 2,
            (false, Some(2)) => 1,
            _ => 0,
        };
        (tier, key.method().is_none(), ranks)
    })
}

fn some_key() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        3 => Just("a".to_owned()),
        3 => Just("b".to_owned()),
        3 => Just("{}".to_owned()),
    ];
    let path = (prop::collection::vec(segment, 0..5), any::<bool>());
    let path = path.prop_map(|(segments, greedy)| {
        let mut path = String::new();
        for (place, segment) in segments.iter().enumerate() {
            path.push('/');
            path.push_str(&segment.replace("{}", &format!("{{v{place}}}")));
        }
        match (path.is_empty(), greedy) {
            (_, true) => path + "/{rest+}",
            (true, false) => "/".to_owned(),
            (false, false) => path,
        }
    });
    let key = (prop::sample::select(vec!["GET", "POST", "ANY"]), path);
    let key = key.prop_map(|(method, path)| format!("{method} {path}"));
    prop_oneof![9 => key, 1 => Just("$default".to_owned())]
}

proptest! {
    #[test]
    fn the_router_agrees_with_the_model(
        keys in prop::collection::vec(some_key(), 0..24),
        name in prop::sample::select(vec!["GET", "POST", "PUT"]),
        segments in prop::collection::vec(prop::sample::select(vec!["a", "b", "c", ""]), 1..7),
    ) {
        let keys: Vec<_> = keys.iter().map(|text| key(text)).collect();
        let router = Router::new(keys.iter().cloned().map(|key| (key, ())));
        let raw = format!("/{}", segments.join("/"));
        let path = RoutePath::parse(raw.as_str()).unwrap();
        let found = router.select(&method(name), &path);
        let expected = model(&keys, &method(name), &segments);
        prop_assert_eq!(found.as_ref().map(|found| found.key), expected);
        if let Some(found) = found {
            let names: Vec<_> = found.variables.iter().map(|(name, _)| name.as_str()).collect();
            prop_assert_eq!(names, found.key.variables().collect::<Vec<_>>());
        }
    }

    #[test]
    fn keys_print_as_written(text in r"(GET|ANY|\$default) ?[/a{}+._:-]{0,12}|.{0,12}") {
        if let Ok(key) = HttpRouteKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn any_path_that_is_accepted_can_be_looked_up(raw in r"/[/a%2Ff.;]{0,12}|/.{0,8}") {
        let router = router(&["GET /{x+}", "GET /a/{v}", "$default"]);
        if let Ok(path) = RoutePath::parse(raw.as_str()) {
            prop_assert!(router.select(&Method::GET, &path).is_some());
            prop_assert!(path.canonical().is_none_or(|other| other.canonical().is_none()));
        }
    }
}
