//! Ids for resources, made of what a document calls them.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Characters of a name that are part of an id.
const CHARACTERS: usize = 100;

/// How often each id was wanted.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<String, usize>);

impl Ids {
    /// An id that nothing in `known` has.
    pub(super) fn of(&mut self, name: &str, known: &Map<String, Value>) -> String {
        let base = plain(name);
        if !known.contains_key(&base) {
            return base;
        }
        let number = self.0.entry(base.clone()).or_insert(1);
        loop {
            *number += 1;
            let id = format!("{base}-{number}");
            if !known.contains_key(&id) {
                return id;
            }
        }
    }
}

/// Letters, digits, `-` and `_`; what stands for anything else is `-`, one at a time and neither first nor last.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for character in name.chars().take(CHARACTERS) {
        match character {
            character if character.is_ascii_alphanumeric() || character == '_' => {
                plain.push(character);
            }
            _ if plain.is_empty() || plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    let plain = plain.trim_end_matches('-');
    match plain.is_empty() {
        true => "unnamed".to_owned(),
        false => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_that_a_definition_takes() {
        let check = |name: &str, expected: &str| assert_eq!(plain(name), expected);
        check("shop", "shop");
        check("GET /orders/{id}", "GET-orders-id");
        check("my pool", "my-pool");
        check("$default", "default");
        check("ÄÖ", "unnamed");
        check(&"x".repeat(500), &"x".repeat(CHARACTERS));
    }

    #[test]
    fn no_id_is_given_twice() {
        let (mut ids, mut known) = (Ids::default(), Map::new());
        for expected in ["a", "a-2", "a-3"] {
            let id = ids.of("a", &known);
            assert_eq!(id, expected);
            known.insert(id, Value::Null);
        }
        known.insert("a-4".to_owned(), Value::Null);
        assert_eq!(ids.of("a", &known), "a-5");
    }
}
