//! The mark that a message carries, so that it is known again wherever it comes out.
//!
//! A marker is 22 letters and digits, so it survives JSON, URLs and templates unescaped: `lt`, four hexadecimal
//! digits of the run, six of the connection, ten of the message's number on that connection.

use std::fmt::Write as _;

/// Bytes in a marker.
pub const MARKER_BYTES: usize = 22;
/// Connections a marker can tell apart.
pub const MAX_CONNECTIONS: u32 = 1 << 24;

const RUN_DIGITS: usize = 6;
const CONNECTION_DIGITS: usize = 6;

/// Makes and finds the markers of one run.
#[derive(Debug, Clone)]
pub struct Markers {
    prefix: String,
}

/// What a marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// The connection it was meant for, counted from zero.
    pub connection: u32,
    /// The message's number on that connection, counted from zero.
    pub sequence: u64,
}

impl Markers {
    /// The markers of the run `run`; those of other runs are not recognized.
    pub fn new(run: u16) -> Self {
        Self {
            prefix: format!("lt{run:04x}"),
        }
    }

    /// The text of one marker.
    pub fn text(&self, marker: Marker) -> String {
        let mut text = String::with_capacity(MARKER_BYTES);
        text.push_str(&self.prefix);
        let connection = marker.connection % MAX_CONNECTIONS;
        let sequence = marker.sequence % (1 << 40);
        write!(text, "{connection:06x}{sequence:010x}").expect("a String takes every write");
        text
    }

    /// The first marker in `payload`, and where it starts. `hint` is where one was last found.
    pub fn find(&self, payload: &[u8], hint: usize) -> Option<(Marker, usize)> {
        if let Some(marker) = self.at(payload, hint) {
            return Some((marker, hint));
        }
        let starts = payload.len().checked_sub(MARKER_BYTES)?;
        (0..=starts).find_map(|start| Some((self.at(payload, start)?, start)))
    }

    fn at(&self, payload: &[u8], start: usize) -> Option<Marker> {
        let text = payload.get(start..start.checked_add(MARKER_BYTES)?)?;
        let digits = text.strip_prefix(self.prefix.as_bytes())?;
        let (connection, sequence) = digits.split_at_checked(CONNECTION_DIGITS)?;
        Some(Marker {
            connection: u32::try_from(hexadecimal(connection)?).ok()?,
            sequence: hexadecimal(sequence)?,
        })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((value << 4) | u64::from(digit))
    })
}

const _: () = assert!(RUN_DIGITS + CONNECTION_DIGITS + 10 == MARKER_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_where_it_was_put() {
        let markers = Markers::new(0xbeef);
        let marker = Marker {
            connection: 0x00ab_cdef,
            sequence: 0x12_3456_789a,
        };
        let text = markers.text(marker);
        assert_eq!(text, "ltbeefabcdef123456789a");
        let check = |payload: &str, hint: usize, start: Option<usize>| {
            let found = markers.find(payload.as_bytes(), hint);
            assert_eq!(found, start.map(|start| (marker, start)), "{payload}");
        };
        check(&text, 0, Some(0));
        check(&text, 7, Some(0));
        check(&format!(r#"{{"id":"{text}"}}"#), 7, Some(7));
        check(&format!("ltbeef{text}"), 0, Some(6));
        check("", 0, None);
        check("ltbeefabcdef123456789", 0, None);
        check("ltbeefabcdef12345678zz", 0, None);
        check("lt0000abcdef123456789a", 0, None);
        check(&text, usize::MAX, Some(0));
    }

    #[test]
    fn every_marker_has_the_same_length() {
        let markers = Markers::new(0);
        for (connection, sequence) in [(0, 0), (MAX_CONNECTIONS, u64::MAX), (1, 1 << 40)] {
            let text = markers.text(Marker {
                connection,
                sequence,
            });
            assert_eq!(text.len(), MARKER_BYTES);
        }
    }
}
