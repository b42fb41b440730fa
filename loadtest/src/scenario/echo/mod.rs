//! `echo`: messages through a route, each matched with its reply by an id inside it.
//!
//! Without a rate the loop is closed: a connection keeps so many messages in flight and sends the next
//! when a reply arrives. With a rate it is open: messages are due at fixed instants, whether or not
//! replies keep up, and latency counts from the instant a message was due.

mod conversation;
mod template;

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use conversation::Conversation;
pub(super) use template::Template;

use super::{End, Load};
use crate::client::{self, Dialer};
use crate::floor::{Floor, Server};
use crate::measure::marker::MAX_CONNECTIONS;
use crate::measure::{Latency, Moment};
use crate::options::{Common, Extent, Misuse, Share, positive};
use crate::pace::{Schedule, Timer};
use crate::progress::say;
use crate::report::Outcome;
use crate::run::{Arrival, Fleet, Run, read, reserve_files};

/// Messages in flight on one connection of an open loop, unless told otherwise.
const OPEN_LOOP_IN_FLIGHT: u32 = 256;

/// Sends messages through a route and matches the replies.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Echo {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections that send
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONNECTIONS)))]
    pub connections: u32,

    /// Unanswered messages a connection may have [default: 1, with --rate 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub in_flight: Option<u32>,

    /// How long to send.
    #[command(flatten)]
    #[serde(flatten)]
    pub extent: Extent,

    /// Messages per second, all connections together [default: as fast as replies come]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rate: Option<f64>,

    /// What is sent.
    #[command(flatten)]
    #[serde(flatten)]
    pub text: Text,

    /// Replies carry no id, and each is taken for that to the longest waiting message
    #[arg(long)]
    pub in_order: bool,

    /// Serve the echoing HTTP backend in this process, for gateways whose route leads there
    #[arg(long, value_name = "IP:PORT")]
    pub backend: Option<SocketAddr>,
}

/// What a message looks like.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Text {
    /// Bytes of a message, reached by filling {pad} [default: 64]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=131_072))]
    pub size: Option<u32>,

    /// The message; {id} becomes its id, which the reply must carry, {pad} what is missing to --size
    #[arg(
        long,
        value_name = "TEXT",
        default_value = r#"{"action":"ask","id":"{id}","pad":"{pad}"}"#
    )]
    pub message_template: String,
}

impl Text {
    pub(super) fn template(&self) -> Result<Template, Misuse> {
        Template::new(&self.message_template, self.size).map_err(Misuse)
    }
}

/// What the conversations share.
#[derive(Debug)]
struct Shared {
    run: Run,
    dialer: Dialer,
    template: Template,
    in_flight: usize,
    in_order: bool,
    reply_timeout: Duration,
    open_loop: bool,
    /// One waker for each connection that is ready; its place is the connection's lane.
    lanes: Mutex<Vec<mpsc::Sender<()>>>,
    /// From the instant a message was sent to its reply; only in an open loop.
    reply_from_send: Latency,
    tallies: Tallies,
}

/// What became of the messages.
#[derive(Debug, Default)]
struct Tallies {
    lost: AtomicU64,
    late: AtomicU64,
    duplicated: AtomicU64,
    mismatched: AtomicU64,
    unidentified: AtomicU64,
    reordered: AtomicU64,
    /// Nanoseconds from the start to the last reply.
    last_reply: AtomicU64,
}

/// When the conversations begin and end.
#[derive(Debug, Clone, Copy)]
struct Session {
    start: Instant,
    /// No message is due at or after it.
    end: Option<Instant>,
    /// Messages of all connections together.
    messages: Option<u64>,
    /// When messages are due; without it, whenever there is room.
    schedule: Option<Schedule>,
    /// Connections that share the work.
    lanes: u64,
}

impl Load for Echo {
    const NAME: &str = "echo";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        if self.backend.is_some() {
            let remedy =
                "--backend serves in one process: with --workers, run `loadtest backend` beside it";
            return Err(Misuse(remedy.to_owned()));
        }
        self.connections = share.connections(self.connections)?;
        self.rate = self.rate.map(|rate| share.rate(rate));
        self.extent.divide(share);
        Ok(())
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        // The gateway connects to a backend in this process about once for each message in flight.
        let doubled = if self.backend.is_some() { 2 } else { 1 };
        reserve_files(u64::from(self.connections) * doubled)?;
        let shared = Arc::new(self.shared(run).await?);
        let _backend = self.start_backend(run).await?;
        let gate = watch::Sender::new(None);
        let mut fleet = Fleet::launch(run, &self.common, self.connections, |number, arrival| {
            talk(shared.clone(), number, arrival, gate.subscribe())
        })
        .await?;
        let lanes = shared.lanes();
        let session = self.session(lanes.len());
        run.reach(Moment::Opened).await;
        let timer = Timer::new().map_err(|error| Misuse(format!("no timer: {error}")))?;
        gate.send_replace(Some(session));
        let pacer = session
            .schedule
            .map(|schedule| tokio::spawn(pace(timer, schedule, lanes)));
        fleet.join().await;
        if let Some(pacer) = pacer {
            pacer.abort();
        }
        run.reach(Moment::Measured).await;
        Ok(self.outcome(&shared))
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        if let Ok(template) = self.text.template() {
            outcome.count("message_bytes", template.len() as u64);
        }
        let sent = outcome.counted("sent");
        let unsent = self.extent.messages.is_some_and(|messages| sent < messages);
        outcome.problem_if(unsent && !end.interrupted, "not all messages were sent");
        outcome.problem_if(sent == 0, "nothing was sent");
    }
}

impl Echo {
    async fn shared(&self, run: &Run) -> Result<Shared, Misuse> {
        let default = self.rate.map_or(1, |_| OPEN_LOOP_IN_FLIGHT);
        Ok(Shared {
            run: run.clone(),
            dialer: Dialer::new(&self.common.url, &self.common).await?,
            template: self.text.template()?,
            in_flight: self.in_flight.unwrap_or(default) as usize,
            in_order: self.in_order,
            reply_timeout: self.common.reply_timeout,
            open_loop: self.rate.is_some(),
            lanes: Mutex::default(),
            reply_from_send: Latency::default(),
            tallies: Tallies::default(),
        })
    }

    async fn start_backend(&self, run: &Run) -> Result<Option<AbortOnDrop>, Misuse> {
        let Some(listen) = self.backend else {
            return Ok(None);
        };
        let server = Server::bind(listen, Floor::Backend)
            .await
            .map_err(|error| Misuse(format!("cannot listen on {listen}: {error}")))?;
        say(&format!("backend {}", server.url()));
        let task = tokio::spawn(server.serve(run.stop.clone()));
        Ok(Some(AbortOnDrop(task)))
    }

    fn session(&self, lanes: usize) -> Session {
        let start = Instant::now();
        Session {
            start,
            end: self.extent.time().map(|time| start + time),
            messages: self.extent.messages,
            schedule: self.rate.map(|rate| Schedule::new(start, rate)),
            lanes: lanes as u64,
        }
    }

    fn outcome(&self, shared: &Shared) -> Outcome {
        let live = &shared.run.live;
        let tallies = &shared.tallies;
        let mut outcome = Outcome {
            operations: read(&live.received),
            measured: Duration::from_nanos(read(&tallies.last_reply)),
            ..Outcome::default()
        };
        outcome.latency("reply", shared.run.main.distribution());
        if shared.open_loop {
            outcome.latency("reply_from_send", shared.reply_from_send.distribution());
        }
        outcome.count("sent", read(&live.sent));
        outcome.count("answered", read(&live.received));
        outcome.count("late", read(&tallies.late));
        outcome.count("reordered", read(&tallies.reordered));
        outcome.count_fault("lost", read(&tallies.lost));
        outcome.count_fault("duplicated", read(&tallies.duplicated));
        outcome.count_fault("mismatched", read(&tallies.mismatched));
        outcome.count_fault("unidentified", read(&tallies.unidentified));
        outcome
    }
}

impl Shared {
    /// Takes a place among the connections that are ready.
    fn enter(&self) -> (u64, mpsc::Receiver<()>) {
        // One place is enough: a waiting wake-up stands for all that are due.
        let (sender, receiver) = mpsc::channel(1);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.push(sender);
        (lanes.len() as u64 - 1, receiver)
    }

    fn lanes(&self) -> Vec<mpsc::Sender<()>> {
        std::mem::take(&mut self.lanes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Stops a task when the scenario no longer needs it.
#[derive(Debug)]
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One connection: opened, made ready, then talking until its work is done.
async fn talk(
    shared: Arc<Shared>,
    number: u32,
    arrival: Arrival,
    mut gate: watch::Receiver<Option<Session>>,
) {
    let run = shared.run.clone();
    let Some(mut socket) = run.connect(&shared.dialer, number).await else {
        return;
    };
    let (lane, wake) = shared.enter();
    drop(arrival);
    let begin = async { gate.wait_for(Option::is_some).await.ok().and_then(|s| *s) };
    let session = match client::linger(&mut socket, begin).await {
        Ok(Some(session)) => session,
        Ok(None) => return,
        Err(failure) => return run.dropped(&failure),
    };
    let mut conversation = Conversation::new(shared, session, (number, lane), socket, wake);
    match conversation.hold().await {
        Ok(()) => run.ended(),
        Err(failure) => run.dropped(&failure),
    }
}

/// Wakes each connection when its next message is due.
async fn pace(mut timer: Timer, schedule: Schedule, lanes: Vec<mpsc::Sender<()>>) {
    /// Wake-ups between two chances for other tasks to run when the pace is behind.
    const BURST: u64 = 128;
    for slot in 0.. {
        if timer.sleep_until(schedule.due(slot)).await.is_err() {
            return;
        }
        let lane = slot.checked_rem(lanes.len() as u64);
        let Some(lane) = lane.and_then(|lane| lanes.get(lane as usize)) else {
            return;
        };
        // A full channel means that the connection is awake already, a closed one that it is done.
        lane.try_send(()).ok();
        if slot % BURST == 0 {
            tokio::task::yield_now().await;
        }
    }
}
