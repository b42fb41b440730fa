//! The keys of token issuers: fetched when a token needs them, kept for a while, fetched again before they are too old.
//!
//! An issuer may be slow, dead or hostile. So at most one fetch of an issuer runs at a time, however many requests wait for it;
//! it is a task of its own, so that a client that goes away does not end it; after a failure there is a pause; and what was
//! good stays good for two hours. Tokens with unknown key ids make the gateway ask again, but not oftener than every 30 s.
//!
//! Source: developer guide, "Control access to HTTP APIs with JWT authorizers in API Gateway" (two hours, 1500 ms, 150 000 bytes).

mod fetch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::base::clock::{Clock, Tick};
use crate::base::quotas;
use crate::base::tasks::Tasks;
use crate::client::http::HttpClient;
use crate::lang::jwt::KeySet;

pub use fetch::IssuerError;

/// Keys are fetched again at this age, unless the issuer says sooner. Meanwhile the old ones are used.
const REFRESH_AGE: Duration = Duration::from_secs(60 * 60);
/// Keys are never fetched again sooner than this only because the issuer's `max-age` says so.
const REFRESH_AGE_MIN: Duration = Duration::from_secs(5 * 60);
/// Shortest time between two fetches that tokens with unknown keys set off.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(30);
/// Shortest time from a failed fetch to the next.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The issuers that were asked so far. See the module.
#[derive(Debug)]
pub struct Issuers {
    http: HttpClient,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    known: DashMap<Arc<str>, Arc<Issuer>, RandomState>,
}

/// Completes when the running fetch has ended, well or not.
type Flight = Shared<oneshot::Receiver<()>>;

#[derive(Debug)]
struct Issuer {
    url: Arc<str>,
    loaded: ArcSwapOption<Loaded>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct Loaded {
    keys: Arc<KeySet>,
    at: Tick,
    refresh_at: Tick,
}

#[derive(Debug, Default)]
struct State {
    flight: Option<Flight>,
    /// The last fetch, if it failed, and when.
    failure: Option<(Tick, IssuerError)>,
    /// When an unknown key last set off a fetch.
    asked_for_unknown: Option<Tick>,
}

impl Issuers {
    /// Knows no issuer yet.
    pub fn new(http: HttpClient, clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        Self {
            http,
            clock,
            tasks,
            known: DashMap::default(),
        }
    }

    /// The keys of an issuer; waits for them only where there are none yet, or none that are young enough.
    ///
    /// # Errors
    /// Why there are none. For some seconds after a failure it is told again without another try.
    pub async fn keys(&self, url: &Arc<str>) -> Result<Arc<KeySet>, IssuerError> {
        let issuer = self.issuer(url);
        let now = self.clock.now();
        if let Some((keys, refresh_at)) = issuer.usable(now) {
            if now >= refresh_at {
                // Whoever comes meanwhile is served with what is there.
                drop(self.fetch(&issuer, now));
            }
            return Ok(keys);
        }
        self.fetch(&issuer, now)?.await.ok();
        match issuer.usable(self.clock.now()) {
            Some((keys, _)) => Ok(keys),
            None => Err(issuer.failure()),
        }
    }

    /// Other keys than `old`, which lack the one that a token needs; `None` when the issuer has no others.
    pub async fn newer(&self, url: &Arc<str>, old: &KeySet) -> Option<Arc<KeySet>> {
        let issuer = self.issuer(url);
        // A fetch that is under way may have begun before the key was there; then one more is needed.
        for _ in 0..2 {
            if let Some(keys) = issuer.other_than(old, self.clock.now()) {
                return Some(keys);
            }
            let flight = self.fetch_for_unknown(&issuer)?;
            flight.await.ok();
        }
        issuer.other_than(old, self.clock.now())
    }

    /// Forgets the issuers that are no longer in use.
    pub fn retain(&self, in_use: impl Fn(&str) -> bool) {
        self.known.retain(|url, _| in_use(url));
    }

    fn issuer(&self, url: &Arc<str>) -> Arc<Issuer> {
        if let Some(issuer) = self.known.get(url) {
            return Arc::clone(&issuer);
        }
        let fresh = || {
            Arc::new(Issuer {
                url: Arc::clone(url),
                loaded: ArcSwapOption::empty(),
                state: Mutex::default(),
            })
        };
        let entry = self.known.entry(Arc::clone(url)).or_insert_with(fresh);
        Arc::clone(&entry)
    }

    /// The running fetch, or a new one unless the last has failed just now.
    fn fetch(&self, issuer: &Arc<Issuer>, now: Tick) -> Result<Flight, IssuerError> {
        let mut state = issuer.state();
        if let Some(flight) = &state.flight {
            return Ok(flight.clone());
        }
        match &state.failure {
            Some((at, error)) if now < at.after(FAILURE_PAUSE) => Err(error.clone()),
            _ => Ok(self.start(issuer, &mut state)),
        }
    }

    /// The same for a token that no known key fits.
    fn fetch_for_unknown(&self, issuer: &Arc<Issuer>) -> Option<Flight> {
        let now = self.clock.now();
        let mut state = issuer.state();
        if let Some(flight) = &state.flight {
            return Some(flight.clone());
        }
        let too_soon = |at: Tick| now < at.after(UNKNOWN_KEY_PAUSE);
        if state.asked_for_unknown.is_some_and(too_soon) {
            return None;
        }
        state.asked_for_unknown = Some(now);
        Some(self.start(issuer, &mut state))
    }

    fn start(&self, issuer: &Arc<Issuer>, state: &mut State) -> Flight {
        let (sender, receiver) = oneshot::channel();
        let flight = receiver.shared();
        state.flight = Some(flight.clone());
        let landing = Landing {
            issuer: Arc::clone(issuer),
            _done: sender,
        };
        let (http, clock) = (self.http.clone(), Arc::clone(&self.clock));
        self.tasks.spawn("keys of an issuer", async move {
            let fetched = fetch::fetch(&http, &landing.issuer.url).await;
            landing.issuer.take(fetched, clock.now());
        });
        flight
    }
}

impl Issuer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys, if they are young enough, and when to fetch them again.
    fn usable(&self, now: Tick) -> Option<(Arc<KeySet>, Tick)> {
        let loaded = self.loaded.load();
        let loaded = loaded.as_ref()?;
        let young = now.since(loaded.at) < quotas::JWKS_AGE;
        young.then(|| (Arc::clone(&loaded.keys), loaded.refresh_at))
    }

    fn other_than(&self, old: &KeySet, now: Tick) -> Option<Arc<KeySet>> {
        let (keys, _) = self.usable(now)?;
        (keys.fingerprint() != old.fingerprint()).then_some(keys)
    }

    /// Keeps what a fetch brought.
    fn take(&self, fetched: Result<fetch::Fetched, IssuerError>, now: Tick) {
        let mut state = self.state();
        match fetched {
            Ok(fetched) => {
                let asked = fetched.max_age.unwrap_or(REFRESH_AGE);
                let age = asked.clamp(REFRESH_AGE_MIN, REFRESH_AGE);
                self.loaded.store(Some(Arc::new(Loaded {
                    keys: Arc::new(fetched.keys),
                    at: now,
                    refresh_at: now.after(age),
                })));
                if state.failure.take().is_some() {
                    info!(issuer = &*self.url, "the keys of an issuer are there again");
                }
            }
            Err(error) => {
                // Said once, not with every try.
                if state.failure.as_ref().map(|(_, known)| known) != Some(&error) {
                    warn!(issuer = &*self.url, %error, "the keys of an issuer cannot be fetched");
                }
                state.failure = Some((now, error));
            }
        }
    }

    fn failure(&self) -> IssuerError {
        let state = self.state();
        let failure = state.failure.as_ref();
        failure.map_or_else(
            || IssuerError::Discovery("the fetch broke off".to_owned()),
            |(_, error)| error.clone(),
        )
    }
}

/// Ends a flight however its task ends, so that another can start.
struct Landing {
    issuer: Arc<Issuer>,
    _done: oneshot::Sender<()>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.issuer.state().flight = None;
    }
}

#[cfg(test)]
mod tests;
