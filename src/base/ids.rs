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
        let mut bytes = [0u8; 11];
        rand::rng().fill_bytes(&mut bytes);
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

/// A new root for `X-Amzn-Trace-Id`: `Root=1-{8 hex digits of epoch seconds}-{24 hex digits}`.
///
/// Source: AWS X-Ray Developer Guide, "Tracing header".
pub fn mint_trace_root(epoch_seconds: i64) -> String {
    let mut bytes = [0u8; 12];
    rand::rng().fill_bytes(&mut bytes);
    let mut root = format!("Root=1-{:08x}-", epoch_seconds & 0xffff_ffff);
    for byte in bytes {
        root.push_str(&format!("{byte:02x}"));
    }
    root
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

    #[test]
    fn trace_roots_have_the_documented_shape() {
        let root = mint_trace_root(0x66a1_b2c3);
        assert!(root.starts_with("Root=1-66a1b2c3-"), "{root}");
        assert_eq!(root.len(), "Root=1-66a1b2c3-".len() + 24);
    }
}
