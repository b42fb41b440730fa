//! Reads the body of a request, where something needs all of it.

use std::time::Duration;

use http::StatusCode;

use crate::base::body::{BodyError, Payload, collect};
use crate::base::clock::within;
use crate::base::quotas;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Event, Exchange};
use crate::pipeline::Services;
use crate::plan::route::Route;

/// Longest time that a body may take.
const TIME: Duration = Duration::from_secs(30);

/// Reads the body when the route's integration needs it; a proxied one is left to stream.
///
/// # Errors
/// As [`whole`].
pub(super) async fn receive(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
) -> Result<(), GatewayError> {
    let needed = route
        .integration
        .as_ref()
        .is_some_and(|integration| integration.reads_body());
    match (&exchange.event, needed) {
        (Event::Http, true) => whole(services, exchange).await,
        _ => Ok(()),
    }
}

/// Reads the whole body, unless that has been done.
///
/// # Errors
/// 413 when it is larger than an HTTP API takes, 408 when it comes too slowly, 400 when it breaks off.
pub(super) async fn whole(
    services: &Services,
    exchange: &mut Exchange,
) -> Result<(), GatewayError> {
    if exchange.request.body.whole().is_some() {
        return Ok(());
    }
    let body = std::mem::take(&mut exchange.request.body);
    let reading = collect(body, quotas::HTTP_BODY_BYTES);
    match within(services.clock.as_ref(), TIME, reading).await {
        Some(Ok(collected)) => {
            exchange.request.body = Payload::from(collected.bytes);
            Ok(())
        }
        Some(Err(BodyError::TooLarge { limit })) => {
            let cause = format!("a body of more than {limit} bytes");
            Err(GatewayError::new(ResponseType::RequestTooLarge).because(cause))
        }
        Some(Err(BodyError::Broken(cause))) => {
            Err(refused(StatusCode::BAD_REQUEST, "Bad Request").because(cause))
        }
        None => Err(refused(StatusCode::REQUEST_TIMEOUT, "Request Timeout")
            .because("the body came too slowly")),
    }
}

fn refused(status: StatusCode, text: &'static str) -> GatewayError {
    GatewayError::new(ResponseType::Default4xx)
        .status(status)
        .message(text)
}
