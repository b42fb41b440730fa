//! What is particular to a kind of resource: what the gateway makes, what must be unique, what is in use.

use serde_json::{Map, Value, json};

use crate::definition::Resource;
use crate::error::ServiceException;
use crate::lang::http_route::HttpRouteKey;

use super::kind::Kind;
use super::record::Record;
use super::resources::{check_alone, make};
use super::shown::Protocol;
use super::view::{Path, View};
use super::{Context, deploy, domains, links, ways};

/// The member that says what quick create has made.
pub(super) const MANAGED: &str = "apiGatewayManaged";
/// The route and the stage that quick create makes.
const DEFAULT: &str = "$default";
/// What a target begins with.
pub(super) const INTEGRATIONS: &str = "integrations/";

/// Notes what the gateway makes of a new resource.
pub(super) fn stamp(kind: Kind, record: &mut Record, now: Value) {
    match kind {
        Kind::Api | Kind::Deployment => record.make("createdDate", now),
        Kind::Stage => {
            record.make("createdDate", now.clone());
            record.make("lastUpdatedDate", now);
        }
        Kind::VpcLink => {
            record.make("createdDate", now);
            links::stamp(record);
        }
        Kind::Route
        | Kind::RouteResponse
        | Kind::Integration
        | Kind::IntegrationResponse
        | Kind::Authorizer
        | Kind::Model
        | Kind::DomainName
        | Kind::ApiMapping
        | Kind::RoutingRule => {}
    }
}

/// Whether there may be such a resource.
pub(super) fn before_create(
    view: &View,
    kind: Kind,
    path: &Path,
    record: &Record,
) -> Result<(), ServiceException> {
    match kind {
        Kind::Api => match Protocol::of(record) {
            Some(_) => Ok(()),
            None => Err(ServiceException::bad_request(
                "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]",
            )),
        },
        Kind::VpcLink => check_alone(Resource::VpcLink, record),
        Kind::DomainName => {
            if view.get(path)?.is_some() {
                // AWS: no conflict.
                let message = "The domain name you provided already exists.";
                return Err(ServiceException::bad_request(message));
            }
            domains::check(view, path, record)
        }
        Kind::ApiMapping => {
            ways::check_looked_at(view, kind, path)?;
            domains::check_mapping(view, record)?;
            check_unique(view, kind, path, record)
        }
        Kind::RoutingRule => {
            ways::check_looked_at(view, kind, path)?;
            ways::check_rule(view, path, record)
        }
        Kind::Stage => {
            if view.get(path)?.is_some() {
                return Err(ServiceException::conflict("Stage already exists"));
            }
            check_deploying(record, record.set.contains_key("deploymentId"))
        }
        _ => check_unique(view, kind, path, record),
    }
}

/// Whether the resource may become what it is to become.
pub(super) fn before_update(
    view: &View,
    kind: Kind,
    path: &Path,
    before: &Record,
    after: &Record,
) -> Result<(), ServiceException> {
    match kind {
        Kind::VpcLink => check_alone(Resource::VpcLink, after),
        Kind::DomainName => domains::check(view, path, after),
        Kind::ApiMapping => {
            domains::check_mapping(view, after)?;
            check_unique(view, kind, path, after)
        }
        Kind::RoutingRule => ways::check_rule(view, path, after),
        Kind::Deployment => deploy::check_description(&after.set),
        Kind::Route if before.is(MANAGED) && before.text("routeKey") != after.text("routeKey") => {
            Err(managed("The key of the route"))
        }
        Kind::Stage if before.is(MANAGED) => Err(managed("The stage")),
        Kind::Stage => {
            let changed = before.set.get("deploymentId") != after.set.get("deploymentId");
            check_deploying(after, changed)
        }
        _ => check_unique(view, kind, path, after),
    }
}

/// The resource goes by itself, not with the API that was created with it.
pub(super) fn check_unmanaged(kind: Kind, record: &Record) -> Result<(), ServiceException> {
    match record.is(MANAGED) && kind != Kind::Api {
        true => Err(managed("The resource")),
        false => Ok(()),
    }
}

/// Whether nothing needs the resource any more.
pub(super) fn before_delete(
    view: &View,
    kind: Kind,
    path: &Path,
    record: &Record,
) -> Result<(), ServiceException> {
    check_unmanaged(kind, record)?;
    match kind {
        Kind::Integration => {
            let target = format!("{INTEGRATIONS}{}", path.id);
            check_unused(view, kind, path, |route| route.text("target") == target)
        }
        Kind::Authorizer => check_unused(view, kind, path, |route| {
            route.text("authorizerId") == path.id
        }),
        Kind::Model => {
            let name = record.text("name");
            check_unused(view, kind, path, |route| {
                let models = route.set.get("requestModels").and_then(Value::as_object);
                models.is_some_and(|models| models.values().any(|model| model == name))
            })
        }
        Kind::Deployment => check_inactive(view, path),
        Kind::Api | Kind::Stage => ways::check_unmapped(view, kind, path),
        Kind::Route
        | Kind::RouteResponse
        | Kind::IntegrationResponse
        | Kind::DomainName
        | Kind::ApiMapping
        | Kind::RoutingRule => Ok(()),
        Kind::VpcLink => links::check_unused(view, path),
    }
}

fn managed(what: &str) -> ServiceException {
    let message = format!("{what} was made by quick create and cannot be changed or deleted");
    ServiceException::bad_request(message)
}

/// AWS: while a stage deploys by itself, nobody else says what is deployed.
fn check_deploying(stage: &Record, named: bool) -> Result<(), ServiceException> {
    match stage.is("autoDeploy") && named {
        true => Err(ServiceException::bad_request(
            "deploymentId: cannot be set while autoDeploy is on",
        )),
        false => Ok(()),
    }
}

/// Two resources of one collection must not have one key.
fn check_unique(
    view: &View,
    kind: Kind,
    path: &Path,
    record: &Record,
) -> Result<(), ServiceException> {
    let Some(member) = kind.facts().key else {
        return Ok(());
    };
    let key = record.text(member);
    let shape = |key: &str| HttpRouteKey::parse(key).map(|key| key.shape()).ok();
    let is_http = kind == Kind::Route && key.contains(' ');
    for (other, twin) in view.list(&path.collection)? {
        let known = twin.text(member);
        let same =
            known == key || (is_http && shape(known).is_some() && shape(known) == shape(key));
        if other != *path && same {
            let message = match kind {
                Kind::ApiMapping => "ApiMapping key already exists for this domain name".to_owned(),
                _ => format!(
                    "{} with key {known} already exists for this API",
                    kind.facts().noun
                ),
            };
            return Err(ServiceException::conflict(message));
        }
    }
    Ok(())
}

/// No route refers to the resource.
fn check_unused(
    view: &View,
    kind: Kind,
    path: &Path,
    refers: impl Fn(&Record) -> bool,
) -> Result<(), ServiceException> {
    let Some(api) = path.api() else {
        return Ok(());
    };
    let api = Path::new(Kind::Api.facts().collection, api);
    let routes = view.list(&api.collection_of(Kind::Route))?;
    let users: Vec<String> = routes
        .iter()
        .filter(|(_, route)| refers(route))
        .map(|(_, route)| format!("'{}'", route.text("routeKey")))
        .collect();
    match users.is_empty() {
        true => Ok(()),
        false => Err(ServiceException::conflict(format!(
            "Cannot delete {} '{}', is referenced in route: {}",
            kind.facts().noun,
            path.id,
            users.join(", ")
        ))),
    }
}

/// No stage points to the deployment.
fn check_inactive(view: &View, path: &Path) -> Result<(), ServiceException> {
    let Some(api) = path.api() else {
        return Ok(());
    };
    let api = Path::new(Kind::Api.facts().collection, api);
    let stages = view.list(&api.collection_of(Kind::Stage))?;
    match stages
        .iter()
        .any(|(_, stage)| stage.text("deploymentId") == path.id)
    {
        true => Err(ServiceException::bad_request(
            "Active stages pointing to this deployment must be moved or deleted",
        )),
        false => Ok(()),
    }
}

/// What quick create is to make beside an API.
pub(super) struct QuickCreate {
    target: String,
    route_key: String,
}

impl QuickCreate {
    /// Takes the members of quick create out of the body of `CreateApi`.
    pub(super) fn take(body: &mut Map<String, Value>) -> Result<Option<Self>, ServiceException> {
        let target = text(body, "target")?;
        let route_key = text(body, "routeKey")?;
        let is_http = body.get("protocolType").and_then(Value::as_str) == Some("HTTP");
        match (target, route_key) {
            (Some(_), _) | (_, Some(_)) if !is_http => Err(ServiceException::bad_request(
                "target and routeKey: only HTTP APIs are made by quick create",
            )),
            (Some(target), route_key) => Ok(Some(Self {
                target,
                route_key: route_key.unwrap_or_else(|| DEFAULT.to_owned()),
            })),
            (None, Some(_)) => Err(ServiceException::bad_request(
                "routeKey: has no meaning without target",
            )),
            (None, None) => Ok(None),
        }
    }

    /// Makes an integration, a route to it, and a stage that deploys by itself.
    pub(super) fn build(
        self,
        context: &Context<'_>,
        view: &mut View,
        api: &Path,
    ) -> Result<(), ServiceException> {
        let integration = match self.target.starts_with("http://")
            || self.target.starts_with("https://")
        {
            true => {
                json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": self.target })
            }
            false => {
                json!({ "integrationType": "AWS_PROXY", "integrationUri": self.target, "payloadFormatVersion": "2.0" })
            }
        };
        let integration = add(context, view, api, Kind::Integration, integration)?;
        let target = format!("{INTEGRATIONS}{}", integration.id);
        let route = json!({ "routeKey": self.route_key, "target": target });
        add(context, view, api, Kind::Route, route)?;
        let stage = json!({ "stageName": DEFAULT, "autoDeploy": true });
        add(context, view, api, Kind::Stage, stage).map(drop)
    }
}

fn add(
    context: &Context<'_>,
    view: &mut View,
    api: &Path,
    kind: Kind,
    members: Value,
) -> Result<Path, ServiceException> {
    let members = members.as_object().cloned().unwrap_or_default();
    let (path, mut record) = make(context, view, kind, &api.collection_of(kind), members)?;
    record.make(MANAGED, true);
    view.put(path.clone(), record);
    Ok(path)
}

fn text(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ServiceException> {
    match body.shift_remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => {
            let message = format!("{name}: must be a text that is not empty");
            Err(ServiceException::bad_request(message))
        }
    }
}
