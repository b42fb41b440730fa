//! May this caller make one more request? API keys and usage plans.
//!
//! Source: API Gateway Developer Guide, "Usage plans and API keys for REST APIs" and "Choose an API key source". A key that is
//! missing, unknown, disabled or in no plan of the stage is refused in the same words, by the same steps.

use std::sync::Arc;

use connection_store::ApiKey;

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Event, Exchange, Party};
use crate::limit::{Holder, Shown};
use crate::pipeline::Services;
use crate::pipeline::authorize::Caller;
use crate::pipeline::throttle::Passage;
use crate::plan::route::Route;
use crate::plan::usage::{ApiKeySource, Subscriber};

/// Evidence that throttles, authorization and usage plans had their say.
#[derive(Debug)]
pub(super) struct Admission(());

/// Turns the evidence of the phases before into the right to call an integration.
///
/// # Errors
/// 403 without a key that is good for the stage, where one is required; 429, `Too Many Requests` or `Limit Exceeded`, when
/// the key's plan has no more room, or its address has shown too many wrong ones.
pub(super) fn admit(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
    _passage: Passage,
    caller: Caller,
) -> Result<Admission, GatewayError> {
    let subscriber = match exchange.event {
        Event::Disconnect { .. } => None,
        Event::Message { .. } => of_connection(services, exchange)?,
        Event::Connect | Event::Http if route.api_key_required => {
            Some(of_request(services, exchange, &caller)?)
        }
        Event::Connect | Event::Http => None,
    };
    if let Some(subscriber) = subscriber {
        charge(services, exchange, route, &subscriber)?;
    }
    Ok(Admission(()))
}

/// Whose key the request or handshake shows; the key is noted.
fn of_request(
    services: &Services,
    exchange: &mut Exchange,
    caller: &Caller,
) -> Result<Subscriber, GatewayError> {
    let plan = services.plan_now();
    let stage = Arc::clone(&exchange.stage);
    let shown = match stage.api.api_key_source {
        ApiKeySource::Header => {
            let values = exchange.request.header_values("x-api-key");
            values.last().map(|value| Box::from(&**value))
        }
        ApiKeySource::QueryString => {
            let value = exchange.request.query_parameter("x-api-key");
            value.map(String::into_boxed_str)
        }
        ApiKeySource::Authorizer => caller.usage_identifier_key.clone(),
    };
    let value = shown.as_ref().map(|value| value.as_bytes());
    let subscriber = plan.usage.showing(value, &stage.api.id, &stage.name);
    if stage.api.api_key_source != ApiKeySource::Authorizer {
        refuse_guesses(services, exchange, value, subscriber.as_ref())?;
    }
    let subscriber = subscriber.ok_or_else(|| {
        GatewayError::new(ResponseType::InvalidApiKey)
            .because("the API key is missing, unknown, disabled or in no usage plan of this stage")
    })?;
    let key = Arc::new(ApiKey {
        id: Arc::clone(&subscriber.key.id),
        value: shown.unwrap_or_default(),
    });
    match &mut exchange.context.party {
        Party::Joining(record) => record.api_key = Some(key),
        Party::Requesting(requester) => requester.api_key = Some(key),
        Party::Open(_) => {}
    }
    Ok(subscriber)
}

/// Refuses everything alike from an address that has shown too many wrong keys. (An authorizer's key is nobody's guess.)
fn refuse_guesses(
    services: &Services,
    exchange: &Exchange,
    value: Option<&[u8]>,
    subscriber: Option<&Subscriber>,
) -> Result<(), GatewayError> {
    let shown = match (value, subscriber) {
        (_, Some(subscriber)) => Shown::Good(subscriber.key.holder),
        (Some(_), None) => Shown::Wrong,
        (None, None) => Shown::Nothing,
    };
    let (source, now) = (exchange.context.party.source_ip(), services.clock.nanos());
    match services.guesses.allow(source, shown, now) {
        true => Ok(()),
        false => Err(GatewayError::new(ResponseType::Throttled)
            .because("this address has shown too many wrong API keys")),
    }
}

/// Whose key was shown at the handshake, as long as `$connect` asks for one.
///
/// AWS does not say whether messages count; here they do, and a key that has been taken away is good for nothing more.
fn of_connection(
    services: &Services,
    exchange: &Exchange,
) -> Result<Option<Subscriber>, GatewayError> {
    let stage = &exchange.stage;
    let routes = stage.routes.messages();
    let asks = routes.is_some_and(|routes| routes.connect.api_key_required);
    let Some(key) = exchange.context.party.api_key().filter(|_| asks) else {
        return Ok(None);
    };
    let plan = services.plan_now();
    let subscriber = plan.usage.holding(&key.id, &stage.api.id, &stage.name);
    subscriber.map(Some).ok_or_else(|| {
        GatewayError::new(ResponseType::InvalidApiKey)
            .because("the API key of the handshake has been taken away since")
    })
}

/// Counts the request against its plan: the route's bucket, the plan's, then the quota, so that only what passes is counted.
fn charge(
    services: &Services,
    exchange: &Exchange,
    route: &Route,
    subscriber: &Subscriber,
) -> Result<(), GatewayError> {
    let (stage, plan) = (&exchange.stage, &subscriber.plan);
    let holder = Holder::Key(subscriber.key.holder);
    let now = services.clock.nanos();
    let of_route = plan.route(&stage.api.id, &stage.name, &route.key);
    let mut throttles = of_route.into_iter().chain(&plan.throttle);
    if !throttles.all(|throttle| services.limiter.take(throttle, holder, now)) {
        let cause = format!("throttle of the usage plan {}", plan.id);
        return Err(GatewayError::new(ResponseType::Throttled).because(cause));
    }
    let mut quota = plan.quota.iter();
    if !quota.all(|quota| {
        services
            .usage
            .count(subscriber, quota, exchange.context.time)
    }) {
        let cause = format!("quota of the usage plan {}", plan.id);
        return Err(GatewayError::new(ResponseType::QuotaExceeded).because(cause));
    }
    Ok(())
}
