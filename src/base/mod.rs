//! Mechanism without policy: time, identifiers, quotas, tasks and bodies.
//!
//! Nothing here knows an API, a route or a socket. Everything above may use it.

pub mod alarm;
pub mod aside;
pub mod body;
pub mod clock;
pub mod ids;
pub mod ip;
pub mod pace;
pub mod quotas;
pub mod stream;
pub mod tasks;
