//! TLS handshakes in progress: so many at a time, of which the oldest makes room for a new one.
//!
//! An honest client needs two round trips. Whoever begins handshakes and leaves them unfinished loses them first, and keeps nobody
//! else waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Handshakes in progress.
#[derive(Debug)]
pub(super) struct Unfinished {
    limit: usize,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    next: u64,
    /// The oldest first. Dropping a sender ends the handshake.
    taken: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// The place of one handshake; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    evicted: oneshot::Receiver<()>,
    all: Arc<Unfinished>,
}

impl Unfinished {
    /// At most `limit` of them at a time, and at least one.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            places: Mutex::default(),
        })
    }

    /// Takes a place; where there is none left, that of the oldest.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let (stays, evicted) = oneshot::channel();
        let mut places = self.lock();
        while places.taken.len() >= self.limit {
            places.taken.pop_front();
        }
        let number = places.next;
        places.next += 1;
        places.taken.push_back((number, stays));
        drop(places);
        Place {
            number,
            evicted,
            all: Arc::clone(self),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until the place is wanted by another.
    pub(super) async fn evicted(&mut self) {
        // Nothing is ever sent.
        (&mut self.evicted).await.ok();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.all.lock();
        let number = self.number;
        if let Ok(position) = places
            .taken
            .binary_search_by_key(&number, |(known, _)| *known)
        {
            places.taken.remove(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let all = Unfinished::new(2);
        let mut places: Vec<_> = (0..4).map(|_| all.enter()).collect();
        let mut check = |expected: [bool; 4]| {
            let evicted = places
                .iter_mut()
                .map(|place| place.evicted().now_or_never());
            let evicted: Vec<_> = evicted.map(|evicted| evicted.is_some()).collect();
            assert_eq!(evicted, expected);
        };
        check([true, true, false, false]);
        drop(places.pop());
        let mut fifth = all.enter();
        assert!(places[2].evicted().now_or_never().is_none());
        let _sixth = all.enter();
        assert!(places[2].evicted().now_or_never().is_some());
        assert!(fifth.evicted().now_or_never().is_none());
        assert_eq!(all.lock().taken.len(), 2);
    }
}
