//! Requests of HTTP APIs: from an arrival to an exchange, and from its reply to an answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use http::header::{self, HeaderValue};
use http::{HeaderName, Response, StatusCode};

use crate::base::body::Payload;
use crate::base::ids::RequestId;
use crate::base::tasks::Tasks;
use crate::exchange::{
    Event, Exchange, GatewayRequest, Party, Reply, RequestContext, Requester, Timeline,
};
use crate::pipeline;
use crate::transport::arrival::Arrival;
use crate::transport::edge::Answer;
use crate::transport::front::Front;
use crate::transport::place::HttpPlace;

/// Begins to answer a request for a stage.
pub(super) fn answer(front: &Arc<Front>, place: HttpPlace, arrival: Arrival) -> Answering {
    let services = Arc::clone(&front.services);
    let stays_open = arrival.stays_open();
    let exchange = exchange(front, place, arrival);
    let tasks = services.tasks.clone();
    let run = Box::pin(async move { pipeline::run(&services, exchange).await });
    Answering {
        tasks,
        run: Some(run),
        stays_open,
    }
}

fn answered(reply: Reply, stays_open: bool) -> Answer {
    match reply {
        Reply::Http(reply) => {
            let mut answer = Response::new(reply.body);
            *answer.status_mut() = reply.status;
            *answer.headers_mut() = reply.headers;
            if stays_open {
                // AWS: said over HTTP/1.1, where it goes without saying.
                let alive = HeaderValue::from_static("keep-alive");
                answer.headers_mut().insert(header::CONNECTION, alive);
            }
            answer
        }
        Reply::Accept(_) | Reply::Frame(_) | Reply::Nothing => {
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// An answer of the gateway's own, where there is no stage whose exchange could give one.
pub(super) fn refuse(status: StatusCode, text: &str) -> Answer {
    let body = serde_json::json!({ "message": text }).to_string();
    let mut answer = Response::new(Payload::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    if let Ok(id) = HeaderValue::from_str(RequestId::mint().as_str()) {
        headers.insert(HeaderName::from_static("apigw-requestid"), id);
    }
    answer
}

fn exchange(front: &Front, place: HttpPlace, arrival: Arrival) -> Box<Exchange> {
    let services = &front.services;
    let (parts, body) = arrival.asked.request.into_parts();
    let user_agent = parts.headers.get(header::USER_AGENT);
    let requester = Requester {
        source_ip: arrival.source_ip,
        user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into()),
        domain_name: arrival.domain_name.into(),
        authorized: None,
        api_key: None,
        certificate: arrival.certificate,
    };
    let party = Party::Requesting(Box::new(requester));
    let trace = arrival.forwarding.trace.clone();
    let time = services.clock.wall();
    let mut context = RequestContext::new(RequestId::mint(), time, trace, party);
    context.base_path = place.base_path;
    let mut request = GatewayRequest::default();
    request.method = parts.method;
    request.path = parts.uri.path().to_owned();
    request.query = parts.uri.query().map(str::to_owned);
    request.below_stage = place.below_stage;
    request.fields = parts.headers;
    request.forwarding = Some(arrival.forwarding);
    (request.body, context.received) = body.metered();
    Box::new(Exchange {
        event: Event::Http,
        request,
        context,
        timeline: Timeline::new(services.clock.nanos()),
        stage: place.stage,
    })
}

/// An exchange that runs where its client waits for it, and goes on as a task of its own when the client does not.
///
/// A client that hangs up neither cancels a half-done integration nor loses its line in the access log; and as long as it
/// waits, nothing is spawned.
pub(super) struct Answering {
    tasks: Tasks,
    run: Option<BoxFuture<'static, Reply>>,
    /// Whether the connection certainly outlives the answer.
    stays_open: bool,
}

impl Future for Answering {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let Some(run) = &mut self.run else {
            return Poll::Pending;
        };
        let reply = ready!(run.as_mut().poll(context));
        self.run = None;
        Poll::Ready(answered(reply, self.stays_open))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            // Nobody is left to read the reply; dropping it ends a body that is still on its way.
            let rest = async move { drop(run.await) };
            self.tasks.spawn("exchange", rest);
        }
    }
}
