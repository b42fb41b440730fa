//! The command line: parses, starts the runtime, listens for Ctrl-C, prints the result.
//!
//! Data goes to standard output, all else to standard error. Exit status: 0 when a run passed, 1 when
//! it lost something or missed a goal, 2 when it could not be carried out.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::conduct;
use crate::floor::{self, Floor};
use crate::options::Misuse;
use crate::progress::say;
use crate::scenario::{Churn, Echo, Forward, Http, Idle, Push, Ramp, Scenario, Slow, Soak, Storm};
use crate::stop::{self, Stop, StopSwitch};

const FAILED: u8 = 1;
const MISUSED: u8 = 2;
const INTERRUPTED: i32 = 130;
const MAX_DEFAULT_THREADS: usize = 4;

/// Black-box load tests for realtime gateways.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `loadtest` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Hold idle connections and measure the memory each costs the gateway
    Idle(Box<Idle>),
    /// Open connections at a fixed rate and hold them
    Ramp(Box<Ramp>),
    /// Open connections at a fixed rate and close each after a while
    Churn(Box<Churn>),
    /// Lose every connection at once and let every client come back
    Storm(Box<Storm>),
    /// Send messages through a route and match the replies
    Echo(Box<Echo>),
    /// The same through a route to an HTTP backend
    Forward(Box<Forward>),
    /// Stop reading on some connections and measure the others
    Slow(Box<Slow>),
    /// POST to @connections and follow every payload to its receipt
    Push(Box<Push>),
    /// Send HTTP requests and measure their answers
    Http(Box<Http>),
    /// Everything at once for a long time, watching the gateway for drift
    Soak(Box<Soak>),
    /// Serve one of the bare programs that gateways are compared with
    Floor(FloorCommand),
    /// Serve the HTTP backend that echoes POST bodies
    Backend(Listen),
}

/// Where a floor or the backend listens.
#[derive(Debug, Clone, clap::Args)]
pub struct Listen {
    /// Address to listen on; port 0 takes a free one. The URL is printed
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Threads of this program [default: the CPUs it may use, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: Option<u32>,
}

/// Which floor to serve, and where.
#[derive(Debug, clap::Args)]
pub struct FloorCommand {
    /// Which of them.
    #[command(subcommand)]
    pub floor: FloorKind,
}

/// The bare programs.
#[derive(Debug, Subcommand)]
pub enum FloorKind {
    /// WebSocket server that sends every message back
    Echo(Listen),
    /// WebSocket server with a registry and POST /@connections/{id}, unsigned; answers any message with its id
    Push(Listen),
    /// HTTP proxy with pooled connections
    Proxy {
        /// Where and how.
        #[command(flatten)]
        listen: Listen,
        /// Server that requests go to, http://host:port
        #[arg(long, value_name = "URL")]
        upstream: url::Url,
    },
}

impl Command {
    /// The scenario with its options; `None` for a command that is none.
    pub fn scenario(self) -> Option<Box<dyn Scenario>> {
        match self {
            Command::Idle(scenario) => Some(scenario),
            Command::Ramp(scenario) => Some(scenario),
            Command::Churn(scenario) => Some(scenario),
            Command::Storm(scenario) => Some(scenario),
            Command::Echo(scenario) => Some(scenario),
            Command::Forward(scenario) => Some(scenario),
            Command::Slow(scenario) => Some(scenario),
            Command::Push(scenario) => Some(scenario),
            Command::Http(scenario) => Some(scenario),
            Command::Soak(scenario) => Some(scenario),
            Command::Floor(_) | Command::Backend(_) => None,
        }
    }
}

/// Carries out the command line.
pub fn execute(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Floor(FloorCommand { floor }) => match floor {
            FloorKind::Echo(listen) => serve(&listen, Floor::Echo),
            FloorKind::Push(listen) => serve(&listen, Floor::push()),
            FloorKind::Proxy { listen, upstream } => {
                Floor::proxy(&upstream).and_then(|floor| serve(&listen, floor))
            }
        },
        Command::Backend(listen) => serve(&listen, Floor::Backend),
        scenario => scenario
            .scenario()
            .map_or(Ok(ExitCode::from(MISUSED)), |scenario| drive(&*scenario)),
    };
    result.unwrap_or_else(|misuse| {
        say(&format!("loadtest: {misuse}"));
        ExitCode::from(MISUSED)
    })
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

fn drive(scenario: &dyn Scenario) -> Result<ExitCode, Misuse> {
    let common = scenario.common();
    runtime(common.threads)?.block_on(interruptible(|stop| async {
        let report = conduct::measure(scenario, None, stop).await?;
        if !common.quiet {
            say(report.summary().trim_end());
        }
        let text = format!("{:#}\n", report.json());
        match &common.json {
            Some(path) => write_file(path, &text)?,
            None => print_data(&text)?,
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
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn command_lines_are_understood_or_refused() {
        let check = |line: &str, valid: bool| {
            let parsed = Cli::try_parse_from(line.split_whitespace());
            assert_eq!(parsed.is_ok(), valid, "{line}: {parsed:?}");
        };
        check("loadtest idle ws://h/x --connections 10", true);
        check("loadtest idle ws://h/x", false);
        check("loadtest idle ws://h/x --connections 0", false);
        check(
            "loadtest idle ws://h/x --connections 10 --sources 127.0.0.1,127.0.0.2",
            true,
        );
        check(
            "loadtest idle ws://h/x --connections 10 --sources here",
            false,
        );
        check(
            "loadtest idle ws://h/x --connections 1 --expect-reply",
            false,
        );
        check(
            "loadtest idle ws://h/x --connections 1 --message hi --expect-reply",
            true,
        );
        check("loadtest idle not-a-url --connections 10", false);
        check("loadtest echo ws://h/x", true);
        check("loadtest echo ws://h/x --duration 1s --messages 5", false);
        check("loadtest echo ws://h/x --rate 0", false);
        check("loadtest echo ws://h/x --max-cpu-us 5", false);
        check("loadtest echo ws://h/x --max-cpu-us 5 --server-pid 1", true);
        check("loadtest push ws://h/x --rate max", true);
        check("loadtest push ws://h/x --access-key-id a", false);
        check("loadtest floor echo", true);
        check("loadtest floor proxy", false);
        check("loadtest floor proxy --upstream http://127.0.0.1:1", true);
        check("loadtest backend --listen 127.0.0.1:0", true);
    }
}
