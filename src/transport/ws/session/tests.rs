//! The session under every kind of input: tables for what is known, properties for the rest.

use proptest::prelude::*;

use super::*;
use crate::plan::stage::BinaryFrames;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const TEXT: u8 = 0x1;
const CONTINUATION: u8 = 0x0;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const FINAL: u8 = 0x80;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, key)| byte ^ key));
    bytes
}

fn closing(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    frame(CLOSE | FINAL, &payload)
}

/// What a session makes of some input: messages, bytes to write, and the ending after the socket is gone.
fn run(input: &[u8], settings: &ConnectionSettings) -> (Vec<Outgoing>, Vec<u8>, Ending) {
    let mut session = Session::new();
    let (mut messages, mut out) = (Vec::new(), Vec::new());
    let mut rest = input;
    while !rest.is_empty() {
        if let Step::Dispatch(message) = session.receive(settings, Tick(0), &mut rest, &mut out) {
            messages.push(message);
        }
    }
    session.lost();
    let ending = session.ending().cloned().expect("a lost session has ended");
    (messages, out, ending)
}

fn check_ending(input: &[u8], code: u16, reason: &str) {
    let (_, out, ending) = run(input, &ConnectionSettings::default());
    assert_eq!((ending.code, ending.reason.as_str()), (code, reason));
    if code != ABNORMAL {
        assert_eq!(
            out.first(),
            Some(&(CLOSE | FINAL)),
            "a close frame is written"
        );
    }
}

#[test]
fn endings() {
    check_ending(&closing(1000, "bye"), 1000, "bye");
    check_ending(&closing(1001, ""), 1001, "");
    check_ending(&closing(4000, "own"), 4000, "own");
    check_ending(&frame(CLOSE | FINAL, b""), 1005, NO_STATUS);
    check_ending(
        &frame(CLOSE | FINAL, b"\x03"),
        1002,
        "Close frame too short",
    );
    check_ending(&closing(1005, ""), 1002, "Close code not allowed");
    check_ending(&closing(999, ""), 1002, "Close code not allowed");
    check_ending(b"", ABNORMAL, LOST);
    check_ending(&frame(TEXT, b"half"), ABNORMAL, LOST);
    check_ending(
        &frame(BINARY | FINAL, b"x"),
        1003,
        "Binary frames are not accepted",
    );
    check_ending(
        &frame(TEXT | FINAL, b"\xc3\x28"),
        1007,
        "Text is not valid UTF-8",
    );
    check_ending(
        &frame(TEXT | FINAL | 0x40, b"x"),
        1002,
        "Reserved bits are set",
    );
    check_ending(&frame(0x3 | FINAL, b""), 1002, "Unknown opcode");
    check_ending(
        &frame(PING, b""),
        1002,
        "Control frames must not be fragmented",
    );
    check_ending(
        &frame(PING | FINAL, &[0; 126]),
        1002,
        "Control frame too long",
    );
    check_ending(
        &frame(CONTINUATION | FINAL, b"x"),
        1002,
        "Continuation without a beginning",
    );
    check_ending(
        &[FINAL | TEXT, 1, b'x'],
        1002,
        "Frames from a client must be masked",
    );
    let long = frame(TEXT | FINAL, &[b'x'; 32769]);
    check_ending(&long, 1009, "Max frame length of 32768 has been exceeded.");
}

#[test]
fn a_frame_is_judged_by_its_header() {
    let mut header = vec![TEXT | FINAL, 0x80 | 127];
    header.extend_from_slice(&(1u64 << 40).to_be_bytes());
    header.extend_from_slice(&MASK);
    check_ending(
        &header,
        1009,
        "Max frame length of 32768 has been exceeded.",
    );
}

#[test]
fn a_message_has_a_limit_beyond_its_frames() {
    let mut input = frame(TEXT, &[b'x'; 32768]);
    for _ in 0..4 {
        input.extend(frame(CONTINUATION, &[b'x'; 32768]));
    }
    check_ending(
        &input,
        1009,
        "Max message length of 131072 has been exceeded.",
    );
}

#[test]
fn empty_fragments_are_counted() {
    let mut input = frame(TEXT, b"");
    for _ in 0..1024 {
        input.extend(frame(CONTINUATION, b""));
    }
    check_ending(&input, 1008, "Too many fragments");
}

#[test]
fn nothing_is_written_after_a_close_frame() {
    let mut session = Session::new();
    let mut out = Vec::new();
    session.close(CloseReason::AWAY, &mut out);
    let written = out.len();
    session.send(&Outgoing::Text(Bytes::from_static(b"late")), &mut out);
    session.ping(&mut out);
    session.close(CloseReason::DELETE, &mut out);
    let input = frame(PING | FINAL, b"still here");
    let step = session.receive(
        &ConnectionSettings::default(),
        Tick(0),
        &mut &input[..],
        &mut out,
    );
    assert_eq!((step, out.len()), (Step::Read, written));
    assert!(session.is_closing());
    let input = closing(1000, "mine");
    session.receive(
        &ConnectionSettings::default(),
        Tick(0),
        &mut &input[..],
        &mut out,
    );
    let ending = session.ending().expect("both sides have closed");
    assert_eq!((ending.code, ending.reason.as_str()), (1001, "Going away"));
}

#[test]
fn pings_are_answered_between_fragments() {
    let mut input = frame(TEXT, b"he");
    input.extend(frame(PING | FINAL, b"there?"));
    input.extend(frame(CONTINUATION | FINAL, b"llo"));
    let (messages, out, _) = run(&input, &ConnectionSettings::default());
    assert_eq!(messages, [Outgoing::Text(Bytes::from_static(b"hello"))]);
    assert_eq!(out, [&[0x8a, 6][..], b"there?"].concat());
}

#[test]
fn the_fuzz_corpus_keeps_the_invariants() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/session");
    let mut seeds = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is there") {
        let path = entry.expect("a seed").path();
        exercise(&std::fs::read(path).expect("a seed can be read"));
        seeds += 1;
    }
    assert!(seeds >= 20, "{seeds} seeds");
}

proptest! {
    #[test]
    fn any_bytes_keep_the_invariants(input: Vec<u8>) {
        exercise(&input);
    }

    #[test]
    fn messages_survive_any_cut(
        texts in prop::collection::vec("\\PC{0,60}", 1..5),
        fragment in 1usize..20,
        cut in 1usize..50,
    ) {
        let settings = ConnectionSettings { binary_frames: BinaryFrames::Accept, ..ConnectionSettings::default() };
        let mut input = Vec::new();
        for text in &texts {
            let mut pieces = text.as_bytes().chunks(fragment).peekable();
            let mut opcode = TEXT;
            if pieces.peek().is_none() {
                input.extend(frame(TEXT | FINAL, b""));
            }
            while let Some(piece) = pieces.next() {
                let last = if pieces.peek().is_none() { FINAL } else { 0 };
                input.extend(frame(opcode | last, piece));
                opcode = CONTINUATION;
            }
        }
        let mut session = Session::new();
        let (mut messages, mut out) = (Vec::new(), Vec::new());
        for piece in input.chunks(cut) {
            let mut rest = piece;
            while !rest.is_empty() {
                if let Step::Dispatch(message) = session.receive(&settings, Tick(0), &mut rest, &mut out) {
                    messages.push(message);
                }
            }
        }
        let expected: Vec<_> = texts.into_iter().map(|text| Outgoing::Text(text.into())).collect();
        prop_assert_eq!(messages, expected);
        prop_assert!(session.is_open() && session.assembling_since().is_none());
    }
}
