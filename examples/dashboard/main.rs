//! A live dashboard in one process: gateway, issuer of tokens, backend and page. See README.md beside this file.
//!
//! The backend is two closures, one for each API, that get the events Lambda would get. Once a second it takes a sample and
//! pushes it to every page.

mod board;
#[path = "../issuer/mod.rs"]
mod issuer;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate::base::clock::{Clock as _, SystemClock};
use tidegate::{Gateway, PushError, Pusher};

use board::Board;
use issuer::{Issuer, User};

/// Its `page` is found beside it, wherever the example is started from.
const DEFINITION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/dashboard/tidegate.yaml"
);
const API: &str = "live";
const STAGE: &str = "prod";
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const USERS: &[User] = &[
    User {
        name: "operator",
        scope: "metrics/read metrics/write",
    },
    User {
        name: "viewer",
        scope: "metrics/read",
    },
];

/// The backend: what it knows, and how it reaches the pages.
struct Backend {
    board: Mutex<Board>,
    pusher: OnceLock<Pusher>,
}

impl Backend {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A REST call. Whoever gets here has a token with the right scope, and was not too fast: the gateway saw to it.
    async fn rest(self: Arc<Self>, event: Value) -> Result<Value, Infallible> {
        self.board().count();
        Ok(match event["routeKey"].as_str().unwrap_or_default() {
            "GET /metrics" => self.board().metrics(),
            "PUT /metrics/{name}/threshold" => self.set_threshold(&event).await,
            "GET /report" => {
                let text = self.board().report();
                json!({ "statusCode": 200, "headers": { "content-type": "text/csv" }, "body": text })
            }
            _ => json!({ "done": true }),
        })
    }

    async fn set_threshold(&self, event: &Value) -> Value {
        let name = event["pathParameters"]["name"].as_str();
        let claims = &event["requestContext"]["authorizer"]["jwt"]["claims"];
        let by = claims["sub"].as_str().unwrap_or_default();
        let body = serde_json::from_str(event["body"].as_str().unwrap_or_default());
        let body: Value = body.unwrap_or_default();
        let change = self
            .board()
            .set_threshold(name.unwrap_or_default(), &body, by);
        match change {
            Ok(change) => {
                self.tell_all(&change).await;
                change
            }
            Err((status, text)) => json!({
                "statusCode": status, "headers": { "content-type": "application/json" },
                "body": json!({ "message": text }).to_string(),
            }),
        }
    }

    /// Something about a socket: it comes, it goes, or its page wants to be told.
    async fn live(self: Arc<Self>, event: Value) -> Result<Value, Infallible> {
        let context = &event["requestContext"];
        let connection = context["connectionId"].as_str().unwrap_or_default();
        match context["routeKey"].as_str().unwrap_or_default() {
            "watch" => {
                let missed = self.board().watch(connection);
                self.tell(connection, &missed).await;
            }
            "$disconnect" => self.board().forget(connection),
            _ => {}
        }
        Ok(json!({ "statusCode": 200 }))
    }

    async fn tell_all(&self, what: &Value) {
        let watchers = self.board().watchers();
        for connection in watchers {
            self.tell(&connection, what).await;
        }
    }

    async fn tell(&self, connection: &str, what: &Value) {
        let Some(pusher) = self.pusher.get() else {
            return;
        };
        let pushed = pusher.push(API, STAGE, connection, what.to_string()).await;
        if pushed == Err(PushError::Gone) {
            self.board().forget(connection);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let clock = SystemClock::new();
    let issuer = Issuer::start("dashboard", USERS).await?;
    let backend = Arc::new(Backend {
        board: Mutex::new(Board::new(clock.wall().0)),
        pusher: OnceLock::new(),
    });
    let (rest, live) = (Arc::clone(&backend), Arc::clone(&backend));
    let gateway = Gateway::builder()
        .definition_file(DEFINITION)
        .variable("ISSUER", issuer.url())
        .function("rest", move |event| Arc::clone(&rest).rest(event))
        .function("live", move |event| Arc::clone(&live).live(event))
        .start()
        .await?;
    // Set once, here.
    backend.pusher.set(gateway.pusher()).ok();
    let address = gateway.address();
    println!("The dashboard is open:\n\n    http://{address}/_apis/{API}/{STAGE}\n");
    println!(
        "Log in as operator or viewer; the password is `{}`.",
        issuer::PASSWORD
    );
    println!("Ctrl-C ends it. What follows is the access log.\n");

    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let mut next = clock.now();
    loop {
        next = next.after(SAMPLE_EVERY);
        tokio::select! {
            () = clock.sleep_until(next) => {}
            stopped = &mut stop => break stopped?,
        }
        let sample = backend
            .board()
            .sample(clock.wall().0, gateway.connections());
        backend.tell_all(&sample).await;
    }
    gateway.shutdown().await;
    issuer.shutdown().await;
    Ok(())
}
