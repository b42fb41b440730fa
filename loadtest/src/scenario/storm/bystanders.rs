//! Clients that were there before a crowd comes, stay, and must not notice it.
//!
//! They have a thread of their own, and every other thread of this process steps back behind it: what is measured is how
//! long the gateway lets them wait, not how long their own program does, which has a crowd to bring back at the same time.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::Pid;
use rustix::thread::gettid;
use serde::Serialize;
use tokio::runtime;

use super::super::echo::Text;
use super::super::part::run_as;
use super::super::{Echo, End};
use crate::measure::Distribution;
use crate::options::{Common, Extent, Misuse, positive};
use crate::report::Outcome;
use crate::run::{Run, read};
use crate::stop::{Stop, StopSwitch, pair};

/// The message of bystanders that are not told another.
const MESSAGE: &str = r#"{"action":"ask","id":"{id}","pad":"{pad}"}"#;
/// Latency while nobody comes or goes.
const CALM: &str = "bystander_calm";
/// Latency from the loss of the crowd until the last of it is back.
const STORM: &str = "bystander_storm";
/// How often they are looked at while they are waited for.
const LOOK: Duration = Duration::from_millis(1);
/// Priority of the threads that bring the crowd back. Not the lowest: where the gateway shares their cores, it would be spared half of the
/// crowd.
const BEHIND: i32 = 5;

/// What bystanders do.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Bystanders {
    /// Connections that are not lost; how long their messages wait is told apart by whether a crowd comes back
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub bystanders: Option<u32>,

    /// Messages per second of the bystanders, all together [default: 1000]
    #[arg(long, value_name = "N", value_parser = positive, requires = "bystanders")]
    pub bystander_rate: Option<f64>,

    /// The bystanders' message, as --message-template of `echo` [default: {"action":"ask","id":"{id}","pad":"{pad}"}]
    #[arg(long, value_name = "TEXT", requires = "bystanders")]
    pub bystander_template: Option<String>,

    /// Replies to bystanders carry no id, and each is taken for that to the longest waiting message
    #[arg(long, requires = "bystanders")]
    pub in_order: bool,

    /// Fail if the bystanders' p99 in the storms is larger than between them by more than this factor
    #[arg(long, value_name = "FACTOR", value_parser = positive, requires = "bystanders")]
    pub max_slowdown: Option<f64>,
}

/// Bystanders that talk.
#[derive(Debug)]
pub(super) struct Talking {
    run: Run,
    part: Run,
    switch: StopSwitch,
    thread: JoinHandle<Result<Outcome, Misuse>>,
    patience: Duration,
    times: Mutex<Times>,
}

/// The bystanders' latency, told apart.
#[derive(Debug, Default)]
struct Times {
    /// All of it, when it was last looked at.
    seen: Distribution,
    calm: Distribution,
    storm: Distribution,
}

impl Bystanders {
    /// Several processes have no storm at the same time: one's calm would be another's storm.
    pub(super) fn divide(&self) -> Result<(), Misuse> {
        match self.bystanders {
            None => Ok(()),
            Some(_) => Err(Misuse(
                "--bystanders are watched in one process: without --workers, and more crowd from a second loadtest beside it"
                    .to_owned(),
            )),
        }
    }

    /// What they say; `None` without any.
    pub(super) fn echo(&self, common: &Common) -> Result<Option<Echo>, Misuse> {
        let echo = self.bystanders.map(|count| self.talk(count, common));
        if let Some(echo) = &echo {
            echo.text.template()?;
        }
        Ok(echo)
    }

    fn talk(&self, connections: u32, common: &Common) -> Echo {
        let template = self.bystander_template.as_deref().unwrap_or(MESSAGE);
        Echo {
            common: common.clone(),
            connections,
            in_flight: None,
            // Until they are told to end.
            extent: Extent {
                duration: Some(Duration::from_secs(u64::from(u32::MAX))),
                messages: None,
            },
            rate: Some(self.bystander_rate.unwrap_or(1000.0)),
            text: Text {
                size: None,
                message_template: template.to_owned(),
            },
            in_order: self.in_order,
            backend: None,
        }
    }

    /// Puts both latencies side by side.
    pub(super) fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        if self.bystanders.is_none() {
            return;
        }
        let p99 = |name: &str| {
            let found = outcome.latencies.iter().find(|(own, _)| own == name);
            found.map_or(0.0, |(_, latency)| latency.summary().p99)
        };
        let (calm, storm) = (p99(CALM), p99(STORM));
        if calm > 0.0 && storm > 0.0 {
            let slowdown = storm / calm;
            outcome.detail("slowdown_p99", slowdown);
            outcome.problem_if(
                self.max_slowdown.is_some_and(|most| slowdown > most),
                format!("p99 of the bystanders grew by the factor {slowdown:.3}"),
            );
        } else if !end.interrupted {
            let problem = "the bystanders had no replies, in the storms or between them";
            outcome.problem_if(true, problem);
        }
    }
}

impl Talking {
    /// Lets them connect and talk. Returns when they have had replies.
    pub(super) async fn begin(echo: Echo, run: &Run) -> Result<Self, Misuse> {
        let (switch, stop) = pair();
        let part = run.aside("bystander", stop);
        let clients = u64::from(echo.connections);
        let common = &echo.common;
        let (to_reply, to_connect) = (common.reply_timeout, common.connect_timeout);
        let thread = talk_aside(echo, part.clone(), run.stop.clone())?;
        let talking = Self {
            run: run.clone(),
            part,
            switch,
            thread,
            patience: to_reply,
            times: Mutex::default(),
        };
        talking.replies(clients, to_connect + to_reply).await;
        talking.look(|_, _| {});
        Ok(talking)
    }

    /// A storm may begin, as soon as a message has had its reply in the calm.
    pub(super) async fn struck(&self) {
        self.replies(self.seen() + 1, self.patience).await;
        self.look(|times, latency| times.calm.add(latency));
    }

    /// The storm is over when all that was said in it has had its reply, and something was.
    pub(super) async fn weathered(&self) {
        let said = read(&self.part.live.sent).max(self.seen() + 1);
        self.replies(said, self.patience).await;
        self.look(|times, latency| times.storm.add(latency));
    }

    /// Replies there were when it was last looked.
    fn seen(&self) -> u64 {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.seen.summary().count
    }

    fn look(&self, take: impl FnOnce(&mut Times, &Distribution)) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.part.main.distribution();
        let latency = all.since(&times.seen);
        times.seen = all;
        take(&mut times, &latency);
    }

    /// Waits until there were so many replies in all, or for as long as replies may take.
    async fn replies(&self, count: u64, patience: Duration) {
        let start = Instant::now();
        while read(&self.part.live.received) < count
            && start.elapsed() < patience
            && !self.thread.is_finished()
            && !self.run.stop.requested()
        {
            self.run.pause(LOOK).await;
        }
    }

    /// Lets them end and adds what they found.
    pub(super) async fn end(self, outcome: &mut Outcome) -> Result<(), Misuse> {
        self.switch.stop();
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await;
        let found = match ended.map_err(|error| Misuse(error.to_string()))? {
            Ok(found) => found?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let times = self.times.into_inner();
        let times = times.unwrap_or_else(PoisonError::into_inner);
        outcome.latency(CALM, times.calm);
        outcome.latency(STORM, times.storm);
        outcome.adopt("bystander", found);
        Ok(())
    }
}

/// Runs `echo` on a thread of its own, behind which all other threads that there are step back.
fn talk_aside(
    echo: Echo,
    part: Run,
    whole: Stop,
) -> Result<JoinHandle<Result<Outcome, Misuse>>, Misuse> {
    let refused = |error| Misuse(format!("no thread for the bystanders: {error}"));
    let (tell, told) = mpsc::channel();
    let thread = std::thread::Builder::new().name("bystanders".to_owned());
    let thread = thread.spawn(move || {
        tell.send(gettid()).ok();
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(refused)?;
        runtime.block_on(run_as(&part, &echo, || whole.requested()))
    });
    let thread = thread.map_err(refused)?;
    if let Ok(first) = told.recv() {
        step_back(first);
    }
    Ok(thread)
}

/// Gives every thread of this process but `first` a lower priority. Where the system has no such thing or does not let us, the
/// bystanders' latency holds some of our own work.
fn step_back(first: Pid) {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return;
    };
    if cfg!(test) {
        // It cannot be taken back, and there are other tests in the process.
        return;
    }
    let names = threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse().ok());
    for thread in names.filter_map(Pid::from_raw).filter(|one| *one != first) {
        rustix::process::setpriority_process(Some(thread), BEHIND).ok();
    }
}
