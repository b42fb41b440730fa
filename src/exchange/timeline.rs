//! When each phase of an exchange began. Latencies in logs and metrics come from here.

use std::time::Duration;

use crate::base::clock::Tick;

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

/// When each phase began, as far as the exchange came.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    began: [Option<Tick>; Phase::ALL.len()],
    arrived: Tick,
}

impl Timeline {
    /// The time line of an event that arrived at `now`.
    pub fn new(now: Tick) -> Self {
        Self {
            began: [None; Phase::ALL.len()],
            arrived: now,
        }
    }

    /// When the event arrived.
    pub fn arrived(&self) -> Tick {
        self.arrived
    }

    /// Notes that a phase begins.
    pub fn enter(&mut self, phase: Phase, now: Tick) {
        self.began[phase as usize] = Some(now);
    }

    /// The phases that ran, in order.
    pub fn phases(&self) -> impl Iterator<Item = Phase> {
        Phase::ALL
            .into_iter()
            .filter(|phase| self.began[*phase as usize].is_some())
    }

    /// Time from arrival until `now`.
    pub fn age(&self, now: Tick) -> Duration {
        now.since(self.arrived)
    }
}
