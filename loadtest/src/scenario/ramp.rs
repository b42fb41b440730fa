//! `ramp`: connections opened at a fixed rate, then held.
//!
//! The rate does not wait for the gateway: latency counts from the instant a connection was due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::FutureExt;
use serde::Serialize;

use super::crowd::{Crowd, Manner};
use super::{End, Load};
use crate::measure::{Latency, Moment};
use crate::options::{Common, Misuse, Share, duration, positive, seconds};
use crate::report::Outcome;
use crate::run::{Arrival, Fleet, Run, reserve_files};

/// Opens connections at a fixed rate and holds them.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Ramp {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections at the end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub connections: u32,

    /// Connections opened per second
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rate: f64,

    /// How long to hold them when all are open
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub hold: Duration,

    /// What each connection does.
    #[command(flatten)]
    #[serde(flatten)]
    pub manner: Manner,
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    crowd: Arc<Crowd>,
    replies: Latency,
}

impl Load for Ramp {
    const NAME: &str = "ramp";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        self.connections = share.connections(self.connections)?;
        self.rate = share.rate(self.rate);
        Ok(())
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        reserve_files(self.connections.into())?;
        let shared = Arc::new(Shared {
            crowd: Crowd::new(run, &self.common, &self.manner).await?,
            replies: Latency::default(),
        });
        let common = Common {
            connect_rate: Some(self.rate),
            ..self.common.clone()
        };
        run.reach(Moment::Opened).await;
        let start = Instant::now();
        let mut fleet = Fleet::launch(run, &common, self.connections, |number, arrival| {
            climb(shared.clone(), number, arrival)
        })
        .await?;
        let measured = start.elapsed();
        run.pause(self.hold).await;
        let mut outcome = Outcome {
            operations: run.main.distribution().summary().count,
            measured,
            ..Outcome::default()
        };
        outcome.latency("open_from_schedule", run.main.distribution());
        if self.manner.expect_reply {
            outcome.latency("reply", shared.replies.distribution());
        }
        shared.crowd.pongs_into(&mut outcome);
        outcome.count("requested", self.connections.into());
        outcome.count("held", run.totals().open());
        run.reach(Moment::Measured).await;
        shared.crowd.release();
        fleet.join().await;
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        let missing = u64::from(self.connections).saturating_sub(outcome.counted("held"));
        outcome.problem_if(
            missing > 0 && !end.interrupted,
            format!("{missing} connections were not held to the end"),
        );
    }
}

impl Ramp {}

/// One connection: opened when it is due, held until released.
async fn climb(shared: Arc<Shared>, number: u32, arrival: Arrival) {
    let crowd = &shared.crowd;
    let opened = crowd.open(number).boxed().await;
    let since_due = arrival.due.elapsed();
    drop(arrival);
    let Some((mut socket, reply)) = opened else {
        return;
    };
    crowd.run.main.record(number as usize, since_due);
    if let Some(reply) = reply {
        shared.replies.record(number as usize, reply);
    }
    if crowd.hold(&mut socket, number, crowd.released()).await {
        crowd.close(&mut socket).boxed().await;
    }
}
