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

    /// Lets a message of `connection` through; it is in flight until the pass is dropped.
    pub(super) fn enter(self: &Arc<Self>, connection: &Arc<Connection>) -> Pass {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Pass {
            gate: Arc::clone(self),
            connection: Arc::clone(connection),
            shut: AtomicBool::new(false),
        }
    }
}

/// Keeps one message counted.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    connection: Arc<Connection>,
    shut: AtomicBool,
}

impl Pass {
    /// Lets no other message through until this one is done: its route is serial.
    pub(super) fn shut(&self) {
        self.shut.store(true, Ordering::Relaxed);
        self.gate.shut.store(true, Ordering::Release);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let was_serial = self.shut.load(Ordering::Relaxed);
        if was_serial {
            self.gate.shut.store(false, Ordering::Release);
        }
        // What the count was is learnt by lowering it, not before: a message that enters in between would fill the gate
        // without anyone being left who knows that a pump waits at it.
        let before = self.gate.in_flight.fetch_sub(1, Ordering::AcqRel);
        if was_serial || before >= self.gate.limit {
            self.connection.outbox.wake();
        }
    }
}
