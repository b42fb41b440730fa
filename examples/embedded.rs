//! The gateway inside a Rust program: `cargo run --example embedded`, then `npx wscat -c ws://127.0.0.1:8080/dev`.

use std::convert::Infallible;

use serde_json::{Value, json};
use tidegate::Gateway;

const DEFINITION: &str = r#"
apis:
  shout:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default: { target: integrations/shout, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } }
    integrations:
      shout: { integrationType: AWS_PROXY, integrationUri: "function:shout" }
    stages: { dev: {} }
"#;

/// Gets the event that Lambda would get and answers as a Lambda function would.
async fn shout(event: Value) -> Result<Value, Infallible> {
    let text = event["body"].as_str().unwrap_or_default();
    Ok(json!({ "statusCode": 200, "body": text.to_uppercase() }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gateway = Gateway::builder()
        .definition(DEFINITION)
        .function("shout", shout)
        .start()
        .await?;
    print!("{}", gateway.banner());
    tokio::signal::ctrl_c().await?;
    gateway.shutdown().await;
    Ok(())
}
