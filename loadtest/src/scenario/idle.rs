//! `idle`: many connections that do nothing, and the memory each costs.
//!
//! The gateway is looked at four times: before the first connection, when all are open, when they have been
//! held, and when they are closed. Bytes per connection are the growth from before to held.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::crowd::{Crowd, Manner};
use super::{End, Load};
use crate::measure::process::Sample;
use crate::measure::{Looks, Moment};
use crate::options::{Common, Misuse, Share, duration, seconds};
use crate::report::Outcome;
use crate::run::{Run, reserve_files};

/// Holds idle connections and measures what they cost.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Idle {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections to hold
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub connections: u32,

    /// How long to hold them
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub hold: Duration,

    /// What each connection does.
    #[command(flatten)]
    #[serde(flatten)]
    pub manner: Manner,

    /// How long to wait after closing before the gateway is looked at for the last time
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub cooldown: Duration,

    /// Fail if a held connection costs more user-space memory; needs --server-pid
    #[arg(long, value_name = "BYTES", requires = "server_pids")]
    pub max_bytes_per_connection: Option<u64>,
}

impl Load for Idle {
    const NAME: &str = "idle";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        self.connections = share.connections(self.connections)?;
        Ok(())
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        self.check()?;
        reserve_files(self.connections.into())?;
        let crowd = Crowd::new(run, &self.common, &self.manner).await?;
        let mut fleet = crowd.gather(&self.common, self.connections).await?;
        run.reach(Moment::Opened).await;
        let start = Instant::now();
        run.pause(self.hold).await;
        let outcome = self.outcome(run, &crowd, start.elapsed());
        run.reach(Moment::Measured).await;
        crowd.release();
        fleet.join().await;
        run.pause(self.cooldown).await;
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        let held = outcome.counted("held");
        let missing = u64::from(self.connections).saturating_sub(held);
        outcome.problem_if(
            missing > 0 && !end.interrupted,
            format!("{missing} connections were not held to the end"),
        );
        self.cores(end, outcome);
        self.memory(end.looks, held, outcome);
    }
}

impl Idle {
    /// What every scenario has but an idle connection has not.
    fn check(&self) -> Result<(), Misuse> {
        let goals = &self.common.thresholds;
        if goals.min_rate.is_some() || goals.max_cpu_us.is_some() {
            let remedy = "--min-rate and --max-cpu-us need operations, and idle has none";
            return Err(Misuse(remedy.to_owned()));
        }
        Ok(())
    }

    fn outcome(&self, run: &Run, crowd: &Crowd, measured: Duration) -> Outcome {
        let mut outcome = Outcome {
            measured,
            ..Outcome::default()
        };
        outcome.count("requested", self.connections.into());
        outcome.count("held", run.totals().open());
        if self.manner.expect_reply {
            outcome.latency("reply", run.main.distribution());
        } else {
            outcome.latency("open", run.connect.distribution());
        }
        crowd.pongs_into(&mut outcome);
        outcome
    }

    /// Writes down how many CPUs the gateway kept busy while it was idle.
    fn cores(&self, end: &End<'_>, outcome: &mut Outcome) {
        let servers = end.looks.server_usage();
        let used: f64 = servers.iter().map(|server| server.cpu_seconds).sum();
        let seconds = outcome.measured.as_secs_f64();
        if !servers.is_empty() && seconds > 0.0 {
            outcome.detail("server_cores", (used / seconds * 1000.0).round() / 1000.0);
        }
    }

    /// Writes down the four looks and the growth per connection.
    fn memory(&self, looks: &Looks, connections: u64, outcome: &mut Outcome) {
        let own = |moment| looks.clients_at(moment).unwrap_or_default();
        let user = |sample: &Sample| Some(sample.rss_anon_bytes);
        let (before, held) = (own(Moment::Before), own(Moment::Measured));
        // Of workers, which start later, it is not known.
        if let Some(bytes) = per_connection(&before, &held, connections, user).filter(|b| *b > 0.0)
        {
            outcome.detail("client_bytes_per_connection", bytes);
        }
        if looks.servers.is_empty() {
            return;
        }
        let growth = |value: fn(&Sample) -> Option<u64>| {
            let before = looks.at(Moment::Before)?;
            per_connection(&before, &looks.at(Moment::Measured)?, connections, value)
        };
        let user = growth(|sample| Some(sample.rss_anon_bytes));
        outcome.detail("user_bytes_per_connection", user);
        let rss = growth(|sample| Some(sample.rss_bytes));
        outcome.detail("rss_bytes_per_connection", rss);
        outcome.detail(
            "pss_bytes_per_connection",
            growth(|sample| sample.pss_bytes),
        );
        for (name, moment) in [
            ("before", Moment::Before),
            ("opened", Moment::Opened),
            ("held", Moment::Measured),
            ("closed", Moment::Closed),
        ] {
            outcome.detail(name, looks.at(moment).unwrap_or_default());
        }
        if let Some(most) = self.max_bytes_per_connection {
            let shown = user.map_or("unknown".to_owned(), |user| user.to_string());
            outcome.problem_if(
                user.is_none_or(|user| user > most as f64),
                format!("user-space bytes per connection: {shown}, at most {most} allowed"),
            );
        }
    }
}

/// Growth per connection, in bytes; none when nothing is held, a process has ended or the value is unknown.
fn per_connection(
    before: &[Sample],
    held: &[Sample],
    connections: u64,
    value: fn(&Sample) -> Option<u64>,
) -> Option<f64> {
    let total = |look: &[Sample]| look.iter().map(value).sum::<Option<u64>>();
    let growth = total(held)? as f64 - total(before)? as f64;
    (connections > 0 && held.len() == before.len()).then(|| (growth / connections as f64).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_divided_among_connections() {
        let look = |bytes: &[u64]| -> Vec<Sample> {
            let sample = |bytes: &u64| Sample {
                rss_anon_bytes: *bytes,
                ..Sample::default()
            };
            bytes.iter().map(sample).collect()
        };
        let check = |before: &[u64], held: &[u64], connections: u64, growth: Option<f64>| {
            let user = |sample: &Sample| Some(sample.rss_anon_bytes);
            let found = per_connection(&look(before), &look(held), connections, user);
            assert_eq!(found, growth, "{before:?} {held:?}");
            let pss = |sample: &Sample| sample.pss_bytes;
            assert_eq!(
                per_connection(&look(before), &look(held), connections, pss),
                None
            );
        };
        check(&[1000], &[5000], 4, Some(1000.0));
        check(&[1000, 2000], &[5000, 3000], 10, Some(500.0));
        check(&[5000], &[1000], 4, Some(-1000.0));
        check(&[1000], &[5000], 0, None);
        check(&[1000, 1000], &[5000], 1, None);
    }
}
