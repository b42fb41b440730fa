//! Connection ids: 16 characters on the wire, 11 bytes inside, and the owning node hidden in them.
//!
//! 60 random bits R, then 28 bits: (slot 12, epoch 8, zero 8) XOR the first 28 bits of HMAC-SHA256(key, R). Opaque to
//! clients; every node with the key recovers the owner without a look-up, and 255 of 256 forgeries show at once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

const BYTES: usize = 11;
const TEXT: usize = 16;
const CHECK_BITS: u32 = 28;
const CHECK_MASK: u32 = (1 << CHECK_BITS) - 1;
const RANDOM_MASK: u64 = (1 << 60) - 1;

/// Identifies one connection for its whole life; never used again afterwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId([u8; BYTES]);

/// Why a text is no connection id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 16 characters of URL-safe base64.
    #[error("a connection id is 16 characters of URL-safe base64")]
    Malformed,
    /// Of the right form, but no gateway ever gave it out.
    #[error("no gateway gave out this connection id")]
    Unknown,
}

impl ConnectionId {
    fn from_parts(random: u64, check: u32) -> Self {
        let whole =
            (u128::from(random & RANDOM_MASK) << CHECK_BITS) | u128::from(check & CHECK_MASK);
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&whole.to_be_bytes()[16 - BYTES..]);
        Self(bytes)
    }

    fn parts(self) -> (u64, u32) {
        let mut wide = [0; 16];
        wide[16 - BYTES..].copy_from_slice(&self.0);
        let whole = u128::from_be_bytes(wide);
        // Both fields were masked to their width, so no bits are lost.
        ((whole >> CHECK_BITS) as u64, (whole as u32) & CHECK_MASK)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'='; TEXT];
        URL_SAFE
            .encode_slice(self.0, &mut text)
            .map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Hash for ConnectionId {
    // 60 of the leading bits are random already, so a table needs no more of them.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (random, check) = self.parts();
        state.write_u64((random << 4) ^ u64::from(check));
    }
}

impl FromStr for ConnectionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let alphabet =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
        if text.len() != TEXT || !text.bytes().all(alphabet) {
            return Err(IdError::Malformed);
        }
        let mut bytes = [0; BYTES + 1];
        match URL_SAFE.decode_slice(text, &mut bytes) {
            Ok(BYTES) => {
                let mut id = [0; BYTES];
                id.copy_from_slice(&bytes[..BYTES]);
                Ok(Self(id))
            }
            _ => Err(IdError::Unknown),
        }
    }
}

/// The node, and which life of it, that holds a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Place of the node in its cluster: 0 to 4095.
    pub slot: u16,
    /// Counts the node's restarts, wrapping.
    pub epoch: u8,
}

/// Mints the ids of one node and reads those of every node that shares its key.
pub struct IdMint {
    key: hmac::Key,
    owner: Owner,
}

impl fmt::Debug for IdMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdMint")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl IdMint {
    /// A mint for `owner`; every node of a cluster has the same 32-byte `key`. Slots beyond 4095 wrap.
    pub fn new(key: &[u8; 32], owner: Owner) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            owner: Owner {
                slot: owner.slot & 0xfff,
                epoch: owner.epoch,
            },
        }
    }

    /// The id made from 60 bits of `random`; the caller takes them from a cryptographic source.
    pub fn mint(&self, random: u64) -> ConnectionId {
        let random = random & RANDOM_MASK;
        let plain = (u32::from(self.owner.slot) << 16) | (u32::from(self.owner.epoch) << 8);
        ConnectionId::from_parts(random, plain ^ self.pad(random))
    }

    /// The node that gave out `id`; `None` when its check bits are wrong, so nobody did.
    pub fn owner_of(&self, id: ConnectionId) -> Option<Owner> {
        let (random, check) = id.parts();
        let plain = check ^ self.pad(random);
        (plain & 0xff == 0).then_some(Owner {
            slot: (plain >> 16) as u16 & 0xfff,
            epoch: (plain >> 8) as u8,
        })
    }

    fn pad(&self, random: u64) -> u32 {
        let tag = hmac::sign(&self.key, &random.to_be_bytes());
        let mut first = [0; 4];
        first.copy_from_slice(&tag.as_ref()[..4]);
        u32::from_be_bytes(first) >> (32 - CHECK_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mint(slot: u16, epoch: u8) -> IdMint {
        IdMint::new(&[7; 32], Owner { slot, epoch })
    }

    #[test]
    fn the_text_has_the_documented_shape() {
        let text = mint(1, 2).mint(0x0123_4567_89ab_cdef).to_string();
        assert_eq!(text.len(), 16);
        assert!(text.ends_with('=') && !text.ends_with("=="));
    }

    #[test]
    fn texts_that_are_no_ids() {
        let check = |text: &str, expected: IdError| {
            assert_eq!(text.parse::<ConnectionId>(), Err(expected), "{text}");
        };
        check("", IdError::Malformed);
        check("abc", IdError::Malformed);
        check("Zk3bXfH2DoECJ0w", IdError::Malformed);
        check("Zk3bXfH2DoECJ0w==", IdError::Malformed);
        check("Zk3bXfH2DoECJ+w=", IdError::Malformed);
        check("Zk3bXfH2DoECJ0ä", IdError::Malformed);
        check("Zk3bXfH2DoECJ0x=", IdError::Unknown);
        check("================", IdError::Unknown);
        check("Zk3bXfH2DoECJ0wA", IdError::Unknown);
        assert!("Zk3bXfH2DoECJ0w=".parse::<ConnectionId>().is_ok());
    }

    #[test]
    fn forgeries_mostly_show() {
        let own = mint(5, 9);
        let foreign = IdMint::new(&[8; 32], Owner { slot: 5, epoch: 9 });
        let passed = (0..10_000u64)
            .filter(|n| {
                own.owner_of(foreign.mint(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
                    .is_some()
            })
            .count();
        assert!(passed < 100, "{passed} of 10 000 forgeries passed");
    }

    proptest! {
        #[test]
        fn ids_round_trip(random: u64, slot in 0u16..4096, epoch: u8) {
            let mint = mint(slot, epoch);
            let id = mint.mint(random);
            prop_assert_eq!(id.to_string().parse::<ConnectionId>(), Ok(id));
            prop_assert_eq!(mint.owner_of(id), Some(Owner { slot, epoch }));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            text.parse::<ConnectionId>().ok();
        }
    }
}
