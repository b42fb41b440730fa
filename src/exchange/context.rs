//! The typed facts behind `$context`.
//!
//! For logs, mappings and event payloads only. Decisions use the evidence that phases hand on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use connection_store::{ApiKey, Connection, ConnectionRecord};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::base::body::Meter;
use crate::base::clock::EpochMillis;
use crate::base::ids::RequestId;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::Authorized;
use crate::lang::certificate::CertificateFacts;
use crate::lang::trace::Trace;

/// Whose event it is: a connection's, still a candidate or open, or that of whoever sent one HTTP request.
#[derive(Debug)]
pub enum Party {
    /// Its handshake is under way.
    Joining(Box<ConnectionRecord>),
    /// It was accepted, and may have ended since.
    Open(Arc<Connection>),
    /// There is no connection: the client of an HTTP API.
    Requesting(Box<Requester>),
}

/// Who sent an HTTP request.
#[derive(Debug)]
pub struct Requester {
    /// The client's address.
    pub source_ip: IpAddr,
    /// Its `User-Agent`.
    pub user_agent: Option<Box<str>>,
    /// The host it asked for, with its port unless that is the scheme's own.
    pub domain_name: Box<str>,
    /// What the route's authorizer found out about it.
    pub authorized: Option<Authorized>,
    /// The API key that it showed, where it needed one.
    pub api_key: Option<Arc<ApiKey>>,
    /// The certificate that it showed, with mutual TLS.
    pub certificate: Option<Arc<CertificateFacts>>,
}

impl Party {
    /// The facts of the connection, where there is one.
    pub fn record(&self) -> Option<&ConnectionRecord> {
        match self {
            Self::Joining(record) => Some(record),
            Self::Open(connection) => Some(&connection.record),
            Self::Requesting(_) => None,
        }
    }

    /// The client's address.
    pub fn source_ip(&self) -> IpAddr {
        match self {
            Self::Joining(record) => record.source_ip,
            Self::Open(connection) => connection.record.source_ip,
            Self::Requesting(requester) => requester.source_ip,
        }
    }

    /// The client's `User-Agent`.
    pub fn user_agent(&self) -> Option<&str> {
        match self {
            Self::Joining(record) => record.user_agent.as_deref(),
            Self::Open(connection) => connection.record.user_agent.as_deref(),
            Self::Requesting(requester) => requester.user_agent.as_deref(),
        }
    }

    /// The API key that the client showed with its request or handshake, where it needed one.
    pub fn api_key(&self) -> Option<&ApiKey> {
        match self {
            Self::Joining(record) => record.api_key.as_deref(),
            Self::Open(connection) => connection.record.api_key.as_deref(),
            Self::Requesting(requester) => requester.api_key.as_deref(),
        }
    }

    /// The certificate that the client of an HTTP API showed, with mutual TLS.
    pub fn certificate(&self) -> Option<&CertificateFacts> {
        match self {
            Self::Joining(_) | Self::Open(_) => None,
            Self::Requesting(requester) => requester.certificate.as_deref(),
        }
    }

    /// The host that the client asked for.
    pub fn domain_name(&self) -> &str {
        match self {
            Self::Joining(record) => &record.domain_name,
            Self::Open(connection) => &connection.record.domain_name,
            Self::Requesting(requester) => &requester.domain_name,
        }
    }

    /// The first label of the host that the client asked for.
    pub fn domain_prefix(&self) -> &str {
        let name = self.domain_name();
        name.split(['.', ':']).next().unwrap_or(name)
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
    /// `$context.awsEndpointRequestId2`.
    pub second_request_id: Option<String>,
}

/// How one step of letting a caller in went: `$context.authenticate` and `$context.authorize`.
#[derive(Debug, Clone)]
pub struct StepFacts {
    /// Why it failed.
    pub error: Option<String>,
    /// How long it took.
    pub latency: Duration,
    /// 200, or the status with which it failed.
    pub status: StatusCode,
}

impl StepFacts {
    /// What became of a step that took so long.
    pub fn new<T>(result: &Result<T, GatewayError>, latency: Duration) -> Self {
        let failed = result.as_ref().err();
        let why = |error: &GatewayError| error.cause().unwrap_or(error.client_message()).to_owned();
        Self {
            error: failed.map(why),
            latency,
            status: failed.map_or(StatusCode::OK, GatewayError::http_status),
        }
    }
}

/// What the gateway itself answered instead of the backend.
#[derive(Debug, Clone)]
pub struct ErrorFacts {
    /// `$context.error.message`.
    pub message: String,
    /// `$context.error.responseType`.
    pub response_type: ResponseType,
    /// The status that the client got, or would have got if it were not for a message.
    pub status: StatusCode,
}

/// The facts of one exchange.
#[derive(Debug)]
pub struct RequestContext {
    /// `$context.requestId` and `$context.extendedRequestId`.
    pub request_id: RequestId,
    /// When the event arrived.
    pub time: EpochMillis,
    /// The trace that the event belongs to: that of the client's request, or one of its own.
    pub trace: Trace,
    /// The connection.
    pub party: Party,
    /// `$context.routeKey`, once it is known.
    pub route_key: Option<Arc<str>>,
    /// `$context.customDomain.basePathMatched`: the key of the API mapping, on a custom domain of an HTTP API.
    pub base_path: Option<Arc<str>>,
    /// Whether the request is a preflight that the gateway answers itself, by the API's CORS configuration.
    pub preflight: bool,
    /// `$context.status`.
    pub status: Option<u16>,
    /// Bytes of the request's body that were read.
    pub received: Meter,
    /// Bytes of the payload that left.
    pub response_length: usize,
    /// `$context.authenticate`: the check of a signature.
    pub authentication: Option<Box<StepFacts>>,
    /// `$context.authorize`: the check of the signer's policies.
    pub authorization: Option<Box<StepFacts>>,
    /// The authorizer call of this exchange.
    pub authorizer: IntegrationFacts,
    /// The integration call of this exchange.
    pub integration: IntegrationFacts,
    /// The gateway's own error.
    pub error: Option<Box<ErrorFacts>>,
    /// `$context.error.validationErrorString`: why a message does not fit its model.
    pub validation_error: Option<String>,
}

impl RequestContext {
    /// The facts known when an event arrives.
    pub fn new(request_id: RequestId, time: EpochMillis, trace: Trace, party: Party) -> Self {
        Self {
            request_id,
            time,
            trace,
            party,
            route_key: None,
            base_path: None,
            preflight: false,
            status: None,
            received: Meter::default(),
            response_length: 0,
            authentication: None,
            authorization: None,
            authorizer: IntegrationFacts::default(),
            integration: IntegrationFacts::default(),
            error: None,
            validation_error: None,
        }
    }

    /// `$context.dataProcessed`: bytes of the bodies of request and answer.
    pub fn data_processed(&self) -> u64 {
        self.received
            .bytes()
            .saturating_add(self.response_length as u64)
    }

    /// `$context.authorizer` of a connection: what the authorizer said, for its whole life.
    pub fn connection_authorizer(&self) -> Option<&Map<String, Value>> {
        self.party.record()?.authorizer.as_deref()
    }

    /// What the route's authorizer found out about the sender of an HTTP request.
    pub fn authorized(&self) -> Option<&Authorized> {
        match &self.party {
            Party::Requesting(requester) => requester.authorized.as_ref(),
            Party::Joining(_) | Party::Open(_) => None,
        }
    }

    /// Facts about a caller that signed its request or handshake.
    pub fn identity(&self) -> Option<&Map<String, Value>> {
        match (&self.party, self.authorized()) {
            (_, Some(Authorized::Iam(identity))) => Some(identity),
            (Party::Requesting(_), _) => None,
            (Party::Joining(_) | Party::Open(_), _) => self.party.record()?.identity.as_deref(),
        }
    }
}
