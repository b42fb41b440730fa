//! From resources to what runs: what a call changed is checked, snapshots are taken, stages are compiled.
//!
//! A deployment is a snapshot of an API without its stages, in the form of a definition. A stage runs the deployment it points to;
//! with `autoDeploy` it gets a new one with every change. Nothing runs before it is on disk.

mod draft;
mod kept;
mod staging;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::definition::{Diagnostic, child};
use crate::error::ServiceException;
use crate::plan::Plan;
use crate::plan::compile::{self, Completeness};
use crate::plan::domain::Domain;
use crate::plan::stage::Stage;

use super::around::Around;
use super::kind::Kind;
use super::record::Record;
use super::resources::known;
use super::view::{Path, View};
use super::wire::{Call, refused};
use super::{Context, assemble, domains, ways};
pub(super) use draft::{Applied, check_draft, lagging, point_to_draft};
use kept::{SNAPSHOTS, automatic, check_room, forget_unused, snapshot};
pub(super) use kept::{forget, snapshot_path};
pub(super) use staging::compile_stage;
use staging::{check_route_keys, check_stage, refuse_own, restage};

/// What is to change about what runs.
#[derive(Debug, Default)]
pub(super) struct Live {
    gone: Vec<(String, String)>,
    changed: Vec<Arc<Stage>>,
    /// `None` for one that is gone.
    domains: Vec<(String, Option<Domain>)>,
}

impl Live {
    /// Whether everything goes on as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.changed.is_empty() && self.domains.is_empty()
    }

    /// Puts the changes into a plan.
    pub(super) fn apply(self, plan: &mut Plan) {
        for (api, stage) in &self.gone {
            plan.remove(api, stage);
        }
        for stage in self.changed {
            plan.insert(stage);
        }
        for (name, domain) in self.domains {
            match domain {
                Some(domain) => plan.domains.insert(&name, domain),
                None => plan.domains.remove(&name),
            }
        }
    }
}

/// Draws the conclusions from what a call changed: checks every API that it touched, and deploys what deploys by itself.
///
/// # Errors
/// The call would leave something that cannot be.
pub(super) fn settle(context: &Context<'_>, view: &mut View) -> Result<Live, ServiceException> {
    let mut live = Live::default();
    let apis = view.changes().keys().filter_map(Path::api);
    let apis: BTreeSet<String> = apis.map(str::to_owned).collect();
    for api in apis {
        let path = Path::new(Kind::Api.facts().collection, &api);
        let stages = path.collection_of(Kind::Stage);
        let changed: Vec<_> = view
            .changes_in(&stages)
            .map(|(path, stage)| (path.clone(), stage.is_some()))
            .collect();
        for (path, _) in changed.iter().filter(|(_, there)| !there) {
            live.gone.push((api.clone(), path.id.clone()));
        }
        let changed = changed.into_iter().filter(|(_, there)| *there);
        let changed = changed.map(|(path, _)| path).collect();
        settle_api(context, view, &path, changed, &mut live)?;
    }
    let kind = Kind::DomainName;
    let touched = view.changes().keys().filter_map(|path| path.part_of(kind));
    for name in touched.collect::<BTreeSet<_>>() {
        let path = Path::new(kind.facts().collection, name);
        let domain = match view.get(&path)? {
            Some(record) => {
                let (truststore, wrong) = domains::needs(view.file(), &path, &record);
                // One that was left out when the gateway started stays so until it has what it needs.
                match wrong.is_empty() {
                    true => Some(ways::checked(view, &path, &record, truststore)?),
                    false => None,
                }
            }
            None => None,
        };
        live.domains.push((name.to_owned(), domain));
    }
    Ok(live)
}

fn settle_api(
    context: &Context<'_>,
    view: &mut View,
    api: &Path,
    changed_stages: BTreeSet<Path>,
    live: &mut Live,
) -> Result<(), ServiceException> {
    let Some(draft) = assemble::api(view, api)? else {
        return Ok(());
    };
    let drafted = view.changes_of(api).any(|path| is_drafted(api, path));
    if drafted {
        let around = Around::seen(context, view)?;
        let checked = check(&around, api, &draft, Completeness::Draft);
        checked.map_err(|problems| refused(&problems, &surroundings(view, api)))?;
    }
    let mut rest = changed_stages.clone();
    let mut wanting = Vec::new();
    for (path, stage) in view.list(&api.collection_of(Kind::Stage))? {
        if !stage.is("autoDeploy") {
            continue;
        }
        let changed = changed_stages.contains(&path);
        if changed {
            check_route_keys(&draft, &draft, &stage)?;
        }
        if drafted || (changed && !runs(view, api, &stage, &draft)?) {
            rest.remove(&path);
            wanting.push((path, stage));
        }
    }
    let failed = deploy_all(context, view, api, &draft, wanting, live)?;
    // What else was said of a stage holds all the same, for the deployment that it goes on running.
    let failed = failed
        .into_iter()
        .filter(|path| changed_stages.contains(path));
    rest.extend(failed);
    for path in rest {
        restage(context, view, api, &draft, &path, live)?;
    }
    Ok(())
}

/// Whether a stage runs the draft as it is.
fn runs(view: &View, api: &Path, stage: &Record, draft: &Value) -> Result<bool, ServiceException> {
    let snapshot = view.get(&snapshot_path(api, stage.text("deploymentId")))?;
    Ok(snapshot.is_some_and(|snapshot| Some(&snapshot.set) == draft.as_object()))
}

/// Whether a path is part of what deployments of the API have.
fn is_drafted(api: &Path, path: &Path) -> bool {
    let Some(rest) = path.collection.strip_prefix(&api.to_string()) else {
        return path == api;
    };
    let Some(rest) = rest.strip_prefix('/') else {
        return false;
    };
    let section = rest.split('/').next();
    let apart = [Kind::Deployment, Kind::Stage].map(|kind| kind.facts().collection);
    section.is_some_and(|section| section != SNAPSHOTS && !apart.contains(&section))
}

/// What is wrong with an API apart from its stages.
pub(super) fn check(
    around: &Around<'_>,
    api: &Path,
    draft: &Value,
    completeness: Completeness,
) -> Result<(), Vec<Diagnostic>> {
    let loaded = around.load(api, draft)?;
    compile::check(&loaded, around.in_process, completeness)
}

/// Paths of a definition that a caller need not read: those of what it is about, the longest first.
fn surroundings(view: &View, api: &Path) -> Vec<String> {
    let around = child(Kind::Api.facts().collection, &api.id);
    let mut paths = Vec::new();
    let kinds = [
        Kind::Route,
        Kind::Integration,
        Kind::Authorizer,
        Kind::Model,
    ];
    for kind in kinds {
        let (facts, collection) = (kind.facts(), api.collection_of(kind));
        for (path, record) in view.changes_in(&collection) {
            let Some(record) = record else { continue };
            let key = facts.key.map_or(path.id.as_str(), |key| record.text(key));
            paths.push(child(&child(&around, facts.collection), key));
        }
    }
    paths.push(around);
    paths
}

/// Deploys the draft to stages that deploy by themselves. Where that fails, the stage keeps its deployment and says why; gives those
/// that have one to keep.
fn deploy_all(
    context: &Context<'_>,
    view: &mut View,
    api: &Path,
    draft: &Value,
    stages: Vec<(Path, Record)>,
    live: &mut Live,
) -> Result<Vec<Path>, ServiceException> {
    let mut failed = Vec::new();
    if stages.is_empty() {
        return Ok(failed);
    }
    let mut deployment = None;
    let around = Around::seen(context, view)?;
    let compile = |api: &Path, snapshot: &Value, path: &Path, stage: &Record| {
        compile_stage(&around, api, snapshot, &path.id, stage)
    };
    for (path, mut stage) in stages {
        let refusal = no_routes(draft);
        let compiled = match refusal {
            Some(refusal) => {
                // What the stage itself says must be right all the same.
                check_stage(&around, api, draft, &path, &stage)?;
                Err(refusal.to_owned())
            }
            None => match compile(api, draft, &path, &stage) {
                Ok(compiled) => Ok(compiled),
                Err(problems) => {
                    refuse_own(&problems, api, &path)?;
                    Err(sentence(&problems))
                }
            },
        };
        match compiled {
            Ok(compiled) => {
                let id = match &deployment {
                    Some(id) => String::clone(id),
                    None => {
                        let id = snapshot(context, view, api, draft, automatic())?;
                        deployment = Some(id.clone());
                        id
                    }
                };
                let message = format!("Successfully deployed stage with deployment ID '{id}'");
                stage.make("lastDeploymentStatusMessage", message);
                stage.set.insert("deploymentId".to_owned(), id.into());
                live.changed.push(compiled);
            }
            Err(problem) => {
                let message = format!("Deployment attempt failed: {problem}");
                stage.make("lastDeploymentStatusMessage", message);
                if !stage.text("deploymentId").is_empty() {
                    failed.push(path.clone());
                }
            }
        }
        view.put(path, stage);
    }
    forget_unused(view, api, |deployment| deployment.is("autoDeployed"))?;
    Ok(failed)
}

/// `CreateDeployment`: a snapshot, for one stage or for later.
pub(super) fn create(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<Path, ServiceException> {
    let api = Kind::Api.path(call);
    known(view, Kind::Api, &api)?;
    let mut set = call.body.clone();
    let stage = set.shift_remove("stageName");
    check_description(&set)?;
    let Some(draft) = assemble::api(view, &api)? else {
        return Err(ServiceException::internal());
    };
    if let Some(refusal) = no_routes(&draft) {
        return Err(ServiceException::bad_request(refusal));
    }
    let record = Record {
        set,
        made: Map::from_iter([("autoDeployed".to_owned(), false.into())]),
        ..Record::default()
    };
    let around = Around::seen(context, view)?;
    check(&around, &api, &draft, Completeness::Whole)
        .map_err(|problems| undeployable(&problems, &api))?;
    let id = snapshot(context, view, &api, &draft, record)?;
    check_room(view, &api)?;
    if let Some(name) = stage {
        let name = name.as_str().unwrap_or_default();
        let path = Path::new(api.collection_of(Kind::Stage), name);
        let mut stage = known(view, Kind::Stage, &path)?;
        if stage.is("autoDeploy") {
            return Err(ServiceException::bad_request(format!(
                "stageName: stage {name} deploys by itself, since its autoDeploy is on"
            )));
        }
        compile_stage(&around, &api, &draft, name, &stage)
            .map_err(|problems| undeployable(&problems, &api))?;
        stage
            .set
            .insert("deploymentId".to_owned(), id.as_str().into());
        view.put(path, stage);
    }
    Ok(Path::new(api.collection_of(Kind::Deployment), id))
}

/// The one member that callers set.
pub(super) fn check_description(set: &Map<String, Value>) -> Result<(), ServiceException> {
    for (name, value) in set {
        let fits = value
            .as_str()
            .is_some_and(|text| text.chars().count() <= 1024);
        if name != "description" || !fits {
            let message =
                format!("{name}: a deployment has a description of at most 1024 characters");
            return Err(ServiceException::bad_request(message));
        }
    }
    Ok(())
}

fn undeployable(problems: &[Diagnostic], api: &Path) -> ServiceException {
    let around = child(Kind::Api.facts().collection, &api.id);
    let mut refusal = refused(problems, &[around]);
    let message = refusal.message.take().unwrap_or_default();
    refusal.message = Some(format!("Unable to deploy API: {message}"));
    refusal
}

fn no_routes(draft: &Value) -> Option<&'static str> {
    let routes = draft["routes"].as_object();
    match (
        routes.is_none_or(Map::is_empty),
        draft["protocolType"] == "WEBSOCKET",
    ) {
        (false, _) => None,
        (true, true) => Some("At least one route is required before deploying the Api."),
        (true, false) => Some("Unable to deploy API because no routes exist in this API"),
    }
}

fn sentence(problems: &[Diagnostic]) -> String {
    let lines = problems.iter().take(3).map(ToString::to_string);
    lines.collect::<Vec<_>>().join("; ")
}
