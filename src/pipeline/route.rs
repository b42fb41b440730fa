//! Which route this event meets.
//!
//! Source: developer guide, "Working with routes for WebSocket APIs", "WebSocket selection expressions" and "Create routes
//! for HTTP APIs".

use std::sync::Arc;

use connection_store::Outgoing;
use http::{Method, StatusCode};

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Event, Exchange};
use crate::lang::cors::is_preflight;
use crate::lang::http_path::RoutePath;
use crate::lang::selection::RouteKeyChoice;
use crate::plan::route::{Authorization, HttpRoutes, MessageRoutes, Ordering, Route, Routes};
use crate::plan::stage::{Protocol, Stage};

/// Whether the message's route takes one message at a time.
pub fn runs_serially(stage: &Stage, message: &Outgoing) -> bool {
    let any = |routes: &MessageRoutes| routes.any_serial;
    stage.routes.messages().is_some_and(any)
        && for_message(stage, message).is_some_and(|route| route.ordering == Ordering::Serial)
}

/// Finds the route and notes its key.
///
/// # Errors
/// `Forbidden` when a message meets no route and there is no `$default`; 404 when a request meets none; 400 when its path
/// makes no sense, or makes another sense to a backend than to us.
pub(super) fn select(exchange: &mut Exchange) -> Result<Arc<Route>, GatewayError> {
    let stage = Arc::clone(&exchange.stage);
    let route = match (&stage.routes, &exchange.event) {
        (Routes::Http(routes), Event::Http) => return for_request(exchange, routes),
        (Routes::Messages(routes), Event::Connect) => Some(Arc::clone(&routes.connect)),
        (Routes::Messages(routes), Event::Disconnect { .. }) => {
            Some(Arc::clone(&routes.disconnect))
        }
        (Routes::Messages(_), Event::Message { payload, .. }) => {
            for_message(&stage, payload).cloned()
        }
        // A new definition made something else of the API while the event was on its way.
        (Routes::Messages(_) | Routes::Http(_), _) => None,
    };
    let route = route.ok_or_else(|| GatewayError::new(ResponseType::ResourceNotFound))?;
    exchange.context.route_key = Some(Arc::clone(&route.key));
    Ok(route)
}

/// The route of a message. Binary messages, text that is no JSON and keys without a route go to `$default`.
pub(super) fn for_message<'a>(stage: &'a Stage, payload: &Outgoing) -> Option<&'a Arc<Route>> {
    let routes = stage.routes.messages()?;
    let Protocol::WebSocket { route_selection } = &stage.api.protocol else {
        return None;
    };
    let text = match payload {
        Outgoing::Text(bytes) => std::str::from_utf8(bytes).ok(),
        Outgoing::Binary(_) => None,
    };
    let choice = text.map(|text| route_selection.route_key(text));
    match &choice {
        Some(RouteKeyChoice::Key(key)) => routes.for_message(Some(key)),
        Some(RouteKeyChoice::NotJson) | None => routes.for_message(None),
    }
}

fn for_request(exchange: &mut Exchange, routes: &HttpRoutes) -> Result<Arc<Route>, GatewayError> {
    let request = &mut exchange.request;
    let path = request.path_below_stage().to_owned();
    request.route_path = RoutePath::parse(path).map_err(bad_path)?;
    let found = routes.select(&request.method, &request.route_path);
    let route = found.as_ref().map(|found| Arc::clone(found.route));
    if let Some(cors) = &routes.cors
        && is_preflight(&request.method, &request.fields)
        // AWS: a preflight meets the authorizer of a route that takes OPTIONS, and fails there.
        && route.as_ref().is_none_or(|route| is_open(route))
    {
        exchange.context.preflight = true;
        return Ok(Arc::clone(&cors.preflight));
    }
    let (Some(route), Some(found)) = (route, found) else {
        return Err(GatewayError::new(ResponseType::ResourceNotFound));
    };
    check_other_reading(routes, &request.method, &request.route_path, &route)?;
    request.path_parameters = found.variables;
    exchange.context.route_key = Some(Arc::clone(&route.key));
    Ok(route)
}

fn is_open(route: &Route) -> bool {
    matches!(route.authorization, Authorization::Open)
}

/// Refuses a path that a backend may read as one that another, protected route stands for.
///
/// `/admin%2Fusers` and `//admin/users` do not meet the route `/admin/{x}`, but many servers take them for its path. Where
/// the route that was met is open to more people than the other, the request must not go on.
fn check_other_reading(
    routes: &HttpRoutes,
    method: &Method,
    path: &RoutePath<'_>,
    route: &Arc<Route>,
) -> Result<(), GatewayError> {
    let readings = path.other_readings();
    let others = readings
        .iter()
        .filter_map(|other| routes.select(method, other));
    match others
        .map(|found| found.route)
        .all(|other| lets_in_as_many(other, route))
    {
        true => Ok(()),
        false => Err(bad_path("it can be read as the path of a protected route")),
    }
}

/// Whether whoever passes `route` would pass `other` as well, by authorizer and by API key.
fn lets_in_as_many(other: &Arc<Route>, route: &Arc<Route>) -> bool {
    let key = !other.api_key_required || route.api_key_required;
    let caller = is_open(other) || other.authorization.is_same(&route.authorization);
    Arc::ptr_eq(other, route) || (key && caller)
}

fn bad_path(cause: impl std::fmt::Display) -> GatewayError {
    GatewayError::new(ResponseType::Default4xx)
        .status(StatusCode::BAD_REQUEST)
        .because(format!("path: {cause}"))
}
