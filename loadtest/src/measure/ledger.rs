//! What was pushed to one connection, what was acknowledged, and what arrived.

use std::collections::VecDeque;

use super::Ranges;
use super::window::Departure;

/// Departure times kept per connection; beyond it the oldest is forgotten and its latency not counted.
const MAX_REMEMBERED: usize = 65_536;

/// What a receipt means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The first arrival of a payload.
    First {
        /// When it was posted, unless that is forgotten.
        departure: Option<Departure>,
        /// Whether a later one arrived before it.
        reordered: bool,
    },
    /// Another arrival of a payload that is here already.
    Duplicate,
    /// A payload that was never posted.
    NeverSent,
}

/// The account of one connection. Payloads are numbered from zero in the order of posting.
#[derive(Debug, Default)]
pub struct Ledger {
    next: u64,
    highest: Option<u64>,
    acknowledged: Ranges,
    received: Ranges,
    under_way: VecDeque<(u64, Departure)>,
}

impl Ledger {
    /// The number the next payload will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Notes that payload [`Ledger::next`] is being posted.
    pub fn post(&mut self, departure: Departure) {
        if self.under_way.len() == MAX_REMEMBERED {
            self.under_way.pop_front();
        }
        self.under_way.push_back((self.next, departure));
        self.next += 1;
    }

    /// Notes that payload `sequence` is posted again after it was refused.
    pub fn repost(&mut self, sequence: u64, departure: Departure) {
        if let Some(entry) = self.under_way.iter_mut().find(|(s, _)| *s == sequence) {
            entry.1 = departure;
        }
    }

    /// Notes that the gateway accepted payload `sequence`.
    pub fn acknowledge(&mut self, sequence: u64) {
        self.acknowledged.insert(sequence);
    }

    /// Notes that the gateway refused payload `sequence`, so that it must not arrive.
    pub fn refuse(&mut self, sequence: u64) {
        self.departure(sequence);
    }

    /// Notes the arrival of payload `sequence`.
    pub fn receive(&mut self, sequence: u64) -> Receipt {
        if sequence >= self.next {
            return Receipt::NeverSent;
        }
        if !self.received.insert(sequence) {
            return Receipt::Duplicate;
        }
        let reordered = self.highest.is_some_and(|highest| sequence < highest);
        if !reordered {
            self.highest = Some(sequence);
        }
        Receipt::First {
            departure: self.departure(sequence),
            reordered,
        }
    }

    /// Payloads acknowledged and not received.
    pub fn lost(&self) -> u64 {
        self.acknowledged.missing_in(&self.received)
    }

    /// Payloads received that nobody acknowledged.
    pub fn unacknowledged(&self) -> u64 {
        self.received.missing_in(&self.acknowledged)
    }

    /// Takes the departure of `sequence` out of those under way.
    fn departure(&mut self, sequence: u64) -> Option<Departure> {
        let position = self
            .under_way
            .binary_search_by_key(&sequence, |(s, _)| *s)
            .ok()?;
        self.under_way
            .remove(position)
            .map(|(_, departure)| departure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn departure() -> Departure {
        let now = Instant::now();
        Departure {
            scheduled: now,
            sent: now,
        }
    }

    /// Plays steps such as `p a0 r0` (post, acknowledge 0, receive 0) and names each receipt.
    fn check(steps: &str, receipts: &str, lost: u64, unacknowledged: u64) {
        let mut ledger = Ledger::default();
        let mut letters = String::new();
        for step in steps.split_whitespace() {
            let sequence = step.trim_start_matches(char::is_alphabetic).parse();
            match step.chars().next() {
                Some('p') => ledger.post(departure()),
                Some('a') => ledger.acknowledge(sequence.unwrap()),
                Some('x') => ledger.refuse(sequence.unwrap()),
                _ => letters.push(match ledger.receive(sequence.unwrap()) {
                    Receipt::First {
                        departure: None, ..
                    } => '?',
                    Receipt::First {
                        reordered: true, ..
                    } => 'r',
                    Receipt::First { .. } => 'f',
                    Receipt::Duplicate => 'd',
                    Receipt::NeverSent => 'n',
                }),
            }
        }
        assert_eq!(letters, receipts, "{steps}");
        assert_eq!(
            (ledger.lost(), ledger.unacknowledged()),
            (lost, unacknowledged),
            "{steps}"
        );
    }

    #[test]
    fn every_payload_is_accounted_for() {
        check("p a0 r0 p a1 r1", "ff", 0, 0);
        check("p r0 a0", "f", 0, 0);
        check("p a0", "", 1, 0);
        check("p p a0 a1 r1 r0", "fr", 0, 0);
        check("p p p a0 a1 a2 r0 r2", "ff", 1, 0);
        check("p a0 r0 r0", "fd", 0, 0);
        check("p r0", "f", 0, 1);
        check("p x0 p a1 r1", "f", 0, 0);
        check("p x0 r0", "?", 0, 1);
        check("r0", "n", 0, 0);
        check("p a0 r7", "n", 1, 0);
    }

    #[test]
    fn memory_is_bounded() {
        let mut ledger = Ledger::default();
        for _ in 0..=MAX_REMEMBERED {
            ledger.post(departure());
        }
        assert_eq!(ledger.under_way.len(), MAX_REMEMBERED);
        let forgotten = ledger.receive(0);
        assert!(matches!(
            forgotten,
            Receipt::First {
                departure: None,
                ..
            }
        ));
        let remembered = ledger.receive(1);
        assert!(matches!(
            remembered,
            Receipt::First {
                departure: Some(_),
                ..
            }
        ));
    }
}
