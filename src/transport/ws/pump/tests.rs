//! The pump on a stream that holds back what is written to it, as TLS does.

use std::io;
use std::sync::Mutex;

use bytes::Bytes;
use connection_store::{CloseRequest, Delivery};
use futures_util::future::poll_immediate;
use tokio::io::ReadBuf;

use super::*;
use crate::Gateway;
use crate::base::clock::{Clock as _, EpochMillis, ManualClock};
use crate::transport::ws::sample;

const DEFINITION: &str = r#"
server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default: { target: integrations/nobody }
      ask: { target: integrations/known, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } }
    integrations:
      nobody: { integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: "http://127.0.0.1:9/" }
      known:
        integrationType: MOCK
        requestTemplates: { $default: '{"statusCode":200}' }
        integrationResponses: { $default: { responseTemplates: { $default: "REPLY" } } }
    stages: { prod: {} }
"#;
const GOODBYE: CloseRequest = CloseRequest {
    code: 1000,
    reason: "bye",
};

/// What was written, what of it was let through, and what the peer sends.
#[derive(Debug, Default)]
struct Wire {
    held: Vec<u8>,
    sent: Vec<u8>,
    blocked: bool,
    /// How many more bytes it takes; `None` for any number.
    room: Option<usize>,
    incoming: Vec<u8>,
    /// Whether nothing comes behind that.
    ended: bool,
}

/// A stream that takes everything and lets it through when it is flushed and not blocked.
#[derive(Debug, Default, Clone)]
struct Holding(Arc<Mutex<Wire>>);

impl Holding {
    fn wire(&self) -> std::sync::MutexGuard<'_, Wire> {
        self.0.lock().expect("no test panics with the lock")
    }

    fn pass(&self) -> Poll<io::Result<()>> {
        let mut wire = self.wire();
        if wire.blocked {
            return Poll::Pending;
        }
        let held = std::mem::take(&mut wire.held);
        wire.sent.extend(held);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Holding {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let incoming = std::mem::take(&mut self.wire().incoming);
        if incoming.is_empty() && !self.wire().ended {
            return Poll::Pending;
        }
        buffer.put_slice(&incoming);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Holding {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.wire();
        let count = bytes.len().min(wire.room.unwrap_or(usize::MAX));
        if count == 0 {
            return Poll::Pending;
        }
        wire.room = wire.room.map(|room| room - count);
        wire.held.extend(bytes.iter().take(count));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pass()
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pass()
    }
}

impl Conduit for Holding {
    fn has_ended(&self) -> bool {
        self.wire().ended
    }
}

struct Rig {
    gateway: Gateway,
    clock: Arc<ManualClock>,
    connection: Arc<Connection>,
    stream: Holding,
}

/// A client's frame with this text, masked with zeros.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

async fn rig() -> Rig {
    rig_with("pong").await
}

/// A gateway whose route `ask` gives that reply.
async fn rig_with(reply: &str) -> Rig {
    let clock = ManualClock::new(EpochMillis(0));
    let definition = DEFINITION.replace("REPLY", reply);
    let gateway = Gateway::builder().definition(definition);
    let started = gateway.clock(clock.clone()).start().await;
    let gateway = started.unwrap_or_else(|error| panic!("{error}"));
    Rig {
        gateway,
        clock,
        connection: sample::connection("chat", "prod"),
        stream: Holding::default(),
    }
}

impl Rig {
    fn run(&self) -> Pin<Box<impl Future<Output = Ending> + use<>>> {
        Box::pin(run(
            Arc::clone(self.gateway.services()),
            Arc::clone(&self.connection),
            Arc::new(ConnectionSettings::default()),
            self.stream.clone(),
            Vec::new(),
        ))
    }

    fn push(&self, text: &'static str) -> Delivery {
        let message = Outgoing::Text(Bytes::from_static(text.as_bytes()));
        self.connection.outbox.push(message)
    }

    fn sent(&self) -> Vec<u8> {
        self.stream.wire().sent.clone()
    }
}

/// The client's close frame, with status code 1000.
const GOODBYE_FRAME: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

/// Connections that end at this moment, so many that further ones have to wait: their turns.
async fn crowd(rig: &Rig) -> Vec<Turn> {
    let departures = &rig.gateway.services().crowds.departures;
    let mut turns = Vec::new();
    while !departures.is_crowded() {
        if let Some(mut turn) = departures.step(rig.clock.now()) {
            assert_eq!(poll_immediate(&mut turn).await, None, "it is its turn");
            turns.push(turn);
        }
    }
    turns
}

#[tokio::test]
async fn in_a_crowd_a_peer_that_is_gone_is_read_from_when_it_is_its_turn() {
    let rig = rig().await;
    let crowd = crowd(&rig).await;
    let mut running = rig.run();
    let last_words = [&frame(r#"{"action":"ask"}"#)[..], &GOODBYE_FRAME].concat();
    rig.stream.wire().incoming = last_words.clone();
    rig.stream.wire().ended = true;
    assert_eq!(poll_immediate(&mut running).await, None);
    assert_eq!(rig.stream.wire().incoming, last_words, "not read yet");
    assert_eq!(rig.push("late"), Delivery::Gone);
    drop(crowd);
    let ending = running.await;
    assert_eq!(ending.code, 1000, "what it had sent is heard");
    assert_eq!(rig.sent(), b"\x81\x04pong\x88\x02\x03\xe8");
}

#[tokio::test]
async fn in_a_crowd_the_end_waits_for_its_turn() {
    let rig = rig().await;
    let crowd = crowd(&rig).await;
    let mut running = rig.run();
    rig.stream.wire().incoming = GOODBYE_FRAME.to_vec();
    assert_eq!(poll_immediate(&mut running).await, None);
    assert_eq!(rig.sent(), b"", "not even an answer");
    assert_eq!(rig.push("late"), Delivery::Gone);
    drop(crowd);
    let ending = running.await;
    assert_eq!(ending.code, 1000);
    assert_eq!(rig.sent(), b"\x88\x02\x03\xe8");
}

#[tokio::test]
async fn what_a_stream_holds_back_leaves_when_it_can() {
    let rig = rig().await;
    let mut running = rig.run();
    rig.stream.wire().blocked = true;
    assert_eq!(rig.push("hello"), Delivery::Queued);
    assert_eq!(poll_immediate(&mut running).await, None);
    assert_eq!(rig.sent(), b"");
    rig.stream.wire().blocked = false;
    assert_eq!(poll_immediate(&mut running).await, None);
    assert_eq!(rig.sent(), b"\x81\x05hello");
    // It went out in time, so no time runs out.
    rig.clock.advance(WRITE_TIMEOUT);
    assert_eq!(poll_immediate(&mut running).await, None);
}

#[tokio::test]
async fn a_stream_that_never_lets_go_is_cut() {
    let rig = rig().await;
    let mut running = rig.run();
    rig.stream.wire().blocked = true;
    rig.push("hello");
    assert_eq!(poll_immediate(&mut running).await, None);
    rig.clock.advance(WRITE_TIMEOUT);
    let ending = poll_immediate(&mut running).await;
    assert_eq!(ending.map(|ending| ending.code), Some(ABNORMAL));
}

#[tokio::test]
async fn the_last_frame_leaves_before_the_end() {
    let rig = rig().await;
    let mut running = rig.run();
    rig.stream.wire().blocked = true;
    rig.stream.wire().incoming = vec![0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    assert_eq!(poll_immediate(&mut running).await, None);
    rig.stream.wire().blocked = false;
    let ending = poll_immediate(&mut running).await;
    assert_eq!(ending.map(|ending| ending.code), Some(1000));
    assert_eq!(rig.sent(), [0x88, 0x02, 0x03, 0xe8]);
}

#[tokio::test]
async fn a_peer_that_takes_no_last_frame_is_not_waited_for() {
    let rig = rig().await;
    let mut running = rig.run();
    rig.stream.wire().blocked = true;
    rig.stream.wire().incoming = vec![0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    assert_eq!(poll_immediate(&mut running).await, None);
    rig.clock.advance(CLOSE_TIMEOUT);
    let ending = poll_immediate(&mut running).await;
    assert_eq!(ending.map(|ending| ending.code), Some(1000));
}

#[tokio::test]
async fn a_peer_that_hardly_reads_cannot_put_the_end_off() {
    let rig = rig().await;
    let mut running = rig.run();
    rig.stream.wire().room = Some(0);
    let large = Outgoing::Text(vec![b'x'; WRITE_BATCH].into());
    assert_eq!(rig.connection.outbox.push(large), Delivery::Queued);
    assert_eq!(poll_immediate(&mut running).await, None);
    assert_eq!(rig.push("waits"), Delivery::Queued);
    assert_eq!(rig.connection.outbox.close(GOODBYE), Delivery::Queued);
    for _ in 0..5 {
        assert_eq!(poll_immediate(&mut running).await, None);
        rig.clock.advance(LEAVE_TIMEOUT / 5);
        rig.stream.wire().room = Some(1);
    }
    let ending = poll_immediate(&mut running).await;
    assert_eq!(ending.map(|ending| ending.code), Some(GOODBYE.code));
}

#[tokio::test]
async fn nothing_is_acknowledged_behind_a_close_frame() {
    let check = async |bring_down: fn(&Rig)| {
        let rig = rig().await;
        let mut running = rig.run();
        assert_eq!(poll_immediate(&mut running).await, None);
        bring_down(&rig);
        assert_eq!(poll_immediate(&mut running).await, None);
        assert_eq!(rig.push("late"), Delivery::Gone);
    };
    check(|rig| assert_eq!(rig.connection.outbox.close(GOODBYE), Delivery::Queued)).await;
    // A frame without a mask: closed with 1002, and the peer's own close frame is awaited.
    check(|rig| rig.stream.wire().incoming = vec![0x81, 0x00]).await;
}

#[tokio::test]
async fn a_reply_that_is_known_leaves_behind_what_waited_before_it() {
    let rig = rig().await;
    let mut running = rig.run();
    rig.push("first");
    rig.stream.wire().incoming = frame(r#"{"action":"ask"}"#);
    assert_eq!(poll_immediate(&mut running).await, None);
    assert_eq!(rig.sent(), b"\x81\x05first\x81\x04pong");
}

#[tokio::test]
async fn a_peer_that_reads_no_replies_is_not_read_either() {
    let reply = "x".repeat(32 * 1024);
    let rig = rig_with(&reply).await;
    let mut running = rig.run();
    rig.stream.wire().room = Some(0);
    let asked = 200;
    rig.stream.wire().incoming = frame(r#"{"action":"ask"}"#).repeat(asked);
    assert_eq!(poll_immediate(&mut running).await, None);
    let answered = || {
        let page = rig.gateway.services().observers.page();
        let mut lines = page.lines();
        let line = lines.find(|line| line.starts_with("tidegate_message_count_total{"));
        // A message and its reply count as two.
        line.and_then(|line| line.rsplit_once(' '))
            .map_or(0, |(_, count)| {
                count.parse::<usize>().expect("a number") / 2
            })
    };
    assert_eq!(answered(), WRITE_HIGH / reply.len());
    rig.stream.wire().room = None;
    assert_eq!(poll_immediate(&mut running).await, None);
    assert_eq!(answered(), asked);
    assert!(rig.sent().len() > asked * reply.len());
}
