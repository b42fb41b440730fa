//! APIs as they are now, against what their stages run.

use serde_json::{Value, json};

use super::{check, forget_unused, no_routes, runs, snapshot};
use crate::control::around::Around;
use crate::control::deploy::compile_stage;
use crate::control::kind::Kind;
use crate::control::record::Record;
use crate::control::resources::known;
use crate::control::view::{Path, View};
use crate::control::{Context, assemble};
use crate::definition::Diagnostic;
use crate::error::ServiceException;
use crate::plan::compile::Completeness;

/// What one apply deploys of an API to all stages that deploy by hand: one deployment, once a stage needs it.
#[derive(Debug, Default)]
pub(in super::super) struct Applied(Option<String>);

impl Applied {
    fn deployment(
        &mut self,
        context: &Context<'_>,
        view: &mut View,
        api: &Path,
        draft: &Value,
    ) -> Result<String, ServiceException> {
        if let Some(id) = &self.0 {
            return Ok(id.clone());
        }
        let mut said = Record::default();
        said.make("autoDeployed", false);
        said.make(OURS, json!({ APPLIED: true }));
        let id = snapshot(context, view, api, draft, said)?;
        Ok(self.0.insert(id).clone())
    }

    /// Forgets what earlier applies have deployed and no stage runs any more: else a quota would end them.
    pub(in super::super) fn finish(
        self,
        view: &mut View,
        api: &Path,
    ) -> Result<(), ServiceException> {
        match self.0 {
            Some(_) => forget_unused(view, api, is_applied),
            None => Ok(()),
        }
    }
}

/// Where members stand that Amazon does not have.
const OURS: &str = "tidegate";
/// Whether an apply made a deployment.
const APPLIED: &str = "applied";

fn is_applied(deployment: &Record) -> bool {
    let ours = deployment.made.get(OURS);
    ours.and_then(|ours| ours.get(APPLIED)) == Some(&Value::Bool(true))
}

/// Stages that do not run the API as it is now.
pub(in super::super) fn lagging(view: &View, api: &Path) -> Result<Vec<String>, ServiceException> {
    // What a file has is deployed by being there.
    let draft = match view.file().leaves_free(api) {
        Ok(()) => assemble::api(view, api)?,
        Err(_) => None,
    };
    let Some(draft) = draft else {
        return Ok(Vec::new());
    };
    let mut lagging = Vec::new();
    for (path, stage) in view.list(&api.collection_of(Kind::Stage))? {
        if !runs(view, api, &stage, &draft)? {
            lagging.push(path.id);
        }
    }
    Ok(lagging)
}

/// Checks an API as it is now, which may still lack something. The inner error says what is wrong with it.
pub(in super::super) fn check_draft(
    context: &Context<'_>,
    view: &View,
    api: &Path,
) -> Result<Result<(), Vec<Diagnostic>>, ServiceException> {
    Ok(match assemble::api(view, api)? {
        Some(draft) => {
            let around = Around::seen(context, view)?;
            check(&around, api, &draft, Completeness::Draft)
        }
        None => Ok(()),
    })
}

/// Makes a stage that is there run the API as it is now, if it can; what follows is for [`super::settle`]. The inner error says why it cannot.
pub(in super::super) fn point_to_draft(
    context: &Context<'_>,
    view: &mut View,
    api: &Path,
    path: &Path,
    applied: &mut Applied,
) -> Result<Result<(), Vec<Diagnostic>>, ServiceException> {
    let Some(draft) = assemble::api(view, api)? else {
        return Err(ServiceException::internal());
    };
    if let Some(refusal) = no_routes(&draft) {
        return Err(ServiceException::bad_request(refusal));
    }
    let mut stage = known(view, Kind::Stage, path)?;
    let around = Around::seen(context, view)?;
    if let Err(problems) = compile_stage(&around, api, &draft, &path.id, &stage) {
        return Ok(Err(problems));
    }
    if !stage.is("autoDeploy") && !runs(view, api, &stage, &draft)? {
        let id = applied.deployment(context, view, api, &draft)?;
        stage.set.insert("deploymentId".to_owned(), id.into());
    }
    view.put(path.clone(), stage);
    Ok(Ok(()))
}
