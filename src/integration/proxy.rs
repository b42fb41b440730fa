//! `HTTP_PROXY` of HTTP APIs: the request goes on to a backend, bodies stream both ways.

use crate::exchange::Exchange;
use crate::integration::{BackendError, Call};
use crate::plan::integration::ProxyTarget;

/// Builds the request for the backend.
pub(super) fn prepare(_exchange: &Exchange, target: &ProxyTarget) -> Result<Call, BackendError> {
    let problem = format!("{} cannot be called yet", target.uri);
    Err(BackendError::Unreachable(problem))
}
