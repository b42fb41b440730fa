//! Messages that must fit a model.

use std::time::Duration;

use crate::harness::{Rig, Setup, WsClient, chat, echo};
use crate::reload::reload;

const MODELS: &str = r##"    models:
      order:
        contentType: application/json
        description: an order
        schema:
          $schema: http://json-schema.org/draft-04/schema#
          type: object
          required: [action, item]
          properties: { item: { $ref: "https://apigateway.amazonaws.com/restapis/chat/models/item" } }
      item: { schema: '{ "type": "string", "maxLength": 5 }' }
      tree:
        schema: { properties: { children: { items: { $ref: "#" } }, label: { type: string } } }
"##;

/// `chat` with models, and these fields on the route `ask`; what is wrong with a message is in `log`.
fn checked(fields: &str) -> String {
    let definition = chat("{}").replace(
        "ask: { target: integrations/backend,",
        &format!("ask: {{ target: integrations/backend, {fields},"),
    );
    format!("{definition}{MODELS}")
}

async fn started(definition: String) -> Rig {
    let setup = Setup::new(definition).manual().function("backend", echo);
    setup.start().await
}

async fn open(rig: &Rig) -> WsClient {
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    client
}

async fn fits(rig: &Rig, client: &mut WsClient, message: &str) {
    assert_eq!(client.ask(message).await, message);
    rig.event_of("MESSAGE").await;
}

async fn misfit(client: &mut WsClient, message: &str) {
    client.send(message).await;
    assert_eq!(client.error().await, "Invalid request body", "{message}");
}

async fn end(rig: Rig, client: WsClient) {
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn a_message_that_does_not_fit_goes_nowhere() {
    let fields = "modelSelectionExpression: $default, requestModels: { $default: order }";
    let rig = started(checked(fields)).await;
    let mut client = open(&rig).await;
    fits(&rig, &mut client, r#"{"action":"ask","item":"tea"}"#).await;
    fits(
        &rig,
        &mut client,
        r#"{"action":"ask","item":"tea","more":[1]}"#,
    )
    .await;
    misfit(&mut client, r#"{"action":"ask"}"#).await;
    misfit(&mut client, r#"{"action":"ask","item":7}"#).await;
    misfit(&mut client, r#"{"action":"ask","item":"too long"}"#).await;
    // Other routes take anything.
    fits(&rig, &mut client, r#"{"action":"else"}"#).await;
    fits(&rig, &mut client, "no JSON").await;
    end(rig, client).await;
}

#[tokio::test]
async fn a_message_chooses_its_model() {
    let check = async |models: &str, good: &[&str], bad: &[&str]| {
        let fields =
            format!("modelSelectionExpression: $request.body.kind, requestModels: {{ {models} }}");
        let rig = started(checked(&fields)).await;
        let mut client = open(&rig).await;
        for message in good {
            fits(
                &rig,
                &mut client,
                &format!(r#"{{"action":"ask",{message}}}"#),
            )
            .await;
        }
        for message in bad {
            misfit(&mut client, &format!(r#"{{"action":"ask",{message}}}"#)).await;
        }
        end(rig, client).await;
    };
    let order = r#""kind":"order","item":"tea""#;
    let tree = r#""kind":"tree","children":[{"label":"a"}]"#;
    check(
        "order: order, tree: tree",
        &[order, tree],
        &[
            r#""kind":"order""#,
            r#""kind":"tree","children":[{"label":1}]"#,
            // No model is for these, and so they do not fit.
            r#""kind":"other""#,
            r#""kind":"$default""#,
            r#""item":"tea""#,
        ],
    )
    .await;
    check(
        "order: order, $default: tree",
        &[order, tree, r#""kind":"other""#],
        &[r#""kind":"order""#, r#""kind":"other","label":1"#],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_json_fits_no_model() {
    let definition = checked("").replace("backend, ,", "backend,").replace(
        "$default: { target: integrations/backend,",
        "$default: { target: integrations/backend, modelSelectionExpression: $default, requestModels: { $default: item },",
    );
    let definition = definition.replace("prod: {}", "prod: { tidegate: { binaryFrames: accept } }");
    let rig = started(definition).await;
    let mut client = open(&rig).await;
    fits(&rig, &mut client, r#""tea""#).await;
    misfit(&mut client, "tea").await;
    misfit(&mut client, "").await;
    misfit(&mut client, r#"{"a":"b""#).await;
    // Deeper than any message is looked into.
    misfit(
        &mut client,
        &format!("{}{}", "[".repeat(2000), "]".repeat(2000)),
    )
    .await;
    let binary = crate::harness::ws_client::frame(
        crate::harness::ws_client::FINAL | crate::harness::ws_client::BINARY,
        br#""tea""#,
    );
    client.write(&binary).await;
    assert_eq!(client.error().await, "Invalid request body");
    end(rig, client).await;
}

#[tokio::test]
async fn throttles_come_before_models() {
    let fields = "modelSelectionExpression: $default, requestModels: { $default: order }, tidegate: { messageRate: { rate: 1, burst: 1 } }";
    let rig = started(checked(fields)).await;
    let mut client = open(&rig).await;
    misfit(&mut client, r#"{"action":"ask"}"#).await;
    client.send(r#"{"action":"ask"}"#).await;
    assert_eq!(client.error().await, "Too Many Requests");
    rig.advance(Duration::from_secs(1));
    misfit(&mut client, r#"{"action":"ask"}"#).await;
    end(rig, client).await;
}

#[tokio::test]
async fn logs_say_what_is_wrong_and_not_what_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let settings = format!(
        "prod: {{ accessLogSettings: {{ destinationArn: 'file:{}', format: '$context.requestId $context.error.responseType $context.error.validationErrorString' }} }}",
        log.display()
    );
    let fields = "modelSelectionExpression: $default, requestModels: { $default: order }";
    let rig = started(checked(fields).replace("prod: {}", &settings)).await;
    let mut client = open(&rig).await;
    misfit(&mut client, r#"{"action":"ask","item":"s3cr3t-s3cr3t"}"#).await;
    fits(&rig, &mut client, r#"{"action":"ask","item":"tea"}"#).await;
    end(rig, client).await;
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(lines[0], "- -");
    assert!(
        lines[1].starts_with("BAD_REQUEST_BODY [/item: "),
        "{lines:?}"
    );
    assert_eq!(lines[2], "- -");
    assert!(!text.contains("s3cr3t"), "{text}");
}

#[tokio::test]
async fn a_broken_model_is_refused_unless_nobody_looks() {
    let fields = "modelSelectionExpression: $default, requestModels: { $default: item }";
    let broken = checked(fields).replace("\"maxLength\": 5", "\"maxLength\": -5");
    let problem = Setup::new(broken.clone())
        .function("backend", echo)
        .problem()
        .await;
    assert!(
        problem.contains("apis.chat.models.item.schema: /maxLength: "),
        "{problem}"
    );
    let silent = broken.replace(
        "    routes:\n",
        "    disableSchemaValidation: true\n    routes:\n",
    );
    let rig = started(silent).await;
    let mut client = open(&rig).await;
    client.send(r#"{"action":"ask"}"#).await;
    assert_eq!(client.error().await, "Internal server error");
    // A redeploy with a good one helps.
    reload(&rig.gateway, "", &checked(fields)).unwrap();
    misfit(&mut client, r#"{"action":"ask"}"#).await;
    client.leave().await;
    rig.disconnect().await;
    rig.close_after(&["the schema of the model item makes no sense"])
        .await;
}
