//! Counts what is going on, up to a bound, and can be closed.

use std::sync::Arc;

use tokio::sync::watch;

/// A counter of things in progress: it refuses at its limit, and altogether once closed.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    state: Arc<watch::Sender<State>>,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    closed: bool,
}

/// Why nothing more may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Full,
    Closed,
}

/// One thing in progress; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    state: Arc<watch::Sender<State>>,
}

impl Tally {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Arc::new(watch::Sender::new(State::default())),
            limit,
        }
    }

    /// Begins one thing more.
    pub(super) fn enter(&self) -> Result<Entry, Refusal> {
        let mut result = Ok(());
        self.state.send_if_modified(|state| {
            result = match state {
                State { closed: true, .. } => Err(Refusal::Closed),
                State { count, .. } if *count >= self.limit => Err(Refusal::Full),
                State { count, .. } => {
                    *count += 1;
                    Ok(())
                }
            };
            result.is_ok()
        });
        result.map(|()| Entry {
            state: self.state.clone(),
        })
    }

    /// From now on nothing begins any more.
    pub(super) fn close(&self) {
        self.state.send_modify(|state| state.closed = true);
    }

    /// Completes when nothing is in progress.
    pub(super) async fn empty(&self) {
        self.at_most(0).await;
    }

    /// Completes when no more than `count` things are in progress.
    pub(super) async fn at_most(&self, count: usize) {
        let mut state = self.state.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        state.wait_for(|state| state.count <= count).await.ok();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.state.send_modify(|state| state.count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tally_refuses_at_its_limit_and_when_closed() {
        let tally = Tally::new(2);
        let first = tally.enter().unwrap();
        let second = tally.enter().unwrap();
        assert_eq!(tally.enter().unwrap_err(), Refusal::Full);
        drop(first);
        let third = tally.enter().unwrap();
        tally.close();
        drop(second);
        assert_eq!(tally.enter().unwrap_err(), Refusal::Closed);
        drop(third);
        tally.empty().await;
    }
}
