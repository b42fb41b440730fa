//! `storm`: every connection is lost in the same instant, and every client comes back at once.

mod bystanders;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use bystanders::{Bystanders, Talking};

use super::crowd::{Crowd, Manner};
use super::{End, Load};
use crate::client::Socket;
use crate::measure::Moment;
use crate::options::{Common, Misuse, Share, duration, seconds};
use crate::report::Outcome;
use crate::run::{Arrival, Fleet, Run, reserve_files};

/// Pause of a client that was not let in, before it tries again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Loses every connection at once and lets every client come back.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Storm {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub connections: u32,

    /// How many times everything is lost
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,

    /// How long connections are held before they are lost
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub calm: Duration,

    /// Within what time every client must be back
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub back_within: Duration,

    /// What each connection does.
    #[command(flatten)]
    #[serde(flatten)]
    pub manner: Manner,

    /// Who stays.
    #[command(flatten)]
    #[serde(flatten)]
    pub bystanders: Bystanders,

    /// Fail if the gateway's processes together have more resident memory; needs --server-pid
    #[arg(long, value_name = "BYTES", requires = "server_pids")]
    pub max_rss: Option<u64>,
}

/// What the clients share.
#[derive(Debug)]
struct Shared {
    crowd: Arc<Crowd>,
    back_within: Duration,
    storm: watch::Sender<Storms>,
    /// Clients that have come back, or have given up, in this round.
    settled: watch::Sender<u32>,
    tries: AtomicU64,
}

/// How many storms there were, and when the last one was.
#[derive(Debug, Clone, Copy)]
struct Storms {
    number: u32,
    at: Instant,
}

impl Load for Storm {
    const NAME: &str = "storm";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        self.connections = share.connections(self.connections)?;
        self.bystanders.divide()
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        let bystanders = self.bystanders.echo(&self.common)?;
        // An old socket may still be closing when the new one is opened.
        let crowd = u64::from(self.connections) + u64::from(self.connections) / 8;
        let stay = self.bystanders.bystanders.unwrap_or_default();
        reserve_files(crowd + u64::from(stay))?;
        let shared = Arc::new(Shared {
            crowd: Crowd::new(run, &self.common, &self.manner).await?,
            back_within: self.back_within,
            storm: watch::Sender::new(Storms {
                number: 0,
                at: Instant::now(),
            }),
            settled: watch::Sender::new(0),
            tries: AtomicU64::new(0),
        });
        let mut fleet = Fleet::launch(run, &self.common, self.connections, |number, arrival| {
            weather(shared.clone(), number, arrival)
        })
        .await?;
        let bystanders = match bystanders {
            Some(echo) => Some(Talking::begin(echo, run).await?),
            None => None,
        };
        run.reach(Moment::Opened).await;
        let mut outcome = Outcome::default();
        let mut lost = 0;
        let mut rounds = Vec::new();
        for number in 1..=self.rounds {
            run.pause(self.calm).await;
            if run.stop.requested() {
                break;
            }
            if let Some(bystanders) = &bystanders {
                bystanders.struck().await;
            }
            let clients = run.live.totals().open();
            let took = self.round(run, &shared, number, clients).await;
            if let Some(bystanders) = &bystanders {
                bystanders.weathered().await;
            }
            lost += clients;
            outcome.measured += took;
            rounds.push(json!({ "clients": clients, "seconds_to_last": took.as_secs_f64() }));
        }
        let back = run.main.distribution();
        outcome.operations = back.summary().count;
        outcome.count("lost_connections", lost);
        outcome.count("came_back", back.summary().count);
        outcome.count("tries", shared.tries.load(Ordering::Relaxed));
        outcome.latency("back", back);
        shared.crowd.pongs_into(&mut outcome);
        outcome.detail("rounds", rounds);
        run.reach(Moment::Measured).await;
        if let Some(bystanders) = bystanders {
            bystanders.end(&mut outcome).await?;
        }
        shared.crowd.release();
        fleet.join().await;
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        let lost = outcome.counted("lost_connections");
        let back = outcome.counted("came_back");
        outcome.problem_if(
            lost == 0 && !end.interrupted,
            "no connection was there to lose",
        );
        outcome.problem_if(
            back < lost && !end.interrupted,
            format!(
                "{} of {lost} clients did not come back",
                lost - back.min(lost)
            ),
        );
        self.bystanders.conclude(end, outcome);
        end.judge_rss(self.max_rss, outcome);
    }
}

impl Storm {
    /// One storm; how long it took until the last client was back or had given up.
    async fn round(&self, run: &Run, shared: &Shared, number: u32, clients: u64) -> Duration {
        shared.settled.send_replace(0);
        let at = Instant::now();
        shared.storm.send_replace(Storms { number, at });
        let mut settled = shared.settled.subscribe();
        let all = async { drop(settled.wait_for(|n| u64::from(*n) >= clients).await) };
        // A client's last try may begin just before its time is over.
        let longest = self.back_within + self.common.connect_timeout + self.common.reply_timeout;
        tokio::select! {
            () = all => {}
            () = run.pause(longest) => {}
        }
        at.elapsed()
    }
}

/// One client: held, lost, back again, until released.
async fn weather(shared: Arc<Shared>, number: u32, arrival: Arrival) {
    let crowd = &shared.crowd;
    let opened = crowd.open(number).boxed().await;
    drop(arrival);
    let Some((mut socket, _)) = opened else {
        return;
    };
    let mut storms = shared.storm.subscribe();
    loop {
        let seen = storms.borrow().number;
        let struck = async { drop(storms.wait_for(|storms| storms.number > seen).await) };
        let either = async {
            tokio::select! {
                () = struck => {}
                () = crowd.released() => {}
            }
        };
        if !crowd.hold(&mut socket, number, either).await {
            return;
        }
        if storms.borrow().number == seen {
            return crowd.close(&mut socket).boxed().await;
        }
        // Without a closing handshake, as when a network goes away.
        drop(socket);
        crowd.run.ended();
        let back = come_back(&shared, number).boxed().await;
        shared.settled.send_modify(|settled| *settled += 1);
        match back {
            Some(again) => socket = again,
            None => return,
        }
    }
}

/// Tries to connect again until it works or the time is over.
async fn come_back(shared: &Shared, number: u32) -> Option<Box<Socket>> {
    let crowd = &shared.crowd;
    let struck = shared.storm.borrow().at;
    let mut pause = FIRST_PAUSE;
    while struck.elapsed() < shared.back_within && !crowd.run.stop.requested() {
        shared.tries.fetch_add(1, Ordering::Relaxed);
        if let Some((socket, _)) = crowd.open(number).await {
            crowd.run.main.record(number as usize, struck.elapsed());
            return Some(socket);
        }
        crowd.run.pause(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    None
}
