//! The fuzzing corpora of the languages of HTTP APIs, replayed: no input panics, and each ends as its file name says.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::lang;
use crate::lang::http_path::PathError;

#[path = "../../fuzz/checks/cors.rs"]
mod cors;
#[path = "../../fuzz/checks/mapping.rs"]
mod mapping;
#[path = "../../fuzz/checks/path.rs"]
mod path;
#[path = "../../fuzz/checks/route.rs"]
mod route;

/// Runs `ending` over the corpus of a target; what the names of its files begin with must be just these endings.
fn replay(target: &str, endings: &[&'static str], ending: impl Fn(&[u8]) -> &'static str) {
    let corpus = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(corpus).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let ended = ending(&std::fs::read(entry.path()).unwrap());
        // What the fuzzer adds is named by a hash and may end in any way.
        let Some((expected, _)) = name.split_once('-') else {
            continue;
        };
        assert_eq!(ended, expected, "{name}");
        seen.insert(ended);
    }
    assert_eq!(seen, endings.iter().copied().collect(), "{target}");
}

#[test]
fn paths() {
    let endings = [
        "good",
        "relative",
        "escape",
        "notutf8",
        "control",
        "backslash",
        "dots",
    ];
    replay("path", &endings, |data| match path::check(data) {
        Ok(()) => "good",
        Err(PathError::Relative) => "relative",
        Err(PathError::Escape) => "escape",
        Err(PathError::NotUtf8) => "notutf8",
        Err(PathError::Control) => "control",
        Err(PathError::Backslash) => "backslash",
        Err(PathError::DotSegment) => "dots",
    });
}

#[test]
fn routes() {
    let endings = ["found", "notfound", "norequest"];
    replay("route", &endings, |data| match route::check(data) {
        route::Outcome::Found(key) => {
            assert!(key.starts_with(['$', '/']) || key.contains(' '));
            "found"
        }
        route::Outcome::NotFound => "notfound",
        route::Outcome::NoRequest => "norequest",
    });
}

#[test]
fn mappings() {
    let endings = ["mapped", "unfit", "nomapping"];
    replay("mapping", &endings, |data| match mapping::check(data) {
        mapping::Outcome::Mapped => "mapped",
        mapping::Outcome::Unfit => "unfit",
        mapping::Outcome::NoMapping => "nomapping",
    });
}

#[test]
fn cors_configurations() {
    let endings = ["open", "closed", "refused", "norequest"];
    replay("cors", &endings, |data| match cors::check(data) {
        cors::Outcome::Open => "open",
        cors::Outcome::Closed => "closed",
        cors::Outcome::Refused => "refused",
        cors::Outcome::NoRequest => "norequest",
    });
}

/// Key or name of a mapping, or nearly.
const KEY: &str =
    "(append|overwrite|remove|x):(header|querystring|path|statuscode)?(\\.[a-zA-Z-]{1,6}|\\.te)?";
/// Its value, or nearly.
const VALUE: &str = "([a-z/%?2e. -]{0,3}\\$?\\{?(request|response|context|stageVariables)(\\.(header|querystring|path|body))?(\\.[a-z]{1,3})?\\}?){0,2}|''|[2-6]0[0-9]";

proptest! {
    #[test]
    fn any_path(text in "/?(/|%2[eEfF]|%5[cC]|%25|%3[fFbB]|%00|[.;a%?\\\\ü]){0,14}") {
        path::check(text.as_bytes()).ok();
    }

    #[test]
    fn any_routes(
        request in "(GET|POST|OPTIONS) (/(a|b|%61|%2f|A|1|)){1,4}",
        keys in "(((GET|POST|ANY) (/|(/(a|b|1|\\{x\\}|\\{y\\}|\\{z\\+\\})){1,3})|\\$default)\n){0,8}",
    ) {
        route::check(format!("{request}\n{keys}").as_bytes());
    }

    #[test]
    fn any_mapping(key in KEY, value in VALUE, sent in "([./%2eEfF\\\\?#&=\r\n\x00ü ]|a){0,10}") {
        mapping::check(format!("{key}\n{value}\n{sent}").as_bytes());
    }

    #[test]
    fn any_cors(
        origin in "(https?://)?[aA*.:]{0,4}",
        method in "(GET|PUT|get|\\*)",
        settings in "((origin=((https?://)?[aA.:]{1,3}|https?://\\*|\\*|null)|method=(GET|\\*|ANY)|header=[a*]|expose=a|age=-?[0-9]{1,6}|credentials)\n){0,5}",
    ) {
        cors::check(format!("{origin}\n{method}\nx-a\n{settings}").as_bytes());
    }
}
