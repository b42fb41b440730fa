//! Which route this event meets.
//!
//! Source: developer guide, "Working with routes for WebSocket APIs" and "WebSocket selection expressions".

use std::sync::Arc;

use connection_store::Outgoing;

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Event, Exchange};
use crate::lang::selection::RouteKeyChoice;
use crate::plan::route::Route;
use crate::plan::stage::Stage;

/// Finds the route and notes its key.
///
/// # Errors
/// `Forbidden` when a message meets no route and there is no `$default`.
pub(super) fn select(exchange: &mut Exchange) -> Result<Arc<Route>, GatewayError> {
    let routes = &exchange.stage.routes;
    let route = match &exchange.event {
        Event::Connect => Some(&routes.connect),
        Event::Disconnect { .. } => Some(&routes.disconnect),
        Event::Message { payload, .. } => for_message(&exchange.stage, payload),
    };
    let route = route
        .cloned()
        .ok_or_else(|| GatewayError::new(ResponseType::ResourceNotFound))?;
    exchange.context.route_key = Some(Arc::clone(&route.key));
    Ok(route)
}

/// The route of a message. Binary messages, text that is no JSON and keys without a route go to `$default`.
pub(super) fn for_message<'a>(stage: &'a Stage, payload: &Outgoing) -> Option<&'a Arc<Route>> {
    let text = match payload {
        Outgoing::Text(bytes) => std::str::from_utf8(bytes).ok(),
        Outgoing::Binary(_) => None,
    };
    let choice = text.map(|text| stage.api.route_selection.route_key(text));
    match &choice {
        Some(RouteKeyChoice::Key(key)) => stage.routes.for_message(Some(key)),
        Some(RouteKeyChoice::NotJson) | None => stage.routes.for_message(None),
    }
}
