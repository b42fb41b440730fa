//! APIs as they are now, against what their stages run.

use super::{check, no_routes, runs, snapshot};
use crate::control::deploy::compile_stage;
use crate::control::kind::Kind;
use crate::control::record::Record;
use crate::control::resources::known;
use crate::control::view::{Path, View};
use crate::control::{Context, assemble};
use crate::definition::Diagnostic;
use crate::error::ServiceException;
use crate::plan::compile::Completeness;

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
        Some(draft) => check(context, view, api, &draft, Completeness::Draft),
        None => Ok(()),
    })
}

/// Makes a stage that is there run the API as it is now, if it can; what follows is for [`super::settle`]. The inner error says why it cannot.
pub(in super::super) fn point_to_draft(
    context: &Context<'_>,
    view: &mut View,
    api: &Path,
    path: &Path,
) -> Result<Result<(), Vec<Diagnostic>>, ServiceException> {
    let Some(draft) = assemble::api(view, api)? else {
        return Err(ServiceException::internal());
    };
    if let Some(refusal) = no_routes(&draft) {
        return Err(ServiceException::bad_request(refusal));
    }
    let mut stage = known(view, Kind::Stage, path)?;
    let around = &view.file().definition;
    if let Err(problems) = compile_stage(around, context.in_process, api, &draft, &path.id, &stage)
    {
        return Ok(Err(problems));
    }
    if !stage.is("autoDeploy") && !runs(view, api, &stage, &draft)? {
        let id = snapshot(context, view, api, &draft, Record::default())?;
        stage.set.insert("deploymentId".to_owned(), id.into());
    }
    view.put(path.clone(), stage);
    Ok(Ok(()))
}
