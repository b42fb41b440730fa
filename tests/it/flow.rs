//! How many messages of a connection are handled at a time, in which order, and what becomes of the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use crate::harness::ws_client::{FINAL, TEXT, frame};
use crate::harness::{Rig, Setup, WsClient, chat, echo, eventually, gated, soon};

struct Talk {
    rig: Rig,
    client: WsClient,
    gate: Arc<Semaphore>,
}

/// An open connection to a backend that answers a message only with a permit of the gate.
async fn talk(definition: String) -> Talk {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(definition)
        .server("limits: { requestRate: off }")
        .function("backend", gated("MESSAGE", &gate))
        .start()
        .await;
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    Talk { rig, client, gate }
}

impl Talk {
    /// Sends messages `first` to `last`.
    async fn send(&mut self, first: usize, last: usize) {
        for number in first..=last {
            self.client.send(&number.to_string()).await;
        }
    }

    /// Reads the next events, which must be messages `first` to `last` in this order.
    async fn events(&self, first: usize, last: usize) {
        for number in first..=last {
            let event = self.rig.event_of("MESSAGE").await;
            assert_eq!(event["body"], number.to_string());
        }
    }

    /// Shows that the backend has seen so many messages and is not given another.
    async fn stands_at(&self, messages: usize) {
        self.rig.settle_tasks().await;
        assert_eq!(self.rig.calls("backend"), messages + 1);
    }

    /// Lets messages go and reads their replies, in any order.
    async fn replies(&mut self, count: usize) -> Vec<usize> {
        self.gate.add_permits(count);
        let mut replies = Vec::new();
        for _ in 0..count {
            replies.push(self.client.text().await.parse().unwrap());
        }
        replies
    }

    async fn end(self) {
        self.client.leave().await;
        self.rig.disconnect().await;
        self.rig.close().await;
    }
}

#[tokio::test]
async fn messages_are_handled_at_the_same_time_up_to_a_bound() {
    let check = async |stage: &str, bound: usize| {
        let mut talk = talk(chat(stage)).await;
        talk.send(1, bound + 3).await;
        talk.events(1, bound).await;
        talk.stands_at(bound).await;
        talk.replies(1).await;
        talk.events(bound + 1, bound + 1).await;
        talk.stands_at(bound + 1).await;
        talk.replies(bound + 2).await;
        talk.events(bound + 2, bound + 3).await;
        talk.end().await;
    };
    check("{}", 16).await;
    check("{ tidegate: { limits: { inFlight: 2 } } }", 2).await;
    check("{ tidegate: { limits: { inFlight: 1 } } }", 1).await;
}

#[tokio::test]
async fn the_bound_can_be_lifted() {
    let mut talk = talk(chat("{ tidegate: { limits: { inFlight: off } } }")).await;
    talk.send(1, 200).await;
    talk.events(1, 200).await;
    talk.replies(200).await;
    talk.end().await;
}

#[tokio::test]
async fn one_connection_does_not_hold_up_another() {
    let mut talk = talk(chat("{ tidegate: { limits: { inFlight: 1 } } }")).await;
    talk.send(1, 5).await;
    talk.events(1, 1).await;
    let mut other = talk.rig.open().await;
    talk.rig.event_of("CONNECT").await;
    other.send("other").await;
    assert_eq!(talk.rig.event_of("MESSAGE").await["body"], "other");
    talk.gate.add_permits(6);
    assert_eq!(other.text().await, "other");
    for number in 1..=5 {
        assert_eq!(talk.client.text().await, number.to_string());
    }
    talk.events(2, 5).await;
    other.leave().await;
    talk.rig.disconnect().await;
    talk.end().await;
}

#[tokio::test]
async fn at_the_bound_the_socket_is_not_read() {
    let mut talk = talk(chat("{ tidegate: { limits: { inFlight: 2 } } }")).await;
    talk.send(1, 2).await;
    talk.events(1, 2).await;
    // The less the system buffers, the sooner the gateway's not reading is felt.
    let socket = socket2::SockRef::from(&talk.client.stream);
    socket.set_send_buffer_size(64 * 1024).unwrap();
    let text = "x".repeat(32_000);
    let message = frame(FINAL | TEXT, text.as_bytes());
    // Writes until the system takes no more although the gateway had every chance to read.
    let (mut sent, mut stuck) = (0, 0);
    while stuck < 10 {
        let rest = &message[sent % message.len()..];
        match talk.client.stream.try_write(rest) {
            Ok(count) => {
                sent += count;
                stuck = 0;
            }
            Err(_) => {
                stuck += 1;
                talk.rig.settle_tasks().await;
            }
        }
        assert!(sent < 64 << 20, "nothing pushes back");
    }
    talk.stands_at(2).await;
    // What was held back is all there, in order, once the backend has time for it.
    let count = sent / message.len() + 1;
    talk.gate.add_permits(count + 2);
    let Talk { rig, client, .. } = talk;
    let (mut reading, mut writing) = client.stream.into_split();
    let rest = &message[sent % message.len()..];
    let mut replies = vec![0; 2 * 3 + count * (4 + text.len())];
    let both = async { tokio::join!(writing.write_all(rest), reading.read_exact(&mut replies)) };
    let (written, read) = soon("the rest", both).await;
    written.unwrap();
    read.unwrap();
    for _ in 0..count {
        assert_eq!(rig.event_of("MESSAGE").await["body"], text);
    }
    drop((reading, writing));
    assert_eq!(rig.disconnect().await.0, 1006);
    rig.close().await;
}

/// `chat` whose `$default` takes one message at a time.
fn serial(stage: &str) -> String {
    chat(stage).replace(
        "$default: { target: integrations/backend,",
        "$default: { target: integrations/backend, tidegate: { ordering: serial },",
    )
}

#[tokio::test]
async fn a_serial_route_takes_one_message_at_a_time() {
    let mut talk = talk(serial("{}")).await;
    talk.send(1, 10).await;
    for number in 1..=10 {
        talk.events(number, number).await;
        talk.stands_at(number).await;
        assert_eq!(talk.replies(1).await, [number]);
    }
    talk.end().await;
}

#[tokio::test]
async fn a_serial_route_keeps_the_order_of_many() {
    let rig = Setup::new(serial("{}"))
        .server("limits: { requestRate: off }")
        .function("backend", |event: Value| async {
            // Gives others a chance to overtake.
            for _ in 0..event["body"].as_str().map_or(0, |body| body.len() % 5) {
                tokio::task::yield_now().await;
            }
            echo(event).await
        })
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    for number in 0..500_u32 {
        let text = format!("{number}{}", "x".repeat(number as usize % 7));
        client.send(&text).await;
    }
    for number in 0..500_u32 {
        let text = format!("{number}{}", "x".repeat(number as usize % 7));
        assert_eq!(rig.event_of("MESSAGE").await["body"], text);
        assert_eq!(client.text().await, text);
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn a_serial_route_that_fails_goes_on() {
    let rig = Setup::new(serial("{}"))
        .function("backend", |event: Value| async move {
            match event["body"].as_str() {
                Some("fail") => Err("boom".to_owned()),
                _ => echo(event).await,
            }
        })
        .start()
        .await;
    let mut client = rig.open().await;
    for text in ["one", "fail", "two"] {
        client.send(text).await;
    }
    assert_eq!(client.text().await, "one");
    assert_eq!(client.error().await, "Internal server error");
    assert_eq!(client.text().await, "two");
    client.leave().await;
    eventually("the end", || rig.calls("backend") == 5).await;
    rig.functions["backend"].rest().await;
    rig.close_after(&["boom"]).await;
}

#[tokio::test]
async fn otherwise_the_last_may_be_first() {
    let gates: BTreeMap<_, _> = (1..=3)
        .map(|number| (number.to_string(), Arc::new(Semaphore::new(0))))
        .collect();
    let held = gates.clone();
    let rig = Setup::new(chat("{}"))
        .function("backend", move |event: Value| {
            let gate = event["body"]
                .as_str()
                .and_then(|body| held.get(body).cloned());
            async move {
                if let Some(gate) = gate {
                    gate.acquire().await.unwrap().forget();
                }
                echo(event).await
            }
        })
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    for number in 1..=3 {
        client.send(&number.to_string()).await;
        rig.event_of("MESSAGE").await;
    }
    for number in [3, 1, 2] {
        gates[&number.to_string()].add_permits(1);
        assert_eq!(client.text().await, number.to_string());
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}
