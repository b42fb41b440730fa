//! What is measured: latencies, failures, sequences, and what processes use.
//!
//! Nothing here opens a socket.

mod drift;
mod failure;
mod latency;
pub mod ledger;
mod looks;
pub mod marker;
pub mod process;
mod ranges;
mod timeline;
pub mod window;

pub use drift::Drift;
pub use failure::{Failure, Failures, Wait};
pub use latency::{CURVE, Distribution, Latency, Summary};
pub use looks::{Looks, Moment};
pub use ranges::Ranges;
pub use timeline::{Columns, Point, ServerColumns, Timeline};
