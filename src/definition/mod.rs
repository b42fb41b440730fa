//! The definition file: from text to [`crate::model`], with every problem reported at once.
//!
//! Text becomes a tree in which everything knows its place; included files and the environment are merged in;
//! the tables of what a definition may contain check it and give every scalar its type. Nothing here knows what a
//! definition means: that is for [`crate::plan`] to say. Nothing here touches the machine but through [`Surroundings`].

mod concise;
mod diagnostic;
mod document;
mod include;
mod overrides;
mod places;
mod resource;
mod scalar;
mod schema;
mod shape;
mod substitute;
mod surroundings;
mod syntax;
mod tables;
pub(crate) mod tree;
mod walk;
mod written;
mod yaml;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::model::definition::{Auth, Definition};

pub use concise::{concise, literally, write, write_line};
pub use diagnostic::{Diagnostic, Origin, Place, Report, child, item, render};
pub(crate) use document::document_value;
pub use document::read_document;
pub use overrides::variables;
pub use places::Places;
pub use resource::{Resource, check_api_id, check_link_id, check_resource, load_api};
pub use schema::schema;
pub use surroundings::{Machine, Surroundings};
pub use written::Written;
use written::shown as as_written;

/// Who wrote a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// Whoever runs the gateway: what has no effect is a mistake that is better told.
    File,
    /// Whoever calls the control plane, often a tool made for AWS: what has no effect there has none here.
    Caller,
}

/// A definition that has been read, as far as it can be understood.
///
/// What is wrong with it is reported by [`crate::plan::compile`], together with what that finds: nothing else may be done
/// with a definition before.
#[derive(Debug)]
pub struct Loaded {
    /// What it says, without the parts that are wrong.
    pub definition: Definition,
    /// Where it says so.
    pub places: Places,
    /// Every file that was read for it, to watch for changes.
    pub files: Vec<PathBuf>,
    /// Its resources once more, as they stand in the text: what may be shown of them.
    pub written: Written,
    /// Who wrote it.
    pub author: Author,
    report: Report,
}

impl Loaded {
    /// What is wrong so far, to be added to.
    pub fn report(&self) -> Report {
        self.report.clone()
    }

    /// Takes out those problems found so far that `fit`; the others stay, to be told with what is found next.
    pub(crate) fn take_problems(&mut self, fit: impl Fn(&Diagnostic) -> bool) -> Vec<Diagnostic> {
        let problems = std::mem::take(&mut self.report).finish();
        let (taken, kept) = problems.into_iter().partition(fit);
        self.report = Report::of(kept);
        taken
    }
}

/// Reads a definition file and all it includes. What names refer to is not looked at yet.
///
/// # Errors
/// Every problem, when there are so many that nothing can be said about the rest; else they are kept for the compile step.
pub fn load(path: &Path, surroundings: &dyn Surroundings) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::default();
    let mut files = BTreeSet::new();
    let root = include::read_all(path, surroundings, &mut files, &mut report);
    check(root, surroundings, files, report)
}

/// Reads a definition from a text, which cannot include files; relative paths in it follow `directory`.
///
/// # Errors
/// As [`load`].
pub fn load_text(
    text: &str,
    directory: &Path,
    surroundings: &dyn Surroundings,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::default();
    let origin = include::origin_of(&directory.join("definition"));
    let root = tree::parse(text, &origin, &mut report);
    if let Some(include) = root.as_ref().and_then(|root| root.get("include")) {
        let what = "a text cannot include files";
        report.add(Some(&include.place), "include", what, "load a file instead");
    }
    check(root, surroundings, BTreeSet::new(), report)
}

/// What a definition file says, substituted and concise, apart from what it means: to be put in force elsewhere.
///
/// # Errors
/// Every problem that can be seen without looking at what names refer to.
pub fn resolve(
    path: &Path,
    surroundings: &dyn Surroundings,
) -> Result<(Value, Places), Vec<Diagnostic>> {
    let mut report = Report::default();
    let root = include::read_all(path, surroundings, &mut BTreeSet::new(), &mut report);
    resolved(root, surroundings, report)
}

/// The same of a text, as in [`load_text`].
///
/// # Errors
/// As [`resolve`].
pub fn resolve_text(
    text: &str,
    directory: &Path,
    surroundings: &dyn Surroundings,
) -> Result<(Value, Places), Vec<Diagnostic>> {
    let mut report = Report::default();
    let origin = include::origin_of(&directory.join("definition"));
    let root = tree::parse(text, &origin, &mut report);
    resolved(root, surroundings, report)
}

fn resolved(
    root: Option<tree::Node>,
    surroundings: &dyn Surroundings,
    mut report: Report,
) -> Result<(Value, Places), Vec<Diagnostic>> {
    let Some(root) = root else {
        return Err(report.finish());
    };
    let mut walker = walk::Walker::new(walk::Source::File, surroundings, &mut report);
    let normal = walker.walk(&root, &shape::Shape::Object(&tables::DEFINITION), "");
    let places = std::mem::take(&mut walker.places);
    match normal {
        Some(Value::Object(mut sections)) if report.is_empty() => {
            sections.retain(|section, _| places.has(section));
            Ok((concise(&sections.into()), places))
        }
        _ => Err(report.finish()),
    }
}

/// A definition that was made out of something else, as it stands when what is wrong with it is left out, and what is wrong with it.
///
/// # Errors
/// Every problem, when nothing is left.
pub(crate) fn load_tree(
    root: &tree::Node,
    surroundings: &dyn Surroundings,
) -> Result<(Value, Loaded), Vec<Diagnostic>> {
    let mut report = Report::default();
    let mut walker = walk::Walker::new(walk::Source::Template, surroundings, &mut report);
    let normal = walker.walk(root, &shape::Shape::Object(&tables::DEFINITION), "");
    let places = std::mem::take(&mut walker.places);
    let written = Written::of(normal.as_ref(), &places);
    let sections = |name: &str| root.get(name).is_some();
    let shown = normal.as_ref().map(|normal| {
        let mut shown = as_written(normal, "", &places);
        if let Some(members) = shown.as_object_mut() {
            members.retain(|name, _| sections(name));
        }
        concise(&shown)
    });
    let definition = normal.and_then(|normal| model_of(normal, &mut report));
    match (shown, definition) {
        (Some(shown), Some(definition)) => Ok((
            shown,
            Loaded {
                definition,
                places,
                files: Vec::new(),
                written,
                author: Author::File,
                report,
            },
        )),
        _ => Err(report.finish()),
    }
}

/// A small definition with comments that runs with nothing else installed: what `tidegate init` writes.
pub fn starter() -> &'static str {
    include_str!("starter.yaml")
}

fn check(
    root: Option<tree::Node>,
    surroundings: &dyn Surroundings,
    mut files: BTreeSet<PathBuf>,
    mut report: Report,
) -> Result<Loaded, Vec<Diagnostic>> {
    let Some(mut root) = root else {
        return Err(report.finish());
    };
    overrides::apply(&mut root, surroundings, &mut report);
    let mut walker = walk::Walker::new(walk::Source::File, surroundings, &mut report);
    let normal = walker.walk(&root, &shape::Shape::Object(&tables::DEFINITION), "");
    let places = std::mem::take(&mut walker.places);
    files.append(&mut walker.files);
    let written = Written::of(normal.as_ref(), &places);
    let Some(definition) = normal.and_then(|normal| model_of(normal, &mut report)) else {
        return Err(report.finish());
    };
    check_addresses(&definition, &places, &mut report);
    check_burst(&definition, &places, &mut report);
    check_unsigned(&definition, &places, &mut report);
    Ok(Loaded {
        definition,
        places,
        files: files.into_iter().collect(),
        written,
        author: Author::File,
        report,
    })
}

fn model_of(mut normal: serde_json::Value, report: &mut Report) -> Option<Definition> {
    if let Some(fields) = normal.as_object_mut() {
        // Already done: the model does not know that there were several files.
        fields.remove("include");
    }
    match serde_json::from_value(normal) {
        Ok(definition) => Some(definition),
        Err(error) => {
            // The tests hold the tables and the model together, so this says that they failed to.
            let what = format!("passed every check, but does not fit the model: {error}");
            report.add(None, "", what, "report this as a defect of tidegate");
            None
        }
    }
}

/// One address cannot be listened on twice; port 0 is another one each time.
fn check_addresses(definition: &Definition, places: &Places, report: &mut Report) {
    let server = &definition.server;
    let clients = server.listen.iter().enumerate();
    let clients = clients.map(|(index, address)| (places.item("server.listen", index), address));
    let mut seen = BTreeSet::new();
    for (path, address) in clients.chain([("server.admin".to_owned(), &server.admin)]) {
        if address.port() != 0 && !seen.insert(address) {
            let what = format!("{address} stands here twice");
            report.add(
                places.of(&path),
                path,
                what,
                "write another address or port",
            );
        }
    }
}

/// Without a rate there is nothing that a burst could exceed.
fn check_burst(definition: &Definition, places: &Places, report: &mut Report) {
    let limits = &definition.server.limits;
    let path = "server.limits.requestBurst";
    if limits.request_rate.bound().is_none()
        && limits.request_burst.bound().is_some()
        && places.has(path)
    {
        let what = "has no meaning while `requestRate` is off";
        report.add(
            places.of(path),
            path,
            what,
            "leave it out, or write `off` too",
        );
    }
}

/// Unsigned calls are for a machine's own processes only.
fn check_unsigned(definition: &Definition, places: &Places, report: &mut Report) {
    let server = &definition.server;
    let strange = |address: &&SocketAddr| !address.ip().is_loopback();
    if server.management_auth == Some(Auth::None)
        // The administration listener takes pushes too.
        && let Some(address) = server.listen.iter().chain([&server.admin]).find(strange)
    {
        let path = "server.managementAuth";
        let what = format!("`none` would let anyone who reaches {address} push to connections");
        let remedy = "listen on loopback addresses only, or leave it out and add `credentials`";
        report.add(places.of(path), path, what, remedy);
    }
    if server.admin_auth == Some(Auth::None) && strange(&&server.admin) {
        let path = "server.adminAuth";
        let address = server.admin;
        let what = format!("`none` would let anyone who reaches {address} change every API");
        let remedy = "let `admin` be a loopback address, or leave this out and add `credentials`";
        report.add(places.of(path), path, what, remedy);
    }
}

#[cfg(test)]
mod tests;
