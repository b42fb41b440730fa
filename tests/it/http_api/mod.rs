//! HTTP APIs as a whole: the reference's test vectors, hostile requests, signatures, the phases of the pipeline.

mod hostile;
mod injection;
mod intruders;
mod phases;
mod signed;
mod vectors;

use crate::harness::http_client::{request, send};
use crate::harness::{Response, Rig};

/// Sends one request and gives the answer.
async fn ask(rig: &Rig, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    send(rig.address(), &request(method, path, headers, b"")).await
}

/// A definition of the HTTP API `shop` with the stage `$default`; the lines are those of the API, indented by four.
fn shop(lines: &str) -> String {
    format!("apis:\n  shop:\n    protocolType: HTTP\n    stages: {{ $default: {{}} }}\n{lines}")
}
