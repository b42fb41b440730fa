//! Serves HTTP on one accepted socket: HTTP/1.1, or HTTP/2 where TLS negotiated it.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::base::alarm::Alarm;
use crate::base::body::Payload;
use crate::base::clock::{Clock, Tick};
use crate::transport::arrival::Asked;
use crate::transport::edge::{self, Face};
use crate::transport::front::Front;
use crate::transport::head::{HeadFacts, HeadSlot};
use crate::transport::listener::Seat;
use crate::transport::mutual::Client;
use crate::transport::plain::{self, Life, Outcome, Rest};
use crate::transport::streams::Streams;
use crate::transport::tls::Stream;
use crate::transport::watched::{HEAD_TIMEOUT, Watched};

/// A kept-alive connection without a request is closed after this time.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Hyper's read buffer; larger heads are 431.
const BUFFER_BYTES: usize = 16 * 1024;
/// Most header fields in a request.
const HEADER_FIELDS: usize = 100;
const HTTP2_STREAMS: u32 = 100;
const HTTP2_STREAM_WINDOW: u32 = 64 * 1024;
const HTTP2_CONNECTION_WINDOW: u32 = 1024 * 1024;
const HTTP2_PENDING_RESETS: usize = 20;
const HTTP2_LOCAL_RESETS: usize = 100;
const HTTP2_PING: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// What a request's handler knows of its socket.
#[derive(Debug, Clone)]
pub(super) struct Socket {
    /// The other side.
    pub peer: SocketAddr,
    /// Our side.
    pub local: SocketAddr,
    /// Whether TLS is spoken.
    pub secure: bool,
    /// What the client proved with mutual TLS; kept where there is such a client.
    pub client: Option<Arc<Client>>,
    /// The socket's place among all that may be open; handed on to the connection that a handshake becomes.
    pub seat: Arc<Seat>,
}

impl Socket {
    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        match self.secure {
            true => "https",
            false => "http",
        }
    }
}

/// Serves requests until either side ends the connection or the gateway stops. What it gives is the life of the WebSocket
/// connection that it may have become.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` would keep room for the arguments twice"
)]
pub(super) fn serve(
    front: Arc<Front>,
    face: Face,
    stream: Stream,
    socket: Socket,
) -> impl Future<Output = Option<Life>> {
    async move {
        if stream.speaks_http2() {
            Box::pin(http2(front, face, stream, socket)).await;
            return None;
        }
        match plain::serve(&front, face, stream, &socket).await {
            Outcome::Ended => None,
            Outcome::Life(life) => Some(life),
            Outcome::Hyper(rest) => {
                Box::pin(http1(front, face, rest, socket)).await;
                None
            }
        }
    }
}

/// Serves what came over HTTP/1 and was not plain, and all that follows.
async fn http1(front: Arc<Front>, face: Face, rest: Box<Rest>, socket: Socket) {
    let Rest { stream, read, late } = *rest;
    let slot = HeadSlot::default();
    let clock = Arc::clone(&front.services.clock);
    let watched = Watched::new(stream, read, slot.clone(), Arc::clone(&clock), late);
    let (_, stop) = front.lifetime(face);
    let stop = stop.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        edge::answer(&front, face, &socket, asked(request, slot.take()))
    });
    let connection = http1_builder(ClockTimer::new(clock))
        .serve_connection(TokioIo::new(watched), service)
        .with_upgrades();
    tokio::pin!(connection);
    // How a connection ends is the client's affair; nothing can be done about it here.
    tokio::select! {
        result = connection.as_mut() => drop(result),
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await.ok();
        }
    }
}

async fn http2(front: Arc<Front>, face: Face, stream: Stream, socket: Socket) {
    let clock = Arc::clone(&front.services.clock);
    let late = clock.now().after(HEAD_TIMEOUT);
    let slot = HeadSlot::default();
    let watched = Watched::new(stream, Bytes::new(), slot, Arc::clone(&clock), late);
    let (_, stop) = front.lifetime(face);
    let stop = stop.clone();
    let streams = Streams::new(Arc::clone(&clock));
    let counted = Arc::clone(&streams);
    let service = service_fn(move |request: Request<Incoming>| match counted.open() {
        None => edge::Answering::unseen(),
        Some(stream) => {
            let asked = asked(request, HeadFacts::default());
            edge::answer(&front, face, &socket, asked).on_stream(stream)
        }
    });
    let connection =
        http2_builder(ClockTimer::new(clock)).serve_connection(TokioIo::new(watched), service);
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return drop(result),
        () = stop.wait() => connection.as_mut().graceful_shutdown(),
        () = streams.ended() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        result = connection => drop(result),
        () = streams.overstayed() => {}
    }
}

/// A request as hyper read it.
fn asked(request: Request<Incoming>, head: HeadFacts) -> Asked {
    Asked {
        request: request.map(Payload::incoming),
        head,
        handover: None,
    }
}

fn http1_builder(timer: ClockTimer) -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(timer)
        .header_read_timeout(KEEP_ALIVE)
        .max_buf_size(BUFFER_BYTES)
        // AWS: over HTTP/1.1 the names of answer headers are sent in Title-Case.
        .title_case_headers(true)
        .max_headers(HEADER_FIELDS);
    builder
}

fn http2_builder(timer: ClockTimer) -> hyper::server::conn::http2::Builder<TokioExecutor> {
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(timer)
        .max_concurrent_streams(HTTP2_STREAMS)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS)
        .max_local_error_reset_streams(HTTP2_LOCAL_RESETS)
        .max_header_list_size(BUFFER_BYTES as u32)
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT);
    builder
}

/// Hyper's timers on the gateway's clock, for one connection.
#[derive(Debug, Clone)]
struct ClockTimer {
    clock: Arc<dyn Clock>,
    /// Hyper lets a timer go with each request and takes another; in here it waits for that.
    spare: Arc<Mutex<Option<Alarm>>>,
}

struct ClockSleep {
    timer: ClockTimer,
    moment: Tick,
    /// Taken out at the end.
    alarm: Option<Alarm>,
}

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let moment = self.moment;
        match &mut self.alarm {
            Some(alarm) => alarm.poll(moment, context),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for ClockSleep {
    fn drop(&mut self) {
        *self.timer.spare() = self.alarm.take();
    }
}

impl Sleep for ClockSleep {}

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.until(self.clock.now().after(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}

impl ClockTimer {
    fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            spare: Arc::default(),
        }
    }

    fn until(&self, moment: Tick) -> Pin<Box<dyn Sleep>> {
        let spare = self.spare().take();
        let alarm = spare.unwrap_or_else(|| Alarm::new(Arc::clone(&self.clock)));
        Box::pin(ClockSleep {
            timer: self.clone(),
            moment,
            alarm: Some(alarm),
        })
    }

    fn spare(&self) -> MutexGuard<'_, Option<Alarm>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
