//! `idle`: many connections that do nothing, and the memory each costs.
//!
//! The gateway is looked at four times: before the first connection, when all are open, when they have been
//! held, and when they are closed. Bytes per connection are the growth from before to held.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::Scenario;
use crate::client::{self, Dialer, Socket};
use crate::measure::process::{self, Sample};
use crate::measure::{Failure, Latency, Wait};
use crate::options::{Common, Misuse, duration, seconds};
use crate::progress::Progress;
use crate::report::{Outcome, Watch};
use crate::run::{Arrival, CLOSE_TIMEOUT, Fleet, Run, count, read, reserve_files};

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

    /// Text message that each connection sends once before it is held
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,

    /// Wait for one reply to that message
    #[arg(long, requires = "message")]
    pub expect_reply: bool,

    /// How long to wait after closing before the gateway is looked at for the last time
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub cooldown: Duration,

    /// Fail if a held connection costs more user-space memory; needs --server-pid
    #[arg(long, value_name = "BYTES", requires = "server_pids")]
    pub max_bytes_per_connection: Option<u64>,
}

/// What the sessions share.
#[derive(Debug)]
struct Shared {
    run: Run,
    dialer: Dialer,
    message: Option<String>,
    expect_reply: bool,
    reply_timeout: Duration,
    replies: Latency,
    /// Turns true when the connections may go.
    release: watch::Sender<bool>,
}

impl Scenario for Idle {
    const NAME: &'static str = "idle";

    fn common(&self) -> &Common {
        &self.common
    }

    async fn run(&self, run: &Run) -> Result<Outcome, Misuse> {
        reserve_files(self.connections.into())?;
        let shared = Arc::new(Shared {
            run: run.clone(),
            dialer: Dialer::new(&self.common.url, &self.common).await?,
            message: self.message.clone(),
            expect_reply: self.expect_reply,
            reply_timeout: self.common.reply_timeout,
            replies: Latency::default(),
            release: watch::Sender::new(false),
        });
        let _progress = self.progress(run);
        let before = self.look()?;
        let mut fleet = Fleet::launch(run, &self.common, self.connections, |number, arrival| {
            hold(shared.clone(), number, arrival)
        })
        .await?;
        let opened = self.look()?;
        let watch = Watch::begin(&self.common)?;
        let start = Instant::now();
        run.pause(self.hold).await;
        let mut outcome = self.outcome(&shared, start.elapsed());
        watch.finish(&mut outcome);
        let held = self.look().unwrap_or_default();
        shared.release.send_replace(true);
        fleet.join().await;
        run.pause(self.cooldown).await;
        let closed = self.look().unwrap_or_default();
        self.memory(&mut outcome, run, [before, opened, held, closed]);
        Ok(outcome)
    }
}

impl Idle {
    fn progress(&self, run: &Run) -> Progress {
        let live = run.live.clone();
        let connections = self.connections;
        Progress::start(self.common.quiet, move || {
            format!(
                "idle: {} of {connections} connected, {} failed, {} dropped",
                read(&live.connected),
                read(&live.unconnected),
                read(&live.dropped)
            )
        })
    }

    fn look(&self) -> Result<Vec<Sample>, Misuse> {
        let look =
            |pid: &u32| process::sample(*pid).map_err(|e| Misuse(format!("process {pid}: {e}")));
        self.common.server_pids.iter().map(look).collect()
    }

    fn outcome(&self, shared: &Shared, measured: Duration) -> Outcome {
        let live = &shared.run.live;
        let mut outcome = Outcome {
            measured,
            ..Outcome::default()
        };
        let held = read(&live.connected).saturating_sub(read(&live.dropped));
        outcome.count("requested", self.connections.into());
        outcome.count("held", held);
        if held < u64::from(self.connections) && !shared.run.stop.requested() {
            let missing = u64::from(self.connections) - held;
            outcome
                .problems
                .push(format!("{missing} connections were not held to the end"));
        }
        if self.expect_reply {
            outcome.latencies.push(("reply", shared.replies.summary()));
        } else {
            outcome
                .latencies
                .push(("open", shared.run.connect.summary()));
        }
        outcome
    }

    /// Writes down the four looks and the growth per connection.
    fn memory(&self, outcome: &mut Outcome, run: &Run, looks: [Vec<Sample>; 4]) {
        if self.common.server_pids.is_empty() {
            return;
        }
        let [before, opened, held, closed] = &looks;
        let connections = outcome.counts.get("held").and_then(Value::as_u64);
        let growth = connections.and_then(|connections| per_connection(before, held, connections));
        let bytes = |value: fn(&Sample) -> u64| {
            let total = |look: &[Sample]| look.iter().map(value).sum::<u64>() as f64;
            connections
                .filter(|connections| *connections > 0 && held.len() == before.len())
                .map(|connections| ((total(held) - total(before)) / connections as f64).round())
        };
        let details = &mut outcome.details;
        details.insert("user_bytes_per_connection".into(), json!(growth));
        details.insert(
            "rss_bytes_per_connection".into(),
            json!(bytes(|sample| sample.rss_bytes)),
        );
        details.insert(
            "pss_bytes_per_connection".into(),
            json!(bytes(|sample| sample.pss_bytes.unwrap_or_default())),
        );
        for (name, look) in [
            ("before", before),
            ("opened", opened),
            ("held", held),
            ("closed", closed),
        ] {
            details.insert(name.into(), json!(look));
        }
        if let Some(most) = self.max_bytes_per_connection
            && growth.is_none_or(|growth| growth > most as f64)
        {
            let growth = growth.map_or("unknown".to_owned(), |growth| growth.to_string());
            outcome.problems.push(format!(
                "a connection costs {growth} bytes, at most {most} allowed"
            ));
        }
        debug_assert!(read(&run.live.dropped) <= read(&run.live.connected));
    }
}

/// Growth of `RssAnon` per connection; none when nothing is held or a process has ended.
fn per_connection(before: &[Sample], held: &[Sample], connections: u64) -> Option<f64> {
    let total = |look: &[Sample]| look.iter().map(|s| s.rss_anon_bytes).sum::<u64>() as f64;
    (connections > 0 && held.len() == before.len())
        .then(|| ((total(held) - total(before)) / connections as f64).round())
}

/// One connection: opened, made ready, held until it may go.
async fn hold(shared: Arc<Shared>, number: u32, arrival: Arrival) {
    let run = &shared.run;
    let Some(mut socket) = run.connect(&shared.dialer, number).await else {
        return;
    };
    if let Err(failure) = speak(&shared, &mut socket, number).await {
        return run.dropped(&failure);
    }
    drop(arrival);
    let mut release = shared.release.subscribe();
    let released = async {
        drop(release.wait_for(|release| *release).await);
    };
    match client::linger(&mut socket, released).await {
        Ok(()) => client::close(socket, CLOSE_TIMEOUT).await,
        Err(failure) => run.dropped(&failure),
    }
}

/// Sends the message, if there is one, and waits for the reply, if one is expected.
async fn speak(shared: &Shared, socket: &mut Socket, number: u32) -> Result<(), Failure> {
    let Some(text) = &shared.message else {
        return Ok(());
    };
    let start = Instant::now();
    client::send(socket, Message::text(text.clone()), shared.reply_timeout).await?;
    count(&shared.run.live.sent);
    if shared.expect_reply {
        timeout(shared.reply_timeout, client::receive(socket))
            .await
            .map_err(|_| Failure::Timeout(Wait::Reply))??;
        shared.replies.record(number as usize, start.elapsed());
        count(&shared.run.live.received);
    }
    Ok(())
}
