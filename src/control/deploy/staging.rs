//! One stage: its settings checked and put together with what it runs.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Live, snapshot_path};
use crate::control::around::Around;
use crate::control::kind::Kind;
use crate::control::record::Record;
use crate::control::resources::known;
use crate::control::view::{Path, View};
use crate::control::wire::refused;
use crate::control::{Context, assemble};
use crate::definition::{Diagnostic, child};
use crate::error::ServiceException;
use crate::plan::compile;
use crate::plan::stage::Stage;

/// Routes that every WebSocket API has.
const ALWAYS: [&str; 2] = ["$connect", "$disconnect"];

/// A stage whose own settings changed, or that points to another deployment.
pub(super) fn restage(
    context: &Context<'_>,
    view: &View,
    api: &Path,
    draft: &Value,
    path: &Path,
    live: &mut Live,
) -> Result<(), ServiceException> {
    let stage = known(view, Kind::Stage, path)?;
    let around = Around::seen(context, view)?;
    let id = stage.text("deploymentId");
    if id.is_empty() {
        live.gone.push((api.id.clone(), path.id.clone()));
        return check_stage(&around, api, draft, path, &stage);
    }
    let place = Path::new(api.collection_of(Kind::Deployment), id);
    known(view, Kind::Deployment, &place)?;
    let snapshot = known(view, Kind::Deployment, &snapshot_path(api, id))?;
    let snapshot = Value::Object(snapshot.set);
    let compiled = compile_stage(&around, api, &snapshot, &path.id, &stage);
    let compiled = compiled.map_err(|problems| refused(&problems, &around_stage(api, path)))?;
    check_route_keys(draft, &snapshot, &stage)?;
    live.changed.push(compiled);
    Ok(())
}

/// Checks a stage that runs nothing yet.
pub(super) fn check_stage(
    around: &Around<'_>,
    api: &Path,
    draft: &Value,
    path: &Path,
    stage: &Record,
) -> Result<(), ServiceException> {
    check_route_keys(draft, draft, stage)?;
    let whole = with_stage(draft, &path.id, stage);
    let problems = match around.load(api, &whole) {
        Ok(loaded) => loaded.report().finish(),
        Err(problems) => problems,
    };
    refuse_own(&problems, api, path)
}

/// Refuses what is wrong with a stage itself; what is wrong with the rest of the API is for others to say.
pub(super) fn refuse_own(
    problems: &[Diagnostic],
    api: &Path,
    path: &Path,
) -> Result<(), ServiceException> {
    let around = around_stage(api, path);
    let own = around.first().map(String::as_str).unwrap_or_default();
    let own = problems
        .iter()
        .filter(|problem| problem.path.starts_with(own));
    let own: Vec<Diagnostic> = own.cloned().collect();
    match own.is_empty() {
        true => Ok(()),
        false => Err(refused(&own, &around)),
    }
}

fn around_stage(api: &Path, path: &Path) -> Vec<String> {
    let around = child(Kind::Api.facts().collection, &api.id);
    let own = child(&child(&around, Kind::Stage.facts().collection), &path.id);
    vec![own, around]
}

/// `routeSettings` speak of routes that there are, deployed or not.
pub(super) fn check_route_keys(
    draft: &Value,
    snapshot: &Value,
    stage: &Record,
) -> Result<(), ServiceException> {
    let settings = stage.set.get("routeSettings").and_then(Value::as_object);
    let unknown = settings
        .into_iter()
        .flat_map(Map::keys)
        .find(|key| !has_route(draft, key) && !has_route(snapshot, key));
    match unknown {
        None => Ok(()),
        Some(key) => Err(ServiceException::bad_request(format!(
            "Unable to find Route by key {key} within the provided RouteSettings"
        ))),
    }
}

fn has_route(api: &Value, key: &str) -> bool {
    let is_web_socket = api["protocolType"] == "WEBSOCKET";
    api["routes"].get(key).is_some() || (is_web_socket && ALWAYS.contains(&key))
}

/// One stage of an API, ready to run. Settings of routes that the API does not have wait for them.
pub(in super::super) fn compile_stage(
    around: &Around<'_>,
    api: &Path,
    snapshot: &Value,
    name: &str,
    stage: &Record,
) -> Result<Arc<Stage>, Vec<Diagnostic>> {
    let whole = with_stage(snapshot, name, stage);
    let loaded = around.load(api, &whole)?;
    let stages = compile::stages(&loaded, around.in_process)?;
    match stages.into_iter().next() {
        Some(stage) => Ok(Arc::new(stage)),
        None => {
            let remedy = "report this as a defect of tidegate";
            Err(vec![Diagnostic::new(
                None,
                "",
                "cannot be compiled",
                remedy,
            )])
        }
    }
}

fn with_stage(api: &Value, name: &str, stage: &Record) -> Value {
    let mut members = assemble::stage(stage);
    if let Some(Value::Object(settings)) = members.get_mut("routeSettings") {
        settings.retain(|key, _| has_route(api, key));
    }
    let mut whole = api.clone();
    whole["stages"] = Value::Object(Map::from_iter([(name.to_owned(), members.into())]));
    whole
}
