//! Where every setting of a definition stands, by its path.
//!
//! The compile step works on the model, which knows no places; it names a setting by its path and finds the place here.

use std::collections::HashMap;

use super::diagnostic::{Place, item};

/// Bytes of paths that are kept; what lies beyond is found by what is around it.
const PATHS_BYTES: usize = 64 * 1024 * 1024;

/// Places by path.
#[derive(Debug, Default)]
pub struct Places {
    spots: HashMap<String, Spot>,
    bytes: usize,
    /// Lists of which items were left out because they were wrong: where the items that are left stood.
    kept: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Spot {
    place: Place,
    /// What stands in the text, when the value came from outside of it and must not be printed.
    written: Option<String>,
}

impl Places {
    /// Notes where a setting stands; said again, the last place counts.
    pub(super) fn note(&mut self, path: &str, place: &Place) {
        match self.spots.get_mut(path) {
            Some(spot) => spot.place = place.clone(),
            None if self.bytes.saturating_add(path.len()) > PATHS_BYTES => {}
            None => {
                self.bytes += path.len();
                let spot = Spot {
                    place: place.clone(),
                    written: None,
                };
                self.spots.insert(path.to_owned(), spot);
            }
        }
    }

    /// Notes that the value of a setting was substituted, and what stands in the text.
    pub(super) fn note_written(&mut self, path: &str, written: &str) {
        if let Some(spot) = self.spots.get_mut(path) {
            spot.written = Some(written.to_owned());
        }
    }

    /// Notes which items of a list are left, when some were wrong.
    pub(super) fn note_kept(&mut self, path: &str, kept: Vec<usize>) {
        self.kept.insert(path.to_owned(), kept);
    }

    /// The path of an item of a list, by its position in the model: items that were wrong are not in there.
    pub fn item(&self, path: &str, index: usize) -> String {
        let kept = self.kept.get(path).and_then(|kept| kept.get(index));
        item(path, kept.copied().unwrap_or(index))
    }

    /// Whether the definition has the setting, right or wrong. Of what was wrong the model knows nothing.
    pub fn has(&self, path: &str) -> bool {
        self.spots.contains_key(path)
    }

    /// The place of a setting, or of the nearest one around it.
    pub fn of(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        loop {
            if let Some(spot) = self.spots.get(path) {
                return Some(&spot.place);
            }
            path = parent(path)?;
        }
    }

    /// What stands in the text in place of a value that came from outside of it.
    pub fn written(&self, path: &str) -> Option<&str> {
        self.spots
            .get(path)
            .and_then(|spot| spot.written.as_deref())
    }

    /// A value for a message: as it stands in the text, so that nothing from the environment or a file is printed.
    pub fn shown<'a>(&'a self, path: &str, value: &'a str) -> &'a str {
        self.written(path).unwrap_or(value)
    }
}

/// The path of what contains the setting: everything before the last `.` or `[` that stands outside quotes.
fn parent(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    let mut quoted = false;
    let mut escaped = false;
    let mut cut = 0;
    for (position, character) in path.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '.' | '[' if !quoted => cut = position,
            _ => {}
        }
    }
    path.get(..cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_a_path_is_what_contains_it() {
        let check = |path, expected| assert_eq!(parent(path), expected, "{path}");
        check("a.b", Some("a"));
        check("a.b[2]", Some("a.b"));
        check(r#"a."x.y""#, Some("a"));
        check(r#"a."x\".y".z"#, Some(r#"a."x\".y""#));
        check("a", Some(""));
        check("", None);
    }
}
