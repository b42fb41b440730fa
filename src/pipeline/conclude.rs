//! The end of every exchange: failures become replies, and the access log gets its line.

use tracing::{debug, warn};

use crate::error::GatewayError;
use crate::exchange::{Event, Exchange, ExchangeScope, Reply};
use crate::pipeline::{Services, failure};

/// Concludes an exchange and gives what the transport must do.
pub(super) async fn conclude(
    services: &Services,
    mut exchange: Exchange,
    result: Result<Reply, GatewayError>,
) -> Reply {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            note(&exchange, &error);
            failure::reply(&mut exchange, &error)
        }
    };
    exchange.context.status = Some(status(&exchange, &reply));
    exchange.context.response_length = length(&reply);
    if let Some(log) = &exchange.stage.access_log {
        let mut line = String::new();
        log.format.render(&ExchangeScope::new(&exchange), &mut line);
        services.access_logs.write(&log.destination, line).await;
    }
    reply
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
        Reply::Frame(_) | Reply::Nothing => match (&exchange.context.error, &exchange.event) {
            (Some(_), Event::Message { .. }) | (Some(_), Event::Disconnect { .. }) => {
                failed_status(exchange)
            }
            _ => exchange.context.integration.status.unwrap_or(200),
        },
    }
}

fn failed_status(exchange: &Exchange) -> u16 {
    use crate::error::ResponseType;
    let name = exchange
        .context
        .error
        .as_ref()
        .map(|error| error.response_type);
    ResponseType::ALL
        .iter()
        .find(|kind| Some(kind.name()) == name)
        .map_or(500, |kind| kind.default_status().as_u16())
}

fn length(reply: &Reply) -> usize {
    match reply {
        Reply::Http(reply) => reply.body.len(),
        Reply::Frame(message) => message.payload().len(),
        Reply::Accept(_) | Reply::Nothing => 0,
    }
}
