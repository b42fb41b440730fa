//! Everything that is stored, put into one plan: at the start, and when another definition comes.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use crate::definition::{Diagnostic, child};
use crate::plan::Plan;
use crate::plan::stage::Stage;

use super::around::Around;
use super::file::FileSide;
use super::kind::Kind;
use super::store::{Snapshot, StoreError};
use super::view::Path;
use super::ways::Ways;
use super::{Inside, deploy, domains, ways};

/// Fewer APIs than this are not worth a thread.
const SHARE_MIN: usize = 16;

impl Inside {
    /// The plan of a file with every stored stage in it, and what is wrong with those that do not compile.
    pub(super) fn complete(
        &self,
        file: &Arc<FileSide>,
    ) -> Result<(Plan, Vec<Diagnostic>), StoreError> {
        let mut plan = file.plan.clone();
        let stored = self.store.snapshot()?;
        let mut problems = Vec::new();
        let mut apis = Vec::new();
        for api in stored.ids(Kind::Api.facts().collection)? {
            match file.leaves_free(&api) {
                Ok(()) => apis.push(api),
                Err(_) => problems.push(taken("apis", &api)),
            }
        }
        let mut compiled = Vec::new();
        for link in stored.ids(Kind::VpcLink.facts().collection)? {
            if file.leaves_free(&link).is_err() {
                problems.push(taken("vpcLinks", &link));
            }
        }
        let around = Around::stored(file, &self.settings.in_process, &stored)?;
        for share in shares(&around, &stored, &apis) {
            let (stages, wrong) = share?;
            compiled.extend(stages);
            problems.extend(wrong);
        }
        for stage in compiled {
            plan.insert(stage);
        }
        for (path, record) in stored.list(Kind::DomainName.facts().collection)? {
            if file.leaves_free(&path).is_err() {
                problems.push(taken("domainNames", &path));
                continue;
            }
            // Without what it needs it must not run: it might let in more people than it should.
            let (truststore, wrong) = domains::needs(file, &path, &record);
            if !wrong.is_empty() {
                problems.extend(wrong);
                continue;
            }
            let ways = Ways {
                mappings: stored.list(&path.collection_of(Kind::ApiMapping))?,
                rules: stored.list(&path.collection_of(Kind::RoutingRule))?,
            };
            match ways::domain(&record, ways, truststore) {
                Ok(domain) => plan.domains.insert(&path.id, domain),
                // Without one of its rules it might let in whom that rule keeps out.
                Err(wrong) => problems.extend(wrong),
            }
        }
        Ok((plan, problems))
    }
}

/// Compiles APIs on all cores; what comes of them is in the order of the APIs.
fn shares(around: &Around<'_>, stored: &Snapshot, apis: &[Path]) -> Vec<Share> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let size = apis.len().div_ceil(cores).max(SHARE_MIN);
    if apis.len() <= size {
        return vec![share(around, stored, apis)];
    }
    thread::scope(|scope| {
        let running: Vec<_> = apis
            .chunks(size)
            .map(|apis| scope.spawn(move || share(around, stored, apis)))
            .collect();
        let done = running.into_iter().map(thread::ScopedJoinHandle::join);
        done.map(|share| share.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

fn share(around: &Around<'_>, stored: &Snapshot, apis: &[Path]) -> Share {
    let (mut compiled, mut problems) = (Vec::new(), Vec::new());
    for api in apis {
        for (path, stage) in stored.list(&api.collection_of(Kind::Stage))? {
            let deployment = deploy::snapshot_path(api, stage.text("deploymentId"));
            let Some(snapshot) = stored.get(&deployment)? else {
                continue;
            };
            let snapshot = snapshot.set.into();
            match deploy::compile_stage(around, api, &snapshot, &path.id, &stage) {
                Ok(stage) => compiled.push(stage),
                Err(wrong) => problems.extend(wrong),
            }
        }
    }
    Ok((compiled, problems))
}

/// Stages that compile, and what is wrong with those that do not.
type Share = Result<(Vec<Arc<Stage>>, Vec<Diagnostic>), StoreError>;

/// The file has what the control plane has already.
fn taken(section: &str, path: &Path) -> Diagnostic {
    let what = "the control plane has this already";
    Diagnostic::new(None, child(section, &path.id), what, "choose another key")
}
