//! Against rustls' own client, over pipes of many widths.

use std::task::Poll;

use futures_util::poll;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{DuplexStream, duplex};
use tokio_rustls::TlsConnector;

use super::*;

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
const WIDE: usize = 256 * 1024;

type Client = tokio_rustls::client::TlsStream<DuplexStream>;
type Server = TlsStream<DuplexStream>;

/// Both sides' settings, which speak these versions.
fn configs(
    ours: &[&'static SupportedProtocolVersion],
    theirs: &[&'static SupportedProtocolVersion],
) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(ours)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(theirs)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

async fn accept(mut io: DuplexStream, config: Arc<ServerConfig>) -> io::Result<Server> {
    let message = TlsStream::first_message(&mut io).await?;
    TlsStream::accept(io, message, config).await
}

async fn connect(io: DuplexStream, config: Arc<ClientConfig>) -> io::Result<Client> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(config).connect(name, io).await
}

/// Both ends of a connection, through a pipe that holds so many bytes.
async fn pair(width: usize, version: &'static SupportedProtocolVersion) -> (Server, Client) {
    let (near, far) = duplex(width);
    let (ours, theirs) = configs(BOTH, &[version]);
    let (server, client) = tokio::join!(accept(near, ours), connect(far, theirs));
    (server.unwrap(), client.unwrap())
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|number| (number % 251) as u8).collect()
}

/// Writes everything and says goodbye, while reading all that the other side writes.
async fn exchange(stream: impl AsyncRead + AsyncWrite, sent: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        writer.write_all(sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let (read, ()) = tokio::join!(reader.read_to_end(&mut received), write);
    read.unwrap();
    received
}

#[tokio::test]
async fn everything_arrives_through_pipes_of_any_width() {
    for version in BOTH {
        // rustls' client does not read while its handshake waits to be written, so a pipe must hold its shortest record.
        for (width, count) in [
            (17, 3_000),
            (100, 40_000),
            (5_000, 300_000),
            (WIDE, 500_000),
        ] {
            let (server, client) = pair(width, version).await;
            let (ours, theirs) = (bytes(count), bytes(count / 2));
            let (received, answered) =
                tokio::join!(exchange(server, &ours), exchange(client, &theirs));
            assert!(
                received == theirs && answered == ours,
                "{width} {version:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_reader_with_little_room_loses_nothing() {
    let (mut server, mut client) = pair(WIDE, &version::TLS13).await;
    let sent = bytes(50_000);
    client.write_all(&sent).await.unwrap();
    client.flush().await.unwrap();
    let mut received = Vec::new();
    let mut room = [0; 7];
    while received.len() < sent.len() {
        let count = server.read(&mut room).await.unwrap();
        received.extend_from_slice(&room[..count]);
    }
    assert_eq!(received, sent);
}

#[tokio::test]
async fn between_two_messages_there_are_no_buffers() {
    let (mut server, mut client) = pair(WIDE, &version::TLS13).await;
    let mut room = vec![0; 40_000];
    for count in [10, 40_000] {
        client.write_all(&bytes(count)).await.unwrap();
        client.flush().await.unwrap();
        server.read_exact(&mut room[..count]).await.unwrap();
        server.write_all(&bytes(count)).await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut room[..count]).await.unwrap();
        let mut more = [0; 10];
        assert!(matches!(
            poll!(Box::pin(server.read(&mut more))),
            Poll::Pending
        ));
        let Server {
            incoming,
            plain,
            outgoing,
            ..
        } = &server;
        let kept = [incoming, plain, outgoing].map(Vec::capacity);
        assert_eq!(kept, [0, 0, 0], "after {count} bytes");
    }
    assert!(size_of::<Server>() <= 1536, "{}", size_of::<Server>());
}

#[tokio::test]
async fn the_peer_may_be_done_before_we_are() {
    let (mut server, mut client) = pair(WIDE, &version::TLS13).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = Vec::new();
    server.read_to_end(&mut question).await.unwrap();
    assert_eq!(question, b"question");
    server.write_all(b"answer").await.unwrap();
    server.shutdown().await.unwrap();
    let refused = server.write_all(b"more").await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"answer");
}

#[tokio::test]
async fn a_connection_that_is_cut_off_is_no_end() {
    // The tickets have not left yet, and cannot any more: what came is read all the same.
    let (mut server, mut client) = pair(WIDE, &version::TLS13).await;
    client.write_all(b"half").await.unwrap();
    client.flush().await.unwrap();
    drop(client);
    let mut half = Vec::new();
    let cut = server.read_to_end(&mut half).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(half, b"half");
}

#[tokio::test]
async fn keys_may_change() {
    let (mut server, mut client) = pair(WIDE, &version::TLS13).await;
    let mut word = [0; 4];
    for _ in 0..3 {
        // The client asks for new keys of ours, too.
        client.get_mut().1.refresh_traffic_keys().unwrap();
        client.write_all(b"ping").await.unwrap();
        client.flush().await.unwrap();
        server.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"ping");
        server.write_all(b"pong").await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"pong");
    }
}

#[tokio::test]
async fn a_client_is_told_why_it_is_refused() {
    let (near, far) = duplex(WIDE);
    let (ours, theirs) = configs(&[&version::TLS13], &[&version::TLS12]);
    let (server, client) = tokio::join!(accept(near, ours), connect(far, theirs));
    assert_eq!(server.unwrap_err().kind(), io::ErrorKind::InvalidData);
    let told = client.unwrap_err().to_string();
    assert!(told.contains("ProtocolVersion"), "{told}");
}

#[tokio::test]
async fn garbage_ends_the_connection_and_is_said() {
    let (mut server, client) = pair(WIDE, &version::TLS13).await;
    let (mut raw, _) = client.into_inner();
    raw.write_all(&[23, 3, 3, 0, 32]).await.unwrap();
    raw.write_all(&[7; 32]).await.unwrap();
    let error = server.read(&mut [0; 10]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    server.write_all(b"x").await.unwrap_err();
    server.shutdown().await.unwrap();
    let mut told = Vec::new();
    raw.read_to_end(&mut told).await.unwrap();
    assert_eq!(told.first(), Some(&23), "an alert, encrypted: {told:?}");
}

#[tokio::test]
async fn no_first_message_is_without_end() {
    let (mut near, mut far) = duplex(WIDE);
    let endless = async {
        // One message of 16 MiB, in records of 16 KiB.
        let mut record = vec![22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
        record.resize(5 + 0x4000, 0);
        while far.write_all(&record).await.is_ok() {}
    };
    let waiting = async move {
        let error = TlsStream::first_message(&mut near).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    };
    tokio::join!(endless, waiting);
}

#[tokio::test]
async fn silence_after_half_a_message_is_waited_for() {
    let (mut near, mut far) = duplex(WIDE);
    far.write_all(&[22, 3, 1, 0, 50, 1, 0]).await.unwrap();
    assert!(poll!(Box::pin(TlsStream::first_message(&mut near))).is_pending());
    drop(far);
    let error = TlsStream::first_message(&mut near).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}
