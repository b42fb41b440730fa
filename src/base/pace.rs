//! Work that comes in crowds takes turns with everything else.
//!
//! A runtime runs what is ready in the order in which it became ready. When thousands of clients come or go at once, whoever was
//! there before would wait for all of them. Each member of a crowd lets the runtime look at its sockets first, so that a message
//! waits for one of them at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use super::clock::Tick;

/// Steps in a millisecond beyond which they are a crowd's. Below it none gives way, which costs it a look at all sockets.
const UNCROWDED: u64 = 2;
/// Bits that count the steps of the latest millisecond; the others say which it was.
const COUNT_BITS: u32 = 16;

/// Completes when it is time. Boxed, as nearly everything that may have to wait never does.
pub type Turn = BoxFuture<'static, ()>;

/// The work that crowds make.
#[derive(Debug)]
pub struct Crowds {
    /// Accepting sockets.
    pub arrivals: Pace,
    /// Beginning with a client's first request, which for a WebSocket is all of the handshake.
    pub beginnings: Pace,
    /// Ending connections.
    pub departures: Pace,
}

impl Crowds {
    /// As many steps of each kind at a time as there are `threads` to take them.
    pub fn new(threads: usize) -> Self {
        Self {
            arrivals: Pace::new(threads),
            beginnings: Pace::new(threads),
            departures: Pace::new(threads),
        }
    }
}

/// Makes room between the steps of one kind of work.
#[derive(Debug)]
pub struct Pace {
    turns: Arc<Semaphore>,
    latest: AtomicU64,
}

impl Pace {
    fn new(threads: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(threads.clamp(1, Semaphore::MAX_PERMITS))),
            latest: AtomicU64::new(0),
        }
    }

    /// Counts a step. `None` says to take it at once; a future, that many others are taken just `now`, and when it is this one's
    /// turn: when those that came before have had theirs, and the runtime has looked for what else is ready.
    pub fn step(&self, now: Tick) -> Option<Turn> {
        let crowded = self.count(now) > UNCROWDED || self.is_crowded();
        crowded.then(|| {
            let turn = Arc::clone(&self.turns).acquire_owned();
            let coming = async move {
                // Never closed, so there is always a turn to come.
                let turn = turn.await;
                yield_now().await;
                drop(turn);
            };
            coming.boxed()
        })
    }

    /// Whether somebody waits for a turn or has one.
    pub fn is_crowded(&self) -> bool {
        self.turns.available_permits() == 0
    }

    /// The number of this step among those of its millisecond. Of two that are counted at once one may be missed.
    fn count(&self, now: Tick) -> u64 {
        let latest = self.latest.load(Ordering::Relaxed);
        let millisecond = now.0 << COUNT_BITS;
        let counted = match latest >> COUNT_BITS << COUNT_BITS == millisecond {
            true => latest + 1,
            false => millisecond + 1,
        };
        self.latest.store(counted, Ordering::Relaxed);
        counted - millisecond
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::{join, join_all};

    use super::*;

    #[test]
    fn few_go_at_once() {
        let pace = Pace::new(1);
        let check = |millisecond: u64, at_once: bool| {
            let step = pace.step(Tick(millisecond));
            assert_eq!(step.is_none(), at_once, "{millisecond}");
        };
        for millisecond in [0, 1, 7] {
            check(millisecond, true);
            check(millisecond, true);
            check(millisecond, false);
            check(millisecond, false);
        }
    }

    #[tokio::test]
    async fn a_crowd_lets_others_go_between() {
        const CROWD: u64 = 20;
        let pace = Pace::new(1);
        let steps = Mutex::new(String::new());
        let note = |what| steps.lock().unwrap().push(what);
        let crowd = (0..CROWD).map(|_| async {
            if let Some(turn) = pace.step(Tick(1)) {
                turn.await;
            }
            note('c');
        });
        // Each of its steps is ready as soon as the runtime has looked around.
        let other = async {
            for _ in 0..CROWD {
                yield_now().await;
                note('o');
            }
        };
        join(join_all(crowd), other).await;
        let steps = steps.into_inner().unwrap();
        let at_once = CROWD.min(UNCROWDED) as usize;
        let in_turn = CROWD as usize - at_once;
        let expected = [
            "c".repeat(at_once),
            "co".repeat(in_turn),
            "o".repeat(at_once),
        ];
        assert_eq!(steps, expected.concat());
    }

    #[tokio::test]
    async fn whoever_comes_later_does_not_pass_those_who_wait() {
        let pace = Pace::new(1);
        let [_, _, early] = [(); 3].map(|()| pace.step(Tick(1)));
        let mut early = early.expect("the third waits");
        assert_eq!(futures_util::poll!(&mut early), std::task::Poll::Pending);
        assert!(pace.step(Tick(2)).is_some(), "somebody has the turn");
        early.await;
        assert!(pace.step(Tick(3)).is_none());
    }
}
