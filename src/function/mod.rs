//! Functions that the gateway hosts itself: a pool of processes for each, behind the Lambda Runtime API.
//!
//! Any process that speaks the runtime API is a function, so every official runtime client is. Functions can also be closures of
//! the program that embeds the gateway. Nothing here knows an API, a route or an integration: bytes go in, bytes come out.
//!
//! What is as in Lambda: one event at a time for each process, the environment, the limits on payloads, the shape of errors,
//! and that a caller who stops waiting does not stop the function. What is not: an event waits for a free process in a bounded
//! queue instead of being refused at once, and there is no sandbox, so memory is not enforced and processes are not frozen.

mod backoff;
mod desk;
mod error;
mod log;
mod pool;
mod process;
mod runtime_api;
mod settings;
mod tally;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use dashmap::DashMap;
use futures_util::future::BoxFuture;
use tracing::warn;

pub use error::{Failure, FunctionAnswer, FunctionError};
pub use settings::{FunctionSettings, HostSettings, RESERVED_NAMES};

use crate::base::clock::{Clock, within};
use crate::base::quotas::{LAMBDA_CONCURRENCY, LAMBDA_PAYLOAD_BYTES};
use crate::base::tasks::{Shutdown, Tasks};
use pool::{Pool, shutting_down};
use tally::{Entry, Refusal, Tally};

/// How long killed processes are waited for when the gateway ends.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// One event for a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The gateway's request id, for the log. The function sees an id of its own, a UUID as in Lambda.
    pub request_id: String,
    /// The event, usually JSON; at most [`LAMBDA_PAYLOAD_BYTES`].
    pub payload: Bytes,
    /// How long the caller waits at most, including the time in the queue and the start of a process.
    pub deadline: Duration,
    /// The X-Ray header that is passed to the function.
    pub trace_id: Option<String>,
}

/// A function that is part of this program: an event in, an answer or [`FunctionError::failed`] out.
pub type InProcess =
    Arc<dyn Fn(Bytes) -> BoxFuture<'static, Result<Bytes, FunctionError>> + Send + Sync>;

/// What all pools share.
struct Host {
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    settings: HostSettings,
    /// Thrown once: every process ends.
    stop: Shutdown,
    /// Processes that have not ended.
    processes: Tally,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A closure and the count of its invocations.
#[derive(Clone)]
struct Closure {
    call: InProcess,
    invocations: Tally,
}

/// All functions of a gateway, by name.
pub struct Functions {
    host: Arc<Host>,
    pools: ArcSwap<HashMap<String, Arc<Pool>>>,
    closures: DashMap<String, Closure>,
    reloading: Mutex<()>,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions")
            .field("host", &self.host)
            .field("functions", &self.pools.load().keys())
            .finish_non_exhaustive()
    }
}

impl Functions {
    /// The functions of a definition. Processes start with the first event.
    pub fn new(
        clock: Arc<dyn Clock>,
        tasks: Tasks,
        host: HostSettings,
        functions: Vec<FunctionSettings>,
    ) -> Self {
        let this = Self {
            host: Arc::new(Host {
                clock,
                tasks,
                settings: host,
                stop: Shutdown::new(),
                processes: Tally::new(usize::MAX),
            }),
            pools: ArcSwap::default(),
            closures: DashMap::new(),
            reloading: Mutex::new(()),
        };
        this.reload(functions);
        this
    }

    /// Makes a closure the function of this name, in place of whatever the definition says, now and after every reload.
    pub fn register(&self, name: impl Into<String>, call: InProcess) {
        let closure = Closure {
            call,
            invocations: Tally::new(LAMBDA_CONCURRENCY),
        };
        self.closures.insert(name.into(), closure);
    }

    /// Whether there is a function of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.closures.contains_key(name) || self.pools.load().contains_key(name)
    }

    /// Sends an event to a function and waits for its answer.
    ///
    /// An event that finds all processes busy waits for its turn, and one whose function keeps failing waits for the next
    /// attempt to start it; both waits count against the deadline. When the deadline passes the caller stops waiting; an
    /// event that a process has been found for is handled all the same.
    ///
    /// # Errors
    /// See [`FunctionError`].
    pub async fn invoke(
        &self,
        name: &str,
        invocation: Invocation,
    ) -> Result<FunctionAnswer, FunctionError> {
        if invocation.payload.len() > LAMBDA_PAYLOAD_BYTES {
            return Err(FunctionError::RequestTooLarge);
        }
        let closure = self.closures.get(name).map(|closure| closure.clone());
        match closure {
            Some(closure) => self.call(closure, invocation).await,
            None => {
                let (pool, entry) = self.admit(name)?;
                pool.invoke(entry, invocation).await
            }
        }
    }

    /// Takes a new set of functions. Those with equal settings keep their processes; the processes of changed and removed
    /// ones finish what they were given, then end.
    pub fn reload(&self, functions: Vec<FunctionSettings>) {
        let _one_at_a_time = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let old = self.pools.load_full();
        let mut new = HashMap::with_capacity(functions.len());
        for settings in functions {
            let pool = match old.get(&settings.name) {
                Some(kept) if kept.settings == settings => kept.clone(),
                _ => Pool::new(self.host.clone(), settings),
            };
            new.insert(pool.settings.name.clone(), pool);
        }
        let new = Arc::new(new);
        self.pools.store(new.clone());
        for (name, pool) in old.iter() {
            let kept = new.get(name).is_some_and(|kept| Arc::ptr_eq(kept, pool));
            if !kept {
                pool.clone().retire();
            }
        }
    }

    /// Ends every process and closure at once, whatever it is doing, and returns when all processes are gone. Called when the gateway has nothing
    /// left to do: from here on every invocation is refused.
    pub async fn shutdown(&self) {
        self.host.processes.close();
        self.host.stop.begin();
        for pool in self.pools.load().values() {
            pool.stop();
        }
        let gone = self.host.processes.empty();
        if within(self.host.clock.as_ref(), LAST_WAIT, gone)
            .await
            .is_none()
        {
            warn!("a function's process has been killed but does not end");
        }
    }

    /// Enters the pool of a function.
    fn admit(&self, name: &str) -> Result<(Arc<Pool>, Entry), FunctionError> {
        let mut refused: Option<Arc<Pool>> = None;
        loop {
            let pool = self.pools.load().get(name).cloned();
            let pool = pool.ok_or_else(|| {
                FunctionError::unavailable(format!("there is no function named {name}"))
            })?;
            match pool.admit() {
                Ok(entry) => return Ok((pool, entry)),
                Err(Refusal::Full) => return Err(queue_full()),
                // Replaced between looking it up and entering it: look again, unless nothing has changed.
                Err(Refusal::Closed) => match refused {
                    Some(seen) if Arc::ptr_eq(&seen, &pool) => return Err(shutting_down()),
                    _ => refused = Some(pool),
                },
            }
        }
    }

    /// Runs a closure in a task of its own, so that neither a panic nor a caller who stops waiting disturbs the other.
    async fn call(
        &self,
        closure: Closure,
        invocation: Invocation,
    ) -> Result<FunctionAnswer, FunctionError> {
        let entry = closure.invocations.enter().map_err(|_| queue_full())?;
        let (call, payload) = (closure.call, invocation.payload);
        let stop = self.host.stop.clone();
        let task = self.host.tasks.spawn("function closure", async move {
            let result = tokio::select! {
                biased;
                () = stop.wait() => Err(shutting_down()),
                result = call(payload) => result,
            };
            drop(entry);
            result
        });
        let clock = self.host.clock.as_ref();
        let payload = match within(clock, invocation.deadline, task).await {
            None => return Err(FunctionError::TimedOut),
            Some(Ok(Some(result))) => result?,
            Some(_) => {
                return Err(FunctionError::failed(
                    "Runtime.ExitError",
                    "the function panicked",
                ));
            }
        };
        if payload.len() > LAMBDA_PAYLOAD_BYTES {
            return Err(FunctionError::ResponseTooLarge);
        }
        Ok(FunctionAnswer {
            payload,
            request_id: Some(invocation.request_id),
            status: 200,
        })
    }
}

fn queue_full() -> FunctionError {
    FunctionError::Throttled {
        reason: "every process is busy and the queue is full".to_owned(),
    }
}

#[cfg(test)]
mod tests;
