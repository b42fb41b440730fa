//! From messages to WebSocket frames (RFC 6455 section 5), without I/O.

use connection_store::Outgoing;

/// Largest payload of one outgoing frame. AWS: larger `@connections` messages are split the same way (quotas).
const FRAME_BYTES: usize = 32 * 1024;
const FINAL: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Appends a message, in as many frames as it needs.
pub fn message(message: &Outgoing, out: &mut Vec<u8>) {
    let mut opcode = match message {
        Outgoing::Text(_) => TEXT,
        Outgoing::Binary(_) => BINARY,
    };
    let mut rest: &[u8] = message.payload();
    while rest.len() > FRAME_BYTES {
        let (piece, tail) = rest.split_at(FRAME_BYTES);
        frame(opcode, piece, out);
        opcode = CONTINUATION;
        rest = tail;
    }
    frame(opcode | FINAL, rest, out);
}

/// Appends a ping without payload.
pub fn ping(out: &mut Vec<u8>) {
    frame(PING | FINAL, &[], out);
}

/// Appends a pong that answers a ping with this payload, of at most 125 bytes.
pub fn pong(payload: &[u8], out: &mut Vec<u8>) {
    frame(PONG | FINAL, payload, out);
}

/// Appends a close frame; `None` for one without status. A reason beyond 123 bytes is cut at a character.
pub fn close(status: Option<(u16, &str)>, out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    if let Some((code, reason)) = status {
        payload.extend_from_slice(&code.to_be_bytes());
        let end = (0..=reason.len().min(123))
            .rev()
            .find(|end| reason.is_char_boundary(*end))
            .unwrap_or(0);
        payload.extend_from_slice(&reason.as_bytes()[..end]);
    }
    frame(CLOSE | FINAL, &payload, out);
}

fn frame(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(payload.len() + 10);
    out.push(first);
    match payload.len() {
        // The arms bound the length, so nothing is cut off.
        length @ 0..=125 => out.push(length as u8),
        length @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}
