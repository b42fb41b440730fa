//! The one table of `$context` names: access logs, mappings and payloads all read it.
//!
//! Source: developer guide, "WebSocket API mapping template reference", "Variables for access logging" and "Customize HTTP
//! API access logs".

use std::borrow::Cow;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::authorized::text_of;
use super::{Event, Exchange, GatewayRequest, StepFacts};
use crate::base::ip::ip_text;

/// `eventType` of each event of a connection, in the order of [`Event`].
pub const EVENT_NAMES: [&str; 3] = ["CONNECT", "MESSAGE", "DISCONNECT"];

const CLF: &[BorrowedFormatItem<'_>] = format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
);

impl Event {
    /// `eventType`; an HTTP request has none.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Connect => Some(EVENT_NAMES[0]),
            Self::Message { .. } => Some(EVENT_NAMES[1]),
            Self::Disconnect { .. } => Some(EVENT_NAMES[2]),
            Self::Http => None,
        }
    }
}

impl Exchange {
    /// `requestTime`: when the event arrived, as in the Common Log Format, in UTC.
    pub fn request_time(&self) -> String {
        OffsetDateTime::from_unix_timestamp(self.context.time.seconds())
            .ok()
            .and_then(|moment| moment.format(CLF).ok())
            .unwrap_or_default()
    }

    /// The value of `$context.{name}`; `None` when it is unset or there is no such variable.
    pub fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(rest) = name.strip_prefix("authorizer.") {
            return self.authorizer_variable(rest);
        }
        if let Some(rest) = name.strip_prefix("identity.") {
            return self.identity_variable(rest);
        }
        if let Some(rest) = name.strip_prefix("integration.") {
            return self.integration_variable(rest);
        }
        if let Some(rest) = name.strip_prefix("error.") {
            return self.error_variable(rest);
        }
        if let Some(rest) = name.strip_prefix("authenticate.") {
            return step_variable(self.context.authentication.as_ref()?, rest);
        }
        if let Some(rest) = name.strip_prefix("authorize.") {
            return step_variable(self.context.authorization.as_ref()?, rest);
        }
        self.plain_variable(name)
    }

    fn plain_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let party = &self.context.party;
        Some(match name {
            "requestId" | "extendedRequestId" => self.context.request_id.as_str().into(),
            "connectionId" => party.record()?.id.to_string().into(),
            "connectedAt" => party.record()?.connected_at_epoch_ms.to_string().into(),
            "domainName" => party.domain_name().into(),
            "domainPrefix" => party.domain_prefix().into(),
            "eventType" => self.event.name()?.into(),
            "messageId" => return self.message_id(),
            "messageDirection" => party.record().map(|_| "IN".into())?,
            "httpMethod" => self.of_http()?.method.as_str().into(),
            "path" => self.of_http()?.full_path(&self.stage.name).into(),
            // AWS: what the client speaks is not told; backends are called with HTTP/1.1.
            "protocol" => self.of_http().map(|_| "HTTP/1.1".into())?,
            "customDomain.basePathMatched" => self.context.base_path.as_deref()?.into(),
            "routeKey" => self.context.route_key.as_deref()?.into(),
            "apiId" => (&*self.stage.api.id).into(),
            "accountId" => (&*self.stage.api.account_id).into(),
            "stage" => (&*self.stage.name).into(),
            "status" => self.context.status?.to_string().into(),
            "requestTime" => self.request_time().into(),
            "requestTimeEpoch" => self.context.time.0.to_string().into(),
            "responseLength" => self.context.response_length.to_string().into(),
            "responseLatency" => millis(self.timeline.latency()?),
            "dataProcessed" => self.context.data_processed().to_string().into(),
            "disconnectStatusCode" | "disconnectReason" => return self.disconnect_variable(name),
            "xrayTraceId" => self.context.trace.root().into(),
            "integrationLatency" => return self.integration_variable("latency"),
            // AWS: of an HTTP API it is the status of the call itself, of a WebSocket API what the integration answered.
            "integrationStatus" if self.of_http().is_some() => {
                return self.integration_variable("integrationStatus");
            }
            "integrationStatus" => return self.integration_variable("status"),
            "integrationErrorMessage" => return self.integration_variable("error"),
            "awsEndpointRequestId" => return self.integration_variable("requestId"),
            "awsEndpointRequestId2" => {
                let id = self.context.integration.second_request_id.as_deref();
                id?.into()
            }
            _ => return None,
        })
    }

    /// The request of an HTTP API.
    fn of_http(&self) -> Option<&GatewayRequest> {
        matches!(self.event, Event::Http).then_some(&self.request)
    }

    fn message_id(&self) -> Option<Cow<'_, str>> {
        match &self.event {
            Event::Message { id, .. } => Some(id.as_str().into()),
            Event::Connect | Event::Disconnect { .. } | Event::Http => None,
        }
    }

    fn disconnect_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        match (&self.event, name) {
            (Event::Disconnect { code, .. }, "disconnectStatusCode") => {
                Some(code.to_string().into())
            }
            (Event::Disconnect { reason, .. }, _) => Some(reason.into()),
            (Event::Connect | Event::Message { .. } | Event::Http, _) => None,
        }
    }

    fn authorizer_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let call = &self.context.authorizer;
        let measured = match name {
            "latency" | "integrationLatency" => {
                call.latency.map(|latency| latency.as_millis().to_string())
            }
            "status" => call.status.map(|status| status.to_string()),
            "integrationStatus" => call.call_status.map(|status| status.to_string()),
            "error" => call.error.clone(),
            "requestId" => call.request_id.clone(),
            _ => None,
        };
        measured.map(Cow::Owned).or_else(|| {
            if let Some(authorized) = self.context.authorized() {
                return authorized.variable(name);
            }
            let found = self.context.connection_authorizer()?;
            match name.strip_prefix("claims.") {
                Some(claim) => Some(text_of(found.get("claims")?.get(claim)?)),
                None => Some(text_of(found.get(name)?)),
            }
        })
    }

    fn identity_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let party = &self.context.party;
        if let Some(rest) = name.strip_prefix("clientCert.") {
            return Some(party.certificate()?.variable(rest)?.into());
        }
        match name {
            "sourceIp" => Some(ip_text(party.source_ip()).into()),
            "userAgent" => Some(party.user_agent()?.into()),
            "apiKey" => Some((&*party.api_key()?.value).into()),
            "apiKeyId" => Some((&*party.api_key()?.id).into()),
            _ => Some(text_of(self.context.identity()?.get(name)?)),
        }
    }

    fn integration_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let call = &self.context.integration;
        Some(match name {
            "latency" => millis(call.latency?),
            "status" => call.status?.to_string().into(),
            "integrationStatus" => call.call_status?.to_string().into(),
            "error" => call.error.as_deref()?.into(),
            "requestId" => call.request_id.as_deref()?.into(),
            _ => return None,
        })
    }

    fn error_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let error = self.context.error.as_ref()?;
        match name {
            "message" => Some(error.message.as_str().into()),
            "messageString" => Some(serde_json::Value::from(&*error.message).to_string().into()),
            "responseType" => Some(error.response_type.name().into()),
            "validationErrorString" => Some(self.context.validation_error.as_deref()?.into()),
            _ => None,
        }
    }
}

fn step_variable<'a>(step: &'a StepFacts, name: &str) -> Option<Cow<'a, str>> {
    Some(match name {
        "error" => step.error.as_deref()?.into(),
        "latency" => millis(step.latency),
        "status" => step.status.as_u16().to_string().into(),
        _ => return None,
    })
}

/// AWS: latencies are whole milliseconds.
fn millis(latency: Duration) -> Cow<'static, str> {
    latency.as_millis().to_string().into()
}
