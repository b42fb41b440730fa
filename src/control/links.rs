//! VPC links, and the integrations that name them.

use serde_json::{Map, Value};

use crate::error::ServiceException;
use crate::lang::private_uri::{NEEDED, PrivateUri};
use crate::plan::compile::stage_variable;

use super::deploy::snapshot_path;
use super::kind::Kind;
use super::record::Record;
use super::rules::INTEGRATIONS;
use super::shown::Protocol;
use super::view::{Path, View};

const ID: &str = "connectionId";
const LINKED: &str = "VPC_LINK";
/// The method of an integration that says none.
const ANY: &str = "ANY";

/// What every link is: nothing has to be set up for it.
pub(super) fn stamp(link: &mut Record) {
    link.make("vpcLinkStatus", "AVAILABLE");
    link.make("vpcLinkStatusMessage", "VPC link is ready to route traffic");
    link.make("vpcLinkVersion", "V2");
}

/// AWS: HTTP APIs call listeners and services through VPC links, and nothing else. What compiles an API finds the same, and says where; a call that
/// is about this one integration gets Amazon's words alone.
pub(super) fn check_uri(
    view: &View,
    path: &Path,
    integration: &Record,
) -> Result<(), ServiceException> {
    let is_private = integration.text("connectionType") == LINKED
        && integration.text("integrationType") == "HTTP_PROXY";
    if !is_private {
        return Ok(());
    }
    let api = Path::new(Kind::Api.facts().collection, path.api().unwrap_or_default());
    let api = view.get(&api)?;
    let is_http = api.as_ref().and_then(Protocol::of) == Some(Protocol::Http);
    let uri = integration.text("integrationUri");
    // What stage variables make of it is known on a stage.
    let fits = uri.contains("${") || PrivateUri::parse(uri).is_some();
    match is_http && !fits {
        true => Err(ServiceException::bad_request(NEEDED)),
        false => Ok(()),
    }
}

/// No integration names the link, nor does what a stage runs.
///
/// # Errors
/// AWS: `BadRequestException`, with the method and the route of each that does (reported).
pub(super) fn check_unused(view: &View, link: &Path) -> Result<(), ServiceException> {
    let mut users = Vec::new();
    for (api, _) in view.list(Kind::Api.facts().collection)? {
        let routes = view.list(&api.collection_of(Kind::Route))?;
        let stages = view.list(&api.collection_of(Kind::Stage))?;
        let mut drafted = false;
        for (path, integration) in view.list(&api.collection_of(Kind::Integration))? {
            if !names(&integration.set, link, &stages) {
                continue;
            }
            drafted = true;
            let method = match integration.text("integrationMethod") {
                "" => ANY,
                method => method,
            };
            let target = format!("{INTEGRATIONS}{}", path.id);
            let mut own: Vec<_> = routes
                .iter()
                .filter(|(_, route)| route.text("target") == target)
                .map(|(route, _)| format!("{method}:{}", route.id))
                .collect();
            if own.is_empty() {
                own.push(format!("{method}:{}", path.id));
            }
            users.extend(own);
        }
        if !drafted {
            users.extend(running(view, &api, link, &stages)?);
        }
    }
    match users.is_empty() {
        true => Ok(()),
        false => Err(ServiceException::bad_request(format!(
            "Cannot delete vpc link. Vpc link '{}', is referenced in [{}] in format of [Method:Resource].",
            link.id,
            users.join(", ")
        ))),
    }
}

/// What stages run of an API and name the link in.
fn running(
    view: &View,
    api: &Path,
    link: &Path,
    stages: &[(Path, Record)],
) -> Result<Vec<String>, ServiceException> {
    let mut users = Vec::new();
    // What a definition changes, its stages will run that deploy by themselves; that is looked at instead.
    let changed = view.changes_of(api).next().is_some();
    for stage in stages {
        if changed && stage.1.is("autoDeploy") {
            continue;
        }
        let deployment = snapshot_path(api, stage.1.text("deploymentId"));
        let Some(snapshot) = view.get(&deployment)? else {
            continue;
        };
        let integrations = snapshot.set.get("integrations").and_then(Value::as_object);
        for (id, integration) in integrations.into_iter().flatten() {
            let members = integration.as_object();
            if members.is_some_and(|set| names(set, link, std::slice::from_ref(stage))) {
                users.push(format!("{ANY}:{id}"));
            }
        }
    }
    users.sort();
    users.dedup();
    Ok(users)
}

/// Whether an integration names the link, by itself or by a variable of one of the stages.
fn names(integration: &Map<String, Value>, link: &Path, stages: &[(Path, Record)]) -> bool {
    let Some(id) = integration.get(ID).and_then(Value::as_str) else {
        return false;
    };
    let Some(name) = stage_variable(id) else {
        return id == link.id;
    };
    stages.iter().any(|(_, stage)| {
        let variables = stage.set.get("stageVariables");
        let value = variables.and_then(|variables| variables.get(name));
        value.and_then(Value::as_str) == Some(&link.id)
    })
}
