//! `tidegate export`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;
use tidegate::control;
use tidegate::definition::{self, Machine};

use super::remote::{Failure, Remote};
use super::{print, refuse, tell};

/// What to write, and from where.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    remote: Remote,
    /// Also write the APIs, domain names and VPC links of the gateway's own definition file.
    #[arg(long, conflicts_with = "state_directory")]
    with_file: bool,
    /// Read the state directory of a gateway that does not run, in place of asking one that does.
    #[arg(long, conflicts_with_all = ["endpoint", "region"])]
    state_directory: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(&self) -> ExitCode {
        let (definition, notes) = match &self.state_directory {
            Some(directory) => match control::exported(directory) {
                Ok(Some(exported)) => (exported.definition, exported.notes),
                Ok(None) => {
                    let directory = directory.display();
                    return refuse(&format!(
                        "{directory}: no control plane has written here; name the `stateDirectory` of a gateway"
                    ));
                }
                Err(problem) => return refuse(&problem.to_string()),
            },
            None => match self.remote.get(self.with_file) {
                Ok(answer) => {
                    let notes = answer["notes"].as_array().into_iter().flatten();
                    let notes = notes.filter_map(Value::as_str).map(str::to_owned);
                    (answer["definition"].clone(), notes.collect())
                }
                Err(Failure::Refused(text) | Failure::Unusable(text)) => return refuse(&text),
            },
        };
        for note in &notes {
            tell(note);
        }
        let text = definition::write(&definition);
        // What a draft lacks, and what a file cannot say at all, a file must still get.
        let machine = Machine::default();
        if let Err(problems) = definition::resolve_text(&text, &PathBuf::from("."), &machine) {
            tell("`tidegate check` will refuse this until it is completed:");
            tell(&definition::render(&problems));
        }
        print(&text)
    }
}
