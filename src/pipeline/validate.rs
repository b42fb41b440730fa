//! Are the parameters there that the route requires?

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Exchange, ExchangeScope};
use crate::plan::route::Route;

/// Checks `requestParameters` of the route.
///
/// # Errors
/// 400 when a required one is missing.
pub(super) fn request(exchange: &Exchange, route: &Route) -> Result<(), GatewayError> {
    let scope = ExchangeScope::new(exchange);
    match route
        .required
        .iter()
        .find(|parameter| !parameter.is_present(&scope))
    {
        None => Ok(()),
        Some(missing) => Err(GatewayError::new(ResponseType::BadRequestParameters)
            .because(format!("{} is missing", missing.name()))),
    }
}
