//! A quota's counter, whose whole state is one number: which turn of the period it counts, and what was used in it.

use std::sync::atomic::{AtomicU64, Ordering};

use time::Date;

use crate::base::clock::EpochMillis;
use crate::plan::usage::{Period, Quota};

/// The day 1970-01-01 in the count of [`Date::to_julian_day`].
const EPOCH: i32 = 2_440_588;
/// A Sunday, in days since 1970-01-01.
const SUNDAY: i32 = 3;
const SECONDS_A_DAY: i64 = 86_400;

/// Bits of the count of requests; a definition cannot set a limit as high.
const USED_BITS: u32 = 40;
const USED_MASK: u64 = (1 << USED_BITS) - 1;
/// Bits of the first day: enough for eleven thousand years.
const DAY_BITS: u32 = 22;
const DAY_MASK: u64 = (1 << DAY_BITS) - 1;

/// One turn of a period: which kind of period, and the day on which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) kind: Kind,
    /// Days since 1970-01-01.
    pub(super) first_day: u32,
}

/// The kind of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Day,
    Week,
    Month,
}

/// What was used in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) turn: Turn,
    pub(super) requests: u64,
}

/// The counter of one key in one plan. Lock-free.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// A counter that goes on from there.
    pub(super) fn of(used: Used) -> Self {
        Self(AtomicU64::new(used.pack()))
    }

    /// Counts one request at `now`; `false`, without counting, when the quota is spent.
    pub(super) fn count(&self, quota: &Quota, now: EpochMillis) -> bool {
        let turn = Turn::at(quota.period, now);
        let one_more = |packed| {
            let used =
                Used::unpack(packed).map_or(Used { turn, requests: 0 }, |used| used.at(turn));
            let room = used.requests < quota.limit.min(USED_MASK);
            room.then(|| {
                let requests = used.requests + 1;
                Used { requests, ..used }.pack()
            })
        };
        let counted = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        counted.is_ok()
    }

    /// What was used; `None` when nothing was counted yet.
    pub(super) fn used(&self) -> Option<Used> {
        Used::unpack(self.0.load(Ordering::Relaxed))
    }
}

impl Used {
    /// What counts in `turn`: the same when it is the turn, nothing when that is over.
    ///
    /// A clock that was put back does not open a turn again that was counted already; one that had been far ahead is not
    /// waited for.
    fn at(self, turn: Turn) -> Self {
        let same = self.turn.kind == turn.kind
            && turn.first_day <= self.turn.first_day
            && self.turn.first_day - turn.first_day <= turn.kind.days();
        if same {
            self
        } else {
            Self { turn, requests: 0 }
        }
    }

    /// Whether nothing of it counts any more.
    pub(super) fn is_over(self, now: EpochMillis) -> bool {
        let days = days(now) - i64::from(self.turn.first_day);
        // A turn may be a month of 31 days, of which no offset makes more.
        days >= i64::from(self.turn.kind.days())
    }

    /// All of it in one number, which is never 0.
    pub(super) fn pack(self) -> u64 {
        let kind = match self.turn.kind {
            Kind::Day => 1,
            Kind::Week => 2,
            Kind::Month => 3,
        };
        let day = u64::from(self.turn.first_day) & DAY_MASK;
        (kind << (DAY_BITS + USED_BITS)) | (day << USED_BITS) | (self.requests & USED_MASK)
    }

    fn unpack(packed: u64) -> Option<Self> {
        let kind = match packed >> (DAY_BITS + USED_BITS) {
            1 => Kind::Day,
            2 => Kind::Week,
            3 => Kind::Month,
            _ => return None,
        };
        let first_day = (packed >> USED_BITS) & DAY_MASK;
        let turn = Turn {
            kind,
            // The mask leaves no more bits than fit.
            first_day: first_day as u32,
        };
        Some(Self {
            turn,
            requests: packed & USED_MASK,
        })
    }
}

impl Kind {
    /// The longest that a turn lasts.
    fn days(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
        }
    }

    /// Amazon's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
        }
    }

    /// The kind of this word.
    pub(super) fn of(word: &str) -> Option<Self> {
        let all = [Self::Day, Self::Week, Self::Month];
        all.into_iter().find(|kind| kind.word() == word)
    }
}

impl Turn {
    /// The turn of a period that a moment falls into.
    pub(super) fn at(period: Period, now: EpochMillis) -> Self {
        let day = i32::try_from(days(now)).unwrap_or(i32::MAX / 2);
        let (kind, first_day) = match period {
            Period::Day => (Kind::Day, day),
            Period::Week(offset) => {
                let since = (day - SUNDAY - i32::from(offset)).rem_euclid(7);
                (Kind::Week, day - since)
            }
            Period::Month(offset) => (Kind::Month, first_of_month(day, i32::from(offset))),
        };
        Self {
            kind,
            first_day: u32::try_from(first_day).unwrap_or(0),
        }
    }

    /// The date of the first day, as `2026-03-12`.
    pub(super) fn date(self) -> Option<Date> {
        let day = i32::try_from(self.first_day).ok()?;
        Date::from_julian_day(EPOCH.checked_add(day)?).ok()
    }

    /// The turn of this kind that began on a date.
    pub(super) fn of(kind: Kind, date: Date) -> Option<Self> {
        let day = date.to_julian_day().checked_sub(EPOCH)?;
        let first_day = u32::try_from(day).ok()?;
        (u64::from(first_day) <= DAY_MASK).then_some(Self { kind, first_day })
    }
}

/// The last day, up to `day`, whose date is that of the first of a month `offset` days later.
fn first_of_month(day: i32, offset: i32) -> i32 {
    let moved = Date::from_julian_day(EPOCH + day - offset);
    let first = moved.and_then(|date| date.replace_day(1));
    first.map_or(day, |first| first.to_julian_day() - EPOCH + offset)
}

fn days(now: EpochMillis) -> i64 {
    now.seconds().div_euclid(SECONDS_A_DAY)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::Iso8601;

    use super::*;

    fn at(text: &str) -> EpochMillis {
        let moment = OffsetDateTime::parse(text, &Iso8601::DEFAULT).unwrap();
        EpochMillis(u64::try_from(moment.unix_timestamp()).unwrap() * 1000)
    }

    #[test]
    fn periods_begin_at_midnight_on_their_day() {
        let check = |period: Period, moment: &str, expected: &str| {
            let turn = Turn::at(period, at(moment));
            assert_eq!(
                turn.date().unwrap().to_string(),
                expected,
                "{period:?} {moment}"
            );
            assert_eq!(Turn::of(turn.kind, turn.date().unwrap()), Some(turn));
        };
        check(Period::Day, "2026-03-12T00:00:00Z", "2026-03-12");
        check(Period::Day, "2026-03-12T23:59:59Z", "2026-03-12");
        // 2026-03-12 is a Thursday.
        check(Period::Week(0), "2026-03-12T12:00:00Z", "2026-03-08");
        check(Period::Week(1), "2026-03-12T12:00:00Z", "2026-03-09");
        check(Period::Week(4), "2026-03-12T12:00:00Z", "2026-03-12");
        check(Period::Week(5), "2026-03-12T12:00:00Z", "2026-03-06");
        check(Period::Week(6), "2026-03-14T00:00:00Z", "2026-03-14");
        check(Period::Week(6), "2026-03-13T23:59:59Z", "2026-03-07");
        check(Period::Month(0), "2026-03-12T12:00:00Z", "2026-03-01");
        check(Period::Month(0), "2026-02-28T23:59:59Z", "2026-02-01");
        check(Period::Month(11), "2026-03-12T00:00:00Z", "2026-03-12");
        check(Period::Month(12), "2026-03-12T00:00:00Z", "2026-02-13");
        check(Period::Month(27), "2026-02-28T00:00:00Z", "2026-02-28");
        check(Period::Month(27), "2026-03-01T00:00:00Z", "2026-02-28");
        check(Period::Month(27), "2028-02-29T00:00:00Z", "2028-02-28");
        check(Period::Month(27), "2026-01-27T00:00:00Z", "2025-12-28");
    }

    #[test]
    fn a_counter_counts_to_its_limit_and_again_in_the_next_turn() {
        let counter = Counter::default();
        assert_eq!(counter.used(), None);
        let check = |limit: u64, moment: &str, expected: usize| {
            let quota = Quota {
                limit,
                period: Period::Day,
            };
            let counted = (0..10)
                .filter(|_| counter.count(&quota, at(moment)))
                .count();
            assert_eq!(counted, expected, "{limit} {moment}");
        };
        check(0, "2026-03-12T12:00:00Z", 0);
        check(3, "2026-03-12T12:00:00Z", 3);
        check(3, "2026-03-12T23:59:59Z", 0);
        // A larger quota has room for the rest, a smaller one for nothing.
        check(5, "2026-03-12T23:59:59Z", 2);
        check(2, "2026-03-12T23:59:59Z", 0);
        check(2, "2026-03-13T00:00:00Z", 2);
        // The clock is put back by an hour, then by a year.
        check(2, "2026-03-12T23:00:00Z", 0);
        check(2, "2025-03-12T23:00:00Z", 2);
        let used = counter.used().unwrap();
        assert_eq!(used.requests, 2);
        assert!(!used.is_over(at("2025-03-12T23:59:59Z")));
        assert!(used.is_over(at("2025-03-13T00:00:00Z")));
    }

    #[test]
    fn another_kind_of_period_begins_anew() {
        let counter = Counter::default();
        let quota = |period| Quota { limit: 1, period };
        let now = at("2026-03-01T12:00:00Z");
        // The first of March 2026 is a Sunday: all three begin on it.
        for period in [Period::Day, Period::Week(0), Period::Month(0)] {
            assert!(counter.count(&quota(period), now));
            assert!(!counter.count(&quota(period), now));
        }
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        for kind in [Kind::Day, Kind::Week, Kind::Month] {
            for (first_day, requests) in [(0, 0), (20_524, 1), (DAY_MASK as u32, USED_MASK)] {
                let turn = Turn { kind, first_day };
                let used = Used { turn, requests };
                assert_eq!(Used::unpack(used.pack()), Some(used));
                assert_eq!(Counter::of(used).used(), Some(used));
            }
            assert_eq!(Kind::of(kind.word()), Some(kind));
        }
        assert_eq!(Used::unpack(7), None);
        assert_eq!(Kind::of("YEAR"), None);
    }
}
