//! Private backends: several targets of which each request takes the next, past those that could not be reached a moment ago.
//!
//! Nobody is asked whether it is well: a target shows it by being reached. One that is not rests for a while, and is tried again
//! before a request fails. A request moves on to another target only while nothing of it has been sent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use http::uri::Authority;

use super::{Answered, Destination, ProxyClient, Ready, RequestHead};
use crate::base::clock::Tick;
use crate::client::http::CallError;

/// How long a target that could not be reached is passed over.
const REST: Duration = Duration::from_secs(5);
/// Longest wait for a connection to a target while there are others to try.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Backends whose turn is known; when there are more, all begin anew.
const TURNS: usize = 10_000;

/// Targets that are as good as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What they are targets of; upstreams of one name take turns together.
    pub name: Arc<str>,
    /// At least one.
    pub targets: Box<[Destination]>,
}

/// What the requests before have shown.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// How many requests each upstream has had.
    turns: DashMap<Arc<str>, AtomicUsize, RandomState>,
    /// Targets that rest, and until when.
    resting: Mutex<HashMap<Authority, Tick>>,
    /// Whether there may be any, so that nobody takes the lock for nothing.
    any: AtomicBool,
}

impl Standing {
    /// The targets in the order in which they are tried: by turns, those that rest behind the others.
    fn order<'u>(
        &self,
        upstream: &'u Upstream,
        now: Tick,
    ) -> impl Iterator<Item = &'u Destination> {
        let (before, after) = upstream.targets.split_at(self.turn(upstream));
        let resting = self.resting(now);
        let rests = move |target: &Destination| resting.contains_key(&target.authority);
        let turned = after.iter().chain(before);
        let well = turned.clone().filter({
            let rests = rests.clone();
            move |target| !rests(target)
        });
        well.chain(turned.filter(move |target| rests(target)))
    }

    /// Whose turn it is, as an index.
    fn turn(&self, upstream: &Upstream) -> usize {
        let next = |turn: &AtomicUsize| turn.fetch_add(1, Ordering::Relaxed);
        let known = self.turns.get(&upstream.name).map(|turn| next(&turn));
        let turn = known.unwrap_or_else(|| {
            if self.turns.len() >= TURNS {
                self.turns.clear();
            }
            next(&self.turns.entry(Arc::clone(&upstream.name)).or_default())
        });
        turn.checked_rem(upstream.targets.len()).unwrap_or_default()
    }

    fn resting(&self, now: Tick) -> HashMap<Authority, Tick> {
        if !self.any.load(Ordering::Relaxed) {
            return HashMap::new();
        }
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, until| !until.since(now).is_zero());
        self.any.store(!resting.is_empty(), Ordering::Relaxed);
        resting.clone()
    }

    /// Lets a target rest.
    fn rest(&self, target: &Destination, now: Tick) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert(target.authority.clone(), now.after(REST));
        self.any.store(true, Ordering::Relaxed);
    }

    /// Ends the rest of a target that has been reached.
    fn wake(&self, target: &Destination) {
        if self.any.load(Ordering::Relaxed) {
            let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
            resting.remove(&target.authority);
        }
    }
}

impl ProxyClient {
    /// A connection to the target whose turn it is, or to the first behind it that can be reached.
    ///
    /// # Errors
    /// As [`ProxyClient::connect`], of the last target; of the first whose certificate is not to be trusted.
    pub async fn choose(&self, upstream: &Upstream, deadline: Tick) -> Result<Ready, CallError> {
        let clock = &self.pool.clock;
        let mut failed = CallError::Unreachable("there is no target".to_owned());
        let mut targets = self.standing.order(upstream, clock.now()).peekable();
        while let Some(target) = targets.next() {
            if let Some(ready) = self.kept(target) {
                return Ok(ready);
            }
            let soon = clock.now().after(CONNECT_LIMIT);
            let until = match targets.peek() {
                Some(_) => soon.min(deadline),
                None => deadline,
            };
            match self.connect(target, until).await {
                Ok(ready) => {
                    self.standing.wake(target);
                    return Ok(ready);
                }
                Err(error @ (CallError::Unreachable(_) | CallError::TimedOut)) => failed = error,
                Err(error) => return Err(error),
            }
            let now = clock.now();
            self.standing.rest(target, now);
            if deadline.since(now).is_zero() {
                return Err(CallError::TimedOut);
            }
        }
        Err(failed)
    }

    /// Sends one request to one of the targets, as [`ProxyClient::ask`] does to a destination.
    ///
    /// # Errors
    /// As [`ProxyClient::choose`] and [`Ready::send`].
    pub async fn ask_one(
        &self,
        upstream: &Upstream,
        request: &RequestHead,
        body: Bytes,
        deadline: Tick,
    ) -> Result<Answered, CallError> {
        let mut ready = self.choose(upstream, deadline).await?;
        let again = ready.is_reused() && request.method().is_idempotent();
        let target = ready.destination().clone();
        let head = request.copied(ready.room());
        match ready.send(head, body.clone().into(), deadline).await {
            // It may have been sent, so nobody else gets it.
            Err(CallError::Unanswered(_)) if again => {}
            result => return result,
        }
        let mut ready = self.connect(&target, deadline).await?;
        let head = request.copied(ready.room());
        ready.send(head, body.into(), deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Tick;

    fn upstream(name: &str, targets: &[&str]) -> Upstream {
        let targets = targets.iter().map(|target| Destination {
            secure: false,
            authority: target.parse().unwrap(),
            server_name: None,
        });
        Upstream {
            name: name.into(),
            targets: targets.collect(),
        }
    }

    fn order(standing: &Standing, upstream: &Upstream, second: u64) -> String {
        let now = Tick::at(second * 1_000_000_000);
        let order = standing.order(upstream, now);
        order.map(|target| target.authority.host()).collect()
    }

    #[test]
    fn each_upstream_has_its_own_turns() {
        let standing = Standing::default();
        let (three, two) = (
            upstream("x", &["a:1", "b:1", "c:1"]),
            upstream("y", &["a:1", "b:1"]),
        );
        for (of_three, of_two) in [("abc", "ab"), ("bca", "ba"), ("cab", "ab"), ("abc", "ba")] {
            assert_eq!(order(&standing, &three, 0), of_three);
            assert_eq!(order(&standing, &two, 0), of_two);
        }
    }

    #[test]
    fn who_rests_is_tried_last_and_for_a_while_only() {
        let standing = Standing::default();
        let three = upstream("x", &["a:1", "b:1", "c:1"]);
        let at = |second: u64| Tick::at(second * 1_000_000_000);
        standing.rest(&three.targets[0], at(0));
        standing.rest(&three.targets[1], at(1));
        assert_eq!(order(&standing, &three, 2), "cab");
        assert_eq!(order(&standing, &three, 4), "cba");
        assert_eq!(order(&standing, &three, 5), "cab");
        assert_eq!(order(&standing, &three, 5), "acb");
        standing.wake(&three.targets[1]);
        assert_eq!(order(&standing, &three, 5), "bca");
        assert_eq!(order(&standing, &three, 6), "cab");
        assert!(!standing.any.load(Ordering::Relaxed));
    }

    #[test]
    fn turns_are_bounded() {
        let standing = Standing::default();
        for number in 0..=TURNS {
            standing.turn(&upstream(&number.to_string(), &["a:1"]));
        }
        assert_eq!(standing.turns.len(), 1);
    }
}
