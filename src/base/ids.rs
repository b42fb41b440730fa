//! Identifiers in Amazon's forms.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use rand::RngCore as _;

/// A request, message or extended request id: 11 random bytes as 16 characters of URL-safe base64.
///
/// Source: captured events, e.g. the shape `JKJaXmPLvHcESHA=`; opaque to clients.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// A fresh id.
    pub fn mint() -> Self {
        let bytes: [u8; 11] = random();
        let mut text = [b'='; 16];
        // 11 bytes always take 16 characters with padding.
        let length = URL_SAFE.encode_slice(bytes, &mut text).unwrap_or(0);
        debug_assert_eq!(length, 16);
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
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_documented_shape() {
        let id = RequestId::mint();
        assert_eq!(id.as_str().len(), 16);
        assert!(id.as_str().ends_with('='));
        assert!(!id.as_str().ends_with("=="));
        assert_ne!(id, RequestId::mint());
    }
}
