//! The typed facts behind `$context`.
//!
//! For logs, mappings and event payloads only. Decisions use the evidence that phases hand on.

use std::sync::Arc;
use std::time::Duration;

use connection_store::{Connection, ConnectionRecord};
use serde_json::{Map, Value};

use crate::base::clock::EpochMillis;
use crate::base::ids::RequestId;

/// The connection an event belongs to: still a candidate, or open.
#[derive(Debug)]
pub enum Party {
    /// Its handshake is under way.
    Joining(Box<ConnectionRecord>),
    /// It was accepted, and may have ended since.
    Open(Arc<Connection>),
}

impl Party {
    /// The facts of the connection.
    pub fn record(&self) -> &ConnectionRecord {
        match self {
            Self::Joining(record) => record,
            Self::Open(connection) => &connection.record,
        }
    }
}

/// How the call to a backend went.
#[derive(Debug, Clone, Default)]
pub struct IntegrationFacts {
    /// `$context.integration.error`.
    pub error: Option<String>,
    /// `$context.integration.latency`.
    pub latency: Option<Duration>,
    /// `$context.integration.integrationStatus`: of the call itself.
    pub call_status: Option<u16>,
    /// `$context.integration.status`: what the function or backend answered.
    pub status: Option<u16>,
    /// `$context.integration.requestId`.
    pub request_id: Option<String>,
}

/// What the gateway itself answered instead of the backend.
#[derive(Debug, Clone)]
pub struct ErrorFacts {
    /// `$context.error.message`.
    pub message: String,
    /// `$context.error.responseType`.
    pub response_type: &'static str,
}

/// The facts of one exchange.
#[derive(Debug)]
pub struct RequestContext {
    /// `$context.requestId` and `$context.extendedRequestId`.
    pub request_id: RequestId,
    /// When the event arrived.
    pub time: EpochMillis,
    /// `X-Amzn-Trace-Id`; made or taken over at the handshake.
    pub trace_id: Option<String>,
    /// The connection.
    pub party: Party,
    /// `$context.routeKey`, once it is known.
    pub route_key: Option<Arc<str>>,
    /// `$context.status`.
    pub status: Option<u16>,
    /// Bytes of the payload that left.
    pub response_length: usize,
    /// The authorizer call of this exchange.
    pub authorizer: IntegrationFacts,
    /// The integration call of this exchange.
    pub integration: IntegrationFacts,
    /// The gateway's own error.
    pub error: Option<ErrorFacts>,
}

impl RequestContext {
    /// The facts known when an event arrives.
    pub fn new(request_id: RequestId, time: EpochMillis, party: Party) -> Self {
        Self {
            request_id,
            time,
            trace_id: None,
            party,
            route_key: None,
            status: None,
            response_length: 0,
            authorizer: IntegrationFacts::default(),
            integration: IntegrationFacts::default(),
            error: None,
        }
    }

    /// `$context.authorizer`: what the authorizer said, for the whole life of the connection.
    pub fn authorizer_context(&self) -> Option<&Map<String, Value>> {
        self.party.record().authorizer.as_deref()
    }

    /// Facts about a caller that signed its handshake.
    pub fn identity(&self) -> Option<&Map<String, Value>> {
        self.party.record().identity.as_deref()
    }
}
