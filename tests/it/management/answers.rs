//! What each operation answers when all is well, and when the connection is not there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use super::{call, exception, id_of, join, leave, path_of, setup, signed};
use crate::harness::signer::Signer;
use crate::harness::{Handshake, Response, Setup, WsClient, chat, gated};

const METHODS: [&str; 3] = ["POST", "GET", "DELETE"];

#[tokio::test]
async fn a_push_is_200_without_a_body() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let pushed = call(&rig, "POST", &id, b"hello").await;
    assert_eq!((pushed.status, pushed.text()), (200, ""));
    assert_eq!(pushed.header("content-length"), Some("0"));
    assert_eq!(pushed.header("x-amzn-errortype"), None);
    assert!(pushed.header("x-amzn-requestid").is_some());
    assert_eq!(client.text().await, "hello");
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn a_question_is_answered_with_times_and_identity() {
    let rig = setup("{}").start().await;
    let handshake = Handshake::new("/prod").header("User-Agent", "example-client/1.0");
    let mut client = rig.connect(&handshake).await;
    let id = id_of(&rig.event_of("CONNECT").await);
    let described = call(&rig, "GET", &id, b"").await;
    assert_eq!(described.status, 200);
    assert_eq!(described.header("content-type"), Some("application/json"));
    let expected = json!({
        "connectedAt": "2026-03-12T08:15:30.101Z",
        "identity": { "sourceIp": "127.0.0.1", "userAgent": "example-client/1.0" },
        "lastActiveAt": "2026-03-12T08:15:30.101Z",
    });
    assert_eq!(described.json(), expected);

    // A message from the client is activity.
    rig.advance(Duration::from_millis(12_896));
    assert_eq!(client.ask("hi").await, "hi");
    rig.event_of("MESSAGE").await;
    let described = call(&rig, "GET", &id, b"").await.json();
    assert_eq!(described["connectedAt"], "2026-03-12T08:15:30.101Z");
    assert_eq!(described["lastActiveAt"], "2026-03-12T08:15:42.997Z");

    // So is a push; a question is not.
    rig.advance(Duration::from_millis(3));
    assert_eq!(call(&rig, "POST", &id, b"push").await.status, 200);
    assert_eq!(client.text().await, "push");
    rig.advance(Duration::from_secs(1));
    let described = call(&rig, "GET", &id, b"").await.json();
    assert_eq!(described["lastActiveAt"], "2026-03-12T08:15:43.000Z");
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn an_unknown_user_agent_is_left_out() {
    let rig = setup("{}").start().await;
    let (client, id) = join(&rig).await;
    let described = call(&rig, "GET", &id, b"").await.json();
    assert_eq!(described["identity"], json!({ "sourceIp": "127.0.0.1" }));
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn a_deleted_connection_is_closed_with_1000_after_what_was_queued() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    assert_eq!(call(&rig, "POST", &id, b"last words").await.status, 200);
    let deleted = call(&rig, "DELETE", &id, b"").await;
    assert_eq!((deleted.status, deleted.text()), (204, ""));
    assert_eq!(deleted.header("x-amzn-errortype"), None);
    // From here on the connection is gone for backends, even before the client has answered.
    for method in METHODS {
        let late = call(&rig, method, &id, b"").await;
        assert_eq!(exception(&late, 410, "GoneException"), "", "{method}");
    }
    assert_eq!(client.text().await, "last words");
    let reason = "Connection Closed Normally".to_owned();
    assert_eq!(client.closed().await, (1000, reason.clone()));
    assert_eq!(rig.disconnect().await, (1000, reason));
    rig.close().await;
}

/// Everything of an answer but what differs in any two answers.
fn comparable(response: &Response) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let varying = ["date", "x-amzn-requestid", "x-amz-apigw-id"];
    let headers = response.headers.iter();
    let headers = headers
        .filter(|(name, _)| !varying.contains(&&**name))
        .cloned();
    (response.status, headers.collect(), response.body.clone())
}

#[tokio::test]
async fn gone_is_gone_whatever_the_reason() {
    let two_apis = format!(
        "{}{}",
        super::credentials(),
        chat("{}").replace("prod: {}", "prod: {}\n      beta: {}")
    ) + &chat("{}").replace("apis:\n  chat:", "  other:");
    let rig = Setup::new(two_apis)
        .function("backend", crate::harness::echo)
        .manual()
        .start()
        .await;
    let at = |path: String| Handshake::new(&path);
    let client = rig.connect(&at("/_apis/chat/prod".into())).await;
    let id = id_of(&rig.event_of("CONNECT").await);
    let closed = rig.connect(&at("/_apis/chat/prod".into())).await;
    let closed_id = id_of(&rig.event_of("CONNECT").await);
    closed.leave().await;
    rig.disconnect().await;
    rig.settle(1).await;

    let cases = [
        ("closed", "chat/prod", closed_id.as_str()),
        ("never existed", "chat/prod", "Zk3bXfH2DoECJ0w="),
        ("another stage", "chat/beta", &id),
        ("another API", "other/prod", &id),
        ("no trailing equals sign", "chat/prod", "Zk3bXfH2DoECJ0wA"),
    ];
    for method in METHODS {
        let mut seen = Vec::new();
        for (case, stage, id) in cases {
            let path = format!("/_apis/{stage}/@connections/{}", id.replace('=', "%3D"));
            let gone = signed(&Signer::default(), rig.address(), method, &path, b"x").await;
            assert_eq!(
                exception(&gone, 410, "GoneException"),
                "",
                "{method} {case}"
            );
            seen.push(comparable(&gone));
        }
        assert!(
            seen.windows(2).all(|two| two[0] == two[1]),
            "{method}: {seen:#?}"
        );
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn a_connection_is_gone_until_connect_has_answered() {
    let gate = Arc::new(Semaphore::new(0));
    let definition = format!("{}{}", super::credentials(), chat("{}"));
    let rig = Setup::new(definition)
        .manual()
        .function("backend", gated("CONNECT", &gate))
        .start()
        .await;
    let opening = tokio::spawn(open(rig.address()));
    let id = id_of(&rig.event_of("CONNECT").await);
    for method in METHODS {
        let early = call(&rig, method, &id, b"x").await;
        assert_eq!(exception(&early, 410, "GoneException"), "", "{method}");
    }
    gate.add_permits(1);
    let mut client = opening.await.unwrap().unwrap();
    assert_eq!(call(&rig, "POST", &id, b"now").await.status, 200);
    assert_eq!(client.text().await, "now");
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn only_the_shape_of_an_id_is_a_bad_request() {
    let rig = setup("{}").start().await;
    let cases = [
        ("x", "x"),
        ("Zk3bXfH2DoECJ0w", "Zk3bXfH2DoECJ0w"),
        ("Zk3bXfH2DoECJ0w%3D%3D", "Zk3bXfH2DoECJ0w=="),
        ("Zk3bXfH2DoECJ%2Bw%3D", "Zk3bXfH2DoECJ+w="),
        ("Zk3bXfH2DoECJ0w%3D/more", "Zk3bXfH2DoECJ0w=/more"),
        ("%C3%A4", "ä"),
        ("%22%5C", "\"\\"),
    ];
    for (id, shown) in cases {
        for method in METHODS {
            let path = format!("/prod/@connections/{id}");
            let refused = signed(&Signer::default(), rig.address(), method, &path, b"").await;
            let message = exception(&refused, 400, "BadRequestException");
            assert_eq!(
                message,
                format!("Invalid connectionId: {shown}"),
                "{method}"
            );
        }
    }
    rig.close().await;
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let rig = setup("{}").start().await;
    let (client, id) = join(&rig).await;
    for method in ["PUT", "PATCH", "OPTIONS"] {
        let refused = signed(
            &Signer::default(),
            rig.address(),
            method,
            &path_of(&id),
            b"",
        )
        .await;
        assert_eq!(refused.status, 405, "{method}");
        assert!(refused.header("x-amzn-errortype").is_some());
    }
    leave(&rig, client).await;
    rig.close().await;
}

async fn open(address: std::net::SocketAddr) -> Result<WsClient, Response> {
    WsClient::open(address, &Handshake::new("/prod")).await
}
