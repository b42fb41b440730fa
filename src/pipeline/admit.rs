//! May this caller make one more request? API keys and usage plans.

use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::pipeline::Services;
use crate::pipeline::authorize::Caller;
use crate::pipeline::throttle::Passage;
use crate::plan::route::Route;

/// Evidence that throttles, authorization and usage plans had their say.
#[derive(Debug)]
pub(super) struct Admission(());

/// Turns the evidence of the phases before into the right to call an integration.
///
/// # Errors
/// None so far: no route can ask for an API key yet.
pub(super) fn admit(
    _services: &Services,
    _exchange: &Exchange,
    _route: &Route,
    _passage: Passage,
    _caller: Caller,
) -> Result<Admission, GatewayError> {
    Ok(Admission(()))
}
