//! What there is to say of a document: errors, warnings, and what HTTP APIs have no use for.

use std::collections::BTreeMap;

use super::pointer::Pointer;

/// Lines of one kind that are kept; the rest are counted.
const LINES: usize = 100;

/// Lines as they are told; the last may count those that are not.
pub type Rendered = Vec<String>;

/// Everything that was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Lines,
    warnings: Lines,
    /// By name of the member: where it stands first, and how often in all.
    unused: BTreeMap<String, (Pointer, usize)>,
    /// What else was found unused, when there were lines enough.
    unused_more: usize,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    dropped: usize,
}

impl Lines {
    /// Adds a line, which is only made when it is kept.
    fn add(&mut self, line: impl FnOnce() -> String) {
        match self.lines.len() < LINES {
            true => self.lines.push(line()),
            false => self.dropped += 1,
        }
    }

    fn render(mut self) -> Rendered {
        if self.dropped > 0 {
            self.lines.push(format!("and {} more", self.dropped));
        }
        self.lines
    }
}

impl Findings {
    /// Nothing can be made of the document.
    pub(super) fn error(&mut self, at: &Pointer, what: impl AsRef<str>) {
        self.errors.add(|| format!("{at}: {}", what.as_ref()));
    }

    /// Something is left out.
    pub(super) fn warning(&mut self, at: &Pointer, what: impl AsRef<str>) {
        self.warnings.add(|| format!("{at}: {}", what.as_ref()));
    }

    /// The document is not quite OpenAPI; `what` completes "attribute … is", e.g. `missing`.
    pub(super) fn parse_issue(&mut self, at: &Pointer, what: &str) {
        let line = || format!("Parse issue: attribute {} is {what}", at.attribute());
        self.warnings.add(line);
    }

    /// Valid OpenAPI that HTTP APIs do not use; one line for each kind of it.
    pub(super) fn unused(&mut self, at: &Pointer) {
        let name = at.last();
        let full = self.unused.len() == LINES;
        match self.unused.get_mut(name) {
            Some((_, count)) => *count += 1,
            None if full => self.unused_more += 1,
            None => drop(self.unused.insert(name.to_owned(), (at.clone(), 1))),
        }
    }

    /// Errors when there are any; else info and warnings.
    pub(super) fn finish(self) -> Result<(Rendered, Rendered), Rendered> {
        if !self.errors.lines.is_empty() {
            return Err(self.errors.render());
        }
        let mut info = Lines {
            lines: Vec::new(),
            dropped: self.unused_more,
        };
        for (name, (first, count)) in self.unused {
            let more = match count {
                1 => String::new(),
                count => format!(" (and {} more like it)", count - 1),
            };
            let name: String = name.chars().take(128).collect();
            info.add(|| format!("{first}{more}: HTTP APIs do not use {name}; it is ignored"));
        }
        Ok((info.render(), self.warnings.render()))
    }
}
