//! When things are due: a fixed schedule, and a timer precise enough to keep it.
//!
//! The runtime's own timer counts whole milliseconds, which is longer than most of what is measured
//! here. [`Timer`] therefore asks the kernel (`timerfd_create(2)`), which is precise to microseconds.
//!
//! A [`Schedule`] is fixed before the first event. Latency counted from the scheduled instant, rather
//! than from the instant of sending, also holds the time an event waited because the target was slow
//! (no coordinated omission).

use std::io;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

/// Longer than any run.
const DAY: Duration = Duration::from_secs(86_400);

/// How long `count` events at `per_second` take, at most a day.
pub fn span(count: f64, per_second: f64) -> Duration {
    Duration::try_from_secs_f64(count / per_second)
        .unwrap_or(DAY)
        .min(DAY)
}

/// Evenly spaced instants: event `n` is due at `start + n / rate`.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    start: Instant,
    per_second: f64,
}

impl Schedule {
    /// A schedule of `per_second` events from `start` on; the rate must be above zero.
    pub fn new(start: Instant, per_second: f64) -> Self {
        Self { start, per_second }
    }

    /// When event `number`, counted from zero, is due.
    ///
    /// A due time beyond what [`Instant`] can hold is a day after the start, which no run reaches.
    pub fn due(&self, number: u64) -> Instant {
        let offset = Duration::try_from_secs_f64(number as f64 / self.per_second).unwrap_or(DAY);
        self.start.checked_add(offset).unwrap_or(self.start + DAY)
    }
}

/// A kernel timer for one task.
#[derive(Debug)]
pub struct Timer {
    /// The timer's descriptor reads like a pipe: nothing until it expires, then eight bytes. tokio's pipe is
    /// its one safe way to wait for a descriptor of a kind it does not know.
    expirations: Receiver,
}

impl Timer {
    /// A new timer, not running.
    ///
    /// # Errors
    ///
    /// The kernel refuses when the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self {
            expirations: Receiver::from_owned_fd_unchecked(fd)?,
        })
    }

    /// Returns at `instant`, at once if it has passed.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports about the timer's descriptor.
    pub async fn sleep_until(&mut self, instant: Instant) -> io::Result<()> {
        let wait = instant.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(wait.subsec_nanos()),
            },
        };
        timerfd_settime(&self.expirations, TimerfdTimerFlags::empty(), &once)?;
        loop {
            self.expirations.readable().await?;
            match self.expirations.try_read(&mut [0_u8; 8]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result.map(|_| ()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_evenly_spaced() {
        let start = Instant::now();
        let check = |rate: f64, number: u64, micros: u64| {
            let due = Schedule::new(start, rate).due(number);
            assert_eq!(
                (due - start).as_micros() as u64,
                micros,
                "{number} at {rate}/s"
            );
        };
        check(1000.0, 0, 0);
        check(1000.0, 1, 1_000);
        check(1000.0, 2_500, 2_500_000);
        check(0.5, 1, 2_000_000);
        check(0.000_000_001, u64::MAX, 86_400_000_000);
        check(f64::MIN_POSITIVE, 1, 86_400_000_000);
    }

    #[tokio::test]
    async fn the_timer_never_fires_early() {
        let mut timer = Timer::new().unwrap();
        timer.sleep_until(Instant::now()).await.unwrap();
        for micros in [1, 200, 1_500] {
            let due = Instant::now() + Duration::from_micros(micros);
            timer.sleep_until(due).await.unwrap();
            assert!(Instant::now() >= due);
        }
    }
}
