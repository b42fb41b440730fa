//! Learns a connection's id from what the gateway sends back.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use super::{Socket, receive, send};
use crate::measure::{Failure, Wait};

/// Frames looked at before giving up.
const MAX_FRAMES: usize = 16;

/// Where the id is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionIdSource {
    /// The text message that makes the gateway answer.
    pub message: String,
    /// JSON Pointer (RFC 6901) to the id in the answer; without it, the first member named `connectionId`.
    pub pointer: Option<String>,
}

impl ConnectionIdSource {
    /// Sends the message and looks for the id in the frames that follow.
    ///
    /// # Errors
    ///
    /// The connection ended, no frame came within `patience`, or none carried an id.
    pub async fn ask(&self, socket: &mut Socket, patience: Duration) -> Result<String, Failure> {
        let deadline = Instant::now() + patience;
        send(socket, Message::text(self.message.clone()), patience).await?;
        for _ in 0..MAX_FRAMES {
            let frame = timeout_at(deadline, receive(socket))
                .await
                .map_err(|_| Failure::Timeout(Wait::Reply))??;
            if let Some(id) = find_connection_id(&frame, self.pointer.as_deref()) {
                return Ok(id);
            }
        }
        Err(Failure::NoConnectionId)
    }
}

/// The connection id in one frame: what `pointer` points to, else the first member named
/// `connectionId`, outermost first. An empty id is none.
pub fn find_connection_id(frame: &[u8], pointer: Option<&str>) -> Option<String> {
    let json: Value = serde_json::from_slice(frame).ok()?;
    let found = match pointer {
        Some(pointer) => json.pointer(pointer),
        None => outermost_member(&json, "connectionId"),
    };
    let id = found?.as_str()?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn outermost_member<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    let mut level = vec![json];
    while !level.is_empty() {
        if let Some(found) = level.iter().find_map(|value| value.get(name)) {
            return Some(found);
        }
        level = level.into_iter().flat_map(children).collect();
    }
    None
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found() {
        let check = |frame: &str, pointer: Option<&str>, id: Option<&str>| {
            let found = find_connection_id(frame.as_bytes(), pointer);
            assert_eq!(found.as_deref(), id, "{frame}");
        };
        check(r#"{"connectionId":"a="}"#, None, Some("a="));
        check(
            r#"{"message": "Forbidden", "connectionId":"b=", "requestId":"r"}"#,
            None,
            Some("b="),
        );
        check(
            r#"{"requestContext":{"connectionId":"deep"},"connectionId":"top"}"#,
            None,
            Some("top"),
        );
        check(r#"[{"x":1},{"y":{"connectionId":"c"}}]"#, None, Some("c"));
        check(r#"{"me":{"id":"d"}}"#, Some("/me/id"), Some("d"));
        check(r#"{"connectionId":"a"}"#, Some("/id"), None);
        check(r#"{"connectionId":7}"#, None, None);
        check(r#"{"connectionId":""}"#, None, None);
        check("\"just text\"", None, None);
        check("not json", None, None);
    }
}
