//! HTTP APIs: route keys, what routes refer to, and CORS.

mod cors;
mod integration;
mod service;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::route::{self, Parts};
use super::{Bench, Noted, Target, authorizer, users};
use crate::definition::child;
use crate::lang::http_route::{HttpRouteKey, Router};
use crate::model::v2::{self, AuthorizationType};
use crate::plan::integration::Integration;
use crate::plan::route::{Authorization, Direction, HttpRoutes, Ordering, Route};

/// What `$default` refers to is apart from the rest: its requests bring their whole path to a web server.
struct HttpParts {
    usual: Parts,
    of_default: BTreeMap<String, Arc<Integration>>,
}

/// The routes of an API on a stage, or, without one, just what is wrong with them; `None` with the reason noted.
pub(super) fn routes(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<HttpRoutes> {
    let keys = keys(bench, api, path);
    let parts = parts(bench, api, &keys, path, stage);
    let cors = cors::compile(bench, api, path, stage);
    let mut pairs = Vec::new();
    for (text, key) in &keys {
        if let Some(route) = compile(bench, api, text, key, &parts, path, stage) {
            pairs.push((key.clone(), Arc::new(route)));
        }
    }
    if pairs.len() < api.routes.len() {
        return None;
    }
    Some(HttpRoutes {
        listed: pairs.iter().map(|(_, route)| Arc::clone(route)).collect(),
        router: Router::new(pairs),
        cors: cors.ok()?,
    })
}

/// The keys that can be read, by their text.
fn keys<'a>(
    bench: &mut Bench<'_>,
    api: &'a v2::Api,
    path: &str,
) -> BTreeMap<&'a str, HttpRouteKey> {
    let section = child(path, "routes");
    let mut keys = BTreeMap::new();
    let mut shapes: BTreeMap<String, &str> = BTreeMap::new();
    for text in api.routes.keys() {
        let path = child(&section, text);
        let key = match HttpRouteKey::parse(text) {
            Ok(key) => key,
            Err(error) => {
                bench.scribe.syntax(&path, text, &error);
                continue;
            }
        };
        if let Some(twin) = shapes.insert(key.shape(), text) {
            let place = bench.scribe.place(&child(&section, twin));
            let what = format!("takes the same requests as `{twin}` at {place}");
            let remedy = "remove one of them: names of variables tell no routes apart";
            bench.scribe.problem(&path, what, remedy);
        }
        keys.insert(text.as_str(), key);
    }
    keys
}

fn parts(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    keys: &BTreeMap<&str, HttpRouteKey>,
    path: &str,
    stage: Option<Target<'_>>,
) -> HttpParts {
    let (mut usual, mut of_default) = (BTreeMap::new(), BTreeMap::new());
    let mut users = users(api, |text| keys.get(text));
    for (id, integration) in &api.integrations {
        let users = users.remove(id.as_str()).unwrap_or_default();
        let (default, users): (Vec<_>, Vec<_>) =
            users.into_iter().partition(|key| key.is_default());
        let path = child(&child(path, "integrations"), id);
        // What nothing uses is checked all the same.
        let mut compile = |users: &[&HttpRouteKey]| {
            let compiled = integration::compile(bench, id, integration, users, &path, stage);
            compiled.map(|integration| (id.clone(), Arc::new(integration)))
        };
        if !default.is_empty() {
            of_default.extend(compile(&default));
        }
        if default.is_empty() || !users.is_empty() {
            usual.extend(compile(&users));
        }
    }
    HttpParts {
        usual: Parts {
            integrations: usual,
            authorizers: authorizer::all(bench, api, path, stage),
        },
        of_default,
    }
}

/// One route; `None` with the reason noted. `path` is that of the API.
fn compile(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    text: &str,
    key: &HttpRouteKey,
    parts: &HttpParts,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<Route> {
    let route = api.routes.get(text)?;
    let api_path = path;
    let path = &child(&child(path, "routes"), text);
    let integrations = match key.is_default() {
        true => &parts.of_default,
        false => &parts.usual.integrations,
    };
    let integration = target(bench, api, route, integrations, api_path, path);
    let authorization = authorization(bench, api, route, &parts.usual, api_path, path);
    let api_key_required = route.api_key_required.unwrap_or(false);
    if api_key_required {
        route::check_key_source(bench, api, text, path);
    }
    Some(Route {
        key: text.into(),
        authorization: authorization.ok()?,
        integration: integration.ok()?,
        direction: Direction::OneWay,
        ordering: Ordering::Concurrent,
        throttle: stage.and_then(|stage| route::throttle(stage, text)),
        required: Vec::new(),
        api_key_required,
        message_rate: None,
        validation: None,
        detailed_metrics: stage.is_some_and(|stage| route::detailed_metrics(stage.stage, text)),
    })
}

/// The integration of a route. AWS: a route may have none; a request for it is then answered with status 500.
fn target(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    route: &v2::Route,
    integrations: &BTreeMap<String, Arc<Integration>>,
    api_path: &str,
    path: &str,
) -> Result<Option<Arc<Integration>>, Noted> {
    let path = child(path, "target");
    let Some(target) = &route.target else {
        return match bench.scribe.is_wrong(&path) {
            true => Err(Noted),
            false => Ok(None),
        };
    };
    let id = route::integration_id(bench, api, target, api_path, &path);
    integrations.get(id).cloned().map(Some).ok_or(Noted)
}

fn authorization(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    route: &v2::Route,
    parts: &Parts,
    api_path: &str,
    path: &str,
) -> Result<Authorization, Noted> {
    if let Some(authorization) = route::custom(bench, api, route, parts, api_path, path)? {
        return Ok(authorization);
    }
    match route.authorization_type {
        // A refused type has this one standing in for it, and has been noted.
        AuthorizationType::None => Ok(Authorization::Open),
        AuthorizationType::AwsIam => Ok(Authorization::Iam),
        AuthorizationType::Custom | AuthorizationType::Jwt => Err(Noted),
    }
}
