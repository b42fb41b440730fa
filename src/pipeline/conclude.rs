//! The end of every exchange: failures become replies, metrics count it, and the access log gets its line.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::{Body, Frame, SizeHint};
use tracing::{debug, warn};

use crate::base::body::{BoxError, Payload};
use crate::error::GatewayError;
use crate::exchange::{Event, Exchange, ExchangeScope, Reply};
use crate::observe::Observers;
use crate::pipeline::{Services, cors, failure};
use crate::plan::stage::Stage;

const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");
/// Room for most lines, in bytes.
const LINE_BYTES: usize = 512;

/// A line for which there was no room in the access log of its stage.
pub(super) struct Line {
    stage: Arc<Stage>,
    text: String,
}

impl Line {
    /// Hands it over, when there is room.
    pub(super) async fn write(self, services: &Services) {
        if let Some(log) = &self.stage.access_log {
            let logs = &services.observers.access_logs;
            logs.write(&log.destination, &self.text).await;
        }
    }
}

/// Concludes an exchange; gives what the transport must do, and what has to be logged before.
pub(super) fn conclude(
    services: &Services,
    mut exchange: Box<Exchange>,
    result: Result<Reply, GatewayError>,
) -> (Reply, Option<Line>) {
    let mut reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            note(&exchange, &error);
            failure::reply(&mut exchange, &error)
        }
    };
    exchange.context.status = Some(status(&exchange, &reply));
    exchange.context.response_length = length(&reply);
    if let (Event::Http, Reply::Http(reply)) = (&exchange.event, &mut reply) {
        finish(&exchange, &mut reply.headers);
        if reply.body.whole().is_none() {
            let body = std::mem::take(&mut reply.body);
            reply.body = Payload::stream(Told {
                body,
                observers: Arc::clone(&services.observers),
                exchange: Some(exchange),
            });
            return (Reply::Http(std::mem::take(reply)), None);
        }
    }
    let replies = u64::from(matches!(reply, Reply::Frame(_)));
    let text = tell(&services.observers, &mut exchange, replies);
    let late = match (&exchange.stage.access_log, text) {
        (Some(log), Some(text)) => {
            let logs = &services.observers.access_logs;
            (!logs.try_write(&log.destination, &text)).then_some(text)
        }
        _ => None,
    };
    let line = late.map(|text| Line {
        stage: Arc::clone(&exchange.stage),
        text,
    });
    (reply, line)
}

/// Notes the end of an exchange and counts it; gives its line in the access log.
fn tell(observers: &Observers, exchange: &mut Exchange, replies: u64) -> Option<String> {
    exchange.timeline.end(observers.clock.nanos());
    observers.metrics.concluded(exchange, replies);
    let log = exchange.stage.access_log.as_ref()?;
    let mut line = String::with_capacity(LINE_BYTES);
    log.format
        .render(&ExchangeScope::for_log(exchange), &mut line);
    Some(line)
}

/// What every answer of an HTTP API carries.
fn finish(exchange: &Exchange, headers: &mut HeaderMap) {
    cors::write(exchange, headers);
    if let Ok(id) = HeaderValue::from_str(exchange.context.request_id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
}

/// A body on its way to the client, and the exchange that ends with it.
struct Told {
    body: Payload,
    observers: Arc<Observers>,
    /// Gone once it has been told of.
    exchange: Option<Box<Exchange>>,
}

impl Body for Told {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match (&frame, &mut self.exchange) {
            (Some(Ok(frame)), Some(exchange)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                exchange.context.response_length += length;
            }
            (Some(Err(error)), Some(exchange)) => {
                exchange.context.integration.error = Some(error.to_string());
            }
            _ => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// The end of the body, an error, and a client that went away all come down to this.
impl Drop for Told {
    fn drop(&mut self) {
        let Some(mut exchange) = self.exchange.take() else {
            return;
        };
        let line = tell(&self.observers, &mut exchange, 0);
        if let (Some(log), Some(line)) = (&exchange.stage.access_log, line) {
            let logs = &self.observers.access_logs;
            logs.write_later(&log.destination, line);
        }
    }
}

fn note(exchange: &Exchange, error: &GatewayError) {
    let api = &*exchange.stage.api.id;
    let stage = &*exchange.stage.name;
    let request_id = exchange.context.request_id.as_str();
    let route = exchange.context.route_key.as_deref().unwrap_or("-");
    if error.http_status().is_server_error() {
        warn!(api, stage, route, request_id, %error, "an exchange failed");
    } else {
        debug!(api, stage, route, request_id, %error, "an exchange was refused");
    }
}

/// `$context.status`.
fn status(exchange: &Exchange, reply: &Reply) -> u16 {
    match reply {
        Reply::Accept(_) => 101,
        Reply::Http(reply) => reply.status.as_u16(),
        Reply::Frame(_) | Reply::Nothing => match &exchange.context.error {
            Some(error) => error.status.as_u16(),
            None => exchange.context.integration.status.unwrap_or(200),
        },
    }
}

fn length(reply: &Reply) -> usize {
    match reply {
        Reply::Http(reply) => reply.body.whole().map_or(0, Bytes::len),
        Reply::Frame(message) => message.payload().len(),
        Reply::Accept(_) | Reply::Nothing => 0,
    }
}
