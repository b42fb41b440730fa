//! Authorities that clients of a domain name with mutual TLS have their certificates from.
//!
//! Source: developer guide, "Configuring mutual TLS authentication for an HTTP API".

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::DistinguishedName;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::base::clock::EpochMillis;
use crate::lang::certificate::distinguished_name;

mod entry;
use entry::Flaw;

/// AWS: certificates from a client's own to the root, both counted.
const CHAIN: usize = 4;
/// Most bytes of names that clients are told, so that they can choose among their certificates; with more they are told none.
const HINT_BYTES: usize = 16 * 1024;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// AWS: SHA-256 or better, with RSA of 2048 bits or more or with ECDSA over P-256 or P-384.
pub static SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// All truststores of a server: those of each URI by version, `None` for what is there without one.
#[derive(Debug, Clone, Default)]
pub struct Truststores(Arc<BTreeMap<String, Versions>>);

/// The versions of one truststore.
pub type Versions = BTreeMap<Option<String>, Arc<Truststore>>;

impl Truststores {
    /// Truststores by URI.
    pub fn new(all: BTreeMap<String, Versions>) -> Self {
        Self(Arc::new(all))
    }

    /// The truststore of that URI and version.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, uri: &str, version: Option<&str>) -> Result<&Arc<Truststore>, NoTruststore> {
        let versions = self.0.get(uri).ok_or(NoTruststore::Uri)?;
        let found = versions.get(&version.map(str::to_owned));
        found.ok_or(NoTruststore::Version)
    }
}

/// What of a truststore's name there is nothing for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTruststore {
    /// All of it.
    Uri,
    /// The version.
    Version,
}

/// The certificates of one truststore.
pub struct Truststore {
    /// SHA-256 of the text that it was read from.
    digest: [u8; 32],
    roots: Vec<Root>,
    intermediates: Vec<CertificateDer<'static>>,
    /// Names that clients are told.
    hints: Vec<DistinguishedName>,
    /// What is wrong with entries whatever the time.
    warnings: Vec<String>,
    /// When each entry may be used, in seconds since 1970, with what a warning calls it.
    validities: Vec<(String, i64, i64)>,
}

/// A certificate that is trusted by itself.
struct Root {
    anchor: TrustAnchor<'static>,
    not_before: i64,
    not_after: i64,
}

impl Root {
    fn is_valid_at(&self, seconds: i64) -> bool {
        (self.not_before..=self.not_after).contains(&seconds)
    }
}

impl fmt::Debug for Truststore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Truststore").finish_non_exhaustive()
    }
}

impl PartialEq for Truststore {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Truststore {}

impl Truststore {
    /// Reads certificates in PEM. Those that are no use are left out, with a warning.
    ///
    /// # Errors
    /// No root is left, or two certificates of one subject are by different issuers.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reading = Reading::default();
        for (at, block) in blocks(text).enumerate() {
            let called = format!("certificate {}", at + 1);
            let Ok(der) = CertificateDer::from_pem_slice(block.as_bytes()) else {
                let warning = format!("{called} is not in PEM");
                reading.store.warnings.push(warning);
                continue;
            };
            reading.take(called, der)?;
        }
        reading.finish(text)
    }

    /// Names of authorities whose certificates may work, for clients to choose by.
    pub fn hints(&self) -> &[DistinguishedName] {
        &self.hints
    }

    /// `truststoreWarnings`.
    pub fn warnings(&self, now: EpochMillis) -> Vec<String> {
        let now = now.seconds();
        let untimely = self.validities.iter().filter_map(|(called, from, to)| {
            if now < *from {
                return Some(format!("{called} is not valid yet"));
            }
            (now > *to).then(|| format!("{called} has expired"))
        });
        self.warnings.iter().cloned().chain(untimely).collect()
    }

    /// Checks that a client's certificate leads to a root of this truststore: signatures, names, dates and uses. Whether one
    /// was revoked is not asked (AWS).
    ///
    /// # Errors
    /// Why it does not.
    pub fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let certificate = EndEntityCert::try_from(end_entity)?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        // A trust anchor has no dates of its own, so expired ones must not be among them.
        let valid = self.roots.iter().filter(|root| root.is_valid_at(seconds));
        let anchors: Vec<_> = valid.map(|root| root.anchor.clone()).collect();
        let known = sent.iter().chain(&self.intermediates);
        let known: Vec<_> = known
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        let short = |path: &webpki::VerifiedPath<'_>| {
            let between = path.intermediate_certificates().count();
            match between + 2 <= CHAIN {
                true => Ok(()),
                false => Err(webpki::Error::MaximumPathDepthExceeded),
            }
        };
        certificate
            .verify_for_usage(
                SIGNATURES,
                &anchors,
                &known,
                now,
                KeyUsage::client_auth(),
                None,
                Some(&short),
            )
            .map(drop)
    }
}

/// The entries of a bundle; what is around them is somebody's notes.
fn blocks(text: &str) -> impl Iterator<Item = String> {
    text.split(BEGIN).skip(1).map(|rest| {
        let inside = rest.split(END).next().unwrap_or_default();
        format!("{BEGIN}{inside}{END}\n")
    })
}

/// A truststore that is being read.
#[derive(Default)]
struct Reading {
    store: Parts,
    /// Issuers by subject.
    issuers: HashMap<Vec<u8>, Vec<u8>>,
    /// What each entry is called, and its issuer's name, raw and written.
    wanted: Vec<(String, Vec<u8>, String)>,
    seen: HashSet<Vec<u8>>,
}

#[derive(Default)]
struct Parts {
    roots: Vec<Root>,
    intermediates: Vec<CertificateDer<'static>>,
    hints: Vec<DistinguishedName>,
    warnings: Vec<String>,
    validities: Vec<(String, i64, i64)>,
}

impl Reading {
    fn take(&mut self, called: String, der: CertificateDer<'static>) -> Result<(), String> {
        let Ok((_, certificate)) = X509Certificate::from_der(&der) else {
            let warning = format!("{called} cannot be read");
            self.store.warnings.push(warning);
            return Ok(());
        };
        let subject = certificate.subject();
        let called = format!("{called} ({})", distinguished_name(subject));
        if let Err(Flaw(flaw)) = entry::check(&certificate) {
            self.store.warnings.push(format!("{called} {flaw}"));
            return Ok(());
        }
        let issuer = certificate.issuer();
        let known = self
            .issuers
            .insert(subject.as_raw().to_vec(), issuer.as_raw().to_vec());
        if known.is_some_and(|known| known != issuer.as_raw()) {
            return Err(format!(
                "The certificate subject {} conflicts with an existing certificate from a different issuer.",
                distinguished_name(subject)
            ));
        }
        if !self.seen.insert(der.to_vec()) {
            return Ok(());
        }
        let validity = certificate.validity();
        let (from, to) = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        let hint = DistinguishedName::from(subject.as_raw().to_vec());
        if subject.as_raw() == issuer.as_raw() {
            let Ok(anchor) = anchor_from_trusted_cert(&der) else {
                self.store.warnings.push(format!("{called} cannot be used"));
                return Ok(());
            };
            self.store.roots.push(Root {
                anchor: anchor.to_owned(),
                not_before: from,
                not_after: to,
            });
        } else {
            let issuer = (issuer.as_raw().to_vec(), distinguished_name(issuer));
            self.wanted.push((called.clone(), issuer.0, issuer.1));
            self.store.intermediates.push(der.clone());
        }
        self.store.validities.push((called, from, to));
        self.store.hints.push(hint);
        Ok(())
    }

    fn finish(self, text: &str) -> Result<Truststore, String> {
        let Parts {
            roots,
            intermediates,
            mut hints,
            mut warnings,
            validities,
        } = self.store;
        if roots.is_empty() {
            let why = warnings.first().map(|first| format!(": {first}"));
            let why = why.unwrap_or_default();
            return Err(format!("has no root certificate that can be used{why}"));
        }
        let lost = self.wanted.into_iter();
        let lost = lost.filter(|(_, issuer, _)| !self.issuers.contains_key(issuer));
        warnings.extend(lost.map(|(called, _, issuer)| {
            format!("{called} leads to no root: its issuer, {issuer}, is not in the truststore")
        }));
        let bytes: usize = hints.iter().map(|hint| hint.as_ref().len() + 2).sum();
        if bytes > HINT_BYTES {
            hints.clear();
        }
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Ok(Truststore {
            digest: sum,
            roots,
            intermediates,
            hints,
            warnings,
            validities,
        })
    }
}

#[cfg(test)]
mod tests;
