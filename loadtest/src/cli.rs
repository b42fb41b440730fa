//! The command line: what `loadtest` can be asked for.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::scenario::{Churn, Echo, Forward, Http, Idle, Push, Ramp, Scenario, Slow, Soak, Storm};

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
    /// Do what a scenario file says
    Run(RunFile),
    /// Print results side by side, as ratios to the first
    Compare(Compare),
    /// Print the page with charts of a result
    Report(ResultFile),
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

/// A scenario file, and what is different this time.
#[derive(Debug, clap::Args)]
pub struct RunFile {
    /// YAML file, such as those in loadtest/scenarios
    pub file: PathBuf,

    /// Another URL, and options that win over those of the file
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "URL, OPTIONS"
    )]
    pub overrides: Vec<String>,
}

/// Results to compare.
#[derive(Debug, clap::Args)]
pub struct Compare {
    /// JSON results of the same scenario
    #[arg(required = true, num_args = 2.., value_name = "RESULT.json")]
    pub results: Vec<PathBuf>,
}

/// One result.
#[derive(Debug, clap::Args)]
pub struct ResultFile {
    /// JSON result
    #[arg(value_name = "RESULT.json")]
    pub result: PathBuf,
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
            Command::Run(_)
            | Command::Compare(_)
            | Command::Report(_)
            | Command::Floor(_)
            | Command::Backend(_) => None,
        }
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
