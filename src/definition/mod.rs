//! The definition file: from text to [`crate::model`], with every problem reported at once.
//!
//! Text becomes a tree in which everything knows its place ([`tree`]); included files and the environment are merged in;
//! the tables of what a definition may contain check it and give every scalar its type. Nothing here knows what a
//! definition means: that is for [`crate::plan`] to say. Nothing here touches the machine but through [`Surroundings`].

mod diagnostic;
mod include;
mod overrides;
mod places;
mod scalar;
mod schema;
mod shape;
mod substitute;
mod surroundings;
mod syntax;
mod tables;
mod tree;
mod walk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::definition::{Definition, ManagementAuth};

pub use diagnostic::{Diagnostic, Origin, Place, Report, child, item, render};
pub use overrides::variables;
pub use places::Places;
pub use schema::schema;
pub use surroundings::{Machine, Surroundings};

/// A definition that has been read, and what the compile step and a watcher want to know about it.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub definition: Definition,
    /// Where it says so.
    pub places: Places,
    /// Every file that was read for it, to watch for changes.
    pub files: Vec<PathBuf>,
}

/// Reads a definition file and all it includes.
///
/// # Errors
/// Every problem there is, in the order of the text. What names refer to is not looked at yet.
pub fn load(path: &Path, surroundings: &dyn Surroundings) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::default();
    let mut files = BTreeSet::new();
    let root = include::read_all(path, surroundings, &mut files, &mut report);
    let Some(root) = root else {
        return Err(report.finish());
    };
    finish(root, surroundings, files, report)
}

/// Reads a definition from a text; relative paths in it follow `directory`.
///
/// # Errors
/// As [`load`]. The text cannot include files.
pub fn load_text(
    text: &str,
    directory: &Path,
    surroundings: &dyn Surroundings,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::default();
    let origin = include::origin_of(&directory.join("definition"));
    let Some(root) = tree::parse(text, &origin, &mut report) else {
        return Err(report.finish());
    };
    if let Some(include) = root.get("include") {
        let what = "a text cannot include files";
        report.add(Some(&include.place), "include", what, "load a file instead");
    }
    finish(root, surroundings, BTreeSet::new(), report)
}

/// A small definition with comments that runs with nothing else installed: what `tidegate init` writes.
pub fn starter() -> &'static str {
    include_str!("starter.yaml")
}

fn finish(
    mut root: tree::Node,
    surroundings: &dyn Surroundings,
    mut files: BTreeSet<PathBuf>,
    mut report: Report,
) -> Result<Loaded, Vec<Diagnostic>> {
    overrides::apply(&mut root, surroundings, &mut report);
    let mut walker = walk::Walker::new(surroundings, &mut report);
    let mut normal = walker.walk(&root, &shape::Shape::Object(&tables::DEFINITION), "");
    let places = std::mem::take(&mut walker.places);
    files.append(&mut walker.files);
    if !report.is_empty() {
        return Err(report.finish());
    }
    if let Some(fields) = normal.as_object_mut() {
        // Already done: the model does not know that there were several files.
        fields.remove("include");
    }
    let definition = match serde_json::from_value::<Definition>(normal) {
        Ok(definition) => definition,
        Err(error) => {
            // The tests hold the tables and the model together, so this says that they failed to.
            let what = format!("passed every check, but does not fit the model: {error}");
            report.add(None, "", what, "report this as a defect of tidegate");
            return Err(report.finish());
        }
    };
    check_management(&definition, &places, &mut report);
    if !report.is_empty() {
        return Err(report.finish());
    }
    Ok(Loaded {
        definition,
        places,
        files: files.into_iter().collect(),
    })
}

/// Unsigned management is for a machine's own processes only.
fn check_management(definition: &Definition, places: &Places, report: &mut Report) {
    let server = &definition.server;
    let open = server.management_auth == Some(ManagementAuth::None);
    let reachable = server
        .listen
        .iter()
        .find(|address| !address.ip().is_loopback());
    if let (true, Some(address)) = (open, reachable) {
        let path = "server.managementAuth";
        let what = format!("`none` would let anyone who reaches {address} push to connections");
        let remedy = "listen on loopback addresses only, or leave it out and add `credentials`";
        report.add(places.of(path), path, what, remedy);
    }
}

#[cfg(test)]
mod tests;
