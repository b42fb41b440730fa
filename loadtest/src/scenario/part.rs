//! Scenarios that are parts of others.

use super::{End, Scenario};
use crate::measure::{Looks, Timeline};
use crate::options::Misuse;
use crate::report::Outcome;
use crate::run::Run;
use crate::stop::{self, Stop, StopSwitch};

/// Runs `scenario` as a part of `run`, until it is done or `stop` is asked for; what it found, judged.
pub(super) async fn run_part(
    run: &Run,
    name: &str,
    scenario: &dyn Scenario,
    stop: Stop,
) -> Result<Outcome, Misuse> {
    let part = run.part(name, stop);
    let interrupted = || run.stop.requested();
    run_as(&part, scenario, interrupted).await
}

/// Runs `scenario` as `part`; what it found, judged as that of a run which was `interrupted`, or was not.
pub(super) async fn run_as(
    part: &Run,
    scenario: &dyn Scenario,
    interrupted: impl Fn() -> bool,
) -> Result<Outcome, Misuse> {
    let mut outcome = scenario.run(part).await?;
    let end = End {
        interrupted: interrupted(),
        totals: part.totals(),
        looks: &Looks::default(),
        timeline: &Timeline::default(),
    };
    scenario.conclude(&end, &mut outcome);
    Ok(outcome)
}

/// A wish to stop that is there when that of `run` is, or when the switch is used. Dropping the guard leaves it to
/// the switch.
pub(super) fn either(run: &Run) -> (std::sync::Arc<StopSwitch>, Stop, Guard) {
    let (switch, stop) = stop::pair();
    let switch = std::sync::Arc::new(switch);
    let follower = switch.clone();
    let whole = run.stop.clone();
    let task = tokio::spawn(async move {
        whole.wait().await;
        follower.stop();
    });
    (switch, stop, Guard(task))
}

/// Ends a task when it is dropped.
#[derive(Debug)]
pub(super) struct Guard(pub(super) tokio::task::JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}
