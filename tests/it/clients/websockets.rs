//! npm `ws` and PyPI `websockets`: they talk, are talked to, and see the close codes.

use std::path::Path;
use std::time::Duration;

use futures_util::future::{Ready, ready};
use serde_json::{Value, json};

use super::program::{Running, patiently};
use super::{authority, script, secured, trusting};
use crate::harness::{Rig, Setup, chat, echo};
use crate::management::{call, credentials, id_of, setup};

/// The largest frame.
const FRAME_BYTES: usize = 32 * 1024;

/// Who connects.
#[derive(Debug, Clone, Copy)]
enum Client {
    Ws,
    Websockets,
}

impl Client {
    fn script(self) -> &'static str {
        match self {
            Self::Ws => "ws_client.mjs",
            Self::Websockets => "websockets_client.py",
        }
    }

    /// Connects to `/prod` and does these steps.
    fn start(self, rig: &Rig, steps: &[&str]) -> Running {
        let url = format!("ws://{}/prod", authority(rig));
        script(self.script()).argument(url).arguments(steps).start()
    }

    /// The same over TLS.
    fn start_securely(self, rig: &Rig, steps: &[&str], state: &Path) -> Running {
        let url = format!("wss://{}/prod", authority(rig));
        trusting(script(self.script()), state)
            .argument(url)
            .arguments(steps)
            .start()
    }
}

/// A backend that chooses the second subprotocol and answers each message with itself.
fn backend(event: Value) -> Ready<Result<Value, String>> {
    match event["requestContext"]["eventType"].as_str() {
        Some("CONNECT") => {
            let headers = json!({ "Sec-WebSocket-Protocol": "tide.v2" });
            ready(Ok(json!({ "statusCode": 200, "headers": headers })))
        }
        _ => echo(event),
    }
}

/// Connects with two subprotocols and a header, asks, gets an answer and a push, and leaves.
async fn converse(rig: &Rig, start: impl FnOnce(&[&str]) -> Running) {
    let question = r#"{"action":"ask","text":"grüße ⚓"}"#;
    let mut client = start(&[
        "--subprotocol=tide.v1",
        "--subprotocol=tide.v2",
        "--header=X-Room,harbour",
        &format!("send={question}"),
        "receive",
        "receive",
        "ping",
        "close=4000,bye",
    ]);
    let open = client.step("open").await;
    assert_eq!(open["subprotocol"], "tide.v2");
    let event = rig.event_of("CONNECT").await;
    assert_eq!(event["headers"]["X-Room"], "harbour");
    let offered = event["headers"]["Sec-WebSocket-Protocol"].as_str();
    // One of the two puts a space behind the comma.
    assert_eq!(offered.unwrap().replace(' ', ""), "tide.v1,tide.v2");
    client.step("send").await;
    assert_eq!(client.step("receive").await["text"], question);
    let event = rig.event_of("MESSAGE").await;
    assert_eq!(event["requestContext"]["routeKey"], "ask");
    assert_eq!(event["body"], question);
    let id = id_of(&event);
    let pushed = rig.gateway.push("chat", "prod", &id, "high water").await;
    assert_eq!(pushed, Ok(()));
    assert_eq!(client.step("receive").await["text"], "high water");
    client.step("ping").await;
    assert_eq!(client.step("close").await["code"], 4000);
    client.end().await;
    assert_eq!(rig.disconnect().await, (4000, "bye".to_owned()));
}

async fn a_conversation(client: Client) {
    let rig = Setup::new(chat("{}"))
        .function("backend", backend)
        .start()
        .await;
    converse(&rig, |steps| client.start(&rig, steps)).await;
    rig.close().await;
}

async fn a_conversation_over_tls(client: Client) {
    let state = tempfile::tempdir().unwrap();
    let rig = secured(Setup::new(chat("{}")), state.path())
        .function("backend", backend)
        .start()
        .await;
    converse(&rig, |steps| {
        client.start_securely(&rig, steps, state.path())
    })
    .await;
    rig.close().await;
}

/// Pushes come through `@connections`, and frames may be as large as Amazon lets them.
async fn a_push_and_a_large_frame(client: Client) {
    let rig = setup("{}").start().await;
    let large = "x".repeat(FRAME_BYTES);
    let send = format!("send={large}");
    let mut client = client.start(&rig, &["receive", &send, "receive", "close=1000"]);
    client.step("open").await;
    let id = id_of(&rig.event_of("CONNECT").await);
    assert_eq!(
        call(&rig, "POST", &id, b"{\"type\":\"push\"}").await.status,
        200
    );
    assert_eq!(client.step("receive").await["text"], "{\"type\":\"push\"}");
    client.step("send").await;
    assert_eq!(client.step("receive").await["text"], large);
    rig.event_of("MESSAGE").await;
    assert_eq!(client.step("close").await["code"], 1000);
    client.end().await;
    assert_eq!(rig.disconnect().await, (1000, String::new()));
    rig.close().await;
}

/// A close code with its reason.
type End = (u64, String);

/// Opens; gives the id too.
async fn opened(rig: &Rig, client: Client, steps: &[&str]) -> (Running, String) {
    let mut client = client.start(rig, steps);
    client.step("open").await;
    let id = id_of(&rig.event_of("CONNECT").await);
    (client, id)
}

/// The end that the client sees in its last step.
async fn told(mut client: Running, last: &str) -> End {
    let seen = client.step(last).await;
    client.end().await;
    let reason = seen["reason"].as_str().expect("a reason");
    (seen["code"].as_u64().expect("a code"), reason.to_owned())
}

/// What the client does, what it sees, and what `$disconnect` says.
async fn ends_by_the_client(client: Client) {
    let rig = setup("{}").start().await;
    let check = async |step: &str, heard: (u64, &str)| {
        let (running, _) = opened(&rig, client, &[step]).await;
        // The gateway answers with the code alone.
        assert_eq!(told(running, "close").await, (heard.0, String::new()));
        assert_eq!(rig.disconnect().await, (heard.0, heard.1.to_owned()));
    };
    check("close=4001,my own", (4001, "my own")).await;
    check("close=1000", (1000, "")).await;

    let (mut running, _) = opened(&rig, client, &["drop"]).await;
    running.step("drop").await;
    running.end().await;
    assert_eq!(rig.disconnect().await.0, 1006);
    rig.close().await;
}

/// What the client does wrong, and how it is told.
async fn ends_for_a_breach(client: Client) {
    let rig = setup("{}").start().await;
    let check = async |step: &str, code: u64, reason: Option<&str>| {
        let (mut running, _) = opened(&rig, client, &[step, "closed"]).await;
        running.seen().await;
        let end = told(running, "closed").await;
        assert_eq!(end.0, code, "{end:?}");
        assert!(reason.is_none_or(|reason| end.1 == reason), "{end:?}");
        assert_eq!(rig.disconnect().await, end);
    };
    let large = format!("send={}", "x".repeat(FRAME_BYTES + 1));
    let too_large = "Max frame length of 32768 has been exceeded.";
    check(&large, 1009, Some(too_large)).await;
    check("send-binary=AAEC", 1003, None).await;
    rig.close().await;
}

/// DELETE, silence and the end of the gateway.
async fn ends_by_the_gateway(client: Client) {
    let rig = setup("{}").start().await;
    let normal = (1000, "Connection Closed Normally".to_owned());
    let away = (1001, "Going away".to_owned());

    let (running, id) = opened(&rig, client, &["closed"]).await;
    assert_eq!(call(&rig, "DELETE", &id, b"").await.status, 204);
    assert_eq!(told(running, "closed").await, normal);
    assert_eq!(rig.disconnect().await, normal);

    let (mut running, _) = opened(&rig, client, &["ping", "closed"]).await;
    running.step("ping").await;
    rig.advance(Duration::from_secs(600));
    assert_eq!(told(running, "closed").await, away);
    assert_eq!(rig.disconnect().await, away);

    let (running, _) = opened(&rig, client, &["closed"]).await;
    let Rig {
        gateway, functions, ..
    } = rig;
    let shutdown = patiently("the end", gateway.shutdown());
    let (end, ()) = tokio::join!(told(running, "closed"), shutdown);
    assert_eq!(end, away);
    let events = functions["backend"].rest().await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["requestContext"]["disconnectStatusCode"], 1001);
}

/// What is not accepted is an answer in HTTP.
async fn a_refusal(client: Client) {
    let refuse = |_| ready(Ok(json!({ "statusCode": 401, "body": "who are you?" })));
    let rig = Setup::new(format!("{}{}", credentials(), chat("{}")))
        .function("backend", refuse)
        .start()
        .await;
    let mut running = client.start(&rig, &["closed"]);
    let seen = running.step("open").await;
    assert_eq!(seen["status"], 401, "{seen}");
    running.end().await;
    rig.event_of("CONNECT").await;

    let url = format!("ws://{}/staging", authority(&rig));
    let mut running = script(client.script()).argument(url).start();
    let seen = running.step("open").await;
    assert_eq!(seen["status"], 403, "{seen}");
    running.end().await;
    rig.close().await;
}

macro_rules! both {
    ($($topic:ident),+ $(,)?) => {
        mod ws {
            $(#[tokio::test]
            async fn $topic() {
                super::$topic(super::Client::Ws).await;
            })+
        }
        mod websockets {
            $(#[tokio::test]
            async fn $topic() {
                super::$topic(super::Client::Websockets).await;
            })+
        }
    };
}

both!(
    a_conversation,
    a_conversation_over_tls,
    a_push_and_a_large_frame,
    ends_by_the_client,
    ends_for_a_breach,
    ends_by_the_gateway,
    a_refusal,
);
