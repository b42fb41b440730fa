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
pub use services::{Parts, Services};

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Exchange, Phase, Reply};

/// Runs one event to its end. Every exchange is concluded, whatever became of it: at once, or, where the reply's body is
/// still on its way from a backend, when that has ended.
pub async fn run(services: &Services, mut exchange: Box<Exchange>) -> Reply {
    let phases = AssertUnwindSafe(phases(services, &mut exchange)).catch_unwind();
    let result = phases.await.unwrap_or_else(|_| {
        Err(GatewayError::new(ResponseType::Default5xx).because("a phase panicked"))
    });
    enter(services, &mut exchange, Phase::Conclude);
    let (reply, line) = conclude::conclude(services, exchange, result);
    if let Some(line) = line {
        line.write(services).await;
    }
    reply
}

/// THE LIST.
async fn phases(services: &Services, exchange: &mut Exchange) -> Result<Reply, GatewayError> {
    enter(services, exchange, Phase::Route);
    let route = route::select(exchange)?;
    enter(services, exchange, Phase::Throttle);
    let passage = throttle::throttle(services, exchange, &route)?;
    enter(services, exchange, Phase::Authorize);
    let caller = authorize::authorize(services, exchange, &route).await?;
    enter(services, exchange, Phase::Admit);
    let admission = admit::admit(services, exchange, &route, passage, caller)?;
    enter(services, exchange, Phase::Receive);
    receive::receive(services, exchange, &route).await?;
    enter(services, exchange, Phase::Validate);
    validate::request(exchange, &route)?;
    enter(services, exchange, Phase::Transform);
    let call = transform::request(exchange, &route)?;
    enter(services, exchange, Phase::Integrate);
    let answer = integrate::invoke(services, exchange, &route, call, admission).await?;
    transform::response(services, exchange, &route, answer).await
}

fn enter(services: &Services, exchange: &mut Exchange, phase: Phase) {
    let request_id = exchange.context.request_id.as_str();
    trace!(?phase, request_id, "a phase begins");
    let now = services.clock.nanos();
    exchange.timeline.enter(phase, now);
}
