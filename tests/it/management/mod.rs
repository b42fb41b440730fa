//! `@connections`: what backends get for their pushes, questions and disconnections.

mod addressing;
mod answers;
mod curl;
mod payloads;
mod pressure;
mod refusals;

use std::net::SocketAddr;

use serde_json::Value;

use crate::harness::http_client::{request, send};
use crate::harness::signer::{KEY_ID, SECRET, Signer};
use crate::harness::{Response, Rig, Setup, WsClient, chat, echo};

/// A key that may only ask about connections of `prod`.
pub(crate) const READER: (&str, &str) = ("AKIDREADER", "reader-secret");

/// `credentials` with a key for everything and a [`READER`].
pub(crate) fn credentials() -> String {
    format!(
        r#"
credentials:
  - {{ accessKeyId: {KEY_ID}, secretAccessKey: "{SECRET}", userName: backend }}
  - accessKeyId: {}
    secretAccessKey: {}
    userName: reader
    policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Action: "execute-api:ManageConnections"
          Resource: "arn:aws:execute-api:us-east-1:000000000000:chat/prod/GET/@connections/*"
"#,
        READER.0, READER.1
    )
}

/// The API `chat`, credentials, and time that stands still.
pub(crate) fn setup(stage: &str) -> Setup {
    Setup::new(format!("{}{}", credentials(), chat(stage)))
        .function("backend", echo)
        .manual()
}

/// Opens a socket; gives the id that `$connect` saw.
pub(crate) async fn join(rig: &Rig) -> (WsClient, String) {
    let client = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    (client, id_of(&event))
}

/// Leaves as a browser does.
pub(crate) async fn leave(rig: &Rig, client: WsClient) {
    client.leave().await;
    rig.disconnect().await;
}

pub(crate) fn id_of(event: &Value) -> String {
    let id = event["requestContext"]["connectionId"].as_str();
    id.expect("an id").to_owned()
}

/// Where an SDK would send calls about a connection of `prod`.
pub(crate) fn path_of(id: &str) -> String {
    format!("/prod/%40connections/{}", id.replace('=', "%3D"))
}

/// A call that this signer has signed.
pub(crate) async fn signed(
    signer: &Signer,
    address: SocketAddr,
    method: &str,
    target: &str,
    body: &[u8],
) -> Response {
    let signature = signer.sign(method, target, &[], body);
    let headers = signature.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
    send(address, &request(method, target, &headers, body)).await
}

/// A call about a connection of `prod`, signed by the key that may do everything.
pub(crate) async fn call(rig: &Rig, method: &str, id: &str, body: &[u8]) -> Response {
    signed(
        &Signer::default(),
        rig.address(),
        method,
        &path_of(id),
        body,
    )
    .await
}

/// Fails unless the answer is an error as the SDKs read them; gives the body.
pub(crate) fn exception(response: &Response, status: u16, name: &str) -> String {
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(response.header("x-amzn-errortype"), Some(name));
    assert!(response.header("x-amzn-requestid").is_some());
    match response.body.is_empty() {
        true => String::new(),
        false => {
            assert_eq!(response.header("content-type"), Some("application/json"));
            let body = response.json();
            let message = body["message"].as_str().expect("a message").to_owned();
            assert_eq!(body, serde_json::json!({ "message": message }));
            message
        }
    }
}
