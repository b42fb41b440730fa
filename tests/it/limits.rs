//! What a client may send, how much of it, how fast, and what becomes of a connection that sends more.

use std::time::Duration;

use serde_json::json;

use crate::harness::ws_client::{
    BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, TEXT, frame, header,
};
use crate::harness::{Rig, Setup, WsClient, answers, chat, echo};

async fn standing(stage: &str) -> Rig {
    Setup::new(chat(stage))
        .manual()
        .function("backend", echo)
        .start()
        .await
}

async fn open(rig: &Rig) -> WsClient {
    let client = rig.open().await;
    rig.event_of("CONNECT").await;
    client
}

/// Sends these bytes; the gateway must close with this code and say the same to `$disconnect`. No message may arrive.
async fn breach(rig: &Rig, bytes: &[u8], code: u16) -> String {
    let mut client = open(rig).await;
    let calls = rig.calls("backend");
    client.write(bytes).await;
    let (told, reason) = client.closed().await;
    let start = &bytes[..bytes.len().min(20)];
    assert_eq!(told, code, "{start:x?}: {reason}");
    assert_eq!(rig.disconnect().await, (u64::from(code), reason.clone()));
    assert_eq!(rig.calls("backend"), calls + 1, "only the $disconnect");
    reason
}

/// Sends these frames; this text must arrive as one message and come back.
async fn whole(rig: &Rig, bytes: &[u8], text: &str) {
    let mut client = open(rig).await;
    client.write(bytes).await;
    let event = rig.event_of("MESSAGE").await;
    assert!(event["body"] == text, "{} bytes", text.len());
    let mut back = Vec::new();
    loop {
        let frame = client.frame().await.unwrap();
        back.extend(frame.payload);
        if frame.last {
            break;
        }
    }
    assert_eq!(back.len(), text.len());
    client.leave().await;
    rig.disconnect().await;
}

#[tokio::test]
async fn breaches_of_the_protocol_are_1002() {
    let rig = standing("{}").await;
    let check = async |bytes: &[u8]| breach(&rig, bytes, 1002).await;
    check(&[0x81, 2, b'h', b'i']).await;
    check(&[0x89, 0]).await;
    for reserved in [0x40, 0x20, 0x10, 0x70] {
        check(&frame(FINAL | TEXT | reserved, b"hi")).await;
        check(&frame(FINAL | PING | reserved, b"hi")).await;
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        check(&frame(FINAL | opcode, b"")).await;
    }
    check(&frame(FINAL | PING, &[0; 126])).await;
    check(&frame(FINAL | PONG, &[0; 126])).await;
    check(&frame(FINAL | CLOSE, &[0; 126])).await;
    check(&frame(PING, b"part")).await;
    check(&frame(PONG, b"part")).await;
    check(&frame(CLOSE, b"")).await;
    check(&frame(FINAL | CONTINUATION, b"of what?")).await;
    check(&frame(CONTINUATION, b"of what?")).await;
    let mut inside = frame(TEXT, b"first");
    inside.extend(frame(FINAL | TEXT, b"second"));
    check(&inside).await;
    check(&header(FINAL | TEXT, 1 << 63)).await;
    check(&header(FINAL | TEXT, u64::MAX)).await;
    check(b"GET / HTTP/1.1\r\n\r\n").await;
    rig.close().await;
}

#[tokio::test]
async fn text_must_be_utf_8() {
    let rig = standing("{}").await;
    let check = async |bytes: &[u8]| breach(&rig, bytes, 1007).await;
    check(&frame(FINAL | TEXT, &[0xff])).await;
    check(&frame(FINAL | TEXT, b"ok\xc3")).await;
    check(&frame(FINAL | TEXT, b"\xed\xa0\x80")).await;
    check(&frame(FINAL | TEXT, b"\xc0\xaf")).await;
    check(&frame(FINAL | TEXT, b"\xf4\x90\x80\x80")).await;
    // Not even the rest of the message is awaited.
    check(&frame(TEXT, b"\xff")).await;
    let mut split = frame(TEXT, b"\xc3");
    split.extend(frame(FINAL | CONTINUATION, b"\x28"));
    check(&split).await;
    let mut cut = frame(TEXT, b"\xf0\x9f");
    cut.extend(frame(FINAL | CONTINUATION, b"\x8c"));
    check(&cut).await;
    let mut good = frame(TEXT, b"\xf0\x9f");
    good.extend(frame(CONTINUATION, b"\x8c"));
    good.extend(frame(FINAL | CONTINUATION, b"\x8a!"));
    whole(&rig, &good, "\u{1f30a}!").await;
    rig.close().await;
}

#[tokio::test]
async fn frames_and_messages_have_a_size() {
    let rig = standing("{}").await;
    let text = "x".repeat(32_768);
    whole(&rig, &frame(FINAL | TEXT, text.as_bytes()), &text).await;
    let large = "Max frame length of 32768 has been exceeded.";
    let check = async |bytes: &[u8]| assert_eq!(breach(&rig, bytes, 1009).await, large);
    // The header says enough.
    check(&header(FINAL | TEXT, 32_769)).await;
    check(&header(TEXT, 65_536)).await;
    check(&header(FINAL | TEXT, 16 << 20)).await;
    check(&header(FINAL | TEXT, (1 << 63) - 1)).await;
    check(&frame(FINAL | TEXT, "x".repeat(32_769).as_bytes())).await;

    let mut fragments = frame(TEXT, text.as_bytes());
    fragments.extend(frame(CONTINUATION, text.as_bytes()));
    fragments.extend(frame(CONTINUATION, text.as_bytes()));
    let mut exact = fragments.clone();
    exact.extend(frame(FINAL | CONTINUATION, text.as_bytes()));
    whole(&rig, &exact, &text.repeat(4)).await;
    fragments.extend(frame(CONTINUATION, text.as_bytes()));
    fragments.extend(header(FINAL | CONTINUATION, 1));
    breach(&rig, &fragments, 1009).await;
    rig.close().await;
}

#[tokio::test]
async fn sizes_can_be_set_and_lifted() {
    let rig = standing("{ tidegate: { limits: { frameBytes: 10, messageBytes: 15 } } }").await;
    whole(&rig, &frame(FINAL | TEXT, &[b'x'; 10]), "xxxxxxxxxx").await;
    let reason = breach(&rig, &header(FINAL | TEXT, 11), 1009).await;
    assert_eq!(reason, "Max frame length of 10 has been exceeded.");
    let mut fragments = frame(TEXT, &[b'x'; 10]);
    let mut exact = fragments.clone();
    exact.extend(frame(FINAL | CONTINUATION, &[b'x'; 5]));
    whole(&rig, &exact, &"x".repeat(15)).await;
    fragments.extend(header(FINAL | CONTINUATION, 6));
    breach(&rig, &fragments, 1009).await;
    rig.close().await;

    let rig = standing("{ tidegate: { limits: { frameBytes: off, messageBytes: off } } }").await;
    let text = "x".repeat(300_000);
    whole(&rig, &frame(FINAL | TEXT, text.as_bytes()), &text).await;
    let mut fragments = frame(TEXT, text.as_bytes());
    fragments.extend(frame(FINAL | CONTINUATION, text.as_bytes()));
    whole(&rig, &fragments, &text.repeat(2)).await;
    rig.close().await;
}

#[tokio::test]
async fn binary_is_1003() {
    let rig = standing("{}").await;
    breach(&rig, &frame(FINAL | BINARY, b"\0\x01"), 1003).await;
    breach(&rig, &frame(FINAL | BINARY, b""), 1003).await;
    breach(&rig, &frame(BINARY, b"part"), 1003).await;
    // Its size is no matter then.
    breach(&rig, &header(FINAL | BINARY, 1 << 20), 1003).await;
    rig.close().await;
}

#[tokio::test]
async fn binary_can_be_accepted() {
    let rig = standing("{ tidegate: { binaryFrames: accept } }").await;
    let mut client = open(&rig).await;
    let mut check = async |payload: &[u8], body: &str| {
        client.write(&frame(FINAL | BINARY, payload)).await;
        let event = rig.event_of("MESSAGE").await;
        assert_eq!(event["body"], body);
        assert_eq!(event["isBase64Encoded"], true);
        assert_eq!(event["requestContext"]["routeKey"], "$default");
        assert_eq!(client.text().await, body);
    };
    check(&[0, 0xff, 0x80], "AP+A").await;
    check(b"", "").await;
    // Bytes are not looked into, even where they would name a route.
    check(br#"{"action":"tell"}"#, "eyJhY3Rpb24iOiJ0ZWxsIn0=").await;
    client.leave().await;
    rig.disconnect().await;
    // Everything else goes on as before.
    breach(&rig, &frame(FINAL | TEXT, &[0xff]), 1007).await;
    breach(&rig, &header(FINAL | BINARY, 32_769), 1009).await;
    rig.close().await;
}

#[tokio::test]
async fn binary_without_a_default_route_is_forbidden() {
    let definition = chat("{ tidegate: { binaryFrames: accept } }")
        .replace("$default: { target", "other: { target");
    let rig = Setup::new(definition)
        .function("backend", echo)
        .start()
        .await;
    let mut client = open(&rig).await;
    client
        .write(&frame(FINAL | BINARY, br#"{"action":"ask"}"#))
        .await;
    assert_eq!(client.error().await, "Forbidden");
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn pings_are_answered_with_their_payload() {
    let rig = standing("{}").await;
    let mut client = open(&rig).await;
    for payload in [&b""[..], b"hello", &[0xff; 125]] {
        client.write(&frame(FINAL | PING, payload)).await;
        assert_eq!(client.message(PONG).await, payload);
    }
    // A pong that nobody asked for is nothing.
    client.write(&frame(FINAL | PONG, b"unsolicited")).await;
    client.silent().await;
    // Between the fragments of a message too.
    client.write(&frame(TEXT, b"one ")).await;
    client.silent().await;
    client.write(&frame(CONTINUATION, b"two ")).await;
    client.silent().await;
    client.write(&frame(FINAL | CONTINUATION, b"three")).await;
    assert_eq!(client.text().await, "one two three");
    assert_eq!(rig.event_of("MESSAGE").await["body"], "one two three");
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn frames_may_come_byte_by_byte() {
    let rig = standing("{}").await;
    let mut client = open(&rig).await;
    let text = "x".repeat(200);
    let mut bytes = frame(TEXT, text.as_bytes());
    bytes.extend(frame(FINAL | PING, b"in between"));
    bytes.extend(frame(FINAL | CONTINUATION, b"!"));
    for byte in bytes {
        client.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.message(PONG).await, b"in between");
    assert_eq!(client.text().await, format!("{text}!"));
    rig.event_of("MESSAGE").await;
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

/// A message in so many frames, each with this payload.
fn fragments(count: usize, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(TEXT, payload);
    for _ in 2..count {
        bytes.extend(frame(CONTINUATION, payload));
    }
    bytes.extend(frame(FINAL | CONTINUATION, payload));
    bytes
}

#[tokio::test]
async fn fragments_are_counted() {
    let rig = standing("{}").await;
    whole(&rig, &fragments(1024, b"x"), &"x".repeat(1024)).await;
    whole(&rig, &fragments(1024, b""), "").await;
    breach(&rig, &fragments(1025, b"x"), 1008).await;
    breach(&rig, &fragments(1025, b""), 1008).await;
    // Without end, and without a byte of payload.
    breach(&rig, &fragments(20_000, b""), 1008).await;
    rig.close().await;

    let rig = standing("{ tidegate: { limits: { fragments: 3 } } }").await;
    whole(&rig, &fragments(3, b"x"), "xxx").await;
    breach(&rig, &fragments(4, b"x"), 1008).await;
    rig.close().await;

    let rig = standing("{ tidegate: { limits: { fragments: off, framesPerSecond: off } } }").await;
    whole(&rig, &fragments(3000, b"x"), &"x".repeat(3000)).await;
    rig.close().await;
}

#[tokio::test]
async fn a_message_has_a_time_to_arrive_in() {
    let check = async |stage: &str, begin: &[u8], limit: Duration| {
        let rig = standing(stage).await;
        let mut client = open(&rig).await;
        client.write(begin).await;
        // The gateway has read it once it has answered what came behind it on another connection.
        rig.settle_tasks().await;
        rig.advance(limit - Duration::from_millis(1));
        rig.settle_tasks().await;
        assert_eq!(rig.gateway.connections(), 1);
        rig.advance(Duration::from_millis(1));
        let (code, reason) = client.closed().await;
        assert_eq!(code, 1008, "{reason}");
        assert_eq!(rig.disconnect().await, (1008, reason));
        rig.close().await;
    };
    let limit = Duration::from_secs(30);
    check("{}", &frame(TEXT, b"the rest comes never"), limit).await;
    check("{}", &frame(FINAL | TEXT, b"nor does this")[..10], limit).await;
    check("{}", &[FINAL | TEXT], limit).await;
    let mut trickle = frame(TEXT, b"");
    trickle.extend(frame(CONTINUATION, b""));
    check("{}", &trickle, limit).await;
    let short = "{ tidegate: { limits: { assemblyTimeout: 1s } } }";
    check(short, &frame(TEXT, b"part"), Duration::from_secs(1)).await;
}

#[tokio::test]
async fn the_time_to_arrive_can_be_lifted() {
    let rig = standing("{ tidegate: { limits: { assemblyTimeout: off } } }").await;
    let mut client = open(&rig).await;
    client.write(&frame(TEXT, b"one ")).await;
    client.silent().await;
    rig.advance(Duration::from_secs(300));
    client.silent().await;
    client.write(&frame(FINAL | CONTINUATION, b"two")).await;
    assert_eq!(client.text().await, "one two");
    rig.event_of("MESSAGE").await;
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn more_than_so_many_control_frames_is_1008() {
    for opcode in [PING, PONG] {
        let rig = standing("{}").await;
        let mut client = open(&rig).await;
        client
            .write(&frame(FINAL | opcode, b"x").repeat(1000))
            .await;
        let mut pongs = 0;
        let payload = loop {
            let frame = client.frame().await.unwrap();
            match frame.opcode {
                PONG => pongs += 1,
                CLOSE => break frame.payload,
                other => panic!("{other:x}"),
            }
        };
        assert_eq!(payload[..2], 1008u16.to_be_bytes());
        assert!(pongs <= 150, "{pongs}");
        assert_eq!(client.frame().await, None);
        drop(client);
        assert_eq!(rig.disconnect().await.0, 1008);
        rig.close().await;
    }
}

#[tokio::test]
async fn a_moderate_pace_of_control_frames_is_fine() {
    let rig = standing("{}").await;
    let mut client = open(&rig).await;
    for _ in 0..60 {
        for _ in 0..10 {
            client.silent().await;
        }
        rig.advance(Duration::from_secs(1));
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn frames_per_second() {
    let stage = "{ tidegate: { limits: { framesPerSecond: 5 } } }";
    let rig = standing(stage).await;
    let mut client = open(&rig).await;
    // Two seconds' worth may come at once; then the rate counts.
    for round in 0..3 {
        let count = if round == 0 { 10 } else { 5 };
        for number in 0..count {
            assert_eq!(
                client.ask(&format!("{round} {number}")).await,
                format!("{round} {number}")
            );
            rig.event_of("MESSAGE").await;
        }
        rig.advance(Duration::from_secs(1));
    }
    for _ in 0..5 {
        client.ask("still").await;
        rig.event_of("MESSAGE").await;
    }
    client.send("one too many").await;
    let (code, reason) = client.closed().await;
    assert_eq!(code, 1008);
    assert_eq!(rig.disconnect().await, (1008, reason));
    rig.close().await;
}

#[tokio::test]
async fn a_flood_of_frames_is_1008_by_default() {
    let rig = Setup::new(chat("{}"))
        .server("limits: { requestRate: off }")
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let mut client = open(&rig).await;
    client
        .write(&frame(FINAL | TEXT, br#"{"action":"tell"}"#).repeat(2001))
        .await;
    let (code, _) = client.closed().await;
    assert_eq!(code, 1008);
    for _ in 0..2000 {
        rig.event_of("MESSAGE").await;
    }
    assert_eq!(rig.disconnect().await.0, 1008);
    rig.close().await;
}

#[tokio::test]
async fn no_extension_is_negotiated() {
    let rig = standing("{}").await;
    for offer in [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        "x-webkit-deflate-frame",
        "permessage-bzip2",
        "a, b; c=1",
    ] {
        let handshake = crate::harness::Handshake::new("/prod");
        let client = rig
            .connect(&handshake.header("Sec-WebSocket-Extensions", offer))
            .await;
        rig.event_of("CONNECT").await;
        assert_eq!(
            client.response.header("sec-websocket-extensions"),
            None,
            "{offer}"
        );
        client.leave().await;
        rig.disconnect().await;
    }
    rig.close().await;
}
