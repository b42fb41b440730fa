//! Where a chunked body ends (RFC 9112 section 7.1).
//!
//! Hyper reads the body; this only follows its framing to find the next head. It is strict: whatever is not plainly well
//! formed is an end that nobody can be sure of, and the connection then ends with its request.

/// Most bytes of one size line with its extensions, and of one trailer line.
const LINE_BYTES: usize = 1024;
/// Most digits of a size: a body that large is not taken anyway.
const SIZE_DIGITS: usize = 8;

/// How far a chunked body has come.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
    size: u64,
    digits: usize,
    line: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    TrailerStart,
    Trailer,
    TrailerLineEnd,
    LastEnd,
}

/// What some bytes of a body come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to come.
    Within,
    /// The body ended; so many bytes were its own.
    Ended(usize),
    /// It is not well formed.
    Malformed,
}

impl Chunks {
    /// Follows the next bytes.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Progress {
        let mut position = 0;
        while let Some(byte) = bytes.get(position) {
            if self.state == State::Data {
                let there = (bytes.len() - position) as u64;
                let taken = there.min(self.size);
                self.size -= taken;
                position += usize::try_from(taken).unwrap_or(usize::MAX);
                if self.size == 0 {
                    self.state = State::DataReturn;
                }
                continue;
            }
            position += 1;
            match self.step(*byte) {
                Some(true) => return Progress::Ended(position),
                Some(false) => {}
                None => return Progress::Malformed,
            }
        }
        Progress::Within
    }

    /// One byte of framing; `Some(true)` when it is the last.
    fn step(&mut self, byte: u8) -> Option<bool> {
        self.line += 1;
        if self.line > LINE_BYTES {
            return None;
        }
        self.state = match (self.state, byte) {
            (State::Size, byte) if byte.is_ascii_hexdigit() && self.digits < SIZE_DIGITS => {
                self.digits += 1;
                let digit = char::from(byte).to_digit(16)?;
                self.size = self.size * 16 + u64::from(digit);
                State::Size
            }
            (State::Size, b';') if self.digits > 0 => State::Extension,
            (State::Size, b'\r') if self.digits > 0 => State::SizeEnd,
            (State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, byte) if byte == b'\t' || (b' '..0x7f).contains(&byte) => {
                State::Extension
            }
            (State::SizeEnd, b'\n') => self.next_line(match self.size {
                0 => State::TrailerStart,
                _ => State::Data,
            }),
            (State::DataReturn, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => self.next_line(State::Size),
            (State::TrailerStart, b'\r') => State::LastEnd,
            (State::LastEnd, b'\n') => return Some(true),
            (State::Trailer, b'\r') => State::TrailerLineEnd,
            (State::TrailerLineEnd, b'\n') => self.next_line(State::TrailerStart),
            (State::TrailerStart | State::Trailer, byte) if byte != b'\n' => State::Trailer,
            _ => return None,
        };
        Some(false)
    }

    fn next_line(&mut self, state: State) -> State {
        self.line = 0;
        self.digits = 0;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a text in two pieces, wherever it is cut; gives how many bytes belong to the body.
    fn check(text: &str, expected: Option<usize>) {
        for cut in 0..=text.len() {
            let (one, two) = text.as_bytes().split_at(cut);
            let mut chunks = Chunks::default();
            let ended = match chunks.follow(one) {
                Progress::Ended(bytes) => Some(bytes),
                Progress::Malformed => None,
                Progress::Within => match chunks.follow(two) {
                    Progress::Ended(bytes) => Some(cut + bytes),
                    Progress::Malformed | Progress::Within => None,
                },
            };
            assert_eq!(ended, expected, "{text:?} cut at {cut}");
        }
    }

    #[test]
    fn the_end_is_found() {
        check("0\r\n\r\nGET", Some(5));
        check("2\r\nhi\r\n0\r\n\r\n", Some(12));
        check("000A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", Some(29));
        check("1\r\n\n\r\n0\r\na: b\r\nc: d\r\n\r\nrest", Some(23));
    }

    #[test]
    fn what_is_doubtful_has_no_end() {
        for text in [
            "",
            "\r\n",
            "g\r\n",
            "0\n\n",
            "0\r\n\n",
            "2\r\nhi0\r\n\r\n",
            "2\r\nhi\n0\r\n\r\n",
            "+2\r\nhi\r\n0\r\n\r\n",
            "2 \r\nhi\r\n0\r\n\r\n",
            "0x2\r\nhi\r\n0\r\n\r\n",
            ";\r\n\r\n",
            "fffffffff\r\n",
            "2;\nhi\r\n0\r\n\r\n",
        ] {
            check(text, None);
        }
        check(&format!("0;{}\r\n\r\n", "x".repeat(2000)), None);
    }
}
