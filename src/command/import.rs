//! `tidegate import`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use tidegate::definition;
use tidegate::import;

use super::{print, refuse, refuse_definition, tell};

/// Largest file that is read, in bytes.
const FILE_BYTES: usize = 4 * 1024 * 1024;

/// What to import.
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// The WebSocket and HTTP APIs of a SAM or CloudFormation template, with the functions behind them.
    Sam {
        /// The template, in YAML or JSON.
        file: PathBuf,
        /// A value for a parameter of the template, in place of its default; AWS::Region and AWS::AccountId are parameters, too.
        #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
        parameters: Vec<(String, String)>,
    },
}

impl Import {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Sam { file, parameters } => {
                let parameters: BTreeMap<_, _> = parameters.into_iter().collect();
                with_text(&file, |text, name| {
                    import::sam::import(text, name, &parameters)
                })
            }
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("write NAME=VALUE".to_owned()),
    }
}

/// Writes what an importer makes of a file: the definition on stdout, all else on stderr. A definition that cannot be served yet is
/// written all the same, to be completed.
fn with_text(
    file: &Path,
    import: impl FnOnce(&str, &str) -> Result<import::Imported, Vec<definition::Diagnostic>>,
) -> ExitCode {
    use definition::Surroundings as _;
    let name = file.display().to_string();
    let text = definition::Machine::default().read(file, FILE_BYTES);
    let text =
        text.and_then(|text| String::from_utf8(text).map_err(|_| "is not UTF-8 text".to_owned()));
    let text = match text {
        Ok(text) => text,
        Err(problem) => return refuse(&format!("{name}: {problem}")),
    };
    match import(&text, &name) {
        Ok(imported) => {
            if !imported.warnings.is_empty() {
                tell(&definition::render(&imported.warnings));
            }
            let written = print(&definition::write(&imported.definition));
            match imported.problems.is_empty() {
                true => written,
                false => refuse_definition(&imported.problems),
            }
        }
        Err(problems) => refuse_definition(&problems),
    }
}
