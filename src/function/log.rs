//! What functions write to stdout and stderr, line by line into the log.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tracing::info;

use super::desk::Desk;

/// Longest line that is logged, in bytes; the rest of a longer one is dropped.
const LINE_BYTES: usize = 16 * 1024;
/// Read at once from a pipe, in bytes. A function that writes faster than the log takes lines waits for its pipe.
const CHUNK_BYTES: usize = 8 * 1024;

/// Cuts a stream into lines; holds at most one line of [`LINE_BYTES`].
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    truncated: bool,
}

impl Lines {
    /// Takes more of the stream; `emit` is given every line that is complete, and whether its end is missing.
    fn feed(&mut self, chunk: &[u8], emit: &mut impl FnMut(&str, bool)) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = LINE_BYTES - self.line.len();
            self.line.extend(text.iter().take(room));
            self.truncated |= text.len() > room;
            if ended {
                self.flush(emit);
            }
        }
    }

    /// The stream has ended: gives out a last line without its end.
    fn finish(&mut self, emit: &mut impl FnMut(&str, bool)) {
        if !self.line.is_empty() {
            self.flush(emit);
        }
    }

    fn flush(&mut self, emit: &mut impl FnMut(&str, bool)) {
        let text = String::from_utf8_lossy(&self.line);
        // Within a line, official runtimes write a carriage return where the message has a line end.
        let text = text.trim_end_matches('\r').replace('\r', "\n");
        emit(&text, self.truncated);
        self.line.clear();
        self.truncated = false;
    }
}

/// Passes a stream of one process into the log until it ends.
pub(super) async fn relay<R>(mut pipe: R, stream: &'static str, function: Arc<str>, desk: Arc<Desk>)
where
    R: AsyncRead + Unpin,
{
    let mut emit = |line: &str, truncated: bool| {
        let request_id = desk.request_id();
        info!(
            target: "function",
            function = &*function,
            request_id = request_id.as_deref(),
            stream,
            truncated = truncated.then_some(true),
            "{line}"
        );
    };
    let mut lines = Lines::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match pipe.read(&mut chunk).await {
            Ok(length) if length > 0 => {
                lines.feed(chunk.get(..length).unwrap_or_default(), &mut emit);
            }
            // A pipe that breaks has ended as well.
            _ => break,
        }
    }
    lines.finish(&mut emit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&[u8]], expected: &[(&str, bool)]) {
        let mut seen = Vec::new();
        let mut emit = |line: &str, truncated| seen.push((line.to_owned(), truncated));
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.feed(chunk, &mut emit);
            assert!(lines.line.capacity() <= 2 * LINE_BYTES);
        }
        lines.finish(&mut emit);
        let seen: Vec<_> = seen
            .iter()
            .map(|(line, cut)| (line.as_str(), *cut))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn streams_are_cut_into_bounded_lines() {
        check(&[], &[]);
        check(&[b"a\nb"], &[("a", false), ("b", false)]);
        check(&[b"a", b"b\r\n", b"\n"], &[("ab", false), ("", false)]);
        check(&[b"one\rtwo\r\n"], &[("one\ntwo", false)]);
        check(&[b"\xff\n"], &[("\u{fffd}", false)]);
        let long = vec![b'x'; LINE_BYTES];
        let text = String::from_utf8(long.clone()).unwrap();
        check(&[&long, b"\n"], &[(&text, false)]);
        check(
            &[&long, b"y", b"z\nnext\n"],
            &[(&text, true), ("next", false)],
        );
        let endless: Vec<&[u8]> = (0..640).map(|_| long.as_slice()).collect();
        check(&endless, &[(&text, true)]);
    }
}
