//! A whole chat in one process: gateway, backend and page. See README.md beside this file.
//!
//! The backend is a closure that gets the events Lambda would get and pushes through the gateway's own handle. To see
//! the same page over functions written for AWS, run `../chat-lambda`.

mod rooms;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};
use tidegate::{Gateway, PushError, Pusher};

use rooms::{Frame, Rooms};

/// Its `page` is found beside it, wherever the example is started from.
const DEFINITION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/chat/tidegate.yaml");
const API: &str = "chat";
const STAGE: &str = "prod";

/// The backend: what it remembers, and how it reaches people.
#[derive(Default)]
struct Chat {
    rooms: Mutex<Rooms>,
    pusher: OnceLock<Pusher>,
}

impl Chat {
    async fn handle(self: Arc<Self>, event: Value) -> Result<Value, Infallible> {
        let context = &event["requestContext"];
        let connection = context["connectionId"].as_str().unwrap_or_default();
        let now = context["requestTimeEpoch"].as_u64().unwrap_or_default();
        let body = event["body"].as_str().unwrap_or_default();
        let message = serde_json::from_str(body).unwrap_or(Value::Null);
        let frames = {
            let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            match context["routeKey"].as_str().unwrap_or_default() {
                "$connect" => Vec::new(),
                "$disconnect" | "leave" => rooms.leave(connection, now),
                "join" => rooms.join(connection, &message, now),
                "send" => rooms.send(connection, &message, now),
                "rename" => rooms.rename(connection, &message, now),
                _ => vec![Frame::error(
                    connection,
                    "The chat does not know that action.",
                )],
            }
        };
        self.deliver(frames, now).await;
        Ok(json!({ "statusCode": 200 }))
    }

    /// Pushes frames; whoever turns out to be gone leaves, and the others are told.
    async fn deliver(&self, mut frames: Vec<Frame>, now: u64) {
        let Some(pusher) = self.pusher.get() else {
            return;
        };
        while !frames.is_empty() {
            let mut gone = Vec::new();
            for frame in std::mem::take(&mut frames) {
                let text = frame.body.to_string();
                let pushed = pusher.push(API, STAGE, &frame.to, text).await;
                if pushed == Err(PushError::Gone) {
                    gone.push(frame.to);
                }
            }
            let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            frames = gone.iter().flat_map(|id| rooms.leave(id, now)).collect();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let chat = Arc::new(Chat::default());
    let backend = Arc::clone(&chat);
    let gateway = Gateway::builder()
        .definition_file(DEFINITION)
        .function("chat", move |event| Arc::clone(&backend).handle(event))
        .start()
        .await?;
    // Set once, here.
    chat.pusher.set(gateway.pusher()).ok();
    let address = gateway.address();
    println!("The chat is open. In two browser tabs:\n\n    http://{address}/{STAGE}\n");
    println!("Or from a terminal:\n\n    npx wscat -c ws://{address}/{STAGE}");
    println!("    > {{\"action\":\"join\",\"room\":\"lobby\",\"name\":\"Ada\"}}");
    println!("    > {{\"action\":\"send\",\"text\":\"hello\"}}\n\nCtrl-C ends it.");
    tokio::signal::ctrl_c().await?;
    gateway.shutdown().await;
    Ok(())
}
