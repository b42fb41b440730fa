//! No line is lost, whatever happens to its queue.

use std::path::PathBuf;

use super::*;
use crate::base::clock::{EpochMillis, ManualClock};

/// More than a queue takes, in lines of a kilobyte.
const LINES: usize = 5000;

struct Rig {
    logs: Arc<AccessLogs>,
    tasks: Tasks,
    directory: tempfile::TempDir,
}

impl Rig {
    /// Logs by a clock that stands still: no pause ever ends by itself.
    fn new() -> Self {
        let tasks = Tasks::new();
        let clock = ManualClock::new(EpochMillis(0));
        Self {
            logs: Arc::new(AccessLogs::new(clock, tasks.clone())),
            tasks,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn destination(&self) -> Destination {
        Destination::File(self.path())
    }

    fn read(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn line(number: usize) -> String {
    format!("{number:01000}")
}

#[tokio::test]
async fn who_meets_a_full_queue_waits_for_room() {
    let rig = Rig::new();
    let destination = rig.destination();
    let mut refused = 0;
    for number in 0..LINES {
        let line = line(number);
        if !rig.logs.try_write(&destination, &line) {
            refused += 1;
            rig.logs.write(&destination, &line).await;
        }
    }
    assert!(refused > 0);
    rig.logs.flush().await;
    assert_eq!(rig.logs.waiting(), 0);
    let expected: Vec<_> = (0..LINES).map(line).collect();
    assert!(rig.read() == expected);
    assert_eq!(rig.logs.lost(), 0);
}

#[tokio::test]
async fn where_nothing_can_wait_a_task_does() {
    let rig = Rig::new();
    for number in 0..LINES {
        rig.logs.write_later(&rig.destination(), line(number));
    }
    // More than the writer.
    assert!(rig.tasks.live() > 1);
    let Rig { logs, tasks, .. } = &rig;
    while tasks.live() > 1 {
        logs.flush().await;
        tokio::task::yield_now().await;
    }
    logs.flush().await;
    let mut found = rig.read();
    found.sort();
    let expected: Vec<_> = (0..LINES).map(line).collect();
    assert!(found == expected);
}

#[tokio::test]
async fn a_flush_waits_for_no_pause() {
    let rig = Rig::new();
    for round in 1..4 {
        assert!(rig.logs.try_write(&rig.destination(), "a"));
        assert_eq!(rig.logs.waiting(), 1);
        rig.logs.flush().await;
        assert_eq!(rig.read().len(), round);
    }
}

#[tokio::test]
async fn what_is_opened_anew_loses_nothing() {
    let rig = Rig::new();
    assert!(rig.logs.try_write(&rig.destination(), "a"));
    rig.logs.reopen();
    let moved = rig.directory.path().join("moved");
    // Nobody has written yet, so nobody has opened the file.
    assert!(!rig.path().exists());
    rig.tasks.idle().await;
    assert_eq!(rig.read(), ["a"]);
    std::fs::rename(rig.path(), &moved).unwrap();
    assert!(rig.logs.try_write(&rig.destination(), "b"));
    rig.logs.flush().await;
    assert_eq!(rig.read(), ["b"]);
    let Rig { logs, tasks, .. } = rig;
    drop(logs);
    tasks.idle().await;
}

#[tokio::test]
async fn lines_of_a_writer_that_has_died_are_counted_and_the_next_has_another() {
    let rig = Rig::new();
    let queue = Arc::new(Queue::default());
    assert_eq!(queue.push("a"), Ok(()));
    let open = [(rig.destination(), Arc::clone(&queue))];
    rig.logs.open.store(Arc::new(open.into_iter().collect()));
    // As the writer does when it is dropped.
    assert_eq!((queue.end(), queue.waiting()), (1, 0));
    assert_eq!(queue.push("b"), Err(Refused::Ended));
    assert!(rig.logs.try_write(&rig.destination(), "b"));
    rig.logs.flush().await;
    assert_eq!(rig.read(), ["b"]);
}
