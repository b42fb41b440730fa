//! A wait that is begun often and seldom comes to its end.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use sync_wrapper::SyncWrapper;

use crate::base::clock::{Clock, Tick};

/// Waits for one moment after the other, each later than the one before in most cases.
///
/// A timer that is set anew for each request is entered into the runtime's table and taken out again each time. This one is
/// left where it is when the moment moves away; when it rings too early, it is set again.
pub struct Alarm {
    clock: Arc<dyn Clock>,
    armed: Option<(Tick, SyncWrapper<BoxFuture<'static, ()>>)>,
}

impl Alarm {
    /// Nothing is waited for yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, armed: None }
    }

    /// The clock that it goes by.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Whether that moment has come; if not, the task is woken then, or earlier.
    pub fn poll(&mut self, moment: Tick, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let armed = self.armed.take().filter(|(at, _)| *at <= moment);
            let (at, ringing) = self.armed.insert(armed.unwrap_or_else(|| {
                let sleep = self.clock.sleep_until(moment);
                (moment, SyncWrapper::new(sleep))
            }));
            ready!(ringing.get_mut().as_mut().poll(context));
            let early = *at < moment;
            self.armed = None;
            if !early {
                return Poll::Ready(());
            }
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;
    use crate::base::clock::{EpochMillis, ManualClock};

    #[tokio::test]
    async fn moments_may_move_in_both_directions() {
        let clock = ManualClock::new(EpochMillis(0));
        let mut alarm = Alarm::new(clock.clone());
        let mut check = async |moment: u64, expected: bool| {
            let rings =
                poll_fn(|context| Poll::Ready(alarm.poll(Tick(moment), context).is_ready()));
            assert_eq!(rings.await, expected, "{moment}");
        };
        check(0, true).await;
        check(10, false).await;
        check(20, false).await;
        clock.advance(Duration::from_millis(10));
        // It has rung for the first moment, and is set for the second.
        check(20, false).await;
        check(15, false).await;
        clock.advance(Duration::from_millis(5));
        check(15, true).await;
        check(15, true).await;
        check(16, false).await;
        clock.advance(Duration::from_secs(1));
        check(16, true).await;
    }
}
