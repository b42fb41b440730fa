//! A client that nobody here wrote has an ordinary conversation.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};

use crate::harness::{Setup, chat, echo, soon};

#[tokio::test]
async fn connect_say_hear_and_leave() {
    let rig = Setup::new(chat("{}"))
        .function("backend", |event: Value| async move {
            let mut output = echo(event.clone()).await?;
            output["headers"] = json!({ "Sec-WebSocket-Protocol": "chat.v2" });
            Ok(output)
        })
        .start()
        .await;
    let url = format!("ws://{}/prod?name=ada", rig.address());
    let request = ClientRequestBuilder::new(url.parse().unwrap())
        .with_sub_protocol("chat.v1")
        .with_sub_protocol("chat.v2");
    let (mut socket, response) = soon("the handshake", connect_async(request)).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat.v2");
    let connect = rig.event_of("CONNECT").await;
    assert_eq!(connect["queryStringParameters"], json!({ "name": "ada" }));
    let id = connect["requestContext"]["connectionId"].as_str().unwrap();

    socket.send(Message::text("hello")).await.unwrap();
    let heard = soon("a reply", socket.next()).await.unwrap().unwrap();
    assert_eq!(heard, Message::text("hello"));
    assert_eq!(rig.event_of("MESSAGE").await["body"], "hello");

    rig.gateway
        .push("chat", "prod", id, "pushed")
        .await
        .unwrap();
    let heard = soon("a push", socket.next()).await.unwrap().unwrap();
    assert_eq!(heard, Message::text("pushed"));
    let bytes: &[u8] = &[0xff, 0];
    rig.gateway.push("chat", "prod", id, bytes).await.unwrap();
    let heard = soon("a push", socket.next()).await.unwrap().unwrap();
    assert_eq!(heard, Message::binary(bytes));

    let close = CloseFrame {
        code: CloseCode::Normal,
        reason: "bye".into(),
    };
    socket.close(Some(close)).await.unwrap();
    while let Some(Ok(message)) = soon("the end", socket.next()).await {
        assert!(message.is_close(), "{message}");
    }
    assert_eq!(rig.disconnect().await, (1000, "bye".into()));
    rig.close().await;
}

#[tokio::test]
async fn a_refusal_is_an_http_error() {
    let rig = Setup::new(chat("{}"))
        .function("backend", |_| async {
            Ok(json!({ "statusCode": 401, "body": "who?" }))
        })
        .start()
        .await;
    let url = format!("ws://{}/prod", rig.address());
    match soon("the handshake", connect_async(url)).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 401);
            assert_eq!(response.body().as_deref(), Some(&b"who?"[..]));
        }
        other => panic!("{other:?}"),
    }
    rig.event_of("CONNECT").await;
    rig.close().await;
}
