//! One event in, one reply out: the value that travels through the pipeline.
//!
//! Everything a phase may look at is in here; what it may decide on comes as evidence from the phase before it.

mod authorized;
mod context;
mod request;
mod scope;
mod timeline;
mod variables;

use std::sync::Arc;

use connection_store::{ConnectionRecord, Outgoing};
use http::{HeaderMap, HeaderValue, StatusCode};

pub use authorized::{Authorized, JwtFacts, LambdaFacts};
pub use context::{ErrorFacts, IntegrationFacts, Party, RequestContext, Requester, StepFacts};
pub use request::{DEFAULT_STAGE, Forwarding, GatewayRequest, Headers, plain};
pub use scope::ExchangeScope;
pub use timeline::{Phase, Timeline};
pub use variables::EVENT_NAMES;

use crate::base::body::Payload;
use crate::base::ids::RequestId;
use crate::plan::stage::Stage;

/// One event on its way through the pipeline.
#[derive(Debug)]
pub struct Exchange {
    /// The stage as it was when the event arrived.
    pub stage: Arc<Stage>,
    /// What happened.
    pub event: Event,
    /// The HTTP request, for events that came as one; empty otherwise.
    pub request: GatewayRequest,
    /// The facts behind `$context`.
    pub context: RequestContext,
    /// When each phase began.
    pub timeline: Timeline,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A client wants to connect; its handshake is held open.
    Connect,
    /// A client sent a message.
    Message {
        /// `messageId`.
        id: RequestId,
        /// What it sent.
        payload: Outgoing,
    },
    /// A connection has ended.
    Disconnect {
        /// `disconnectStatusCode`.
        code: u16,
        /// `disconnectReason`.
        reason: String,
    },
    /// A client of an HTTP API sent a request.
    Http,
}

/// What a transport must do, not how.
#[derive(Debug)]
pub enum Reply {
    /// Open the connection that the record describes.
    Accept(Box<Acceptance>),
    /// Answer the HTTP request.
    Http(Box<HttpReply>),
    /// Send one message.
    Frame(Outgoing),
    /// Nothing.
    Nothing,
}

/// A handshake that `$connect` let through.
#[derive(Debug)]
pub struct Acceptance {
    /// The facts to register.
    pub record: ConnectionRecord,
    /// `Sec-WebSocket-Protocol` of the answer, where the integration chose one.
    pub subprotocol: Option<HeaderValue>,
}

/// An HTTP answer.
#[derive(Debug, Default)]
pub struct HttpReply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those that framing needs.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Payload,
}

impl Exchange {
    /// The message's payload, or the request's body once it has been read; empty for events without one.
    pub fn payload(&self) -> &[u8] {
        match &self.event {
            Event::Message { payload, .. } => payload.payload(),
            Event::Http => self.request.body.whole().map_or(&[], |body| body),
            Event::Connect | Event::Disconnect { .. } => &[],
        }
    }

    /// Message or body as text; `None` when it is binary, not read yet, or there is none.
    pub fn text(&self) -> Option<&str> {
        match &self.event {
            // Text was checked when the message was put together.
            Event::Message {
                payload: Outgoing::Text(bytes),
                ..
            } => std::str::from_utf8(bytes).ok(),
            Event::Http => std::str::from_utf8(self.request.body.whole()?).ok(),
            _ => None,
        }
    }
}
