//! What becomes of a push's body on its way into frames.

use super::{call, join, leave, setup};
use crate::harness::ws_client::{BINARY, CONTINUATION, TEXT};

#[tokio::test]
async fn text_stays_text_and_bytes_stay_bytes() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let cases: [(&[u8], u8); 6] = [
        (b"{\"a\":1}", TEXT),
        ("äöü \u{10FFFF}".as_bytes(), TEXT),
        (b"a\0b", TEXT),
        (b"\xff\xfe", BINARY),
        (b"half a letter: \xc3", BINARY),
        (b"", TEXT),
    ];
    for (body, opcode) in cases {
        assert_eq!(call(&rig, "POST", &id, body).await.status, 200);
        assert_eq!(client.message(opcode).await, body);
    }
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn large_bodies_are_split_into_frames_of_32_kib() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let cases = [
        (b'x', 32_768, TEXT, vec![32_768]),
        (b'x', 32_769, TEXT, vec![32_768, 1]),
        (0xff, 131_072, BINARY, vec![32_768; 4]),
        (b'x', 131_072, TEXT, vec![32_768; 4]),
    ];
    for (byte, size, opcode, frames) in cases {
        assert_eq!(call(&rig, "POST", &id, &vec![byte; size]).await.status, 200);
        let count = frames.len();
        for (number, length) in frames.into_iter().enumerate() {
            let frame = client.frame().await.expect("a frame");
            let expected = if number == 0 { opcode } else { CONTINUATION };
            assert_eq!(frame.opcode, expected, "frame {number} of {size}");
            assert_eq!(frame.last, number + 1 == count, "frame {number} of {size}");
            assert_eq!(frame.payload, vec![byte; length]);
        }
    }
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn more_than_128_kib_is_413_and_the_caller_sees_it() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    for size in [131_073, 1024 * 1024] {
        let refused = call(&rig, "POST", &id, &vec![b'x'; size]).await;
        let message = super::exception(&refused, 413, "PayloadTooLargeException");
        assert!(!message.is_empty());
    }
    client.silent().await;
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn pushes_that_wait_for_each_other_arrive_in_order() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let pushing = async {
        for number in 0..200 {
            let pushed = call(&rig, "POST", &id, number.to_string().as_bytes()).await;
            assert_eq!(pushed.status, 200);
        }
    };
    let reading = async {
        for number in 0..200 {
            assert_eq!(client.text().await, number.to_string());
        }
    };
    tokio::join!(pushing, reading);
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn many_pushes_on_one_connection_of_http() {
    use crate::harness::http_client::{connect, read_response, request};
    use crate::harness::signer::Signer;
    use tokio::io::AsyncWriteExt as _;

    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let mut stream = connect(rig.address()).await;
    let mut buffer = Vec::new();
    let path = super::path_of(&id);
    for number in 0..20 {
        let body = format!("{number}");
        let signature = Signer::default().sign("POST", &path, &[], body.as_bytes());
        let headers = signature.headers.iter();
        let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
        let bytes = request("POST", &path, &headers, body.as_bytes());
        stream.write_all(&bytes).await.unwrap();
        let answer = read_response(&mut stream, &mut buffer)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
        assert_eq!(client.text().await, body);
    }
    drop(stream);
    leave(&rig, client).await;
    rig.close().await;
}
