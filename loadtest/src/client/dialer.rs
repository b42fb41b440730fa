//! Opens connections to one target.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use url::Url;

use super::handshake::handshake;
use super::{
    IDLE_BUFFER_BYTES, READ_BUFFER_BYTES, SPARSE_BUFFER_BYTES, Socket, Wire, socket_config,
};
use crate::measure::{Failure, Wait};
use crate::options::{Common, Misuse};

/// Opens connections to one URL, from the given source addresses in turn.
#[derive(Debug)]
pub struct Dialer {
    address: SocketAddr,
    sources: Vec<IpAddr>,
    next_source: AtomicUsize,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Duration,
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    read_buffer_bytes: usize,
    /// Bytes of the system's buffers, in place of what it would choose.
    system_buffers: Option<SystemBuffers>,
}

/// How much the system keeps for a socket, in bytes.
#[derive(Debug, Clone, Copy)]
struct SystemBuffers {
    receive: usize,
    send: usize,
}

/// As small as leaves room for a handshake.
const CRAMPED: SystemBuffers = SystemBuffers {
    receive: 4 * 1024,
    send: 16 * 1024,
};

impl Dialer {
    /// Resolves the host of `url` (`ws`, `wss`, `http` or `https`) and prepares TLS where it is needed.
    ///
    /// # Errors
    ///
    /// The URL, its host name, a source address or the certificate file cannot be used.
    pub async fn new(url: &Url, common: &Common) -> Result<Self, Misuse> {
        let (secure, default_port) = match url.scheme() {
            "ws" | "http" => (false, 80),
            "wss" | "https" => (true, 443),
            other => {
                return Err(Misuse(format!(
                    "{url}: scheme {other} is not ws, wss, http or https"
                )));
            }
        };
        let host = url
            .host_str()
            .ok_or_else(|| Misuse(format!("{url}: no host")))?;
        // `Url` writes IPv6 hosts in brackets; neither the resolver nor a certificate name wants them.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port().unwrap_or(default_port);
        let sources = common.source_addresses();
        let address = resolve(host, port, &sources, common.connect_timeout).await?;
        let tls = secure
            .then(|| tls(host, common.ca.as_deref()))
            .transpose()?;
        Ok(Self {
            address,
            sources,
            next_source: AtomicUsize::new(0),
            tls,
            timeout: common.connect_timeout,
            url: url.clone(),
            headers: common.headers.clone(),
            read_buffer_bytes: READ_BUFFER_BYTES,
            system_buffers: None,
        })
    }

    /// As [`Dialer::new`], for sockets that are mostly idle: their read buffers are as small as can be.
    ///
    /// # Errors
    ///
    /// As [`Dialer::new`].
    pub async fn idle(url: &Url, common: &Common) -> Result<Self, Misuse> {
        Ok(Self {
            read_buffer_bytes: IDLE_BUFFER_BYTES,
            ..Self::new(url, common).await?
        })
    }

    /// As [`Dialer::new`], for many connections that each receive small messages now and then.
    ///
    /// # Errors
    ///
    /// As [`Dialer::new`].
    pub async fn sparse(url: &Url, common: &Common) -> Result<Self, Misuse> {
        Ok(Self {
            read_buffer_bytes: SPARSE_BUFFER_BYTES,
            ..Self::new(url, common).await?
        })
    }

    /// As [`Dialer::new`], for sockets that are soon full when nobody reads: the system keeps little for them.
    ///
    /// # Errors
    ///
    /// As [`Dialer::new`].
    pub async fn cramped(url: &Url, common: &Common) -> Result<Self, Misuse> {
        Ok(Self {
            system_buffers: Some(CRAMPED),
            ..Self::new(url, common).await?
        })
    }

    /// Where connections go.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens a connection, with TLS where the URL says so.
    ///
    /// # Errors
    ///
    /// What kept it from being opened within the connect timeout.
    pub async fn wire(&self) -> Result<Wire, Failure> {
        self.wire_before(Instant::now() + self.timeout).await
    }

    /// Opens a connection and completes the WebSocket handshake, all within the connect timeout.
    ///
    /// # Errors
    ///
    /// What kept it from being opened, or the HTTP status that answered the handshake.
    pub async fn socket(&self) -> Result<Socket, Failure> {
        self.socket_at(self.url.as_str()).await
    }

    /// As [`Dialer::socket`], with `id` wherever the URL has `{id}`.
    ///
    /// # Errors
    ///
    /// As [`Dialer::socket`].
    pub async fn socket_of(&self, id: &str) -> Result<Socket, Failure> {
        let url = self.url.as_str().replace("{id}", id);
        // So it is written in a path.
        self.socket_at(&url.replace("%7Bid%7D", id)).await
    }

    async fn socket_at(&self, url: &str) -> Result<Socket, Failure> {
        let deadline = Instant::now() + self.timeout;
        let wire = self.wire_before(deadline).await?;
        let config = socket_config(self.read_buffer_bytes);
        let handshake = handshake(self.request(url)?, wire, config);
        // The handshake holds large buffers; boxed, they leave the task when it is done.
        let socket = timeout_at(deadline, Box::pin(handshake))
            .await
            .map_err(|_| Failure::Timeout(Wait::Handshake))??;
        Ok(socket)
    }

    async fn wire_before(&self, deadline: Instant) -> Result<Wire, Failure> {
        let connect = async { self.tcp()?.connect(self.address).await };
        let stream: TcpStream = timeout_at(deadline, connect)
            .await
            .map_err(|_| Failure::Timeout(Wait::Connect))??;
        stream.set_nodelay(true)?;
        let Some((config, name)) = &self.tls else {
            return Ok(Wire::Plain(stream));
        };
        let connector = TlsConnector::from(config.clone());
        let handshake = Box::pin(connector.connect(name.clone(), stream));
        let stream = timeout_at(deadline, handshake)
            .await
            .map_err(|_| Failure::Timeout(Wait::Handshake))?
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::InvalidData => Failure::Tls,
                _ => Failure::from(&error),
            })?;
        Ok(Wire::Tls(Box::new(stream)))
    }

    /// A socket bound to the next source address.
    fn tcp(&self) -> std::io::Result<TcpSocket> {
        let domain = Domain::for_address(self.address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if let Some(SystemBuffers { receive, send }) = self.system_buffers {
            // Before it connects: the window that is offered depends on it.
            socket.set_recv_buffer_size(receive)?;
            socket.set_send_buffer_size(send)?;
        }
        let turn = self.next_source.fetch_add(1, Ordering::Relaxed);
        if let Some(source) = turn
            .checked_rem(self.sources.len())
            .and_then(|turn| self.sources.get(turn))
        {
            // Without it, ports of connections that have just ended could not be used again.
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::new(*source, 0).into())?;
        }
        Ok(TcpSocket::from_std_stream(socket.into()))
    }

    fn request(&self, url: &str) -> Result<Request, Failure> {
        let mut request = url.into_client_request()?;
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        Ok(request)
    }
}

/// The first address of `host` that the sources, if any, can reach.
async fn resolve(
    host: &str,
    port: u16,
    sources: &[IpAddr],
    patience: Duration,
) -> Result<SocketAddr, Misuse> {
    let lookup = tokio::time::timeout(patience, tokio::net::lookup_host((host, port)));
    let addresses = lookup
        .await
        .map_err(|_| Misuse(format!("{host}: the name was not resolved in {patience:?}")))?
        .map_err(|error| Misuse(format!("{host}: {error}")))?;
    let reachable = |address: &SocketAddr| {
        let same_family = |source: &IpAddr| source.is_ipv4() == address.is_ipv4();
        sources.iter().all(same_family)
    };
    addresses
        .into_iter()
        .find(reachable)
        .ok_or_else(|| Misuse(format!("{host}: no address that --sources can reach")))
}

/// TLS that trusts the certificates in `ca`, or those the system trusts.
fn tls(host: &str, ca: Option<&Path>) -> Result<(Arc<ClientConfig>, ServerName<'static>), Misuse> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| Misuse(format!("{host}: {error}")))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Misuse(format!("TLS: {error}")))?
        .with_root_certificates(roots(ca)?)
        .with_no_client_auth();
    Ok((Arc::new(config), name))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, Misuse> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = |error: &dyn std::fmt::Display| Misuse(format!("{}: {error}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"no certificate in this file"));
    }
    Ok(roots)
}
