//! New connections: name lookup, TCP, TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tracing::warn;

use super::Destination;
use super::link::{Link, Wire};
use crate::base::alarm::Alarm;
use crate::base::body::causes;
use crate::base::clock::Clock;
use crate::client::http::{CallError, ClientError};

/// Addresses of one name that are tried, one after the other.
const ADDRESSES: usize = 4;

/// Opens connections.
pub(super) struct Connector {
    resolver: Option<TokioResolver>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new() -> Result<Self, ClientError> {
        Ok(Self {
            resolver: resolver(),
            tls: TlsConnector::from(Arc::new(tls()?)),
        })
    }

    /// Opens a connection.
    pub(super) async fn connect(
        &self,
        destination: &Destination,
        clock: &Arc<dyn Clock>,
    ) -> Result<Box<Link>, CallError> {
        let host = destination.authority.host();
        let default = match destination.secure {
            true => 443,
            false => 80,
        };
        let port = destination.authority.port_u16().unwrap_or(default);
        let stream = self.open(host, port).await?;
        let local_ip = stream
            .local_addr()
            .map_or(IpAddr::from([0, 0, 0, 0]), |local| local.ip());
        let wire: Box<dyn Wire> = match destination.secure {
            false => Box::new(stream),
            true => {
                let name = destination.server_name.as_deref().unwrap_or(bare(host));
                let name = ServerName::try_from(name.to_owned())
                    .map_err(|error| CallError::Invalid(error.to_string()))?;
                let secured = self.tls.connect(name, stream).await;
                Box::new(secured.map_err(|error| CallError::Untrusted(causes(&error)))?)
            }
        };
        Ok(Link::new(wire, local_ip, Alarm::new(Arc::clone(clock))))
    }

    async fn open(&self, host: &str, port: u16) -> Result<TcpStream, CallError> {
        let mut last = None;
        for address in self.addresses(host).await?.into_iter().take(ADDRESSES) {
            match TcpStream::connect(SocketAddr::new(address, port)).await {
                Ok(stream) => {
                    // Without it small requests are slower, not wrong.
                    stream.set_nodelay(true).ok();
                    return Ok(stream);
                }
                Err(error) => last = Some(error.to_string()),
            }
        }
        let reason = last.unwrap_or_else(|| "the name has no address".to_owned());
        Err(CallError::Unreachable(reason))
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, CallError> {
        if let Ok(address) = bare(host).parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        let Some(resolver) = &self.resolver else {
            return Err(CallError::Unreachable(
                "names cannot be looked up".to_owned(),
            ));
        };
        let found = resolver.lookup_ip(host).await;
        let found = found.map_err(|error| CallError::Unreachable(causes(&error)))?;
        Ok(found.iter().collect())
    }
}

/// An IPv6 address without the brackets of a URL.
fn bare(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

fn resolver() -> Option<TokioResolver> {
    let built = TokioResolver::builder_tokio().and_then(|mut builder| {
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build()
    });
    built
        .inspect_err(|error| warn!(%error, "host names of backends cannot be looked up"))
        .ok()
}

fn tls() -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let failed = |error: rustls::Error| ClientError::new(error);
    let versions = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let mut config = match versions.with_platform_verifier() {
        Ok(builder) => builder.with_no_client_auth(),
        // `client::http` has told already that there are no trusted certificates.
        Err(_) => ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
