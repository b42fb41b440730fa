//! The commands, one function each.

mod apply;
mod doctor;
mod export;
mod import;
mod init;
mod remote;
mod serve;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aws_credential_types::Credentials;
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use tidegate::Gateway;
use tidegate::definition::{self, Diagnostic, Loaded, Machine};

/// The definition refuses, or the machine does.
const REFUSED: u8 = 1;
/// The command line makes no sense; what clap gives for the rest of it.
const MISUSED: u8 = 2;

/// Amazon API Gateway that anyone can run.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, about, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How log lines on stderr are written.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `tidegate=debug`.
    // What clients do wrong over HTTP/2 is no warning of ours.
    #[arg(long, global = true, default_value = "info,h2=error")]
    log_level: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a gateway.
    Serve {
        /// The definition file.
        #[arg(default_value = "tidegate.yaml")]
        file: PathBuf,
        /// Put the definition in force again whenever one of its files changes.
        #[arg(long)]
        watch: bool,
    },
    /// Say everything that is wrong with a definition file, and where.
    Check {
        /// The definition file.
        #[arg(default_value = "tidegate.yaml")]
        file: PathBuf,
    },
    /// List every route of every stage.
    Routes {
        /// The definition file.
        #[arg(default_value = "tidegate.yaml")]
        file: PathBuf,
    },
    /// Write a small definition file that runs.
    Init {
        /// Where to write it.
        #[arg(default_value = ".")]
        directory: PathBuf,
    },
    /// Say whether this machine can hold a number of sockets, and what to change if not.
    Doctor {
        /// A definition file, whose `server.limits.connections` and `server.tls` count.
        file: Option<PathBuf>,
        /// Client sockets at the same time [default: what the definition says, otherwise 10000]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
        sockets: Option<u64>,
        /// Write a JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Write what a gateway's control plane was told as a definition file.
    Export(export::Export),
    /// Show what a definition file would change in a running gateway: exit 0 nothing, 1 something, 2 a problem.
    Diff(apply::Apply),
    /// Make the APIs and domain names of a running gateway what a definition file says, all at once or not at all.
    Apply(apply::Apply),
    /// Write a definition file out of what another tool describes an API in.
    #[command(subcommand)]
    Import(import::Import),
    /// Print the JSON Schema of the definition file, for editors.
    Schema,
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Arguments {
    /// Runs the command.
    pub(crate) fn run(self) -> ExitCode {
        if let Err(problem) = log_to_stderr(self.log_format, &self.log_level) {
            refuse(&format!("--log-level: {problem}"));
            return ExitCode::from(MISUSED);
        }
        match self.command {
            Command::Serve { file, watch } => serve::serve(&file, watch),
            Command::Check { file } => check(&file),
            Command::Routes { file } => routes(&file),
            Command::Init { directory } => init::init(&directory),
            Command::Doctor {
                file,
                sockets,
                json,
            } => doctor::doctor(file.as_deref(), sockets, json),
            Command::Export(export) => export.run(),
            Command::Diff(apply) => apply.diff(),
            Command::Apply(apply) => apply.apply(),
            Command::Import(import) => import.run(),
            Command::Schema => print(&format!("{:#}\n", definition::schema())),
            Command::Completions { shell } => completions(shell),
        }
    }
}

fn log_to_stderr(format: LogFormat, level: &str) -> Result<(), String> {
    let filter =
        tracing_subscriber::EnvFilter::try_new(level).map_err(|error| error.to_string())?;
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}

/// The environment, read once. Variables that are not UTF-8 cannot be meant for us.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Credentials for calls to AWS, from the variables that every AWS tool knows.
fn aws_credentials() -> Option<Credentials> {
    let mut environment = environment();
    let mut take = |name: &str| environment.remove(name).filter(|value| !value.is_empty());
    let (key, secret) = (take("AWS_ACCESS_KEY_ID")?, take("AWS_SECRET_ACCESS_KEY")?);
    let token = take("AWS_SESSION_TOKEN");
    Some(Credentials::new(key, secret, token, None, "environment"))
}

fn load(file: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    definition::load(file, &Machine::new(environment()))
}

fn check(file: &Path) -> ExitCode {
    match load(file).and_then(|loaded| Gateway::check(&loaded)) {
        Ok(plan) => {
            let stages = plan.stages();
            let routes: usize = stages.iter().map(|stage| stage.routes.all().len()).sum();
            let (file, stages) = (file.display(), stages.len());
            print(&format!(
                "{file}: fine (stages: {stages}, routes: {routes})\n"
            ))
        }
        Err(problems) => refuse_definition(&problems),
    }
}

fn routes(file: &Path) -> ExitCode {
    match load(file).and_then(|loaded| Gateway::check(&loaded)) {
        Ok(plan) => print(&tidegate::plan::table::render(&plan)),
        Err(problems) => refuse_definition(&problems),
    }
}

fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "tidegate", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Data goes to stdout; a reader that hangs up is no error of ours.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            refuse(&format!("stdout: {problem}"))
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Says what is wrong on stderr. If that fails too there is nobody left to tell.
fn refuse(text: &str) -> ExitCode {
    tell(text);
    ExitCode::from(REFUSED)
}

/// Says something on stderr.
fn tell(text: &str) {
    writeln!(std::io::stderr(), "{}", text.trim_end()).ok();
}

fn refuse_definition(problems: &[Diagnostic]) -> ExitCode {
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    refuse(&format!("{}{count} {noun}", definition::render(problems)))
}
