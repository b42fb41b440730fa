//! How many messages of one connection are with integrations. At the bound its socket is no longer read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use connection_store::Connection;

/// Counts the messages of one connection that are in flight.
#[derive(Debug)]
pub(super) struct Gate {
    limit: usize,
    in_flight: AtomicUsize,
    shut: AtomicBool,
}

impl Gate {
    /// A gate that lets `limit` messages through at a time, at least one.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            in_flight: AtomicUsize::new(0),
            shut: AtomicBool::new(false),
        })
    }

    /// Whether another message may go through.
    pub(super) fn is_open(&self) -> bool {
        !self.shut.load(Ordering::Acquire) && self.in_flight.load(Ordering::Acquire) < self.limit
    }

    /// Lets a message of `connection` through; it is in flight until the pass is dropped, and no other is let through
    /// meanwhile if its route is `serial`.
    pub(super) fn enter(self: &Arc<Self>, connection: &Arc<Connection>, serial: bool) -> Pass {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        if serial {
            self.shut.store(true, Ordering::Release);
        }
        Pass {
            gate: Arc::clone(self),
            connection: Arc::clone(connection),
            serial,
        }
    }
}

/// Keeps one message counted.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    connection: Arc<Connection>,
    serial: bool,
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.serial {
            self.gate.shut.store(false, Ordering::Release);
        }
        // What the count was is learnt by lowering it, not before: a message that enters in between would fill the gate
        // without anyone being left who knows that a pump waits at it.
        let before = self.gate.in_flight.fetch_sub(1, Ordering::AcqRel);
        if self.serial || before >= self.gate.limit {
            self.connection.outbox.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ws::sample;
    use std::task::{Context, Wake, Waker};

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn connection() -> Arc<Connection> {
        sample::connection("a", "s")
    }

    /// Registers like a pump; tells afterwards whether it was woken.
    fn watch(connection: &Connection) -> Arc<Woken> {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        connection.outbox.register(&Context::from_waker(&waker));
        woken
    }

    #[test]
    fn who_leaves_a_closed_gate_wakes_the_pump() {
        let connection = connection();
        let gate = Gate::new(2);
        let check = |pass: Pass, expected: bool| {
            let woken = watch(&connection);
            drop(pass);
            assert_eq!(woken.0.load(Ordering::SeqCst), expected);
        };
        check(gate.enter(&connection, false), false);
        let (first, second) = (
            gate.enter(&connection, false),
            gate.enter(&connection, false),
        );
        assert!(!gate.is_open());
        check(first, true);
        assert!(gate.is_open());
        check(second, false);
        let serial = gate.enter(&connection, true);
        assert!(!gate.is_open());
        check(serial, true);
        assert!(gate.is_open());
    }
}
