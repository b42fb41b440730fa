//! The connections of a scenario: opened at a rate or a concurrency, each in a task of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

use super::Run;
use crate::options::{Common, Misuse};
use crate::pace::{Schedule, Timer};

/// File descriptors this program needs beside those of the connections.
const SPARE_FILES: u64 = 64;

/// Many connections, each with a task of its own.
#[derive(Debug)]
pub struct Fleet {
    sessions: JoinSet<()>,
    settled: watch::Receiver<u32>,
    launched: u32,
}

/// Held by a session until its connection is ready, or has failed: the next one may then be opened.
#[derive(Debug)]
pub struct Arrival {
    /// When the connection was due to be opened: by the connect rate, or when it was its turn.
    pub due: Instant,
    settled: Arc<watch::Sender<u32>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.settled.send_modify(|settled| *settled += 1);
    }
}

impl Fleet {
    /// Starts `session(number, arrival)` for each of `count` connections, at the rate and with the
    /// concurrency that `common` asks for, and returns when each has dropped its [`Arrival`] or ended.
    /// Starts fewer when the run is asked to stop.
    ///
    /// # Errors
    ///
    /// The system has no timer for the connect rate.
    pub async fn launch<F>(
        run: &Run,
        common: &Common,
        count: u32,
        session: impl Fn(u32, Arrival) -> F,
    ) -> Result<Self, Misuse>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(common.connect_concurrency as usize));
        let (sender, settled) = watch::channel(0);
        let sender = Arc::new(sender);
        let mut fleet = Self {
            sessions: JoinSet::new(),
            settled,
            launched: 0,
        };
        let mut timer = Timer::new().map_err(|error| Misuse(format!("no timer: {error}")))?;
        let start = Instant::now();
        let schedule = common.connect_rate.map(|rate| Schedule::new(start, rate));
        for number in 0..count {
            let scheduled = schedule.map(|schedule| schedule.due(number.into()));
            let turn = async {
                if let Some(due) = scheduled {
                    timer.sleep_until(due).await.ok()?;
                }
                slots.clone().acquire_owned().await.ok()
            };
            let permit = tokio::select! {
                biased;
                () = run.stop.wait() => break,
                permit = turn => permit,
            };
            let Some(permit) = permit else { break };
            let arrival = Arrival {
                due: scheduled.unwrap_or_else(Instant::now),
                settled: sender.clone(),
                _permit: permit,
            };
            fleet.sessions.spawn(session(number, arrival));
            fleet.launched += 1;
        }
        fleet.settle().await;
        Ok(fleet)
    }

    /// Every session ends within the connect and reply timeouts or drops its arrival, so this ends too.
    async fn settle(&mut self) {
        let launched = self.launched;
        drop(self.settled.wait_for(|settled| *settled >= launched).await);
    }

    /// Returns when every session has ended.
    pub async fn join(&mut self) {
        while let Some(ended) = self.sessions.join_next().await {
            pass_on_panic(ended);
        }
    }
}

/// A session that panics is a defect of this program and must not look like a pass.
pub(crate) fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
        std::panic::resume_unwind(panic);
    }
}

/// Raises the limit of open files as far as the system lets us.
///
/// # Errors
///
/// The limit is too low for `connections`; the text says what to do.
pub fn reserve_files(connections: u64) -> Result<(), Misuse> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal leaves the old limit in place, which is what is looked at next.
    setrlimit(Resource::Nofile, limit).ok();
    let needed = connections + SPARE_FILES;
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => Err(Misuse(format!(
            "{connections} connections need {needed} open files and this process may have {allowed}: \
             raise the limit (ulimit -n) or divide the connections among several processes"
        ))),
        _ => {
            make_room_for_files(needed);
            Ok(())
        }
    }
}

/// Lets the system's table of our open files grow at once. Where a process has several threads, each doubling of it takes 5 to
/// 15 ms, which would be found in the latency of whatever runs at that time.
fn make_room_for_files(count: u64) {
    let last = i32::try_from(count).map_or(i32::MAX, |count| count - 1);
    if let Ok(file) = std::fs::File::open("/dev/null") {
        // Without it the run is what it would have been.
        rustix::io::fcntl_dupfd_cloexec(file, last).ok();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn reserved_files_have_room_before_they_are_opened() {
        reserve_files(1000).unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status
            .lines()
            .find_map(|line| line.strip_prefix("FDSize:"))
            .and_then(|size| size.trim().parse::<u64>().ok());
        assert!(size >= Some(1000 + SPARE_FILES), "{size:?}");
    }
}
