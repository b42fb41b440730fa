//! Bodies in chunks (RFC 9112 section 7.1), as they are read.
//!
//! Extensions and trailers are passed over, to a limit; whatever else is not as it should be ends the body with an error.

use bytes::{Buf as _, Bytes, BytesMut};

use super::head::Malformed;

/// Longest line with the size of a chunk, in bytes.
const SIZE_LINE_BYTES: usize = 1024;
/// Longest part behind the last chunk, in bytes.
const TRAILER_BYTES: usize = 16 * 1024;

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Chunked {
    /// Before the size of a chunk.
    #[default]
    Size,
    /// Within a chunk of which so much is left.
    Data(u64),
    /// Before the end of the line behind a chunk.
    DataEnd,
    /// Behind the last chunk; so many bytes of trailers have been passed over.
    Trailers(usize),
    /// All has been read.
    Done,
}

impl Chunked {
    /// Whether all has been read.
    pub(super) fn is_done(self) -> bool {
        self == Self::Done
    }

    /// Takes the next piece out of `buffer`; `None` when more has to be read first, or when all is done.
    ///
    /// # Errors
    /// [`Malformed`]
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, Malformed> {
        loop {
            match *self {
                Self::Done => return Ok(None),
                Self::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(None);
                    }
                    let here = usize::try_from(left)
                        .unwrap_or(usize::MAX)
                        .min(buffer.len());
                    *self = match left - here as u64 {
                        0 => Self::DataEnd,
                        left => Self::Data(left),
                    };
                    return Ok(Some(buffer.split_to(here).freeze()));
                }
                Self::DataEnd => match buffer.get(..2) {
                    None => return Ok(None),
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        *self = Self::Size;
                    }
                    Some(_) => return Err(Malformed("a chunk is longer than it says")),
                },
                Self::Size => {
                    let Some(size) = size(buffer)? else {
                        return Ok(None);
                    };
                    *self = match size {
                        0 => Self::Trailers(0),
                        size => Self::Data(size),
                    };
                }
                Self::Trailers(passed) => {
                    let Some(line) = line(buffer, TRAILER_BYTES - passed, "endless trailers")?
                    else {
                        return Ok(None);
                    };
                    *self = match line {
                        2 => Self::Done,
                        _ => Self::Trailers(passed + line),
                    };
                    buffer.advance(line);
                }
            }
        }
    }
}

/// Takes the line with the size of a chunk; `None` when it is not here as a whole.
fn size(buffer: &mut BytesMut) -> Result<Option<u64>, Malformed> {
    let Some(length) = line(buffer, SIZE_LINE_BYTES, "an endless size of a chunk")? else {
        return Ok(None);
    };
    let line = buffer.get(..length).unwrap_or_default();
    // httparse takes no digits for a zero.
    let begins = line.first().is_some_and(u8::is_ascii_hexdigit);
    match httparse::parse_chunk_size(line) {
        Ok(httparse::Status::Complete((end, size))) if begins && end == length => {
            buffer.advance(length);
            Ok(Some(size))
        }
        _ => Err(Malformed("the size of a chunk is malformed")),
    }
}

/// Length of the line in front, its end included.
fn line(buffer: &[u8], limit: usize, endless: &'static str) -> Result<Option<usize>, Malformed> {
    let within = buffer.get(..limit).unwrap_or(buffer);
    match memchr::memchr(b'\n', within) {
        Some(end) if end > 0 && buffer.get(end - 1) == Some(&b'\r') => Ok(Some(end + 1)),
        Some(_) => Err(Malformed("a bare line feed between chunks")),
        None if buffer.len() >= limit => Err(Malformed(endless)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body comes to, however its bytes arrive; `None` when it is malformed, with the bytes behind it.
    fn check(sent: &str, expected: Option<(&str, &str)>) {
        for cut in 0..=sent.len() {
            let mut state = Chunked::default();
            let mut buffer = BytesMut::new();
            let mut body = Vec::new();
            let mut failed = false;
            for part in [sent.get(..cut), sent.get(cut..)] {
                buffer.extend_from_slice(part.expect("ASCII").as_bytes());
                loop {
                    match state.next(&mut buffer) {
                        Ok(Some(piece)) => body.extend_from_slice(&piece),
                        Ok(None) => break,
                        Err(_) => {
                            failed = true;
                            break;
                        }
                    }
                }
            }
            let whole = !failed && state == Chunked::Done;
            let read = whole.then_some((&body[..], &buffer[..]));
            let expected = expected.map(|(body, rest)| (body.as_bytes(), rest.as_bytes()));
            assert_eq!(read, expected, "{sent:?} cut at {cut}");
        }
    }

    #[test]
    fn chunks_make_a_body() {
        check("0\r\n\r\n", Some(("", "")));
        check("3\r\nabc\r\n0\r\n\r\n", Some(("abc", "")));
        check(
            "3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n",
            Some(("abc0123456789", "")),
        );
        check("3;a=b;c\r\nabc\r\n0;x\r\n\r\n", Some(("abc", "")));
        check("1\r\na\r\n0\r\nX: y\r\nZ: \r\n\r\n", Some(("a", "")));
        check("1\r\na\r\n0\r\n\r\nHTTP/1.1", Some(("a", "HTTP/1.1")));
    }

    #[test]
    fn what_is_no_chunk_is_no_body() {
        for sent in [
            "",
            "1\r\na\r\n",
            "1\r\na\r\n0\r\n",
            "\r\n\r\n",
            "1\r\na\r\n\r\n\r\n",
            ";a\r\n\r\n",
            "g\r\n",
            "-1\r\n",
            "+1\r\na\r\n0\r\n\r\n",
            "0x1\r\na\r\n0\r\n\r\n",
            "1\r\nab\r\n0\r\n\r\n",
            "2\r\na\r\n0\r\n\r\n",
            "1\na\n0\n\n",
            "1\r\na\n0\r\n\r\n",
            "fffffffffffffffff\r\n",
            "1\r\na\r\n0\r\n\n",
        ] {
            check(sent, None);
        }
    }

    #[test]
    fn extensions_and_trailers_have_a_limit() {
        let long = "a".repeat(SIZE_LINE_BYTES);
        let many = "X: y\r\n".repeat(TRAILER_BYTES / 6 + 1);
        for sent in [
            format!("1;{long}"),
            format!("0\r\n{many}"),
            format!("0\r\nX: {many}"),
        ] {
            let mut buffer = BytesMut::from(&*sent);
            let mut state = Chunked::default();
            assert!(state.next(&mut buffer).is_err(), "{sent}");
        }
    }
}
