//! Token buckets, before anything that costs: new connections, the connection's own, the route, the account.

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
    let now = exchange.timeline.arrived();
    let limiter = &services.limiter;
    let account = services.plan_now().account;
    let passed = match exchange.event {
        Event::Disconnect { .. } => true,
        Event::Connect if !limiter.connect(&account, now) => false,
        Event::Message { .. } if !within_message_rate(services, exchange, route, now) => false,
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

/// Whether the connection may send one more message to the route.
fn within_message_rate(services: &Services, exchange: &Exchange, route: &Route, now: u64) -> bool {
    match (&route.message_rate, exchange.context.party.record()) {
        (Some(rate), Some(record)) => {
            let holder = Holder::Connection(record.id);
            services.limiter.take(rate, holder, now)
        }
        _ => true,
    }
}
