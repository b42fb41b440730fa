//! What the control plane was told, kept on disk: one table from a resource's path to its record.
//!
//! redb, because all that is asked of it is what it is: a transactional, ordered map in one file, pure Rust, where a commit
//! that has returned survives the death of the process and one that has not leaves no trace. There is nothing here that
//! a query language would make shorter. The file is made by the first change, so a gateway that is configured by its
//! file alone keeps none.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Database, ReadOnlyTable, ReadableDatabase as _, TableDefinition, TableError};

use super::record::Record;
use super::view::Path;

/// Name of the database in the state directory.
const FILE: &str = "control.redb";
/// By collection, e.g. `apis/abc/routes`, and id.
const RESOURCES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("resources");
/// Sorts behind every character that an id can begin with.
const AFTER_IDS: &str = "\u{10ffff}";

/// Why resources cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made.
    #[error("{path}: {problem}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        problem: std::io::Error,
    },
    /// The database does not work.
    #[error("{path}: {problem}")]
    Database {
        /// Its file.
        path: PathBuf,
        /// What it says.
        problem: Box<redb::Error>,
    },
    /// A record is not one that this program writes.
    #[error("{path}: the record of {resource} cannot be read: {problem}")]
    Record {
        /// The database.
        path: PathBuf,
        /// The path of the resource.
        resource: String,
        /// What is wrong.
        problem: serde_json::Error,
    },
}

/// Records by path; `None` takes one away.
pub(super) type Changes = BTreeMap<Path, Option<Record>>;

/// The database.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    database: Mutex<Option<Held>>,
}

/// A database that is open.
#[derive(Debug, Clone)]
struct Held {
    database: Arc<Database>,
    health: Health,
}

/// Whether a database still works. One that met an error of the disk answers nothing else from then on, so that it must be opened
/// anew.
#[derive(Debug, Clone, Default)]
struct Health(Arc<AtomicBool>);

impl Health {
    /// Notes what a database says.
    fn broken(&self, path: &FilePath, problem: impl Into<redb::Error>) -> StoreError {
        self.0.store(true, Ordering::Relaxed);
        unusable(path, problem)
    }

    fn is_good(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

impl Store {
    /// The database in `directory`, which need not be there yet.
    pub(super) fn open(directory: &FilePath) -> Result<Self, StoreError> {
        let store = Self {
            path: directory.join(FILE),
            database: Mutex::new(None),
        };
        if store.path.exists() {
            store.database()?;
        }
        Ok(store)
    }

    /// The database in `directory`, if there is one.
    pub(super) fn open_existing(directory: &FilePath) -> Result<Option<Self>, StoreError> {
        match directory.join(FILE).try_exists() {
            Ok(true) => Self::open(directory).map(Some),
            Ok(false) => Ok(None),
            Err(problem) => Err(StoreError::Directory {
                path: directory.to_owned(),
                problem,
            }),
        }
    }

    /// What to say of a database of which a part could not be read, which the log has.
    pub(super) fn unreadable(&self) -> StoreError {
        StoreError::Directory {
            path: self.path.clone(),
            problem: std::io::Error::other("its resources cannot be read"),
        }
    }

    /// Everything as it is now; later changes do not show.
    pub(super) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let path = self.path.clone();
        if !path.exists() {
            let health = Health::default();
            return Ok(Snapshot {
                path,
                table: None,
                health,
            });
        }
        let Held { database, health } = self.database()?;
        let reading = database.begin_read();
        let reading = reading.map_err(|e| health.broken(&path, e))?;
        let table = match reading.open_table(RESOURCES) {
            Ok(table) => Some(table),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(health.broken(&path, error)),
        };
        Ok(Snapshot {
            path,
            table,
            health,
        })
    }

    /// Writes all of it or none; when this returns, it is on disk.
    pub(super) fn commit(&self, changes: &Changes) -> Result<(), StoreError> {
        let Held { database, health } = self.database()?;
        write(&database, changes).map_err(|problem| health.broken(&self.path, problem))
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self) -> Result<Held, StoreError> {
        let mut held = self.held();
        // The broken one goes before another is opened: only one may hold the file.
        drop(held.take_if(|held| !held.health.is_good()));
        if let Some(good) = &*held {
            return Ok(good.clone());
        }
        let directory = self.path.parent().unwrap_or(FilePath::new("."));
        std::fs::create_dir_all(directory).map_err(|problem| StoreError::Directory {
            path: directory.to_owned(),
            problem,
        })?;
        let database = Database::create(&self.path).map_err(|e| unusable(&self.path, e))?;
        let opened = Held {
            database: Arc::new(database),
            health: Health::default(),
        };
        *held = Some(opened.clone());
        Ok(opened)
    }
}

fn write(database: &Database, changes: &Changes) -> Result<(), redb::Error> {
    let writing = database.begin_write()?;
    {
        let mut table = writing.open_table(RESOURCES)?;
        for (path, record) in changes {
            let key = (path.collection.as_str(), path.id.as_str());
            match record {
                Some(record) => table.insert(key, record.to_bytes().as_slice())?,
                None => table.remove(key)?,
            };
        }
    }
    Ok(writing.commit()?)
}

fn unusable(path: &FilePath, problem: impl Into<redb::Error>) -> StoreError {
    StoreError::Database {
        path: path.to_owned(),
        problem: Box::new(problem.into()),
    }
}

/// The database at one moment.
pub(super) struct Snapshot {
    path: PathBuf,
    /// `None` as long as nothing was ever stored.
    table: Option<ReadOnlyTable<(&'static str, &'static str), &'static [u8]>>,
    health: Health,
}

impl Snapshot {
    /// One resource.
    pub(super) fn get(&self, path: &Path) -> Result<Option<Record>, StoreError> {
        let Some(table) = &self.table else {
            return Ok(None);
        };
        let found = table.get((path.collection.as_str(), path.id.as_str()));
        let found = found.map_err(|e| self.broken(e))?;
        found
            .map(|bytes| self.record(path, bytes.value()))
            .transpose()
    }

    /// The resources of a collection, by id.
    pub(super) fn list(&self, collection: &str) -> Result<Vec<(Path, Record)>, StoreError> {
        self.range((collection, ""), (collection, AFTER_IDS))
    }

    /// The paths of the resources of a collection, by id.
    pub(super) fn ids(&self, collection: &str) -> Result<Vec<Path>, StoreError> {
        let Some(table) = &self.table else {
            return Ok(Vec::new());
        };
        let entries = table.range((collection, "")..(collection, AFTER_IDS));
        let entries = entries.map_err(|e| self.broken(e))?;
        entries
            .map(|entry| {
                let (key, _) = entry.map_err(|e| self.broken(e))?;
                Ok(Path::new(collection, key.value().1))
            })
            .collect()
    }

    /// How many resources a collection has.
    pub(super) fn count(&self, collection: &str) -> Result<usize, StoreError> {
        let Some(table) = &self.table else {
            return Ok(0);
        };
        let keys = table.range((collection, "")..(collection, AFTER_IDS));
        let mut keys = keys.map_err(|e| self.broken(e))?;
        keys.try_fold(0, |count, key| key.map(|_| count + 1))
            .map_err(|e| self.broken(e))
    }

    /// Everything below a resource, in whichever collection.
    pub(super) fn below(&self, path: &Path) -> Result<Vec<(Path, Record)>, StoreError> {
        let own = path.to_string();
        // `0` is what follows `/`.
        self.range((&format!("{own}/"), ""), (&format!("{own}0"), ""))
    }

    fn range(
        &self,
        from: (&str, &str),
        to: (&str, &str),
    ) -> Result<Vec<(Path, Record)>, StoreError> {
        let Some(table) = &self.table else {
            return Ok(Vec::new());
        };
        let entries = table.range(from..to).map_err(|e| self.broken(e))?;
        let mut all = Vec::new();
        for entry in entries {
            let (key, bytes) = entry.map_err(|e| self.broken(e))?;
            let (collection, id) = key.value();
            let path = Path::new(collection, id);
            let record = self.record(&path, bytes.value())?;
            all.push((path, record));
        }
        Ok(all)
    }

    fn broken(&self, problem: impl Into<redb::Error>) -> StoreError {
        self.health.broken(&self.path, problem)
    }

    fn record(&self, path: &Path, bytes: &[u8]) -> Result<Record, StoreError> {
        Record::from_bytes(bytes).map_err(|problem| StoreError::Record {
            path: self.path.clone(),
            resource: path.to_string(),
            problem,
        })
    }
}

#[cfg(test)]
mod tests;
