//! Lines that wait for one destination.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes that may wait; one line may go beyond.
const QUEUED_BYTES: usize = 1024 * 1024;
/// Bytes that are worth a write of their own.
const URGENT_BYTES: usize = 64 * 1024;

/// See the module. Filled by many, emptied by one writer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the writer.
    more: Notify,
    /// Wakes those who wait for room, or for the end of a write.
    wrote: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The lines, each with its end.
    text: String,
    /// How many lines that is.
    lines: u64,
    /// Lines that were put in, and lines that were written or lost, since the beginning.
    pushed: u64,
    gone: u64,
    /// Whether somebody waits for what is there to be written.
    awaited: bool,
    /// Whether no lines will be put in any more.
    closed: bool,
    /// Whether the writer has ended.
    ended: bool,
}

/// Why a line was not put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no room now.
    Full,
    /// The writer has ended.
    Ended,
}

impl State {
    fn is_full(&self) -> bool {
        self.text.len() >= QUEUED_BYTES
    }

    /// Whether there is something to write; `None` as long as there may be.
    fn has_lines(&mut self) -> Option<bool> {
        // Decided together: what is put in later is put in elsewhere.
        self.ended = self.closed && self.lines == 0;
        match self.lines {
            0 => self.ended.then_some(false),
            _ => Some(true),
        }
    }

    fn is_urgent(&self) -> bool {
        self.awaited || self.closed || self.text.len() >= URGENT_BYTES
    }
}

impl Queue {
    /// Puts in a line, to which its end is added.
    pub(super) fn push(&self, line: &str) -> Result<(), Refused> {
        let mut state = self.state();
        if state.ended {
            return Err(Refused::Ended);
        }
        if state.is_full() {
            return Err(Refused::Full);
        }
        let before = state.text.len();
        state.text.push_str(line);
        state.text.push('\n');
        state.lines += 1;
        state.pushed += 1;
        let urgent = before < URGENT_BYTES && state.text.len() >= URGENT_BYTES;
        drop(state);
        if before == 0 || urgent {
            self.more.notify_one();
        }
        Ok(())
    }

    /// No more lines are expected: the writer ends once it has written what is there.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.more.notify_one();
    }

    /// How many lines have been put in and not been written.
    pub(super) fn waiting(&self) -> u64 {
        let state = self.state();
        state.pushed - state.gone
    }

    /// Whether the writer has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Completes when there is room, or the writer has ended.
    pub(super) async fn room(&self) {
        self.wrote_until(|state| state.ended || !state.is_full())
            .await;
    }

    /// Has the lines that are there written, and waits until they are.
    pub(super) async fn written(&self) {
        let pushed = {
            let mut state = self.state();
            state.awaited = state.pushed > state.gone;
            state.pushed
        };
        self.more.notify_one();
        self.wrote_until(|state| state.ended || state.gone >= pushed)
            .await;
    }

    async fn wrote_until(&self, reached: impl Fn(&State) -> bool) {
        loop {
            let mut wrote = pin!(self.wrote.notified());
            // Asked to be told before looking, so that no write ends unnoticed in between.
            wrote.as_mut().enable();
            if reached(&self.state()) {
                return;
            }
            wrote.await;
        }
    }

    /// For the writer: waits for lines; `false` when there will be none.
    pub(super) async fn has_lines(&self) -> bool {
        loop {
            if let Some(has) = self.state().has_lines() {
                return has;
            }
            self.more.notified().await;
        }
    }

    /// For the writer: it has ended; says how many lines it has left behind.
    pub(super) fn end(&self) -> u64 {
        let mut state = self.state();
        state.ended = true;
        let left = state.pushed - state.gone;
        state.gone = state.pushed;
        drop(state);
        self.wrote.notify_waiters();
        left
    }

    /// For the writer: waits until lines should be written at once.
    pub(super) async fn is_urgent(&self) {
        while !self.state().is_urgent() {
            self.more.notified().await;
        }
    }

    /// For the writer: moves the lines to `batch`, which is empty; says how many there are.
    pub(super) fn take(&self, batch: &mut String) -> u64 {
        let mut state = self.state();
        std::mem::swap(&mut state.text, batch);
        state.awaited = false;
        std::mem::take(&mut state.lines)
    }

    /// For the writer: so many lines have been written, or lost.
    pub(super) fn wrote(&self, lines: u64) {
        self.state().gone += lines;
        self.wrote.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
