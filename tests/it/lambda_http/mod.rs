//! Lambda functions behind HTTP APIs: the events they get, the answers they give, and functions that decide who may call.

mod answers;
mod authorizer_cache;
mod authorizers;
mod elsewhere;
mod events;

use serde_json::Value;

use crate::harness::http_client::{request, send};
use crate::harness::ws_client::is_id;
use crate::harness::{Response, Rig};

/// An API `shop` on the stages `$default` and `dev`. Its integrations `v1` and `v2` lead to the function `backend`, in the
/// payload format of that name. `routes` and `more` are lines of the API.
fn shop(routes: &str, more: &str) -> String {
    let indented = |lines: &str, by: usize| {
        let lines = lines.lines().filter(|line| !line.trim().is_empty());
        let lines = lines.map(|line| format!("{:by$}{}\n", "", line.trim()));
        lines.collect::<String>()
    };
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    routes:
{}    integrations:
      v1: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "1.0" }}
      v2: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }}
    stages: {{ $default: {{}}, dev: {{ stageVariables: {{ tier: gold, backend: blue }} }} }}
{}"#,
        indented(routes, 6),
        indented(more, 4),
    )
}

/// Sends a request without body.
async fn get(rig: &Rig, target: &str, headers: &[(&str, &str)]) -> Response {
    send(rig.address(), &request("GET", target, headers, b"")).await
}

/// What the gateway itself says: status and `message`.
fn told(response: &Response) -> (u16, String) {
    let json = response.json();
    let message = json["message"].as_str().expect("a message");
    assert_eq!(response.text(), format!(r#"{{"message":"{message}"}}"#));
    assert_eq!(response.header("content-type"), Some("application/json"));
    (response.status, message.to_owned())
}

/// Puts fixed texts in place of what differs from run to run, after a look at it; gives the request id.
fn settle_ids(event: &mut Value, names: &[&str]) -> String {
    let mut id = None;
    for name in names {
        let place = &mut event["requestContext"][*name];
        let found = place.as_str().expect("an id").to_owned();
        assert!(is_id(&found), "{name}: {found}");
        assert_eq!(*id.get_or_insert_with(|| found.clone()), found);
        *place = "ID".into();
    }
    for name in ["x-amzn-trace-id", "X-Amzn-Trace-Id"] {
        if let Some(trace) = event["headers"].get_mut(name) {
            let text = trace.as_str().expect("a trace id").to_owned();
            assert!(text.starts_with("Root=1-"), "{text}");
            *trace = "TRACE".into();
            let many = event.get_mut("multiValueHeaders");
            if let Some(many) = many.and_then(|many| many.get_mut(name)) {
                assert_eq!(*many, serde_json::json!([text]));
                *many = serde_json::json!(["TRACE"]);
            }
        }
    }
    id.unwrap_or_default()
}

/// Compares events, the order of their members included.
fn check(event: &Value, expected: &Value) {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    assert_eq!(pretty(event), pretty(expected));
}
