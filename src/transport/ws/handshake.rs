//! The upgrade, held open until `$connect` has answered (RFC 6455 section 4.2).
//!
//! One task sees a connection through its whole life: `$connect`, the 101, the pump, `$disconnect`. So there is one
//! place where an accepted connection can end, and it ends once.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connection_store::{Connection, ConnectionRecord};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, poll_immediate};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rand::RngCore as _;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::warn;

use crate::base::body::Payload;
use crate::base::ids::RequestId;
use crate::error::CloseReason;
use crate::exchange::{
    Acceptance, Event, Exchange, GatewayRequest, HttpReply, Party, Reply, RequestContext, Timeline,
};
use crate::lang::certificate::CertificateFacts;
use crate::observe::metrics::OpenConnection;
use crate::observe::names::Stray;
use crate::pipeline::{self, Services};
use crate::plan::stage::{ConnectionSettings, Stage};
use crate::transport::arrival::Arrival;
use crate::transport::edge::{Answer, message, upgrade_required};
use crate::transport::front::Front;
use crate::transport::listener::Seat;
use crate::transport::plain::{Handover, Life};
use crate::transport::stray::turn_away;
use crate::transport::tls::Stream;
use crate::transport::watched::Watched;
use crate::transport::ws::pump;
use crate::transport::ws::session::{ABNORMAL, Ending};

/// Answers an upgrade request with 101, or with whatever `$connect` has to say.
pub(in crate::transport) async fn answer(
    front: Arc<Front>,
    stage: Arc<Stage>,
    mut arrival: Arrival,
    seat: Arc<Seat>,
) -> Answer {
    let accept = match check(&arrival) {
        Ok(accept) => accept,
        Err(answer) => return turn_away(&front, arrival.request(), Stray::Handshake, *answer),
    };
    let permit = Arc::clone(&front.handshakes).try_acquire_owned().ok();
    let Some(permit) = permit.filter(|_| !front.stop.begun()) else {
        let answer = message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        return turn_away(&front, arrival.request(), Stray::Busy, answer);
    };
    let (upgrade, seeing) = match arrival.asked.handover.take() {
        Some(Handover { socket, life }) => (Upgrade::Plain(socket), life),
        None => {
            let upgrade = hyper::upgrade::on(&mut arrival.asked.request);
            (Upgrade::Hyper(upgrade), None)
        }
    };
    let (sender, receiver) = oneshot::channel();
    let tasks = front.services.tasks.clone();
    let opening = Opening {
        front,
        accept,
        answer: sender,
        upgrade,
        seat,
    };
    let mut beginning: Life = Box::pin(begin(opening, stage, Box::new(arrival), permit));
    // Its first steps at once: a `$connect` that waits for nobody gives its place back before the next client takes one,
    // however many come at the same time.
    match poll_immediate(&mut beginning).await {
        None => {
            // The task of the socket goes on as that of the connection, where it can.
            let left = match seeing {
                Some(seeing) => seeing.send(beginning).err(),
                None => Some(beginning),
            };
            left.map(|beginning| tasks.spawn("connection", live(beginning)));
        }
        Some(rest) => drop(rest.map(|rest| tasks.spawn("connection", rest))),
    }
    let unanswered = || message(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
    receiver.await.unwrap_or_else(|_| unanswered())
}

/// Where the bare socket comes from when the client has its answer.
enum Upgrade {
    Plain(oneshot::Receiver<(Stream, Vec<u8>)>),
    Hyper(OnUpgrade),
}

impl Upgrade {
    /// The socket, and what the client sent behind its handshake; `None` when the client is gone.
    async fn socket(self) -> Option<(Stream, Vec<u8>)> {
        match self {
            Self::Plain(socket) => socket.await.ok(),
            Self::Hyper(upgrade) => upgrade.await.ok().and_then(unwrap),
        }
    }
}

/// What is needed to turn a handshake into a connection.
struct Opening {
    front: Arc<Front>,
    accept: HeaderValue,
    answer: oneshot::Sender<Answer>,
    upgrade: Upgrade,
    seat: Arc<Seat>,
}

/// Checks what RFC 6455 section 4.2.1 demands; gives the value of `Sec-WebSocket-Accept`.
fn check(arrival: &Arrival) -> Result<HeaderValue, Box<Answer>> {
    let request = arrival.request();
    let headers = request.headers();
    let bad = || Box::new(message(StatusCode::BAD_REQUEST, "Bad Request"));
    if !has_token(headers, &header::UPGRADE, "websocket") {
        return Err(Box::new(upgrade_required()));
    }
    if request.method() != Method::GET
        || request.version() != Version::HTTP_11
        || !has_token(headers, &header::CONNECTION, "upgrade")
        || has_body(headers)
    {
        return Err(bad());
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(Box::new(upgrade_required()));
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).ok_or_else(bad)?;
    let decoded = STANDARD.decode(key).map_err(|_| bad())?;
    if decoded.len() != 16 {
        return Err(bad());
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| bad())
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter();
    let mut tokens = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    tokens.any(|candidate| candidate.trim().eq_ignore_ascii_case(token))
}

fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first.trim())
}

/// The life of a connection as one task. What its beginning needed is freed before the rest, which lasts for hours, begins.
pub(in crate::transport) async fn live(beginning: Life) {
    let rest = beginning.await;
    if let Some(rest) = rest {
        rest.await;
    }
}

/// Runs `$connect` and opens the connection; gives the rest of its life, if it has any.
async fn begin(
    opening: Opening,
    stage: Arc<Stage>,
    arrival: Box<Arrival>,
    permit: OwnedSemaphorePermit,
) -> Option<BoxFuture<'static, ()>> {
    let settings = Arc::clone(&stage.connections);
    let services = Arc::clone(&opening.front.services);
    let exchange = exchange(&opening.front, stage, *arrival);
    let reply = Box::pin(pipeline::run(&services, exchange)).await;
    drop(permit);
    match reply {
        Reply::Accept(acceptance) => {
            let open = open(opening, settings, acceptance).await?;
            Some(Box::pin(last(open)))
        }
        Reply::Http(reply) => {
            // A client that went away needs no answer.
            opening.answer.send(refusal(*reply)).ok();
            None
        }
        Reply::Frame(_) | Reply::Nothing => None,
    }
}

fn exchange(front: &Front, stage: Arc<Stage>, arrival: Arrival) -> Box<Exchange> {
    let services = &front.services;
    let time = services.clock.wall();
    let headers = arrival.headers();
    let record = ConnectionRecord {
        id: front.mint.mint(rand::rng().next_u64()),
        api: Arc::clone(&stage.api.id),
        stage: Arc::clone(&stage.name),
        connected_at_epoch_ms: time.0,
        source_ip: arrival.source_ip,
        user_agent: headers.last("user-agent").map(Into::into),
        domain_name: arrival.domain_name.into(),
        identity: arrival.certificate.as_deref().map(shown),
        authorizer: None,
        expires_at_epoch_ms: None,
        api_key: None,
    };
    let uri = arrival.asked.request.uri();
    let party = Party::Joining(Box::new(record));
    let trace = arrival.forwarding.trace;
    let context = RequestContext::new(RequestId::mint(), time, trace, party);
    let method = arrival.asked.request.method().clone();
    Box::new(Exchange {
        event: Event::Connect,
        request: GatewayRequest::handshake(method, uri.path(), uri.query(), headers),
        context,
        timeline: Timeline::new(services.clock.nanos()),
        stage,
    })
}

/// What is told of a connection's client with a certificate, as long as it lives. AWS has no mutual TLS for WebSocket APIs; this is
/// where other events have it.
fn shown(certificate: &CertificateFacts) -> Arc<Map<String, Value>> {
    let facts = serde_json::to_value(certificate).unwrap_or_default();
    Arc::new(Map::from_iter([("clientCert".to_owned(), facts)]))
}

pub(in crate::transport) fn refusal(reply: HttpReply) -> Answer {
    let mut answer = Response::new(reply.body);
    *answer.status_mut() = reply.status;
    *answer.headers_mut() = reply.headers;
    answer
}

fn switching(accept: HeaderValue, subprotocol: Option<HeaderValue>) -> Answer {
    let mut answer = Response::new(Payload::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    answer
}

/// An accepted connection, which is in the store.
struct Open {
    services: Arc<Services>,
    connection: Arc<Connection>,
    settings: Arc<ConnectionSettings>,
    /// The socket and what the client sent behind its handshake; `None` when it did not wait for the answer.
    socket: Option<(Stream, Vec<u8>)>,
    seat: Arc<Seat>,
    counted: OpenConnection,
}

/// Enters a connection into the store and answers its client; `None` when that has failed and was told.
async fn open(
    opening: Opening,
    settings: Arc<ConnectionSettings>,
    acceptance: Box<Acceptance>,
) -> Option<Open> {
    let front = opening.front;
    let services = Arc::clone(&front.services);
    let (now, wall) = (services.clock.now(), services.clock.wall());
    let Acceptance {
        record,
        subprotocol,
    } = *acceptance;
    let connection = Arc::new(Connection::new(record, settings.outbox, now.0));
    let metrics = &services.observers.metrics;
    let counted = metrics.opened(&connection.record.api, &connection.record.stage);
    if let Err(error) = services.store.insert(Arc::clone(&connection)).await {
        warn!(%error, "a connection could not be registered");
        let refused = message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        opening.answer.send(refused).ok();
        services
            .disconnect(connection, ABNORMAL, String::new())
            .await;
        return None;
    }
    let switched = opening.answer.send(switching(opening.accept, subprotocol));
    let socket = match switched {
        Ok(()) => opening.upgrade.socket().await,
        Err(_) => None,
    };
    if socket.is_some() {
        front.wheel.watch(&connection, &settings, now, wall);
        if front.stop.begun() || is_orphan(&services, &connection) {
            // Whoever closed the others may not have seen this one yet.
            connection.outbox.close(CloseReason::AWAY);
        }
    }
    Some(Open {
        services,
        connection,
        settings,
        socket,
        seat: opening.seat,
        counted,
    })
}

/// Sees an open connection through to its `$disconnect`.
fn last(open: Open) -> impl Future<Output = ()> {
    let Open {
        services,
        connection,
        settings,
        socket,
        seat,
        counted,
    } = open;
    let (of_pump, of_store) = (Arc::clone(&services), Arc::clone(&connection));
    let ended = move |ending| {
        drop(seat);
        drop(counted);
        // Boxed: an open connection should not keep room for its end.
        Box::pin(async move { end(&services, connection, ending).await })
    };
    // Put together by hand, because an `async` block would keep room for the pump twice.
    match socket {
        Some((stream, leftover)) => {
            let pump = pump::run(of_pump, of_store, settings, stream, leftover);
            Either::Left(pump.then(ended))
        }
        None => Either::Right(ended(Ending {
            code: ABNORMAL,
            reason: String::new(),
        })),
    }
}

/// Whether a new definition took the stage away while `$connect` ran.
fn is_orphan(services: &Services, connection: &Connection) -> bool {
    let record = &connection.record;
    let plan = services.plan();
    plan.stage(&record.api, &record.stage).is_none()
}

async fn end(services: &Services, connection: Arc<Connection>, ending: Ending) {
    connection.outbox.seal();
    if let Err(error) = services.store.remove(connection.record.id).await {
        warn!(%error, "a connection could not be removed");
    }
    services
        .disconnect(connection, ending.code, ending.reason)
        .await;
}

/// The bare socket again, and what the client sent behind its handshake.
fn unwrap(upgraded: hyper::upgrade::Upgraded) -> Option<(Stream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Watched<Stream>>>().ok()?;
    let stream = parts.io.into_inner().into_inner();
    Some((stream, parts.read_buf.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lives_as_long_as_a_connection_is_small() {
        // Every open connection has one of these, for hours; whatever it awaits only once belongs in a box.
        assert!(size_of_last(last) <= 384, "{} bytes", size_of_last(last));
    }

    fn size_of_last<F>(_: impl Fn(Open) -> F) -> usize {
        size_of::<F>()
    }
}
