//! Calls the backend within its deadline.

use std::sync::Arc;

use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::integration::{self, Answer, BackendError, Call};
use crate::pipeline::Services;
use crate::pipeline::admit::Admission;
use crate::pipeline::transform::timeout;
use crate::plan::route::Route;

/// Makes the call. The evidence of the phases before is spent on it.
///
/// # Errors
/// How the backend failed.
pub(super) async fn invoke(
    services: &Services,
    exchange: &mut Exchange,
    route: &Arc<Route>,
    call: Call,
    _admission: Admission,
) -> Result<Answer, GatewayError> {
    let limit = timeout(route);
    let answer = integration::make(&services.backends, exchange, call, limit).await;
    answer.map_err(|error| failed(exchange, error))
}

/// Notes for the access log how a call failed, or could not even be built.
pub(super) fn failed(exchange: &mut Exchange, error: BackendError) -> GatewayError {
    let facts = &mut exchange.context.integration;
    if facts.call_status.is_none() {
        facts.call_status = error.call_status();
    }
    facts.error.get_or_insert_with(|| error.to_string());
    error.into()
}
