//! TLS on the same port as plain text: certificates from files, or from a development CA of our own.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;

use crate::base::clock::{Clock, within};
use crate::pipeline::Services;
use crate::transport::mutual::{Client, Demand};
use crate::transport::tls_stream::TlsStream;
use crate::transport::unfinished::Unfinished;

/// File of the development CA's certificate, in the state directory.
pub const CA_FILE: &str = "development-ca.pem";
/// File of the development CA's certificate together with the authorities that the system trusts.
pub const BUNDLE_FILE: &str = "development-ca-bundle.pem";
/// Where systems keep the authorities that they trust; the first that exists counts.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
/// Longest time from the answer to a client's first message to the client's last.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);
const CA_KEY_FILE: &str = "development-ca-key.pem";
/// Host names that the development CA has certificates for at a time.
const NAMES: usize = 1000;
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Certificate and key do not fit, or cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// One of the certificates of domain names.
    #[error("{problem}")]
    Named {
        /// Its ARN.
        arn: String,
        /// What is wrong.
        problem: Box<TlsError>,
    },
}

impl TlsError {
    fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::File {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }

    fn certificate(problem: impl fmt::Display) -> Self {
        Self::Certificate(problem.to_string())
    }
}

/// Where certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// What clients are shown that ask for no domain name with a certificate of its own.
    pub otherwise: Otherwise,
    /// Certificates of domain names, by ARN.
    pub certificates: BTreeMap<String, PemFiles>,
}

/// Where the certificate of a listener comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    /// A CA of the gateway's own, kept in the state directory, that certifies every name a client asks for.
    Development {
        /// Where the CA is kept.
        state_directory: PathBuf,
    },
    /// Files.
    Files(PemFiles),
}

/// A certificate chain and its key, in PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl TlsSettings {
    /// Reads all files, and makes none.
    ///
    /// # Errors
    /// As [`Tls::new`].
    pub fn try_files(&self) -> Result<(), TlsError> {
        if let Otherwise::Files(files) = &self.otherwise {
            files.read()?;
        }
        named(&self.certificates).map(drop)
    }
}

impl PemFiles {
    fn read(&self) -> Result<Arc<CertifiedKey>, TlsError> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|problem| TlsError::file(&self.certificate, problem))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|problem| TlsError::file(&self.key, problem))?;
        let provider = aws_lc_rs::default_provider();
        let certified =
            CertifiedKey::from_der(chain, key, &provider).map_err(TlsError::certificate)?;
        Ok(Arc::new(certified))
    }
}

fn named(
    certificates: &BTreeMap<String, PemFiles>,
) -> Result<HashMap<String, Arc<CertifiedKey>>, TlsError> {
    let read = certificates.iter().map(|(arn, files)| {
        let read = files.read();
        let read = read.map_err(|problem| TlsError::Named {
            arn: arn.clone(),
            problem: Box::new(problem),
        })?;
        Ok((arn.clone(), read))
    });
    read.collect()
}

/// The TLS side of the listeners; certificates can be replaced while connections are open.
#[derive(Debug)]
pub struct Tls {
    config: ArcSwap<ServerConfig>,
    services: Arc<Services>,
}

impl Tls {
    /// Reads or makes the certificates. Which of them a domain name has is for the plan in force to say.
    ///
    /// # Errors
    /// When a file cannot be read, or certificate and key do not fit.
    pub fn new(settings: &TlsSettings, services: Arc<Services>) -> Result<Self, TlsError> {
        Ok(Self {
            config: ArcSwap::from_pointee(configure(settings, &services)?),
            services,
        })
    }

    /// Reads the certificates again; connections that are open keep theirs.
    ///
    /// # Errors
    /// As [`Tls::new`]; the old certificates then stay.
    pub fn reload(&self, settings: &TlsSettings) -> Result<(), TlsError> {
        let config = configure(settings, &self.services)?;
        self.config.store(Arc::new(config));
        Ok(())
    }

    /// Speaks TLS on an accepted socket. The client's first message is waited for without a place among the unfinished: only
    /// what it asks of us costs anything. Gives what a client proved of whom it was demanded, besides.
    ///
    /// # Errors
    /// When the handshake fails, or the client does not finish it in time.
    pub(super) async fn accept(
        &self,
        mut stream: TcpStream,
        unfinished: &Arc<Unfinished>,
        clock: &dyn Clock,
    ) -> io::Result<(Stream, Option<Arc<Client>>)> {
        let message = TlsStream::first_message(&mut stream).await?;
        let mut place = unfinished.enter();
        let usual = self.config.load_full();
        let demand = Demand::of(&self.services.plan_now(), &message);
        let config = match &demand {
            None => usual,
            Some(demand) => {
                let config = demand.configured(&usual, &self.services.clock);
                Arc::new(config.map_err(io::Error::other)?)
            }
        };
        let handshake = TlsStream::accept(stream, message, config);
        let stream = tokio::select! {
            stream = within(clock, FINISH_TIMEOUT, handshake) => stream,
            () = place.evicted() => return Err(io::ErrorKind::ConnectionAborted.into()),
        };
        let stream = stream.ok_or(io::ErrorKind::TimedOut)??;
        let client = demand.and_then(|demand| demand.met(stream.peer_certificates()));
        Ok((Stream::Tls(Box::new(stream)), client))
    }
}

fn configure(settings: &TlsSettings, services: &Arc<Services>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::certificate)?
        .with_no_client_auth();
    let certificates = Certificates {
        named: named(&settings.certificates)?,
        otherwise: match &settings.otherwise {
            Otherwise::Development { state_directory } => {
                Arc::new(DevelopmentCa::open(state_directory)?)
            }
            Otherwise::Files(files) => Arc::new(SingleCertAndKey::from(files.read()?)),
        },
        services: Arc::clone(services),
    };
    let mut config = builder.with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok(config)
}

/// The certificates that clients are shown.
#[derive(Debug)]
struct Certificates {
    /// By ARN.
    named: HashMap<String, Arc<CertifiedKey>>,
    otherwise: Arc<dyn ResolvesServerCert>,
    services: Arc<Services>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let own = || {
            let plan = self.services.plan_now();
            let domain = plan.domains.find(hello.server_name()?)?;
            self.named.get(&**domain.certificate.as_ref()?).cloned()
        };
        own().or_else(|| self.otherwise.resolve(hello))
    }
}

/// A CA for development. Its key never leaves the state directory; trust it on no machine but your own.
struct DevelopmentCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    by_name: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    unnamed: Arc<CertifiedKey>,
}

impl fmt::Debug for DevelopmentCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevelopmentCa").finish_non_exhaustive()
    }
}

impl DevelopmentCa {
    fn open(directory: &Path) -> Result<Self, TlsError> {
        let key_path = directory.join(CA_KEY_FILE);
        let key = match std::fs::read_to_string(&key_path) {
            Ok(pem) => {
                KeyPair::from_pem(&pem).map_err(|problem| TlsError::file(&key_path, problem))?
            }
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
                create_key(directory, &key_path)?
            }
            Err(problem) => return Err(TlsError::file(&key_path, problem)),
        };
        // The same key always gives the same authority, so what trusts it goes on doing so.
        let issuer =
            CertifiedIssuer::self_signed(authority(), key).map_err(TlsError::certificate)?;
        let path = directory.join(CA_FILE);
        if !path.exists() {
            write(&path, &issuer.pem())?;
        }
        let ca =
            std::fs::read_to_string(&path).map_err(|problem| TlsError::file(&path, problem))?;
        let mut systems = SYSTEM_BUNDLES.iter();
        let system = systems.find_map(|path| std::fs::read_to_string(path).ok());
        let bundle = format!("{ca}\n{}", system.unwrap_or_default());
        write(&directory.join(BUNDLE_FILE), &bundle)?;
        let unnamed = leaf(&issuer, local_names())?;
        Ok(Self {
            issuer,
            by_name: Mutex::default(),
            unnamed,
        })
    }

    fn named(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_name.get(name) {
            return Some(Arc::clone(known));
        }
        let made = leaf(&self.issuer, vec![name.to_owned()]).ok()?;
        if by_name.len() >= NAMES {
            by_name.clear();
        }
        by_name.insert(name.to_owned(), Arc::clone(&made));
        Some(made)
    }
}

impl ResolvesServerCert for DevelopmentCa {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name() {
            Some(name) => self.named(name),
            None => Some(Arc::clone(&self.unnamed)),
        }
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Tidegate development CA");
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn create_key(directory: &Path, path: &Path) -> Result<KeyPair, TlsError> {
    std::fs::create_dir_all(directory).map_err(|problem| TlsError::file(directory, problem))?;
    let key = KeyPair::generate().map_err(TlsError::certificate)?;
    write_secret(path, &key.serialize_pem())?;
    Ok(key)
}

fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    std::fs::write(path, text).map_err(|problem| TlsError::file(path, problem))
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> Result<(), TlsError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|problem| TlsError::file(path, problem))
}

/// Names for clients that send none, because they were given an address.
fn local_names() -> Vec<String> {
    let addresses: [IpAddr; 2] = [[127, 0, 0, 1].into(), [0, 0, 0, 0, 0, 0, 0, 1u16].into()];
    let mut names: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    names.extend((2..=16).map(|last| format!("127.0.0.{last}")));
    names.extend(["localhost".to_owned(), "*.localhost".to_owned()]);
    names
}

fn leaf(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    names: Vec<String>,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let key = KeyPair::generate().map_err(TlsError::certificate)?;
    let mut params = CertificateParams::new(names).map_err(TlsError::certificate)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Tidegate development");
    params.distinguished_name = name;
    let certificate = params
        .signed_by(&key, issuer)
        .map_err(TlsError::certificate)?;
    let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(TlsError::certificate)?;
    let key = aws_lc_rs::sign::any_supported_type(&der).map_err(TlsError::certificate)?;
    Ok(Arc::new(CertifiedKey::new(
        vec![certificate.der().clone()],
        key,
    )))
}

/// An accepted socket, with or without TLS.
#[derive(Debug)]
pub enum Stream {
    /// Plain text.
    Plain(TcpStream),
    /// TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether the client and we agreed on HTTP/2.
    pub fn speaks_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.alpn_protocol() == Some(HTTP2),
        }
    }

    /// Waits for the client's first bytes, or its end, without reading them: a look at what the system has already told, and at
    /// what came with the last of a TLS handshake.
    pub fn poll_first(&self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tls(stream) if stream.has_plain() => Poll::Ready(()),
            // A failure is found by reading.
            _ => self.socket().poll_read_ready(context).map(drop),
        }
    }

    /// Whether the system has already told that nothing comes behind what waits to be read.
    pub fn has_ended(&self) -> bool {
        let told = self.socket().ready(Interest::READABLE).now_or_never();
        told.is_some_and(|told| told.is_ok_and(Ready::is_read_closed))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
