//! The numbers of one series.
//!
//! Every thread adds to a row of its own, so that threads do not fight over a cache line: nothing is locked and nothing is
//! allocated when an event is counted. Reading adds the rows up.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::observe::names::{BUCKETS, Counter, Timer};

/// Rows of a series; threads beyond that number share.
const ROWS_MAX: usize = 8;

/// Numbers threads as they come.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
}

/// How many rows are worth having on this machine.
pub(super) fn rows() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(ROWS_MAX))
}

/// All counters and timers of one series.
#[derive(Debug)]
pub(super) struct Cells(Box<[Row]>);

// Two cache lines: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Row {
    counters: [AtomicU64; Counter::ALL.len()],
    timers: [Times; Timer::ALL.len()],
}

#[derive(Debug, Default)]
struct Times {
    /// How many durations fell into each bucket and no smaller one; the last has no bound.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

/// The durations of one timer, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spread {
    /// How many durations there are up to each bound of [`BUCKETS`], and, last, in all.
    pub(super) up_to: [u64; BUCKETS.len() + 1],
    /// Their sum, in microseconds.
    pub(super) micros: u64,
}

impl Spread {
    /// How many durations there are.
    pub(super) fn count(&self) -> u64 {
        self.up_to[BUCKETS.len()]
    }

    /// Their sum, in seconds, as a decimal number.
    pub(super) fn seconds(&self) -> String {
        format!("{}.{:06}", self.micros / 1_000_000, self.micros % 1_000_000)
    }
}

impl Cells {
    /// Zeros in so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self((0..rows.max(1)).map(|_| Row::default()).collect())
    }

    /// Adds to a counter.
    pub(super) fn add(&self, counter: Counter, by: u64) {
        if let Some(row) = self.row() {
            row.counters[counter as usize].fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Notes a duration.
    pub(super) fn observe(&self, timer: Timer, duration: Duration) {
        let Some(row) = self.row() else {
            return;
        };
        let times = &row.timers[timer as usize];
        let bucket = BUCKETS.partition_point(|(_, bound)| *bound < duration);
        times.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        times.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What a counter has come to.
    pub(super) fn count(&self, counter: Counter) -> u64 {
        self.sum(|row| &row.counters[counter as usize])
    }

    /// What a timer has come to.
    pub(super) fn spread(&self, timer: Timer) -> Spread {
        let mut up_to = 0u64;
        Spread {
            up_to: array::from_fn(|bucket| {
                up_to =
                    up_to.wrapping_add(self.sum(|row| &row.timers[timer as usize].buckets[bucket]));
                up_to
            }),
            micros: self.sum(|row| &row.timers[timer as usize].micros),
        }
    }

    fn sum(&self, cell: impl Fn(&Row) -> &AtomicU64) -> u64 {
        let cells = self.0.iter().map(|row| cell(row).load(Ordering::Relaxed));
        cells.fold(0, u64::wrapping_add)
    }

    /// The row of the thread that runs now.
    fn row(&self) -> Option<&Row> {
        let thread = THREAD.with(Cell::get);
        // There is always a row.
        self.0.get(thread % self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let cells = Cells::new(3);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        cells.add(Counter::Count, 1);
                        cells.observe(Timer::Latency, Duration::from_millis(2));
                    }
                });
            }
        });
        assert_eq!(cells.count(Counter::Count), 8000);
        assert_eq!(cells.count(Counter::Status4xx), 0);
        let spread = cells.spread(Timer::Latency);
        assert_eq!(spread.micros, 8000 * 2000);
        assert_eq!(spread.up_to[1], 0);
        assert_eq!(spread.up_to[2], 8000);
        assert_eq!(spread.up_to[BUCKETS.len()], 8000);
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        fn check(micros: u64, bucket: usize) {
            let cells = Cells::new(1);
            cells.observe(Timer::IntegrationLatency, Duration::from_micros(micros));
            let spread = cells.spread(Timer::IntegrationLatency);
            let first = spread.up_to.iter().position(|count| *count > 0);
            assert_eq!(first, Some(bucket), "{micros} us");
            assert_eq!(cells.spread(Timer::Latency), Spread::default());
        }
        check(0, 0);
        check(500, 0);
        check(501, 1);
        check(1000, 1);
        check(30_000_000, BUCKETS.len() - 1);
        check(30_000_001, BUCKETS.len());
        check(u64::MAX, BUCKETS.len());
    }
}
