//! The scenarios: each drives one kind of load and says what it found.
//!
//! A scenario is its own command line: a struct of options that implements [`Scenario`]. To add one, add a
//! file here and a variant to `cli::Command`.

mod echo;
mod http;
mod idle;
mod push;

use std::future::Future;

use serde::Serialize;

pub use echo::Echo;
pub use http::Http;
pub use idle::Idle;
pub use push::Push;

use crate::options::{Common, Misuse};
use crate::report::Outcome;
use crate::run::Run;

/// One kind of load. Serialized, it is the `config` of the result.
pub trait Scenario: Serialize {
    /// Its name on the command line and in the result.
    const NAME: &'static str;

    /// The options every scenario has.
    fn common(&self) -> &Common;

    /// Drives the load until it is done or `run` is asked to stop.
    ///
    /// # Errors
    ///
    /// The options cannot be carried out. What fails on the way is no error here but counted in `run`.
    fn run(&self, run: &Run) -> impl Future<Output = Result<Outcome, Misuse>>;
}

#[cfg(test)]
mod tests;
