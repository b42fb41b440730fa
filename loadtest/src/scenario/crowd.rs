//! Connections that are held: what `idle`, `ramp`, `storm`, `churn` and `soak` have in common.
//!
//! A held connection costs this program a task, a socket and a read buffer of
//! [`client::IDLE_BUFFER_BYTES`](crate::client::IDLE_BUFFER_BYTES); what is only needed while it opens is boxed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, Dialer, Socket};
use crate::measure::{Failure, Latency, Wait};
use crate::options::{Common, Misuse, duration, optional_seconds};
use crate::report::Outcome;
use crate::run::{Arrival, CLOSE_TIMEOUT, Fleet, Run, count};

/// What a held connection does.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Manner {
    /// Text message that each connection sends once before it is held
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,

    /// Wait for one reply to that message
    #[arg(long, requires = "message")]
    pub expect_reply: bool,

    /// Ping each connection this often; an answer must come within the reply timeout
    #[arg(long, value_name = "TIME", value_parser = duration)]
    #[serde(serialize_with = "optional_seconds")]
    pub ping_interval: Option<Duration>,
}

/// Connections that are opened, made ready and held.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) run: Run,
    dialer: Dialer,
    manner: Manner,
    reply_timeout: Duration,
    pongs: Latency,
    /// Turns true when the connections may go.
    release: watch::Sender<bool>,
}

impl Crowd {
    /// A crowd of which nobody has come yet.
    pub(super) async fn new(
        run: &Run,
        common: &Common,
        manner: &Manner,
    ) -> Result<Arc<Self>, Misuse> {
        Ok(Arc::new(Self {
            run: run.clone(),
            dialer: Dialer::idle(&common.url, common).await?,
            manner: manner.clone(),
            reply_timeout: common.reply_timeout,
            pongs: Latency::default(),
            release: watch::Sender::new(false),
        }))
    }

    /// Opens `count` connections, each of which is held until released; replies go to the main latency.
    pub(super) async fn gather(
        self: &Arc<Self>,
        common: &Common,
        count: u32,
    ) -> Result<Fleet, Misuse> {
        Fleet::launch(&self.run, common, count, |number, arrival| {
            self.clone().attend(number, arrival)
        })
        .await
    }

    /// Lets the connections go.
    pub(super) fn release(&self) {
        self.release.send_replace(true);
    }

    /// Returns when the connections may go.
    pub(super) async fn released(&self) {
        let mut release = self.release.subscribe();
        drop(release.wait_for(|release| *release).await);
    }

    /// Adds the latency of pings to `outcome`, if there were any.
    pub(super) fn pongs_into(&self, outcome: &mut Outcome) {
        if self.manner.ping_interval.is_some() {
            outcome.latency("pong", self.pongs.distribution());
        }
    }

    async fn attend(self: Arc<Self>, number: u32, arrival: Arrival) {
        let opened = self.open(number).boxed().await;
        drop(arrival);
        let Some((mut socket, reply)) = opened else {
            return;
        };
        if let Some(reply) = reply {
            self.run.main.record(number as usize, reply);
        }
        // Pinned here, as each future that it is handed on to would keep room for it twice.
        let released = std::pin::pin!(self.released());
        if self.hold(&mut socket, number, released).await {
            self.close(&mut socket).boxed().await;
        }
    }

    /// Opens a connection and makes it ready; also how long the reply took, if one was waited for. What fails is
    /// counted.
    /// The socket is boxed, as a future that holds one on its way has room for two.
    pub(super) async fn open(&self, number: u32) -> Option<(Box<Socket>, Option<Duration>)> {
        let mut socket = Box::new(self.run.connect(&self.dialer, number).await?);
        match self.speak(&mut socket).await {
            Ok(reply) => Some((socket, reply)),
            Err(failure) => {
                self.run.dropped(&failure);
                None
            }
        }
    }

    /// Sends the message, if there is one, and waits for the reply, if one is expected.
    async fn speak(&self, socket: &mut Socket) -> Result<Option<Duration>, Failure> {
        let Some(text) = &self.manner.message else {
            return Ok(None);
        };
        let start = Instant::now();
        client::send(socket, Message::text(text.clone()), self.reply_timeout).await?;
        count(&self.run.live.sent);
        if !self.manner.expect_reply {
            return Ok(None);
        }
        timeout(self.reply_timeout, client::receive(socket))
            .await
            .map_err(|_| Failure::Timeout(Wait::Reply))??;
        count(&self.run.live.received);
        Ok(Some(start.elapsed()))
    }

    /// Holds a connection until `until` is done; false if it ended before, which is counted.
    pub(super) async fn hold(
        &self,
        socket: &mut Socket,
        number: u32,
        until: impl Future<Output = ()> + Send,
    ) -> bool {
        let held = match self.manner.ping_interval {
            None => client::linger(socket, until).await,
            Some(period) => self.ping(socket, number, period, until).boxed().await,
        };
        held.map_err(|failure| self.run.dropped(&failure)).is_ok()
    }

    /// Closes a connection that was held.
    pub(super) async fn close(&self, socket: &mut Socket) {
        client::close(socket, CLOSE_TIMEOUT, drop).await;
        self.run.ended();
    }

    /// Holds a connection with pings. The first comes after a part of the period that depends on the connection's
    /// number, so that not all ping at once.
    async fn ping(
        &self,
        socket: &mut Socket,
        number: u32,
        period: Duration,
        until: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let mut until = std::pin::pin!(until);
        let first = period.mul_f64(f64::from(number % 97 + 1) / 97.0);
        let mut ticks = interval_at(tokio::time::Instant::now() + first, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return Ok(()),
                message = socket.next() => drop(client::payload(message.ok_or(Failure::Reset)??)?),
                _ = ticks.tick() => {
                    let pong = self.pong(socket);
                    tokio::select! {
                        biased;
                        pong = pong => self.pongs.record(number as usize, pong?),
                        () = &mut until => return Ok(()),
                    }
                }
            }
        }
    }

    /// Sends a ping; how long its answer took.
    async fn pong(&self, socket: &mut Socket) -> Result<Duration, Failure> {
        let start = Instant::now();
        client::send(socket, Message::Ping(Bytes::new()), self.reply_timeout).await?;
        let answer = async {
            loop {
                let message = socket.next().await.ok_or(Failure::Reset)??;
                if message.is_pong() {
                    return Ok(start.elapsed());
                }
                client::payload(message)?;
            }
        };
        timeout(self.reply_timeout, answer)
            .await
            .map_err(|_| Failure::Timeout(Wait::Pong))?
    }
}
