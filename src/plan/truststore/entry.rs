//! Which certificates a truststore may have.

use x509_parser::oid_registry::{
    OID_EC_P256, OID_NIST_EC_P384, OID_PKCS1_RSASSAPSS, OID_PKCS1_SHA256WITHRSA,
    OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512,
};
use x509_parser::prelude::{X509Certificate, X509Version};
use x509_parser::public_key::PublicKey;

/// Fewest bits of an RSA key.
const RSA_BITS: usize = 2048;

/// Why a certificate is no use, as the end of a sentence.
pub(super) struct Flaw(pub(super) &'static str);

/// AWS: X.509 of version 3, signed with SHA-256 or better, with a key that is strong enough.
pub(super) fn check(certificate: &X509Certificate<'_>) -> Result<(), Flaw> {
    if certificate.version() != X509Version::V3 {
        return Err(Flaw("is not of version 3 of X.509"));
    }
    let algorithm = &certificate.signature_algorithm.algorithm;
    let strong = [
        OID_PKCS1_SHA256WITHRSA,
        OID_PKCS1_SHA384WITHRSA,
        OID_PKCS1_SHA512WITHRSA,
        OID_PKCS1_RSASSAPSS,
        OID_SIG_ECDSA_WITH_SHA256,
        OID_SIG_ECDSA_WITH_SHA384,
        OID_SIG_ECDSA_WITH_SHA512,
    ];
    if !strong.contains(algorithm) {
        return Err(Flaw("is signed with an algorithm that is not supported"));
    }
    let key = certificate.public_key();
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) if rsa.key_size() < RSA_BITS => {
            Err(Flaw("has an RSA key of less than 2048 bits"))
        }
        Ok(PublicKey::RSA(_)) => Ok(()),
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref();
            let curve = curve.and_then(|curve| curve.as_oid().ok());
            match curve {
                Some(curve) if curve == OID_EC_P256 || curve == OID_NIST_EC_P384 => Ok(()),
                _ => Err(Flaw(
                    "has an ECDSA key that is over neither P-256 nor P-384",
                )),
            }
        }
        _ => Err(Flaw("has a key that is neither RSA nor ECDSA")),
    }
}
