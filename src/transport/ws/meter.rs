//! How many frames a peer sends, measured without a timer.

use crate::base::clock::Tick;
use crate::error::CloseReason;

/// Control frames a second that a peer may send in the long run.
const CONTROL_PER_SECOND: u32 = 10;
/// Control frames that may come at once.
const CONTROL_BURST: u64 = 150;
/// Seconds' worth of frames that may come at once.
const BURST_SECONDS: u64 = 2;

/// Two buckets, each a single instant: the time until which the frames so far were paid for.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meter {
    frames_until: u64,
    control_until: u64,
}

impl Meter {
    /// Counts one frame against `per_second` frames of any kind and, if it is a control frame, against those.
    ///
    /// # Errors
    /// The reason to close with, when there are too many.
    pub(super) fn count(
        &mut self,
        now: Tick,
        per_second: u32,
        control: bool,
    ) -> Result<(), CloseReason> {
        let burst = u64::from(per_second) * BURST_SECONDS;
        if !spend(&mut self.frames_until, now, per_second, burst) {
            return Err(CloseReason::PolicyViolation("Too many frames"));
        }
        if control
            && !spend(
                &mut self.control_until,
                now,
                CONTROL_PER_SECOND,
                CONTROL_BURST,
            )
        {
            return Err(CloseReason::PolicyViolation("Too many control frames"));
        }
        Ok(())
    }
}

/// Takes one token of a bucket whose state is the instant, in microseconds, at which it would be full again.
fn spend(until: &mut u64, now: Tick, per_second: u32, burst: u64) -> bool {
    let now = now.0.saturating_mul(1000);
    let price = 1_000_000 / u64::from(per_second.max(1));
    let next = (*until).max(now).saturating_add(price);
    if next > now.saturating_add(price.saturating_mul(burst)) {
        return false;
    }
    *until = next;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(meter: &mut Meter, now: u64, control: bool) -> usize {
        (0..10_000)
            .take_while(|_| meter.count(Tick(now), 1000, control).is_ok())
            .count()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut meter = Meter::default();
        assert_eq!(burst(&mut meter, 0, false), 2000);
        assert_eq!(burst(&mut meter, 500, false), 500);
        assert_eq!(burst(&mut meter, 10_000, false), 2000);
    }

    #[test]
    fn control_frames_have_a_smaller_bucket() {
        let mut meter = Meter::default();
        assert_eq!(burst(&mut meter, 0, true), 150);
        assert_eq!(burst(&mut meter, 1000, true), 10);
        assert!(meter.count(Tick(1000), 1000, false).is_ok());
    }
}
