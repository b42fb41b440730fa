//! How connections end: the close frame that the client sees, and exactly one `$disconnect` with code and reason.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use crate::harness::http_client;
use crate::harness::ws_client::{BINARY, CLOSE, FINAL, TEXT, frame, header, status};
use crate::harness::{Rig, Setup, WsClient, chat, echo, gated, soon};

async fn open(rig: &Rig) -> WsClient {
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    client
}

async fn plain() -> Rig {
    Setup::new(chat("{}"))
        .manual()
        .function("backend", echo)
        .start()
        .await
}

const AWAY: (u16, &str) = (1001, "Going away");

fn wide((code, reason): (u16, &str)) -> (u64, String) {
    (code.into(), reason.to_owned())
}

#[tokio::test]
async fn the_client_closes() {
    let rig = plain().await;
    let check = async |payload: &[u8], code: u16, reason: &str| {
        let client = open(&rig).await;
        let answer = client.close(payload).await;
        assert_eq!(
            answer,
            payload.get(..2).unwrap_or_default(),
            "the code comes back"
        );
        assert_eq!(rig.disconnect().await, wide((code, reason)));
    };
    check(b"", 1005, "Client-side close frame status not set").await;
    check(&status(1000, ""), 1000, "").await;
    check(&status(1000, "bye"), 1000, "bye").await;
    check(&status(1001, ""), 1001, "").await;
    check(&status(1003, "no"), 1003, "no").await;
    check(&status(1011, "no"), 1011, "no").await;
    check(&status(3000, "grüße"), 3000, "grüße").await;
    check(&status(4001, "my own"), 4001, "my own").await;
    check(&status(4999, &"x".repeat(123)), 4999, &"x".repeat(123)).await;
    rig.close().await;
}

#[tokio::test]
async fn the_client_closes_wrongly() {
    let rig = plain().await;
    let check = async |payload: &[u8], code: u16| {
        let mut client = open(&rig).await;
        client.write(&frame(FINAL | CLOSE, payload)).await;
        let (told, reason) = client.closed().await;
        assert_eq!(told, code, "{payload:?}: {reason}");
        assert_eq!(rig.disconnect().await, wide((code, &reason)));
    };
    check(b"x", 1002).await;
    for code in [0, 999, 1004, 1005, 1006, 1012 + 3, 1016, 2999, 5000, 65535] {
        check(&status(code, ""), 1002).await;
    }
    let mut not_text = status(1000, "");
    not_text.extend([0xff, 0xfe]);
    check(&not_text, 1007).await;
    rig.close().await;
}

#[tokio::test]
async fn the_client_is_lost() {
    let rig = plain().await;
    let lost = async |what: &str| {
        let (code, reason) = rig.disconnect().await;
        assert_eq!(code, 1006, "{what}: {reason}");
    };
    drop(open(&rig).await);
    lost("closed without a word").await;

    let mut client = open(&rig).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.frame().await, None);
    lost("half closed").await;

    let client = open(&rig).await;
    socket2::SockRef::from(&client.stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    lost("reset").await;

    let mut client = open(&rig).await;
    client
        .write(&frame(FINAL | TEXT, b"half a message")[..9])
        .await;
    drop(client);
    lost("in the middle of a frame").await;

    let mut client = open(&rig).await;
    client.write(&frame(TEXT, b"first fragment")).await;
    drop(client);
    lost("in the middle of a message").await;
    rig.close().await;
}

#[tokio::test]
async fn the_gateway_closes_for_a_breach() {
    let rig = plain().await;
    let check = async |bytes: &[u8], code: u16, reason: Option<&str>| {
        let mut client = open(&rig).await;
        client.write(bytes).await;
        let (told, text) = client.closed().await;
        assert_eq!(told, code, "{text}");
        if let Some(reason) = reason {
            assert_eq!(text, reason);
        }
        assert_eq!(rig.disconnect().await, wide((code, &text)));
    };
    check(&[0x81, 2, b'h', b'i'], 1002, None).await;
    check(&frame(FINAL | BINARY, b"\0"), 1003, None).await;
    check(&frame(FINAL | TEXT, &[0xff]), 1007, None).await;
    let large = "Max frame length of 32768 has been exceeded.";
    check(&header(FINAL | TEXT, 32_769), 1009, Some(large)).await;
    rig.close().await;
}

#[tokio::test]
async fn the_gateway_closes_for_time() {
    let check = async |stage: &str, after: Duration| {
        let rig = Setup::new(chat(stage))
            .manual()
            .function("backend", echo)
            .start()
            .await;
        let mut client = open(&rig).await;
        assert_eq!(client.ask("hi").await, "hi");
        rig.event_of("MESSAGE").await;
        rig.advance(after);
        let (code, reason) = client.closed().await;
        assert_eq!((code, &*reason), AWAY, "{stage}");
        assert_eq!(rig.disconnect().await, wide(AWAY), "{stage}");
        rig.close().await;
    };
    check("{}", Duration::from_secs(600)).await;
    let duration = "{ tidegate: { limits: { idleTimeout: off } } }";
    check(duration, Duration::from_secs(7200)).await;
}

#[tokio::test]
async fn a_backend_closes() {
    let rig = Setup::new(chat("{}"))
        .server("managementAuth: none")
        .function("backend", echo)
        .start()
        .await;
    let client = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    let id = event["requestContext"]["connectionId"].as_str().unwrap();
    let path = format!("/prod/@connections/{id}");
    let delete = http_client::request("DELETE", &path, &[], b"");
    assert_eq!(http_client::send(rig.address(), &delete).await.status, 204);
    let normal = (1000, "Connection Closed Normally");
    let (code, reason) = client.closed().await;
    assert_eq!((code, &*reason), normal);
    assert_eq!(rig.disconnect().await, wide(normal));
    rig.settle(0).await;
    assert_eq!(http_client::send(rig.address(), &delete).await.status, 410);
    rig.close().await;
}

#[tokio::test]
async fn the_gateway_stops() {
    let rig = plain().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(open(&rig).await);
    }
    let ends = async {
        for client in clients {
            let (code, reason) = client.closed().await;
            assert_eq!((code, &*reason), AWAY);
        }
    };
    let services = Arc::clone(rig.gateway.services());
    let Rig {
        gateway, functions, ..
    } = rig;
    soon("the end", async { tokio::join!(gateway.shutdown(), ends) }).await;
    assert_eq!(services.tasks.live(), 0);
    assert_eq!(services.store.local_count(), 0);
    let events = functions["backend"].rest().await;
    assert_eq!(events.len(), 5, "one $disconnect each");
    for event in events {
        let context = &event["requestContext"];
        let told = (
            &context["disconnectStatusCode"],
            &context["disconnectReason"],
        );
        assert_eq!(told, (&json!(1001), &json!("Going away")));
    }
}

#[tokio::test]
async fn a_client_that_does_not_answer_the_close_frame() {
    let rig = plain().await;
    let mut client = open(&rig).await;
    rig.advance(Duration::from_secs(600));
    client.message(CLOSE).await;
    // Nothing that it still says counts.
    client.send("late").await;
    rig.settle_tasks().await;
    assert_eq!(rig.calls("backend"), 1);
    rig.advance(Duration::from_secs(5));
    assert_eq!(rig.disconnect().await, wide(AWAY));
    client.stream.shutdown().await.ok();
    rig.close().await;
}

#[tokio::test]
async fn a_client_that_stays_after_a_breach() {
    let rig = plain().await;
    let mut client = open(&rig).await;
    client.write(&[0xff; 64]).await;
    assert_eq!(client.message(CLOSE).await[..2], status(1002, ""));
    assert_eq!(client.frame().await, None, "the gateway says no more");
    client.send("still here").await;
    rig.settle_tasks().await;
    assert_eq!(rig.calls("backend"), 1);
    rig.advance(Duration::from_secs(5));
    assert_eq!(rig.disconnect().await.0, 1002);
    rig.close().await;
}

#[tokio::test]
async fn what_comes_behind_a_close_frame_is_ignored() {
    let rig = plain().await;
    let mut client = open(&rig).await;
    let mut bytes = frame(FINAL | CLOSE, &status(1000, "done"));
    bytes.extend(frame(FINAL | TEXT, b"late"));
    bytes.extend(frame(FINAL | CLOSE, &status(4000, "again")));
    client.write(&bytes).await;
    assert_eq!(client.message(CLOSE).await, status(1000, ""));
    assert_eq!(client.frame().await, None);
    assert_eq!(rig.disconnect().await, wide((1000, "done")));
    rig.close().await;
}

#[tokio::test]
async fn messages_in_flight_do_not_hold_up_the_end() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("MESSAGE", &gate))
        .start()
        .await;
    let mut client = open(&rig).await;
    client.send("slow").await;
    rig.event_of("MESSAGE").await;
    client.leave().await;
    assert_eq!(rig.disconnect().await.0, 1005);
    // The message goes on to its end, only its reply has nowhere to go.
    gate.add_permits(1);
    rig.close().await;
}

#[tokio::test]
async fn an_ended_connection_cannot_be_reached() {
    let rig = plain().await;
    let client = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    let id = event["requestContext"]["connectionId"].as_str().unwrap();
    assert_eq!(rig.gateway.connections(), 1);
    let large = rig
        .gateway
        .push("chat", "prod", id, vec![b'x'; 131_073])
        .await;
    assert_eq!(large, Err(tidegate::PushError::TooLarge));
    client.leave().await;
    rig.disconnect().await;
    let gone = rig.gateway.push("chat", "prod", id, "late").await;
    assert_eq!(gone, Err(tidegate::PushError::Gone));
    let gone = rig.gateway.close("chat", "prod", id).await;
    assert_eq!(gone, Err(tidegate::PushError::Gone));
    rig.close().await;
}
