//! Clients that ask and never read the replies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use super::super::echo::{Template, Text};
use crate::client::{self, Dialer};
use crate::measure::marker::Marker;
use crate::measure::{Failure, Wait};
use crate::options::{Common, Misuse};
use crate::report::Outcome;
use crate::run::{Arrival, Fleet, Run, count};

/// Messages that a client which does not read sends at most.
const MAX_UNREAD: u64 = 100_000;
/// A client that could send nothing for so long is blocked.
const BLOCKED_AFTER: Duration = Duration::from_secs(1);

/// What became of the clients that do not read, in all rounds.
#[derive(Debug, Default)]
struct Fates {
    clients: AtomicU64,
    sent: AtomicU64,
    /// Those that found no more room to send.
    blocked: AtomicU64,
    /// Those that could have gone on sending.
    unblocked: AtomicU64,
    /// Those that the gateway ended, by how it did.
    ended: Mutex<BTreeMap<String, u64>>,
}

/// Makes clients stall.
#[derive(Debug)]
pub(super) struct Stalling {
    run: Run,
    dialer: Arc<Dialer>,
    template: Arc<Template>,
    patience: Duration,
    fates: Arc<Fates>,
}

/// What a client that does not read is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Ask until there is no more room.
    Ask,
    /// Keep the connection, and still.
    Keep,
    Leave,
}

/// Clients that have stalled.
#[derive(Debug)]
pub(super) struct Stalled {
    fleet: Fleet,
    order: watch::Sender<Order>,
}

/// Held by a client until it has stalled.
#[derive(Debug)]
struct Restless(Arc<watch::Sender<u32>>);

impl Drop for Restless {
    fn drop(&mut self) {
        self.0.send_modify(|settled| *settled += 1);
    }
}

impl Stalling {
    /// Clients that will ask with such messages.
    ///
    /// # Errors
    ///
    /// As [`Dialer::new`] and [`Text::template`].
    pub(super) async fn new(run: &Run, common: &Common, text: &Text) -> Result<Self, Misuse> {
        Ok(Self {
            run: run.clone(),
            dialer: Arc::new(Dialer::cramped(&common.url, common).await?),
            template: Arc::new(text.template()?),
            patience: common.reply_timeout.min(BLOCKED_AFTER),
            fates: Arc::default(),
        })
    }

    /// Opens `clients` connections that ask and do not read. Returns when each is blocked or ended; after `within` those that are
    /// not are told to be still.
    ///
    /// # Errors
    ///
    /// As [`Fleet::launch`].
    pub(super) async fn stall(
        &self,
        common: &Common,
        clients: u32,
        within: Duration,
    ) -> Result<Stalled, Misuse> {
        let order = watch::Sender::new(Order::Ask);
        let settled = Arc::new(watch::Sender::new(0));
        let fleet = Fleet::launch(&self.run, common, clients, |number, arrival| {
            let restless = Restless(settled.clone());
            self.client(number, arrival, restless, order.subscribe())
        })
        .await?;
        let mut settling = settled.subscribe();
        tokio::select! {
            all = settling.wait_for(|settled| *settled >= clients) => drop(all),
            () = self.run.pause(within) => {}
        }
        order.send_replace(Order::Keep);
        Ok(Stalled { fleet, order })
    }

    fn client(
        &self,
        number: u32,
        arrival: Arrival,
        restless: Restless,
        mut order: watch::Receiver<Order>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (run, dialer) = (self.run.clone(), self.dialer.clone());
        let (template, fates) = (self.template.clone(), self.fates.clone());
        let patience = self.patience;
        async move {
            let Some(mut socket) = run.connect(&dialer, number).await else {
                return;
            };
            drop(arrival);
            count(&fates.clients);
            let message = |sequence| {
                let connection = number;
                let marker = Marker {
                    connection,
                    sequence,
                };
                template.message(&run.markers, marker)
            };
            let stalled = tokio::select! {
                biased;
                stalled = fates.pester(&mut socket, message, patience) => stalled,
                _ = order.wait_for(|order| *order != Order::Ask) => false,
            };
            if !stalled {
                count(&fates.unblocked);
            }
            drop(restless);
            drop(order.wait_for(|order| *order == Order::Leave).await);
            count(&run.live.ended);
        }
    }

    /// Adds what became of all of them.
    pub(super) fn report(&self, outcome: &mut Outcome) {
        let fates = &self.fates;
        outcome.count("stalled", fates.clients.load(Ordering::Relaxed));
        outcome.count("stalled_sent", fates.sent.load(Ordering::Relaxed));
        outcome.count("stalled_blocked", fates.blocked.load(Ordering::Relaxed));
        outcome.count("stalled_unblocked", fates.unblocked.load(Ordering::Relaxed));
        let ended = fates.ended.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.detail("stalled_ended", &*ended);
    }
}

impl Stalled {
    /// Drops their connections.
    pub(super) async fn leave(mut self) {
        self.order.send_replace(Order::Leave);
        self.fleet.join().await;
    }
}

impl Fates {
    /// Sends and never reads, until there is no more room or the gateway ends the connection; false if neither happens.
    async fn pester(
        &self,
        socket: &mut client::Socket,
        message: impl Fn(u64) -> Message,
        patience: Duration,
    ) -> bool {
        for sequence in 0..MAX_UNREAD {
            match client::send(socket, message(sequence), patience).await {
                Ok(()) => count(&self.sent),
                Err(Failure::Timeout(Wait::Write)) => {
                    count(&self.blocked);
                    return true;
                }
                Err(failure) => {
                    let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
                    *ended.entry(failure.to_string()).or_default() += 1;
                    return true;
                }
            }
        }
        false
    }
}
