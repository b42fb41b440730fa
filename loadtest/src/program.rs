//! Carries out command lines: starts the runtime, listens for Ctrl-C, prints the result.
//!
//! Data goes to standard output, all else to standard error. Exit status: 0 when a run passed, 1 when
//! it lost something or missed a goal, 2 when it could not be carried out.

use std::fmt::Display;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{Cli, Command, FloorCommand, FloorKind, Listen, RunFile};
use crate::compare;
use crate::conduct::{self, Origin};
use crate::floor::{self, Floor};
use crate::options::Misuse;
use crate::progress::say;
use crate::report::html;
use crate::scenario::Scenario;
use crate::scenario_file::ScenarioFile;
use crate::stop::{self, Stop, StopSwitch};

const FAILED: u8 = 1;
const MISUSED: u8 = 2;
const INTERRUPTED: i32 = 130;
const MAX_DEFAULT_THREADS: usize = 4;

/// Carries out the command line.
pub fn execute(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Run(file) => run_file(&file),
        Command::Compare(compare) => compare_results(&compare.results),
        Command::Report(file) => print_page(&file.result),
        Command::Floor(FloorCommand { floor }) => match floor {
            FloorKind::Echo(listen) => serve(&listen, Floor::Echo),
            FloorKind::Push(listen) => serve(&listen, Floor::push()),
            FloorKind::Proxy { listen, upstream } => {
                Floor::proxy(&upstream).and_then(|floor| serve(&listen, floor))
            }
        },
        Command::Backend(listen) => serve(&listen, Floor::Backend),
        scenario => match scenario.scenario() {
            Some(scenario) => {
                let arguments = std::env::args().skip(1).collect();
                let origin = Origin {
                    name: None,
                    arguments,
                };
                drive(scenario, &origin)
            }
            None => Ok(ExitCode::from(MISUSED)),
        },
    };
    result.unwrap_or_else(|misuse| {
        say(&format!("loadtest: {misuse}"));
        ExitCode::from(MISUSED)
    })
}

fn run_file(file: &RunFile) -> Result<ExitCode, Misuse> {
    let (scenario, origin) = load(&file.file, &file.overrides)?;
    drive(scenario, &origin)
}

/// The scenario of a file, with the command line it stands for.
///
/// # Errors
///
/// The file cannot be read, or the command line it stands for is none.
pub fn load(path: &Path, overrides: &[String]) -> Result<(Box<dyn Scenario>, Origin), Misuse> {
    let refuse = |text: &dyn Display| Misuse(format!("{}: {text}", path.display()));
    let text = read_file(path)?;
    let file = ScenarioFile::read(&text, overrides).map_err(|error| refuse(&error))?;
    let cli = Cli::try_parse_from(&file.arguments).map_err(|error| refuse(&error))?;
    let scenario = cli.command.scenario();
    let scenario = scenario.ok_or_else(|| refuse(&"the scenario is none that drives a load"))?;
    let origin = Origin {
        name: file.name,
        arguments: file.arguments.into_iter().skip(1).collect(),
    };
    Ok((scenario, origin))
}

fn compare_results(paths: &[PathBuf]) -> Result<ExitCode, Misuse> {
    let load = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), read_result(path)?))
    };
    let results = paths.iter().map(load).collect::<Result<Vec<_>, _>>()?;
    let table = compare::table(&results).map_err(Misuse)?;
    print_data(&table)?;
    Ok(ExitCode::SUCCESS)
}

fn print_page(path: &Path) -> Result<ExitCode, Misuse> {
    let page = html::page(&read_result(path)?);
    print_data(&page.map_err(|error| Misuse(format!("{}: {error}", path.display())))?)?;
    Ok(ExitCode::SUCCESS)
}

fn read_result(path: &Path) -> Result<Value, Misuse> {
    let refuse = |error| Misuse(format!("{}: {error}", path.display()));
    serde_json::from_str(&read_file(path)?).map_err(refuse)
}

fn read_file(path: &Path) -> Result<String, Misuse> {
    std::fs::read_to_string(path).map_err(|error| Misuse(format!("{}: {error}", path.display())))
}

fn runtime(threads: Option<u32>) -> Result<Runtime, Misuse> {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.map_or(available.min(MAX_DEFAULT_THREADS), |n| n as usize);
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| Misuse(format!("cannot start the runtime: {error}")))
}

fn drive(mut scenario: Box<dyn Scenario>, origin: &Origin) -> Result<ExitCode, Misuse> {
    if let Some(share) = scenario.common().worker {
        // Several workers share the machine, so each has one thread unless told otherwise.
        let threads = scenario.common().threads.unwrap_or(1);
        return runtime(Some(threads))?.block_on(interruptible(|stop| async {
            conduct::work(&mut *scenario, share, stop).await?;
            Ok(ExitCode::SUCCESS)
        }));
    }
    let common = scenario.common();
    runtime(common.threads)?.block_on(interruptible(|stop| async {
        let report = conduct::measure(&*scenario, origin, stop).await?;
        if !common.quiet {
            say(report.summary().trim_end());
        }
        let text = format!("{:#}\n", report.json());
        match &common.json {
            Some(path) => write_file(path, &text)?,
            None => print_data(&text)?,
        }
        if let Some(path) = &common.html {
            write_file(path, &html::page(report.json()).map_err(Misuse)?)?;
        }
        Ok(match report.passed() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(FAILED),
        })
    }))
}

fn write_file(path: &Path, text: &str) -> Result<(), Misuse> {
    std::fs::write(path, text).map_err(|error| Misuse(format!("{}: {error}", path.display())))
}

/// Writes to standard output, which is for data alone.
fn print_data(text: &str) -> Result<(), Misuse> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Misuse(format!("standard output: {error}")))
}

fn serve(listen: &Listen, floor: Floor) -> Result<ExitCode, Misuse> {
    runtime(listen.threads)?.block_on(interruptible(|stop| async move {
        crate::run::reserve_files(0)?;
        let server = floor::Server::bind(listen.listen, floor)
            .await
            .map_err(|error| Misuse(format!("cannot listen on {}: {error}", listen.listen)))?;
        print_data(&format!("{}\n", server.url()))?;
        server.serve(stop).await;
        Ok(ExitCode::SUCCESS)
    }))
}

/// Runs `work`, which the first Ctrl-C asks to stop; the second ends the program at once.
async fn interruptible<F, T>(work: impl FnOnce(Stop) -> F) -> T
where
    F: Future<Output = T>,
{
    let (switch, stop) = stop::pair();
    // Signals count from here on: whoever reads what `work` prints may answer with one at once.
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok());
    let listener = tokio::spawn(listen_for_signals(signals, switch));
    let result = work(stop).await;
    listener.abort();
    result
}

async fn listen_for_signals(
    [mut interrupt, mut terminate]: [Option<Signal>; 2],
    switch: StopSwitch,
) {
    tokio::select! {
        () = received(&mut interrupt) => {}
        () = received(&mut terminate) => {}
    }
    switch.stop();
    received(&mut interrupt).await;
    std::process::exit(INTERRUPTED);
}

/// Completes with the next signal; never if it cannot be received.
async fn received(signal: &mut Option<Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await.is_some(),
        None => false,
    };
    if !came {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_file_is_a_command_line() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let (scenario, origin) = load(&path, &[]).unwrap();
            assert!(origin.name.is_some(), "{}", path.display());
            assert!(scenario.common().url.has_host(), "{}", path.display());
            files += 1;
        }
        assert!(files >= 10, "{files}");
    }
}
