//! Mutual TLS as boto3 turns it on and off, and as curl and Python's ssl meet it.

use serde_json::{Value, json};

use super::{script, secured};
use crate::harness::{Setup, answers};
use crate::mutual_tls::people::{authority, client};

const URI: &str = "s3://shop-keys/clients.pem";
const APIS: &str = r#"
apis:
  shop:
    protocolType: HTTP
    routes: { GET /v2: { target: integrations/backend } }
    integrations:
      backend: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }
    stages: { $default: {} }
"#;

#[tokio::test]
async fn everyday_tools_meet_mutual_tls() {
    let state = tempfile::tempdir().unwrap();
    let own = authority("own");
    let client = client(&own);
    for (name, text) in [
        ("own.pem", &own.pem()),
        ("client.pem", &client.chain),
        ("client.key", &client.key),
    ] {
        std::fs::write(state.path().join(name), text).unwrap();
    }
    let directory = state.path().display().to_string();
    let truststores = format!("truststores: {{ '{URI}': {{ file: '{directory}/own.pem' }} }}");
    let setup = Setup::new(APIS).function("backend", answers(json!({ "statusCode": 200 })));
    let setup = secured(setup, state.path()).server("adminAuth: none");
    let rig = setup.server(&truststores).start().await;
    let mut running = script("mutual_tls.py")
        .arguments(&[&rig.address().port().to_string(), &directory, URI])
        .variable(
            "AWS_ENDPOINT_URL",
            format!("http://{}", rig.gateway.admin_address()),
        )
        .variable("AWS_ACCESS_KEY_ID", "a")
        .variable("AWS_SECRET_ACCESS_KEY", "b")
        .variable("AWS_DEFAULT_REGION", "us-east-1")
        .start();
    let on = json!({ "TruststoreUri": URI, "TruststoreWarnings": [] });
    let guarded = json!(["200", "refused", "200", "refused"]);
    for (step, statuses, shown) in [
        ("on", &guarded, &on),
        ("off", &json!(["200", "200", "200", "200"]), &Value::Null),
        ("on again", &guarded, &on),
    ] {
        let seen = running.step(step).await;
        assert_eq!(
            (&seen["statuses"], &seen["shown"]),
            (statuses, shown),
            "{step}"
        );
    }
    let (_, errors) = running.last_words().await;
    assert_eq!(errors, "");
    rig.functions["backend"].rest().await;
    rig.close().await;
}
