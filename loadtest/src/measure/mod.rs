//! What is measured: latencies, failures, sequences, and what processes use.
//!
//! Nothing here opens a socket.

mod failure;
mod latency;
pub mod ledger;
pub mod marker;
pub mod process;
mod ranges;
pub mod window;

pub use failure::{Failure, Failures, Wait};
pub use latency::{Latency, Summary};
pub use ranges::Ranges;
