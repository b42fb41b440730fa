//! What is wrong with a definition, where, and how to put it right.
//!
//! Problems are collected, never thrown: a person who made three mistakes reads about all three at once. Nothing here
//! knows what a definition contains.

use std::cmp::Ordering;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Problems kept of one definition; the rest are only counted.
const PROBLEMS_KEPT: usize = 1000;

/// Longest path that is still appended to, in bytes.
const PATH_BYTES: usize = 4096;
/// Most characters of one segment of a path.
const SEGMENT_CHARACTERS: usize = 1024;

/// A text that definitions are read from: a file, or a variable of the environment.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin {
    /// As the user wrote it, e.g. `./tidegate.yaml`.
    pub name: String,
    /// What relative paths in the text are relative to.
    pub directory: PathBuf,
}

/// A position in an [`Origin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub origin: Arc<Origin>,
    /// Line, from 1; 0 means the text as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 means the text as a whole.
    pub column: usize,
}

impl Place {
    /// The text as a whole.
    pub fn whole(origin: Arc<Origin>) -> Self {
        Self {
            origin,
            line: 0,
            column: 0,
        }
    }

    fn order(&self) -> (&str, usize, usize) {
        (&self.origin.name, self.line, self.column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.origin.name);
        }
        write!(f, "{}:{}:{}", self.origin.name, self.line, self.column)
    }
}

/// One problem: displayed as `file:line:column: path: what is wrong; how to fix it`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; absent when it is about something that no text contains.
    pub place: Option<Place>,
    /// Which setting, e.g. `apis.chat.routes.$connect.target`; empty for a problem of the text itself.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// How to fix it.
    pub remedy: String,
}

impl Diagnostic {
    /// A problem.
    pub fn new(
        place: Option<Place>,
        path: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place,
            path: path.into(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Collects problems.
#[derive(Debug, Clone, Default)]
pub struct Report {
    problems: Vec<Diagnostic>,
    dropped: usize,
}

impl Report {
    /// Goes on with these.
    pub(super) fn of(problems: Vec<Diagnostic>) -> Self {
        Self {
            problems,
            dropped: 0,
        }
    }

    /// Adds a problem.
    pub fn add(
        &mut self,
        place: Option<&Place>,
        path: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.problems.len() >= PROBLEMS_KEPT {
            self.dropped += 1;
            return;
        }
        self.problems
            .push(Diagnostic::new(place.cloned(), path, what, remedy));
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether a problem of this setting, or of something inside it, has been added.
    pub fn concerns(&self, path: &str) -> bool {
        self.problems.iter().any(|problem| {
            problem
                .path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Every problem, once and in the order of the text.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.problems.sort_by(|a, b| {
            let places = match (&a.place, &b.place) {
                (Some(a), Some(b)) => a.order().cmp(&b.order()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            };
            places.then_with(|| (&a.path, &a.what).cmp(&(&b.path, &b.what)))
        });
        self.problems.dedup();
        if self.dropped > 0 {
            let what = format!("{} more problems are not shown", self.dropped);
            self.problems
                .push(Diagnostic::new(None, "", what, "fix these first"));
        }
        self.problems
    }
}

/// Renders diagnostics as the command line prints them: one per line.
pub fn render(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| format!("{diagnostic}\n"))
        .collect()
}

/// Appends one segment to a dotted path; a segment that would be misread is quoted.
///
/// Segments and paths are cut where no setting that exists reaches, so that naming every value of a hostile definition
/// costs little.
pub fn child(path: &str, segment: &str) -> String {
    if path.len() > PATH_BYTES {
        return path.to_owned();
    }
    let segment = match segment.char_indices().nth(SEGMENT_CHARACTERS) {
        Some((end, _)) => segment.get(..end).unwrap_or_default(),
        None => segment,
    };
    let plain = !segment.is_empty()
        && !segment
            .chars()
            .any(|c| c == '.' || c == '"' || c.is_whitespace() || c.is_control());
    let segment = if plain {
        segment.to_owned()
    } else {
        format!("{segment:?}")
    };
    if path.is_empty() {
        segment
    } else {
        format!("{path}.{segment}")
    }
}

/// Appends the position in a list to a dotted path.
pub fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize) -> Place {
        Place {
            origin: Arc::new(Origin {
                name: "a.yaml".to_owned(),
                directory: PathBuf::from("."),
            }),
            line,
            column: 3,
        }
    }

    #[test]
    fn problems_come_out_in_the_order_of_the_text_and_once() {
        let mut report = Report::default();
        report.add(None, "", "z", "y");
        report.add(Some(&place(9)), "b", "late", "fix");
        report.add(Some(&place(2)), "a", "early", "fix");
        report.add(Some(&place(2)), "a", "early", "fix");
        assert_eq!(
            render(&report.finish()),
            "a.yaml:2:3: a: early; fix\na.yaml:9:3: b: late; fix\nz; y\n"
        );
    }

    #[test]
    fn only_so_many_problems_are_kept() {
        let mut report = Report::default();
        for line in 0..PROBLEMS_KEPT + 5 {
            report.add(Some(&place(line + 1)), "", "x", "y");
        }
        let problems = report.finish();
        assert_eq!(problems.len(), PROBLEMS_KEPT + 1);
        let last = problems.last().map(ToString::to_string);
        assert_eq!(
            last.as_deref(),
            Some("5 more problems are not shown; fix these first")
        );
    }

    #[test]
    fn path_segments_that_would_be_misread_are_quoted() {
        let check = |segment, expected| assert_eq!(child("a", segment), expected);
        check("$connect", "a.$connect");
        check("x.y", r#"a."x.y""#);
        check("GET /x", r#"a."GET /x""#);
        check("", r#"a."""#);
        assert_eq!(child("", "a"), "a");
        assert_eq!(item("a.b", 3), "a.b[3]");
        let long = child("a", &"x".repeat(5000));
        assert_eq!(long.len(), 2 + SEGMENT_CHARACTERS);
        let full = "a".repeat(PATH_BYTES + 1);
        assert_eq!(child(&full, "b"), full);
    }
}
