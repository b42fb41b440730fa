//! Token buckets, before anything that costs: new connections, the account, the route.

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Event, Exchange};
use crate::limit::Holder;
use crate::pipeline::Services;
use crate::plan::route::Route;

/// Evidence that the throttles let an exchange pass.
#[derive(Debug)]
pub(super) struct Passage(());

/// Takes a token from every bucket that concerns the event.
///
/// # Errors
/// 429, `Too Many Requests`, when one is empty. `$disconnect` is never throttled: it would be lost for good.
pub(super) fn throttle(
    services: &Services,
    exchange: &Exchange,
    route: &Route,
) -> Result<Passage, GatewayError> {
    let now = services.clock.nanos();
    let limiter = &services.limiter;
    let account = services.plan().account;
    let passed = match exchange.event {
        Event::Disconnect { .. } => true,
        Event::Connect if !limiter.connect(&account, now) => false,
        Event::Connect | Event::Message { .. } | Event::Http => {
            let own = route.throttle.as_ref();
            own.is_none_or(|throttle| limiter.take(throttle, Holder::Everybody, now))
                && limiter.request(&account, now)
        }
    };
    if passed {
        Ok(Passage(()))
    } else {
        Err(GatewayError::new(ResponseType::Throttled))
    }
}
