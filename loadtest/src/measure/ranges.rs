//! A set of numbers that are mostly consecutive.

use std::collections::BTreeMap;

/// A set of `u64` whose memory grows with its gaps, not with its members.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ranges {
    /// First member to one past the last; ranges neither overlap nor touch.
    spans: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds `number`; false if it was there already. `u64::MAX` cannot be a member.
    pub fn insert(&mut self, number: u64) -> bool {
        let Some(after) = number.checked_add(1) else {
            return false;
        };
        let before = self.spans.range(..=number).next_back();
        let before = before.map(|(start, end)| (*start, *end));
        if before.is_some_and(|(_, end)| number < end) {
            return false;
        }
        let start = match before {
            Some((start, end)) if end == number => start,
            _ => number,
        };
        let end = self.spans.remove(&after).unwrap_or(after);
        self.spans.insert(start, end);
        true
    }

    /// Whether `number` is a member.
    pub fn contains(&self, number: u64) -> bool {
        let before = self.spans.range(..=number).next_back();
        before.is_some_and(|(_, end)| number < *end)
    }

    /// Number of members.
    pub fn len(&self) -> u64 {
        self.spans.iter().map(|(start, end)| end - start).sum()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many members `other` lacks.
    pub fn missing_in(&self, other: &Ranges) -> u64 {
        self.len() - self.shared_with(other)
    }

    fn shared_with(&self, other: &Ranges) -> u64 {
        let mut theirs = other.spans.iter().peekable();
        let mut shared = 0;
        for (start, end) in &self.spans {
            while let Some((their_start, their_end)) = theirs.peek() {
                let from = start.max(their_start);
                let to = end.min(their_end);
                shared += to.saturating_sub(*from);
                if *their_end > end {
                    break;
                }
                theirs.next();
            }
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u64]) -> Ranges {
        let mut ranges = Ranges::default();
        for number in numbers {
            ranges.insert(*number);
        }
        ranges
    }

    #[test]
    fn members_merge_into_spans() {
        let check = |numbers: &[u64], spans: &[(u64, u64)]| {
            let ranges = set(numbers);
            let found: Vec<_> = ranges.spans.iter().map(|(s, e)| (*s, *e)).collect();
            assert_eq!(found, spans, "{numbers:?}");
            for number in numbers {
                assert!(ranges.contains(*number));
            }
        };
        check(&[], &[]);
        check(&[0, 1, 2], &[(0, 3)]);
        check(&[2, 1, 0], &[(0, 3)]);
        check(&[0, 2], &[(0, 1), (2, 3)]);
        check(&[0, 2, 1], &[(0, 3)]);
        check(&[5, 9, 7, 6, 8], &[(5, 10)]);
        check(&[3, 3, 3], &[(3, 4)]);
    }

    #[test]
    fn a_member_is_new_once() {
        let mut ranges = set(&[1, 2, 3]);
        assert!(!ranges.insert(2));
        assert!(ranges.insert(0));
        assert!(!ranges.insert(0));
        assert!(!ranges.insert(u64::MAX));
        assert_eq!(ranges.len(), 4);
        assert!(!ranges.contains(4));
    }

    #[test]
    fn missing_members_are_counted() {
        let check = |mine: &[u64], theirs: &[u64], missing: u64| {
            assert_eq!(
                set(mine).missing_in(&set(theirs)),
                missing,
                "{mine:?} in {theirs:?}"
            );
        };
        check(&[], &[1], 0);
        check(&[1, 2, 3], &[], 3);
        check(&[1, 2, 3], &[1, 2, 3], 0);
        check(&[1, 2, 3], &[2], 2);
        check(&[0, 1, 5, 6, 9], &[1, 2, 3, 4, 5, 9, 10], 2);
        check(&[2, 4, 6], &[0, 1, 2, 3, 4, 5, 6, 7], 0);
        check(&[0, 1, 2, 3, 4, 5], &[1, 3, 5], 3);
    }
}
