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

/// What a variable of the environment is taken to be that only whoever runs the gateway can set.
const UNKNOWN: &str = "unknown";
/// What every refusal of a setting, or of one of its values, says that this gateway knows but does not have.
const REFUSED: &str = "is not supported";
/// Settings that let nobody in by being left out: they say how this gateway reaches what it protects, or what it logs.
const LEFT_OUT: [&str; 7] = [
    "authorizerCredentialsArn",
    "clientCertificateId",
    "credentialsArn",
    "dataTraceEnabled",
    "domainNameConfigurations",
    "loggingLevel",
    "passthroughBehavior",
];

/// Checks a definition whose places are those of another text. What the tables refuse is left out of it: that is a problem, because it may
/// have kept somebody out, but for settings of which it is known that they keep out nobody.
///
/// # Errors
/// Every problem, when nothing is left.
fn finish(
    root: &tree::Node,
    mut warnings: Report,
    variables: &[String],
) -> Result<Imported, Vec<Diagnostic>> {
    let variables = variables
        .iter()
        .map(|name| (name.clone(), UNKNOWN.to_owned()));
    let machine = Machine::new(variables.collect::<BTreeMap<_, _>>());
    let (definition, mut loaded) = load_tree(root, &machine)?;
    for problem in loaded.take_problems(keeps_nobody_out) {
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

fn keeps_nobody_out(problem: &Diagnostic) -> bool {
    let member = problem.path.rsplit('.').next().unwrap_or_default();
    problem.what.contains(REFUSED) && LEFT_OUT.contains(&member)
}
