//! The `loadtest` program: reads the command line and leaves the rest to the library.

use std::process::ExitCode;

use clap::Parser;
use loadtest::cli::Cli;
use loadtest::program;

fn main() -> ExitCode {
    program::execute(Cli::parse())
}
