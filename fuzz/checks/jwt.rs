//! What must hold for every key set and token: nothing panics, and what is good is so for one reason only.

use std::time::Duration;

use lang::jwt::{JwtError, JwtRules, KeySet, bare, verify};

use super::{EpochMillis, lang};

/// When the good tokens of the corpus are looked at: 2027-01-15T08:00:00Z.
const NOW: u64 = 1_800_000_000_000;

/// Reads a key set from the first line and verifies the token in the rest; `None` when the first line is no key set.
pub(crate) fn check(data: &[u8]) -> Option<Result<(), JwtError>> {
    let text = String::from_utf8_lossy(data);
    let (keys, token) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(keys) = KeySet::parse(keys.as_bytes()) else {
        return None;
    };
    let again = KeySet::parse(text.lines().next().unwrap_or_default().as_bytes());
    assert!(again.is_ok_and(|again| again.fingerprint() == keys.fingerprint()));
    let audience = vec!["web".to_owned()];
    let rules = JwtRules::new(
        "https://id.example.com".to_owned(),
        audience,
        Duration::ZERO,
    );
    let Some(token) = bare(token) else {
        return Some(Err(JwtError::Segments));
    };
    let now = EpochMillis(NOW);
    Some(verify(token, &keys, &rules, now).map(|verified| {
        assert_eq!(verified.lifetime.check(now), Ok(()));
        assert!(verified.claims.values().all(|value| value.is_string()));
        assert!(verify(&format!("{token}A"), &keys, &rules, now).is_err());
        assert!(verify(&format!("A{token}"), &keys, &rules, now).is_err());
    }))
}
