//! How many bodies the control plane holds at a time.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{open, works};
use crate::harness::http_client::{connect, fill, read_response};
use crate::harness::{Response, Rig};

/// Bodies that may be read at a time, and the longest wait: for a turn, and for a body.
const BODIES: usize = 16;
const WAIT: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(10);

/// A call whose body is being read by the gateway, but has not come.
struct Held {
    stream: TcpStream,
    body: String,
}

/// A call that is told apart by its name. HTTP says that it is asked for its body when somebody begins to read that.
async fn begin(rig: &Rig, name: usize) -> Held {
    let admin = rig.gateway.admin_address();
    let body = json!({ "name": name.to_string(), "subnetIds": ["subnet-1"] }).to_string();
    let head = format!(
        "POST /v2/vpclinks HTTP/1.1\r\nHost: {admin}\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = connect(admin).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    Held { stream, body }
}

impl Held {
    /// Waits until the gateway asks for the body.
    async fn asked(self) -> Self {
        let (held, told) = self.told().await;
        assert!(told.starts_with("HTTP/1.1 100 "), "{told}");
        held
    }

    /// The next head that the gateway sends.
    async fn told(mut self) -> (Self, String) {
        let mut told = Vec::new();
        while !told.windows(4).any(|end| end == b"\r\n\r\n") {
            assert!(fill(&mut self.stream, &mut told).await, "{told:?}");
        }
        (self, String::from_utf8(told).unwrap())
    }

    async fn finish(mut self) -> Response {
        self.stream.write_all(self.body.as_bytes()).await.unwrap();
        let answer = read_response(&mut self.stream, &mut Vec::new()).await;
        answer.expect("an answer")
    }
}

#[tokio::test]
async fn sixteen_bodies_are_read_at_a_time_and_others_wait_for_their_turn() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).manual().start().await;
    let mut held = Vec::new();
    for name in 0..BODIES {
        held.push(begin(&rig, name).await.asked().await);
    }
    // What has no body needs no turn.
    works(&rig, 200, "GET", "/v2/vpclinks", Value::Null).await;
    // One more waits, and gets its turn when another is done.
    let late = begin(&rig, BODIES).await;
    let first = held.remove(0).finish().await;
    assert_eq!(first.status, 201, "{first:?}");
    held.push(late.asked().await);
    // Bodies that do not come are given up, and those that wait get their turns: all but one, which waits too long.
    rig.advance(LATER);
    let mut queue = FuturesUnordered::new();
    for name in 0..=BODIES {
        let waiting = begin(&rig, 100 + name).await;
        queue.push(waiting.told());
    }
    rig.settle_tasks().await;
    rig.advance(WAIT - LATER);
    for slow in held {
        let (_, told) = slow.told().await;
        assert!(told.starts_with("HTTP/1.1 400 "), "{told}");
    }
    let mut begun = Vec::new();
    while begun.len() < BODIES {
        let (held, told) = queue.next().await.unwrap();
        assert!(told.starts_with("HTTP/1.1 100 "), "{told}");
        begun.push(held);
    }
    rig.advance(LATER);
    let (_, told) = queue.next().await.unwrap();
    assert!(told.starts_with("HTTP/1.1 429 "), "{told}");
    let told = told.to_ascii_lowercase();
    let named = "x-amzn-errortype: toomanyrequestsexception\r\n";
    assert!(told.contains(named), "{told}");
    drop(begun);
    rig.close().await;
}
