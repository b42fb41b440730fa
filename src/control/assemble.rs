//! Resources put together to the form that a definition file has, which is what is checked and compiled.

use serde_json::{Map, Value};

use crate::error::ServiceException;

use super::kind::Kind;
use super::record::Record;
use super::view::{Path, View};

/// Members of a stage that say how it is deployed; a definition has no such thing.
const DEPLOYING: [&str; 2] = ["deploymentId", "autoDeploy"];

/// An API as it is now, deployed or not, without its stages.
pub(super) fn api(view: &View, path: &Path) -> Result<Option<Value>, ServiceException> {
    let Some(record) = view.get(path)? else {
        return Ok(None);
    };
    let mut api = record.set;
    let routes = section(view, path, Kind::Route, |path, route| {
        nest(view, path, route, Kind::RouteResponse, "routeResponses")
    })?;
    let integrations = section(view, path, Kind::Integration, |path, integration| {
        let kind = Kind::IntegrationResponse;
        nest(view, path, integration, kind, "integrationResponses")
    })?;
    api.insert("routes".to_owned(), routes.into());
    api.insert("integrations".to_owned(), integrations.into());
    let authorizers = section(view, path, Kind::Authorizer, |_, _| Ok(()))?;
    api.insert("authorizers".to_owned(), authorizers.into());
    let models = section(view, path, Kind::Model, |_, _| Ok(()))?;
    if !models.is_empty() {
        api.insert("models".to_owned(), models.into());
    }
    Ok(Some(Value::Object(api)))
}

/// A stage in the form of a definition.
pub(super) fn stage(stage: &Record) -> Map<String, Value> {
    let mut members = stage.set.clone();
    members.retain(|name, _| name != Kind::Stage.facts().id && !DEPLOYING.contains(&name.as_str()));
    members
}

/// The resources of a kind below `parent`, by what their map is keyed by in a definition.
fn section(
    view: &View,
    parent: &Path,
    kind: Kind,
    mut finish: impl FnMut(&Path, &mut Map<String, Value>) -> Result<(), ServiceException>,
) -> Result<Map<String, Value>, ServiceException> {
    let mut section = Map::new();
    for (path, record) in view.list(&parent.collection_of(kind))? {
        let key = match kind.facts().key {
            Some(member) => record.text(member).to_owned(),
            None => path.id.clone(),
        };
        let mut members = record.set;
        if let Some(member) = kind.facts().key {
            members.shift_remove(member);
        }
        finish(&path, &mut members)?;
        section.insert(key, Value::Object(members));
    }
    Ok(section)
}

fn nest(
    view: &View,
    path: &Path,
    members: &mut Map<String, Value>,
    kind: Kind,
    name: &str,
) -> Result<(), ServiceException> {
    let nested = section(view, path, kind, |_, _| Ok(()))?;
    if !nested.is_empty() {
        members.insert(name.to_owned(), nested.into());
    }
    Ok(())
}
