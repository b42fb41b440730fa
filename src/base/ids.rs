//! Identifiers in Amazon's forms.

use std::fmt;

use rand::Rng as _;

/// The URL-safe alphabet of base64 (RFC 4648 section 5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A request, message or extended request id: 11 random bytes as 16 characters of URL-safe base64.
///
/// Source: captured events, e.g. the shape `JKJaXmPLvHcESHA=`; opaque to clients.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// A fresh id.
    pub fn mint() -> Self {
        // Spelled here rather than by a library, as two of them are made for every message.
        let mut bits: u128 = rand::rng().random();
        // 11 bytes are 14 characters and four bits of one more, whose other two are zero.
        bits &= !(0b11 << 84);
        let mut text = [b'='; 16];
        for character in &mut text[..15] {
            *character = ALPHABET[(bits & 63) as usize];
            bits >>= 6;
        }
        Self(text)
    }

    /// The 16 characters.
    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII, so this cannot fail.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Random bytes, for ids that are put together elsewhere.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes[..]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE;

    #[test]
    fn ids_have_the_documented_shape() {
        let id = RequestId::mint();
        assert_eq!(id.as_str().len(), 16);
        assert!(id.as_str().ends_with('='));
        assert!(!id.as_str().ends_with("=="));
        assert_ne!(id, RequestId::mint());
        for _ in 0..100 {
            let bytes = URL_SAFE.decode(RequestId::mint().as_str());
            assert_eq!(bytes.map(|bytes| bytes.len()), Ok(11));
        }
    }
}
