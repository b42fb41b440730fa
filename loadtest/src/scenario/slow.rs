//! `slow`: some clients stop reading, and the others must not notice.
//!
//! The healthy ones talk alone first, then beside clients that ask and never read the replies. Latency of both times
//! is compared.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio_tungstenite::tungstenite::Message;

use super::echo::Text;
use super::part::run_part;
use super::{Echo, End, Load};
use crate::client::{self, Dialer};
use crate::measure::marker::Marker;
use crate::measure::{Failure, Moment, Wait};
use crate::options::{Common, Extent, Misuse, Share, duration, positive, seconds};
use crate::report::Outcome;
use crate::run::{Arrival, Fleet, Run, count, reserve_files};

/// Messages that a client which does not read sends at most.
const MAX_UNREAD: u64 = 100_000;

/// Stops reading on a share of the connections and measures the others.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Slow {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections that read
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections: u32,

    /// Connections that do not
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub stalled: u32,

    /// Messages per second of those that read, all together
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
    pub rate: f64,

    /// How long the healthy talk alone, and how long beside the others
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,

    /// What is sent.
    #[command(flatten)]
    #[serde(flatten)]
    pub text: Text,

    /// Fail if the healthy ones' p99 grows by a larger factor
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    pub max_slowdown: Option<f64>,

    /// Fail if the gateway's processes together have more resident memory; needs --server-pid
    #[arg(long, value_name = "BYTES", requires = "server_pids")]
    pub max_rss: Option<u64>,
}

/// What became of the clients that do not read.
#[derive(Debug, Default)]
struct Stalled {
    sent: AtomicU64,
    /// Those that found no more room to send.
    blocked: AtomicU64,
    /// Those that the gateway ended, by how it did.
    ended: Mutex<BTreeMap<String, u64>>,
}

impl Load for Slow {
    const NAME: &str = "slow";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        self.connections = share.connections(self.connections)?;
        self.stalled = share.connections(self.stalled)?;
        self.rate = share.rate(self.rate);
        Ok(())
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        reserve_files(u64::from(self.connections) + u64::from(self.stalled))?;
        let healthy = self.healthy();
        let mut outcome = Outcome::default();
        run.reach(Moment::Opened).await;
        let alone = run_part(run, "alone", &healthy, run.stop.clone()).await?;
        let crowd = Arc::new(Stalled::default());
        let (mut fleet, release) = self.stall(run, &crowd).await?;
        let beside = run_part(run, "beside", &healthy, run.stop.clone()).await?;
        run.reach(Moment::Measured).await;
        release.send_replace(true);
        fleet.join().await;
        outcome.operations = alone.operations + beside.operations;
        outcome.measured = alone.measured + beside.measured;
        outcome.adopt("beside", beside);
        outcome.adopt("alone", alone);
        outcome.count("stalled", self.stalled.into());
        outcome.count("stalled_sent", crowd.sent.load(Ordering::Relaxed));
        outcome.count("stalled_blocked", crowd.blocked.load(Ordering::Relaxed));
        let ended = crowd.ended.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.detail("stalled_ended", &*ended);
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        let p99 = |name: &str| {
            let found = outcome.latencies.iter().find(|(own, _)| own == name);
            found.map_or(0.0, |(_, distribution)| distribution.summary().p99)
        };
        let (alone, beside) = (p99("alone_reply"), p99("beside_reply"));
        if alone > 0.0 && beside > 0.0 {
            let slowdown = (beside / alone * 100.0).round() / 100.0;
            outcome.detail("slowdown_p99", slowdown);
            outcome.problem_if(
                self.max_slowdown.is_some_and(|most| slowdown > most),
                format!("p99 of the healthy grew by the factor {slowdown}"),
            );
        }
        if end.looks.servers.is_empty() {
            return;
        }
        let points = end.timeline.points().iter();
        let rss = points.map(|point| point.servers.iter().flatten().map(|s| s.rss_bytes).sum());
        let most: u64 = rss.max().unwrap_or_default();
        outcome.detail("server_rss_bytes_max", most);
        outcome.problem_if(
            self.max_rss.is_some_and(|limit| most > limit),
            format!("the gateway's resident memory grew to {most} bytes"),
        );
    }
}

impl Slow {
    fn healthy(&self) -> Echo {
        Echo {
            common: self.common.clone(),
            connections: self.connections,
            in_flight: None,
            extent: Extent {
                duration: Some(self.duration),
                messages: None,
            },
            rate: Some(self.rate),
            text: self.text.clone(),
            in_order: false,
            backend: None,
        }
    }

    /// Opens the connections that do not read; they last until the watch turns true.
    async fn stall(
        &self,
        run: &Run,
        crowd: &Arc<Stalled>,
    ) -> Result<(Fleet, tokio::sync::watch::Sender<bool>), Misuse> {
        let dialer = Arc::new(Dialer::new(&self.common.url, &self.common).await?);
        let template = Arc::new(self.text.template()?);
        let release = tokio::sync::watch::Sender::new(false);
        let patience = self.common.reply_timeout;
        let fleet = Fleet::launch(run, &self.common, self.stalled, |number, arrival| {
            let (run, dialer, crowd) = (run.clone(), dialer.clone(), crowd.clone());
            let (template, mut release) = (template.clone(), release.subscribe());
            async move {
                let Some(mut socket) = run.connect(&dialer, number).await else {
                    return;
                };
                let arrival: Arrival = arrival;
                drop(arrival);
                let message = |sequence| {
                    let marker = Marker {
                        connection: number,
                        sequence,
                    };
                    template.message(&run.markers, marker)
                };
                let released = async { drop(release.wait_for(|release| *release).await) };
                let mut released = std::pin::pin!(released);
                tokio::select! {
                    biased;
                    () = &mut released => {}
                    () = crowd.pester(&mut socket, message, patience) => released.await,
                }
                count(&run.live.ended);
            }
        })
        .await?;
        Ok((fleet, release))
    }
}

impl Stalled {
    /// Sends and never reads, until there is no more room or the gateway ends the connection.
    async fn pester(
        &self,
        socket: &mut client::Socket,
        message: impl Fn(u64) -> Message,
        patience: Duration,
    ) {
        for sequence in 0..MAX_UNREAD {
            match client::send(socket, message(sequence), patience).await {
                Ok(()) => count(&self.sent),
                Err(Failure::Timeout(Wait::Write)) => return count(&self.blocked),
                Err(failure) => {
                    let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
                    return *ended.entry(failure.to_string()).or_default() += 1;
                }
            }
        }
    }
}
