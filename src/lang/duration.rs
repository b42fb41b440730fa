//! Durations as our own keys write them: `500ms`, `10s`, `10m`, `2h`.
//!
//! Fields that exist in Amazon's wire format keep Amazon's units and are not parsed here. Bounds belong to each key.

use std::time::Duration;

use crate::lang::syntax::{Cursor, SyntaxError};

/// Units from the largest, with their length in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const REMEDY: &str = "write a whole number and a unit, such as 500ms, 10s, 10m or 2h";

/// Reads a whole number directly followed by `ms`, `s`, `m` or `h`.
///
/// # Errors
/// Anything else, and durations of more than 2^64 - 1 milliseconds.
pub fn parse(text: &str) -> Result<Duration, SyntaxError> {
    let mut cursor = Cursor::new(text, 1);
    let digits = cursor.take_while(|character| character.is_ascii_digit());
    if digits.is_empty() {
        return Err(cursor.error("a duration starts with a number", REMEDY));
    }
    let unit = UNITS.iter().find(|(unit, _)| *unit == cursor.rest());
    let Some((_, length)) = unit else {
        let problem = match cursor.rest() {
            "" => "the unit is missing".to_owned(),
            unit => format!("`{}` is not a unit", shortened(unit)),
        };
        return Err(cursor.error(problem, REMEDY));
    };
    let count = digits.parse::<u64>().ok();
    let total = count.and_then(|count| count.checked_mul(*length));
    total
        .map(Duration::from_millis)
        .ok_or_else(|| SyntaxError::new(1, "the duration is too long", "write a shorter one"))
}

/// Writes a duration in the largest unit that holds it exactly; what is below a millisecond is left out.
pub fn print(duration: Duration) -> String {
    let total = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if total == 0 {
        return "0s".to_owned();
    }
    for (unit, length) in UNITS {
        if total % length == 0 {
            return format!("{}{unit}", total / length);
        }
    }
    // Every number of milliseconds is a multiple of the last unit.
    format!("{total}ms")
}

fn shortened(text: &str) -> String {
    text.chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads() {
        fn check(text: &str, milliseconds: u64) {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        check("500ms", 500);
        check("10s", 10_000);
        check("10m", 600_000);
        check("2h", 7_200_000);
        check("0s", 0);
        check("007s", 7_000);
        check("18446744073709551615ms", u64::MAX);
    }

    #[test]
    fn refuses() {
        fn check(text: &str, position: usize, problem: &str) {
            let error = parse(text).unwrap_err();
            assert_eq!(
                (error.position, error.problem.as_str()),
                (position, problem),
                "{text}"
            );
        }
        check("", 1, "a duration starts with a number");
        check("s", 1, "a duration starts with a number");
        check("-1s", 1, "a duration starts with a number");
        check(" 1s", 1, "a duration starts with a number");
        check("10", 3, "the unit is missing");
        check("1.5s", 2, "`.5s` is not a unit");
        check("10 s", 3, "` s` is not a unit");
        check("1d", 2, "`d` is not a unit");
        check("1h30m", 2, "`h30m` is not a unit");
        check("1S", 2, "`S` is not a unit");
        check("18446744073709551616ms", 1, "the duration is too long");
        check("18446744073709551615s", 1, "the duration is too long");
    }

    #[test]
    fn prints_the_largest_exact_unit() {
        fn check(milliseconds: u64, expected: &str) {
            assert_eq!(print(Duration::from_millis(milliseconds)), expected);
        }
        check(0, "0s");
        check(1, "1ms");
        check(1_500, "1500ms");
        check(90_000, "90s");
        check(600_000, "10m");
        check(7_200_000, "2h");
        assert_eq!(print(Duration::from_micros(1_999)), "1ms");
    }

    proptest! {
        #[test]
        fn parse_reads_what_print_writes(milliseconds in any::<u64>()) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&print(duration)), Ok(duration));
        }

        #[test]
        fn parse_never_panics(text in ".{0,40}") {
            let _ignored = parse(&text);
        }
    }
}
