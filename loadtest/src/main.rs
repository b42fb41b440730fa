//! The `loadtest` program: reads the command line and leaves the rest to the library.

use std::process::ExitCode;

use clap::Parser;
use loadtest::cli::{self, Cli};

fn main() -> ExitCode {
    cli::execute(Cli::parse())
}
