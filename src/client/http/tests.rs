//! The client against small servers on loopback that misbehave in every way a backend can.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::base::clock::{EpochMillis, ManualClock, SystemClock};
use crate::base::tasks::Tasks;

const LONG: Duration = Duration::from_secs(20);

/// A server that answers every connection with the same bytes and keeps what it was sent.
pub(in crate::client) struct Canned {
    pub(in crate::client) address: std::net::SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// What a [`Canned`] server does after its answer.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::client) enum Then {
    Close,
    Hang,
}

impl Canned {
    pub(in crate::client) async fn start(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (seen, answer) = (received.clone(), answer.into());
        Tasks::new().spawn("canned server", async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                while !complete(&request) {
                    match stream.read(&mut chunk).await {
                        Ok(length) if length > 0 => request.extend(&chunk[..length]),
                        _ => break,
                    }
                }
                seen.lock().unwrap().push(request);
                // A client that has stopped listening is what some tests are about.
                stream.write_all(&answer).await.ok();
                if then == Then::Hang {
                    held.push(stream);
                }
            }
        });
        Self { address, received }
    }

    pub(in crate::client) fn requests(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        received.iter().map(text).collect()
    }
}

/// Whether a request with a content length, or without a body, has come in full.
fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .split_once("content-length: ")
        .and_then(|(_, rest)| rest.lines().next())
        .and_then(|length| length.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

pub(in crate::client) fn client() -> HttpClient {
    HttpClient::new(Arc::new(SystemClock::new())).unwrap()
}

fn get(server: &Canned) -> http::Request<Bytes> {
    http::Request::get(format!("http://{}/path?secret=1", server.address))
        .body(Bytes::new())
        .unwrap()
}

/// Which errors are expected.
type Fits = fn(&CallError) -> bool;

async fn check(answer: &str, expected: Result<(u16, &str), Fits>) {
    let server = Canned::start(answer, Then::Close).await;
    let result = client().send(get(&server), LONG, 10).await;
    match (result, expected) {
        (Ok(response), Ok((status, body))) => {
            assert_eq!(response.status(), status);
            assert_eq!(response.body(), body);
        }
        (Err(error), Err(fits)) => {
            assert!(fits(&error), "{answer:?}: {error:?}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        (result, _) => panic!("{answer:?}: {result:?}"),
    }
    assert_eq!(server.requests().len(), 1, "one attempt and no redirect");
}

#[tokio::test]
async fn answers_are_taken_as_they_come() {
    let broken: Fits = |error| matches!(error, CallError::Broken(_));
    let too_large: Fits = |error| *error == CallError::TooLarge(10);
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        Ok((200, "hi")),
    )
    .await;
    check(
        "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
        Ok((500, "")),
    )
    .await;
    check(
        "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
        Ok((302, "")),
    )
    .await;
    check("HTTP/1.1 200 OK\r\n\r\nto the end", Ok((200, "to the end"))).await;
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n12345678901",
        Err(too_large),
    )
    .await;
    check("HTTP/1.1 200 OK\r\n\r\n12345678901", Err(too_large)).await;
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
        Err(broken),
    )
    .await;
    check(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        Err(broken),
    )
    .await;
    check("SSH-2.0-OpenSSH_9\r\n", Err(broken)).await;
    check("", Err(broken)).await;
}

#[tokio::test]
async fn a_backend_that_hangs_meets_the_deadline() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
    ] {
        let server = Canned::start(answer, Then::Hang).await;
        let clock = ManualClock::new(EpochMillis(0));
        let client = HttpClient::new(clock.clone()).unwrap();
        let request = get(&server);
        let call = Tasks::new().spawn("call", async move { client.send(request, LONG, 10).await });
        while server.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        clock.advance(LONG);
        let result = call.await.unwrap().unwrap();
        assert_eq!(result.unwrap_err(), CallError::TimedOut);
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let request = http::Request::get(format!("http://{address}/"))
        .body(Bytes::new())
        .unwrap();
    let result = client().send(request, LONG, 10).await;
    assert!(
        matches!(result, Err(CallError::Unreachable(_))),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_request_without_an_address_is_invalid() {
    for uri in ["/only/a/path", "ftp://127.0.0.1/"] {
        let request = http::Request::get(uri).body(Bytes::new()).unwrap();
        let result = client().send(request, LONG, 10).await;
        assert!(
            matches!(result, Err(CallError::Invalid(_))),
            "{uri}: {result:?}"
        );
    }
}
