//! Domain names whose clients need a certificate.

mod events;
mod handshakes;
pub(crate) mod people;
mod swaps;
mod ways_in;

use std::path::Path;

use serde_json::json;

use crate::harness::{Rig, Setup, answers};
use people::Authority;

/// Where the truststore of [`gateway`] is named to be.
const URI: &str = "s3://shop-keys/clients.pem";

/// An API `shop` and a WebSocket API `chat` behind these domain names: `shop.test` and `*.wild.test` want certificates by `own`,
/// `other.test` by `other`, `plain.test` wants none; `chat.test` leads to `chat` and wants certificates by `own`.
const DEFINITION: &str = r#"
apis:
  shop:
    protocolType: HTTP
    routes:
      GET /v2: { target: integrations/v2 }
      GET /v1: { target: integrations/v1 }
      GET /guarded2: { target: integrations/v2, authorizationType: CUSTOM, authorizerId: two }
      GET /guarded1: { target: integrations/v2, authorizationType: CUSTOM, authorizerId: one }
    integrations:
      v1: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "1.0" }
      v2: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }
    authorizers:
      one: { authorizerType: REQUEST, authorizerUri: "function:guard", authorizerPayloadFormatVersion: "1.0", enableSimpleResponses: false }
      two: { authorizerType: REQUEST, authorizerUri: "function:guard", authorizerPayloadFormatVersion: "2.0", enableSimpleResponses: true }
    stages: { $default: STAGE }
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: { target: integrations/backend }
      $default: { target: integrations/backend }
    integrations: { backend: { integrationType: AWS_PROXY, integrationUri: "function:backend" } }
    stages: { prod: {} }
domainNames:
  shop.test:
    mutualTlsAuthentication: { truststoreUri: s3://shop-keys/clients.pem }
    apiMappings: { "": { apiId: shop, stage: $default } }
  "*.wild.test":
    mutualTlsAuthentication: { truststoreUri: s3://shop-keys/clients.pem }
    apiMappings: { "": { apiId: shop, stage: $default } }
  other.test:
    mutualTlsAuthentication: { truststoreUri: s3://shop-keys/clients.pem, truststoreVersion: other }
    apiMappings: { "": { apiId: shop, stage: $default } }
  plain.test: { apiMappings: { "": { apiId: shop, stage: $default } } }
  chat.test:
    mutualTlsAuthentication: { truststoreUri: s3://shop-keys/clients.pem }
    apiMappings: { "": { apiId: chat, stage: prod } }
"#;

/// A gateway with [`DEFINITION`] and a development CA in `state`.
fn gateway(state: &Path, own: &Authority, other: &Authority) -> Setup {
    gateway_with(state, &own.pem(), &other.pem(), "{}")
}

fn gateway_with(state: &Path, own: &str, other: &str, stage: &str) -> Setup {
    std::fs::write(state.join("own.pem"), own).unwrap();
    std::fs::write(state.join("other.pem"), other).unwrap();
    let allowed = json!({ "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [allowed] });
    // One for both formats.
    let verdict = json!({ "isAuthorized": true, "principalId": "a", "policyDocument": policy });
    Setup::new(DEFINITION.replace("STAGE", stage))
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("guard", answers(verdict))
        .server("tls: development")
        .server(&format!("stateDirectory: '{}'", state.display()))
        .server(&truststores(state))
}

/// What the server is told of truststores in `directory`.
fn truststores(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "truststores: {{ '{URI}': {{ file: '{directory}/own.pem', versions: {{ other: '{directory}/other.pem' }} }} }}"
    )
}

/// Forgets the events of `backend` that came so far.
async fn forget(rig: &Rig) {
    rig.functions["backend"].rest().await;
}
