//! When each phase of an exchange began. Latencies in logs and metrics come from here.

use std::num::NonZeroU64;
use std::time::Duration;

/// The phases of the pipeline, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Finding the route.
    Route,
    /// Token buckets.
    Throttle,
    /// Who is it, and may it?
    Authorize,
    /// API key and usage plan.
    Admit,
    /// Reading the body, where something needs all of it.
    Receive,
    /// Are the required parameters there, and does the body fit its model?
    Validate,
    /// Building the call.
    Transform,
    /// Calling the backend.
    Integrate,
    /// Logs and failure mapping.
    Conclude,
}

impl Phase {
    /// Every phase in the order of the pipeline's list.
    pub const ALL: [Self; 9] = [
        Self::Route,
        Self::Throttle,
        Self::Authorize,
        Self::Admit,
        Self::Receive,
        Self::Validate,
        Self::Transform,
        Self::Integrate,
        Self::Conclude,
    ];
}

/// When each phase began, as far as the exchange came. Moments are nanoseconds of the gateway's clock.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    began: [Option<NonZeroU64>; Phase::ALL.len()],
    arrived: u64,
    ended: Option<NonZeroU64>,
}

impl Timeline {
    /// The time line of an event that arrived at `nanos`.
    pub fn new(nanos: u64) -> Self {
        Self {
            began: [None; Phase::ALL.len()],
            arrived: nanos,
            ended: None,
        }
    }

    /// Notes that a phase begins.
    pub fn enter(&mut self, phase: Phase, nanos: u64) {
        self.began[phase as usize] = Some(moment(nanos));
    }

    /// Notes that everything there is has been answered.
    pub fn end(&mut self, nanos: u64) {
        self.ended = Some(moment(nanos));
    }

    /// The phases that ran, in order.
    pub fn phases(&self) -> impl Iterator<Item = Phase> {
        Phase::ALL.into_iter().filter(|phase| self.entered(*phase))
    }

    /// Whether that phase ran.
    pub fn entered(&self, phase: Phase) -> bool {
        self.began[phase as usize].is_some()
    }

    /// How long a phase took: until the next one began.
    pub fn spent(&self, phase: Phase) -> Option<Duration> {
        let began = self.began[phase as usize]?;
        let next = self.began.iter().skip(phase as usize + 1);
        let next = next.flatten().next()?;
        Some(Duration::from_nanos(next.get().saturating_sub(began.get())))
    }

    /// Time from the arrival to the end of the answer; `None` until that has come.
    pub fn latency(&self) -> Option<Duration> {
        let ended = self.ended?.get();
        Some(Duration::from_nanos(ended.saturating_sub(self.arrived)))
    }
}

/// The first nanosecond of the clock counts as its second: so every moment fits into eight bytes, with room for none.
fn moment(nanos: u64) -> NonZeroU64 {
    NonZeroU64::new(nanos).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_timed_by_what_follows_them() {
        let mut timeline = Timeline::new(100);
        timeline.enter(Phase::Route, 100);
        timeline.enter(Phase::Authorize, 150);
        timeline.enter(Phase::Conclude, 400);
        let check = |phase, expected: Option<u64>| {
            assert_eq!(timeline.spent(phase), expected.map(Duration::from_nanos));
        };
        check(Phase::Route, Some(50));
        check(Phase::Throttle, None);
        check(Phase::Authorize, Some(250));
        check(Phase::Conclude, None);
        assert_eq!(timeline.latency(), None);
        let mut ended = timeline;
        ended.end(1100);
        assert_eq!(ended.latency(), Some(Duration::from_micros(1)));
        let ran: Vec<_> = timeline.phases().collect();
        assert_eq!(ran, [Phase::Route, Phase::Authorize, Phase::Conclude]);
    }
}
