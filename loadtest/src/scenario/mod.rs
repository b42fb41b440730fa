//! The scenarios: each drives one kind of load and says what it found.
//!
//! A scenario is its own command line: a struct of options that implements [`Load`]. To add one, add a
//! file here and a variant to `cli::Command`.

mod churn;
mod crowd;
mod echo;
mod forward;
mod http;
mod idle;
mod part;
mod push;
mod ramp;
mod slow;
mod soak;
mod storm;

use std::fmt;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};

pub use churn::Churn;
pub use echo::Echo;
pub use forward::Forward;
pub use http::Http;
pub use idle::Idle;
pub use push::Push;
pub use ramp::Ramp;
pub use slow::Slow;
pub use soak::Soak;
pub use storm::Storm;

use crate::measure::{Looks, Timeline};
use crate::options::{Common, Misuse, Share};
use crate::report::Outcome;
use crate::run::{Run, Totals};

/// One kind of load, as its file says it.
pub trait Load: fmt::Debug + Serialize + Send + Sync {
    /// Its name on the command line and in the result.
    const NAME: &str;

    /// The options every scenario has.
    fn common(&self) -> &Common;

    /// As [`Load::common`], to change them.
    fn common_mut(&mut self) -> &mut Common;

    /// Leaves only `share` of the load, as other processes drive the rest at the same time.
    ///
    /// # Errors
    ///
    /// The load cannot be divided.
    fn divide(&mut self, share: Share) -> Result<(), Misuse>;

    /// Drives the load until it is done or `run` is asked to stop; on its way it reaches the moments
    /// `Opened` and `Measured`.
    ///
    /// # Errors
    ///
    /// The options cannot be carried out. What fails on the way is no error here but counted in `run`.
    fn drive(&self, run: &Run) -> impl Future<Output = Result<Outcome, Misuse>> + Send;

    /// Adds to the outcome of all processes what can only be said at the end: findings made of several
    /// others, and problems.
    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome);
}

/// Any [`Load`], whichever it is.
pub trait Scenario: fmt::Debug + Send + Sync {
    /// [`Load::NAME`].
    fn name(&self) -> &'static str;

    /// [`Load::common`].
    fn common(&self) -> &Common;

    /// [`Load::common_mut`].
    fn common_mut(&mut self) -> &mut Common;

    /// All options, without secrets, as the result shows them.
    fn config(&self) -> Value;

    /// [`Load::divide`].
    ///
    /// # Errors
    ///
    /// The load cannot be divided.
    fn divide(&mut self, share: Share) -> Result<(), Misuse>;

    /// [`Load::drive`].
    ///
    /// # Errors
    ///
    /// The options cannot be carried out.
    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Outcome, Misuse>>;

    /// [`Load::conclude`].
    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome);
}

impl<T: Load> Scenario for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn common(&self) -> &Common {
        Load::common(self)
    }

    fn common_mut(&mut self) -> &mut Common {
        Load::common_mut(self)
    }

    fn config(&self) -> Value {
        json!(self)
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        Load::divide(self, share)
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Outcome, Misuse>> {
        Box::pin(self.drive(run))
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        Load::conclude(self, end, outcome);
    }
}

/// What is known at the end of a run.
#[derive(Debug)]
pub struct End<'a> {
    /// Whether the run was asked to stop.
    pub interrupted: bool,
    /// Connections and messages.
    pub totals: Totals,
    /// What processes used at the moments of the run.
    pub looks: &'a Looks,
    /// How it went.
    pub timeline: &'a Timeline,
}

impl End<'_> {
    /// Adds the most resident memory that the gateway's processes had together, if they were looked at: a problem beyond `limit`.
    fn judge_rss(&self, limit: Option<u64>, outcome: &mut Outcome) {
        if self.looks.servers.is_empty() {
            return;
        }
        let points = self.timeline.points().iter();
        let rss = points.map(|point| point.servers.iter().flatten().map(|s| s.rss_bytes).sum());
        let most: u64 = rss.max().unwrap_or_default();
        outcome.detail("server_rss_bytes_max", most);
        outcome.problem_if(
            limit.is_some_and(|limit| most > limit),
            format!("the gateway's resident memory grew to {most} bytes"),
        );
    }
}

#[cfg(test)]
mod tests;
