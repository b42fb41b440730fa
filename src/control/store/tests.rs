use std::fs::File;
use std::io;
use std::sync::atomic::AtomicUsize;

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::*;

/// A file that cannot be read for a while, or that takes only so many more writes.
#[derive(Debug)]
struct Flaky {
    file: FileBackend,
    fails: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
}

impl Flaky {
    /// One more write, unless there have been enough.
    fn spend(&self) -> io::Result<()> {
        let less = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        match self.writes.fetch_update(order, order, less) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("no room")),
        }
    }
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
        self.spend()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.spend()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.spend()?;
        self.file.write(offset, data)
    }
}

/// Opens the database of a store so that its reads fail as long as the flag is set.
fn make_flaky(store: &Store) -> Arc<AtomicBool> {
    make_bounded(store).0
}

/// The same, with the number of writes that it still takes.
fn make_bounded(store: &Store) -> (Arc<AtomicBool>, Arc<AtomicUsize>) {
    *store.held() = None;
    let file = File::options().read(true).write(true).open(&store.path);
    let fails = Arc::new(AtomicBool::new(false));
    let writes = Arc::new(AtomicUsize::new(usize::MAX));
    let backend = Flaky {
        file: FileBackend::new(file.unwrap()).unwrap(),
        fails: Arc::clone(&fails),
        writes: Arc::clone(&writes),
    };
    let mut builder = Database::builder();
    let database = builder.set_cache_size(0).create_with_backend(backend);
    *store.held() = Some(Held {
        database: Arc::new(database.unwrap()),
        health: Health::default(),
    });
    (fails, writes)
}

#[test]
fn a_commit_that_fails_anywhere_is_there_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let path = |id: usize| Path::new("apis", format!("{id:04}"));
    let said = |round: usize| {
        let mut record = Record::default();
        record.make("round", round);
        record
    };
    // More than a page has room for.
    let all = |round: usize| (0..200).map(|id| (path(id), Some(said(round)))).collect();
    store.commit(&all(0)).unwrap();
    let mut acknowledged = 0;
    let mut round = 0;
    loop {
        round += 1;
        let (_, writes) = make_bounded(&store);
        writes.store(round, Ordering::Relaxed);
        let done = store.commit(&all(round));
        // Whatever the database still had to do when it was closed fails too, as when the process dies.
        let snapshot = store.snapshot().unwrap();
        let found: Vec<Record> = snapshot
            .list("apis")
            .unwrap()
            .into_iter()
            .map(|(_, record)| record)
            .collect();
        assert_eq!(found.len(), 200);
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{round}");
        match done {
            Ok(()) => assert_eq!(found[0], said(round)),
            Err(_) => assert!(found[0] == said(round) || found[0] == said(acknowledged)),
        }
        let there = found[0].made["round"].as_u64().unwrap();
        acknowledged = usize::try_from(there).unwrap();
        if done.is_ok() {
            break;
        }
    }
    assert!(round > 3, "some of them failed");
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
