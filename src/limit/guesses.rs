//! How often one source address may show API keys that are none.
//!
//! The memory is fixed, however many addresses try: each has its place in a table by a hash that nobody outside can work out. Two
//! that meet in one place share it, which at worst makes one of them wait.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limit::token_bucket::TokenBucket;
use crate::plan::route::RateLimit;
use crate::plan::throttle::BucketId;

/// Wrong keys of one address: in a second, and at once.
const WRONG_KEYS: RateLimit = RateLimit {
    rate: 10.0,
    burst: 100,
};
/// Places in each table, of eight bytes; made when the first is needed.
const PLACES: usize = 65_536;
/// Who has more than one address of IPv6 has a network of at least this size (RFC 6177).
const NETWORK_BITS: u32 = 64;

/// What an address showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// No key.
    Nothing,
    /// A key that is not good.
    Wrong,
    /// A key that is good: its holder.
    Good(BucketId),
}

/// Wrong keys of all addresses, and who has used which key well.
#[derive(Debug, Default)]
pub struct Guesses {
    wrong: OnceLock<Box<[TokenBucket]>>,
    /// Marks of an address together with a key; the last that met a place has it.
    familiar: OnceLock<Box<[AtomicU64]>>,
    hash: RandomState,
}

impl Guesses {
    /// Nobody has guessed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an address may be told at `now`, in nanoseconds, if what it showed is good; a wrong key is counted.
    ///
    /// Once an address has guessed too often, good keys are not told from wrong ones either: but for those that it used before,
    /// so that nobody can lock out their neighbours behind one address.
    pub fn allow(&self, source: IpAddr, shown: Shown, now: u64) -> bool {
        let source = network(source);
        match shown {
            Shown::Wrong => self.bucket(source).take(WRONG_KEYS, now),
            Shown::Nothing => self.may_guess(source, now),
            Shown::Good(key) => {
                let (place, mark) = self.mark(source, key);
                let allowed = place.load(Ordering::Relaxed) == mark || self.may_guess(source, now);
                if allowed {
                    place.store(mark, Ordering::Relaxed);
                }
                allowed
            }
        }
    }

    fn may_guess(&self, source: IpAddr, now: u64) -> bool {
        self.wrong.get().is_none() || self.bucket(source).has_one(WRONG_KEYS, now)
    }

    fn bucket(&self, source: IpAddr) -> &TokenBucket {
        let table = self.wrong.get_or_init(table);
        place(table, self.hash.hash_one(source))
    }

    fn mark(&self, source: IpAddr, key: BucketId) -> (&AtomicU64, u64) {
        let table = self.familiar.get_or_init(table);
        // Never the mark of an empty place.
        let mark = self.hash.hash_one((source, key)) | 1;
        (place(table, mark >> 1), mark)
    }
}

fn table<T: Default>() -> Box<[T]> {
    (0..PLACES).map(|_| T::default()).collect()
}

fn place<T>(table: &[T], hash: u64) -> &T {
    // The remainder is below the table's length.
    &table[(hash % PLACES as u64) as usize]
}

/// The address itself, or the network of IPv6 that it is in.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let rest = u128::MAX >> NETWORK_BITS;
            Ipv6Addr::from_bits(address.to_bits() & !rest).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn memory_does_not_grow_with_the_crowd() {
        let guesses = Guesses::new();
        let key = BucketId::of("apiKey", &["a"]);
        for number in 0..200_000 {
            guesses.allow(address(number), Shown::Wrong, 0);
            guesses.allow(address(number), Shown::Good(key), 0);
        }
        assert_eq!(guesses.wrong.get().unwrap().len(), PLACES);
        assert_eq!(guesses.familiar.get().unwrap().len(), PLACES);
        assert_eq!(size_of::<TokenBucket>(), 8);
    }

    #[test]
    fn nothing_is_kept_until_somebody_shows_a_key() {
        let guesses = Guesses::new();
        assert!(guesses.allow(address(1), Shown::Nothing, 0));
        assert!(guesses.wrong.get().is_none() && guesses.familiar.get().is_none());
    }

    #[test]
    fn an_address_that_guesses_harms_hardly_another() {
        let guesses = Guesses::new();
        let key = BucketId::of("apiKey", &["a"]);
        while guesses.allow(address(0), Shown::Wrong, SECOND) {}
        let locked_out = (1..=10_000)
            .filter(|number| !guesses.allow(address(*number), Shown::Good(key), SECOND))
            .count();
        // One place in 65 536 is taken; more than five of 10 000 in it would be a broken hash.
        assert!(locked_out <= 5, "{locked_out}");
        assert!(!guesses.allow(address(0), Shown::Good(key), SECOND));
        assert!(guesses.allow(address(0), Shown::Good(key), 2 * SECOND));
    }

    #[test]
    fn networks() {
        let check = |text: &str, expected: &str| {
            let network = network(text.parse().unwrap());
            assert_eq!(network, expected.parse::<IpAddr>().unwrap());
        };
        check("192.0.2.1", "192.0.2.1");
        check("::ffff:192.0.2.1", "192.0.2.1");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }
}
