//! Where in a document that stands which an API in the form of a definition has.

use crate::definition::child;

use super::members::Member;
use super::pointer::Pointer;

/// Places by paths of a definition, e.g. `routes."GET /orders"`.
#[derive(Debug, Default, Clone)]
pub(super) struct Places(Vec<Spot>);

#[derive(Debug, Clone)]
struct Spot {
    path: String,
    at: Pointer,
    /// What its members are called in the document.
    members: &'static [Member],
}

impl Places {
    /// Notes where a member of the API stands.
    pub(super) fn note(&mut self, path: &[&str], at: &Pointer, members: &'static [Member]) {
        let path = path
            .iter()
            .fold(String::new(), |path, segment| child(&path, segment));
        let at = at.clone();
        self.0.push(Spot { path, at, members });
    }

    /// The place of what stands at a path, or of the nearest that contains it.
    pub(super) fn locate(&self, path: &str) -> Pointer {
        let fitting = self.0.iter().filter_map(|spot| {
            let rest = path.strip_prefix(spot.path.as_str())?;
            let whole = rest.is_empty() || rest.starts_with(['.', '[']);
            whole.then_some((spot, rest))
        });
        let Some((spot, rest)) = fitting.max_by_key(|(spot, _)| spot.path.len()) else {
            return Pointer::root();
        };
        let mut at = spot.at.clone();
        for (position, segment) in segments(rest).into_iter().enumerate() {
            let mut members = spot.members.iter();
            let renamed = members.find(|(_, name, _)| position == 0 && *name == segment);
            at = match renamed {
                Some((name, _, _)) => at.child(*name),
                None => at.child(segment),
            };
        }
        at
    }
}

/// The segments of a dotted path: `.a."b c"[0]`.
fn segments(path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut segment = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for character in path.chars() {
        match character {
            character if escaped => {
                escaped = false;
                segment.push(character);
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '.' | '[' | ']' if !quoted => found.extend(ended(&mut segment)),
            character => segment.push(character),
        }
    }
    found.extend(ended(&mut segment));
    found
}

fn ended(segment: &mut String) -> Option<String> {
    let ended = std::mem::take(segment);
    (!ended.is_empty()).then_some(ended)
}

#[cfg(test)]
mod tests {
    use super::super::members::INTEGRATION;
    use super::*;

    #[test]
    fn what_a_definition_has_is_found_in_the_document() {
        let mut places = Places::default();
        let root = Pointer::root();
        places.note(&["name"], &root.below(&["info", "title"]), &[]);
        let operation = root.below(&["paths", "/a", "get"]);
        places.note(&["routes", "GET /a"], &operation, &[]);
        let integration = operation.child("x-amazon-apigateway-integration");
        places.note(&["integrations", "a"], &integration, INTEGRATION);
        let check = |path: &str, expected: &str| {
            assert_eq!(places.locate(path).to_string(), expected, "{path}");
        };
        check("name", "#/info/title");
        check("names", "#");
        check("", "#");
        check(
            r#"routes."GET /a".operationName"#,
            "#/paths/~1a/get/operationName",
        );
        let around = "#/paths/~1a/get/x-amazon-apigateway-integration";
        check("integrations.a", around);
        check("integrations.a.integrationUri", &format!("{around}/uri"));
        let path = r#"integrations.a.requestParameters."append:header.a""#;
        check(path, &format!("{around}/requestParameters/append:header.a"));
        check("integrations.a.list[3]", &format!("{around}/list/3"));
    }
}
