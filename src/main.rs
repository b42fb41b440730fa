//! The command line: arguments in, exit codes out. Data goes to stdout, all else to stderr.

mod command;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs one command: 0 fine, 1 refused, 2 misused.
fn main() -> ExitCode {
    command::Arguments::parse().run()
}
