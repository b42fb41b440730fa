//! HTTP/2, which TLS clients agree on: `@connections` over a connection that lives longer than one request.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::body::Body;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::{Rig, Setup, chat, echo, soon};

/// Trusts the CA in `directory` and speaks HTTP/2.
pub(crate) fn connector(directory: &std::path::Path) -> TlsConnector {
    let file = directory.join("development-ca.pem");
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(file).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A connection to a gateway whose development CA is in `directory`.
pub(crate) async fn connect<B>(rig: &Rig, directory: &std::path::Path) -> SendRequest<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let socket = TcpStream::connect(rig.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector(directory).connect(name, socket).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// What an unsigned look at a connection is answered with: that it is unsigned.
async fn ask(sender: &mut SendRequest<Empty<Bytes>>) -> u16 {
    let request = Request::get("https://localhost/prod/@connections/Zk3bXfH2DoECJ0w=");
    let request = request.body(Empty::new()).unwrap();
    let answer = soon("an answer", sender.send_request(request)).await;
    answer.expect("the connection is open").status().as_u16()
}

#[tokio::test]
async fn a_connection_outlives_the_time_for_a_head() {
    let directory = tempfile::tempdir().unwrap();
    let state = format!("stateDirectory: \"{}\"", directory.path().display());
    let rig = Setup::new(chat("{}"))
        .server("tls: development")
        .server(&state)
        .manual()
        .function("backend", echo)
        .start()
        .await;
    let mut sender = connect(&rig, directory.path()).await;
    for _ in 0..4 {
        assert_eq!(ask(&mut sender).await, 403);
        rig.advance(Duration::from_secs(11));
        rig.settle_tasks().await;
    }
    drop(sender);
    rig.close().await;
}
