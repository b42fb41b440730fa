//! `forward`: messages that a route hands to an HTTP backend, whose answer is the reply.
//!
//! What is sent and matched is that of `echo`; the name keeps the two apart in results and comparisons.

use clap::Args;
use serde::Serialize;

use super::{Echo, End, Load};
use crate::options::{Common, Misuse, Share};
use crate::report::Outcome;
use crate::run::Run;

/// Sends messages through a route to an HTTP backend and matches the replies.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Forward {
    /// The options of `echo`.
    #[command(flatten)]
    #[serde(flatten)]
    pub echo: Echo,
}

impl Load for Forward {
    const NAME: &str = "forward";

    fn common(&self) -> &Common {
        self.echo.common()
    }

    fn common_mut(&mut self) -> &mut Common {
        self.echo.common_mut()
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        self.echo.divide(share)
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        self.echo.drive(run).await
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        self.echo.conclude(end, outcome);
    }
}
