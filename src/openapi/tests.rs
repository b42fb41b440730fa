mod corpus;
mod fixed_point;
mod reading;
mod refusals;

use serde_json::{Map, Value};

use super::{BasePath, Imported, Reading, Rendered, read};

const HOW: Reading<'_> = Reading {
    base_path: BasePath::Ignore,
    region: "eu-central-1",
    account_id: "111122223333",
};

/// Reads what must be right.
fn good(text: &str) -> Imported {
    read(text, &HOW).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

/// Reads what must be wrong.
fn bad(text: &str) -> Rendered {
    read(text, &HOW).expect_err(text)
}

/// A document with a title and version around `rest`, in YAML at the left margin.
fn document(rest: &str) -> String {
    format!("openapi: 3.0.1\ninfo: {{ title: shop, version: '1' }}\n{rest}")
}

fn section(api: &Map<String, Value>, name: &str) -> Map<String, Value> {
    api[name].as_object().cloned().expect("a map")
}
