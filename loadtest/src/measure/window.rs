//! Which messages of one connection still wait for their reply.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// When a message was due and when it really left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// When the schedule wanted it sent; equal to `sent` without a schedule.
    pub scheduled: Instant,
    /// When it was sent.
    pub sent: Instant,
}

/// What a reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The first reply to a waiting message.
    Matched {
        /// When that message left.
        departure: Departure,
        /// Whether it was the longest waiting one.
        in_order: bool,
    },
    /// The first reply to a message that was given up.
    Late,
    /// Another reply to a message that has one.
    Duplicate,
    /// A reply to a message that was never sent.
    NeverSent,
}

/// The unanswered messages of one connection, numbered from zero in the order of sending.
///
/// Memory: the span from the oldest waiting message on, and the numbers of those given up.
#[derive(Debug, Default)]
pub struct Window {
    base: u64,
    slots: VecDeque<Option<Departure>>,
    waiting: usize,
    given_up: HashSet<u64>,
}

impl Window {
    /// The number the next message will have.
    pub fn next(&self) -> u64 {
        self.base + self.slots.len() as u64
    }

    /// The number of the longest waiting message; that of the next one when none waits.
    pub fn oldest(&self) -> u64 {
        self.base
    }

    /// How many messages wait for their reply.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many messages were given up and not answered since.
    pub fn given_up(&self) -> u64 {
        self.given_up.len() as u64
    }

    /// Notes that message [`Window::next`] left.
    pub fn send(&mut self, departure: Departure) {
        self.slots.push_back(Some(departure));
        self.waiting += 1;
    }

    /// Notes a reply to message `sequence`.
    pub fn receive(&mut self, sequence: u64) -> Answer {
        if self.given_up.remove(&sequence) {
            return Answer::Late;
        }
        let Some(position) = sequence.checked_sub(self.base) else {
            return Answer::Duplicate;
        };
        let slot = usize::try_from(position)
            .ok()
            .and_then(|position| self.slots.get_mut(position));
        match slot.map(Option::take) {
            None => Answer::NeverSent,
            Some(None) => Answer::Duplicate,
            Some(Some(departure)) => {
                self.waiting -= 1;
                self.advance();
                Answer::Matched {
                    departure,
                    in_order: position == 0,
                }
            }
        }
    }

    /// Gives up every message sent `patience` or longer before `now`; how many that were.
    pub fn expire(&mut self, now: Instant, patience: Duration) -> u64 {
        let mut expired = 0;
        for (position, slot) in self.slots.iter_mut().enumerate() {
            match slot {
                Some(departure) if now.saturating_duration_since(departure.sent) >= patience => {
                    *slot = None;
                    self.given_up.insert(self.base + position as u64);
                    expired += 1;
                }
                Some(_) => break,
                None => {}
            }
        }
        self.waiting -= expired as usize;
        self.advance();
        expired
    }

    /// Moves the base to the oldest waiting message.
    fn advance(&mut self) {
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.base += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `sent` messages, then plays the replies and names each answer by a letter.
    fn check(sent: u64, replies: &[u64], expected: &str) {
        let now = Instant::now();
        let mut window = Window::default();
        for _ in 0..sent {
            window.send(Departure {
                scheduled: now,
                sent: now,
            });
        }
        let letters: String = replies
            .iter()
            .map(|reply| match window.receive(*reply) {
                Answer::Matched { in_order: true, .. } => 'm',
                Answer::Matched { .. } => 'r',
                Answer::Late => 'l',
                Answer::Duplicate => 'd',
                Answer::NeverSent => 'n',
            })
            .collect();
        assert_eq!(letters, expected, "{sent} sent, replies {replies:?}");
    }

    #[test]
    fn replies_are_told_apart() {
        check(3, &[0, 1, 2], "mmm");
        check(3, &[2, 1, 0], "rrm");
        check(3, &[0, 0], "md");
        check(3, &[1, 1], "rd");
        check(3, &[0, 1, 0, 2], "mmdm");
        check(3, &[3], "n");
        check(0, &[0], "n");
        check(1, &[u64::MAX], "n");
    }

    #[test]
    fn messages_are_given_up_in_time() {
        let start = Instant::now();
        let mut window = Window::default();
        for millis in [0, 10, 20] {
            let sent = start + Duration::from_millis(millis);
            window.send(Departure {
                scheduled: sent,
                sent,
            });
        }
        let patience = Duration::from_millis(100);
        assert_eq!(window.expire(start, patience), 0);
        assert_eq!(
            window.expire(start + Duration::from_millis(110), patience),
            2
        );
        assert_eq!((window.waiting(), window.given_up()), (1, 2));
        assert_eq!(window.receive(1), Answer::Late);
        assert_eq!(window.receive(1), Answer::Duplicate);
        assert_eq!((window.waiting(), window.given_up()), (1, 1));
        assert_eq!((window.oldest(), window.next()), (2, 3));
    }
}
