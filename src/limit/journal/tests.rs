use std::collections::HashMap;

use super::*;
use crate::base::clock::ManualClock;
use crate::plan::throttle::Throttle;
use crate::plan::usage::{ApiKey, Period, Quota, Subscriber, UsagePlan};

/// 2026-03-12T08:15:30Z.
const NOW: EpochMillis = EpochMillis(1_773_303_330_000);
const TOMORROW: EpochMillis = EpochMillis(NOW.0 + 86_400_000);
const QUOTA: Quota = Quota {
    limit: 1_000_000,
    period: Period::Day,
};

fn subscriber(key: &str) -> Subscriber {
    let routes = HashMap::<Box<str>, Throttle>::new();
    let stages = HashMap::from([("prod".into(), routes)]);
    let plan = Arc::new(UsagePlan {
        id: "gold".into(),
        counter: UsagePlan::counter_of("gold"),
        throttle: None,
        quota: Some(QUOTA),
        stages: HashMap::from([("chat".into(), stages)]),
    });
    let key = ApiKey::new(key, "", true, vec![Arc::clone(&plan)]);
    Subscriber {
        key: Arc::new(key),
        plan,
    }
}

fn count(counters: &UsageCounters, key: &str, times: usize) {
    let subscriber = subscriber(key);
    assert!((0..times).all(|_| counters.count(&subscriber, &QUOTA, NOW)));
}

fn used(counters: &UsageCounters, key: &str) -> Option<u64> {
    counters.used(&subscriber(key))
}

/// What a gateway that is started at `now` knows of the directory's usage.
fn reopened(directory: &Path, now: EpochMillis) -> UsageCounters {
    let counters = UsageCounters::new();
    drop(Journal::open(directory, &counters, now).unwrap());
    counters
}

/// A journal in which `acme` has used 3 requests and `zeta` 2, in two writes.
async fn written(directory: &Path) -> String {
    let counters = UsageCounters::new();
    let mut journal = Journal::open(directory, &counters, NOW).unwrap();
    count(&counters, "acme", 1);
    journal.write(&counters, NOW).await.unwrap();
    count(&counters, "acme", 2);
    count(&counters, "zeta", 2);
    journal.write(&counters, NOW).await.unwrap();
    fs::read_to_string(directory.join(FILE)).unwrap()
}

#[tokio::test]
async fn what_was_used_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("not/there/yet");
    let text = written(&state).await;
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(
        text.contains(
            r#"{"plan":"gold","key":"acme","period":"DAY","since":"2026-03-12","requests":3}"#
        ),
        "{text}"
    );
    let counters = reopened(&state, NOW);
    assert_eq!(used(&counters, "acme"), Some(3));
    assert_eq!(used(&counters, "zeta"), Some(2));
    // Opening it has left out what no longer counts.
    let text = fs::read_to_string(state.join(FILE)).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    let counters = reopened(&state, TOMORROW);
    assert_eq!(used(&counters, "acme"), None);
    let text = fs::read_to_string(state.join(FILE)).unwrap();
    assert_eq!(text, format!("{TITLE}\n"));
}

#[tokio::test]
async fn nothing_is_written_when_nothing_was_used() {
    let directory = tempfile::tempdir().unwrap();
    let counters = UsageCounters::new();
    let mut journal = Journal::open(directory.path(), &counters, NOW).unwrap();
    count(&counters, "acme", 1);
    journal.write(&counters, NOW).await.unwrap();
    let length = journal.length;
    journal.write(&counters, NOW).await.unwrap();
    assert_eq!(journal.length, length);
    let file = fs::metadata(directory.path().join(FILE)).unwrap();
    assert_eq!(file.len(), length);
}

#[tokio::test]
async fn a_journal_that_was_torn_anywhere_keeps_what_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let text = written(directory.path()).await;
    for length in 0..text.len() {
        let text = text.get(..length).unwrap();
        fs::write(&path, text).unwrap();
        let counters = reopened(directory.path(), NOW);
        // The title, one request of acme's, then what both had used.
        let expected = match text.matches('\n').count() {
            0 | 1 => None,
            2 => Some(1),
            _ => used(&counters, "acme").filter(|used| matches!(used, 1 | 3)),
        };
        assert_eq!(used(&counters, "acme"), expected, "{text}");
    }
}

#[tokio::test]
async fn a_line_that_was_changed_does_not_count_and_the_others_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let text = written(directory.path()).await;
    let check = |content: &[u8], acme: Option<u64>, zeta: Option<u64>| {
        fs::write(&path, content).unwrap();
        let counters = reopened(directory.path(), NOW);
        let shown = String::from_utf8_lossy(content);
        assert_eq!(used(&counters, "acme"), acme, "{shown}");
        assert_eq!(used(&counters, "zeta"), zeta, "{shown}");
    };
    check(
        text.replace("\"requests\":3", "\"requests\":0").as_bytes(),
        Some(1),
        Some(2),
    );
    check(text.replace("zeta", "beta").as_bytes(), Some(3), None);
    check(
        text.replace(TITLE, "\u{0}\u{0}").as_bytes(),
        Some(3),
        Some(2),
    );
    check(&[text.as_bytes(), &[0xff; 5000]].concat(), Some(3), Some(2));
    check(
        &[&[b'x'; 5000], b"\n".as_slice(), text.as_bytes()].concat(),
        Some(3),
        Some(2),
    );
    check(&[0; 4096], None, None);
    check(b"", None, None);
}

#[tokio::test]
async fn a_journal_that_grew_is_written_anew() {
    let directory = tempfile::tempdir().unwrap();
    let counters = UsageCounters::new();
    let mut journal = Journal::open(directory.path(), &counters, NOW).unwrap();
    let path = directory.path().join(FILE);
    let mut largest = 0;
    for _ in 0..300 {
        for key in 0..100 {
            count(&counters, &format!("key-{key}"), 1);
        }
        journal.write(&counters, NOW).await.unwrap();
        let length = fs::metadata(&path).unwrap().len();
        assert_eq!(length, journal.length);
        largest = length.max(largest);
    }
    assert!(
        journal.length < largest && largest < SMALL + 50_000,
        "{largest}"
    );
    drop(journal);
    let counters = reopened(directory.path(), NOW);
    assert!((0..100).all(|key| used(&counters, &format!("key-{key}")) == Some(300)));
}

#[tokio::test]
async fn after_a_failed_write_the_whole_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let counters = UsageCounters::new();
    let mut journal = Journal::open(directory.path(), &counters, NOW).unwrap();
    count(&counters, "acme", 2);
    // A file that cannot be written to.
    let writable = std::mem::replace(
        &mut journal.file,
        tokio::fs::File::open(&path).await.unwrap(),
    );
    journal.write(&counters, NOW).await.unwrap_err();
    drop(writable);
    journal.write(&counters, NOW).await.unwrap();
    drop(journal);
    assert_eq!(used(&reopened(directory.path(), NOW), "acme"), Some(2));
}

#[tokio::test]
async fn a_directory_has_one_gateway_and_one_format() {
    let directory = tempfile::tempdir().unwrap();
    let counters = UsageCounters::new();
    let journal = Journal::open(directory.path(), &counters, NOW).unwrap();
    let second = Journal::open(directory.path(), &counters, NOW);
    assert!(matches!(second, Err(JournalError::Locked(_))), "{second:?}");
    drop(journal);
    fs::write(directory.path().join(FILE), "tidegate usage 2\n").unwrap();
    let later = Journal::open(directory.path(), &counters, NOW);
    assert!(matches!(later, Err(JournalError::Version(_))), "{later:?}");
    let text = fs::read_to_string(directory.path().join(FILE)).unwrap();
    assert_eq!(text, "tidegate usage 2\n");
    // A file stands where the directory should.
    let file = directory.path().join(FILE);
    let blocked = Journal::open(&file, &counters, NOW);
    assert!(
        matches!(blocked, Err(JournalError::File { .. })),
        "{blocked:?}"
    );
}

#[tokio::test]
async fn usage_is_kept_every_second_and_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let counters = Arc::new(UsageCounters::new());
    let journal = Journal::open(directory.path(), &counters, NOW).unwrap();
    let clock = ManualClock::new(NOW);
    let stop = Shutdown::new();
    let keeping = keep(Arc::clone(&counters), journal, clock.clone(), stop.clone());
    tokio::pin!(keeping);
    let lines = || fs::read_to_string(&path).unwrap().lines().count();
    count(&counters, "acme", 1);
    assert!(futures_util::poll!(&mut keeping).is_pending());
    assert_eq!(lines(), 1);
    clock.advance(PERIOD);
    while lines() == 1 {
        assert!(futures_util::poll!(&mut keeping).is_pending());
        tokio::task::yield_now().await;
    }
    count(&counters, "acme", 1);
    stop.begin();
    keeping.await;
    assert_eq!(used(&reopened(directory.path(), NOW), "acme"), Some(2));
}
