//! Are the parameters there that the route requires, and does the message fit its model?
//!
//! Source: API Gateway Developer Guide, "Request validation" (of WebSocket APIs).

use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Event, Exchange, ExchangeScope};
use crate::lang::scope::Scope as _;
use crate::plan::model::Validation;
use crate::plan::route::Route;

/// The variable that says what is wrong with a message.
const DETAILS: &str = "context.error.validationErrorString";

/// Checks `requestParameters` and `requestModels` of the route.
///
/// # Errors
/// 400 when a required parameter is missing; `Invalid request body` when a message does not fit.
pub(super) fn request(exchange: &mut Exchange, route: &Route) -> Result<(), GatewayError> {
    let scope = ExchangeScope::new(exchange);
    let mut required = route.required.iter();
    if let Some(missing) = required.find(|parameter| !parameter.is_present(&scope)) {
        return Err(GatewayError::new(ResponseType::BadRequestParameters)
            .because(format!("{} is missing", missing.name())));
    }
    match (&route.validation, &exchange.event) {
        (Some(validation), Event::Message { .. }) => message(exchange, validation),
        _ => Ok(()),
    }
}

/// AWS: a message whose key has no model, and for which there is no `$default` either, does not fit.
fn message(exchange: &mut Exchange, validation: &Validation) -> Result<(), GatewayError> {
    let scope = ExchangeScope::new(exchange);
    let invalid = || GatewayError::new(ResponseType::BadRequestBody);
    let key = validation.selection.evaluate(&scope);
    let Some(model) = validation.model(&key) else {
        return Err(invalid().because("no model is for this message"));
    };
    let Some(schema) = &model.schema else {
        let cause = format!("the schema of the model {} makes no sense", model.name);
        return Err(GatewayError::new(ResponseType::ApiConfigurationError).because(cause));
    };
    let cause = match scope.body() {
        Some(body) if schema.accepts(body) => return Ok(()),
        // Finding every mistake costs more than finding one: only who asks for them gets them.
        Some(body) => wants_details(exchange).then(|| schema.explain(body)),
        None => Some("[the message is not JSON]".to_owned()),
    };
    drop(key);
    exchange.context.validation_error = cause;
    Err(invalid().because(format!("the message does not fit the model {}", model.name)))
}

fn wants_details(exchange: &Exchange) -> bool {
    let log = exchange.stage.access_log.as_ref();
    log.is_some_and(|log| log.format.variables().any(|name| name == DETAILS))
}
