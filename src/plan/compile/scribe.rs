//! Notes what is wrong, with the place that the definition has for it.

use crate::definition::{Diagnostic, Places, Report, child};
use crate::lang::syntax::SyntaxError;

/// Characters of a value that a message repeats.
const SHOWN_CHARACTERS: usize = 80;

/// Collects the problems of one compilation.
pub(super) struct Scribe<'a> {
    places: &'a Places,
    report: Report,
    /// Whether what is still to come may be missing.
    draft: bool,
}

impl<'a> Scribe<'a> {
    /// Goes on with a report that may have problems already.
    pub(super) fn new(places: &'a Places, report: Report) -> Self {
        Self {
            places,
            report,
            draft: false,
        }
    }

    /// Notes a problem of the setting at `path`.
    pub(super) fn problem(
        &mut self,
        path: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.report.add(self.places.of(path), path, what, remedy);
    }

    /// From here on, what a draft may lack is no problem.
    pub(super) fn expect_a_draft(&mut self) {
        self.draft = true;
    }

    /// Notes a problem that goes away when something is added that a draft may lack.
    pub(super) fn unfinished(
        &mut self,
        path: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if !self.draft {
            self.problem(path, what, remedy);
        }
    }

    /// Notes that the text at `path` does not follow its grammar.
    pub(super) fn syntax(&mut self, path: &str, text: &str, error: &SyntaxError) {
        let what = if self.hides(path) {
            // The parser may repeat what came from the environment or a file.
            let written = self.shown(path, text);
            format!(
                "{written} stands for a text with a mistake at its character {}",
                error.position
            )
        } else {
            format!("character {}: {}", error.position, error.problem)
        };
        self.problem(path, what, error.remedy.clone());
    }

    /// A value for a message, in backticks; what was substituted shows as it is written.
    pub(super) fn shown(&self, path: &str, value: &str) -> String {
        let shown: String = self
            .places
            .shown(path, value)
            .chars()
            .take(SHOWN_CHARACTERS)
            .collect();
        format!("`{}`", shown.escape_debug())
    }

    /// Where the setting stands, for a message about another one.
    pub(super) fn place(&self, path: &str) -> String {
        match self.places.of(path) {
            Some(place) => place.to_string(),
            None => path.to_owned(),
        }
    }

    /// The path of an item of a list, by its position in the model.
    pub(super) fn item(&self, path: &str, index: usize) -> String {
        self.places.item(path, index)
    }

    /// The path of what a JSON pointer (RFC 6901) leads to inside the setting at `path`.
    pub(super) fn below(&self, path: &str, pointer: &str) -> String {
        let mut path = path.to_owned();
        for segment in pointer.split('/').skip(1) {
            path = match segment.parse() {
                Ok(index) => self.item(&path, index),
                Err(_) => child(&path, &segment.replace("~1", "/").replace("~0", "~")),
            };
        }
        path
    }

    /// Whether the value of the setting came from outside of the text and must not be printed.
    pub(super) fn hides(&self, path: &str) -> bool {
        self.places.written(path).is_some()
    }

    /// Whether a problem of the setting, or of something inside it, has been noted.
    pub(super) fn is_wrong(&self, path: &str) -> bool {
        self.report.concerns(path)
    }

    /// Whether the definition has the setting, right or wrong; what is wrong is not in the model but has been noted.
    pub(super) fn has(&self, path: &str) -> bool {
        self.places.has(path)
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.report.is_empty()
    }

    /// Everything that is wrong.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_become_paths() {
        let places = Places::default();
        let scribe = Scribe::new(&places, Report::default());
        let check = |pointer, expected| assert_eq!(scribe.below("p", pointer), expected);
        check("", "p");
        check("/Statement/0/Action", "p.Statement[0].Action");
        check("/Condition/a~1b", "p.Condition.a/b");
    }
}
