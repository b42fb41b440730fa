//! Signatures of Project Wycheproof: those that implementations have got wrong, over messages that are no tokens.
//!
//! Each goes the way that the signature of a token goes, from the issuer's key set on.

use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

use super::*;

/// What became of the vectors of some algorithms.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    /// Checks one signature; `good` says whether it must be accepted, if that is not left to us.
    fn check(&mut self, key: &Value, alg: &str, vector: (&[u8], &[u8]), good: Option<bool>) {
        let (message, signature) = vector;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let header = Header {
            algorithm: algorithm(alg).unwrap(),
            key_id: Some("k".to_owned()),
        };
        let set = json!({ "keys": [key] }).to_string();
        let accepted = KeySet::parse(set.as_bytes())
            .is_ok_and(|set| check_signature(&header, message, &signature, &set).is_ok());
        let expected = good.unwrap_or(accepted);
        assert_eq!(accepted, expected, "{alg} {key} {signature}");
        match accepted {
            true => self.accepted += 1,
            false => self.refused += 1,
        }
    }
}

fn expected(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

fn number(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa(n: &[u8], e: &[u8]) -> Value {
    json!({ "kty": "RSA", "kid": "k", "n": number(n), "e": number(e) })
}

#[test]
fn ecdsa_signatures() {
    use ecdsa::TestName as Name;
    let mut tally = Tally::default();
    for (name, alg, crv) in [
        (Name::EcdsaSecp256r1Sha256P1363, "ES256", "P-256"),
        (Name::EcdsaSecp384r1Sha384P1363, "ES384", "P-384"),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let point = &group.key.key[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let key =
                json!({ "kty": "EC", "crv": crv, "kid": "k", "x": number(x), "y": number(y) });
            for test in group.tests {
                tally.check(&key, alg, (&test.msg, &test.sig), expected(test.result));
            }
        }
    }
    let (accepted, refused) = (173 + 193, 89 + 87);
    assert_eq!(tally, Tally { accepted, refused });
}

/// Signatures in the encoding of certificates are none of a token's.
#[test]
fn ecdsa_signatures_in_der() {
    use ecdsa::TestName as Name;
    let mut tally = Tally::default();
    for (name, alg, crv) in [
        (Name::EcdsaSecp256r1Sha256, "ES256", "P-256"),
        (Name::EcdsaSecp384r1Sha384, "ES384", "P-384"),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let point = &group.key.key[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let key =
                json!({ "kty": "EC", "crv": crv, "kid": "k", "x": number(x), "y": number(y) });
            for test in group.tests {
                tally.check(&key, alg, (&test.msg, &test.sig), Some(false));
            }
        }
    }
    let (accepted, refused) = (0, 988);
    assert_eq!(tally, Tally { accepted, refused });
}

#[test]
fn ed25519_signatures() {
    let mut tally = Tally::default();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let x = number(&group.key.pk);
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x });
        for test in group.tests {
            tally.check(&key, "EdDSA", (&test.msg, &test.sig), expected(test.result));
        }
    }
    let (accepted, refused) = (88, 63);
    assert_eq!(tally, Tally { accepted, refused });
}

#[test]
fn rsa_signatures() {
    use pkcs1::TestName as Name;
    let mut tally = Tally::default();
    for (name, alg) in [
        (Name::Rsa2048Sha256, "RS256"),
        (Name::Rsa2048Sha384, "RS384"),
        (Name::Rsa2048Sha512, "RS512"),
        (Name::Rsa3072Sha256, "RS256"),
        (Name::Rsa3072Sha384, "RS384"),
        (Name::Rsa3072Sha512, "RS512"),
        (Name::Rsa4096Sha256, "RS256"),
        (Name::Rsa4096Sha384, "RS384"),
        (Name::Rsa4096Sha512, "RS512"),
        (Name::Rsa8192Sha256, "RS256"),
    ] {
        for group in pkcs1::TestSet::load(name).unwrap().test_groups {
            let key = rsa(&group.key.n, &group.key.e);
            for test in group.tests {
                tally.check(&key, alg, (&test.msg, &test.sig), expected(test.result));
            }
        }
    }
    let (accepted, refused) = (75, 2513);
    assert_eq!(tally, Tally { accepted, refused });
}

#[test]
fn rsa_pss_signatures() {
    use pss::TestName as Name;
    let mut tally = Tally::default();
    for (name, alg) in [
        (Name::RsaPss2048Sha256Mgf1SaltLen0, "PS256"),
        (Name::RsaPss2048Sha256Mgf1SaltLen32, "PS256"),
        (Name::RsaPss2048Sha256Mgf1Sha1_20, "PS256"),
        (Name::RsaPss2048Sha384Mgf1SaltLen48, "PS384"),
        (Name::RsaPss3072Sha256Mgf1SaltLen32, "PS256"),
        (Name::RsaPss4096Sha256Mgf1SaltLen32, "PS256"),
        (Name::RsaPss4096Sha384Mgf1SaltLen48, "PS384"),
        (Name::RsaPss4096Sha512Mgf1SaltLen32, "PS512"),
        (Name::RsaPss4096Sha512Mgf1SaltLen64, "PS512"),
    ] {
        for group in pss::TestSet::load(name).unwrap().test_groups {
            // RFC 7518 section 3.5: the salt is as long as the hash, and one hash does for both.
            let salt = match alg {
                "PS256" => 32,
                "PS384" => 48,
                _ => 64,
            };
            let one_hash = group.mgf_hash.as_ref() == Some(&group.hash);
            let ours = group.salt_size == salt && one_hash;
            let changed = format!("s_len changed to {salt}");
            let key = rsa(&group.key.n, &group.key.e);
            for test in group.tests {
                // What is wrong by the group's length of salt may be right by ours.
                let good = match !ours && test.comment == changed {
                    true => None,
                    false => expected(test.result).map(|good| good && ours),
                };
                tally.check(&key, alg, (&test.msg, &test.sig), good);
            }
        }
    }
    // Of the vectors with salts of another length, one was changed to have ours.
    let accepted = 63 + 95 + 63 + 63 + 95 + 132 + 1;
    let refused = 661;
    assert_eq!(tally, Tally { accepted, refused });
}
