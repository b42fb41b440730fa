//! `slow`: some clients stop reading, and the others must not notice.
//!
//! In each round the healthy ones talk alone, then beside clients that have asked without reading the replies until there was
//! no more room for either. Latency of both times is compared: what stalled clients cost while they stall is plain load.

mod stalled;

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::echo::Text;
use super::part::run_part;
use super::{Echo, End, Load};
use crate::measure::{Distribution, Moment};
use crate::options::{Common, Extent, Misuse, Share, duration, positive, seconds};
use crate::report::Outcome;
use crate::run::{Run, reserve_files};
use stalled::Stalling;

/// Stops reading on a share of the connections and measures the others.
///
/// Clients that do not read send as fast as they can, until each finds no more room to send for a second or is ended by the
/// gateway; only then are the others measured beside them. They have small socket buffers, and their messages should be
/// long or have long replies.
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

    /// How long the healthy talk alone, and how long beside the others, in each round
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,

    /// How many times the healthy are measured alone and beside the others, which come anew each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,

    /// Longest wait until those that do not read are blocked or ended; the rest sends no more
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub stall_within: Duration,

    /// What is sent.
    #[command(flatten)]
    #[serde(flatten)]
    pub text: Text,

    /// Replies carry no id, and each is taken for that to the longest waiting message
    #[arg(long)]
    pub in_order: bool,

    /// The message of those that do not read [default: that of the others]
    #[arg(long, value_name = "TEXT")]
    pub stalled_template: Option<String>,

    /// Bytes of a message of those that do not read, reached by filling {pad}
    #[arg(long, value_name = "BYTES", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(1..=131_072))]
    pub stalled_size: u32,

    /// Fail if the healthy ones' p99 grows by a larger factor, in the median of the rounds
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    pub max_slowdown: Option<f64>,

    /// Fail if the gateway's processes together have more resident memory; needs --server-pid
    #[arg(long, value_name = "BYTES", requires = "server_pids")]
    pub max_rss: Option<u64>,
}

/// What was found alone, or beside the stalled, in all rounds.
#[derive(Debug, Default)]
struct Part {
    found: Outcome,
    measured: Duration,
    /// The latency of each round.
    rounds: Vec<Distribution>,
}

impl Part {
    fn add(&mut self, found: Outcome) {
        self.measured += found.measured;
        if let Some((_, reply)) = found.latencies.first() {
            self.rounds.push(reply.clone());
        }
        self.found.join(found);
    }

    fn report(mut self, name: &str, outcome: &mut Outcome) {
        outcome.operations += self.found.operations;
        outcome.measured += self.measured;
        // The same each time, and no sum.
        self.found.counts.remove("message_bytes");
        outcome.adopt(name, self.found);
        for (number, reply) in self.rounds.into_iter().enumerate() {
            outcome.latency(&round(name, number), reply);
        }
    }
}

/// What the latency of a round is called until the rounds are compared.
fn round(part: &str, number: usize) -> String {
    format!("{part}_round_{number}")
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
        let stalling = Stalling::new(run, &self.common, &self.stalled_text()).await?;
        let (mut alone, mut beside) = (Part::default(), Part::default());
        run.reach(Moment::Opened).await;
        for _ in 0..self.rounds {
            alone.add(run_part(run, "alone", &healthy, run.stop.clone()).await?);
            let stalled = stalling.stall(&self.common, self.stalled, self.stall_within);
            let stalled = stalled.await?;
            beside.add(run_part(run, "beside", &healthy, run.stop.clone()).await?);
            stalled.leave().await;
            if run.stop.requested() {
                break;
            }
        }
        run.reach(Moment::Measured).await;
        let mut outcome = Outcome::default();
        beside.report("beside", &mut outcome);
        alone.report("alone", &mut outcome);
        stalling.report(&mut outcome);
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        if let Ok(template) = self.text.template() {
            outcome.count("message_bytes", template.len() as u64);
        }
        let opened = outcome.counted("stalled");
        let restless = outcome.counted("stalled_unblocked");
        outcome.problem_if(
            opened > 0 && restless == opened && !end.interrupted,
            "nobody stalled: every client could go on sending without reading; let the replies be longer",
        );
        self.compare(outcome);
        end.judge_rss(self.max_rss, outcome);
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
            in_order: self.in_order,
            backend: None,
        }
    }

    fn stalled_text(&self) -> Text {
        let template = self.stalled_template.as_ref();
        let template = template.unwrap_or(&self.text.message_template);
        Text {
            size: template.contains("{pad}").then_some(self.stalled_size),
            message_template: template.clone(),
        }
    }

    /// Puts the rounds' p99 side by side, in place of their latencies.
    fn compare(&self, outcome: &mut Outcome) {
        let mut take = |part: &str, number: usize| {
            let name = round(part, number);
            let latencies = &mut outcome.latencies;
            let at = latencies.iter().position(|(own, _)| *own == name)?;
            let p99 = latencies.remove(at).1.summary().p99;
            (p99 > 0.0).then_some(p99)
        };
        let mut rounds = Vec::new();
        let mut slowdowns = Vec::new();
        for number in 0..self.rounds as usize {
            if let (Some(alone), Some(beside)) = (take("alone", number), take("beside", number)) {
                rounds.push(json!({ "alone_p99_us": alone, "beside_p99_us": beside }));
                slowdowns.push(beside / alone);
            }
        }
        let Some(slowdown) = median(slowdowns) else {
            return;
        };
        let slowdown = (slowdown * 100.0).round() / 100.0;
        outcome.detail("rounds", rounds);
        outcome.detail("slowdown_p99", slowdown);
        outcome.problem_if(
            self.max_slowdown.is_some_and(|most| slowdown > most),
            format!("p99 of the healthy grew by the factor {slowdown}"),
        );
    }
}

/// The middle one; of an even number, the mean of both in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![7.0]), Some(7.0));
        assert_eq!(median(vec![3.0, 1.0, 100.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }
}
