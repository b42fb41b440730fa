//! `push`: payloads posted to `@connections`, each followed to its receipt.
//!
//! A connection belongs to one publisher, which awaits each POST before the next, so that payloads to one
//! connection are posted one after another and must arrive in that order, once, and nowhere else.

mod access;
mod channel;
mod publisher;
mod receiver;
mod shared;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use http::HeaderValue;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

pub(super) use access::Access;
use channel::{Channel, Payload};
use publisher::Publisher;
use shared::{Session, Shared, Tallies};

use super::{End, Load};
use crate::client::{Dialer, HttpClient};
use crate::measure::marker::MAX_CONNECTIONS;
use crate::measure::{Latency, Moment};
use crate::options::{Common, Extent, Misuse, Rate, Share};
use crate::pace::{Schedule, Timer};
use crate::report::Outcome;
use crate::run::{Fleet, Run, read, reserve_files};

/// Connections from which on each is given little memory.
const MANY: u32 = 1000;
/// POSTs that may be made ahead: some 3 GB.
const MOST_SIGNED_AHEAD: u64 = 2_000_000;

/// Posts payloads to connections and follows them to their receipt.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Push {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections that receive
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONNECTIONS)))]
    pub connections: u32,

    /// Payloads per second, all publishers together, or max
    #[arg(long, value_name = "N|max", default_value = "max")]
    pub rate: Rate,

    /// How long to post.
    #[command(flatten)]
    #[serde(flatten)]
    pub extent: Extent,

    /// Publishers, each with one HTTP connection and one POST under way
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub publishers: u32,

    /// Bytes of a payload
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(48..=131_072))]
    pub size: u32,

    /// Make and sign this many POSTs before the clock runs, all publishers together; each takes about 1.5 KB.
    /// Signatures of AWS hold for five minutes
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST_SIGNED_AHEAD))]
    pub sign_ahead: u64,

    /// What to do with a payload that was answered 429
    #[arg(long, value_enum, default_value_t = OnThrottle::Count)]
    pub on_429: OnThrottle,

    /// Where and how payloads are posted.
    #[command(flatten)]
    #[serde(flatten)]
    pub access: Access,
}

/// What to do with a payload that was answered 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnThrottle {
    /// Count it and go on with the next.
    Count,
    /// Post it again after a pause, until it is accepted or the reply timeout is over.
    Retry,
}

impl Load for Push {
    const NAME: &str = "push";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        self.connections = share.connections(self.connections)?;
        self.publishers = share.connections(self.publishers)?;
        self.sign_ahead = share.count(self.sign_ahead);
        if let Rate::PerSecond(rate) = &mut self.rate {
            *rate = share.rate(*rate);
        }
        self.extent.divide(share);
        Ok(())
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        // A publisher has a connection and a timer.
        reserve_files(u64::from(self.connections) + 2 * u64::from(self.publishers))?;
        let start = Instant::now();
        let shared = Arc::new(self.shared(run).await?);
        let management = self.access.management(&self.common.url)?;
        let mut publishers = self.publishers(&shared, &management).await?;
        let mut fleet = Fleet::launch(run, &self.common, self.connections, |number, arrival| {
            receiver::receive(shared.clone(), start, number, arrival)
        })
        .await?;
        let channels = shared.channels();
        run.reach(Moment::Opened).await;
        let own = |number| {
            let step = self.publishers as usize;
            let own = channels.iter().skip(number).step_by(step);
            own.cloned().collect::<Vec<_>>()
        };
        for (number, publisher) in publishers.iter_mut().enumerate() {
            let ahead = self.sign_ahead.div_ceil(self.publishers.into());
            publisher.make_ahead(ahead, &own(number)).await;
        }
        let session = self.session();
        let mut posting = JoinSet::new();
        for (number, mut publisher) in publishers.drain(..).enumerate() {
            let own = own(number);
            posting.spawn(async move { publisher.publish(session, number as u64, own).await });
        }
        while let Some(ended) = posting.join_next().await {
            ended.map_err(|error| Misuse(format!("a publisher ended early: {error}")))?;
        }
        shared.drain(&channels).await;
        run.reach(Moment::Measured).await;
        shared.release.send_replace(true);
        fleet.join().await;
        let mut outcome = self.outcome(&shared, &channels, session.start.duration_since(start));
        outcome.detail("management", management);
        Ok(outcome)
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        let posted = outcome.counted("posted");
        let unsent = self
            .extent
            .messages
            .is_some_and(|messages| posted < messages);
        outcome.problem_if(unsent && !end.interrupted, "not all payloads were posted");
        let accepted = outcome.counted("acknowledged");
        outcome.problem_if(accepted == 0, "no payload was accepted");
    }
}

impl Push {
    async fn shared(&self, run: &Run) -> Result<Shared, Misuse> {
        let (url, common) = (&self.common.url, &self.common);
        let dialer = match self.connections < MANY {
            true => Dialer::new(url, common).await?,
            false => Dialer::sparse(url, common).await?,
        };
        Ok(Shared {
            run: run.clone(),
            dialer,
            id_source: (!self.access.choose_ids).then(|| self.access.id_source()),
            payload: Payload::new(self.size as usize),
            reply_timeout: self.common.reply_timeout,
            channels: Mutex::default(),
            release: watch::Sender::new(false),
            receipt_from_schedule: Latency::default(),
            scheduled: self.rate.per_second().is_some(),
            post: Latency::default(),
            statuses: Mutex::default(),
            tallies: Tallies::default(),
        })
    }

    async fn publishers(&self, shared: &Arc<Shared>, base: &str) -> Result<Vec<Publisher>, Misuse> {
        let url = Url::parse(base).map_err(|error| Misuse(format!("{base}: {error}")))?;
        let dialer = Arc::new(Dialer::new(&url, &self.common).await?);
        let host = HeaderValue::from_str(url.authority())
            .map_err(|_| Misuse(format!("{base}: the host is no header value")))?;
        let publisher = |_| {
            Ok(Publisher {
                shared: shared.clone(),
                client: HttpClient::new(dialer.clone(), self.common.reply_timeout),
                timer: Timer::new().map_err(|error| Misuse(format!("no timer: {error}")))?,
                base: base.to_owned(),
                path: url.path().trim_end_matches('/').to_owned(),
                post_path: self.access.post_path.clone(),
                host: host.clone(),
                signer: self.access.signer(),
                on_throttle: self.on_429,
                ahead: VecDeque::new(),
            })
        };
        (0..self.publishers).map(publisher).collect()
    }

    fn session(&self) -> Session {
        let start = Instant::now();
        Session {
            start,
            end: self.extent.time().map(|time| start + time),
            messages: self.extent.messages,
            schedule: self
                .rate
                .per_second()
                .map(|rate| Schedule::new(start, rate)),
            publishers: self.publishers.into(),
        }
    }

    fn outcome(&self, shared: &Shared, channels: &[Arc<Channel>], warm_up: Duration) -> Outcome {
        let live = &shared.run.live;
        let tallies = &shared.tallies;
        let last_receipt = Duration::from_nanos(read(&tallies.last_receipt));
        let mut outcome = Outcome {
            operations: read(&live.received),
            measured: last_receipt.saturating_sub(warm_up),
            ..Outcome::default()
        };
        outcome.latency("receipt", shared.run.main.distribution());
        if shared.scheduled {
            let from_schedule = shared.receipt_from_schedule.distribution();
            outcome.latency("receipt_from_schedule", from_schedule);
        }
        outcome.latency("post", shared.post.distribution());
        let sum = |count: fn(&Channel) -> u64| channels.iter().map(|channel| count(channel)).sum();
        outcome.count("posted", read(&live.sent));
        outcome.count("made_ahead", read(&tallies.made_ahead));
        outcome.count("acknowledged", read(&tallies.acknowledged));
        outcome.count("received", read(&live.received));
        outcome.count("throttled", read(&tallies.throttled));
        outcome.count("uncertain", read(&tallies.uncertain));
        outcome.count("received_unacknowledged", sum(Channel::unacknowledged));
        outcome.count_fault("lost", sum(Channel::lost));
        outcome.count_fault("duplicated", read(&tallies.duplicated));
        outcome.count_fault("reordered", read(&tallies.reordered));
        outcome.count_fault("misdelivered", read(&tallies.misdelivered));
        outcome.count_fault("corrupted", read(&tallies.corrupted));
        outcome.count_fault("unidentified", read(&tallies.unidentified));
        let statuses = shared
            .statuses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.detail("statuses", &*statuses);
        outcome.detail("signed", self.access.access_key_id.is_some());
        outcome
    }
}
