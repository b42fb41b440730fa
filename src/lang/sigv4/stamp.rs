//! The instant a request says it was signed at, and the window in which that is believed.

use std::fmt;

use time::format_description::FormatItem;
use time::format_description::well_known::Rfc2822;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime, Time};

use super::SigV4Error;

const BASIC: &[FormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// An instant in whole seconds with its text `YYYYMMDDThhmmssZ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    epoch_seconds: i64,
    text: String,
}

impl Stamp {
    /// Reads the form that `X-Amz-Date` has.
    pub(crate) fn from_basic(text: &str) -> Result<Self, SigV4Error> {
        let malformed = || SigV4Error::MalformedDate(text.to_owned());
        // The parser also takes signs and the like; a stamp enters the string to sign as it stands, so it is fixed.
        let shaped = text.len() == 16
            && text.bytes().enumerate().all(|(i, byte)| match i {
                8 => byte == b'T',
                15 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return Err(malformed());
        }
        let instant = instant(text.as_bytes()).ok_or_else(malformed)?;
        Ok(Self {
            epoch_seconds: instant.unix_timestamp(),
            text: text.to_owned(),
        })
    }

    /// Reads a `Date` header: the basic form, or the form of RFC 9110 section 5.6.7.
    pub(crate) fn from_date_header(text: &str) -> Result<Self, SigV4Error> {
        if let Ok(stamp) = Self::from_basic(text) {
            return Ok(stamp);
        }
        let instant = OffsetDateTime::parse(text, &Rfc2822)
            .map_err(|_| SigV4Error::MalformedDate(text.to_owned()))?;
        let epoch_seconds = instant.unix_timestamp();
        Ok(Self {
            epoch_seconds,
            text: basic(epoch_seconds),
        })
    }

    pub(crate) fn epoch_seconds(&self) -> i64 {
        self.epoch_seconds
    }

    /// The basic form.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first eight digits.
    pub(crate) fn date(&self) -> &str {
        self.text.get(..8).unwrap_or_default()
    }

    /// Whether `now` lies within the life of a request signed at this instant. All numbers are seconds.
    pub(crate) fn check(
        &self,
        expires: Option<i64>,
        now: i64,
        skew: i64,
    ) -> Result<(), SigV4Error> {
        let latest = now.saturating_add(skew);
        if self.epoch_seconds > latest {
            return Err(SigV4Error::NotYetCurrent(format!(
                "{self} is still later than {} ({} + {}.)",
                basic(latest),
                basic(now),
                span(skew)
            )));
        }
        // A presigned request has its own end and gets no skew on top.
        let (end, earliest) = match expires {
            Some(seconds) => (self.epoch_seconds.saturating_add(seconds), now),
            None => (self.epoch_seconds, now.saturating_sub(skew)),
        };
        if end >= earliest {
            return Ok(());
        }
        let reason = match expires {
            Some(_) => format!("{} is now earlier than {}", basic(end), basic(now)),
            None => format!(
                "{self} is now earlier than {} ({} - {}.)",
                basic(earliest),
                basic(now),
                span(skew)
            ),
        };
        Err(SigV4Error::Expired(reason))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The instant that a text of the basic form's shape stands for, unless there is no such day or time.
fn instant(digits: &[u8]) -> Option<OffsetDateTime> {
    let number = |digits: &[u8]| {
        let fold = |number: u16, digit: &u8| number * 10 + u16::from(digit - b'0');
        digits.iter().fold(0, fold)
    };
    let two = |at: usize| u8::try_from(number(digits.get(at..at + 2)?)).ok();
    let year = i32::from(number(digits.get(..4)?));
    let month = Month::try_from(two(4)?).ok()?;
    let date = Date::from_calendar_date(year, month, two(6)?).ok()?;
    let time = Time::from_hms(two(9)?, two(11)?, two(13)?).ok()?;
    Some(OffsetDateTime::new_utc(date, time))
}

/// The basic form of an instant; the number itself for years that have no four digits.
fn basic(epoch_seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(epoch_seconds)
        .ok()
        .and_then(|instant| instant.format(BASIC).ok())
        .unwrap_or_else(|| epoch_seconds.to_string())
}

/// `5 min`, or `90 sec` when it is no whole number of minutes.
fn span(seconds: i64) -> String {
    if seconds % 60 == 0 {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} sec")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::PrimitiveDateTime;

    use super::*;

    proptest! {
        #[test]
        fn a_stamp_reads_as_its_format_says(
            text in "[0-9]{4}(0[0-9]|1[0-3]|[0-9]{2})([0-3][0-9])T([0-2][0-9]|[0-9]{2})([0-6][0-9])([0-6][0-9])Z",
        ) {
            let read = Stamp::from_basic(&text).ok().map(|stamp| stamp.epoch_seconds());
            let expected = PrimitiveDateTime::parse(&text, BASIC).ok();
            prop_assert_eq!(read, expected.map(|instant| instant.assume_utc().unix_timestamp()));
        }
    }
}
