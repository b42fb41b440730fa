//! TLS on the port of plain text: the development CA, certificates from files, and new ones while connections are open.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tidegate::definition::{Machine, load_text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::http_client::{connect, request, send};
use crate::harness::{Handshake, Rig, Setup, chat, echo, soon};

fn setup() -> Setup {
    Setup::new(chat("{}"))
        .function("backend", echo)
        .server("managementAuth: none")
}

/// A gateway with a development CA, and where it keeps it.
async fn development() -> (Rig, TempDir) {
    let state = tempfile::tempdir().unwrap();
    let rig = in_directory(state.path()).await;
    (rig, state)
}

async fn in_directory(state: &Path) -> Rig {
    secured(state).start().await
}

/// With a development CA that is kept there.
fn secured(state: &Path) -> Setup {
    setup()
        .server("tls: development")
        .server(&format!("stateDirectory: \"{}\"", state.display()))
}

fn authority(state: &TempDir) -> std::path::PathBuf {
    state.path().join("development-ca.pem")
}

fn client_config(trusted: &Path, protocol: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(trusted).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

/// A TLS connection by someone who trusts that certificate only.
pub(crate) async fn shake_hands(
    address: SocketAddr,
    name: &str,
    trusted: &Path,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = client_config(trusted, protocol);
    let stream = connect(address).await;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    soon(
        "a TLS handshake",
        TlsConnector::from(Arc::new(config)).connect(name, stream),
    )
    .await
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn open(address: SocketAddr, name: &str, trusted: &Path) -> Socket {
    let stream = shake_hands(address, name, trusted, b"http/1.1")
        .await
        .unwrap();
    let url = format!("wss://{name}:{}/prod", address.port());
    let (socket, answer) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    assert_eq!(answer.status(), 101);
    socket
}

async fn ask(socket: &mut Socket, text: &str) -> String {
    socket.send(Message::text(text)).await.unwrap();
    let answer = soon("a message", socket.next()).await.unwrap().unwrap();
    answer.into_text().unwrap().to_string()
}

async fn leave(mut socket: Socket) {
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = soon("the end", socket.next()).await {}
}

/// An HTTP client of the usual kind, that trusts that certificate only and knows these names.
fn browser(rig: &Rig, trusted: &Path) -> reqwest::Client {
    let certificate = reqwest::Certificate::from_pem(&std::fs::read(trusted).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .no_proxy();
    let client = client.resolve("chat.execute-api.localhost", rig.address());
    client.build().unwrap()
}

#[tokio::test]
async fn one_port_speaks_plain_text_and_tls() {
    let (rig, state) = development().await;
    let address = rig.address();
    let mut plain = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    assert_eq!(event["headers"]["X-Forwarded-Proto"], "http");
    for name in [
        "127.0.0.1",
        "localhost",
        "chat.execute-api.us-east-1.amazonaws.com",
    ] {
        let mut secure = open(address, name, &authority(&state)).await;
        let event = rig.event_of("CONNECT").await;
        assert_eq!(event["headers"]["X-Forwarded-Proto"], "https");
        let domain = format!("{name}:{}", address.port());
        assert_eq!(event["requestContext"]["domainName"], domain);
        let large = "x".repeat(100_000);
        for text in ["hi", &large] {
            // The client sends one frame, so this one is within the limit.
            let text = &text[..text.len().min(32_768)];
            assert_eq!(ask(&mut secure, text).await, text);
            rig.event_of("MESSAGE").await;
        }
        leave(secure).await;
        rig.event_of("DISCONNECT").await;
    }
    assert_eq!(plain.ask("still here").await, "still here");
    rig.event_of("MESSAGE").await;
    plain.leave().await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}

#[tokio::test]
async fn http_2_is_spoken_where_it_was_agreed_on() {
    let (rig, state) = development().await;
    let client = browser(&rig, &authority(&state));
    let port = rig.address().port();
    let mut socket = rig.open().await;
    let id = crate::management::id_of(&rig.event_of("CONNECT").await);
    for host in ["127.0.0.1", "chat.execute-api.localhost"] {
        let url = format!("https://{host}:{port}/prod");
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(
            (answer.version(), answer.status().as_u16()),
            (http::Version::HTTP_2, 426)
        );
        let url = format!("{url}/@connections/{id}");
        let pushed = client.post(&url).body("over HTTP/2").send().await.unwrap();
        assert_eq!(
            (pushed.version(), pushed.status().as_u16()),
            (http::Version::HTTP_2, 200)
        );
        assert_eq!(socket.text().await, "over HTTP/2");
        let too_large = client
            .post(&url)
            .body(vec![b'x'; 1024 * 1024])
            .send()
            .await
            .unwrap();
        assert_eq!(too_large.status(), 413);
        assert_eq!(
            too_large.headers()["x-amzn-errortype"],
            "PayloadTooLargeException"
        );
        let gone = client
            .delete(url.replace(&id, "Zk3bXfH2DoECJ0w="))
            .send()
            .await
            .unwrap();
        assert_eq!(gone.status(), 410);
    }
    let old = shake_hands(rig.address(), "127.0.0.1", &authority(&state), b"http/1.1")
        .await
        .unwrap();
    assert_eq!(old.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    drop((old, client));
    socket.leave().await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}

#[tokio::test]
async fn the_development_ca_outlives_the_gateway() {
    let (rig, state) = development().await;
    let before = std::fs::read(authority(&state)).unwrap();
    let key = state.path().join("development-ca-key.pem");
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    rig.close().await;
    let rig = in_directory(state.path()).await;
    assert_eq!(std::fs::read(authority(&state)).unwrap(), before);
    let mut socket = open(rig.address(), "127.0.0.1", &authority(&state)).await;
    rig.event_of("CONNECT").await;
    assert_eq!(ask(&mut socket, "hi").await, "hi");
    rig.event_of("MESSAGE").await;
    leave(socket).await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}

#[tokio::test]
async fn another_ca_is_not_trusted() {
    let (rig, _state) = development().await;
    let (other, others) = development().await;
    let refused = shake_hands(rig.address(), "127.0.0.1", &authority(&others), b"http/1.1").await;
    assert!(refused.is_err());
    other.close().await;
    rig.close().await;
}

/// Writes a certificate that trusts itself, and its key, to `{name}.pem` and `{name}.key`.
pub(crate) fn write_certificate(directory: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    std::fs::write(directory.join(format!("{name}.pem")), certificate).unwrap();
    std::fs::write(directory.join(format!("{name}.key")), key).unwrap();
}

#[tokio::test]
async fn certificates_come_from_files_and_are_read_again() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(directory.path(), "localhost");
    let trusted = directory.path().join("localhost.pem");
    let first = directory.path().join("first.pem");
    std::fs::copy(&trusted, &first).unwrap();
    let files = format!(
        "tls: {{ certificateFile: \"{0}/localhost.pem\", keyFile: \"{0}/localhost.key\" }}",
        directory.path().display()
    );
    let rig = setup().server(&files).start().await;
    let reload = || {
        let server = format!(
            "listen: 127.0.0.1:0, admin: 127.0.0.1:0, adminHosts: gateway.test, managementAuth: none, {files}"
        );
        let text = format!("server: {{ {server} }}\n{}", chat("{}"));
        let loaded = load_text(&text, Path::new("."), &Machine::default())?;
        rig.gateway.reload(&loaded)
    };
    let mut old = open(rig.address(), "localhost", &first).await;
    rig.event_of("CONNECT").await;

    write_certificate(directory.path(), "localhost");
    reload().unwrap();
    let mut new = open(rig.address(), "localhost", &trusted).await;
    rig.event_of("CONNECT").await;
    let refused = shake_hands(rig.address(), "localhost", &first, b"http/1.1").await;
    assert!(refused.is_err(), "the old certificate is used no more");
    for socket in [&mut old, &mut new] {
        assert_eq!(ask(socket, "hi").await, "hi");
        rig.event_of("MESSAGE").await;
    }

    // A key that does not fit changes nothing.
    let other = tempfile::tempdir().unwrap();
    write_certificate(other.path(), "localhost");
    std::fs::copy(
        other.path().join("localhost.key"),
        directory.path().join("localhost.key"),
    )
    .unwrap();
    let problems = reload().unwrap_err();
    assert!(
        problems
            .iter()
            .any(|problem| problem.to_string().contains("tls")),
        "{problems:?}"
    );
    std::fs::write(directory.path().join("localhost.key"), "no key").unwrap();
    assert!(reload().is_err());
    let mut again = open(rig.address(), "localhost", &trusted).await;
    rig.event_of("CONNECT").await;
    assert_eq!(ask(&mut again, "hi").await, "hi");
    rig.event_of("MESSAGE").await;
    for socket in [old, new, again] {
        leave(socket).await;
        rig.event_of("DISCONNECT").await;
    }
    rig.close().await;
}

#[tokio::test]
async fn domain_names_of_a_file_have_certificates_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let files = |name: &str| {
        let directory = directory.path().display();
        format!(
            "{{ certificateFile: '{directory}/{name}.pem', keyFile: '{directory}/{name}.key' }}"
        )
    };
    let mut certificates = Vec::new();
    let mut definition = chat("{}") + "domainNames:\n";
    for name in ["localhost", "own.shop.example", "*.shop.example"] {
        write_certificate(directory.path(), name);
        let arn = format!("arn:aws:acm:us-east-1:000000000000:certificate/{name}");
        certificates.push(format!("'{arn}': {}", files(name)));
        definition += &format!(
            "  '{name}': {{ domainNameConfigurations: [{{ certificateArn: '{arn}' }}], apiMappings: {{ prod: {{ apiId: chat, stage: prod }} }} }}\n"
        );
    }
    let rig = Setup::new(definition)
        .function("backend", echo)
        .server(&format!("tls: {}", files("localhost")))
        .server(&format!("certificates: {{ {} }}", certificates.join(", ")))
        .start()
        .await;
    for (name, trusted, expected) in [
        ("own.shop.example", "own.shop.example", true),
        ("own.shop.example", "*.shop.example", false),
        ("any.shop.example", "*.shop.example", true),
        ("a.b.shop.example", "*.shop.example", false),
        ("localhost", "localhost", true),
    ] {
        let file = directory.path().join(format!("{trusted}.pem"));
        let shaken = shake_hands(rig.address(), name, &file, b"http/1.1").await;
        assert_eq!(shaken.is_ok(), expected, "{name} {trusted}");
    }
    let file = directory.path().join("own.shop.example.pem");
    let mut socket = open(rig.address(), "own.shop.example", &file).await;
    rig.event_of("CONNECT").await;
    assert_eq!(ask(&mut socket, "hi").await, "hi");
    rig.event_of("MESSAGE").await;
    leave(socket).await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}

#[tokio::test]
async fn half_a_tls_handshake_is_given_up_after_10_seconds() {
    let state = tempfile::tempdir().unwrap();
    let rig = secured(state.path()).manual().start().await;
    let mut stream = connect(rig.address()).await;
    stream
        .write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half")
        .await
        .unwrap();
    let services = rig.gateway.services();
    let idle = crate::harness::gateway::IDLE_TASKS;
    crate::harness::eventually("the socket to be accepted", || {
        services.tasks.live() == idle + 1
    })
    .await;
    rig.settle_tasks().await;
    rig.advance(Duration::from_millis(9_999));
    rig.settle_tasks().await;
    assert_eq!(services.tasks.live(), idle + 1);
    rig.advance(Duration::from_millis(1));
    let read = soon("the end of the connection", stream.read(&mut [0; 16])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    rig.close().await;
}

/// The first message of a client that says nothing more.
fn hello(trusted: &Path) -> Vec<u8> {
    let config = Arc::new(client_config(trusted, b"http/1.1"));
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

#[tokio::test]
async fn few_tls_handshakes_are_in_progress_at_a_time() {
    let state = tempfile::tempdir().unwrap();
    let rig = secured(state.path()).manual().start().await;
    let trusted = state.path().join("development-ca.pem");
    let hello = hello(&trusted);
    let places = 64 * std::thread::available_parallelism().unwrap().get();
    let mut stalled = Vec::new();
    for _ in 0..places {
        let mut stream = connect(rig.address()).await;
        stream.write_all(&hello).await.unwrap();
        let read = soon("an answer", stream.read(&mut [0; 1])).await;
        assert!(matches!(read, Ok(1)), "{read:?}");
        stalled.push(stream);
    }
    // Sockets that have said nothing take no place.
    let silent = connect(rig.address()).await;
    // Who comes now is served at once, and the oldest has lost its place.
    let next = shake_hands(rig.address(), "localhost", &trusted, b"http/1.1");
    let mut served = soon("a handshake", next).await.unwrap();
    let mut oldest = stalled.remove(0);
    let mut rest = Vec::new();
    soon("the end of the oldest", oldest.read_to_end(&mut rest))
        .await
        .ok();
    let question = request("GET", "/prod", &[], b"");
    served.write_all(&question).await.unwrap();
    let answer = soon("an answer", served.read_u8()).await;
    assert_eq!(answer.unwrap(), b'H');
    // The others are given up in time.
    let services = rig.gateway.services();
    let before = services.tasks.live();
    rig.advance(Duration::from_millis(4_999));
    rig.settle_tasks().await;
    assert_eq!(services.tasks.live(), before);
    rig.advance(Duration::from_millis(1));
    for mut stream in stalled {
        let mut rest = Vec::new();
        soon("the end of a stalled one", stream.read_to_end(&mut rest))
            .await
            .ok();
    }
    drop((silent, served));
    rig.close().await;
}

#[tokio::test]
async fn a_client_of_tls_meets_no_garbage_where_there_is_none() {
    let rig = setup().start().await;
    let mut stream = connect(rig.address()).await;
    stream
        .write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello")
        .await
        .unwrap();
    let read = soon("the end of the connection", stream.read(&mut [0; 16])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let plain = send(rig.address(), &request("GET", "/prod", &[], b"")).await;
    assert_eq!(plain.status, 426);
    assert_eq!(rig.refused(&Handshake::new("/nowhere")).await.status, 403);
    rig.close().await;
}
