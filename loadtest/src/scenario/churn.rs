//! `churn`: connections come at a fixed rate and go after a fixed time, so that about as many are always open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::FutureExt;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::crowd::{Crowd, Manner};
use super::{End, Load};
use crate::measure::{Moment, process::Sample};
use crate::options::{Common, Misuse, Share, duration, positive, seconds};
use crate::pace::{Schedule, Timer, span};
use crate::report::Outcome;
use crate::run::{Run, pass_on_panic, reserve_files};

/// Opens connections at a fixed rate and closes each after a while.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Churn {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections that are open at a time: each lives as long as it takes to open so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections: u32,

    /// Connections opened per second
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rate: f64,

    /// How long connections come
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,

    /// What each connection does.
    #[command(flatten)]
    #[serde(flatten)]
    pub manner: Manner,

    /// Fail if the gateway has so many more files open at the end than at the beginning; needs --server-pid
    #[arg(long, value_name = "N", requires = "server_pids")]
    pub max_files_left: Option<u64>,
}

impl Load for Churn {
    const NAME: &str = "churn";

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
        // Beside those that live, some are being opened and some closed.
        let most = u64::from(self.connections) + 2 * u64::from(self.common.connect_concurrency);
        reserve_files(most)?;
        let crowd = Crowd::new(run, &self.common, &self.manner).await?;
        let mut timer = Timer::new().map_err(|error| Misuse(format!("no timer: {error}")))?;
        run.reach(Moment::Opened).await;
        let start = Instant::now();
        let end = start + self.duration;
        let schedule = Schedule::new(start, self.rate);
        let life = span(f64::from(self.connections), self.rate);
        let slots = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX)));
        let mut guests = JoinSet::new();
        for number in 0_u32.. {
            let due = schedule.due(number.into());
            if due >= end {
                run.pause(end.saturating_duration_since(Instant::now()))
                    .await;
                break;
            }
            let turn = async {
                timer.sleep_until(due).await.ok()?;
                slots.clone().acquire_owned().await.ok()
            };
            let permit = tokio::select! {
                biased;
                () = run.stop.wait() => break,
                permit = turn => permit,
            };
            let Some(permit) = permit else { break };
            guests.spawn(visit(crowd.clone(), number, due, life, permit));
            while let Some(ended) = guests.try_join_next() {
                pass_on_panic(ended);
            }
        }
        let measured = start.elapsed();
        crowd.release();
        while let Some(ended) = guests.join_next().await {
            pass_on_panic(ended);
        }
        run.reach(Moment::Measured).await;
        let mut outcome = Outcome {
            operations: run.main.distribution().summary().count,
            measured,
            ..Outcome::default()
        };
        outcome.latency("open_from_schedule", run.main.distribution());
        crowd.pongs_into(&mut outcome);
        let totals = run.totals();
        outcome.count("opened", totals.connected);
        outcome.count("closed", totals.ended);
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        outcome.problem_if(outcome.operations == 0, "no connection was opened");
        let files = |all: Vec<Sample>| all.iter().map(|one| one.open_files).sum::<Option<u64>>();
        let at = |moment| end.looks.at(moment).and_then(files);
        let left = at(Moment::Before)
            .zip(at(Moment::Closed))
            .map(|(before, after)| after.saturating_sub(before));
        if end.looks.servers.is_empty() {
            return;
        }
        outcome.detail("server_files_left", left);
        let too_many = |most: u64| left.is_none_or(|left| left > most);
        outcome.problem_if(
            self.max_files_left.is_some_and(too_many),
            format!("the gateway keeps {left:?} files open that it had not before"),
        );
    }
}

impl Churn {}

/// One connection: opened when it is due, closed when its time is over.
async fn visit(
    crowd: Arc<Crowd>,
    number: u32,
    due: Instant,
    life: Duration,
    _permit: OwnedSemaphorePermit,
) {
    let Some((mut socket, _)) = crowd.open(number).boxed().await else {
        return;
    };
    crowd.run.main.record(number as usize, due.elapsed());
    let over = async {
        tokio::select! {
            () = crowd.run.pause(life) => {}
            () = crowd.released() => {}
        }
    };
    if crowd.hold(&mut socket, number, over).await {
        crowd.close(&mut socket).boxed().await;
    }
}
