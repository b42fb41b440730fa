//! Carries out a run: watches, drives, judges.

mod recorder;

use std::time::SystemTime;

use crate::measure::{Moment, process};
use crate::options::Misuse;
use crate::report::{Heading, Report};
use crate::run::{Moments, Run};
use crate::scenario::Scenario;
use crate::stop::Stop;
use recorder::Recorder;

/// Runs `scenario` until it is done or `stop` is asked for, and judges what it found.
/// `name` is what a scenario file calls it.
///
/// # Errors
///
/// The scenario cannot be carried out as asked.
pub async fn measure(
    scenario: &dyn Scenario,
    name: Option<&str>,
    stop: Stop,
) -> Result<Report, Misuse> {
    let started = SystemTime::now();
    let common = scenario.common();
    process::check(&common.server_pids).map_err(Misuse)?;
    let moments = Moments::alone(&common.server_pids);
    let run = Run::new(stop, moments.clone());
    run.reach(Moment::Before).await;
    let recorder = Recorder::start(&run, scenario);
    let outcome = scenario.run(&run).await?;
    run.reach(Moment::Closed).await;
    let timeline = recorder.finish();
    let heading = Heading {
        scenario,
        name,
        started,
        workers: 1,
    };
    let looks = moments.looks();
    Ok(Report::new(&heading, &run, &timeline, &looks, outcome))
}
