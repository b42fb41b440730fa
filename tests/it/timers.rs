//! Time: idle connections, old ones, dead peers, peers that do not read, peers that say nothing at all.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidegate::PushError;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use crate::harness::gateway::IDLE_TASKS;
use crate::harness::http_client::{self, fill};
use crate::harness::ws_client::{FINAL, PING, PONG, frame};
use crate::harness::{Handshake, Rig, Setup, WsClient, chat, echo, eventually, gated};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const AWAY: (u16, &str) = (1001, "Going away");

struct Talk {
    rig: Rig,
    client: WsClient,
    id: String,
}

async fn talk(stage: &str) -> Talk {
    let rig = Setup::new(chat(stage))
        .server("managementAuth: none")
        .manual()
        .function("backend", echo)
        .start()
        .await;
    let client = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    let id = event["requestContext"]["connectionId"].as_str().unwrap();
    let id = id.to_owned();
    let mut talk = Talk { rig, client, id };
    // The whole way in has been gone once something came back.
    talk.silent().await;
    talk
}

impl Talk {
    async fn silent(&mut self) {
        self.client.silent().await;
    }

    async fn ask(&mut self) -> Value {
        assert_eq!(self.client.ask("hi").await, "hi");
        self.rig.event_of("MESSAGE").await
    }

    /// Shows that the connection is open, without being active on it.
    async fn open(&self) {
        self.rig.settle_tasks().await;
        assert_eq!(self.rig.gateway.connections(), 1);
        let nothing = self.client.stream.try_read(&mut [0; 1]);
        assert!(nothing.is_err(), "{nothing:?}");
    }

    async fn away(self) {
        let (code, reason) = self.client.closed().await;
        assert_eq!((code, &*reason), AWAY);
        assert_eq!(self.rig.disconnect().await, (1001, "Going away".into()));
        self.rig.close().await;
    }

    async fn end(self) {
        self.client.leave().await;
        self.rig.disconnect().await;
        self.rig.close().await;
    }
}

#[tokio::test]
async fn ten_idle_minutes_are_the_end() {
    let talk = talk("{}").await;
    talk.rig.advance(10 * MINUTE - SECOND);
    talk.open().await;
    talk.rig.advance(SECOND);
    talk.away().await;
}

#[tokio::test]
async fn the_idle_time_can_be_set() {
    let talk = talk("{ tidegate: { limits: { idleTimeout: 5s } } }").await;
    talk.rig.advance(4 * SECOND);
    talk.open().await;
    talk.rig.advance(SECOND);
    talk.away().await;
}

#[tokio::test]
async fn a_message_from_the_client_counts() {
    let mut talk = talk("{}").await;
    for _ in 0..3 {
        talk.rig.advance(9 * MINUTE);
        // One-way, so that only the client says something.
        talk.client.send(r#"{"action":"tell"}"#).await;
        talk.rig.event_of("MESSAGE").await;
    }
    talk.rig.advance(10 * MINUTE - SECOND);
    talk.open().await;
    talk.rig.advance(SECOND);
    talk.away().await;
}

#[tokio::test]
async fn a_message_to_the_client_counts() {
    let mut talk = talk("{}").await;
    let path = format!("/prod/@connections/{}", talk.id);
    for _ in 0..3 {
        talk.rig.advance(9 * MINUTE);
        let post = http_client::request("POST", &path, &[], b"hello");
        let posted = http_client::send(talk.rig.address(), &post).await;
        assert_eq!(posted.status, 200);
        assert_eq!(talk.client.text().await, "hello");
    }
    talk.rig.advance(10 * MINUTE - SECOND);
    talk.open().await;
    talk.rig.advance(SECOND);
    talk.away().await;
}

#[tokio::test]
async fn a_late_reply_counts_when_it_comes() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .manual()
        .function("backend", gated("MESSAGE", &gate))
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    client.send("hi").await;
    rig.event_of("MESSAGE").await;
    rig.advance(20 * SECOND);
    gate.add_permits(1);
    assert_eq!(client.text().await, "hi");
    rig.advance(10 * MINUTE - SECOND);
    rig.settle_tasks().await;
    assert_eq!(rig.gateway.connections(), 1);
    rig.advance(SECOND);
    let (code, reason) = client.closed().await;
    assert_eq!((code, &*reason), AWAY);
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn looking_at_a_connection_does_not_count() {
    let talk = talk("{}").await;
    talk.rig.advance(9 * MINUTE);
    let path = format!("/prod/@connections/{}", talk.id);
    let get = http_client::request("GET", &path, &[], b"");
    let found = http_client::send(talk.rig.address(), &get).await;
    assert_eq!(found.status, 200);
    talk.rig.advance(MINUTE);
    talk.away().await;
}

#[tokio::test]
async fn pings_do_not_count() {
    let mut talk = talk("{}").await;
    talk.rig.advance(9 * MINUTE);
    talk.silent().await;
    talk.client.write(&frame(FINAL | PONG, b"")).await;
    talk.silent().await;
    talk.rig.advance(MINUTE);
    talk.away().await;
}

#[tokio::test]
async fn pings_can_be_made_to_count() {
    let mut talk = talk("{ tidegate: { pingsResetIdle: true } }").await;
    for _ in 0..3 {
        talk.rig.advance(9 * MINUTE);
        talk.silent().await;
    }
    talk.rig.advance(10 * MINUTE - SECOND);
    talk.open().await;
    talk.rig.advance(SECOND);
    talk.away().await;
}

#[tokio::test]
async fn two_hours_are_the_end_of_a_busy_connection() {
    let mut talk = talk("{}").await;
    for _ in 0..14 {
        talk.rig.advance(8 * MINUTE);
        talk.ask().await;
    }
    talk.rig.advance(8 * MINUTE - SECOND);
    talk.ask().await;
    talk.open().await;
    talk.rig.advance(SECOND);
    talk.away().await;
}

#[tokio::test]
async fn the_duration_can_be_set() {
    let mut talk = talk("{ tidegate: { limits: { connectionDuration: 5s } } }").await;
    talk.rig.advance(4 * SECOND);
    talk.ask().await;
    talk.rig.advance(SECOND);
    talk.away().await;
}

#[tokio::test]
async fn both_can_be_lifted() {
    let stage = "{ tidegate: { limits: { idleTimeout: off, connectionDuration: off } } }";
    let mut talk = talk(stage).await;
    talk.rig.advance(365 * 24 * 60 * MINUTE);
    talk.open().await;
    talk.ask().await;
    talk.end().await;
}

#[tokio::test]
async fn a_peer_that_answers_pings_lives() {
    let mut talk = talk("{ tidegate: { ping: 30s } }").await;
    for _ in 0..19 {
        talk.rig.advance(30 * SECOND);
        let payload = talk.client.message(PING).await;
        talk.client.write(&frame(FINAL | PONG, &payload)).await;
        talk.silent().await;
    }
    // Pongs are no activity, so the idle time still ends it.
    talk.rig.advance(30 * SECOND);
    talk.away().await;
}

#[tokio::test]
async fn a_peer_that_says_something_is_not_pinged() {
    let mut talk = talk("{ tidegate: { ping: 30s } }").await;
    for _ in 0..3 {
        talk.rig.advance(29 * SECOND);
        talk.ask().await;
    }
    talk.rig.advance(29 * SECOND);
    talk.open().await;
    talk.rig.advance(SECOND);
    talk.client.message(PING).await;
    talk.end().await;
}

#[tokio::test]
async fn a_dead_peer_is_noticed() {
    let mut talk = talk("{ tidegate: { ping: 30s } }").await;
    talk.rig.advance(30 * SECOND);
    talk.client.message(PING).await;
    talk.rig.advance(29 * SECOND);
    talk.open().await;
    talk.rig.advance(SECOND);
    assert_eq!(talk.rig.disconnect().await.0, 1006);
    assert_eq!(talk.rig.gateway.connections(), 0);
    let gone = talk.rig.gateway.push("chat", "prod", &talk.id, "hi").await;
    assert_eq!(gone, Err(PushError::Gone));
    // The socket is given up too, without a word.
    assert_eq!(talk.client.frame().await, None);
    talk.rig.close().await;
}

#[tokio::test]
async fn without_the_setting_nobody_is_pinged() {
    let talk = talk("{}").await;
    for _ in 0..9 {
        talk.rig.advance(MINUTE);
        talk.open().await;
    }
    talk.end().await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut() {
    let talk = talk("{}").await;
    let large = "x".repeat(131_072);
    let mut full = 0;
    while full < 100 {
        let pushed = talk
            .rig
            .gateway
            .push("chat", "prod", &talk.id, large.clone());
        full = match pushed.await {
            Ok(()) => 0,
            Err(PushError::Full) => full + 1,
            Err(other) => panic!("{other}"),
        };
        tokio::task::yield_now().await;
    }
    talk.rig.advance(59 * SECOND);
    talk.rig.settle_tasks().await;
    assert_eq!(talk.rig.gateway.connections(), 1);
    talk.rig.advance(SECOND);
    assert_eq!(talk.rig.disconnect().await.0, 1006);
    talk.rig.close().await;
}

#[tokio::test]
async fn silent_and_slow_sockets_are_closed() {
    let rig = Setup::new(chat("{}"))
        .manual()
        .function("backend", echo)
        .start()
        .await;
    let head = Handshake::new("/prod").bytes();
    for sent in [&head[..0], b"P", b"GET /prod HT", &head[..head.len() - 1]] {
        let mut stream = http_client::connect(rig.address()).await;
        stream.write_all(sent).await.unwrap();
        let services = rig.gateway.services();
        eventually("the socket to be accepted", || {
            services.tasks.live() == IDLE_TASKS + 1
        })
        .await;
        rig.settle_tasks().await;
        rig.advance(9 * SECOND);
        rig.settle_tasks().await;
        let nothing = stream.try_read(&mut [0; 1]);
        assert!(nothing.is_err(), "{sent:?}: {nothing:?}");
        rig.advance(SECOND);
        let mut buffer = Vec::new();
        while fill(&mut stream, &mut buffer).await {}
        let text = String::from_utf8_lossy(&buffer);
        assert!(
            buffer.is_empty() || text.starts_with("HTTP/1.1 408"),
            "{text}"
        );
        eventually("the socket to be given up", || {
            services.tasks.live() == IDLE_TASKS
        })
        .await;
    }
    assert_eq!(rig.calls("backend"), 0);
    rig.close().await;
}
