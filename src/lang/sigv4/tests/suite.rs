//! Amazon's test suite, kept under `tests/vectors/sigv4`: every request that it signs has to verify, in both placements.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

/// Cases in the suite; each is signed once in a header and once in the query.
const CASES: usize = 38;

#[test]
fn every_request_of_the_suite_verifies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sigv4");
    let mut seen = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        seen += 1;
        for file in ["header-signed-request.txt", "query-signed-request.txt"] {
            if let Err(error) = check(&path, file) {
                failed.push(format!("{} {file}: {error}", path.display()));
            }
        }
    }
    assert_eq!(failed, [""; 0]);
    assert_eq!(seen, CASES);
}

fn check(case: &Path, file: &str) -> Result<(), SigV4Error> {
    let context = fs::read_to_string(case.join("context.json")).unwrap();
    let context: Value = serde_json::from_str(&context).unwrap();
    let credentials = &context["credentials"];
    let secret = credentials["secret_access_key"].as_str().unwrap();
    let secret = match credentials["token"].as_str() {
        Some(token) => SigningSecret::temporary(secret, token),
        None => SigningSecret::permanent(secret),
    };
    let expected = Expected {
        region: context["region"].as_str().unwrap(),
        service: context["service"].as_str().unwrap(),
        ..EXPECTED
    };
    read(&fs::read_to_string(case.join(file)).unwrap()).verify(&secret, &expected)
}

/// A request as the suite writes it: its target may have spaces, its fields may go on in the next line.
fn read(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let (line, fields) = head.split_once('\n').unwrap();
    let (method, rest) = line.split_once(' ').unwrap();
    let target = rest.strip_suffix(" HTTP/1.1").unwrap();
    let mut headers: Vec<(&str, String)> = Vec::new();
    for field in fields.lines() {
        match (field.strip_prefix(' '), headers.last_mut()) {
            (Some(more), Some((_, value))) => {
                value.push(' ');
                value.push_str(more);
            }
            _ => {
                let (name, value) = field.split_once(':').unwrap();
                headers.push((name, value.to_owned()));
            }
        }
    }
    let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Request::new(method, target, &headers, body)
}
