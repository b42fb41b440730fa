//! `@connections`: how backends reach open connections.
//!
//! Source: the API Gateway Management API model (2018-11-29) and the developer guide, "Use @connections commands in your
//! backend service". Just two of the pipeline's concerns apply here, the signature with its policies and the account's
//! throttle, so they are called one by one.

mod call;

use std::sync::Arc;

use bytes::Bytes;
use connection_store::{
    Address, CloseRequest, ConnectionId, ConnectionView, Delivery, IdError, Outgoing,
};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::authorizer::iam::Service;
use crate::base::body::Payload;
use crate::base::ids::RequestId;
use crate::base::quotas;
use crate::error::{CloseReason, ServiceException, stamp};
use crate::observe::names::Counter;
use crate::pipeline::Services;
use crate::plan::stage::Stage;

pub use call::{ServiceCall, ServiceCaller};

const MANAGE: &str = "execute-api:ManageConnections";
/// How much of a body that is too large is read all the same, so that the caller sees the answer.
const DRAINED_BYTES: usize = 16 * 1024 * 1024;
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Answers one call for a connection of `stage`; `id` is percent-decoded.
pub async fn answer(
    services: &Services,
    stage: &Arc<Stage>,
    id: &str,
    request: &mut ServiceCall,
) -> Response<Payload> {
    let request_id = RequestId::mint();
    let outcome = handle(services, stage, id, request).await;
    let mut response = outcome.unwrap_or_else(|exception| exception.response());
    stamp(response.headers_mut(), &request_id);
    response
}

/// Answers one call for a connection that its path names by the id alone, `region` being the gateway's: what an SDK sends that
/// knows one address for everything.
pub async fn answer_by_id(
    services: &Services,
    region: &str,
    id: &str,
    request: &mut ServiceCall,
) -> Response<Payload> {
    if let Some(stage) = services.stage_by_connection(id) {
        return answer(services, &stage, id, request).await;
    }
    let signed = async {
        let body = request
            .read_body(services, quotas::MESSAGE_BYTES, DRAINED_BYTES)
            .await?;
        match services.plan_now().credentials.management_open {
            true => Ok(()),
            false => request
                .signer(services, Service::ExecuteApi, region, &body)
                .map(drop),
        }
    };
    // A stranger does not learn which connections there are.
    refuse(&match (signed.await, id.parse::<ConnectionId>()) {
        (Err(refused), _) => refused,
        (Ok(()), Err(IdError::Malformed)) => malformed(id),
        (Ok(()), _) => ServiceException::gone(),
    })
}

fn malformed(id: &str) -> ServiceException {
    ServiceException::bad_request(format!("Invalid connectionId: {id}"))
}

async fn handle(
    services: &Services,
    stage: &Arc<Stage>,
    id: &str,
    request: &mut ServiceCall,
) -> Result<Response<Payload>, ServiceException> {
    // The body comes first: its hash is part of what is signed.
    let body = request
        .read_body(services, quotas::MESSAGE_BYTES, DRAINED_BYTES)
        .await?;
    authorize(services, stage, id, request, &body)?;
    if !services
        .limiter
        .request(&services.plan_now().account, services.clock.nanos())
    {
        let metrics = &services.observers.metrics;
        metrics.count(&stage.api.id, &stage.name, Counter::Throttled);
        return Err(ServiceException::limit_exceeded("Too Many Requests"));
    }
    let operation = match request.method {
        Method::POST => Operation::Post(body),
        Method::GET => Operation::Get,
        Method::DELETE => Operation::Delete,
        _ => return Err(ServiceException::method_not_allowed()),
    };
    let id = match id.parse::<ConnectionId>() {
        Ok(id) => id,
        Err(IdError::Malformed) => return Err(malformed(id)),
        Err(IdError::Unknown) => return Err(ServiceException::gone()),
    };
    let address = Address {
        id,
        api: &stage.api.id,
        stage: &stage.name,
    };
    match operation {
        Operation::Post(body) => push(services, address, body).await,
        Operation::Get => describe(services, address).await,
        Operation::Delete => close(services, address).await,
    }
}

enum Operation {
    Post(Bytes),
    Get,
    Delete,
}

fn authorize(
    services: &Services,
    stage: &Stage,
    id: &str,
    request: &ServiceCall,
    body: &[u8],
) -> Result<(), ServiceException> {
    if services.plan_now().credentials.management_open {
        return Ok(());
    }
    let signer = request.signer(services, Service::ExecuteApi, &stage.api.region, body)?;
    let arn = stage.execute_api_arn(&[request.method.as_str(), "/@connections/", id].concat());
    request
        .allowed(services, &signer, MANAGE, &arn)
        .map_err(ServiceException::access_denied)
}

async fn push(
    services: &Services,
    address: Address<'_>,
    body: Bytes,
) -> Result<Response<Payload>, ServiceException> {
    let message = Outgoing::from_bytes(body);
    let now = services.clock.now().0;
    let delivery = services.store.deliver(address, message, now).await;
    settle(delivery.map_err(|_| ServiceException::unavailable())?)?;
    let metrics = &services.observers.metrics;
    metrics.count(address.api, address.stage, Counter::MessageCount);
    Ok(Response::new(Payload::default()))
}

async fn close(
    services: &Services,
    address: Address<'_>,
) -> Result<Response<Payload>, ServiceException> {
    const DELETE: CloseRequest = CloseReason::DELETE;
    let closed = services.store.close(address, DELETE).await;
    settle(closed.map_err(|_| ServiceException::unavailable())?)?;
    let mut response = Response::new(Payload::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

fn settle(delivery: Delivery) -> Result<(), ServiceException> {
    match delivery {
        Delivery::Queued => Ok(()),
        Delivery::Full => Err(ServiceException::limit_exceeded(
            "The connection's send buffer is full",
        )),
        Delivery::Gone => Err(ServiceException::gone()),
        Delivery::Unreachable => Err(ServiceException::unavailable()),
    }
}

async fn describe(
    services: &Services,
    address: Address<'_>,
) -> Result<Response<Payload>, ServiceException> {
    let found = services.store.describe(address).await;
    let view = found
        .map_err(|_| ServiceException::unavailable())?
        .ok_or_else(ServiceException::gone)?;
    let mut response = Response::new(Payload::from(description(&view)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

fn description(view: &ConnectionView) -> String {
    let mut identity = serde_json::json!({ "sourceIp": view.source_ip.to_string() });
    if let Some(user_agent) = &view.user_agent {
        identity["userAgent"] = (**user_agent).into();
    }
    let description = serde_json::json!({
        "connectedAt": iso(view.connected_at_epoch_ms),
        "identity": identity,
        "lastActiveAt": iso(view.last_active_at_epoch_ms),
    });
    description.to_string()
}

fn iso(epoch_ms: u64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(epoch_ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(ISO).ok())
        .unwrap_or_default()
}

/// An exception with the ids that every answer has; for calls that lead to no stage.
pub fn refuse(exception: &ServiceException) -> Response<Payload> {
    let mut response = exception.response();
    stamp(response.headers_mut(), &RequestId::mint());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes up to which glibc keeps free pieces at hand; for more it first joins all that it has.
    const SMALL_BYTES: usize = 1024;

    fn size_of_answer<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_call_and_its_answer_on_the_way_are_small() {
        type Call = ServiceCall;
        let answering = size_of_answer(
            |services: &'static Services,
             stage: &'static Arc<Stage>,
             id: &'static str,
             call: &'static mut Call| answer(services, stage, id, call),
        );
        let pointers = size_of::<[usize; 8]>();
        let bytes = answering + size_of::<Call>() + pointers;
        assert!(bytes <= SMALL_BYTES, "{answering} of {bytes} bytes");
    }
}
