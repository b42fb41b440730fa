//! `tidegate import`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use tidegate::definition;
use tidegate::import;
use tidegate::openapi::{BasePath, Reading};

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
    /// The HTTP API that an OpenAPI 3.0 document describes, with Amazon's extensions.
    Openapi {
        /// The document, in YAML or JSON.
        file: PathBuf,
        /// The API's id [default: made of the document's title]
        #[arg(long, value_name = "ID")]
        api_id: Option<String>,
        /// What becomes of the base path of its servers: ignore, prepend or split.
        #[arg(long, value_name = "HOW", default_value = "ignore", value_parser = base_path)]
        base_path: BasePath,
        /// In place of ${AWS::Region}.
        #[arg(long, default_value = "us-east-1")]
        region: String,
        /// In place of ${AWS::AccountId}.
        #[arg(long, default_value = "000000000000")]
        account_id: String,
    },
}

impl Import {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Sam { file, parameters } => {
                let parameters: BTreeMap<_, _> = parameters.into_iter().collect();
                let directory = file.parent().unwrap_or(Path::new("")).to_owned();
                let files = move |path: &str| read(&directory.join(path));
                with_text(&file, |text, name| {
                    import::sam::import(text, name, &parameters, &files)
                })
            }
            Self::Openapi {
                file,
                api_id,
                base_path,
                region,
                account_id,
            } => {
                let how = Reading {
                    base_path,
                    region: &region,
                    account_id: &account_id,
                };
                openapi(&file, api_id.as_deref(), &how)
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

fn base_path(word: &str) -> Result<BasePath, String> {
    BasePath::of(word).ok_or_else(|| "write ignore, prepend or split".to_owned())
}

/// The text of a file, or why there is none.
fn read(file: &Path) -> Result<String, String> {
    use definition::Surroundings as _;
    let text = definition::Machine::default().read(file, FILE_BYTES);
    let text =
        text.and_then(|text| String::from_utf8(text).map_err(|_| "is not UTF-8 text".to_owned()));
    text.map_err(|problem| format!("{}: {problem}", file.display()))
}

/// As [`with_text`], for a document whose places are JSON pointers.
fn openapi(file: &Path, api_id: Option<&str>, how: &Reading<'_>) -> ExitCode {
    let text = match read(file) {
        Ok(text) => text,
        Err(problem) => return refuse(&problem),
    };
    let all = |lines: &[String]| {
        let name = file.display();
        let lines = lines.iter().map(|line| format!("{name}: {line}\n"));
        lines.collect::<String>()
    };
    match import::openapi::import(&text, api_id, how) {
        Ok(imported) => {
            if !imported.warnings.is_empty() {
                tell(&all(&imported.warnings));
            }
            let written = print(&definition::write(&imported.definition));
            match imported.problems.is_empty() {
                true => written,
                false => refuse(&all(&imported.problems)),
            }
        }
        Err(problems) => refuse(&all(&problems)),
    }
}

/// Writes what an importer makes of a file: the definition on stdout, all else on stderr. A definition that cannot be served yet is
/// written all the same, to be completed.
fn with_text(
    file: &Path,
    import: impl FnOnce(&str, &str) -> Result<import::Imported, Vec<definition::Diagnostic>>,
) -> ExitCode {
    let name = file.display().to_string();
    let text = match read(file) {
        Ok(text) => text,
        Err(problem) => return refuse(&problem),
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
