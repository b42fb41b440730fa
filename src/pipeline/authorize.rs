//! Who is it, and may it? Decided at `$connect` for the whole life of the connection, and for every HTTP request.

mod bearer;
mod custom;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::authorizer::Identified;
use crate::authorizer::iam::{self, Circumstances};
use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Authorized, Event, Exchange, GatewayRequest, Party, StepFacts};
use crate::lang::sigv4::{SigV4Error, SignedRequest};
use crate::pipeline::{Services, receive};
use crate::plan::credentials::Credential;
use crate::plan::route::{Authorization, Route};

const INVOKE: &str = "execute-api:Invoke";

/// What a connection's events have in `requestContext.identity`.
type Facts = Arc<Map<String, Value>>;

/// Evidence that a caller was let in.
#[derive(Debug)]
pub(super) struct Caller {
    /// The API key that a Lambda authorizer named for it.
    pub(super) usage_identifier_key: Option<Box<str>>,
    _private: (),
}

impl Caller {
    fn let_in(usage_identifier_key: Option<Box<str>>) -> Self {
        Self {
            usage_identifier_key,
            _private: (),
        }
    }
}

/// Asks whoever the route names.
///
/// # Errors
/// 401, 403 or 500 as the authorizer has it.
pub(super) async fn authorize(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
) -> Result<Caller, GatewayError> {
    let identified = match &route.authorization {
        Authorization::Open | Authorization::FromConnect => return Ok(Caller::let_in(None)),
        Authorization::Iam => {
            if matches!(exchange.event, Event::Http) {
                // The body comes first: its hash is part of what is signed.
                receive::whole(services, exchange).await?;
            }
            signed(services, exchange, route)?
        }
        Authorization::Custom(authorizer) => {
            // A call and its event are large, and few exchanges need them.
            Box::pin(custom::authorize(services, exchange, route, authorizer)).await?
        }
        Authorization::Jwt(authorizer, scopes) => {
            bearer::authorize(services, exchange, authorizer, scopes).await?
        }
    };
    match &mut exchange.context.party {
        Party::Joining(record) => {
            record.authorizer = identified.authorizer;
            let known = record.identity.take();
            record.identity = both(known, identified.identity);
            record.expires_at_epoch_ms = identified.expires.map(|at| at.0);
        }
        Party::Requesting(requester) => requester.authorized = identified.authorized,
        Party::Open(_) => {}
    }
    Ok(Caller::let_in(identified.usage_identifier_key))
}

/// What was known of a client before, and what has been found out.
fn both(known: Option<Facts>, found: Option<Facts>) -> Option<Facts> {
    match (known, found) {
        (Some(mut known), Some(found)) => {
            Arc::make_mut(&mut known).extend(Map::clone(&found));
            Some(known)
        }
        (known, found) => known.or(found),
    }
}

/// What policies may ask about the request of an exchange.
pub fn circumstances(exchange: &Exchange) -> Circumstances<'_> {
    let party = &exchange.context.party;
    let request = &exchange.request;
    Circumstances {
        source_ip: party.source_ip(),
        user_agent: party.user_agent(),
        now: exchange.context.time,
        secure: match &request.forwarding {
            Some(forwarding) => forwarding.secure,
            None => request.headers().last("X-Forwarded-Proto") == Some("https"),
        },
    }
}

fn signed(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
) -> Result<Identified, GatewayError> {
    let began = services.clock.nanos();
    let since = |nanos| Duration::from_nanos(services.clock.nanos().saturating_sub(nanos));
    let signer = signer(services, exchange);
    exchange.context.authentication = Some(Box::new(StepFacts::new(&signer, since(began))));
    let credential = signer?;
    let began = services.clock.nanos();
    let allowed = allowed(exchange, route, &credential);
    exchange.context.authorization = Some(Box::new(StepFacts::new(&allowed, since(began))));
    allowed?;
    let identity = Arc::new(iam::identity(&credential));
    Ok(Identified {
        authorized: Some(Authorized::Iam(Arc::clone(&identity))),
        identity: Some(identity),
        ..Identified::default()
    })
}

/// Whose signature it is.
fn signer(services: &Services, exchange: &Exchange) -> Result<Arc<Credential>, GatewayError> {
    let came = &exchange.request;
    let host = came.forwarding.as_ref().map(|forwarding| &*forwarding.host);
    let headers = signed_headers(came, host);
    let request = SignedRequest {
        method: came.method.as_str(),
        path: &came.path,
        query: came.query.as_deref(),
        headers: &headers,
        body: match exchange.event {
            Event::Http => exchange.payload(),
            Event::Connect | Event::Message { .. } | Event::Disconnect { .. } => &[],
        },
    };
    let plan = services.plan();
    let region = &exchange.stage.api.region;
    services
        .signatures
        .authenticate(
            &plan.credentials,
            &request,
            iam::Service::ExecuteApi,
            region,
            exchange.context.time,
        )
        .map_err(|error| refuse(&error))
}

/// Whether the signer's policies allow what is asked for.
fn allowed(
    exchange: &Exchange,
    route: &Route,
    credential: &Credential,
) -> Result<(), GatewayError> {
    let about = circumstances(exchange);
    for arn in invoked_arns(exchange, route) {
        iam::authorize(credential, INVOKE, &arn, &about)
            .map_err(|cause| GatewayError::new(ResponseType::AccessDenied).because(cause))?;
    }
    Ok(())
}

/// Header fields as they were signed: those of an HTTP API as they came, those of a handshake as events show them.
fn signed_headers<'a>(
    request: &'a GatewayRequest,
    host: Option<&'a str>,
) -> Vec<(&'a str, &'a [u8])> {
    let Some(host) = host else {
        let headers = request.headers().iter();
        return headers
            .map(|(name, value)| (name, value.as_bytes()))
            .collect();
    };
    let fields = request.fields.iter();
    let mut headers: Vec<_> = fields
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    if !request.fields.contains_key(::http::header::HOST) {
        // HTTP/2 names the host elsewhere; signers sign it as if it stood here.
        headers.push(("host", host.as_bytes()));
    }
    headers
}

/// The ARNs that a policy must allow: of the route of a connection, of method and path of a request.
///
/// A path that a backend may read in another way has to be allowed in every reading.
///
/// AWS: `{api}/{stage}/{METHOD}/{path without leading slash}`, the concrete path (developer guide, "ARN format reference").
pub(super) fn invoked_arns(exchange: &Exchange, route: &Route) -> Vec<String> {
    if !matches!(exchange.event, Event::Http) {
        return vec![exchange.stage.execute_api_arn(&route.key)];
    }
    let request = &exchange.request;
    let arn = |path: &str| {
        let path = path.strip_prefix('/').unwrap_or(path);
        exchange
            .stage
            .execute_api_arn(&format!("{}/{path}", request.method))
    };
    let mut arns = vec![arn(request.route_path.decoded())];
    for other in request.route_path.other_readings() {
        let other = arn(other.decoded());
        if !arns.contains(&other) {
            arns.push(other);
        }
    }
    arns
}

fn refuse(error: &SigV4Error) -> GatewayError {
    let kind = match error {
        SigV4Error::MissingAuthenticationToken => ResponseType::MissingAuthenticationToken,
        _ => ResponseType::InvalidSignature,
    };
    // AWS: the caller of a handshake is told no more than the family of the failure.
    GatewayError::new(kind).because(error)
}
