//! What must hold for every text that is read as an OpenAPI document: it ends, within bounds, in an API or in reasons; and what becomes
//! of the API as a document again stays as it is.

use super::openapi::{BasePath, Reading, Writing, read, to_yaml, write};

/// What became of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An API.
    Imported,
    /// An API, with warnings.
    Warned,
    /// Nothing, for reasons that have been told.
    Refused,
}

const HOW: Reading<'_> = Reading {
    base_path: BasePath::Ignore,
    region: "eu-central-1",
    account_id: "111122223333",
};

const WRITING: Writing<'_> = Writing {
    server: None,
    version: "1",
    extensions: true,
};

/// Most lines of one kind that are told, and the one that counts the rest.
const LINES: usize = 101;

/// Panics when a property does not hold.
pub(crate) fn check(data: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(data);
    let imported = match read(&text, &HOW) {
        Ok(imported) => imported,
        Err(reasons) => {
            assert!((1..=LINES).contains(&reasons.len()), "{reasons:?}");
            return Outcome::Refused;
        }
    };
    assert!(imported.info.len() <= LINES && imported.warnings.len() <= LINES);
    for path in [
        "",
        "routes",
        "integrations.a.integrationUri",
        "authorizers.\"a",
    ] {
        imported.locate(path);
    }
    let document = write(&imported.api, &WRITING);
    let again = read(&document.to_string(), &HOW).unwrap_or_else(|problems| {
        panic!("{text}\n{document:#}\n{problems:#?}");
    });
    assert_eq!(write(&again.api, &WRITING), document, "{text}");
    let yaml = read(&to_yaml(&document), &HOW).expect("YAML says what JSON says");
    assert_eq!(write(&yaml.api, &WRITING), document, "{text}");
    match imported.warnings.is_empty() {
        true => Outcome::Imported,
        false => Outcome::Warned,
    }
}
