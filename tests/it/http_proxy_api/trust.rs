//! Backends behind TLS: whose certificates are taken, and for which names.
//!
//! The program runs on its own here, as `SSL_CERT_FILE` says once for a whole process whom to trust.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::private::{self, LISTENER};
use super::{any, api};
use crate::harness::http_client::{request, send};
use crate::harness::{Response, soon};

/// A certificate authority that the gateway trusts.
struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let directory = tempfile::tempdir().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            directory,
            issuer: Issuer::new(params, key),
        }
    }

    /// A backend whose certificate is for `name`.
    async fn backend(&self, name: &str) -> Backend {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Backend::start(TlsAcceptor::from(Arc::new(config))).await
    }

    async fn gateway(&self, integration: &str) -> Program {
        Program::start(self.directory.path(), integration).await
    }
}

/// A backend that answers every request with `secure`.
struct Backend {
    address: SocketAddr,
    /// The name that each connection asked for.
    names: mpsc::UnboundedReceiver<Option<String>>,
    accepting: JoinHandle<()>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Backend {
    async fn start(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, names) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A gateway that does not trust us leaves.
                serve(&acceptor, stream, &sender).await.ok();
            }
        });
        Self {
            address,
            names,
            accepting,
        }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }
}

async fn serve(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    names: &mpsc::UnboundedSender<Option<String>>,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let (_, session) = stream.get_ref();
    assert_eq!(session.alpn_protocol(), None);
    names.send(session.server_name().map(str::to_owned)).ok();
    let mut some = [0; 4096];
    while stream.read(&mut some).await? > 0 {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure";
        stream.write_all(answer).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// `tidegate serve` that trusts one authority only.
struct Program {
    _child: Child,
    address: SocketAddr,
}

impl Program {
    async fn start(directory: &Path, integration: &str) -> Self {
        Self::serve(directory, "", &api("$default", integration)).await
    }

    /// Serves a definition, with more keys of its section `server` in YAML's flow style.
    async fn serve(directory: &Path, server: &str, definition: &str) -> Self {
        let server =
            format!("server: {{ listen: \"127.0.0.1:0\", admin: \"127.0.0.1:0\"{server} }}");
        let file = directory.join("tidegate.yaml");
        std::fs::write(&file, format!("{server}\n{definition}")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["serve".as_ref(), file.as_os_str()])
            .env_clear()
            .env("SSL_CERT_FILE", directory.join("ca.pem"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = soon("the address", lines.next_line()).await.unwrap();
        let line = line.expect("an address");
        let (_, rest) = line.split_once("//").expect(&line);
        let address = rest.split(['/', ' ']).next().unwrap();
        Self {
            _child: child,
            address: address.parse().expect(&line),
        }
    }

    async fn got(&self) -> Response {
        send(self.address, &request("GET", "/", &[], b"")).await
    }
}

fn verifying(url: &str, name: &str) -> String {
    let base = any(url);
    format!("{base}, tlsConfig: {{ serverNameToVerify: {name} }}")
}

#[tokio::test]
async fn a_trusted_certificate_of_the_host_is_taken() {
    let authority = Authority::new();
    let mut backend = authority.backend("127.0.0.1").await;
    let gateway = authority.gateway(&any(&backend.url("127.0.0.1"))).await;
    for _ in 0..3 {
        let response = gateway.got().await;
        assert_eq!((response.status, response.text()), (200, "secure"));
    }
    // An address is no name to ask for; and one connection was enough.
    assert_eq!(backend.names.recv().await, Some(None));
    assert!(backend.names.try_recv().is_err());
}

#[tokio::test]
async fn the_name_to_verify_is_asked_for_and_verified() {
    let authority = Authority::new();
    let mut backend = authority.backend("backend.test").await;
    let url = backend.url("127.0.0.1");
    let gateway = authority.gateway(&verifying(&url, "backend.test")).await;
    let response = gateway.got().await;
    assert_eq!((response.status, response.text()), (200, "secure"));
    let asked = backend.names.recv().await;
    assert_eq!(asked, Some(Some("backend.test".to_owned())));
}

#[tokio::test]
async fn private_backends_are_called_by_the_name_to_verify() {
    let authority = Authority::new();
    let mut backends = [
        authority.backend("inner.test").await,
        authority.backend("inner.test").await,
    ];
    let mut other = authority.backend("other.test").await;
    let serve = async |targets: &[&Backend]| {
        let targets = targets.iter().map(|backend| backend.address.to_string());
        let targets: Vec<_> = targets.collect();
        let server = format!(", {}", private::upstreams(LISTENER, &targets));
        let more = ", tlsConfig: { serverNameToVerify: inner.test }";
        let definition = private::through(LISTENER, more);
        Program::serve(authority.directory.path(), &server, &definition).await
    };
    let gateway = serve(&[&backends[0], &backends[1]]).await;
    for _ in 0..4 {
        let response = gateway.got().await;
        assert_eq!((response.status, response.text()), (200, "secure"));
    }
    for backend in &mut backends {
        let asked = backend.names.recv().await;
        assert_eq!(asked, Some(Some("inner.test".to_owned())));
        assert!(
            backend.names.try_recv().is_err(),
            "one connection is enough"
        );
    }
    // A backend serves one connection at a time.
    drop(gateway);
    // A certificate of another name is no reason to ask somebody else.
    let gateway = serve(&[&other, &backends[1]]).await;
    assert_eq!(gateway.got().await.status, 500);
    assert_eq!(gateway.got().await.text(), "secure");
    assert!(other.names.try_recv().is_err(), "a request was sent");
}

#[tokio::test]
async fn what_is_not_trusted_is_not_asked() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let other = authority.backend("other.test").await;
    let own = authority.backend("127.0.0.1").await;
    let strange = stranger.backend("127.0.0.1").await;
    let check = async |what: &str, integration: String| {
        let response = authority.gateway(&integration).await.got().await;
        let failed = r#"{"message":"Internal Server Error"}"#;
        assert_eq!((response.status, response.text()), (500, failed), "{what}");
    };
    let host = "127.0.0.1";
    check("another name", any(&other.url(host))).await;
    check("an unknown authority", any(&strange.url(host))).await;
    check(
        "not the name to verify",
        verifying(&own.url(host), "backend.test"),
    )
    .await;
    for mut backend in [other, own, strange] {
        assert!(backend.names.try_recv().is_err(), "a request was sent");
    }
}

#[tokio::test]
async fn a_backend_that_speaks_no_tls_is_not_asked() {
    let authority = Authority::new();
    let plain = super::FakeHttp::start(|_| None).await;
    let url = plain.url("").replace("http:", "https:");
    let response = authority.gateway(&any(&url)).await.got().await;
    assert_eq!(response.status, 500);
    assert_eq!(plain.calls(), 0);
}
