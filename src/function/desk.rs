//! The desk between a pool and one process: the pool leaves an event, the process fetches it and brings the outcome.
//!
//! Holds the state of the process as the runtime API sees it and nothing of HTTP. There is at most one event at a time, and
//! every event comes to exactly one end: an outcome, or the receiver learns that the sender is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::error::FunctionError;

/// One event on its way to a function.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    /// Lambda's request id: a UUID, fresh for every event.
    pub(super) id: String,
    /// The gateway's request id, for the log.
    pub(super) request_id: Arc<str>,
    pub(super) payload: Bytes,
    pub(super) trace_id: Option<String>,
}

/// What the pool holds while an event is on the desk.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Completes when the process has fetched the event; fails when the process ends before.
    pub(super) fetched: oneshot::Receiver<()>,
    /// Completes with what the process brought; fails when it ends before.
    pub(super) outcome: oneshot::Receiver<Result<Bytes, FunctionError>>,
}

/// Why the process may not do what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The call does not fit the state of the process.
    WrongState,
    /// The id is not that of the event in progress.
    WrongId,
}

#[derive(Debug)]
struct Waiting {
    event: Arc<Event>,
    fetched: oneshot::Sender<()>,
    outcome: oneshot::Sender<Result<Bytes, FunctionError>>,
}

#[derive(Debug)]
enum State {
    /// The process has no event in its hands; one may be waiting for it.
    Free {
        initialised: bool,
        waiting: Option<Waiting>,
    },
    /// The process has fetched an event.
    Busy {
        event: Arc<Event>,
        outcome: oneshot::Sender<Result<Bytes, FunctionError>>,
    },
    /// The process reported that it cannot initialise.
    Unfit(FunctionError),
    /// The process has ended.
    Ended,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Desk {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Counts the calls of [`Desk::next`]: the newest is the one that is served.
    polls: u64,
    /// The gateway's id of the event that output belongs to: the last one fetched, or the first one offered.
    request_id: Option<Arc<str>>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: State::Free {
                    initialised: false,
                    waiting: None,
                },
                polls: 0,
                request_id: None,
            }),
            changed: Notify::new(),
        }
    }

    /// Leaves an event for the process; `None` when the process has ended or has its hands full.
    pub(super) fn offer(&self, event: Arc<Event>) -> Option<Ticket> {
        let mut inner = self.lock();
        let State::Free { waiting, .. } = &mut inner.state else {
            return None;
        };
        if waiting.is_some() {
            return None;
        }
        let (fetched, fetched_receiver) = oneshot::channel();
        let (outcome, outcome_receiver) = oneshot::channel();
        let request_id = event.request_id.clone();
        *waiting = Some(Waiting {
            event,
            fetched,
            outcome,
        });
        // What a process writes while it starts belongs to the event that it is started for.
        inner.request_id.get_or_insert(request_id);
        drop(inner);
        self.changed.notify_waiters();
        Some(Ticket {
            fetched: fetched_receiver,
            outcome: outcome_receiver,
        })
    }

    /// Waits for the next event and gives it to the process.
    ///
    /// A newer call takes the place of an older one that still waits: a client that lost its connection asks again.
    pub(super) async fn next(&self) -> Result<Arc<Event>, Refused> {
        let mut mine = None;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change between looking and waiting is missed.
            changed.as_mut().enable();
            if let Some(event) = self.try_next(&mut mine)? {
                return Ok(event);
            }
            changed.await;
        }
    }

    fn try_next(&self, mine: &mut Option<u64>) -> Result<Option<Arc<Event>>, Refused> {
        let mut inner = self.lock();
        let newcomer = mine.is_none();
        let poll = *mine.get_or_insert(inner.polls + 1);
        if newcomer {
            inner.polls = poll;
            self.changed.notify_waiters();
        }
        if inner.polls != poll {
            return Err(Refused::WrongState);
        }
        let State::Free {
            initialised,
            waiting,
        } = &mut inner.state
        else {
            return Err(Refused::WrongState);
        };
        *initialised = true;
        let Some(taken) = waiting.take() else {
            return Ok(None);
        };
        inner.state = State::Busy {
            event: taken.event.clone(),
            outcome: taken.outcome,
        };
        inner.request_id = Some(taken.event.request_id.clone());
        // The pool may have given up on this event; the process handles it all the same, as in Lambda.
        taken.fetched.send(()).ok();
        Ok(Some(taken.event))
    }

    /// Whether `id` is the event in progress; asked before its body is read.
    pub(super) fn expects(&self, id: &str) -> Result<(), Refused> {
        match &self.lock().state {
            State::Busy { event, .. } if event.id == id => Ok(()),
            State::Busy { .. } | State::Free { .. } => Err(Refused::WrongId),
            State::Unfit(_) | State::Ended => Err(Refused::WrongState),
        }
    }

    /// The process brings what became of the event.
    pub(super) fn settle(
        &self,
        id: &str,
        result: Result<Bytes, FunctionError>,
    ) -> Result<(), Refused> {
        self.expects(id)?;
        let free = State::Free {
            initialised: true,
            waiting: None,
        };
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.state, free) {
            State::Busy { event, outcome } if event.id == id => {
                outcome.send(result).ok();
                Ok(())
            }
            other => {
                inner.state = other;
                Err(Refused::WrongId)
            }
        }
    }

    /// The process reports that it cannot initialise; what waits for it is told so.
    pub(super) fn refuse_to_start(&self, error: FunctionError) -> Result<(), Refused> {
        let mut inner = self.lock();
        match inner.state {
            State::Free {
                initialised: false, ..
            } => {
                inner.state = State::Unfit(error);
                Ok(())
            }
            _ => Err(Refused::WrongState),
        }
    }

    /// The process has ended. What it reported before, about why it could not start, is kept.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        if !matches!(inner.state, State::Unfit(_)) {
            inner.state = State::Ended;
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// What the process reported about why it could not start.
    pub(super) fn unfit(&self) -> Option<FunctionError> {
        match &self.lock().state {
            State::Unfit(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// Whether an event may be offered.
    pub(super) fn usable(&self) -> bool {
        matches!(self.lock().state, State::Free { .. })
    }

    /// The gateway's id of the event that what the process writes now belongs to.
    pub(super) fn request_id(&self) -> Option<Arc<str>> {
        self.lock().request_id.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;

    fn event(id: &str) -> Arc<Event> {
        Arc::new(Event {
            id: id.to_owned(),
            request_id: "request".into(),
            payload: Bytes::from_static(b"{}"),
            trace_id: None,
        })
    }

    #[test]
    fn an_event_goes_once_through_offer_next_and_settle() {
        let desk = Desk::new();
        assert_eq!(desk.request_id(), None);
        let mut ticket = desk.offer(event("a")).unwrap();
        assert!(desk.offer(event("b")).is_none(), "one event at a time");
        assert_eq!(desk.settle("a", Ok(Bytes::new())), Err(Refused::WrongId));
        assert_eq!(desk.request_id().as_deref(), Some("request"));
        let fetched = desk.next().now_or_never().unwrap().unwrap();
        assert_eq!(fetched.id, "a");
        assert_eq!(ticket.fetched.try_recv(), Ok(()));
        assert_eq!(desk.request_id().as_deref(), Some("request"));
        assert!(!desk.usable());
        assert_eq!(desk.next().now_or_never(), Some(Err(Refused::WrongState)));
        assert_eq!(desk.settle("b", Ok(Bytes::new())), Err(Refused::WrongId));
        assert_eq!(desk.settle("a", Ok(Bytes::from_static(b"1"))), Ok(()));
        assert_eq!(ticket.outcome.try_recv(), Ok(Ok(Bytes::from_static(b"1"))));
        assert_eq!(desk.settle("a", Ok(Bytes::new())), Err(Refused::WrongId));
        assert!(desk.usable() && desk.offer(event("b")).is_some());
    }

    #[test]
    fn the_newest_call_for_an_event_is_the_one_that_counts() {
        let desk = Desk::new();
        let mut older = pin!(desk.next());
        assert!(older.as_mut().now_or_never().is_none());
        let mut newer = pin!(desk.next());
        assert!(newer.as_mut().now_or_never().is_none());
        let _ticket = desk.offer(event("a")).unwrap();
        assert_eq!(older.now_or_never(), Some(Err(Refused::WrongState)));
        let fetched = newer.now_or_never().unwrap().unwrap();
        assert_eq!(fetched.id, "a");
    }

    #[test]
    fn whoever_waits_learns_of_the_end() {
        let desk = Desk::new();
        let mut ticket = desk.offer(event("a")).unwrap();
        desk.end();
        assert!(matches!(
            ticket.fetched.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        ));
        assert!(ticket.outcome.try_recv().is_err());
        assert_eq!(desk.next().now_or_never(), Some(Err(Refused::WrongState)));
        assert!(desk.offer(event("b")).is_none());
    }

    #[test]
    fn a_process_may_refuse_to_start_only_before_it_has_started() {
        let desk = Desk::new();
        let _ticket = desk.offer(event("a")).unwrap();
        assert_eq!(desk.refuse_to_start(FunctionError::TimedOut), Ok(()));
        assert_eq!(desk.unfit(), Some(FunctionError::TimedOut));
        desk.end();
        assert_eq!(desk.unfit(), Some(FunctionError::TimedOut));
        let started = Desk::new();
        assert!(started.next().now_or_never().is_none());
        let refused = started.refuse_to_start(FunctionError::TimedOut);
        assert_eq!(refused, Err(Refused::WrongState));
    }
}
