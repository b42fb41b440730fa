//! Routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authorizer::Compiled;
use super::{Bench, Noted, Target, model, whole};
use crate::base::quotas;
use crate::definition::{Author, child};
use crate::lang::parameter::RequiredParameter;
use crate::lang::syntax::nearest;
use crate::model::v2::{self, AuthorizationType};
use crate::plan::integration::Integration;
use crate::plan::route::{
    Authorization, CONNECT, DEFAULT, DISCONNECT, Direction, Ordering, RateLimit, Route,
};
use crate::plan::throttle::{BucketId, Throttle};
use crate::plan::usage::ApiKeySource;

/// What the routes of an API may refer to.
pub(super) struct Parts {
    pub(super) integrations: BTreeMap<String, Arc<Integration>>,
    pub(super) authorizers: BTreeMap<String, Compiled>,
}

/// One route; `None` with the reason noted. `path` is that of the API.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    key: &str,
    parts: &Parts,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<Route> {
    let route = api.routes.get(key)?;
    let api_path = path;
    let path = &child(&child(path, "routes"), key);
    check_key(bench, key, path);
    let integration = integration(bench, api, key, parts, api_path, path);
    let authorization = authorization(bench, api, key, parts, api_path, path);
    let direction = direction(bench, key, route, path);
    let required = required(bench, key, route, path);
    let ordering = ordering(bench, key, route, path);
    let message_rate = message_rate(bench, stage, key, route, path);
    let validation = model::validation(bench, api, key, api_path, path);
    let api_key_required = route.api_key_required.unwrap_or(false);
    if api_key_required {
        check_api_key(bench, api, key, path);
    }
    Some(Route {
        key: key.into(),
        authorization: authorization?,
        integration: integration.ok()?,
        direction,
        ordering,
        throttle: stage.and_then(|stage| throttle(stage, key)),
        message_rate,
        api_key_required,
        validation,
        required,
        detailed_metrics: stage.is_some_and(|stage| detailed_metrics(stage.stage, key)),
    })
}

/// What happens on a predefined route that the definition does not have: nothing, and nobody is refused.
pub(super) fn absent(key: &str, stage: Option<Target<'_>>) -> Route {
    Route {
        key: key.into(),
        authorization: match key {
            CONNECT => Authorization::Open,
            _ => Authorization::FromConnect,
        },
        integration: None,
        direction: Direction::OneWay,
        ordering: Ordering::Concurrent,
        throttle: stage.and_then(|stage| throttle(stage, key)),
        message_rate: None,
        api_key_required: false,
        validation: None,
        required: Vec::new(),
        detailed_metrics: stage.is_some_and(|stage| detailed_metrics(stage.stage, key)),
    }
}

fn check_key(bench: &mut Bench<'_>, key: &str, path: &str) {
    if key.starts_with('$') && ![CONNECT, DISCONNECT, DEFAULT].contains(&key) {
        let remedy = match nearest(key, [CONNECT, DISCONNECT, DEFAULT]) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "begin your own route keys without `$`".to_owned(),
        };
        let what = "there is no predefined route of this key";
        bench.scribe.problem(path, what, remedy);
    }
}

/// The integration of a route; only $connect can do without one, when an authorizer or a signature decides alone.
fn integration(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    key: &str,
    parts: &Parts,
    api_path: &str,
    path: &str,
) -> Result<Option<Arc<Integration>>, Noted> {
    let path = child(path, "target");
    let Some(target) = api.routes.get(key).and_then(|route| route.target.as_ref()) else {
        if key == CONNECT && !bench.scribe.is_wrong(&path) {
            return Ok(None);
        }
        if !bench.scribe.is_wrong(&path) {
            let remedy = "add `target: integrations/NAME`, or remove the route";
            bench
                .scribe
                .unfinished(&path, "the route goes nowhere", remedy);
        }
        return Err(Noted);
    };
    let id = integration_id(bench, api, target, api_path, &path);
    parts.integrations.get(id).cloned().map(Some).ok_or(Noted)
}

/// The id of the integration that a route's `target` names; that there is none is noted.
pub(super) fn integration_id<'t>(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    target: &'t str,
    api_path: &str,
    path: &str,
) -> &'t str {
    // The tables have checked the form.
    let id = target.strip_prefix("integrations/").unwrap_or(target);
    let section = child(api_path, "integrations");
    if !api.integrations.contains_key(id) && !bench.scribe.has(&child(&section, id)) {
        let remedy = match nearest(id, api.integrations.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `integrations/{near}`?"),
            None => "add it to the API's `integrations`".to_owned(),
        };
        let shown = bench.scribe.shown(path, target);
        let what = format!("{shown} is not an integration of this API");
        bench.scribe.problem(path, what, remedy);
    }
    id
}

fn authorization(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    key: &str,
    parts: &Parts,
    api_path: &str,
    path: &str,
) -> Option<Authorization> {
    let route = api.routes.get(key)?;
    let kind = route.authorization_type;
    if key != CONNECT && kind != AuthorizationType::None {
        let what = "only $connect is authorized, for the whole life of the connection";
        let remedy = "set it on $connect and leave it out here";
        let path = child(path, "authorizationType");
        bench.scribe.problem(&path, what, remedy);
        return None;
    }
    if let Some(authorization) = custom(bench, api, route, parts, api_path, path).ok()? {
        return Some(authorization);
    }
    match (key, kind) {
        (CONNECT, AuthorizationType::AwsIam) => Some(Authorization::Iam),
        (CONNECT, _) => Some(Authorization::Open),
        _ => Some(Authorization::FromConnect),
    }
}

/// The authorization of a route that an authorizer decides about; `None` for every other. `path` is that of the route.
pub(super) fn custom(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    route: &v2::Route,
    parts: &Parts,
    api_path: &str,
    path: &str,
) -> Result<Option<Authorization>, Noted> {
    let scopes = scopes(bench, route, path);
    let kind = route.authorization_type;
    if matches!(kind, AuthorizationType::None | AuthorizationType::AwsIam) {
        check_no_authorizer(bench, route, path);
        return scopes.map(|_| None).ok_or(Noted);
    }
    let named = authorizer(bench, api, route, parts, api_path, path).ok_or(Noted)?;
    match (kind, named) {
        (AuthorizationType::Jwt, Compiled::Jwt(jwt)) => {
            let scopes = scopes.ok_or(Noted)?;
            Ok(Some(Authorization::Jwt(jwt, scopes)))
        }
        (AuthorizationType::Custom, Compiled::Lambda(lambda)) => {
            Ok(Some(Authorization::Custom(lambda)))
        }
        _ => {
            unfit(bench, route, api_path, path);
            Err(Noted)
        }
    }
}

/// `None` when there are some where none can be.
fn scopes(bench: &mut Bench<'_>, route: &v2::Route, path: &str) -> Option<Arc<[String]>> {
    let scopes = route.authorization_scopes.as_slice();
    if !scopes.is_empty()
        && route.authorization_type != AuthorizationType::Jwt
        && !wrong_kind(bench, path)
    {
        let what = "only `authorizationType: JWT` knows scopes";
        let path = child(path, "authorizationScopes");
        bench
            .scribe
            .problem(&path, what, "set that, or leave this out");
        return None;
    }
    Some(scopes.into())
}

fn check_no_authorizer(bench: &mut Bench<'_>, route: &v2::Route, path: &str) {
    if route.authorizer_id.is_some() && !wrong_kind(bench, path) {
        let what = "only `authorizationType: CUSTOM` or `JWT` uses an authorizer";
        let path = child(path, "authorizerId");
        bench
            .scribe
            .problem(&path, what, "set one of them, or leave this out");
    }
}

/// The authorizer is there, but of another type than the route says.
fn unfit(bench: &mut Bench<'_>, route: &v2::Route, api_path: &str, path: &str) {
    let path = child(path, "authorizerId");
    let id = route.authorizer_id.as_deref().unwrap_or_default();
    let authorizer = child(&child(api_path, "authorizers"), id);
    if bench.scribe.is_wrong(&child(&authorizer, "authorizerType")) {
        // Another type stands in for one that is none, and that has been noted.
        return;
    }
    let shown = bench.scribe.shown(&path, id);
    let (what, remedy) = match route.authorization_type {
        AuthorizationType::Jwt => (
            format!("{shown} is not a JWT authorizer"),
            "name one of `authorizerType: JWT`, or write `authorizationType: CUSTOM`",
        ),
        _ => (
            format!("{shown} is a JWT authorizer"),
            "name one of `authorizerType: REQUEST`, or write `authorizationType: JWT`",
        ),
    };
    bench.scribe.problem(&path, what, remedy);
}

/// Whether the authorization type is there but was refused, so that its default stands in for it.
fn wrong_kind(bench: &Bench<'_>, path: &str) -> bool {
    let path = child(path, "authorizationType");
    bench.scribe.is_wrong(&path)
}

/// The authorizer that the route names; `None` with the reason noted.
fn authorizer(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    route: &v2::Route,
    parts: &Parts,
    api_path: &str,
    path: &str,
) -> Option<Compiled> {
    let path = child(path, "authorizerId");
    let Some(id) = &route.authorizer_id else {
        if !bench.scribe.has(&path) {
            let remedy = "add `authorizerId`, the key of one of the API's `authorizers`";
            bench.scribe.problem(&path, "is missing", remedy);
        }
        return None;
    };
    let known = child(&child(api_path, "authorizers"), id);
    if !api.authorizers.contains_key(id) && !bench.scribe.has(&known) {
        let remedy = match nearest(id, api.authorizers.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "add it to the API's `authorizers`".to_owned(),
        };
        let shown = bench.scribe.shown(&path, id);
        let what = format!("{shown} is not an authorizer of this API");
        bench.scribe.problem(&path, what, remedy);
    }
    parts.authorizers.get(id).cloned()
}

fn direction(bench: &mut Bench<'_>, key: &str, route: &v2::Route, path: &str) -> Direction {
    let expression = child(path, "routeResponseSelectionExpression");
    let responses = child(path, "routeResponses");
    let selects = route.route_response_selection_expression.is_some();
    let responds = !route.route_responses.is_empty();
    let answers = !matches!(key, CONNECT | DISCONNECT);
    if bench.author == Author::Caller && (answers || !responds) {
        // AWS: either of the two may be there alone, and has no effect then.
        return match selects && responds {
            true => Direction::TwoWay,
            false => Direction::OneWay,
        };
    }
    if !answers && (selects || responds) {
        let path = if selects { &expression } else { &responses };
        let what = "only a message can be answered with a message";
        bench.scribe.problem(path, what, "leave it out");
        return Direction::OneWay;
    }
    match (selects, responds) {
        (true, true) => Direction::TwoWay,
        (false, false) => Direction::OneWay,
        (true, false) => {
            if !bench.scribe.is_wrong(&responses) {
                let what = "the route does not answer without a route response";
                let remedy = "add `routeResponses: { $default: {} }`, or leave this out";
                bench.scribe.problem(&expression, what, remedy);
            }
            Direction::OneWay
        }
        (false, true) => {
            if !bench.scribe.has(&expression) {
                let what = "the route does not answer without a selection expression";
                let remedy = "add `routeResponseSelectionExpression: $default`, or leave this out";
                bench.scribe.problem(&responses, what, remedy);
            }
            Direction::OneWay
        }
    }
}

fn required(
    bench: &mut Bench<'_>,
    key: &str,
    route: &v2::Route,
    path: &str,
) -> Vec<RequiredParameter> {
    let path = child(path, "requestParameters");
    if key != CONNECT && !route.request_parameters.is_empty() {
        let what = "only $connect has headers and query parameters";
        bench.scribe.problem(&path, what, "leave it out");
        return Vec::new();
    }
    let mut required = Vec::new();
    for (name, constraints) in &route.request_parameters {
        match RequiredParameter::parse(name) {
            Ok(parameter) if constraints.required => required.push(parameter),
            Ok(_) => {}
            Err(error) => bench.scribe.syntax(&child(&path, name), name, &error),
        }
    }
    required
}

fn ordering(bench: &mut Bench<'_>, key: &str, route: &v2::Route, path: &str) -> Ordering {
    match route.tidegate.ordering {
        v2::Ordering::Concurrent => Ordering::Concurrent,
        v2::Ordering::Serial => {
            if matches!(key, CONNECT | DISCONNECT) {
                let path = child(&child(path, "tidegate"), "ordering");
                let what = "there is one event of this kind in a connection's life";
                bench.scribe.problem(&path, what, "leave it out");
            }
            Ordering::Serial
        }
    }
}

/// Only clients that can bring a key can be asked for one.
fn check_api_key(bench: &mut Bench<'_>, api: &v2::Api, key: &str, path: &str) {
    let own = child(path, "apiKeyRequired");
    if key != CONNECT {
        let what = "only $connect asks for a key; messages count for the key that was shown there";
        let remedy = "set it on $connect and leave it out here";
        bench.scribe.problem(&own, what, remedy);
        return;
    }
    check_key_source(bench, api, key, path);
}

/// A key that an authorizer gives needs a route with such an authorizer. `path` is that of the route.
pub(super) fn check_key_source(bench: &mut Bench<'_>, api: &v2::Api, key: &str, path: &str) {
    let own = child(path, "apiKeyRequired");
    let asked = api.routes.get(key).map(|route| route.authorization_type);
    let source = api.api_key_selection_expression.as_deref();
    let source = source.and_then(ApiKeySource::of);
    if source == Some(ApiKeySource::Authorizer)
        && asked != Some(AuthorizationType::Custom)
        && !wrong_kind(bench, path)
    {
        let what = "the API has its keys from an authorizer, and this route has none";
        let remedy = "add `authorizationType: CUSTOM` and `authorizerId`";
        bench.scribe.problem(&own, what, remedy);
    }
}

/// One connection's share of the route.
fn message_rate(
    bench: &mut Bench<'_>,
    target: Option<Target<'_>>,
    key: &str,
    route: &v2::Route,
    path: &str,
) -> Option<Throttle> {
    let settings = route.tidegate.message_rate?;
    if matches!(key, CONNECT | DISCONNECT) {
        let path = child(&child(path, "tidegate"), "messageRate");
        let what = "there is one event of this kind in a connection's life";
        bench.scribe.problem(&path, what, "leave it out");
    }
    let target = target?;
    Some(Throttle {
        bucket: BucketId::of("messageRate", &[target.api, target.name, key]),
        limit: RateLimit {
            rate: settings.rate,
            burst: settings.burst.unwrap_or(whole(settings.rate)),
        },
    })
}

/// The route's share of the traffic: its own settings, then the stage's, then the account's for what is absent.
pub(super) fn throttle(target: Target<'_>, key: &str) -> Option<Throttle> {
    let own = target.stage.route_settings.get(key);
    let default = &target.stage.default_route_settings;
    let rate = own
        .and_then(|own| own.throttling_rate_limit)
        .or(default.throttling_rate_limit);
    let burst = own
        .and_then(|own| own.throttling_burst_limit)
        .or(default.throttling_burst_limit);
    if rate.is_none() && burst.is_none() {
        return None;
    }
    Some(Throttle {
        bucket: BucketId::of("route", &[target.api, target.name, key]),
        limit: RateLimit {
            rate: rate.unwrap_or(quotas::ACCOUNT_RATE),
            burst: burst.unwrap_or(quotas::ACCOUNT_BURST),
        },
    })
}

pub(super) fn detailed_metrics(stage: &v2::Stage, key: &str) -> bool {
    let own = stage.route_settings.get(key);
    own.and_then(|own| own.detailed_metrics_enabled)
        .or(stage.default_route_settings.detailed_metrics_enabled)
        .unwrap_or(false)
}
