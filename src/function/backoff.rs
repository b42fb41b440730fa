//! When a function that keeps failing may be started again. Pure: time comes in as an argument.

use std::time::Duration;

use crate::base::clock::Tick;

/// Pause before the second attempt in a row; it doubles with every further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Spaces out the starts of a function whose processes die.
///
/// While all is well a start is never delayed. After failures the starts of the whole pool, not of each process, are at
/// least one pause apart, so that a broken function cannot occupy the machine however large its pool is.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    not_before: Tick,
}

impl Backoff {
    /// Asks to start a process now.
    ///
    /// # Errors
    /// The moment at which to ask again.
    pub(super) fn claim(&mut self, now: Tick) -> Result<(), Tick> {
        if now < self.not_before {
            return Err(self.not_before);
        }
        if self.failures > 0 {
            self.not_before = now.after(self.pause());
        }
        Ok(())
    }

    /// A process failed to start, or died with an event in its hands.
    pub(super) fn failed(&mut self, now: Tick) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = self.not_before.max(now.after(self.pause()));
    }

    /// A process answered. Returns whether that ends a series of failures.
    pub(super) fn recovered(&mut self) -> bool {
        let recovered = self.failures > 0;
        *self = Self::default();
        recovered
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end_with_a_success() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.claim(Tick(0)), Ok(()));
        assert_eq!(backoff.claim(Tick(0)), Ok(()));
        let mut now = 0;
        for pause in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            backoff.failed(Tick(now));
            assert_eq!(backoff.claim(Tick(now)), Err(Tick(now + pause)));
            now += pause;
        }
        assert!(backoff.recovered());
        assert_eq!(backoff.claim(Tick(now)), Ok(()));
        assert!(!backoff.recovered());
    }

    #[test]
    fn starts_of_a_failing_pool_are_apart() {
        let mut backoff = Backoff::default();
        backoff.failed(Tick(0));
        assert_eq!(backoff.claim(Tick(100)), Ok(()));
        assert_eq!(backoff.claim(Tick(100)), Err(Tick(200)));
        assert_eq!(backoff.claim(Tick(200)), Ok(()));
    }

    #[test]
    fn any_number_of_failures_keeps_the_pause_bounded() {
        let mut backoff = Backoff {
            failures: u32::MAX,
            not_before: Tick(0),
        };
        backoff.failed(Tick(0));
        assert_eq!(backoff.claim(Tick(0)), Err(Tick(10_000)));
    }
}
