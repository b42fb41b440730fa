//! Black-box load tests for realtime gateways, aimed at any URL.
//!
//! What lives here: simulated clients, the scenarios that drive them, the measurements they take and
//! the bare floor programs a gateway is compared with. What must not: anything that knows how a
//! particular gateway works inside. A scenario speaks WebSocket, HTTP and `/proc`, nothing else.
//!
//! Invariants: every wait is bounded, every failure is counted under a name from a closed set, and a
//! run always ends with one JSON result, also when it is interrupted.

#![allow(
    clippy::disallowed_methods,
    reason = "a measuring tool reads the clock and owns its tasks"
)]

pub mod cli;
pub mod client;
pub mod compare;
pub mod conduct;
pub mod floor;
pub mod measure;
pub mod options;
pub mod pace;
pub mod program;
pub mod progress;
pub mod report;
pub mod run;
pub mod scenario;
pub mod scenario_file;
pub mod stop;

#[cfg(test)]
mod testing;
