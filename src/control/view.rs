//! What a call sees: the resources as they are stored, with the call's own changes laid over them.

use std::fmt;

use crate::error::ServiceException;

use super::failed;
use super::record::Record;
use super::store::{Changes, Snapshot};

/// Which resource: its collection, e.g. `apis/abc/routes`, and its id in there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    /// The collection's own path.
    pub(super) collection: String,
    /// The id.
    pub(super) id: String,
}

impl Path {
    /// The resource `id` of a collection.
    pub(super) fn new(collection: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            collection: collection.into(),
            id: id.into(),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collection, self.id)
    }
}

/// Resources as one call sees them.
pub(super) struct View {
    stored: Snapshot,
    changes: Changes,
}

impl View {
    /// What is stored.
    pub(super) fn new(stored: Snapshot) -> Self {
        Self {
            stored,
            changes: Changes::new(),
        }
    }

    /// What the call has changed.
    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    /// One resource.
    pub(super) fn get(&self, path: &Path) -> Result<Option<Record>, ServiceException> {
        match self.changes.get(path) {
            Some(changed) => Ok(changed.clone()),
            None => self.stored.get(path).map_err(|error| failed(&error)),
        }
    }

    /// The resources of a collection, by id.
    pub(super) fn list(&self, collection: &str) -> Result<Vec<(Path, Record)>, ServiceException> {
        let mut all = self
            .stored
            .list(collection)
            .map_err(|error| failed(&error))?;
        let changed = |path: &Path| self.changes.contains_key(path);
        if self
            .changes
            .keys()
            .any(|path| path.collection == collection)
        {
            all.retain(|(path, _)| !changed(path));
            let ours = self.changes.iter();
            let ours = ours.filter(|(path, _)| path.collection == collection);
            all.extend(ours.filter_map(|(path, record)| Some((path.clone(), record.clone()?))));
            all.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        Ok(all)
    }

    /// Puts a resource there, in place of what was there.
    pub(super) fn put(&mut self, path: Path, record: Record) {
        self.changes.insert(path, Some(record));
    }

    /// Takes a resource away, with everything below it.
    pub(super) fn remove(&mut self, path: &Path) -> Result<(), ServiceException> {
        let below = self.stored.below(path).map_err(|error| failed(&error))?;
        let prefix = format!("{path}/");
        let ours = self.changes.keys();
        let ours = ours.filter(|path| format!("{}/", path.collection).starts_with(&prefix));
        let mut gone: Vec<Path> = ours.cloned().collect();
        gone.extend(below.into_iter().map(|(path, _)| path));
        gone.push(path.clone());
        self.changes
            .extend(gone.into_iter().map(|path| (path, None)));
        Ok(())
    }
}
