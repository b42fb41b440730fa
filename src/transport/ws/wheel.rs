//! Idle time, age and pings of all connections, with one timer for the whole gateway.
//!
//! A connection stands in one slot: the earliest moment at which something could be due. When that moment comes its
//! atomics are looked at; if it was active in between it simply moves to a later slot. So activity costs one relaxed
//! store, and an idle connection is looked at once in its whole idle time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use connection_store::{CloseRequest, Connection};
use tokio::sync::Notify;

use crate::base::clock::{Clock, EpochMillis, Tick};
use crate::base::tasks::Shutdown;
use crate::error::CloseReason;
use crate::plan::stage::ConnectionSettings;
use crate::transport::ws::session::ABNORMAL;

/// Deadlines this far away are rounded up to whole seconds; nearer ones to hundredths.
const COARSE_BEYOND: Duration = Duration::from_secs(10);
const COARSE: u64 = 1000;
const FINE: u64 = 10;
/// Below this many entries nobody looks for those whose connections are gone.
const ENTRIES: usize = 1024;

const SILENT: CloseRequest = CloseRequest {
    code: ABNORMAL,
    reason: "",
};

#[derive(Debug)]
struct Watched {
    connection: Weak<Connection>,
    settings: Arc<ConnectionSettings>,
    /// When the caller's right to be connected ends, if it does.
    expires: Option<Tick>,
}

#[derive(Debug, Default)]
struct Slots {
    by_time: BTreeMap<u64, Vec<Watched>>,
    entries: usize,
    /// Number of entries at which those of dropped connections are looked for.
    crowded_at: usize,
}

impl Slots {
    fn push(&mut self, slot: u64, watched: Watched) {
        self.by_time.entry(slot).or_default().push(watched);
        self.entries += 1;
        if self.entries >= self.crowded_at.max(ENTRIES) {
            self.forget_dropped();
        }
    }

    fn take_until(&mut self, now: u64) -> BTreeMap<u64, Vec<Watched>> {
        let later = self.by_time.split_off(&now.saturating_add(1));
        let due = std::mem::replace(&mut self.by_time, later);
        self.entries -= due.values().map(Vec::len).sum::<usize>();
        due
    }

    /// An entry keeps the memory of its connection. Whoever connects and leaves at once would fill slots that are
    /// minutes away; so whenever the entries have doubled, those that nobody needs go.
    fn forget_dropped(&mut self) {
        self.by_time.retain(|_, slot| {
            slot.retain(|watched| watched.connection.strong_count() > 0);
            slot.shrink_to_fit();
            !slot.is_empty()
        });
        self.entries = self.by_time.values().map(Vec::len).sum();
        self.crowded_at = self.entries.saturating_mul(2);
    }
}

/// The deadlines of all connections of this node.
#[derive(Debug, Default)]
pub struct Wheel {
    slots: Mutex<Slots>,
    earlier: Notify,
}

impl Wheel {
    /// An empty wheel; nothing happens until [`Wheel::turn`] runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches a connection until it is dropped. The wall clock is asked once: later steps of it move no deadline.
    pub fn watch(
        &self,
        connection: &Arc<Connection>,
        settings: &Arc<ConnectionSettings>,
        now: Tick,
        wall: EpochMillis,
    ) {
        let expires = connection.record.expires_at_epoch_ms;
        let watched = Watched {
            connection: Arc::downgrade(connection),
            settings: Arc::clone(settings),
            expires: expires.map(|at| now.after(Duration::from_millis(at.saturating_sub(wall.0)))),
        };
        if let Some(due) = watched.next_due(connection, now) {
            self.insert(due, now, watched);
        }
    }

    fn insert(&self, due: Tick, now: Tick, watched: Watched) {
        let step = match due.since(now) > COARSE_BEYOND {
            true => COARSE,
            false => FINE,
        };
        let slot = due.0.div_ceil(step).saturating_mul(step);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let first = slots.by_time.keys().next().copied();
        slots.push(slot, watched);
        drop(slots);
        if first.is_none_or(|first| slot < first) {
            self.earlier.notify_one();
        }
    }

    /// Closes and pings whatever is due, until the gateway stops.
    pub async fn turn(self: Arc<Self>, clock: Arc<dyn Clock>, stop: Shutdown) {
        loop {
            let next = self.first_slot();
            let due = async {
                match next {
                    Some(slot) => clock.sleep_until(Tick(slot)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.sweep(clock.now()),
                () = self.earlier.notified() => {}
                () = stop.wait() => return,
            }
        }
    }

    fn first_slot(&self) -> Option<u64> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.by_time.keys().next().copied()
    }

    fn sweep(&self, now: Tick) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let due = slots.take_until(now.0);
        drop(slots);
        for watched in due.into_values().flatten() {
            let Some(connection) = watched.connection.upgrade() else {
                continue;
            };
            if let Some(next) = watched.look_at(&connection, now) {
                self.insert(next, now, watched);
            }
        }
    }
}

impl Watched {
    /// Does what is due; gives the next moment at which something could be, `None` once the connection is closing.
    fn look_at(&self, connection: &Connection, now: Tick) -> Option<Tick> {
        let settings = &self.settings;
        let reached = |since: u64, limit: Option<Duration>| {
            limit.is_some_and(|limit| now >= Tick(since).after(limit))
        };
        if self.expires.is_some_and(|expires| now >= expires) {
            connection.outbox.close(CloseReason::EXPIRED);
            return None;
        }
        if reached(connection.connected_at(), settings.duration)
            || reached(connection.last_active(), settings.idle_timeout)
        {
            connection.outbox.close(CloseReason::AWAY);
            return None;
        }
        if let Some(ping) = settings.ping {
            if reached(connection.last_heard(), Some(ping.saturating_mul(2))) {
                connection.outbox.close(SILENT);
                return None;
            }
            if reached(connection.last_heard(), Some(ping)) {
                connection.outbox.ping();
            }
        }
        self.next_due(connection, now)
    }

    fn next_due(&self, connection: &Connection, now: Tick) -> Option<Tick> {
        let settings = &self.settings;
        let after =
            |since: u64, limit: Option<Duration>| limit.map(|limit| Tick(since).after(limit));
        let ping = settings.ping.map(|ping| {
            let heard = Tick(connection.last_heard());
            let first = heard.after(ping);
            if first > now {
                first
            } else {
                heard.after(ping.saturating_mul(2))
            }
        });
        let moments = [
            after(connection.connected_at(), settings.duration),
            after(connection.last_active(), settings.idle_timeout),
            ping,
            self.expires,
        ];
        moments.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;
    use crate::transport::ws::sample;
    use connection_store::Taken;

    fn connection() -> Arc<Connection> {
        sample::connection("a", "s")
    }

    fn taken(connection: &Connection) -> Taken {
        connection.outbox.take(&mut Vec::new(), 1)
    }

    fn settings(idle: u64, ping: Option<u64>) -> ConnectionSettings {
        ConnectionSettings {
            idle_timeout: Some(Duration::from_secs(idle)),
            ping: ping.map(Duration::from_secs),
            ..ConnectionSettings::default()
        }
    }

    fn watched(settings: ConnectionSettings, expires: Option<u64>) -> Watched {
        Watched {
            connection: Weak::new(),
            settings: Arc::new(settings),
            expires: expires.map(Tick),
        }
    }

    #[test]
    fn activity_puts_the_end_off() {
        let connection = connection();
        let settings = settings(600, None);
        connection.touch(500_000);
        let watched = watched(settings, None);
        let next = watched.look_at(&connection, Tick(600_000));
        assert_eq!(next, Some(Tick(1_100_000)));
        assert_eq!(taken(&connection).close, None);
        assert_eq!(watched.look_at(&connection, Tick(1_100_000)), None);
        assert_eq!(taken(&connection).close, Some(CloseReason::AWAY));
    }

    #[test]
    fn age_ends_even_a_busy_connection() {
        let connection = connection();
        connection.touch(7_199_999);
        let watched = watched(settings(600, None), None);
        assert_eq!(watched.look_at(&connection, Tick(7_200_000)), None);
        assert_eq!(taken(&connection).close, Some(CloseReason::AWAY));
    }

    #[test]
    fn a_token_ends_even_a_busy_connection() {
        let connection = connection();
        let watched = watched(settings(600, None), Some(30_000));
        assert_eq!(watched.next_due(&connection, Tick(0)), Some(Tick(30_000)));
        connection.touch(29_999);
        let next = watched.look_at(&connection, Tick(29_999));
        assert_eq!(next, Some(Tick(30_000)));
        assert_eq!(taken(&connection).close, None);
        assert_eq!(watched.look_at(&connection, Tick(30_000)), None);
        assert_eq!(taken(&connection).close, Some(CloseReason::EXPIRED));
    }

    #[test]
    fn the_end_of_a_token_is_told_by_the_wall_clock() {
        let check = |expires: u64, wall: u64, expected: u64| {
            let wheel = Wheel::new();
            let connection = sample::expiring(expires);
            let settings = Arc::new(settings(600, None));
            wheel.watch(&connection, &settings, Tick(500), EpochMillis(wall));
            assert_eq!(wheel.first_slot(), Some(expected));
        };
        check(1_000_000, 997_000, 3500);
        // Beyond ten seconds in whole seconds, never early.
        check(1_000_000, 960_001, 41_000);
        // Already over: at once.
        check(1_000_000, 1_000_000, 500);
        check(1_000_000, 2_000_000, 500);
        // Idle time comes first.
        check(u64::MAX, 0, 600_000);
    }

    #[test]
    fn a_silent_peer_is_pinged_and_then_given_up() {
        let connection = connection();
        let watched = watched(settings(600, Some(30)), None);
        assert_eq!(watched.next_due(&connection, Tick(0)), Some(Tick(30_000)));
        let next = watched.look_at(&connection, Tick(30_000));
        assert!(taken(&connection).ping);
        assert_eq!(next, Some(Tick(60_000)));
        assert_eq!(watched.look_at(&connection, Tick(60_000)), None);
        assert_eq!(taken(&connection).close, Some(SILENT));
    }

    #[test]
    fn connections_that_come_and_go_leave_nothing() {
        let wheel = Wheel::new();
        let settings = Arc::new(settings(600, None));
        let stays = connection();
        wheel.watch(&stays, &settings, Tick(0), EpochMillis(0));
        for now in 0..10 * ENTRIES as u64 {
            wheel.watch(&connection(), &settings, Tick(now), EpochMillis(0));
        }
        let kept = || wheel.slots.lock().expect("no panic").entries;
        assert!(kept() <= ENTRIES, "{} entries", kept());
        wheel.sweep(Tick(600_000));
        assert_eq!(taken(&stays).close, Some(CloseReason::AWAY));
        wheel.sweep(Tick(u64::MAX));
        assert_eq!(kept(), 0);
    }

    #[tokio::test]
    async fn the_wheel_turns_with_the_clock() {
        let clock = ManualClock::new(EpochMillis(0));
        let wheel = Arc::new(Wheel::new());
        let connection = connection();
        wheel.watch(
            &connection,
            &Arc::new(settings(5, None)),
            Tick(0),
            EpochMillis(0),
        );
        clock.advance(Duration::from_secs(5));
        wheel.sweep(clock.now());
        assert_eq!(taken(&connection).close, Some(CloseReason::AWAY));
        assert_eq!(wheel.first_slot(), None);
    }
}
