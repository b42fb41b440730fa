//! From bytes to WebSocket messages, without I/O (RFC 6455 sections 5 and 8.1).
//!
//! Bytes and a time go in, messages and control frames come out. Between two messages the decoder owns no heap memory:
//! what an idle connection keeps is this struct and nothing else. Frame headers are read by tungstenite; the message
//! state is ours because every limit here must bite before a byte is stored: a frame's length is judged by its header,
//! and empty continuation frames count like any others.

use std::io::Cursor;

use bytes::Bytes;
use connection_store::Outgoing;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::base::clock::Tick;
use crate::error::CloseReason;
use crate::plan::stage::{BinaryFrames, ConnectionSettings};
use crate::transport::ws::mask::Mask;
use crate::transport::ws::meter::Meter;

/// Longest frame header: two bytes, a 64-bit length and a mask.
const HEADER_BYTES: usize = 14;
/// Most memory set aside on the word of a frame header; more is taken as bytes arrive.
const RESERVE_BYTES: usize = 64 * 1024;
/// Longest payload of a control frame (RFC 6455 section 5.5).
const CONTROL_BYTES: u64 = 125;

/// One thing that the peer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A whole message; text is valid UTF-8.
    Message(Outgoing),
    /// A ping with its payload.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// A close frame; `None` when it has no status.
    Close(Option<(u16, String)>),
}

/// The state of the incoming direction of one connection.
#[derive(Debug, Default)]
pub struct Decoder {
    header: [u8; HEADER_BYTES],
    header_length: u8,
    meter: Meter,
    partial: Option<Box<Partial>>,
}

/// What exists only while a frame or a message is incomplete.
#[derive(Debug)]
struct Partial {
    began: Tick,
    frame: Option<Frame>,
    control: Vec<u8>,
    message: Option<Message>,
}

#[derive(Debug)]
struct Frame {
    opcode: OpCode,
    is_final: bool,
    remaining: u64,
    mask: Mask,
}

#[derive(Debug)]
struct Message {
    text: bool,
    data: Vec<u8>,
    checked: usize,
    frames: usize,
}

impl Decoder {
    /// The next thing in `input`, which is consumed as far as it was read; `None` when all of it was and more is
    /// needed.
    ///
    /// # Errors
    /// The reason to close the connection with. The decoder is of no use afterwards.
    pub fn next(
        &mut self,
        settings: &ConnectionSettings,
        now: Tick,
        input: &mut &[u8],
    ) -> Result<Option<Incoming>, CloseReason> {
        // Kept on the heap only from one read to the next: most messages come whole.
        let mut partial = match self.partial.take() {
            Some(kept) => *kept,
            None => Partial::begun(now),
        };
        let incoming = loop {
            if partial.frame.is_none() && !self.begin_frame(settings, now, input, &mut partial)? {
                break None;
            }
            if !partial.fill_frame(input) {
                break None;
            }
            if let Some(incoming) = partial.end_frame()? {
                break Some(incoming);
            }
        };
        if partial.is_unfinished() || self.header_length > 0 {
            self.partial = Some(Box::new(partial));
        }
        Ok(incoming)
    }

    /// When the first byte of an unfinished frame or message came; `None` between messages.
    pub fn assembling_since(&self) -> Option<Tick> {
        self.partial.as_ref().map(|partial| partial.began)
    }

    /// Reads a header; `false` when `input` ended within it.
    fn begin_frame(
        &mut self,
        settings: &ConnectionSettings,
        now: Tick,
        input: &mut &[u8],
        partial: &mut Partial,
    ) -> Result<bool, CloseReason> {
        let Some((header, length)) = self.parse_header(input)? else {
            return Ok(false);
        };
        let mask = check_header(&header, length)?;
        let control = matches!(header.opcode, OpCode::Control(_));
        if let Some(limit) = settings.frames_per_second {
            self.meter.count(now, limit, control)?;
        }
        if !control {
            let message = partial.message.take();
            partial.message = Some(Message::continued(message, &header, length, settings)?);
        }
        partial.frame = Some(Frame {
            opcode: header.opcode,
            is_final: header.is_final,
            remaining: length,
            mask,
        });
        Ok(true)
    }

    fn parse_header(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<(FrameHeader, u64)>, CloseReason> {
        let kept = usize::from(self.header_length);
        let added = input.len().min(HEADER_BYTES - kept);
        self.header[kept..kept + added].copy_from_slice(&input[..added]);
        let mut cursor = Cursor::new(&self.header[..kept + added]);
        let parsed =
            FrameHeader::parse(&mut cursor).map_err(|_| CloseReason::Protocol("Unknown opcode"))?;
        if parsed.is_none() {
            // Fourteen bytes always hold a header, so what is kept stays below that.
            self.header_length = u8::try_from(kept + added).unwrap_or(0);
            *input = &input[added..];
            return Ok(None);
        }
        let length = usize::try_from(cursor.position()).unwrap_or(HEADER_BYTES);
        *input = &input[length.saturating_sub(kept)..];
        self.header_length = 0;
        Ok(parsed)
    }
}

impl Partial {
    fn begun(now: Tick) -> Self {
        Self {
            began: now,
            frame: None,
            control: Vec::new(),
            message: None,
        }
    }

    fn is_unfinished(&self) -> bool {
        self.frame.is_some() || self.message.is_some()
    }

    /// Moves payload out of `input`; `true` when the frame is complete.
    fn fill_frame(&mut self, input: &mut &[u8]) -> bool {
        let Some(frame) = &mut self.frame else {
            return false;
        };
        let wanted = usize::try_from(frame.remaining).unwrap_or(usize::MAX);
        let (taken, rest) = input.split_at(wanted.min(input.len()));
        let store = match (&frame.opcode, &mut self.message) {
            (OpCode::Data(_), Some(message)) => &mut message.data,
            _ => &mut self.control,
        };
        let start = store.len();
        store.extend_from_slice(taken);
        frame.mask.apply(&mut store[start..]);
        frame.remaining -= taken.len() as u64;
        *input = rest;
        frame.remaining == 0
    }

    fn end_frame(&mut self) -> Result<Option<Incoming>, CloseReason> {
        let Some(frame) = self.frame.take() else {
            return Ok(None);
        };
        match frame.opcode {
            OpCode::Control(kind) => control(kind, std::mem::take(&mut self.control)).map(Some),
            OpCode::Data(_) => finish_data(&mut self.message, frame.is_final),
        }
    }
}

impl Message {
    /// The message that a data frame begins or goes on with.
    fn continued(
        current: Option<Self>,
        header: &FrameHeader,
        length: u64,
        settings: &ConnectionSettings,
    ) -> Result<Self, CloseReason> {
        let mut message = match (current, header.opcode) {
            (Some(message), OpCode::Data(Data::Continue)) => message,
            (None, OpCode::Data(Data::Text)) => Self::new(true),
            (None, OpCode::Data(Data::Binary)) => Self::new(false),
            (None, _) => return Err(CloseReason::Protocol("Continuation without a beginning")),
            (Some(_), _) => return Err(CloseReason::Protocol("New message inside a message")),
        };
        if !message.text && settings.binary_frames == BinaryFrames::Close {
            return Err(CloseReason::BinaryRefused);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if let Some(limit) = settings.frame_bytes.filter(|limit| length > *limit) {
            return Err(CloseReason::FrameTooLarge { limit });
        }
        let whole = message.data.len().saturating_add(length);
        if let Some(limit) = settings.message_bytes.filter(|limit| whole > *limit) {
            return Err(CloseReason::MessageTooLarge { limit });
        }
        message.frames += 1;
        if settings
            .fragments
            .is_some_and(|limit| message.frames > limit)
        {
            return Err(CloseReason::PolicyViolation("Too many fragments"));
        }
        message.data.reserve(length.min(RESERVE_BYTES));
        Ok(message)
    }

    fn new(text: bool) -> Self {
        Self {
            text,
            data: Vec::new(),
            checked: 0,
            frames: 0,
        }
    }

    /// Checks text as it comes in, so that garbage does not wait for the last fragment.
    fn check_text(&mut self, complete: bool) -> Result<(), CloseReason> {
        if !self.text {
            return Ok(());
        }
        let unchecked = self.data.get(self.checked..).unwrap_or_default();
        match std::str::from_utf8(unchecked) {
            Ok(_) => self.checked = self.data.len(),
            Err(error) if error.error_len().is_none() && !complete => {
                self.checked += error.valid_up_to();
            }
            Err(_) => return Err(CloseReason::NotUtf8),
        }
        Ok(())
    }
}

fn finish_data(
    slot: &mut Option<Message>,
    is_final: bool,
) -> Result<Option<Incoming>, CloseReason> {
    let Some(message) = slot else {
        return Ok(None);
    };
    message.check_text(is_final)?;
    if !is_final {
        return Ok(None);
    }
    Ok(slot.take().map(|message| {
        let data = Bytes::from(message.data);
        Incoming::Message(match message.text {
            true => Outgoing::Text(data),
            false => Outgoing::Binary(data),
        })
    }))
}

fn check_header(header: &FrameHeader, length: u64) -> Result<Mask, CloseReason> {
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(CloseReason::Protocol("Reserved bits are set"));
    }
    let Some(mask) = header.mask else {
        return Err(CloseReason::Protocol("Frames from a client must be masked"));
    };
    if length > i64::MAX as u64 {
        return Err(CloseReason::Protocol("Frame length out of range"));
    }
    if matches!(header.opcode, OpCode::Control(_)) {
        if !header.is_final {
            return Err(CloseReason::Protocol(
                "Control frames must not be fragmented",
            ));
        }
        if length > CONTROL_BYTES {
            return Err(CloseReason::Protocol("Control frame too long"));
        }
    }
    Ok(Mask::new(mask))
}

fn control(kind: Control, payload: Vec<u8>) -> Result<Incoming, CloseReason> {
    match kind {
        Control::Ping => Ok(Incoming::Ping(payload.into())),
        Control::Pong => Ok(Incoming::Pong),
        Control::Close => close(&payload).map(Incoming::Close),
        Control::Reserved(_) => Err(CloseReason::Protocol("Unknown opcode")),
    }
}

fn close(payload: &[u8]) -> Result<Option<(u16, String)>, CloseReason> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(CloseReason::Protocol("Close frame too short")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !CloseCode::from(code).is_allowed() {
        return Err(CloseReason::Protocol("Close code not allowed"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| CloseReason::NotUtf8)?;
    Ok(Some((code, reason.to_owned())))
}
