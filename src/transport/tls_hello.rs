//! How long a client's first message of TLS is, without reading what it says.

/// Content type of handshake records (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// Type, version and length of a record.
const RECORD_HEADER: usize = 5;
/// Type and length of a handshake message.
const MESSAGE_HEADER: usize = 4;

/// How far the first message of a handshake has come. Each record is looked at once, however small the pieces that it comes in.
#[derive(Debug, Default)]
pub(super) struct FirstMessage {
    /// Where the first record begins that is not whole yet.
    at: usize,
    /// The message's own header, as far as it has come.
    header: [u8; MESSAGE_HEADER],
    /// Bytes of the message in whole records.
    length: usize,
}

impl FirstMessage {
    /// Whether `bytes`, all that has come so far, hold the whole message, which may be spread over records. What is no such
    /// message at all counts as whole: waiting would not make it one.
    pub(super) fn is_whole(&mut self, bytes: &[u8]) -> bool {
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            if rest.first().is_some_and(|kind| *kind != HANDSHAKE) {
                return true;
            }
            let Some((record, behind)) = rest.split_first_chunk::<RECORD_HEADER>() else {
                return false;
            };
            let [_, _, _, high, low] = *record;
            let size = usize::from(u16::from_be_bytes([high, low]));
            let Some(payload) = behind.get(..size) else {
                return false;
            };
            // No client sends an empty record here.
            if payload.is_empty() || self.ends_in(payload) {
                return true;
            }
            self.at += RECORD_HEADER + size;
        }
    }

    /// Counts the payload of one more record.
    fn ends_in(&mut self, payload: &[u8]) -> bool {
        let missing = self.header.iter_mut().skip(self.length);
        for (place, byte) in missing.zip(payload) {
            *place = *byte;
        }
        self.length += payload.len();
        let [_, a, b, c] = self.header;
        let wanted = MESSAGE_HEADER + u32::from_be_bytes([0, a, b, c]) as usize;
        self.length >= MESSAGE_HEADER && self.length >= wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of so many bytes in records of at most `piece` bytes.
    fn records(length: u8, piece: usize) -> Vec<u8> {
        let mut message = vec![1, 0, 0, length];
        message.resize(MESSAGE_HEADER + usize::from(length), 7);
        let records = message.chunks(piece).flat_map(|piece| {
            let header = [HANDSHAKE, 3, 1, 0, piece.len() as u8];
            header.into_iter().chain(piece.iter().copied())
        });
        records.collect()
    }

    fn is_whole(bytes: &[u8]) -> bool {
        FirstMessage::default().is_whole(bytes)
    }

    #[test]
    fn a_message_is_whole_with_its_last_byte() {
        for piece in [1, 2, 3, 4, 5, 50, 200] {
            let bytes = records(100, piece);
            let mut message = FirstMessage::default();
            for end in 0..bytes.len() {
                assert!(
                    !message.is_whole(&bytes[..end]),
                    "{end} in pieces of {piece}"
                );
            }
            assert!(message.is_whole(&bytes), "in pieces of {piece}");
            assert!(is_whole(&[&bytes[..], b"more"].concat()));
        }
    }

    #[test]
    fn what_is_no_message_is_not_waited_for() {
        assert!(is_whole(b"GET / HTTP/1.1"));
        assert!(is_whole(&[HANDSHAKE, 3, 1, 0, 0]));
        let mut bytes = records(100, 10);
        bytes[15] = 21;
        assert!(is_whole(&bytes));
        assert!(!is_whole(&[]));
    }
}
