//! Functions as real processes: a small runtime in Python whose events say what to do (`tests/fixtures/runtime.py`).

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

#[tokio::test]
async fn a_process_stays_warm_through_answers_and_errors() {
    let rig = Rig::new(vec![chat()]);
    let first = rig.pid("chat").await;
    for event in [json!({"a": [1, "ü"]}), json!([]), json!(null)] {
        assert_eq!(rig.invoke("chat", event.clone()).await, Ok(event));
    }
    let raise = json!({"do": "raise", "message": "Unauthorized"});
    let error = rig.invoke("chat", raise).await.unwrap_err();
    assert!(error.says_unauthorized());
    let FunctionError::Unhandled(failure) = error else {
        panic!("{error}")
    };
    assert_eq!(failure.error_type, "Error");
    assert!(failure.payload.ends_with(br#""trace": ["here"]}"#));
    assert_eq!(rig.pid("chat").await, first);
    rig.finish().await;
    assert!(!alive(first));
}

#[tokio::test]
async fn a_function_is_told_what_lambda_tells_and_nothing_of_the_gateway() {
    let rig = Rig::new(vec![chat()]);
    let told = rig.invoke("chat", json!({"do": "told"})).await.unwrap();
    let environment = &told["environment"];
    assert_eq!(environment["_HANDLER"], "index.handler");
    assert_eq!(environment["LOG_LEVEL"], "info");
    assert_eq!(environment["AWS_ACCESS_KEY_ID"], "AKIDMINTED");
    assert_eq!(environment["LAMBDA_TASK_ROOT"], env!("CARGO_MANIFEST_DIR"));
    let log_stream = environment["AWS_LAMBDA_LOG_STREAM_NAME"].as_str().unwrap();
    assert_eq!(
        log_stream.len(),
        "2026/11/21/[$LATEST]".len() + 32,
        "{log_stream}"
    );
    // Cargo sets the last two for every test, a login the others.
    for name in ["HOME", "USER", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
        assert_eq!(environment[name], Value::Null, "{name}");
    }
    assert_eq!(told["directory"], env!("CARGO_MANIFEST_DIR"));
    let headers = &told["headers"];
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(
        headers["lambda-runtime-invoked-function-arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:chat"
    );
    assert_eq!(
        headers["lambda-runtime-trace-id"],
        "Root=1-66a1b2c3-0123456789abcdef01234567"
    );
    let id = headers["lambda-runtime-aws-request-id"].as_str().unwrap();
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(id.as_bytes()[14], b'4', "{id}");
    let deadline: f64 = headers["lambda-runtime-deadline-ms"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let left = deadline - told["now"].as_f64().unwrap();
    assert!(left > 0.0 && left <= LONG.as_millis() as f64, "{left}");
    rig.finish().await;
}

#[tokio::test]
async fn a_trace_id_that_is_no_header_value_is_left_out() {
    let rig = Rig::new(vec![chat()]);
    let mut invocation = invocation(Bytes::from(r#"{"do":"told"}"#), LONG);
    invocation.trace_id = Some("Root=1\r\nx-evil: 1".to_owned());
    let answer = rig.functions.invoke("chat", invocation).await.unwrap();
    let told: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(told["headers"]["lambda-runtime-trace-id"], Value::Null);
    assert_eq!(told["headers"]["x-evil"], Value::Null);
    rig.finish().await;
}

#[tokio::test]
async fn a_process_that_dies_at_work_fails_its_event_and_is_replaced() {
    let rig = Rig::new(vec![chat()]);
    for (event, message) in [
        (
            json!({"do": "die", "code": 3}),
            "RequestId: ID Error: Runtime exited with error: exit status 3",
        ),
        (
            json!({"do": "die", "code": 0}),
            "RequestId: ID Error: Runtime exited without providing a reason",
        ),
        (
            json!({"do": "kill"}),
            "RequestId: ID Error: Runtime exited with error: signal: 9 (SIGKILL)",
        ),
    ] {
        let before = rig.pid("chat").await;
        let outcome = rig.invoke("chat", event).await;
        assert_eq!(failure(outcome), failed("Runtime.ExitError", message));
        assert_ne!(rig.pid("chat").await, before);
    }
    rig.finish().await;
}

#[tokio::test]
async fn a_process_that_exits_between_events_costs_none() {
    let rig = Rig::new(vec![chat()]);
    for _ in 0..3 {
        let event = json!({"do": "echo", "then": "exit"});
        assert_eq!(rig.invoke("chat", event.clone()).await, Ok(event));
    }
    rig.finish().await;
}

#[tokio::test]
async fn a_function_that_cannot_start_says_why() {
    for (way, expected) in [
        (
            "exit",
            failed(
                "Runtime.ExitError",
                "RequestId: ID Error: Runtime exited with error: exit status 7",
            ),
        ),
        (
            "init-error",
            failed("Runtime.ImportModuleError", "No module named index"),
        ),
        ("init-error-and-stay", failed("Runtime.Stubborn", "")),
    ] {
        let rig = Rig::new(vec![function("chat", &[way])]);
        assert_eq!(
            failure(rig.invoke("chat", json!({})).await),
            expected,
            "{way}"
        );
        rig.finish().await;
    }
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_unavailable() {
    let nowhere = PathBuf::from("/nonexistent/directory");
    for (broken, reason) in [
        (
            FunctionSettings {
                command: vec!["no-such-program".to_owned()],
                ..chat()
            },
            "no-such-program",
        ),
        (
            FunctionSettings {
                command: vec!["./no/such/file".to_owned()],
                ..chat()
            },
            "./no/such/file",
        ),
        (
            FunctionSettings {
                command: vec![],
                ..chat()
            },
            "command is empty",
        ),
        (
            FunctionSettings {
                working_directory: nowhere,
                ..chat()
            },
            "not a directory",
        ),
    ] {
        let rig = Rig::new(vec![broken]);
        let error = rig.invoke("chat", json!({})).await.unwrap_err();
        assert!(
            matches!(error, FunctionError::Unavailable { status: None, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(reason), "{error}");
        rig.finish().await;
    }
}

#[tokio::test]
async fn a_function_is_started_again_after_a_pause() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("started");
    let rig = Rig::new(vec![function(
        "chat",
        &["once-fail", mark.to_str().unwrap()],
    )]);
    failure(rig.invoke("chat", json!({})).await);
    assert_eq!(rig.invoke("chat", json!(1)).await, Ok(json!(1)));
    rig.finish().await;
}

#[tokio::test]
async fn an_event_that_cannot_outlast_the_pause_fails_at_once() {
    let clock = ManualClock::new(EpochMillis(0));
    let rig = Rig::timed(clock, vec![function("chat", &["exit"])]);
    failure(rig.invoke("chat", json!({})).await);
    let hasty = Duration::from_millis(99);
    let error = rig
        .invoke_within(hasty, "chat", json!({}))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("keeps failing"), "{error}");
    rig.finish().await;
}

#[tokio::test]
async fn a_function_that_runs_into_its_timeout_is_killed() {
    let clock = ManualClock::new(EpochMillis(0));
    let timeout = Duration::from_millis(2500);
    let rig = Rig::timed(clock.clone(), vec![FunctionSettings { timeout, ..chat() }]);
    let meeting = Meeting::new().await;
    let outcome = rig.begin("chat", meeting.event());
    let guest = meeting.guest().await;
    clock.advance(timeout);
    assert_eq!(
        failure(outcome.await.unwrap().unwrap()),
        failed(
            "Sandbox.Timedout",
            "RequestId: ID Error: Task timed out after 2.50 seconds"
        )
    );
    guest.gone().await;
    assert_eq!(rig.invoke("chat", json!(1)).await, Ok(json!(1)));
    rig.finish().await;
}

#[tokio::test]
async fn a_short_timeout_works_on_the_real_clock() {
    let timeout = Duration::from_millis(200);
    let rig = Rig::new(vec![FunctionSettings { timeout, ..chat() }]);
    let outcome = rig.invoke("chat", json!({"do": "hang"})).await;
    let expected = "RequestId: ID Error: Task timed out after 0.20 seconds";
    assert_eq!(failure(outcome), failed("Sandbox.Timedout", expected));
    rig.finish().await;
}

#[tokio::test]
async fn a_process_that_never_asks_for_an_event_is_killed() {
    let clock = ManualClock::new(EpochMillis(0));
    let meeting = Meeting::new().await;
    let silent = function("chat", &["silent", &meeting.port.to_string()]);
    let timeout = Duration::from_secs(3);
    let rig = Rig::timed(clock.clone(), vec![FunctionSettings { timeout, ..silent }]);
    let outcome = rig.begin("chat", json!({}));
    let guest = meeting.guest().await;
    clock.advance(Duration::from_millis(9_999));
    assert!(!outcome.is_finished());
    clock.advance(Duration::from_millis(1));
    assert_eq!(
        failure(outcome.await.unwrap().unwrap()),
        failed(
            "Sandbox.Timedout",
            "RequestId: ID Error: Task timed out after 10.00 seconds"
        )
    );
    guest.gone().await;
    rig.finish().await;
}

#[tokio::test]
async fn a_caller_that_stops_waiting_does_not_stop_the_function() {
    let clock = ManualClock::new(EpochMillis(0));
    let rig = Rig::timed(clock.clone(), vec![chat()]);
    let warm = rig.pid("chat").await;
    let meeting = Meeting::new().await;
    let (caller, event) = (rig.clone(), meeting.event());
    let outcome = Tasks::new().spawn("caller", async move {
        caller
            .invoke_within(Duration::from_secs(1), "chat", event)
            .await
    });
    let guest = meeting.guest().await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        outcome.await.unwrap().unwrap(),
        Err(FunctionError::TimedOut)
    );
    guest.release().await;
    assert_eq!(rig.pid("chat").await, warm);
    rig.finish().await;
}

#[tokio::test]
async fn a_group_dies_with_its_leader() {
    for then in ["exit", "be killed"] {
        let rig = Rig::new(vec![chat()]);
        let (meeting, leaders) = (Meeting::new().await, Meeting::new().await);
        let event = json!({"do": "fork", "port": meeting.port, "meet": leaders.port, "then": then});
        let outcome = rig.begin("chat", event);
        let grandchild = meeting.guest().await;
        assert_eq!(grandchild.said, "here");
        if then == "exit" {
            leaders.guest().await.release().await;
            let how = "RequestId: ID Error: Runtime exited without providing a reason";
            assert_eq!(
                failure(outcome.await.unwrap().unwrap()),
                failed("Runtime.ExitError", how)
            );
            grandchild.gone().await;
            rig.finish().await;
        } else {
            rig.finish().await;
            let error = outcome.await.unwrap().unwrap().unwrap_err();
            assert_eq!(error, shutting_down());
            grandchild.gone().await;
        }
    }
}

#[tokio::test]
async fn events_run_in_parallel_up_to_the_reserved_concurrency() {
    let rig = Rig::new(vec![FunctionSettings {
        reserved_concurrency: 2,
        ..chat()
    }]);
    let meeting = Meeting::new().await;
    let first = rig.begin("chat", meeting.event());
    let second = rig.begin("chat", meeting.event());
    let (one, two) = (meeting.guest().await, meeting.guest().await);
    assert_ne!(one.said, two.said);
    let third = rig.begin("chat", meeting.event());
    let before = one.said.clone();
    one.release().await;
    // It could only come once a process was free, and that is the one that was released.
    let three = meeting.guest().await;
    assert_eq!(three.said, before);
    two.release().await;
    three.release().await;
    for outcome in [first, second, third] {
        outcome.await.unwrap().unwrap().unwrap();
    }
    rig.finish().await;
}

/// Lets one event occupy the only process and many others of this payload wait; gives back how many are let in.
async fn crowd(payload: usize, arrivals: usize) -> usize {
    let rig = Rig::new(vec![chat()]);
    let meeting = Meeting::new().await;
    let busy = rig.begin("chat", meeting.event());
    let guest = meeting.guest().await;
    let payload = Bytes::from(vec![b' '; payload]);
    let mut waiting = Vec::new();
    for _ in 0..arrivals {
        let invocation = invocation(payload.clone(), LONG);
        let functions = rig.functions.clone();
        let mut call = Box::pin(async move { functions.invoke("chat", invocation).await });
        match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
            Poll::Pending => waiting.push(call),
            Poll::Ready(result) => {
                let error = result.unwrap_err();
                assert!(matches!(error, FunctionError::Throttled { .. }), "{error}");
            }
        }
    }
    let admitted = waiting.len();
    drop(waiting);
    guest.release().await;
    busy.await.unwrap().unwrap().unwrap();
    // Nobody waits any more, so that there is room again.
    rig.invoke("chat", json!({})).await.unwrap();
    rig.finish().await;
    admitted
}

#[tokio::test]
async fn the_queue_is_bounded_in_events_and_bytes() {
    assert_eq!(crowd(2, 1100).await, pool::WAITING_EVENTS);
    assert_eq!(crowd(LAMBDA_PAYLOAD_BYTES, 20).await, 10);
}

#[tokio::test]
async fn those_who_wait_are_told_of_the_shutdown() {
    let rig = Rig::new(vec![chat()]);
    let meeting = Meeting::new().await;
    let busy = rig.begin("chat", meeting.event());
    let guest = meeting.guest().await;
    let mut waiting = pin!(rig.invoke("chat", json!({})));
    let pending = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await;
    assert!(pending);
    rig.functions.shutdown().await;
    assert_eq!(waiting.await, Err(shutting_down()));
    assert_eq!(busy.await.unwrap().unwrap(), Err(shutting_down()));
    guest.gone().await;
    rig.clone().finish().await;
}

#[tokio::test]
async fn payloads_are_limited_both_ways() {
    let rig = Rig::new(vec![chat()]);
    let warm = rig.pid("chat").await;
    // Two bytes are the quotation marks of a JSON string.
    let most = json!({"do": "size", "bytes": LAMBDA_PAYLOAD_BYTES - 2});
    let answer = rig.invoke("chat", most).await.unwrap();
    assert_eq!(
        answer.as_str().map(str::len),
        Some(LAMBDA_PAYLOAD_BYTES - 2)
    );
    for bytes in [LAMBDA_PAYLOAD_BYTES - 1, 5 * LAMBDA_PAYLOAD_BYTES] {
        let outcome = rig
            .invoke("chat", json!({"do": "size", "bytes": bytes}))
            .await;
        assert_eq!(outcome, Err(FunctionError::ResponseTooLarge));
    }
    let event = json!("x".repeat(LAMBDA_PAYLOAD_BYTES - 2));
    assert_eq!(rig.invoke("chat", event.clone()).await, Ok(event));
    let outcome = rig
        .invoke("chat", json!("x".repeat(LAMBDA_PAYLOAD_BYTES - 1)))
        .await;
    assert_eq!(outcome, Err(FunctionError::RequestTooLarge));
    assert_eq!(rig.pid("chat").await, warm);
    rig.finish().await;
}

/// A log that keeps only figures.
#[derive(Clone, Default)]
struct Figures {
    lines: Arc<AtomicUsize>,
    truncated: Arc<AtomicUsize>,
    longest: Arc<AtomicUsize>,
}

impl std::io::Write for Figures {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        if text.contains(r#""target":"function""#) {
            assert!(
                text.contains(r#""function":"chat","request_id":"gateway-request","stream":"std"#),
                "{text}"
            );
            self.lines.fetch_add(1, Ordering::Relaxed);
            self.truncated.fetch_add(
                usize::from(text.contains(r#""truncated":true"#)),
                Ordering::Relaxed,
            );
            self.longest.fetch_max(event.len(), Ordering::Relaxed);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn output_goes_to_the_log_in_bounded_lines() {
    let figures = Figures::default();
    let writer = figures.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let rig = Rig::new(vec![chat()]);
    let answer = rig.invoke("chat", json!({"do": "flood"})).await;
    assert_eq!(answer, Ok(json!("done")));
    rig.finish().await;
    drop(guard);
    assert_eq!(figures.lines.load(Ordering::Relaxed), 20_001);
    assert_eq!(figures.truncated.load(Ordering::Relaxed), 1);
    assert!(figures.longest.load(Ordering::Relaxed) < 17 * 1024);
}

#[tokio::test]
async fn wrong_calls_of_the_runtime_api_are_refused_and_disturb_nothing() {
    let rig = Rig::new(vec![chat()]);
    let seen = rig.invoke("chat", json!({"do": "garbage"})).await.unwrap();
    let expected = json!([
        [403, "InvalidStateTransition"],
        [400, "InvalidRequestID"],
        [400, "InvalidRequestID"],
        [400, "InvalidRequestID"],
        [403, "InvalidStateTransition"],
        [405, "MethodNotAllowed"],
        [405, "MethodNotAllowed"],
        [404, "NotFound"],
        [404, "NotFound"],
    ]);
    assert_eq!(seen, expected);
    rig.finish().await;
}

#[tokio::test]
async fn streamed_answers_are_collected() {
    let rig = Rig::new(vec![chat()]);
    let whole = json!({"do": "stream", "chunks": ["{\"a\"", ":1}"]});
    assert_eq!(rig.invoke("chat", whole).await, Ok(json!({"a": 1})));
    // {"errorMessage":"midway","errorType":"Broken"} in base64.
    let trailers = json!({
        "Lambda-Runtime-Function-Error-Type": "Fallback",
        "Lambda-Runtime-Function-Error-Body": "eyJlcnJvck1lc3NhZ2UiOiJtaWR3YXkiLCJlcnJvclR5cGUiOiJCcm9rZW4ifQ==",
    });
    let broken = json!({"do": "stream", "chunks": ["{\"a\""], "trailers": trailers});
    assert_eq!(
        failure(rig.invoke("chat", broken).await),
        failed("Broken", "midway")
    );
    rig.finish().await;
}

#[tokio::test]
async fn a_reload_keeps_what_has_not_changed() {
    let (kept, changed, removed) = (
        function("kept", &[]),
        function("changed", &[]),
        function("removed", &[]),
    );
    let rig = Rig::new(vec![kept.clone(), changed.clone(), removed]);
    let before = (rig.pid("kept").await, rig.pid("changed").await);
    let meeting = Meeting::new().await;
    let at_work = rig.begin("removed", meeting.event());
    let guest = meeting.guest().await;
    let louder = FunctionSettings {
        memory_size: 512,
        ..changed
    };
    rig.functions.reload(vec![kept, louder]);
    let after = (rig.pid("kept").await, rig.pid("changed").await);
    assert_eq!(after.0, before.0);
    assert_ne!(after.1, before.1);
    let told = rig.invoke("changed", json!({"do": "told"})).await.unwrap();
    assert_eq!(
        told["environment"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        "512"
    );
    let gone = rig.invoke("removed", json!({})).await.unwrap_err();
    assert!(
        gone.to_string()
            .contains("there is no function named removed"),
        "{gone}"
    );
    let (functions, worker) = (
        &rig.functions,
        pid(&guest.said.trim().parse::<i64>().unwrap().into()),
    );
    assert!(functions.contains("kept") && !functions.contains("removed"));
    guest.release().await;
    at_work.await.unwrap().unwrap().unwrap();
    // Both replaced processes end by themselves; only the two in use are left.
    functions.host.processes.at_most(2).await;
    assert!(!alive(worker) && !alive(before.1));
    rig.finish().await;
}

#[tokio::test]
async fn closures_are_functions_too() {
    let rig = Rig::new(vec![chat()]);
    let register =
        |name: &str, call: fn(Bytes) -> BoxFuture<'static, Result<Bytes, FunctionError>>| {
            rig.functions.register(name, Arc::new(call));
        };
    register("chat", |event| Box::pin(async { Ok(event) }));
    register("fails", |_| {
        Box::pin(async { Err(FunctionError::failed("Error", "Unauthorized")) })
    });
    register("panics", |event| {
        Box::pin(async move { panic!("{} bytes", event.len()) })
    });
    register("hangs", |_| Box::pin(std::future::pending()));
    register("large", |_| {
        Box::pin(async { Ok(Bytes::from(vec![0; LAMBDA_PAYLOAD_BYTES + 1])) })
    });
    assert_eq!(rig.invoke("chat", json!([1])).await, Ok(json!([1])));
    assert!(
        rig.invoke("fails", json!({}))
            .await
            .unwrap_err()
            .says_unauthorized()
    );
    assert_eq!(
        failure(rig.invoke("panics", json!({})).await),
        failed("Runtime.ExitError", "the function panicked")
    );
    let outcome = rig.invoke_within(Duration::ZERO, "hangs", json!({})).await;
    assert_eq!(outcome, Err(FunctionError::TimedOut));
    assert_eq!(
        rig.invoke("large", json!({})).await,
        Err(FunctionError::ResponseTooLarge)
    );
    rig.finish().await;
}
