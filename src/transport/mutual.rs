//! Mutual TLS: which clients must prove who they are, and what they have proven.
//!
//! Amazon says of a client without a good certificate both that its handshake fails and that it gets 403. Here the handshake fails
//! wherever the client named the domain in it: nobody unknown gets to speak HTTP, and a client of a wrong certificate hears what is
//! wrong with it from TLS itself. Whoever comes to the domain by another way (another name in the handshake or none, plain text, a
//! proxy that ended TLS) gets 403.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{Acceptor, NoServerSessionStorage};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use webpki::aws_lc_rs as algorithms;

use crate::base::clock::{Clock, EpochMillis};
use crate::lang::certificate::CertificateFacts;
use crate::plan::Plan;
use crate::plan::truststore::{SIGNATURES, Truststore};

/// What clients may sign their handshakes with: the same kinds of keys as in certificates.
static HANDSHAKES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: SIGNATURES,
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256],
        ),
        (
            SignatureScheme::RSA_PSS_SHA512,
            &[algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA384,
            &[algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA256,
            &[algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA512,
            &[algorithms::RSA_PKCS1_2048_8192_SHA512],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA384,
            &[algorithms::RSA_PKCS1_2048_8192_SHA384],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA256,
            &[algorithms::RSA_PKCS1_2048_8192_SHA256],
        ),
    ],
};

/// A client that proved in its handshake that a certificate is its own.
#[derive(Debug)]
pub(super) struct Client {
    /// The name it asked for.
    server_name: Box<str>,
    /// What its certificate was found to lead to.
    truststore: Arc<Truststore>,
    /// Its certificate, and what it sent with that.
    chain: Vec<CertificateDer<'static>>,
    facts: Arc<CertificateFacts>,
}

impl Client {
    fn is_trusted_by(&self, truststore: &Arc<Truststore>, now: EpochMillis) -> bool {
        if now.seconds() > self.facts.validity.ends {
            return false;
        }
        // Nothing was swapped since, or something else.
        if Arc::ptr_eq(&self.truststore, truststore) || self.truststore == *truststore {
            return true;
        }
        let (end_entity, sent) = match self.chain.split_first() {
            Some(split) => split,
            None => return false,
        };
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_millis(now.0));
        truststore.verify(end_entity, sent, now).is_ok()
    }
}

/// What a handshake demands of a client beyond what every client has to do.
#[derive(Debug)]
pub(super) struct Demand {
    server_name: Box<str>,
    truststore: Arc<Truststore>,
}

impl Demand {
    /// The demand that the plan has for a client with this first message, if any.
    pub(super) fn of(plan: &Plan, message: &[u8]) -> Option<Self> {
        if !plan.domains.want_certificates() {
            return None;
        }
        let server_name = server_name(message)?;
        let truststore = plan.domains.find(&server_name)?.truststore.clone()?;
        Some(Self {
            server_name,
            truststore,
        })
    }

    /// The settings of a handshake that makes it, which are made for that one alone, so that nothing of them outlives a swap.
    ///
    /// # Errors
    /// The settings contradict each other, which they do not.
    pub(super) fn configured(
        &self,
        usual: &ServerConfig,
        clock: &Arc<dyn Clock>,
    ) -> Result<ServerConfig, Error> {
        let provider = Arc::clone(usual.crypto_provider());
        let wall = Arc::new(Wall(Arc::clone(clock)));
        let mut config = ServerConfig::builder_with_details(provider, wall)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(Verifier(Arc::clone(&self.truststore))))
            .with_cert_resolver(Arc::clone(&usual.cert_resolver));
        config.alpn_protocols.clone_from(&usual.alpn_protocols);
        // Every certificate is looked at: a resumed session would bring one that was verified some other time.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// The client that met it with these certificates, its own first.
    pub(super) fn met(self, chain: Option<&[CertificateDer<'static>]>) -> Option<Arc<Client>> {
        let chain = chain?;
        let facts = CertificateFacts::of(chain.first()?)?;
        Some(Arc::new(Client {
            server_name: self.server_name,
            truststore: self.truststore,
            chain: chain.to_vec(),
            facts: Arc::new(facts),
        }))
    }
}

/// The name that a client asks for in its first message.
fn server_name(message: &[u8]) -> Option<Box<str>> {
    let mut acceptor = Acceptor::default();
    let mut rest = message;
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return accepted.client_hello().server_name().map(Box::from);
        }
    }
    None
}

/// A request for a domain name that wants a certificate, of a client that has shown none for it.
#[derive(Debug)]
pub(super) struct Unproven;

/// What is known of a client that asks for a host; nothing where no certificate is wanted.
///
/// # Errors
/// One is wanted, and the client has not proven, under the name of that domain, to own one that leads to its truststore.
pub(super) fn admit(
    plan: &Plan,
    client: Option<&Client>,
    host: &str,
    now: EpochMillis,
) -> Result<Option<Arc<CertificateFacts>>, Unproven> {
    if !plan.domains.want_certificates() {
        return Ok(None);
    }
    let Some(domain) = plan.domains.find(host) else {
        return Ok(None);
    };
    let Some(truststore) = &domain.truststore else {
        return Ok(None);
    };
    let client = client.ok_or(Unproven)?;
    let same = plan.domains.find(&client.server_name);
    let same = same.is_some_and(|same| std::ptr::eq(same, domain));
    match same && client.is_trusted_by(truststore, now) {
        true => Ok(Some(Arc::clone(&client.facts))),
        false => Err(Unproven),
    }
}

/// Certificates are valid by the gateway's clock.
#[derive(Debug)]
struct Wall(Arc<dyn Clock>);

impl TimeProvider for Wall {
    fn current_time(&self) -> Option<UnixTime> {
        let now = std::time::Duration::from_millis(self.0.wall().0);
        Some(UnixTime::since_unix_epoch(now))
    }
}

/// Trusts what leads to a truststore.
#[derive(Debug)]
struct Verifier(Arc<Truststore>);

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.hints()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify(end_entity, intermediates, now);
        verified.map_err(refusal)?;
        // What cannot be told of a client cannot be acted upon.
        match CertificateFacts::of(end_entity) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(CertificateError::BadEncoding.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &HANDSHAKES)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &HANDSHAKES)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        HANDSHAKES.supported_schemes()
    }
}

/// What the client is told; the reason as a whole is in the log.
fn refusal(error: webpki::Error) -> Error {
    use webpki::Error as Problem;
    let told = match error {
        Problem::BadDer | Problem::BadDerTime | Problem::TrailingData(_) => {
            CertificateError::BadEncoding
        }
        Problem::CertExpired { .. } => CertificateError::Expired,
        Problem::CertNotValidYet { .. } => CertificateError::NotValidYet,
        Problem::UnknownIssuer => CertificateError::UnknownIssuer,
        Problem::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Problem::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        other => CertificateError::Other(rustls::OtherError(Arc::new(other))),
    };
    told.into()
}
