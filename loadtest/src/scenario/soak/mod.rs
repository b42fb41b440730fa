//! `soak`: everything at once for a long time, and nothing may drift.
//!
//! Connections ramp up and are held with pings, others come and go, payloads are pushed, messages are answered, the
//! gateway reloads its definition now and then. Its memory, files and threads are watched throughout.

mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use super::crowd::Manner;
use super::echo::Text;
use super::part::{either, run_part};
use super::push::{Access, OnThrottle};
use super::{Churn, Echo, End, Load, Push, Ramp};
use crate::measure::Moment;
use crate::options::{Common, Extent, Misuse, Rate, Share, duration, positive, seconds};
use crate::pace::span;
use crate::report::Outcome;
use crate::run::{Run, reserve_files};

pub(super) use watch::Limits;

/// Longest hold there is: the crowd leaves when it is told to.
const DAY: Duration = Duration::from_secs(86_400);

/// Drives everything at once and watches for drift.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Soak {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// How long, once the held connections are open
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,

    /// Connections that are held
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub connections: u32,

    /// Held connections opened per second
    #[arg(long, value_name = "N", default_value = "500", value_parser = positive)]
    pub ramp_rate: f64,

    /// Ping each held connection this often
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub ping_interval: Duration,

    /// Connections that come and go: open at a time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub churn_connections: u32,

    /// Connections that come and go: opened per second
    #[arg(long, value_name = "N", default_value = "50", value_parser = positive)]
    pub churn_rate: f64,

    /// Connections that receive payloads
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub push_connections: u32,

    /// Payloads posted per second
    #[arg(long, value_name = "N", default_value = "200", value_parser = positive)]
    pub push_rate: f64,

    /// Publishers, each with one POST under way
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub publishers: u32,

    /// Connections that send messages
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub message_connections: u32,

    /// Messages sent per second
    #[arg(long, value_name = "N", default_value = "200", value_parser = positive)]
    pub message_rate: f64,

    /// What is sent.
    #[command(flatten)]
    #[serde(flatten)]
    pub text: Text,

    /// Where and how payloads are posted.
    #[command(flatten)]
    #[serde(flatten)]
    pub access: Access,

    /// Process that is sent SIGHUP, so that it reloads its definition; repeatable
    #[arg(long = "reload-pid", value_name = "PID")]
    pub reload_pids: Vec<u32>,

    /// How often it is sent
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub reload_every: Duration,

    /// How much the gateway may drift.
    #[command(flatten)]
    #[serde(flatten)]
    pub limits: Limits,
}

impl Load for Soak {
    const NAME: &str = "soak";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        for count in [
            &mut self.connections,
            &mut self.churn_connections,
            &mut self.push_connections,
            &mut self.publishers,
            &mut self.message_connections,
        ] {
            *count = share.connections(*count)?;
        }
        for rate in [
            &mut self.ramp_rate,
            &mut self.churn_rate,
            &mut self.push_rate,
            &mut self.message_rate,
        ] {
            *rate = share.rate(*rate);
        }
        if share.number > 0 {
            // One of them is enough to ask for reloads.
            self.reload_pids.clear();
        }
        Ok(())
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        let all = self.connections + self.churn_connections + self.push_connections;
        reserve_files(u64::from(all + self.message_connections + 2 * self.publishers) + 128)?;
        let (ramp, churn, push, echo) = (self.ramp(), self.churn(), self.push(), self.echo());
        let (crowd_over, crowd_stop, _crowd_follows) = either(run);
        let (mix_over, mix_stop, _mix_follows) = either(run);
        let reloads = AtomicU64::new(0);
        let held = run_part(run, "held", &ramp, crowd_stop);
        let mix = async {
            self.climb(run).await;
            run.reach(Moment::Opened).await;
            let parts = futures_util::future::join3(
                run_part(run, "churn", &churn, mix_stop.clone()),
                run_part(run, "push", &push, mix_stop.clone()),
                run_part(run, "echo", &echo, mix_stop.clone()),
            );
            let found = tokio::select! {
                found = parts => found,
                never = self.reload(&reloads) => never,
            };
            run.reach(Moment::Measured).await;
            crowd_over.stop();
            found
        };
        let (held, (churn, push, echo)) = tokio::join!(held, mix);
        mix_over.stop();
        let mut outcome = Outcome::default();
        let parts = [
            ("push", push?),
            ("echo", echo?),
            ("churn", churn?),
            ("held", held?),
        ];
        for (name, found) in parts {
            outcome.operations += found.operations;
            outcome.measured = outcome.measured.max(found.measured);
            outcome.adopt(name, found);
        }
        outcome.count("reloads", reloads.load(Ordering::Relaxed));
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        self.limits.watch(self.duration, end, outcome);
    }
}

impl Soak {
    /// Returns when the held connections should be open.
    async fn climb(&self, run: &Run) {
        run.pause(span(f64::from(self.connections), self.ramp_rate))
            .await;
    }

    /// Asks for reloads for ever.
    async fn reload<T>(&self, reloads: &AtomicU64) -> T {
        let mut interval = tokio::time::interval(self.reload_every);
        interval.tick().await;
        loop {
            interval.tick().await;
            for pid in &self.reload_pids {
                let pid = i32::try_from(*pid).ok().and_then(Pid::from_raw);
                if pid.is_some_and(|pid| kill_process(pid, Signal::HUP).is_ok()) {
                    reloads.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn extent(&self) -> Extent {
        Extent {
            duration: Some(self.duration),
            messages: None,
        }
    }

    fn ramp(&self) -> Ramp {
        Ramp {
            common: self.common.clone(),
            connections: self.connections,
            rate: self.ramp_rate,
            hold: DAY,
            manner: Manner {
                ping_interval: Some(self.ping_interval),
                ..Manner::default()
            },
        }
    }

    fn churn(&self) -> Churn {
        Churn {
            common: self.common.clone(),
            connections: self.churn_connections,
            rate: self.churn_rate,
            duration: self.duration,
            manner: Manner::default(),
            max_files_left: None,
        }
    }

    fn push(&self) -> Push {
        Push {
            common: self.common.clone(),
            connections: self.push_connections,
            rate: Rate::PerSecond(self.push_rate),
            extent: self.extent(),
            publishers: self.publishers,
            sign_ahead: 0,
            size: 128,
            on_429: OnThrottle::Retry,
            access: self.access.clone(),
        }
    }

    fn echo(&self) -> Echo {
        Echo {
            common: self.common.clone(),
            connections: self.message_connections,
            in_flight: None,
            extent: self.extent(),
            rate: Some(self.message_rate),
            text: self.text.clone(),
            in_order: false,
            backend: None,
        }
    }
}
