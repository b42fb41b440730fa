//! What every test stands on: a gateway with recording functions, clients that may misbehave, backends that may too.
//!
//! Nothing here sleeps: a test waits for a condition, with a bound, or moves the clock.

pub(crate) mod fake_http;
pub(crate) mod gateway;
pub(crate) mod http_client;
pub(crate) mod issuer;
pub(crate) mod log;
pub(crate) mod moto;
pub(crate) mod signer;
pub(crate) mod ws_client;

use std::future::Future;
use std::time::Duration;

pub(crate) use gateway::{Rig, Setup, answers, chat, echo, gated};
pub(crate) use http_client::Response;
pub(crate) use ws_client::{Handshake, WsClient};

/// Longest wait for anything, in real time: only a failing test ever waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for `future`, and fails the test when it takes too long.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Waits until something holds, and fails the test when that takes too long.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let watching = async {
        let mut pulse = tokio::time::interval(Duration::from_millis(1));
        while !holds() {
            pulse.tick().await;
        }
    };
    soon(what, watching).await;
}
