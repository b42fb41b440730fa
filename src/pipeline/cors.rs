//! What browsers are told about who may read an answer.

use http::{HeaderMap, header};

use crate::exchange::Exchange;
use crate::plan::route::Routes;

/// Writes the headers of the API's CORS configuration over whatever the integration sent.
///
/// AWS: errors of the gateway's own carry them too, so that pages can read them.
pub(super) fn write(exchange: &Exchange, headers: &mut HeaderMap) {
    let Routes::Http(routes) = &exchange.stage.routes else {
        return;
    };
    let Some(cors) = &routes.cors else {
        return;
    };
    let fields = &exchange.request.fields;
    match exchange.context.preflight {
        true if exchange.context.error.is_none() => *headers = cors.policy.preflight(fields),
        _ => cors.policy.dress(fields.get(header::ORIGIN), headers),
    }
}
