//! Definitions out of what other tools write.
//!
//! Each importer is a pure function from a text to the form of a definition. Nothing is left out in silence: what cannot be taken over is
//! a warning with its place in the text, and what the result still lacks is a problem.

pub mod openapi;
pub mod sam;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::definition::{Diagnostic, Machine, Report, load_tree, tree};
use crate::plan::compile::compile;

/// What an importer has made.
#[derive(Debug)]
pub struct Imported {
    /// The definition, in the form that [`crate::definition::write`] writes.
    pub definition: Value,
    /// What was not taken over, with its place.
    pub warnings: Vec<Diagnostic>,
    /// What has to be put right before the definition can be served.
    pub problems: Vec<Diagnostic>,
}

/// Checks a definition whose places are those of another text; what the tables refuse is left out of it and warned of.
///
/// # Errors
/// Every problem, when nothing is left.
fn finish(
    root: &tree::Node,
    mut warnings: Report,
    variables: &[String],
) -> Result<Imported, Vec<Diagnostic>> {
    let variables = variables.iter().map(|name| (name.clone(), String::new()));
    let machine = Machine::new(variables.collect::<BTreeMap<_, _>>());
    let (definition, mut loaded) = load_tree(root, &machine)?;
    for problem in loaded.take_report() {
        let Diagnostic {
            place,
            path,
            what,
            remedy,
        } = problem;
        warnings.add(place.as_ref(), path, what, remedy);
    }
    let problems = compile(&loaded, &[]).err().unwrap_or_default();
    Ok(Imported {
        definition,
        warnings: warnings.finish(),
        problems,
    })
}
