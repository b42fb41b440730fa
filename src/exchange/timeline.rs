//! Which phases an exchange went through, and its latency in logs and metrics.

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

/// How far an exchange came, and how long it took. Moments are nanoseconds of the gateway's clock.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    entered: [bool; Phase::ALL.len()],
    arrived: u64,
    ended: Option<u64>,
}

impl Timeline {
    /// The time line of an event that arrived at `nanos`.
    pub fn new(nanos: u64) -> Self {
        Self {
            entered: [false; Phase::ALL.len()],
            arrived: nanos,
            ended: None,
        }
    }

    /// When the event arrived, in nanoseconds of the gateway's clock.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Notes that a phase begins.
    pub fn enter(&mut self, phase: Phase) {
        self.entered[phase as usize] = true;
    }

    /// Notes that everything there is has been answered.
    pub fn end(&mut self, nanos: u64) {
        self.ended = Some(nanos);
    }

    /// The phases that ran, in order.
    pub fn phases(&self) -> impl Iterator<Item = Phase> {
        Phase::ALL.into_iter().filter(|phase| self.entered(*phase))
    }

    /// Whether that phase ran.
    pub fn entered(&self, phase: Phase) -> bool {
        self.entered[phase as usize]
    }

    /// Time from the arrival to the end of the answer; `None` until that has come.
    pub fn latency(&self) -> Option<Duration> {
        let ended = self.ended?;
        Some(Duration::from_nanos(ended.saturating_sub(self.arrived)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_and_the_time_from_arrival_to_end() {
        let mut timeline = Timeline::new(100);
        timeline.enter(Phase::Route);
        timeline.enter(Phase::Conclude);
        timeline.enter(Phase::Authorize);
        assert_eq!(timeline.latency(), None);
        timeline.end(1100);
        assert_eq!(timeline.latency(), Some(Duration::from_micros(1)));
        let ran: Vec<_> = timeline.phases().collect();
        assert_eq!(ran, [Phase::Route, Phase::Authorize, Phase::Conclude]);
    }
}
