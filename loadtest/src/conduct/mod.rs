//! Carries out a run: watches, drives, judges; in one process or in several.

mod crew;
mod recorder;
mod word;
mod worker;

use std::time::SystemTime;

use crate::measure::{Moment, process};
use crate::options::Misuse;
use crate::report::{Heading, Report};
use crate::run::{Moments, Run};
use crate::scenario::Scenario;
use crate::stop::Stop;
use crew::Crew;
use recorder::Recorder;

pub use worker::work;

/// How a scenario came to be asked for.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// What a scenario file calls it.
    pub name: Option<String>,
    /// The command line, the program's name not included; workers are started with it.
    pub arguments: Vec<String>,
}

/// Runs `scenario` until it is done or `stop` is asked for, and judges what it found.
///
/// # Errors
///
/// The scenario cannot be carried out as asked.
pub async fn measure(
    scenario: &dyn Scenario,
    origin: &Origin,
    stop: Stop,
) -> Result<Report, Misuse> {
    let started = SystemTime::now();
    let common = scenario.common();
    process::check(&common.server_pids).map_err(Misuse)?;
    let moments = Moments::alone(&common.server_pids);
    let run = Run::new(stop, moments.clone());
    run.reach(Moment::Before).await;
    let recorder = Recorder::start(&run, scenario);
    let outcome = match common.workers {
        1 => scenario.run(&run).await?,
        count => {
            let crew = Crew::start(count, &origin.arguments)?;
            crew.drive(&run, &moments).await?
        }
    };
    run.reach(Moment::Closed).await;
    let timeline = recorder.finish();
    let heading = Heading {
        scenario,
        name: origin.name.as_deref(),
        started,
        workers: common.workers,
    };
    let looks = moments.looks();
    Ok(Report::new(&heading, &run, &timeline, &looks, outcome))
}
