//! One of several processes that drive a load together.

use std::io::{BufRead, Write};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::word::{Told, Word};
use crate::options::{Misuse, Share};
use crate::report::Outcome;
use crate::run::{Moments, Run};
use crate::scenario::Scenario;
use crate::stop::Stop;

/// How often a worker tells what has happened.
const PERIOD: Duration = Duration::from_millis(250);
/// Exit status of a worker that nobody listens to any more.
const ABANDONED: i32 = 130;

/// Drives `share` of `scenario` and tells the process that started this one how it goes and what it found.
///
/// # Errors
///
/// Nobody listens.
pub async fn work(scenario: &mut dyn Scenario, share: Share, stop: Stop) -> Result<(), Misuse> {
    let last = match drive(scenario, share, stop).await {
        Ok(outcome) => Word::Found(Box::new(outcome)),
        Err(Misuse(text)) => Word::Refused(text),
    };
    tell(&last)
}

async fn drive(scenario: &mut dyn Scenario, share: Share, stop: Stop) -> Result<Outcome, Misuse> {
    scenario.common_mut().divide(share);
    scenario.divide(share)?;
    let scenario = &*scenario;
    let (arrivals, mut arrived) = mpsc::channel(1);
    let run = Run::new(stop, Moments::Worker(arrivals));
    let mut orders = orders();
    let mut told = Told::default();
    let mut waiting = None;
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut work = scenario.run(&run);
    let found = loop {
        tokio::select! {
            found = &mut work => break found?,
            Some((moment, looked)) = arrived.recv() => {
                tell(&Word::Grown(Box::new(told.growth(&run))))?;
                tell(&Word::Reached(moment))?;
                waiting = Some(looked);
            }
            Some(()) = orders.recv() => {
                if let Some(looked) = waiting.take() {
                    // The scenario may have been stopped meanwhile.
                    looked.send(()).ok();
                }
            }
            _ = ticks.tick() => tell(&Word::Grown(Box::new(told.growth(&run))))?,
        }
    };
    tell(&Word::Grown(Box::new(told.growth(&run))))?;
    Ok(found)
}

fn tell(word: &Word) -> Result<(), Misuse> {
    let unheard = |error: &dyn std::fmt::Display| Misuse(format!("a worker is not heard: {error}"));
    let mut line = serde_json::to_vec(word).map_err(|error| unheard(&error))?;
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&line).map_err(|error| unheard(&error))?;
    output.flush().map_err(|error| unheard(&error))
}

/// The lines of standard input. Its end ends this process: it was abandoned.
fn orders() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    // A thread, as the runtime could not end while a task of its own waits for input.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() || sender.blocking_send(()).is_err() {
                break;
            }
        }
        if !sender.is_closed() {
            std::process::exit(ABANDONED);
        }
    });
    receiver
}
