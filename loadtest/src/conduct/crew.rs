//! The processes that drive a load together, seen from the one that started them.
//!
//! One process opens as many files as its limit allows; several open as many as are asked for. Each drives its share;
//! they wait for each other at every moment of the run, and what they tell is added up here as if it had happened here.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::word::Word;
use crate::measure::Moment;
use crate::options::Misuse;
use crate::report::Outcome;
use crate::run::{Moments, Run};

/// Words of workers that wait to be heard.
const MAX_UNHEARD: usize = 64;

/// The workers of a run. They end with it.
#[derive(Debug)]
pub(super) struct Crew {
    workers: Vec<Worker>,
    words: mpsc::Receiver<(usize, Option<Word>)>,
}

#[derive(Debug)]
struct Worker {
    process: Child,
    pid: u32,
    input: ChildStdin,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Driving,
    Waiting(Moment),
    Done,
}

impl Crew {
    /// Starts `count` workers with the command line `arguments`, the program's name not included.
    ///
    /// # Errors
    ///
    /// A process cannot be started.
    pub(super) fn start(count: u32, arguments: &[String]) -> Result<Self, Misuse> {
        let failed = |error| Misuse(format!("cannot start a worker: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let (sender, words) = mpsc::channel(MAX_UNHEARD);
        let mut workers = Vec::new();
        for number in 0..count {
            let mut process = Command::new(&program)
                .args(arguments)
                .arg(format!("--worker={number}/{count}"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                // Ctrl-C reaches this process alone, which passes it on once.
                .process_group(0)
                .spawn()
                .map_err(failed)?;
            let ends = process.stdin.take().zip(process.stdout.take());
            let Some(((input, output), pid)) = ends.zip(process.id()) else {
                return Err(Misuse("a worker has no pipes".to_owned()));
            };
            tokio::spawn(hear(number as usize, output, sender.clone()));
            workers.push(Worker {
                process,
                pid,
                input,
                state: State::Driving,
            });
        }
        Ok(Self { workers, words })
    }

    /// Lets the workers drive until all are done; what they found together. What happens on the way is counted in
    /// `run`, whose processes are those of the workers too.
    ///
    /// # Errors
    ///
    /// A worker cannot do what is asked.
    pub(super) async fn drive(mut self, run: &Run, moments: &Moments) -> Result<Outcome, Misuse> {
        let pids: Vec<u32> = self.workers.iter().map(|worker| worker.pid).collect();
        moments.add_clients(&pids);
        let mut outcome: Option<Outcome> = None;
        let mut stopped = false;
        while self
            .workers
            .iter()
            .any(|worker| worker.state != State::Done)
        {
            let heard = tokio::select! {
                () = run.stop.wait(), if !stopped => {
                    stopped = true;
                    self.interrupt();
                    continue;
                }
                heard = self.words.recv() => heard,
            };
            let Some((number, word)) = heard else { break };
            match word {
                Some(Word::Grown(growth)) => growth.add_to(run),
                Some(Word::Reached(moment)) => self.enter(number, State::Waiting(moment)),
                Some(Word::Refused(text)) => return Err(Misuse(text)),
                Some(Word::Found(found)) => {
                    self.enter(number, State::Done);
                    match &mut outcome {
                        Some(outcome) => outcome.join(*found),
                        None => outcome = Some(*found),
                    }
                }
                None => self.miss(number, outcome.get_or_insert_default()),
            }
            self.meet(run).await;
        }
        for worker in &mut self.workers {
            worker.process.wait().await.ok();
        }
        Ok(outcome.unwrap_or_default())
    }

    fn enter(&mut self, number: usize, state: State) {
        if let Some(worker) = self.workers.get_mut(number) {
            worker.state = state;
        }
    }

    /// Notes that a worker's output has ended.
    fn miss(&mut self, number: usize, outcome: &mut Outcome) {
        let early = self
            .workers
            .get(number)
            .is_some_and(|worker| worker.state != State::Done);
        outcome.problem_if(early, format!("worker {number} ended early"));
        self.enter(number, State::Done);
    }

    /// Looks at the processes and lets the workers go on, if all that are not done wait for it.
    async fn meet(&mut self, run: &Run) {
        let mut moment = None;
        for worker in &self.workers {
            match worker.state {
                State::Driving => return,
                State::Waiting(at) => {
                    moment = Some(moment.map_or(at, |first: Moment| first.min(at)))
                }
                State::Done => {}
            }
        }
        let Some(moment) = moment else { return };
        run.reach(moment).await;
        for worker in &mut self.workers {
            if worker.state == State::Waiting(moment) {
                worker.state = State::Driving;
                // A worker that has ended is noticed by the end of its output.
                worker.input.write_all(b"\n").await.ok();
            }
        }
    }

    fn interrupt(&self) {
        for worker in &self.workers {
            let pid = i32::try_from(worker.pid).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|_| worker.state != State::Done) {
                kill_process(pid, Signal::INT).ok();
            }
        }
    }
}

/// Passes on what worker `number` says; `None` at its end, or when it cannot be understood.
async fn hear(number: usize, output: ChildStdout, sender: mpsc::Sender<(usize, Option<Word>)>) {
    let mut lines = BufReader::new(output).lines();
    loop {
        let line = lines.next_line().await.ok().flatten();
        let word = line.and_then(|line| serde_json::from_str(&line).ok());
        let over = word.is_none();
        if sender.send((number, word)).await.is_err() || over {
            return;
        }
    }
}
