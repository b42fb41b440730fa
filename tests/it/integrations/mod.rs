//! What backends are sent, and what becomes of what they answer.

mod conversion;
mod hosted;
mod hostile;
mod http_proxy;
mod invoke_api;
mod mock;
mod parameters;
mod private;

use crate::harness::Setup;

/// Makes a route answer.
pub(crate) const TWO_WAY: &str =
    "routeResponseSelectionExpression: $default, routeResponses: { $default: {} }";

/// An API `chat` whose three predefined routes all lead to one integration, `$default` both ways.
pub(crate) fn one_backend(integration: &str) -> Setup {
    Setup::new(format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: {{ target: integrations/backend }}
      $disconnect: {{ target: integrations/backend }}
      $default: {{ target: integrations/backend, {TWO_WAY} }}
    integrations:
      backend: {{ {integration} }}
    stages: {{ prod: {{}} }}
"#
    ))
}

/// The same with nothing on `$connect` and `$disconnect`.
pub(crate) fn messages_only(integration: &str) -> Setup {
    Setup::new(format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default: {{ target: integrations/backend, {TWO_WAY} }}
    integrations:
      backend: {{ {integration} }}
    stages: {{ prod: {{}} }}
"#
    ))
}

/// An `HTTP_PROXY` to this URL.
pub(crate) fn proxy(url: &str) -> String {
    format!("integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: \"{url}\"")
}
