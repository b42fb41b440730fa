//! The control plane, as the tools that configure Amazon's gateway call it.

mod access;
mod bodies;
mod definition;
mod domains;
mod file;
#[cfg(target_os = "linux")]
mod full_disk;
mod http_apis;
mod openapi;
mod private;
mod routing_rules;
pub(crate) mod survival;
mod vpc_links;
mod websocket_apis;

use std::path::Path;

use serde_json::Value;

use crate::harness::http_client::send;
use crate::harness::{Response, Rig, Setup};

/// A gateway whose control plane anyone on this machine may call, and that keeps what it is told in `state`.
pub(crate) fn open(definition: &str, state: &Path) -> Setup {
    let state = format!("stateDirectory: '{}'", state.display());
    let setup = Setup::new(definition).server("adminAuth: none");
    setup.server(&state)
}

/// Calls the control plane unsigned, with a body unless it is null.
pub(crate) async fn call(rig: &Rig, method: &str, path: &str, body: Value) -> Response {
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    send_text(rig, method, path, "", &body).await
}

async fn send_text(rig: &Rig, method: &str, path: &str, fields: &str, body: &str) -> Response {
    let address = rig.gateway.admin_address();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    );
    send(address, text.as_bytes()).await
}

/// Calls what must work with this status; gives the body.
pub(crate) async fn works(rig: &Rig, status: u16, method: &str, path: &str, body: Value) -> Value {
    let answer = call(rig, method, path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    match answer.body.is_empty() {
        true => Value::Null,
        false => answer.json(),
    }
}

/// Checks an answer to be this exception; gives its message.
pub(crate) fn exception(answer: &Response, status: u16, name: &str) -> String {
    let found = (answer.status, answer.header("x-amzn-errortype"));
    assert_eq!(found, (status, Some(name)), "{answer:?}");
    let message = answer.json()["message"].as_str().map(str::to_owned);
    message.expect("a message")
}

/// An id in a body.
pub(crate) fn id(body: &Value, member: &str) -> String {
    body[member].as_str().expect("an id").to_owned()
}
