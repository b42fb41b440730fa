//! The only place that reads a clock or waits for one.
//!
//! Everything that needs time is handed a [`Clock`], so that a test owns it: [`ManualClock`] moves only when told to.

#![expect(
    clippy::disallowed_methods,
    reason = "the clocks of the process are read here and nowhere else"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

/// A point on the monotonic time line: milliseconds since the clock was made.
///
/// Eight bytes, so that a connection can keep several of them in atomics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub u64);

impl Tick {
    /// The point that [`Clock::nanos`] gives in nanoseconds.
    pub fn at(nanos: u64) -> Self {
        Self(nanos / 1_000_000)
    }

    /// This point plus a duration, rounded up to whole milliseconds and saturating at the end of time.
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, as AWS events carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EpochMillis(pub u64);

impl EpochMillis {
    /// Whole seconds since the epoch.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0 / 1000).unwrap_or(i64::MAX)
    }
}

/// Source of time for everything in the gateway.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    /// Monotonic time, for every timeout and interval.
    fn now(&self) -> Tick;
    /// The same time line in nanoseconds, for rates above a thousand a second.
    fn nanos(&self) -> u64;
    /// Wall-clock time, only for what leaves the process: events, logs, signatures.
    fn wall(&self) -> EpochMillis;
    /// Completes once [`Clock::now`] has reached `at`.
    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()>;
}

/// Waits for `future`, but no longer than `limit`; `None` when the limit came first.
pub fn within<F: Future>(clock: &dyn Clock, limit: Duration, future: F) -> Within<F> {
    Within {
        future,
        deadline: clock.sleep_until(clock.now().after(limit)),
    }
}

pin_project_lite::pin_project! {
    /// What [`within`] waits for. Written out, because an `async fn` would keep room for the future twice.
    pub struct Within<F> {
        #[pin]
        future: F,
        deadline: BoxFuture<'static, ()>,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Some(output));
        }
        this.deadline.as_mut().poll(context).map(|()| None)
    }
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose tick zero is now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Tick {
        Tick(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn wall(&self) -> EpochMillis {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        EpochMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()> {
        let until = self.start + Duration::from_millis(at.0);
        Box::pin(tokio::time::sleep_until(until.into()))
    }
}

/// A clock that stands still until [`ManualClock::advance`] is called. For tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicU64,
    wall_start: u64,
    sleepers: Mutex<BTreeMap<u64, Vec<oneshot::Sender<()>>>>,
}

impl ManualClock {
    /// A clock at tick zero whose wall time starts at `wall`.
    pub fn new(wall: EpochMillis) -> Arc<Self> {
        Arc::new(Self {
            wall_start: wall.0,
            ..Self::default()
        })
    }

    /// Moves time forward and wakes everyone whose moment has come.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now.load(Ordering::SeqCst).saturating_add(millis);
        self.now.store(now, Ordering::SeqCst);
        let later = sleepers.split_off(&(now.saturating_add(1)));
        let due = std::mem::replace(&mut *sleepers, later);
        drop(sleepers);
        for sleeper in due.into_values().flatten() {
            // The sleeper may have been dropped: then nobody is waiting any more.
            sleeper.send(()).ok();
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Tick {
        Tick(self.now.load(Ordering::SeqCst))
    }

    fn nanos(&self) -> u64 {
        self.now().0.saturating_mul(1_000_000)
    }

    fn wall(&self) -> EpochMillis {
        EpochMillis(
            self.wall_start
                .saturating_add(self.now.load(Ordering::SeqCst)),
        )
    }

    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()> {
        let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.now.load(Ordering::SeqCst) >= at.0 {
            return Box::pin(std::future::ready(()));
        }
        let (sender, receiver) = oneshot::channel();
        sleepers.entry(at.0).or_default().push(sender);
        Box::pin(async move {
            // A dropped sender means the clock itself is gone; then no moment comes any more.
            if receiver.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_rounds_durations_up() {
        assert_eq!(Tick(1).after(Duration::from_micros(1)), Tick(2));
        assert_eq!(Tick(1).after(Duration::from_millis(5)), Tick(6));
        assert_eq!(Tick(u64::MAX).after(Duration::from_secs(1)), Tick(u64::MAX));
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_only_what_is_due() {
        let clock = ManualClock::new(EpochMillis(1000));
        let early = clock.sleep_until(Tick(10));
        let late = clock.sleep_until(Tick(20));
        clock.advance(Duration::from_millis(10));
        early.await;
        assert_eq!(clock.wall(), EpochMillis(1010));
        let waiting = within(clock.as_ref(), Duration::ZERO, late).await;
        assert!(waiting.is_none());
    }
}
