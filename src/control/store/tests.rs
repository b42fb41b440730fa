use std::fs::File;
use std::io;

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::*;

/// A file that cannot be read for a while.
#[derive(Debug)]
struct Flaky {
    file: FileBackend,
    fails: Arc<AtomicBool>,
}

impl StorageBackend for Flaky {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(io::Error::other("unreadable")),
            false => self.file.read(offset, out),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }
}

/// Opens the database of a store so that its reads fail as long as the flag is set.
fn make_flaky(store: &Store) -> Arc<AtomicBool> {
    *store.held() = None;
    let file = File::options().read(true).write(true).open(&store.path);
    let fails = Arc::new(AtomicBool::new(false));
    let backend = Flaky {
        file: FileBackend::new(file.unwrap()).unwrap(),
        fails: Arc::clone(&fails),
    };
    let mut builder = Database::builder();
    let database = builder.set_cache_size(0).create_with_backend(backend);
    *store.held() = Some(Held {
        database: Arc::new(database.unwrap()),
        health: Health::default(),
    });
    fails
}

#[test]
fn a_database_that_could_not_be_read_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = |id: usize| Path::new("apis", format!("{id:04}"));
    let changes = (0..2000).map(|id| (path(id), Some(Record::default())));
    let store = Store::open(directory.path()).unwrap();
    store.commit(&changes.collect()).unwrap();

    let check = |what: &str, look: &dyn Fn(&Snapshot) -> Result<usize, StoreError>, expected| {
        let fails = make_flaky(&store);
        let snapshot = store.snapshot().unwrap();
        assert_eq!(look(&snapshot).unwrap(), expected, "{what}");
        fails.store(true, Ordering::Relaxed);
        let failed = look(&snapshot);
        let is_broken = matches!(failed, Err(StoreError::Database { .. }));
        assert!(is_broken, "{what}: {failed:?}");
        fails.store(false, Ordering::Relaxed);
        drop(snapshot);
        let again = store.snapshot().and_then(|snapshot| look(&snapshot));
        assert_eq!(again.unwrap(), expected, "{what}");
    };
    let list = |snapshot: &Snapshot| snapshot.list("apis").map(|all| all.len());
    check("list", &list, 2000);
    check("count", &|snapshot| snapshot.count("apis"), 2000);
    let get = |snapshot: &Snapshot| snapshot.get(&path(1)).map(|one| usize::from(one.is_some()));
    check("get", &get, 1);
    let below = |snapshot: &Snapshot| snapshot.below(&path(1)).map(|all| all.len());
    check("below", &below, 0);
}
