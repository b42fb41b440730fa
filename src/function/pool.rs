//! The processes of one function: started on demand, kept warm, each with one event at a time.
//!
//! An event waits for its turn, is given to a warm process or to one that is started for it, and ends in an outcome. From its
//! turn on it belongs to a task of its own: a caller whose deadline passes only stops waiting, as in Lambda.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rand::RngCore as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::{info, warn};

use super::backoff::Backoff;
use super::desk::Event;
use super::error::{FunctionAnswer, FunctionError};
use super::process::Process;
use super::settings::FunctionSettings;
use super::tally::{Entry, Refusal, Tally};
use super::{Host, Invocation};
use crate::base::clock::{Tick, within};

/// Events that may wait for a process of one function.
pub(super) const WAITING_EVENTS: usize = 1024;
/// Bytes of payload that may wait for a process of one function, in KiB.
const WAITING_KIB: usize = 64 * 1024;
/// A process may take this long to initialise, or the function's timeout if that is longer.
///
/// AWS: "Understanding the Lambda execution environment lifecycle": 10 s, after which Lambda starts over under the
/// function's own timeout. Here it is one start under the longer of the two.
const INITIALISATION: Duration = Duration::from_secs(10);
/// A process that reported why it cannot start may take this long to exit by itself.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a killed process is waited for before another may take its place.
const BURIAL: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Pool {
    host: Arc<Host>,
    pub(super) settings: FunctionSettings,
    /// One permit for each process that may be at work.
    turns: Arc<Semaphore>,
    /// One permit for each KiB that may wait.
    waiting: Arc<Semaphore>,
    /// Invocations, waiting or at work.
    invocations: Tally,
    /// Processes without an event, the last used at the end.
    idle: Mutex<Vec<Process>>,
    backoff: Mutex<Backoff>,
    recovered: Notify,
}

/// What came of giving an event to a process.
enum Attempt {
    /// The event has been at work; the process goes on unless it is to be buried.
    Done(Result<Bytes, FunctionError>),
    /// The process had ended while it was idle and never saw the event.
    Stale,
}

impl Pool {
    pub(super) fn new(host: Arc<Host>, settings: FunctionSettings) -> Arc<Self> {
        let processes = settings
            .reserved_concurrency
            .clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            host,
            turns: Arc::new(Semaphore::new(processes)),
            waiting: Arc::new(Semaphore::new(WAITING_KIB)),
            invocations: Tally::new(processes.saturating_add(WAITING_EVENTS)),
            idle: Mutex::default(),
            backoff: Mutex::default(),
            recovered: Notify::new(),
            settings,
        })
    }

    /// Lets one more invocation in; `Closed` when the pool has been replaced.
    pub(super) fn admit(&self) -> Result<Entry, Refusal> {
        self.invocations.enter()
    }

    /// Takes an event through to its outcome; see [`super::Functions::invoke`].
    pub(super) async fn invoke(
        self: Arc<Self>,
        entry: Entry,
        invocation: Invocation,
    ) -> Result<FunctionAnswer, FunctionError> {
        let clock = self.host.clock.clone();
        let expires = clock.now().after(invocation.deadline);
        let whole = async {
            let turn = self.turn(invocation.payload.len()).await?;
            let event = Arc::new(Event {
                id: mint_uuid(),
                request_id: invocation.request_id.into(),
                payload: invocation.payload,
                trace_id: invocation.trace_id,
            });
            let (answer, answered) = oneshot::channel();
            let run = self.clone().run(event, expires, turn, entry, answer);
            self.host.tasks.spawn("function invocation", run);
            let ended = |_| Err(FunctionError::unavailable("the invocation was cut off"));
            answered.await.unwrap_or_else(ended)
        };
        within(clock.as_ref(), invocation.deadline, whole)
            .await
            .unwrap_or(Err(FunctionError::TimedOut))
    }

    /// Waits for the right to use one process. First come, first served.
    async fn turn(&self, payload: usize) -> Result<OwnedSemaphorePermit, FunctionError> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let kib = u32::try_from(payload.div_ceil(1024)).unwrap_or(u32::MAX);
        let _waiting = self
            .waiting
            .try_acquire_many(kib)
            .map_err(|_| throttled("too many bytes wait for a process"))?;
        tokio::select! {
            turn = self.turns.clone().acquire_owned() => turn.map_err(|_| shutting_down()),
            () = self.host.stop.wait() => Err(shutting_down()),
        }
    }

    /// Everything from the turn on. The turn and the entry end when no process of this invocation is left at work.
    async fn run(
        self: Arc<Self>,
        event: Arc<Event>,
        expires: Tick,
        turn: OwnedSemaphorePermit,
        entry: Entry,
        mut answer: oneshot::Sender<Result<FunctionAnswer, FunctionError>>,
    ) {
        let (result, process) = loop {
            let (process, warm) = match self.process(expires, &mut answer).await {
                Ok(found) => found,
                Err(error) => break (Err(error), None),
            };
            match self.attempt(&process, &event, warm).await {
                // The event is still whole, and another process takes it.
                Attempt::Stale => self.bury(process).await,
                Attempt::Done(result) => break (result, Some(process)),
            }
        };
        let result = result.map(|payload| FunctionAnswer {
            payload,
            request_id: Some(event.id.clone()),
            status: 200,
        });
        // A caller that has stopped waiting does not want it any more.
        answer.send(result).ok();
        if let Some(process) = process {
            self.put_back(process).await;
        }
        drop((turn, entry));
    }

    /// A warm process, or else a new one; says which.
    async fn process(
        &self,
        expires: Tick,
        answer: &mut oneshot::Sender<Result<FunctionAnswer, FunctionError>>,
    ) -> Result<(Process, bool), FunctionError> {
        loop {
            let recovered = self.recovered.notified();
            tokio::pin!(recovered);
            recovered.as_mut().enable();
            if let Some(process) = self.take_idle() {
                return Ok((process, true));
            }
            let now = self.host.clock.now();
            let claim = self.backoff().claim(now);
            let again = match claim {
                Ok(()) => return self.start().await.map(|process| (process, false)),
                Err(again) => again,
            };
            if again > expires {
                let reason = format!(
                    "{} keeps failing and is not restarted yet",
                    self.settings.name
                );
                return Err(FunctionError::unavailable(reason));
            }
            tokio::select! {
                () = self.host.clock.sleep_until(again) => {}
                () = recovered => {}
                () = answer.closed() => return Err(FunctionError::TimedOut),
                () = self.host.stop.wait() => return Err(shutting_down()),
            }
        }
    }

    async fn start(&self) -> Result<Process, FunctionError> {
        let entry = self.host.processes.enter().map_err(|_| shutting_down())?;
        let started = Process::start(&self.host, &self.settings, entry).await;
        if let Err(error) = &started {
            self.note_failure(error);
        }
        started
    }

    /// Gives the event to the process and waits for what becomes of it. A process that is too slow is told to end.
    ///
    /// Only a process that dies as it starts or at work counts as a failure: one that exits while idle cost nobody anything.
    async fn attempt(&self, process: &Process, event: &Arc<Event>, warm: bool) -> Attempt {
        let clock = self.host.clock.as_ref();
        let timeout = self.settings.timeout;
        let patience = if warm {
            timeout
        } else {
            timeout.max(INITIALISATION)
        };
        let Some(ticket) = process.desk.offer(event.clone()) else {
            return self.not_fetched(process, event, warm).await;
        };
        match within(clock, patience, ticket.fetched).await {
            Some(Ok(())) => {}
            Some(Err(_)) => return self.not_fetched(process, event, warm).await,
            None => {
                let error = self.too_slow(process, &event.id, patience);
                self.note_failure(&error);
                return Attempt::Done(Err(error));
            }
        }
        match within(clock, timeout, ticket.outcome).await {
            Some(Ok(result)) => {
                self.note_success();
                Attempt::Done(result)
            }
            Some(Err(_)) => Attempt::Done(Err(self.how_it_ended(process, &event.id).await)),
            None => Attempt::Done(Err(self.too_slow(process, &event.id, timeout))),
        }
    }

    async fn not_fetched(&self, process: &Process, event: &Event, warm: bool) -> Attempt {
        if warm {
            return Attempt::Stale;
        }
        Attempt::Done(Err(self.how_it_ended(process, &event.id).await))
    }

    /// Why a process is gone, or will be in a moment.
    async fn how_it_ended(&self, process: &Process, id: &str) -> FunctionError {
        let clock = self.host.clock.as_ref();
        let end = within(clock, LAST_WORDS, process.ended()).await;
        process.kill();
        let error = match (process.desk.unfit(), end) {
            _ if self.host.stop.begun() => return shutting_down(),
            (Some(reported), _) => reported,
            (None, Some(end)) => end.failure(id),
            (None, None) => process.ended().await.failure(id),
        };
        self.note_failure(&error);
        error
    }

    /// AWS: the message of a function that Lambda stopped. The process does not survive it.
    fn too_slow(&self, process: &Process, id: &str, limit: Duration) -> FunctionError {
        process.kill();
        let seconds = limit.as_secs_f64();
        warn!(
            function = self.settings.name,
            seconds, "a function ran into its timeout and was killed"
        );
        let message = format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds");
        FunctionError::failed("Sandbox.Timedout", message)
    }

    /// Keeps a process that can take another event, and waits for the end of one that cannot.
    async fn put_back(&self, process: Process) {
        if process.usable() {
            self.idle().push(process);
        } else {
            self.bury(process).await;
        }
    }

    async fn bury(&self, process: Process) {
        process.kill();
        let gone = within(self.host.clock.as_ref(), BURIAL, process.ended()).await;
        if gone.is_none() {
            warn!(
                function = self.settings.name,
                "a killed process has not ended yet"
            );
        }
    }

    fn take_idle(&self) -> Option<Process> {
        let mut idle = self.idle();
        while let Some(process) = idle.pop() {
            if process.usable() {
                return Some(process);
            }
            info!(
                function = self.settings.name,
                "an idle process of a function had ended"
            );
        }
        None
    }

    /// Takes no more invocations; those that are in finish, then the processes end.
    pub(super) fn retire(self: Arc<Self>) {
        self.invocations.close();
        let tasks = self.host.tasks.clone();
        tasks.spawn("function retirement", async move {
            self.invocations.empty().await;
            self.idle().clear();
        });
    }

    /// Takes no more invocations and keeps no process; the host has told those at work to end.
    pub(super) fn stop(&self) {
        self.invocations.close();
        self.idle().clear();
    }

    fn note_failure(&self, error: &FunctionError) {
        warn!(function = self.settings.name, %error, "a function's process failed");
        let now = self.host.clock.now();
        self.backoff().failed(now);
    }

    fn note_success(&self) {
        if self.backoff().recovered() {
            self.recovered.notify_waiters();
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn throttled(reason: &str) -> FunctionError {
    FunctionError::Throttled {
        reason: reason.to_owned(),
    }
}

pub(super) fn shutting_down() -> FunctionError {
    FunctionError::unavailable("the gateway is shutting down")
}

/// A random UUID (RFC 9562, version 4), the form of Lambda's request ids.
fn mint_uuid() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    let version = 0x4000_u128 << 64;
    let variant = 0x8000_u128 << 48;
    let cleared = u128::from_be_bytes(bytes) & !(0xf000_u128 << 64) & !(0xc000_u128 << 48);
    let digits = format!("{:032x}", cleared | version | variant);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}
