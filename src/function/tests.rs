//! Functions as real processes: a small runtime in Python whose events say what to do (`tests/fixtures/runtime.py`).

mod events;
mod life;
mod load;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use aws_credential_types::Credentials;
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::base::clock::{EpochMillis, ManualClock, SystemClock};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/runtime.py");
const LONG: Duration = Duration::from_secs(60);

/// Functions under test and what they run on.
#[derive(Clone)]
struct Rig {
    functions: Arc<Functions>,
    tasks: Tasks,
}

type Outcome = Result<Value, FunctionError>;

impl Rig {
    fn new(functions: Vec<FunctionSettings>) -> Self {
        Self::timed(Arc::new(SystemClock::new()), functions)
    }

    fn timed(clock: Arc<dyn Clock>, functions: Vec<FunctionSettings>) -> Self {
        let host = HostSettings {
            region: "eu-west-1".to_owned(),
            account_id: "123456789012".to_owned(),
            credentials: Some(Credentials::from_keys("AKIDMINTED", "minted", None)),
            environment: BTreeMap::from([("PATH".to_owned(), env!("PATH").to_owned())]),
        };
        let tasks = Tasks::new();
        let functions = Functions::new(clock, tasks.clone(), host, functions);
        Self {
            functions: Arc::new(functions),
            tasks,
        }
    }

    async fn invoke(&self, name: &str, event: Value) -> Outcome {
        self.invoke_within(LONG, name, event).await
    }

    async fn invoke_within(&self, deadline: Duration, name: &str, event: Value) -> Outcome {
        let invocation = invocation(Bytes::from(event.to_string()), deadline);
        let answer = self.functions.invoke(name, invocation).await?;
        assert_eq!(answer.status, 200);
        Ok(serde_json::from_slice(&answer.payload).unwrap())
    }

    /// Invokes without waiting for the answer.
    fn begin(&self, name: &'static str, event: Value) -> JoinHandle<Option<Outcome>> {
        let rig = self.clone();
        Tasks::new().spawn("invocation", async move { rig.invoke(name, event).await })
    }

    async fn pid(&self, name: &str) -> Pid {
        let told = self.invoke(name, json!({"do": "told"})).await.unwrap();
        pid(&told["pid"])
    }

    /// Shuts down and makes sure that no task is left behind.
    async fn finish(self) {
        self.functions.shutdown().await;
        self.tasks.idle().await;
        let refused = self.invoke("chat", json!({})).await.unwrap_err();
        assert!(
            matches!(refused, FunctionError::Unavailable { .. }),
            "{refused}"
        );
    }
}

fn invocation(payload: Bytes, deadline: Duration) -> Invocation {
    Invocation {
        request_id: "gateway-request".to_owned(),
        payload,
        deadline,
        trace_id: Some("Root=1-66a1b2c3-0123456789abcdef01234567".to_owned()),
    }
}

fn function(name: &str, arguments: &[&str]) -> FunctionSettings {
    let command = ["python3", FIXTURE].iter().chain(arguments);
    FunctionSettings {
        name: name.to_owned(),
        command: command.map(|part| (*part).to_owned()).collect(),
        handler: Some("index.handler".to_owned()),
        working_directory: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        environment: BTreeMap::from([("LOG_LEVEL".to_owned(), "info".to_owned())]),
        timeout: LONG,
        memory_size: 256,
        reserved_concurrency: 1,
    }
}

fn chat() -> FunctionSettings {
    function("chat", &[])
}

fn pid(value: &Value) -> Pid {
    Pid::from_raw(i32::try_from(value.as_i64().unwrap()).unwrap()).unwrap()
}

fn alive(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

/// Type and message of a failure; the request id, which differs every time, is written as `ID`.
fn failure(outcome: Outcome) -> (String, String) {
    match outcome.unwrap_err() {
        FunctionError::Unhandled(failure) => {
            let words = failure.message.split(' ');
            let anonymous = words.map(|word| if word.len() == 36 { "ID" } else { word });
            (failure.error_type, anonymous.collect::<Vec<_>>().join(" "))
        }
        other => panic!("{other:?}"),
    }
}

fn failed(error_type: &str, message: &str) -> (String, String) {
    (error_type.to_owned(), message.to_owned())
}

/// Where processes come to tell that they are at work.
struct Meeting {
    listener: TcpListener,
    port: u16,
}

struct Guest {
    stream: TcpStream,
    said: String,
}

impl Meeting {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    fn event(&self) -> Value {
        json!({"do": "rendezvous", "port": self.port})
    }

    async fn guest(&self) -> Guest {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut said = [0; 32];
        let length = stream.read(&mut said).await.unwrap();
        let said = String::from_utf8_lossy(&said[..length]).into_owned();
        Guest { stream, said }
    }
}

impl Guest {
    async fn release(mut self) {
        self.stream.write_all(b"!").await.unwrap();
    }

    /// Completes when the other process is gone.
    async fn gone(mut self) {
        let mut rest = [0; 1];
        assert!(matches!(self.stream.read(&mut rest).await, Ok(0) | Err(_)));
    }
}
