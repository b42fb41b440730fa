//! What is kept of one open connection.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};

use crate::id::ConnectionId;
use crate::outbox::{Outbox, OutboxLimits};

/// The facts of a connection that never change after it was accepted.
#[derive(Debug, Clone)]
pub struct ConnectionRecord {
    /// The connection.
    pub id: ConnectionId,
    /// The API it belongs to.
    pub api: Arc<str>,
    /// The stage it belongs to.
    pub stage: Arc<str>,
    /// When it was accepted: milliseconds since 1970.
    pub connected_at_epoch_ms: u64,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The client's `User-Agent`, if it sent one.
    pub user_agent: Option<Box<str>>,
    /// The host that the client asked for.
    pub domain_name: Arc<str>,
    /// Facts about a caller that signed its handshake, by their names in events.
    pub identity: Option<Arc<Map<String, Value>>>,
    /// What the authorizer said of the caller; part of every later event.
    pub authorizer: Option<Arc<Map<String, Value>>>,
    /// When the caller's right to be connected ends, if it does: milliseconds since 1970.
    pub expires_at_epoch_ms: Option<u64>,
    /// The API key that the caller showed, where it needed one.
    pub api_key: Option<Arc<ApiKey>>,
}

/// An API key that was good when it was shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is called.
    pub id: Arc<str>,
    /// What the client sent: a secret.
    pub value: Box<str>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a caller may learn of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionView {
    /// When it was accepted: milliseconds since 1970.
    pub connected_at_epoch_ms: u64,
    /// When a message last went either way: milliseconds since 1970.
    pub last_active_at_epoch_ms: u64,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The client's `User-Agent`, if it sent one.
    pub user_agent: Option<Box<str>>,
}

/// An open connection: its record, its activity and its way out.
#[derive(Debug)]
pub struct Connection {
    /// The facts that do not change.
    pub record: ConnectionRecord,
    /// Messages on their way to the client.
    pub outbox: Outbox,
    connected_at: u64,
    last_active: AtomicU64,
    last_heard: AtomicU64,
}

impl Connection {
    /// A connection accepted at `now`, a moment of the caller's monotonic clock in milliseconds.
    pub fn new(record: ConnectionRecord, limits: OutboxLimits, now: u64) -> Self {
        Self {
            record,
            outbox: Outbox::new(limits),
            connected_at: now,
            last_active: AtomicU64::new(now),
            last_heard: AtomicU64::new(now),
        }
    }

    /// Notes that a message went either way. One relaxed store: no lock, no timer.
    pub fn touch(&self, now: u64) {
        self.last_active.store(now, Ordering::Relaxed);
    }

    /// Notes that the peer gave a sign of life, of whatever kind.
    pub fn heard(&self, now: u64) {
        self.last_heard.store(now, Ordering::Relaxed);
    }

    /// When the peer last gave a sign of life, on the monotonic clock.
    pub fn last_heard(&self) -> u64 {
        self.last_heard.load(Ordering::Relaxed)
    }

    /// When it was accepted, on the monotonic clock.
    pub fn connected_at(&self) -> u64 {
        self.connected_at
    }

    /// When a message last went either way, on the monotonic clock.
    pub fn last_active(&self) -> u64 {
        self.last_active.load(Ordering::Relaxed)
    }

    /// What a caller may learn.
    pub fn view(&self) -> ConnectionView {
        let active_for = self.last_active().saturating_sub(self.connected_at);
        ConnectionView {
            connected_at_epoch_ms: self.record.connected_at_epoch_ms,
            last_active_at_epoch_ms: self.record.connected_at_epoch_ms.saturating_add(active_for),
            source_ip: self.record.source_ip,
            user_agent: self.record.user_agent.clone(),
        }
    }
}
