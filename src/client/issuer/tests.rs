//! Issuers on loopback that answer, hang, lie and come back, and how often they are asked.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::base::clock::{EpochMillis, ManualClock};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone)]
enum Answer {
    /// Status line and headers, and a body.
    Says(String, String),
    Hangs,
}

#[derive(Default)]
struct Script {
    answers: HashMap<String, Answer>,
    asked: HashMap<String, usize>,
}

/// An issuer whose answers can be changed, with the gateway's side of it.
struct Rig {
    address: SocketAddr,
    url: Arc<str>,
    script: Arc<Mutex<Script>>,
    clock: Arc<ManualClock>,
    tasks: Tasks,
    issuers: Arc<Issuers>,
}

fn ok(body: &Value) -> Answer {
    with_headers("", body)
}

fn with_headers(headers: &str, body: &Value) -> Answer {
    Answer::Says(format!("200 OK\r\n{headers}"), body.to_string())
}

/// A key set of Ed25519 keys with these ids.
fn keys(ids: &[&str]) -> Value {
    let keys: Vec<_> = ids
        .iter()
        .map(|id| json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": "A".repeat(43) }))
        .collect();
    json!({ "keys": keys })
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut held = Vec::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                break;
            }
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = {
            let mut script = script.lock().unwrap();
            *script.asked.entry(path.clone()).or_default() += 1;
            script.answers.get(&path).cloned()
        };
        let (head, body) = match answer {
            Some(Answer::Says(head, body)) => (head, body),
            Some(Answer::Hangs) => {
                held.push(stream);
                continue;
            }
            None => ("404 Not Found\r\n".to_owned(), String::new()),
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        // Some tests are about a client that has heard enough.
        stream.write_all(answer.as_bytes()).await.ok();
    }
}

impl Rig {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script: Arc<Mutex<Script>> = Arc::default();
        Tasks::new().spawn("issuer", serve(listener, Arc::clone(&script)));
        let clock = ManualClock::new(EpochMillis(0));
        let tasks = Tasks::new();
        let http = HttpClient::new(clock.clone()).unwrap();
        let rig = Self {
            address,
            url: format!("http://{address}/pool").into(),
            script,
            clock: clock.clone(),
            issuers: Arc::new(Issuers::new(http, clock, tasks.clone())),
            tasks,
        };
        rig.set(&format!("/pool{DISCOVERY}"), rig.discovery());
        rig.set("/keys", ok(&keys(&["a"])));
        rig
    }

    fn discovery(&self) -> Answer {
        let jwks = format!("http://{}/keys", self.address);
        ok(&json!({ "issuer": &*self.url, "jwks_uri": jwks }))
    }

    fn set(&self, path: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap();
        script.answers.insert(path.to_owned(), answer);
    }

    fn asked(&self) -> usize {
        let script = self.script.lock().unwrap();
        script.asked.get("/keys").copied().unwrap_or(0)
    }

    fn discovered(&self) -> usize {
        let script = self.script.lock().unwrap();
        script.asked.values().sum::<usize>() - script.asked.get("/keys").copied().unwrap_or(0)
    }

    async fn keys(&self) -> Result<Arc<KeySet>, IssuerError> {
        self.issuers.keys(&self.url).await
    }

    /// The ids of the keys, which must be there.
    async fn ids(&self) -> String {
        format!("{:?}", self.keys().await.unwrap())
    }

    async fn newer(&self, old: &KeySet) -> Option<String> {
        let newer = self.issuers.newer(&self.url, old).await?;
        Some(format!("{newer:?}"))
    }

    /// Asks in a task of its own.
    fn ask(&self) -> tokio::task::JoinHandle<Option<Result<Arc<KeySet>, IssuerError>>> {
        let (issuers, url) = (Arc::clone(&self.issuers), Arc::clone(&self.url));
        Tasks::new().spawn("asker", async move { issuers.keys(&url).await })
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_kept() {
    let rig = Rig::start().await;
    assert_eq!(rig.ids().await, r#"[Some("a")]"#);
    rig.set("/keys", ok(&keys(&["b"])));
    rig.clock.advance(59 * MINUTE);
    assert_eq!(rig.ids().await, r#"[Some("a")]"#);
    assert_eq!((rig.asked(), rig.discovered()), (1, 1));
    // An hour old, they still serve, and are fetched again in the background.
    rig.clock.advance(MINUTE);
    assert_eq!(rig.ids().await, r#"[Some("a")]"#);
    rig.tasks.idle().await;
    assert_eq!(rig.ids().await, r#"[Some("b")]"#);
    assert_eq!((rig.asked(), rig.discovered()), (2, 2));
}

#[tokio::test]
async fn many_requests_are_one_fetch() {
    let rig = Rig::start().await;
    rig.set("/keys", Answer::Hangs);
    let askers: Vec<_> = (0..100).map(|_| rig.ask()).collect();
    rig.until(|rig| rig.asked() == 1).await;
    rig.clock.advance(2 * SECOND);
    for asker in askers {
        let error = asker.await.unwrap().unwrap().unwrap_err();
        assert_eq!(error.description(), "JWKS communication error");
    }
    assert_eq!((rig.asked(), rig.discovered()), (1, 1));
}

#[tokio::test]
async fn a_fetch_outlives_whoever_began_it() {
    let rig = Rig::start().await;
    let asker = rig.ask();
    rig.until(|rig| rig.tasks.live() == 1).await;
    asker.abort();
    rig.tasks.idle().await;
    assert_eq!((rig.asked(), rig.discovered()), (1, 1));
    assert_eq!(rig.ids().await, r#"[Some("a")]"#);
    assert_eq!(rig.asked(), 1);
}

/// Which answers of `path` make the keys unobtainable, and what clients are told.
async fn refused(path: &str, answer: Answer, description: &str) {
    let rig = Rig::start().await;
    let path = match path {
        "discovery" => format!("/pool{DISCOVERY}"),
        path => path.to_owned(),
    };
    rig.set(&path, answer);
    rig.set("/elsewhere", ok(&keys(&["stolen"])));
    let error = rig.keys().await.unwrap_err();
    assert_eq!(error.description(), description, "{error}");
    let script = rig.script.lock().unwrap();
    assert!(!script.asked.contains_key("/elsewhere"), "{error}");
}

#[tokio::test]
async fn issuers_that_lie() {
    let discovery = "OIDC discovery endpoint communication error";
    let jwks = "JWKS communication error";
    let away = Answer::Says(
        "302 Found\r\nlocation: /elsewhere\r\n".to_owned(),
        String::new(),
    );
    let document = |issuer: &str, uri: &str| ok(&json!({ "issuer": issuer, "jwks_uri": uri }));
    for answer in [
        away.clone(),
        Answer::Says("500 Oops\r\n".to_owned(), String::new()),
        Answer::Says("204 No Content\r\n".to_owned(), String::new()),
        Answer::Says("200 OK\r\n".to_owned(), "<html>".to_owned()),
        Answer::Says("200 OK\r\n".to_owned(), " ".repeat(quotas::JWKS_BYTES + 1)),
        ok(&json!({})),
        document("http://elsewhere", "http://127.0.0.1/keys"),
    ] {
        refused("discovery", answer, discovery).await;
    }
    for answer in [
        away,
        Answer::Says("500 Oops\r\n".to_owned(), String::new()),
        Answer::Says("200 OK\r\n".to_owned(), "<html>".to_owned()),
        Answer::Says(
            "200 OK\r\n".to_owned(),
            keys(&["a"]).to_string() + &" ".repeat(quotas::JWKS_BYTES),
        ),
        ok(&json!({ "keys": [] })),
        ok(&json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "a" }] })),
    ] {
        refused("/keys", answer, jwks).await;
    }
}

#[tokio::test]
async fn addresses_of_keys_that_are_not_taken() {
    for uri in [
        "",
        "/keys",
        "keys",
        "file:///etc/passwd",
        "ftp://127.0.0.1/keys",
        "data:,{}",
    ] {
        let rig = Rig::start().await;
        let document = json!({ "issuer": &*rig.url, "jwks_uri": uri });
        rig.set(&format!("/pool{DISCOVERY}"), ok(&document));
        let error = rig.keys().await.unwrap_err();
        assert!(matches!(error, IssuerError::Discovery(_)), "{uri}: {error}");
    }
}

#[tokio::test]
async fn a_dead_issuer_is_left_alone_for_a_while() {
    let rig = Rig::start().await;
    rig.set(
        "/keys",
        Answer::Says("503 Busy\r\n".to_owned(), String::new()),
    );
    for _ in 0..50 {
        assert!(rig.keys().await.is_err());
    }
    assert_eq!(rig.asked(), 1);
    rig.clock.advance(5 * SECOND);
    assert!(rig.keys().await.is_err());
    assert_eq!(rig.asked(), 2);
    rig.set("/keys", ok(&keys(&["a"])));
    assert!(rig.keys().await.is_err());
    rig.clock.advance(5 * SECOND);
    assert_eq!(rig.ids().await, r#"[Some("a")]"#);
}

#[tokio::test]
async fn good_keys_serve_for_two_hours_whatever_happens() {
    let rig = Rig::start().await;
    rig.ids().await;
    for answer in [
        Answer::Says("500 Oops\r\n".to_owned(), String::new()),
        ok(&json!({ "keys": [] })),
        Answer::Says("200 OK\r\n".to_owned(), "lies".to_owned()),
    ] {
        rig.set("/keys", answer);
        rig.clock.advance(30 * MINUTE);
        assert_eq!(rig.ids().await, r#"[Some("a")]"#);
        rig.tasks.idle().await;
    }
    rig.clock.advance(30 * MINUTE - Duration::from_millis(1));
    assert_eq!(rig.ids().await, r#"[Some("a")]"#);
    rig.tasks.idle().await;
    rig.clock.advance(Duration::from_millis(1));
    assert!(rig.keys().await.is_err());
    rig.set("/keys", ok(&keys(&["b"])));
    rig.clock.advance(5 * SECOND);
    assert_eq!(rig.ids().await, r#"[Some("b")]"#);
}

#[tokio::test]
async fn a_hanging_issuer_costs_no_one_who_has_its_keys() {
    let rig = Rig::start().await;
    rig.ids().await;
    rig.set(&format!("/pool{DISCOVERY}"), Answer::Hangs);
    rig.clock.advance(61 * MINUTE);
    // Time stands still, so anyone who waited would wait for ever.
    for _ in 0..10 {
        assert_eq!(rig.ids().await, r#"[Some("a")]"#);
    }
    rig.until(|rig| rig.discovered() == 2).await;
    rig.clock.advance(2 * SECOND);
    rig.tasks.idle().await;
    assert_eq!(rig.discovered(), 2);
}

#[tokio::test]
async fn an_issuer_may_shorten_the_time_but_not_below_five_minutes() {
    for (header, minutes) in [
        ("cache-control: max-age=600\r\n", 10),
        ("cache-control: public, Max-Age=\"600\"\r\n", 10),
        ("cache-control: max-age=1\r\n", 5),
        ("cache-control: no-store, max-age=0\r\n", 5),
        ("cache-control: max-age=86400\r\n", 60),
        ("cache-control: max-age=soon\r\n", 60),
        ("cache-control: no-cache\r\n", 60),
    ] {
        let rig = Rig::start().await;
        rig.set("/keys", with_headers(header, &keys(&["a"])));
        rig.ids().await;
        rig.clock
            .advance(minutes * MINUTE - Duration::from_millis(1));
        rig.ids().await;
        rig.tasks.idle().await;
        assert_eq!(rig.asked(), 1, "{header}");
        rig.clock.advance(Duration::from_millis(1));
        rig.ids().await;
        rig.tasks.idle().await;
        assert_eq!(rig.asked(), 2, "{header}");
    }
}

#[tokio::test]
async fn unknown_keys_make_it_ask_once_in_thirty_seconds() {
    let rig = Rig::start().await;
    let old = rig.keys().await.unwrap();
    for _ in 0..1000 {
        assert_eq!(rig.newer(&old).await, None);
    }
    assert_eq!(rig.asked(), 2);
    rig.clock.advance(30 * SECOND);
    for _ in 0..1000 {
        assert_eq!(rig.newer(&old).await, None);
    }
    assert_eq!(rig.asked(), 3);
    rig.set("/keys", ok(&keys(&["a", "b"])));
    rig.clock.advance(30 * SECOND);
    let both = r#"[Some("a"), Some("b")]"#.to_owned();
    assert_eq!(rig.newer(&old).await, Some(both.clone()));
    assert_eq!(rig.newer(&old).await, Some(both));
    assert_eq!(rig.asked(), 4);
}

#[tokio::test]
async fn whoever_meets_a_new_key_waits_for_the_same_fetch() {
    let rig = Rig::start().await;
    let old = rig.keys().await.unwrap();
    rig.set("/keys", ok(&keys(&["b"])));
    let (first, second, third) = tokio::join!(rig.newer(&old), rig.newer(&old), rig.newer(&old));
    let expected = Some(r#"[Some("b")]"#.to_owned());
    assert_eq!(first, expected);
    assert_eq!(second, expected);
    assert_eq!(third, expected);
    assert_eq!(rig.asked(), 2);
}

#[tokio::test]
async fn a_fetch_that_began_too_early_is_followed_by_another() {
    let rig = Rig::start().await;
    let old = rig.keys().await.unwrap();
    rig.set(&format!("/pool{DISCOVERY}"), Answer::Hangs);
    rig.clock.advance(60 * MINUTE);
    rig.ids().await;
    rig.until(|rig| rig.discovered() == 2).await;
    let waiting = {
        let (issuers, url) = (Arc::clone(&rig.issuers), Arc::clone(&rig.url));
        let old = Arc::clone(&old);
        Tasks::new().spawn("asker", async move { issuers.newer(&url, &old).await })
    };
    tokio::task::yield_now().await;
    rig.set(&format!("/pool{DISCOVERY}"), rig.discovery());
    rig.set("/keys", ok(&keys(&["b"])));
    rig.clock.advance(2 * SECOND);
    let newer = waiting.await.unwrap().unwrap().unwrap();
    assert_eq!(format!("{newer:?}"), r#"[Some("b")]"#);
}

#[tokio::test]
async fn issuers_out_of_use_are_forgotten() {
    let rig = Rig::start().await;
    rig.ids().await;
    rig.issuers.retain(|url| url == &*rig.url);
    rig.ids().await;
    assert_eq!(rig.asked(), 1);
    rig.issuers.retain(|_| false);
    assert_eq!(rig.issuers.known.len(), 0);
    rig.ids().await;
    assert_eq!(rig.asked(), 2);
}
