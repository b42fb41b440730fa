//! Hundreds of requests whose framing two servers could read differently: the backend must see exactly what our log says, and
//! nobody else may ever get an answer of theirs.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::End;
use super::{Client, FakeHttp, any};
use crate::harness::http_client::connect;
use crate::harness::{Rig, Setup, soon};

/// Requests of others between two payloads: 10 000 and more in all.
const VICTIMS: usize = 28;

/// A header block that says how a body is framed, if at all.
const CODINGS: [&str; 28] = [
    "",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: CHUNKED\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunkedx\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: ,chunked\r\n",
    "Transfer-Encoding: chunked,\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding: chunked\x0c\r\n",
    "Transfer-Encoding: chunked\0\r\n",
    "Transfer-Encoding:\tchunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n",
];
const LENGTHS: [&str; 11] = [
    "",
    "Content-Length: 0\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5\r\nContent-Length: 0\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 5 \r\n",
    "Content-Length: 05\r\n",
    "Content-Length : 5\r\n",
    "Content-Length: 5\r\nConnection: Content-Length\r\n",
];
/// What follows the head; `{n}` is the number of the payload.
const BODIES: [&str; 6] = [
    "0\r\n\r\n",
    "5\r\nabcde\r\n0\r\n\r\n",
    "0\r\n\r\nGET /inner/{n} HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
    "abcdeGET /inner/{n} HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
    "5;x=\n\r\nabcde\r\n0\r\n\r\n",
    "5\nabcde\n0\n\nGET /inner/{n} HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
];
/// Heads of other doubtful shapes.
const HEADS: [&str; 24] = [
    "POST /outer/{n} HTTP/1.0\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /outer/{n} HTTP/1.0\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n} HTTP/1.2\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n} HTTP/2.0\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n}\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n} HTTP/1.1 \r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST  /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST\t/outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    " POST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "\r\nPOST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n} HTTP/1.1\nHost: gateway.test\nContent-Length: 5\n\n",
    "POST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\n\r\n",
    "POST /outer/{n} HTTP/1.1\rHost: gateway.test\rContent-Length: 5\r\r",
    "POST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\nContent-Length\r\n\r\n",
    "POST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\n: empty\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent\0-Length: 5\r\n\r\n",
    "POST http://gateway.test/outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST http://other.test/outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n}#x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "POST /outer\\{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "GET /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\n",
    "HEAD /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    "POST /outer/{n} HTTP/1.1\r\nHost: gateway.test\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\n",
];

/// Every payload, numbered.
fn payloads() -> Vec<String> {
    let framed = CODINGS.iter().flat_map(|coding| {
        LENGTHS.iter().map(move |length| {
            format!("POST /outer/{{n}} HTTP/1.1\r\nHost: gateway.test\r\n{length}{coding}\r\n")
        })
    });
    let heads = framed.chain(HEADS.iter().map(|head| (*head).to_owned()));
    // Not a divisor of what the lists have, so that each framing meets several bodies.
    let all = heads.enumerate().map(|(number, head)| {
        let body = BODIES[(number * 5 + number / 11) % BODIES.len()];
        let last = "GET /last/{n} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n";
        format!("{head}{body}{last}").replace("{n}", &number.to_string())
    });
    all.collect()
}

/// What was asked of a backend: method, path, bytes of the body.
pub(crate) type Asked = (String, String, usize);

/// A gateway in front of a backend at `url`, which says in each answer what it was asked.
pub(crate) struct Scene {
    rig: Rig,
    directory: tempfile::TempDir,
}

impl Scene {
    pub(crate) async fn open(url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("access.log");
        let stage = format!(
            "$default: {{ accessLogSettings: {{ destinationArn: 'file:{}', format: '$context.httpMethod $context.path $context.integration.status $context.requestId' }} }}",
            log.display()
        );
        let definition = super::api("$default", &any(url)).replace("$default: {}", &stage);
        let rig = Setup::new(definition)
            .server("limits: { requestRate: off }")
            .start()
            .await;
        Self { rig, directory }
    }

    /// Sends every payload, each on a connection of its own, and what others ask meanwhile. Gives how many payloads there were.
    pub(crate) async fn attack(&self) -> usize {
        let payloads = payloads();
        let mut victim = Client::connect(&self.rig).await;
        for (number, payload) in payloads.iter().enumerate() {
            let mut stream = connect(self.rig.address()).await;
            stream.write_all(payload.as_bytes()).await.ok();
            let mut answers = Vec::new();
            let read = stream.read_to_end(&mut answers);
            soon("the end of the attacker's connection", read)
                .await
                .ok();
            for visit in 0..VICTIMS {
                let path = format!("/victim/{number}/{visit}");
                victim.get(&path).await;
                let head = victim.head().await;
                assert_eq!(head.status, 200, "{payload:?}");
                let expected = format!("GET {path} 0").into_bytes();
                let got = victim.body(&head).await;
                assert_eq!(got, End::Proper(expected), "{payload:?}");
            }
        }
        payloads.len()
    }

    /// Ends the gateway; what its log says was asked of the backend, and answered: method and path.
    pub(crate) async fn logged(self) -> Vec<(String, String)> {
        self.rig.close_keeping(&[]).await;
        let text = std::fs::read_to_string(self.directory.path().join("access.log")).unwrap();
        let answered = text.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let (method, path, status) = (words.next()?, words.next()?, words.next()?);
            (status == "200").then(|| (method.to_owned(), path.to_owned()))
        });
        answered.collect()
    }
}

/// Our log and the backend's must be the same, whatever the order; no body may be of a length that nobody sent.
pub(crate) fn compare(logged: Vec<(String, String)>, asked: Vec<Asked>) {
    let lengths: BTreeSet<_> = asked.iter().map(|(_, _, length)| *length).collect();
    assert!(lengths.is_subset(&BTreeSet::from([0, 5])), "{lengths:?}");
    let mut ours = logged;
    let mut theirs: Vec<_> = asked
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    ours.sort();
    theirs.sort();
    let differing = ours
        .iter()
        .zip(&theirs)
        .find(|(ours, theirs)| ours != theirs);
    assert_eq!(differing, None);
    assert_eq!(ours.len(), theirs.len());
    let attacks = theirs
        .iter()
        .filter(|(_, path)| !path.starts_with("/victim/"));
    // Some of the payloads are good requests; if none went through, nothing was tried.
    assert!((20..600).contains(&attacks.count()));
}

#[tokio::test]
async fn the_backend_sees_what_the_log_says() {
    let backend = FakeHttp::start(|asked| {
        let body = format!("{} {} {}", asked.method, asked.target, asked.body.len());
        Some(Response::new(Bytes::from(body)))
    })
    .await;
    let scene = Scene::open(&backend.url("")).await;
    let payloads = scene.attack().await;
    assert!(payloads >= 300 && payloads * VICTIMS >= 9_000, "{payloads}");
    let logged = scene.logged().await;
    let mut asked = Vec::new();
    for _ in 0..backend.calls() {
        let request = backend.request().await;
        if request.whole {
            asked.push((request.method, request.target, request.body.len()));
        }
    }
    compare(logged, asked);
}
