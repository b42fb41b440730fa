//! The phases that an exchange goes through, as the pipeline tells them, against the list in the code.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tidegate::exchange::Phase;
use tracing::level_filters::LevelFilter;

use super::{ask, shop};
use crate::harness::{Setup, answers, chat, echo};

/// Everything that is logged while it lives.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<u8>>>);

impl io::Write for Everything {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Everything {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// The phases in the order in which they began.
    fn phases(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains("a phase begins"));
        let phase = |line: &str| {
            let (_, rest) = line.split_once("phase=").unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        lines.map(phase).collect()
    }
}

fn the_list() -> Vec<String> {
    let names = Phase::ALL.iter().map(|phase| format!("{phase:?}"));
    names.collect()
}

#[tokio::test]
async fn a_request_goes_through_the_list() {
    let lines = r#"    routes: { "GET /": { target: integrations/f } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
"#;
    let rig = Setup::new(shop(lines))
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let log = Everything::default();
    let listening = log.listen();
    assert_eq!(ask(&rig, "GET", "/", &[]).await.status, 200);
    drop(listening);
    assert_eq!(log.phases(), the_list());
    rig.event("backend").await;
    rig.close().await;
}

#[tokio::test]
async fn a_message_goes_through_the_list() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    let log = Everything::default();
    let listening = log.listen();
    client.ask(r#"{"action":"ask"}"#).await;
    drop(listening);
    assert_eq!(log.phases(), the_list());
    rig.event_of("MESSAGE").await;
    client.leave().await;
    rig.event_of("DISCONNECT").await;
    rig.close().await;
}
