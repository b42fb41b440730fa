//! Authorities, the certificates they make, and clients that show them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::http_client::{Response, connect, read_response};
use crate::harness::soon;

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Shop");
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from_slice(&[0x1f, 0x02, 0x9c]));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}

fn of_authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

pub(crate) fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::self_signed(of_authority(name), key).unwrap()
}

pub(super) fn below(name: &str, issuer: &Authority) -> Authority {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::signed_by(of_authority(name), key, issuer).unwrap()
}

/// A certificate chain and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

pub(super) fn identity(issuer: &Authority, params: CertificateParams, key: &KeyPair) -> Identity {
    Identity {
        chain: params.signed_by(key, issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// `client-7`, as this authority knows it.
pub(crate) fn client(issuer: &Authority) -> Identity {
    identity(issuer, params("client-7"), &KeyPair::generate().unwrap())
}

/// The settings of a client that trusts the development CA in `state`.
pub(super) fn config(state: &Path, identity: Option<&Identity>) -> ClientConfig {
    config_with(state, identity, rustls::ALL_VERSIONS)
}

pub(super) fn config_with(
    state: &Path,
    identity: Option<&Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::from_pem_file(state.join("development-ca.pem")).unwrap();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(identity.chain.as_bytes());
            let chain = chain.collect::<Result<_, _>>().unwrap();
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// A connection that may have many requests.
pub(super) struct Line {
    pub(super) stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Line {
    /// A connection for this name; an address is no name, and none is sent then.
    pub(super) async fn open(
        address: SocketAddr,
        name: &str,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<Self> {
        let stream = connect(address).await;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = soon("a TLS handshake", connector.connect(name, stream)).await?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Asks a host; `None` when there is no answer, as the end of the handshake may have been a refusal.
    pub(super) async fn ask(&mut self, host: &str, path: &str) -> Option<Response> {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.stream.write_all(text.as_bytes()).await.ok()?;
        read_response(&mut self.stream, &mut self.buffer).await
    }
}

/// The status of one request on a connection of its own; `None` when TLS came to nothing.
pub(super) async fn status(
    address: SocketAddr,
    name: &str,
    host: &str,
    config: ClientConfig,
) -> Option<u16> {
    let mut line = Line::open(address, name, &Arc::new(config)).await.ok()?;
    let answer = line.ask(host, "/v2").await?;
    Some(answer.status)
}
