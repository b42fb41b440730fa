//! Unmasking (RFC 6455 section 5.3), a word at a time.

/// A masking key and how far into it the payload has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    /// The mask at the beginning of a payload.
    pub(super) fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Unmasks the next piece of the payload in place.
    pub(super) fn apply(&mut self, piece: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let mut words = piece.chunks_exact_mut(8);
        for chunk in &mut words {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(chunk);
            chunk.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ word).to_ne_bytes());
        }
        for (byte, key) in words.into_remainder().iter_mut().zip(self.0.iter().cycle()) {
            *byte ^= key;
        }
        self.0.rotate_left(piece.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_unmask_like_the_whole(key: [u8; 4], payload: Vec<u8>, cut in 0usize..64) {
            let expected: Vec<u8> = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            let mut actual = payload.clone();
            let (head, tail) = actual.split_at_mut(cut.min(payload.len()));
            let mut mask = Mask::new(key);
            mask.apply(head);
            mask.apply(tail);
            prop_assert_eq!(actual, expected);
        }
    }
}
