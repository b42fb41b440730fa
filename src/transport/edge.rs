//! Host and path to a face: which API and stage a request is for, and who answers it.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};

use crate::base::body::Payload;
use crate::base::ids::RequestId;
use crate::base::quotas;
use crate::error::ServiceException;
use crate::management;
use crate::observe::names::Stray;
use crate::plan::Plan;
use crate::plan::stage::Stage;
use crate::transport::admin;
use crate::transport::admin_host;
use crate::transport::arrival::{Arrival, Asked, arrive, host};
use crate::transport::front::Front;
use crate::transport::head::HeadFacts;
use crate::transport::http::Socket;
use crate::transport::http_api;
use crate::transport::listener::Seat;
use crate::transport::mutual::{self, Unproven};
use crate::transport::place::{self, Place};
use crate::transport::stray::turn_away;
use crate::transport::streams::Unanswered;
use crate::transport::ws::handshake;

/// An HTTP answer.
pub type Answer = Response<Payload>;

/// Who listens on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Clients: WebSocket, `@connections`.
    Clients,
    /// Operators: health, metrics and the control plane. Also everything that clients get.
    Administration,
}

/// An answer on its way.
pub(super) struct Answering {
    way: Way,
    /// Whether no other request may follow on the connection.
    last: bool,
    /// The HTTP/2 stream that waits for it.
    stream: Option<Unanswered>,
}

enum Way {
    /// A request of an HTTP API, which is most of them, has its own.
    Http(http_api::Answering),
    Other(BoxFuture<'static, Answer>),
}

impl Way {
    fn made(answer: Answer) -> Self {
        Self::Other(Box::pin(ready(answer)))
    }
}

impl Answering {
    fn new(way: Way) -> Self {
        Self {
            way,
            last: false,
            stream: None,
        }
    }

    /// The answer to a request that must not be looked at.
    pub(super) fn unseen() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(Way::made(message(status, "Service Unavailable")))
    }

    /// The same, for an HTTP/2 stream.
    #[must_use]
    pub(super) fn on_stream(mut self, stream: Unanswered) -> Self {
        self.stream = Some(stream);
        self
    }
}

impl Future for Answering {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = ready!(match &mut self.way {
            Way::Http(answering) => Pin::new(answering).poll(context),
            Way::Other(answering) => answering.as_mut().poll(context),
        });
        if self.last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            // What follows may be anything but another request: bytes behind a handshake were never meant to be HTTP.
            close_after(&mut answer);
        }
        if let Some(stream) = self.stream.take() {
            stream.answered();
        }
        Poll::Ready(Ok(answer))
    }
}

/// Begins to answer one request.
pub(super) fn answer(front: &Arc<Front>, face: Face, socket: &Socket, asked: Asked) -> Answering {
    let last = asked.head.last;
    let way = match refuse_head(&asked.request, &asked.head) {
        Some((status, text)) => {
            let answer = message(status, text);
            Way::made(turn_away(front, &asked.request, Stray::Head, answer))
        }
        None => admitted(front, face, socket, asked),
    };
    Answering {
        last,
        ..Answering::new(way)
    }
}

fn close_after(answer: &mut Answer) {
    let close = HeaderValue::from_static("close");
    answer.headers_mut().append(header::CONNECTION, close);
}

fn admitted(front: &Arc<Front>, face: Face, socket: &Socket, asked: Asked) -> Way {
    let request = &asked.request;
    if face == Face::Administration {
        if let Some(refusal) = admin_host::refuse(front, socket, request) {
            return Way::made(turn_away(front, request, Stray::Host, refusal));
        }
        if let Some(answer) = admin::answer(front, request) {
            return Way::made(answer);
        }
    }
    let Some(host) = host(request) else {
        let answer = message(StatusCode::BAD_REQUEST, "Bad Request");
        return Way::made(turn_away(front, request, Stray::Host, answer));
    };
    let arrival = arrive(front, socket, host, asked);
    let plan = front.services.plan_now();
    let mut arrival = match face {
        Face::Clients => arrival,
        Face::Administration => match operated(front, &plan, arrival) {
            ControlFlow::Break(way) => return way,
            ControlFlow::Continue(arrival) => arrival,
        },
    };
    let now = front.services.clock.wall();
    let client = socket.client.as_deref();
    match mutual::admit(&plan, client, &arrival.domain_name, now) {
        Ok(certificate) => arrival.certificate = certificate,
        Err(Unproven) => return Way::made(unproven(front, arrival.request())),
    }
    let request = arrival.request();
    let domain = &arrival.domain_name;
    let (path, client) = (request.uri().path(), arrival.source_ip);
    let place = place::find(&plan, path, domain, request.headers(), client);
    let target = request.uri().path_and_query();
    let length = target.map_or(0, |target| target.as_str().len());
    if !place.is_http() && length > quotas::WEBSOCKET_URL_CHARACTERS {
        let answer = message(StatusCode::URI_TOO_LONG, "URI Too Long");
        return Way::made(turn_away(front, request, Stray::Url, answer));
    }
    at(front, place, &socket.seat, arrival)
}

/// What only operators may ask for; anything else comes back.
fn operated(front: &Arc<Front>, plan: &Plan, arrival: Arrival) -> ControlFlow<Way, Arrival> {
    if admin::is_control(front, &arrival) {
        let front = Arc::clone(front);
        let answer = async move { front.control.answer(arrival.into_call()).await };
        return ControlFlow::Break(Way::Other(Box::pin(answer)));
    }
    let path = arrival.request().uri().path();
    match place::bare_connection(path) {
        Some(id) if !place::is_named(plan, &arrival.domain_name) => {
            let front = Arc::clone(front);
            let mut call = arrival.into_call();
            let answer = async move {
                let (services, region) = (&front.services, front.control.region());
                management::answer_by_id(services, region, &id, &mut call).await
            };
            ControlFlow::Break(Way::Other(Box::pin(answer)))
        }
        _ => ControlFlow::Continue(arrival),
    }
}

fn at(front: &Arc<Front>, place: Place, seat: &Arc<Seat>, arrival: Arrival) -> Way {
    let request = arrival.request();
    match place {
        Place::Http(place) => Way::Http(http_api::answer(front, place, arrival)),
        Place::Missing => {
            let answer = http_api::refuse(StatusCode::NOT_FOUND, "Not Found");
            Way::made(turn_away(front, request, Stray::Stage, answer))
        }
        Place::Nowhere => Way::made(nothing_there(front, request)),
        Place::Connections(stage, id) => {
            let front = Arc::clone(front);
            let mut call = arrival.into_call();
            // The call stays where it is: pushes are many, and a future that passes it on has room for it several times.
            Way::Other(Box::pin(async move {
                management::answer(&front.services, &stage, &id, &mut call).await
            }))
        }
        Place::Below(_) if is_upgrade(&arrival) => Way::made(nothing_there(front, request)),
        Place::Stage(stage) | Place::Below(stage) => {
            let (front, seat) = (Arc::clone(front), Arc::clone(seat));
            Way::Other(Box::pin(at_stage(front, seat, stage, arrival)))
        }
    }
}

fn nothing_there(front: &Front, request: &Request<Payload>) -> Answer {
    let answer = management::refuse(&ServiceException::forbidden());
    turn_away(front, request, Stray::Api, answer)
}

/// AWS: 403 for whoever shows no certificate that its domain trusts.
fn unproven(front: &Front, request: &Request<Payload>) -> Answer {
    let mut answer = message(StatusCode::FORBIDDEN, "Forbidden");
    if request.version() <= Version::HTTP_11 {
        // On a new connection it can show one.
        close_after(&mut answer);
    }
    turn_away(front, request, Stray::Certificate, answer)
}

async fn at_stage(
    front: Arc<Front>,
    seat: Arc<Seat>,
    stage: Arc<Stage>,
    arrival: Arrival,
) -> Answer {
    if is_upgrade(&arrival) {
        return handshake::answer(front, stage, arrival, seat).await;
    }
    match (&stage.page, arrival.request().method()) {
        (Some(page), &Method::GET | &Method::HEAD) => self::page(page),
        _ => {
            let answer = upgrade_required();
            turn_away(&front, arrival.request(), Stray::Handshake, answer)
        }
    }
}

fn is_upgrade(arrival: &Arrival) -> bool {
    arrival.request().headers().contains_key(header::UPGRADE)
}

fn page(page: &bytes::Bytes) -> Answer {
    let mut answer = Response::new(Payload::from(page.clone()));
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    answer
}

/// 426: the stage speaks WebSocket only.
pub(super) fn upgrade_required() -> Answer {
    let mut answer = message(StatusCode::UPGRADE_REQUIRED, "Upgrade Required");
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    answer
}

/// A JSON answer of the gateway's own: `{"message":"…"}`.
pub fn message(status: StatusCode, text: &str) -> Answer {
    let body = serde_json::json!({ "message": text }).to_string();
    let mut answer = Response::new(Payload::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Ok(id) = HeaderValue::from_str(RequestId::mint().as_str()) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    answer
}

fn refuse_head(request: &Request<Payload>, head: &HeadFacts) -> Option<(StatusCode, &'static str)> {
    if head.fault.is_some() {
        return Some((StatusCode::BAD_REQUEST, "Bad Request"));
    }
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let fields = request.headers().iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if head.bytes.max(target + fields) > quotas::REQUEST_HEAD_BYTES {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some((status, "Request Header Fields Too Large"));
    }
    None
}
