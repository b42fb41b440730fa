//! The one pipeline: every event runs through THE LIST in `phases`, read aloud from top to bottom.
//!
//! Phases are plain functions. What one finds out is a value that the next must be given (`throttle::Passage`,
//! `authorize::Caller`, `admit::Admission`), so that no integration can be called before throttles, authorization and
//! usage plans had their say.

mod admit;
mod authorize;
mod conclude;
mod cors;
mod failure;
mod integrate;
mod receive;
mod route;
mod services;
mod throttle;
mod transform;
mod validate;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tracing::trace;

pub use authorize::circumstances;
pub use failure::error_text;
pub use route::runs_serially;
pub use services::{Moment, Parts, Services};

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Exchange, Phase, Reply};

/// Runs one event to its end. Every exchange is concluded, whatever became of it: at once, or, where the reply's body is
/// still on its way from a backend, when that has ended.
pub async fn run(services: &Services, mut exchange: Box<Exchange>) -> Reply {
    let phases = AssertUnwindSafe(phases(services, &mut exchange)).catch_unwind();
    let result = phases.await.unwrap_or_else(|_| {
        Err(GatewayError::new(ResponseType::Default5xx).because("a phase panicked"))
    });
    enter(&mut exchange, Phase::Conclude);
    let (reply, line) = conclude::conclude(services, exchange, result);
    if let Some(line) = line {
        line.write(services).await;
    }
    reply
}

/// THE LIST.
async fn phases(services: &Services, exchange: &mut Exchange) -> Result<Reply, GatewayError> {
    enter(exchange, Phase::Route);
    let route = route::select(exchange)?;
    enter(exchange, Phase::Throttle);
    let passage = throttle::throttle(services, exchange, &route)?;
    enter(exchange, Phase::Authorize);
    let caller = authorize::authorize(services, exchange, &route).await?;
    enter(exchange, Phase::Admit);
    let admission = admit::admit(services, exchange, &route, passage, caller)?;
    enter(exchange, Phase::Receive);
    receive::receive(services, exchange, &route).await?;
    enter(exchange, Phase::Validate);
    validate::request(exchange, &route)?;
    enter(exchange, Phase::Transform);
    let call = transform::request(exchange, &route)?;
    enter(exchange, Phase::Integrate);
    let answer = integrate::invoke(services, exchange, &route, call, admission).await?;
    transform::response(services, exchange, &route, answer).await
}

fn enter(exchange: &mut Exchange, phase: Phase) {
    trace!(?phase, request_id = %exchange.context.request_id, "a phase begins");
    exchange.timeline.enter(phase);
}
