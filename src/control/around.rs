//! What an API of the control plane is checked and compiled against.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::definition::{Diagnostic, Loaded, load_api};
use crate::error::ServiceException;

use super::Context;
use super::file::FileSide;
use super::kind::Kind;
use super::store::{Snapshot, StoreError};
use super::view::{Path, View};

/// The definition file, the functions that the embedding program brings, and the VPC links that there are.
pub(super) struct Around<'a> {
    file: Arc<FileSide>,
    pub(super) in_process: &'a [String],
    links: BTreeSet<String>,
}

impl<'a> Around<'a> {
    /// As a call sees it.
    pub(super) fn seen(context: &Context<'a>, view: &View) -> Result<Self, ServiceException> {
        let links = view.list(Kind::VpcLink.facts().collection)?;
        Ok(Self {
            file: view.shared_file(),
            in_process: context.in_process,
            links: links.into_iter().map(|(path, _)| path.id).collect(),
        })
    }

    /// As it is stored, beside that file.
    pub(super) fn stored(
        file: &Arc<FileSide>,
        in_process: &'a [String],
        stored: &Snapshot,
    ) -> Result<Self, StoreError> {
        let links = stored.ids(Kind::VpcLink.facts().collection)?;
        let links = links.into_iter().map(|path| path.id);
        let of_file = file.definition.vpc_links.keys().cloned();
        Ok(Self {
            links: links.chain(of_file).collect(),
            file: Arc::clone(file),
            in_process,
        })
    }

    /// An API in the form of a definition, read.
    ///
    /// # Errors
    /// Every problem that can be seen without looking at what names refer to.
    pub(super) fn load(&self, api: &Path, draft: &Value) -> Result<Loaded, Vec<Diagnostic>> {
        load_api(&self.file.definition, &self.links, &api.id, draft)
    }
}
