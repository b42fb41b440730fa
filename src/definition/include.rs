//! Reads a definition from its file and the files it includes, and makes one tree of them.
//!
//! Sections are joined by their keys: two files may both have `apis`, but not both `apis.chat`.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Origin, Place, Report, child};
use super::substitute::{self, Sources};
use super::surroundings::Surroundings;
use super::tree::{Entry, Node, TEXT_BYTES, Value, parse};

/// Files that one definition may be made of.
const FILES: usize = 1000;
/// Bytes of all files together.
const ALL_BYTES: usize = 16 * 1024 * 1024;
/// Largest file that a pattern may take in, in bytes.
const PATTERN_BYTES: usize = 4096;
/// The key that names further files.
const INCLUDE: &str = "include";

/// Reads `path` and everything it includes; `None` when any of them cannot be read, with the reason in the report.
pub(super) fn read_all(
    path: &Path,
    surroundings: &dyn Surroundings,
    files: &mut BTreeSet<PathBuf>,
    report: &mut Report,
) -> Option<Node> {
    let mut reader = Reader {
        surroundings,
        files,
        report,
        waiting: VecDeque::new(),
        bytes: 0,
    };
    let root = reader.read(path, None)?;
    reader.note_includes(&root);
    let mut joined = Joined::new(root.place.clone());
    joined.add(root, reader.report);
    let mut whole = true;
    while let Some((path, asked_at)) = reader.waiting.pop_front() {
        match reader.read(&path, Some(&asked_at)) {
            Some(node) => {
                reader.note_includes(&node);
                joined.add(node, reader.report);
            }
            None => whole = false,
        }
    }
    whole.then(|| joined.finish())
}

/// The name and directory of a file.
pub(super) fn origin_of(path: &Path) -> Arc<Origin> {
    Arc::new(Origin {
        name: path.display().to_string(),
        directory: path.parent().map(Path::to_path_buf).unwrap_or_default(),
    })
}

struct Reader<'a> {
    surroundings: &'a dyn Surroundings,
    files: &'a mut BTreeSet<PathBuf>,
    report: &'a mut Report,
    /// Files still to be read, and where each was asked for.
    waiting: VecDeque<(PathBuf, Place)>,
    bytes: usize,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path, asked_at: Option<&Place>) -> Option<Node> {
        let origin = origin_of(path);
        let whole = Place::whole(origin.clone());
        let place = asked_at.unwrap_or(&whole);
        self.files.insert(path.to_path_buf());
        let content = match self.surroundings.read(path, TEXT_BYTES) {
            Ok(content) => content,
            Err(error) => {
                let (what, remedy) = match asked_at {
                    Some(_) => (
                        format!("`{}` cannot be read: {error}", path.display()),
                        "correct the path in `include`",
                    ),
                    None => (
                        format!("cannot be read: {error}"),
                        "name another file, or let `tidegate init` write one",
                    ),
                };
                self.report.add(Some(place), "", what, remedy);
                return None;
            }
        };
        self.bytes = self.bytes.saturating_add(content.len());
        if self.bytes > ALL_BYTES {
            let what = format!("all files together are larger than {ALL_BYTES} bytes");
            self.report.add(Some(place), INCLUDE, what, "include less");
            return None;
        }
        let Ok(text) = String::from_utf8(content) else {
            let what = "is not UTF-8 text";
            self.report.add(Some(&whole), "", what, "save it as UTF-8");
            return None;
        };
        let node = parse(&text, &origin, self.report)?;
        if node.is_null() {
            return Some(Node {
                place: node.place,
                value: Value::Mapping(Vec::new()),
            });
        }
        if !matches!(node.value, Value::Mapping(_)) {
            let what = "a definition is a map";
            self.report
                .add(Some(&node.place), "", what, "begin with `apis:`");
            return None;
        }
        Some(node)
    }

    /// Queues the files that a tree includes. What is wrong with the form of `include` is for the walker to say.
    fn note_includes(&mut self, root: &Node) {
        let Some(include) = root.get(INCLUDE) else {
            return;
        };
        let patterns = match &include.value {
            Value::Sequence(items) => items.as_slice(),
            Value::Scalar(_) => std::slice::from_ref(include),
            Value::Mapping(_) => return,
        };
        for pattern in patterns {
            if let Value::Scalar(scalar) = &pattern.value {
                self.note_pattern(&scalar.text, &pattern.place);
            }
        }
    }

    fn note_pattern(&mut self, text: &str, place: &Place) {
        let mut sources = Variables {
            reader: self,
            place,
        };
        let Ok(text) = substitute::substitute(text, &mut sources) else {
            // The walker comes by here too, and says why.
            return;
        };
        let text = text.as_str();
        let pattern = place.origin.directory.join(text);
        let is_glob = text.contains(['*', '?', '[']);
        let found = if is_glob {
            self.surroundings.matching(&pattern.to_string_lossy())
        } else {
            Ok(vec![pattern])
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let what = format!("the pattern cannot be searched for: {error}");
                self.report
                    .add(Some(place), INCLUDE, what, "correct the pattern");
                return;
            }
        };
        for path in found {
            if self.files.contains(&path) || self.waiting.iter().any(|(other, _)| *other == path) {
                continue;
            }
            if self.files.len() + self.waiting.len() >= FILES {
                let what = format!("the definition is made of more than {FILES} files");
                self.report.add(Some(place), INCLUDE, what, "include less");
                return;
            }
            self.waiting.push_back((path, place.clone()));
        }
    }
}

/// What patterns may be substituted with.
struct Variables<'r, 'a> {
    reader: &'r mut Reader<'a>,
    place: &'r Place,
}

impl Sources for Variables<'_, '_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.reader.surroundings.environment().get(name).cloned()
    }

    fn file(&mut self, path: &str) -> Result<String, String> {
        let path = self.place.origin.directory.join(path);
        let content = self.reader.surroundings.read(&path, PATTERN_BYTES)?;
        self.reader.files.insert(path);
        String::from_utf8(content).map_err(|_| "it is not UTF-8 text".to_owned())
    }
}

/// The sections of all files together. Keys are indexed once, so that joining large maps stays cheap.
struct Joined {
    place: Place,
    sections: Vec<Entry>,
    positions: HashMap<String, usize>,
    /// Of each section that several files have: the keys in it and where they stand.
    inner: HashMap<String, HashMap<String, Place>>,
}

impl Joined {
    fn new(place: Place) -> Self {
        Self {
            place,
            sections: Vec::new(),
            positions: HashMap::new(),
            inner: HashMap::new(),
        }
    }

    fn add(&mut self, file: Node, report: &mut Report) {
        let Value::Mapping(added) = file.value else {
            return;
        };
        for entry in added {
            let position = self.positions.get(&entry.key).copied();
            match position.and_then(|position| self.sections.get_mut(position)) {
                None => {
                    self.positions
                        .insert(entry.key.clone(), self.sections.len());
                    self.sections.push(entry);
                }
                Some(section) => {
                    let inner = self.inner.entry(entry.key.clone()).or_default();
                    join(section, entry, inner, report);
                }
            }
        }
    }

    fn finish(self) -> Node {
        Node {
            place: self.place,
            value: Value::Mapping(self.sections),
        }
    }
}

fn join(
    section: &mut Entry,
    added: Entry,
    inner: &mut HashMap<String, Place>,
    report: &mut Report,
) {
    if added.value.is_null() {
        return;
    }
    if section.value.is_null() {
        *section = added;
        return;
    }
    match (&mut section.value.value, added.value.value) {
        (Value::Mapping(entries), Value::Mapping(more)) => {
            if inner.is_empty() {
                let places = entries.iter();
                inner.extend(places.map(|entry| (entry.key.clone(), entry.place.clone())));
            }
            for entry in more {
                match inner.get(&entry.key) {
                    Some(first) => {
                        let path = child(&section.key, &entry.key);
                        twice(&path, first, &entry.place, report);
                    }
                    None => {
                        inner.insert(entry.key.clone(), entry.place.clone());
                        entries.push(entry);
                    }
                }
            }
        }
        (Value::Sequence(items), Value::Sequence(more)) => items.extend(more),
        // Every file may include others; one pattern may stand without brackets.
        _ if section.key == INCLUDE => {}
        _ => twice(&section.key, &section.place, &added.place, report),
    }
}

fn twice(path: &str, first: &Place, second: &Place, report: &mut Report) {
    let what = format!("is defined twice, first at {first}");
    report.add(Some(second), path, what, "keep one of them");
}
