//! OpenAPI documents: the HTTP API that they describe.
//!
//! Source: developer guide, "Working with OpenAPI definitions for HTTP APIs". Reading is [`crate::openapi`]'s; here its API gets an id and
//! a stage, and what the tables and the compile step say of it is told by places of the document.

use std::path::Path;

use serde_json::{Value, json};

use crate::definition::{self, Diagnostic, Machine, child};
use crate::openapi::{self, Reading, Rendered};
use crate::plan::compile::compile;

/// Longest id that is made of a title.
const ID_LENGTH: usize = 40;
/// The id of an API whose title says nothing that an id could.
const ID: &str = "api";

/// What was made of a document.
#[derive(Debug)]
pub struct Imported {
    /// The definition, in the form that [`crate::definition::write`] writes.
    pub definition: Value,
    /// What was not taken over, and where the document is not quite OpenAPI: one line each.
    pub warnings: Rendered,
    /// What has to be put right before the definition can be served: one line each, with its JSON pointer.
    pub problems: Rendered,
}

/// Makes a definition of a document in JSON or YAML. The API's id is `id`, or else made of the document's title.
///
/// # Errors
/// Everything that is wrong with the document, one line each, with its JSON pointer.
pub fn import(text: &str, id: Option<&str>, how: &Reading<'_>) -> Result<Imported, Rendered> {
    let mut imported = openapi::read(text, how)?;
    let title = imported.api.get("name").and_then(Value::as_str);
    let id = id.map_or_else(|| id_of(title.unwrap_or_default()), str::to_owned);
    definition::check_api_id(&id).map_err(|problems| lines(&problems))?;
    let mut api = std::mem::take(&mut imported.api);
    api.insert("stages".to_owned(), json!({ "$default": {} }));
    let definition = json!({ "apis": { &id: api } });
    let around = child("apis", &id);
    let told = |problems: Vec<Diagnostic>| -> Rendered {
        let tell = |problem: &Diagnostic| {
            let path = problem.path.strip_prefix(&around).unwrap_or_default();
            let at = imported.locate(path.trim_start_matches('.'));
            format!("{at}: {}; {}", problem.what, problem.remedy)
        };
        problems.iter().map(tell).collect()
    };
    let machine = Machine::default();
    let text = definition::write(&definition);
    let problems = match definition::load_text(&text, Path::new(""), &machine) {
        Ok(loaded) => compile(&loaded, &[]).err().map(told),
        Err(problems) => Some(told(problems)),
    };
    let mut warnings = imported.warnings.clone();
    warnings.extend(imported.info.iter().cloned());
    Ok(Imported {
        definition,
        warnings,
        problems: problems.unwrap_or_default(),
    })
}

fn lines(problems: &[Diagnostic]) -> Rendered {
    problems.iter().map(ToString::to_string).collect()
}

/// An id as a person would have made it of that title: `Pet Store (v2)` is `pet-store-v2`.
fn id_of(title: &str) -> String {
    let mut id = String::new();
    for character in title.chars().take(ID_LENGTH) {
        match character.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => id.push(letter),
            _ if id.is_empty() || id.ends_with('-') => {}
            _ => id.push('-'),
        }
    }
    match id.trim_end_matches('-') {
        "" => ID.to_owned(),
        id => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::BasePath;

    fn read(text: &str) -> Result<Imported, Rendered> {
        let how = Reading {
            base_path: BasePath::default(),
            region: "eu-central-1",
            account_id: "123456789012",
        };
        import(text, None, &how)
    }

    #[test]
    fn titles_become_ids() {
        let check = |title: &str, expected: &str| assert_eq!(id_of(title), expected);
        check("Pet Store (v2)", "pet-store-v2");
        check("  shop", "shop");
        check("Ünïcode", "n-code");
        check("???", "api");
        check("", "api");
    }

    #[test]
    fn a_document_becomes_a_definition_that_compiles() {
        let text = r#"
openapi: 3.0.1
info: { title: Shop, version: "1" }
paths:
  /orders/{id}:
    get:
      responses: { default: { description: any } }
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: https://backend.example.com/{id}
        payloadFormatVersion: "1.0"
"#;
        let imported = read(text).unwrap();
        assert_eq!(imported.problems, Rendered::new());
        let api = &imported.definition["apis"]["shop"];
        assert_eq!(api["protocolType"], "HTTP");
        assert!(api["routes"].get("GET /orders/{id}").is_some(), "{api}");
        assert!(api["stages"].get("$default").is_some(), "{api}");
    }

    #[test]
    fn what_cannot_be_served_is_told_by_its_pointer() {
        let text = r#"
openapi: 3.0.1
info: { title: Shop, version: "1" }
paths:
  /orders:
    get:
      responses: { default: { description: any } }
      x-amazon-apigateway-integration: { type: http_proxy, httpMethod: GET, uri: "ftp://example.com", payloadFormatVersion: "1.0" }
"#;
        let problems = read(text).unwrap().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        let at = "/paths/~1orders/get/x-amazon-apigateway-integration/uri";
        assert!(problems[0].contains(at), "{problems:?}");
        assert!(read("{}").is_err());
    }
}
