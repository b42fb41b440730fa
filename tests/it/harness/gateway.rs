//! A gateway on port 0 with functions of this process that record every event they get.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tidegate::base::clock::{EpochMillis, ManualClock};
use tidegate::{Gateway, StartError};
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::log::Log;
use super::{Handshake, WsClient, eventually, soon};

/// When the manual clock starts: 2026-03-12T08:15:30.101Z.
pub(crate) const START: u64 = 1_773_303_330_101;
/// What `START` is in an event's `requestTime`.
pub(crate) const START_CLF: &str = "12/Mar/2026:08:15:30 +0000";
/// Tasks of a gateway that nobody is connected to: the listener of its clients.
pub(crate) const IDLE_TASKS: usize = 1;

type Script = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// A gateway that is about to be started.
pub(crate) struct Setup {
    server: Vec<String>,
    definition: String,
    clock: Option<Arc<ManualClock>>,
    functions: BTreeMap<String, Script>,
    aws: Option<Credentials>,
}

/// A running gateway with everything a test wants to know about it.
pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) clock: Option<Arc<ManualClock>>,
    pub(crate) functions: BTreeMap<String, Events>,
    log: Log,
}

/// The events that one function got.
pub(crate) struct Events {
    seen: Arc<AtomicUsize>,
    unread: Mutex<mpsc::UnboundedReceiver<Value>>,
}

/// A definition of one API `chat` whose routes lead to the function `backend`: `$connect`, `$disconnect`, `$default` and
/// the two-way `ask` and one-way `tell`. `stage` is the body of the stage `prod` in YAML's flow style.
pub(crate) fn chat(stage: &str) -> String {
    let text = r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: { target: integrations/backend }
      $disconnect: { target: integrations/backend }
      $default: { target: integrations/backend, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } }
      ask: { target: integrations/backend, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } }
      tell: { target: integrations/backend }
    integrations:
      backend: { integrationType: AWS_PROXY, integrationUri: "function:backend" }
    stages:
      prod: STAGE
"#;
    text.replace("STAGE", stage)
}

/// A script that always answers the same.
pub(crate) fn answers(
    output: Value,
) -> impl Fn(Value) -> futures_util::future::Ready<Result<Value, String>> {
    move |_| futures_util::future::ready(Ok(output.clone()))
}

/// A script that accepts everyone and answers each message with itself.
pub(crate) fn echo(event: Value) -> futures_util::future::Ready<Result<Value, String>> {
    let mut output = json!({ "statusCode": 200 });
    if let Some(body) = event.get("body") {
        output["body"] = body.clone();
    }
    futures_util::future::ready(Ok(output))
}

/// [`echo`], but events of this kind wait for a permit of `gate` each.
pub(crate) fn gated(
    event_type: &'static str,
    gate: &Arc<Semaphore>,
) -> impl Fn(Value) -> BoxFuture<'static, Result<Value, String>> + use<> {
    let gate = Arc::clone(gate);
    move |event| {
        let gate = Arc::clone(&gate);
        async move {
            if event["requestContext"]["eventType"] == event_type {
                gate.acquire().await.unwrap().forget();
            }
            echo(event).await
        }
        .boxed()
    }
}

impl Setup {
    /// `definition` is everything but the `server` section.
    pub(crate) fn new(definition: impl Into<String>) -> Self {
        Self {
            server: vec![
                "listen: 127.0.0.1:0".into(),
                "admin: 127.0.0.1:0".into(),
                // What requests of tests name, on every listener.
                "adminHosts: gateway.test".into(),
            ],
            definition: definition.into(),
            clock: None,
            functions: BTreeMap::new(),
            aws: None,
        }
    }

    /// Sets one key of the `server` section: a line of YAML.
    pub(crate) fn server(mut self, key: &str) -> Self {
        let name = key.split_once(':').map(|(name, _)| name);
        let differs = |line: &String| line.split_once(':').map(|(name, _)| name) != name;
        self.server.retain(differs);
        self.server.push(key.to_owned());
        self
    }

    /// Time stands still unless the test moves it.
    pub(crate) fn manual(mut self) -> Self {
        self.clock = Some(ManualClock::new(EpochMillis(START)));
        self
    }

    /// Signs calls of the Lambda Invoke API and of AWS services.
    pub(crate) fn aws_credentials(mut self, credentials: Credentials) -> Self {
        self.aws = Some(credentials);
        self
    }

    /// Makes `script` the function `name`; its events are recorded before it runs.
    pub(crate) fn function<F, Fut>(mut self, name: &str, script: F) -> Self
    where
        F: Fn(Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let script: Script = Arc::new(move |event| script(event).boxed());
        self.functions.insert(name.to_owned(), script);
        self
    }

    /// Starts the gateway; a definition that does not compile fails the test.
    pub(crate) async fn start(self) -> Rig {
        let clock = self.clock.clone();
        let (log, functions, started) = self.try_start().await;
        match started {
            Ok(gateway) => Rig {
                gateway,
                clock,
                functions,
                log,
            },
            Err(error) => panic!("the gateway does not start: {error}"),
        }
    }

    /// Tries to start the gateway, which must not work; gives what it says.
    pub(crate) async fn problem(self) -> String {
        let (_, _, started) = self.try_start().await;
        match started {
            Ok(_) => panic!("the gateway starts"),
            Err(error) => error.to_string(),
        }
    }

    async fn try_start(self) -> (Log, BTreeMap<String, Events>, Result<Gateway, StartError>) {
        let log = Log::listen();
        let server = self.server.join("\n  ");
        let text = format!("server:\n  {server}\n{}", self.definition);
        let mut builder = Gateway::builder().definition(text);
        let mut functions = BTreeMap::new();
        for (name, script) in self.functions {
            let (sender, receiver) = mpsc::unbounded_channel();
            let seen = Arc::new(AtomicUsize::new(0));
            let events = Events {
                seen: Arc::clone(&seen),
                unread: Mutex::new(receiver),
            };
            functions.insert(name.clone(), events);
            builder = builder.function(name, move |event: Value| {
                seen.fetch_add(1, Ordering::SeqCst);
                // A test may end before it has read everything.
                sender.send(event.clone()).ok();
                script(event)
            });
        }
        if let Some(credentials) = self.aws {
            builder = builder.aws_credentials(credentials);
        }
        if let Some(clock) = &self.clock {
            builder = builder.clock(clock.clone());
        }
        (log, functions, builder.start().await)
    }
}

impl Events {
    /// Every event that came and was not read.
    pub(crate) async fn rest(&self) -> Vec<Value> {
        let mut unread = self.unread.lock().await;
        std::iter::from_fn(|| unread.try_recv().ok()).collect()
    }
}

impl Rig {
    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Connects to `/prod`, which must work.
    pub(crate) async fn open(&self) -> WsClient {
        self.connect(&Handshake::new("/prod")).await
    }

    /// Connects, which must work.
    pub(crate) async fn connect(&self, handshake: &Handshake) -> WsClient {
        match WsClient::open(self.address(), handshake).await {
            Ok(client) => client,
            Err(response) => panic!("the handshake was refused: {response:?}"),
        }
    }

    /// Tries to connect, which must not work.
    pub(crate) async fn refused(&self, handshake: &Handshake) -> super::Response {
        match WsClient::open(self.address(), handshake).await {
            Ok(_) => panic!("the handshake was accepted"),
            Err(response) => response,
        }
    }

    /// The next event that the function got and the test has not seen.
    pub(crate) async fn event(&self, function: &str) -> Value {
        let mut unread = self.functions[function].unread.lock().await;
        let next = soon("an event", unread.recv()).await;
        next.expect("the gateway is still there")
    }

    /// The next event of `backend`, which must be of this kind.
    pub(crate) async fn event_of(&self, event_type: &str) -> Value {
        let event = self.event("backend").await;
        assert_eq!(event["requestContext"]["eventType"], event_type, "{event}");
        event
    }

    /// What the next event of `backend`, which must be a DISCONNECT, says about the end.
    pub(crate) async fn disconnect(&self) -> (u64, String) {
        let event = self.event_of("DISCONNECT").await;
        let context = &event["requestContext"];
        let code = context["disconnectStatusCode"].as_u64();
        let reason = context["disconnectReason"].as_str();
        (code.unwrap(), reason.unwrap().to_owned())
    }

    /// How many events the function got so far.
    pub(crate) fn calls(&self, function: &str) -> usize {
        self.functions[function].seen.load(Ordering::SeqCst)
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, by: Duration) {
        let clock = self.clock.as_ref().expect("the test owns the clock");
        clock.advance(by);
    }

    /// Waits until nothing is going on but `sockets` open connections.
    pub(crate) async fn settle(&self, sockets: usize) {
        let services = self.gateway.services();
        eventually("nothing to be going on", || {
            self.gateway.connections() == sockets && services.tasks.live() == IDLE_TASKS + sockets
        })
        .await;
    }

    /// Gives everything that could go on a chance to: a round trip of the event loop for another client.
    pub(crate) async fn settle_tasks(&self) {
        let request = super::http_client::request("GET", "/livez", &[], b"");
        for _ in 0..5 {
            let admin = self.gateway.admin_address();
            let response = super::http_client::send(admin, &request).await;
            assert_eq!(response.status, 200);
        }
    }

    /// Ends the test: all clients must be gone, every event must have been read, nothing may be left.
    pub(crate) async fn close(self) {
        self.close_after(&[]).await;
    }

    /// The same for a test that makes the gateway warn: each warning has one of these texts, each text is in a warning.
    pub(crate) async fn close_after(self, warnings: &[&str]) {
        self.settle(0).await;
        self.stop(warnings).await;
    }

    /// The same where connections to backends may be kept, which a task looks after for some seconds.
    pub(crate) async fn close_keeping(self, warnings: &[&str]) {
        let services = self.gateway.services();
        eventually("nothing but kept connections", || {
            self.gateway.connections() == 0 && services.tasks.live() <= IDLE_TASKS + 1
        })
        .await;
        self.stop(warnings).await;
    }

    /// Stops the gateway, whoever is still connected.
    pub(crate) async fn stop(self, warnings: &[&str]) {
        let services = Arc::clone(self.gateway.services());
        soon("the gateway to stop", self.gateway.shutdown()).await;
        assert_eq!(services.store.local_count(), 0, "connections are left");
        assert_eq!(services.tasks.live(), 0, "tasks are left");
        for (name, events) in &self.functions {
            let rest = events.rest().await;
            assert!(
                rest.is_empty(),
                "events of {name} that nobody expected: {rest:#?}"
            );
        }
        self.log.check(warnings);
    }
}
