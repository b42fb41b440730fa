//! What a connection waits for, and no longer than that. One timer for the nearest deadline, none while nothing waits.

use std::task::Context;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{CLOSE_TIMEOUT, Conduit, LEAVE_TIMEOUT, Pump, WRITE_TIMEOUT};
use crate::base::clock::Tick;

impl<S: Conduit> Pump<S> {
    /// A peer that reads just enough to keep the connection alive cannot put its end off.
    pub(super) fn note_leaving(&mut self) {
        if self.leaving.is_none() && self.session.is_open() && self.unwritten() > 0 {
            let now = self.now();
            self.leaving = self
                .connection
                .outbox
                .closing()
                .map(|request| (now, request));
        }
    }

    /// Lets the nearest deadline pass; `true` when it did.
    pub(super) fn poll_timer(&mut self, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline() else {
            self.timer = None;
            return false;
        };
        if !matches!(&self.timer, Some((at, _)) if *at == deadline) {
            self.timer = Some((deadline, self.services.clock.sleep_until(deadline)));
        }
        let due =
            |(_, timer): &mut (Tick, BoxFuture<'static, ()>)| timer.poll_unpin(context).is_ready();
        if !self.timer.as_mut().is_some_and(due) {
            return false;
        }
        self.timer = None;
        self.time_out();
        true
    }

    fn deadline(&self) -> Option<Tick> {
        let writing = self.since.map(|since| match self.session.is_open() {
            true => since.after(WRITE_TIMEOUT),
            false => since.after(CLOSE_TIMEOUT),
        });
        let assembling = self
            .session
            .assembling_since()
            .filter(|_| self.session.is_open())
            .zip(self.settings.assembly_timeout)
            .map(|(since, limit)| since.after(limit));
        let leaving = self.left_by();
        let all = writing.into_iter().chain(assembling);
        all.chain(leaving).min()
    }

    fn left_by(&self) -> Option<Tick> {
        let leaving = self.leaving.filter(|_| self.session.is_open());
        leaving.map(|(since, _)| since.after(LEAVE_TIMEOUT))
    }

    fn time_out(&mut self) {
        let late = self.left_by().is_some_and(|by| self.now() >= by);
        if let Some((_, request)) = self.leaving.filter(|_| late) {
            self.session.close(request, &mut self.out);
            self.give_up();
        } else if self.since.is_some() && self.deadline_is_for_writing() {
            self.give_up();
        } else {
            self.since = Some(self.now());
            self.session.assembly_timed_out(&mut self.out);
        }
    }

    fn deadline_is_for_writing(&self) -> bool {
        let limit = match self.session.is_open() {
            true => WRITE_TIMEOUT,
            false => CLOSE_TIMEOUT,
        };
        self.since
            .is_some_and(|since| self.now() >= since.after(limit))
    }
}
