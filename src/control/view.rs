//! What a call sees: the resources as they are stored, with the call's own changes laid over them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::ServiceException;

use super::failed;
use super::file::FileSide;
use super::kind::Kind;
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

    /// The collection of what is below it, of one kind.
    pub(super) fn collection_of(&self, kind: Kind) -> String {
        format!("{self}/{}", kind.facts().collection)
    }

    /// The id of the API that the resource is, or is part of.
    pub(super) fn api(&self) -> Option<&str> {
        self.part_of(Kind::Api)
    }

    /// The id of the resource of a kind without parents that this is, or is part of.
    pub(super) fn part_of(&self, kind: Kind) -> Option<&str> {
        let rest = match self.collection.strip_prefix(kind.facts().collection)? {
            "" => return Some(&self.id),
            rest => rest.strip_prefix('/')?,
        };
        rest.split('/').next()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collection, self.id)
    }
}

/// Resources as one call sees them: those of the definition file, which stay as they are, and those that are stored.
pub(super) struct View {
    file: Arc<FileSide>,
    stored: Snapshot,
    changes: Changes,
}

impl View {
    /// What the file has and what is stored.
    pub(super) fn new(file: Arc<FileSide>, stored: Snapshot) -> Self {
        Self {
            file,
            stored,
            changes: Changes::new(),
        }
    }

    /// The definition file's side.
    pub(super) fn file(&self) -> &FileSide {
        &self.file
    }

    /// The same, for whoever changes resources meanwhile.
    pub(super) fn shared_file(&self) -> Arc<FileSide> {
        Arc::clone(&self.file)
    }

    /// What the call has changed.
    pub(super) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What the call has changed in a collection.
    pub(super) fn changes_in<'v>(
        &'v self,
        collection: &'v str,
    ) -> impl Iterator<Item = (&'v Path, &'v Option<Record>)> {
        of_collection(&self.changes, collection)
    }

    /// What the call has changed of a resource and of everything below it, as paths.
    pub(super) fn changes_of<'v>(
        &'v self,
        path: &Path,
    ) -> impl Iterator<Item = &'v Path> + use<'v> {
        let own = self.changes.get_key_value(path);
        let own = own.into_iter().map(|(path, _)| path);
        own.chain(below(&self.changes, path))
    }

    /// Whether a resource that the call changed was not there before.
    pub(super) fn is_new(&self, path: &Path) -> Result<bool, ServiceException> {
        let stored = self.stored.get(path).map_err(|error| failed(&error))?;
        Ok(stored.is_none())
    }

    /// One resource.
    pub(super) fn get(&self, path: &Path) -> Result<Option<Record>, ServiceException> {
        if let Some(record) = self.file.resources.get(path) {
            return Ok(Some(record.clone()));
        }
        match self.changes.get(path) {
            Some(changed) => Ok(changed.clone()),
            None => self.stored.get(path).map_err(|error| failed(&error)),
        }
    }

    /// The resources of a collection, by id.
    pub(super) fn list(&self, collection: &str) -> Result<Vec<(Path, Record)>, ServiceException> {
        let stored = self.stored.list(collection);
        let mut all: BTreeMap<Path, Record> = stored
            .map_err(|error| failed(&error))?
            .into_iter()
            .collect();
        for (path, record) in of_collection(&self.changes, collection) {
            match record {
                Some(record) => drop(all.insert(path.clone(), record.clone())),
                None => drop(all.remove(path)),
            }
        }
        let file = of_collection(&self.file.resources, collection);
        all.extend(file.map(|(path, record)| (path.clone(), record.clone())));
        Ok(all.into_iter().collect())
    }

    /// How many resources of a collection are not the file's.
    pub(super) fn count(&self, collection: &str) -> Result<usize, ServiceException> {
        let stored = self.stored.count(collection);
        let mut count = stored.map_err(|error| failed(&error))?;
        for (path, record) in of_collection(&self.changes, collection) {
            let before = self.stored.get(path).map_err(|error| failed(&error))?;
            match (before, record) {
                (None, Some(_)) => count += 1,
                (Some(_), None) => count = count.saturating_sub(1),
                _ => {}
            }
        }
        Ok(count)
    }

    /// Puts a resource there, in place of what was there.
    pub(super) fn put(&mut self, path: Path, record: Record) {
        self.changes.insert(path, Some(record));
    }

    /// Takes a resource away, with everything below it.
    pub(super) fn remove(&mut self, path: &Path) -> Result<(), ServiceException> {
        let stored = self.stored.below(path).map_err(|error| failed(&error))?;
        let mut gone: Vec<Path> = below(&self.changes, path).cloned().collect();
        gone.extend(stored.into_iter().map(|(path, _)| path));
        gone.push(path.clone());
        self.changes
            .extend(gone.into_iter().map(|path| (path, None)));
        Ok(())
    }
}

fn of_collection<'m, V>(
    map: &'m BTreeMap<Path, V>,
    collection: &'m str,
) -> impl Iterator<Item = (&'m Path, &'m V)> {
    map.range(Path::new(collection, "")..)
        .take_while(move |(path, _)| path.collection == collection)
}

/// The paths below a resource: they stand together, so that nobody looks at the others.
fn below<'m, V>(
    map: &'m BTreeMap<Path, V>,
    path: &Path,
) -> impl Iterator<Item = &'m Path> + use<'m, V> {
    let prefix = format!("{path}/");
    map.range(Path::new(prefix.as_str(), "")..)
        .map(|(path, _)| path)
        .take_while(move |path| path.collection.starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::store::Store;
    use crate::definition::{Machine, load_text};
    use crate::plan::Plan;

    fn view(directory: &std::path::Path) -> View {
        let nothing = load_text("", directory, &Machine::default()).unwrap();
        let file = Arc::new(FileSide::new(&nothing, Plan::default()));
        View::new(file, Store::open(directory).unwrap().snapshot().unwrap())
    }

    #[test]
    fn changes_of_a_resource_are_its_own_and_those_below() {
        let directory = tempfile::tempdir().unwrap();
        let mut view = view(directory.path());
        let path = |text: &str| {
            let (collection, id) = text.rsplit_once('/').unwrap();
            Path::new(collection, id)
        };
        let own = [
            "apis/b",
            "apis/b/routes/1",
            "apis/b/routes/1/routeresponses/2",
            "apis/b/stages/$default",
        ];
        let others = [
            "apis/a",
            "apis/a/routes/1",
            "apis/b-c",
            "apis/b-c/routes/1",
            "apis/b0",
            "apis/b0/routes/1",
            "apis/c/routes/1",
            "domainnames/b",
            "domainnames/b/apimappings/1",
        ];
        for text in own.iter().chain(&others) {
            view.put(path(text), Record::default());
        }
        let told = |view: &View, of: &str| {
            let mut told: Vec<String> = view.changes_of(&path(of)).map(Path::to_string).collect();
            told.sort();
            told
        };
        assert_eq!(told(&view, "apis/b"), own);
        assert_eq!(told(&view, "apis/d"), [""; 0]);
        assert_eq!(told(&view, "apis/c"), ["apis/c/routes/1"]);
        let routes = view
            .changes_in("apis/b/routes")
            .map(|(path, _)| path.to_string());
        assert_eq!(routes.collect::<Vec<_>>(), ["apis/b/routes/1"]);

        view.remove(&path("apis/b")).unwrap();
        for text in own {
            assert_eq!(view.get(&path(text)).unwrap(), None, "{text}");
        }
        for text in others {
            assert!(view.get(&path(text)).unwrap().is_some(), "{text}");
        }
    }
}
