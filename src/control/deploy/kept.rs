//! Deployments as they are kept: a resource that callers see, and the snapshot beside it.

use serde_json::Value;

use crate::control::Context;
use crate::control::kind::{DEPLOYMENT_ID, Kind};
use crate::control::record::Record;
use crate::control::resources::{check_count, made_at, unused};
use crate::control::view::{Path, View};
use crate::error::ServiceException;

/// Collection of the snapshots of an API, beside its deployments.
pub(super) const SNAPSHOTS: &str = "snapshots";
const AUTOMATIC: &str = "Automatic deployment triggered by changes to the Api configuration";

/// Takes deployments of a kind away that no stage runs any more, since they are of no use to anyone. The others must have room.
pub(super) fn forget_unused(
    view: &mut View,
    api: &Path,
    of_kind: impl Fn(&Record) -> bool,
) -> Result<(), ServiceException> {
    let stages = view.list(&api.collection_of(Kind::Stage))?;
    let used = |id: &str| {
        stages
            .iter()
            .any(|(_, stage)| stage.text("deploymentId") == id)
    };
    for (path, deployment) in view.list(&api.collection_of(Kind::Deployment))? {
        if of_kind(&deployment) && !used(&path.id) {
            forget(view, api, &path)?;
        }
    }
    check_room(view, api)
}

/// An API has no more deployments than it may have.
pub(super) fn check_room(view: &View, api: &Path) -> Result<(), ServiceException> {
    let kind = Kind::Deployment;
    check_count(kind, view.count(&api.collection_of(kind))?)
}

/// Takes a deployment away, with its snapshot.
pub(in super::super) fn forget(
    view: &mut View,
    api: &Path,
    path: &Path,
) -> Result<(), ServiceException> {
    view.remove(&snapshot_path(api, &path.id))?;
    view.remove(path)
}

/// What is said of a deployment that nobody asked for.
pub(super) fn automatic() -> Record {
    let set = [("description".to_owned(), AUTOMATIC.into())];
    let made = [("autoDeployed".to_owned(), true.into())];
    Record {
        set: set.into_iter().collect(),
        made: made.into_iter().collect(),
        ..Record::default()
    }
}

/// Keeps a draft as a deployment; gives its id. Whether there is room for it is looked after once those have gone that it replaces.
pub(super) fn snapshot(
    context: &Context<'_>,
    view: &mut View,
    api: &Path,
    draft: &Value,
    said: Record,
) -> Result<String, ServiceException> {
    let kind = Kind::Deployment;
    let path = unused(view, &api.collection_of(kind), DEPLOYMENT_ID)?;
    let mut record = made_at(context, kind, &path, said.set);
    record.made.extend(said.made);
    record.make("deploymentStatus", "DEPLOYED");
    let id = path.id.clone();
    view.put(path, record);
    let kept = Record {
        set: draft.as_object().cloned().unwrap_or_default(),
        ..Record::default()
    };
    view.put(snapshot_path(api, &id), kept);
    Ok(id)
}

/// Where the snapshot of a deployment is kept.
pub(in super::super) fn snapshot_path(api: &Path, deployment: &str) -> Path {
    Path::new(format!("{api}/{SNAPSHOTS}"), deployment)
}
