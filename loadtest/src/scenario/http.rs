//! `http`: requests over keep-alive connections.
//!
//! Without a rate a connection sends its next request when the answer to the one before has come. With a rate,
//! requests are due at fixed instants and go to whichever connection is free; latency counts from the instant a
//! request was due, so that waiting for a connection is part of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::header::HOST;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use tokio::sync::watch;
use url::Position;

use super::{End, Load};
use crate::client::{Dialer, Drained, HttpClient};
use crate::measure::{Failure, Latency, Moment, Wait};
use crate::options::{Common, Extent, Misuse, Share, positive};
use crate::pace::{Schedule, Timer};
use crate::report::Outcome;
use crate::run::{Arrival, Fleet, Run, count, read, reserve_files};

/// Pause after a request that got no answer, so that a server that is away is not hammered.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

/// Sends requests and measures their answers.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Http {
    /// The options every scenario has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,

    /// Connections, each with one request under way
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub connections: u32,

    /// Requests per second, all connections together [default: as fast as answers come]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rate: Option<f64>,

    /// How long to send.
    #[command(flatten)]
    #[serde(flatten)]
    pub extent: Extent,

    /// HTTP method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    #[serde(serialize_with = "as_text")]
    pub method: Method,

    /// Body of each request
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    #[serde(skip)]
    pub body: Option<String>,

    /// File with the body of each request
    #[arg(long, value_name = "FILE")]
    pub body_file: Option<PathBuf>,

    /// Status that is no failure, repeatable [default: 200 to 299]
    #[arg(long, value_name = "STATUS")]
    #[serde(serialize_with = "as_numbers")]
    pub expect_status: Vec<StatusCode>,

    /// Length that every answer's body must have
    #[arg(long, value_name = "BYTES")]
    pub expect_bytes: Option<u64>,

    /// Answers are long: the reply timeout holds for their head and for each further piece, not for the whole
    #[arg(long)]
    pub download: bool,
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    run: Run,
    dialer: Arc<Dialer>,
    request: Template,
    expect_status: Vec<StatusCode>,
    expect_bytes: Option<u64>,
    /// Longest wait for a whole answer; none when it is a download.
    whole: Option<Duration>,
    reply_timeout: Duration,
    /// The place of the next request among those of all connections.
    next: AtomicU64,
    /// From sending a request to the head of its answer.
    head: Latency,
    /// From sending a request to the end of its answer; only with a rate.
    answer_from_send: Latency,
    bytes: AtomicU64,
    abandoned: AtomicU64,
    /// Nanoseconds from the start to the last answer.
    last_answer: AtomicU64,
    statuses: Mutex<BTreeMap<u16, u64>>,
}

/// What every request is made of.
#[derive(Debug, Clone)]
struct Template(Request<Full<Bytes>>);

/// When the requests begin and end.
#[derive(Debug, Clone, Copy)]
struct Session {
    start: Instant,
    /// No request is due at or after it.
    end: Option<Instant>,
    requests: Option<u64>,
    schedule: Option<Schedule>,
}

impl Load for Http {
    const NAME: &str = "http";

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn divide(&mut self, share: Share) -> Result<(), Misuse> {
        self.connections = share.connections(self.connections)?;
        self.rate = self.rate.map(|rate| share.rate(rate));
        self.extent.divide(share);
        Ok(())
    }

    async fn drive(&self, run: &Run) -> Result<Outcome, Misuse> {
        // With a rate, each connection has a timer.
        let each = if self.rate.is_some() { 2 } else { 1 };
        reserve_files(u64::from(self.connections) * each)?;
        let shared = Arc::new(self.shared(run).await?);
        let gate = watch::Sender::new(None);
        let mut fleet = Fleet::launch(run, &self.common, self.connections, |number, arrival| {
            ask(shared.clone(), number, arrival, gate.subscribe())
        })
        .await?;
        run.reach(Moment::Opened).await;
        gate.send_replace(Some(self.session()));
        fleet.join().await;
        run.reach(Moment::Measured).await;
        Ok(self.outcome(&shared))
    }

    fn conclude(&self, end: &End<'_>, outcome: &mut Outcome) {
        let seconds = outcome.measured.as_secs_f64();
        if seconds > 0.0 {
            let rate = outcome.counted("body_bytes") as f64 / seconds;
            outcome.detail("bytes_per_second", rate.round());
        }
        let sent = outcome.counted("sent");
        let unsent = self.extent.messages.is_some_and(|requests| sent < requests);
        outcome.problem_if(unsent && !end.interrupted, "not all requests were sent");
        outcome.problem_if(sent == 0, "nothing was sent");
    }
}

impl Http {
    async fn shared(&self, run: &Run) -> Result<Shared, Misuse> {
        let url = &self.common.url;
        if !matches!(url.scheme(), "http" | "https") {
            let shown = self.common.shown_url();
            return Err(Misuse(format!("{shown}: http needs http:// or https://")));
        }
        Ok(Shared {
            run: run.clone(),
            dialer: Arc::new(Dialer::new(url, &self.common).await?),
            request: self.template()?,
            expect_status: self.expect_status.clone(),
            expect_bytes: self.expect_bytes,
            whole: (!self.download).then_some(self.common.reply_timeout),
            reply_timeout: self.common.reply_timeout,
            next: AtomicU64::new(0),
            head: Latency::default(),
            answer_from_send: Latency::default(),
            bytes: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            last_answer: AtomicU64::new(0),
            statuses: Mutex::default(),
        })
    }

    fn template(&self) -> Result<Template, Misuse> {
        let url = &self.common.url;
        let body = match (&self.body, &self.body_file) {
            (Some(text), _) => Bytes::from(text.clone()),
            (None, Some(path)) => std::fs::read(path)
                .map_err(|error| Misuse(format!("{}: {error}", path.display())))?
                .into(),
            (None, None) => Bytes::new(),
        };
        let unusable = |what: &dyn std::fmt::Display| {
            Misuse(format!("{}: no request: {what}", self.common.shown_url()))
        };
        let host = HeaderValue::from_str(url.authority()).map_err(|error| unusable(&error))?;
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .body(Full::new(body))
            .map_err(|error| unusable(&error))?;
        request.headers_mut().insert(HOST, host);
        for (name, value) in &self.common.headers {
            if name == HOST {
                request.headers_mut().insert(name, value.clone());
            } else {
                request.headers_mut().append(name, value.clone());
            }
        }
        Ok(Template(request))
    }

    fn session(&self) -> Session {
        let start = Instant::now();
        Session {
            start,
            end: self.extent.time().map(|time| start + time),
            requests: self.extent.messages,
            schedule: self.rate.map(|rate| Schedule::new(start, rate)),
        }
    }

    fn outcome(&self, shared: &Shared) -> Outcome {
        let live = &shared.run.live;
        let mut outcome = Outcome {
            operations: read(&live.received),
            measured: Duration::from_nanos(read(&shared.last_answer)),
            ..Outcome::default()
        };
        outcome.latency("answer", shared.run.main.distribution());
        if self.rate.is_some() {
            outcome.latency("answer_from_send", shared.answer_from_send.distribution());
        }
        outcome.latency("head", shared.head.distribution());
        outcome.count("sent", read(&live.sent));
        outcome.count("answered", read(&live.received));
        outcome.count("abandoned", read(&shared.abandoned));
        outcome.count("body_bytes", read(&shared.bytes));
        let statuses = shared
            .statuses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.detail("statuses", &*statuses);
        outcome
    }
}

fn as_text<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

fn as_numbers<S: serde::Serializer>(
    statuses: &[StatusCode],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(statuses.iter().map(StatusCode::as_u16))
}

/// One connection: opened, then asking until the session is over.
async fn ask(
    shared: Arc<Shared>,
    number: u32,
    arrival: Arrival,
    mut gate: watch::Receiver<Option<Session>>,
) {
    let run = shared.run.clone();
    let mut client = HttpClient::new(shared.dialer.clone(), shared.reply_timeout);
    let opening = Instant::now();
    let opened = tokio::select! {
        biased;
        opened = client.connect() => opened,
        () = run.stop.wait() => return,
    };
    if run.opened(opened, number, opening).is_none() {
        return;
    }
    let Ok(mut timer) = Timer::new() else {
        return run.dropped(&Failure::Io(std::io::ErrorKind::Other));
    };
    drop(arrival);
    if let Some(session) = gate.wait_for(Option::is_some).await.ok().and_then(|s| *s) {
        while let Some(due) = shared.take(&session) {
            tokio::select! {
                biased;
                () = run.stop.wait() => break,
                slept = timer.sleep_until(due) => drop(slept),
            }
            shared.exchange(&mut client, number, &session, due).await;
        }
    }
    run.ended();
}

impl Shared {
    /// When the next request is due; `None` when there is none.
    fn take(&self, session: &Session) -> Option<Instant> {
        let slot = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match &session.schedule {
            Some(schedule) => schedule.due(slot),
            None => Instant::now(),
        };
        let over = session.requests.is_some_and(|all| slot >= all)
            || session.end.is_some_and(|end| due >= end)
            || self.run.stop.requested();
        (!over).then_some(due)
    }

    async fn exchange(
        &self,
        client: &mut HttpClient,
        number: u32,
        session: &Session,
        due: Instant,
    ) {
        let sent = Instant::now();
        count(&self.run.live.sent);
        let whole = async {
            let drained = client.drain(self.request.0.clone(), |length| {
                self.bytes.fetch_add(length as u64, Ordering::Relaxed);
            });
            match self.whole {
                Some(patience) => tokio::time::timeout(patience, drained)
                    .await
                    .unwrap_or(Err(Failure::Timeout(Wait::Answer))),
                None => drained.await,
            }
        };
        let result = tokio::select! {
            biased;
            result = whole => result,
            () = self.run.stop.wait() => return count(&self.abandoned),
        };
        match result.and_then(|drained| self.judge(drained)) {
            Ok(drained) => self.answered(drained, number, session, due, sent),
            Err(failure) => {
                self.run.failures.add(&failure);
                if !matches!(failure, Failure::Status(_) | Failure::Length) {
                    client.disconnect();
                    self.run.pause(FAILURE_PAUSE).await;
                }
            }
        }
    }

    fn judge(&self, drained: Drained) -> Result<Drained, Failure> {
        let status = drained.status;
        {
            let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
            *statuses.entry(status.as_u16()).or_default() += 1;
        }
        let expected = match self.expect_status.as_slice() {
            [] => status.is_success(),
            listed => listed.contains(&status),
        };
        if !expected {
            return Err(Failure::Status(status.as_u16()));
        }
        match self.expect_bytes {
            Some(bytes) if bytes != drained.bytes => Err(Failure::Length),
            _ => Ok(drained),
        }
    }

    fn answered(
        &self,
        drained: Drained,
        number: u32,
        session: &Session,
        due: Instant,
        sent: Instant,
    ) {
        let now = Instant::now();
        let task = number as usize;
        self.run
            .main
            .record(task, now.saturating_duration_since(due));
        self.head.record(task, drained.head);
        if session.schedule.is_some() {
            let from_send = now.saturating_duration_since(sent);
            self.answer_from_send.record(task, from_send);
        }
        let elapsed = now.saturating_duration_since(session.start).as_nanos();
        let nanos = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.last_answer.fetch_max(nanos, Ordering::Relaxed);
        count(&self.run.live.received);
    }
}
