//! `MOCK` with literal templates.

use super::TWO_WAY;
use crate::harness::{Handshake, Setup};

fn setup(connect: &str, message: &str) -> Setup {
    Setup::new(format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: {{ target: integrations/connect }}
      $default: {{ target: integrations/message, {TWO_WAY} }}
      tell: {{ target: integrations/message }}
    integrations:
      connect: {{ integrationType: MOCK, {connect} }}
      message: {{ integrationType: MOCK, {message} }}
    stages: {{ prod: {{}} }}
"#
    ))
}

const ACCEPT: &str = r#"requestTemplates: { $default: '{"statusCode": 200}' }"#;

/// Responses that tell which of them was taken.
fn answering(status: &str) -> String {
    format!(
        r#"requestTemplates: {{ application/json: '{{"statusCode": {status}}}' }},
           integrationResponses: {{
             $default: {{ responseTemplates: {{ $default: 'neither' }} }},
             "/4\\d\\d/": {{ responseTemplates: {{ application/json: 'four hundred' }} }},
             "/20[0-4]/": {{ responseTemplates: {{ $default: '{{"message": "pong"}}' }} }},
             "/2\\d\\d/": {{ responseTemplates: {{ $default: 'two hundred' }} }} }}"#
    )
}

#[tokio::test]
async fn the_status_selects_the_reply() {
    for (status, expected) in [
        ("200", r#"{"message": "pong"}"#),
        ("204", r#"{"message": "pong"}"#),
        ("205", "two hundred"),
        ("404", "four hundred"),
        ("500", "neither"),
    ] {
        let rig = setup(ACCEPT, &answering(status)).start().await;
        let mut client = rig.open().await;
        assert_eq!(
            client.ask(r#"{"action":"ping"}"#).await,
            expected,
            "{status}"
        );
        // A one-way route says nothing.
        client.send(r#"{"action":"tell"}"#).await;
        client.silent().await;
        client.leave().await;
        rig.close().await;
    }
}

#[tokio::test]
async fn without_a_template_the_reply_is_empty() {
    let rig = setup(ACCEPT, ACCEPT).start().await;
    let mut client = rig.open().await;
    assert_eq!(client.ask("hi").await, "");
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn on_connect_the_status_decides() {
    for status in [403, 500] {
        let connect = format!(r#"requestTemplates: {{ $default: '{{"statusCode": {status}}}' }}"#);
        let rig = setup(&connect, ACCEPT).start().await;
        let refused = rig.refused(&Handshake::new("/prod")).await;
        assert_eq!(refused.status, status);
        rig.close().await;
    }
}
