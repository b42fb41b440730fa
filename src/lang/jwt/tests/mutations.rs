//! Whatever is changed about a good token, it is good no more.

use proptest::prelude::*;
use serde_json::json;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_changed_byte_is_the_end(place in any::<prop::sample::Index>(), byte in 0x21_u8..0x7f) {
        let all = mints();
        for (mint, name) in [(&all.p256, "ES256"), (&all.ed25519, "EdDSA")] {
            let good = mint.sign(name, &claims(json!({})));
            let mut bytes = good.clone().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            let verdict = verify(&changed, &set(&[mint]), &rules(), at(NOW));
            prop_assert_eq!(verdict.is_ok(), changed == good, "{}", changed);
        }
    }

    #[test]
    fn a_token_cut_anywhere_is_none(place in any::<prop::sample::Index>()) {
        let mint = &mints().p256;
        let good = mint.sign("ES256", &claims(json!({})));
        let cut = good.split_at(place.index(good.len())).0;
        prop_assert!(verify(cut, &set(&[mint]), &rules(), at(NOW)).is_err());
    }

    #[test]
    fn nothing_panics(token in "\\PC{0,200}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,60}", 0..5), keys in "\\PC{0,200}") {
        let trusted = set(&[&mints().p256]);
        prop_assert!(verify(&token, &trusted, &rules(), at(NOW)).is_err());
        prop_assert!(verify(&parts.join("."), &trusted, &rules(), at(NOW)).is_err());
        prop_assert!(KeySet::parse(keys.as_bytes()).is_err());
    }
}
