//! Answers that are on their way for long.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

use super::client::End;
use super::{Client, scene, timed_scene};
use crate::harness::http_client::request;
use crate::harness::{eventually, soon};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn events_arrive_while_the_backend_goes_on() {
    let (rig, lines, mut client) = scene().await;
    client.get("/events").await;
    let mut line = lines.asked().await;
    line.say(EVENTS).await;
    let head = client.head().await;
    assert_eq!(head.all("content-type"), ["text/event-stream"]);
    for event in ["data: one\n\n", "data: two\n\n"] {
        line.say(format!("{:x}\r\n{event}\r\n", event.len())).await;
        assert_eq!(client.chunk().await.unwrap(), event.as_bytes());
    }
    line.say("0\r\n\r\n").await;
    assert_eq!(client.chunk().await, None);
    // The connections on both sides go on.
    client.get("/again").await;
    assert_eq!(line.head().await.first_line(), "GET /again HTTP/1.1");
    line.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status, 200);
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_large_answer_arrives_whole() {
    const PIECES: usize = 512;
    let piece: Vec<u8> = (0..65_536_u32).map(|number| (number % 251) as u8).collect();
    for chunked in [true, false] {
        let (rig, lines, mut client) = scene().await;
        client.get("/").await;
        let serving = async {
            let mut line = lines.asked().await;
            if chunked {
                line.say(CHUNKED).await;
            } else {
                let length = piece.len() * PIECES;
                line.say(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
                ))
                .await;
            }
            for _ in 0..PIECES {
                if chunked {
                    line.say(format!("{:x}\r\n", piece.len())).await;
                }
                line.say(&piece).await;
                if chunked {
                    line.say("\r\n").await;
                }
            }
            if chunked {
                line.say("0\r\n\r\n").await;
            }
            line
        };
        let reading = async {
            let head = client.head().await;
            client.body(&head).await
        };
        let (_line, end) = tokio::join!(serving, reading);
        let End::Proper(got) = end else {
            panic!("the answer breaks off")
        };
        assert!(
            got.len() == piece.len() * PIECES && got.chunks(piece.len()).all(|got| got == piece)
        );
        drop(client);
        rig.close_keeping(&[]).await;
    }
}

#[tokio::test]
async fn a_slow_reader_slows_the_backend_down() {
    const LENGTH: usize = 256 * 1024 * 1024;
    let (rig, lines, client) = scene().await;
    drop(client);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut slow = socket.connect(rig.address()).await.unwrap();
    slow.write_all(&request("GET", "/", &[], b""))
        .await
        .unwrap();
    let mut line = lines.asked().await;
    line.say(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"
    ))
    .await;
    // What the kernel takes on both sides is some megabytes; then nobody takes any more.
    let piece = vec![0; 1024 * 1024];
    let mut taken = 0;
    let mut quiet = 0;
    while quiet < 100 {
        match line.stream.try_write(&piece) {
            Ok(count) => {
                taken += count;
                quiet = 0;
            }
            Err(_) => {
                rig.settle_tasks().await;
                quiet += 1;
            }
        }
        assert!(taken < LENGTH / 2, "the gateway takes whatever comes");
    }
    drop(slow);
    line.ended().await;
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_answer() {
    let (rig, lines, mut client) = scene().await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say(EVENTS).await;
    client.head().await;
    drop(client);
    // Nothing is written any more; the gateway notices all the same.
    assert_eq!(line.ended().await, b"");
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_head_does_not_end_the_call() {
    let (rig, lines, mut client) = scene().await;
    client.get("/").await;
    let mut line = lines.asked().await;
    drop(client);
    rig.settle_tasks().await;
    line.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    // It was a good answer: the connection is used again.
    let services = rig.gateway.services();
    eventually("the exchange to end", || services.tasks.live() <= 2).await;
    let mut client = Client::connect(&rig).await;
    client.get("/again").await;
    assert_eq!(line.head().await.first_line(), "GET /again HTTP/1.1");
    line.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    assert_eq!(client.head().await.status, 200);
    drop((client, line));
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn silence_ends_an_answer() {
    let (rig, lines, mut client) = timed_scene("tidegate: { bodyIdleTimeout: 10s }").await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say(CHUNKED).await;
    let head = client.head().await;
    for _ in 0..5 {
        // Longer than any timeout in all, never too long at once.
        rig.settle_tasks().await;
        rig.advance(Duration::from_millis(9_999));
        rig.settle_tasks().await;
        line.say("4\r\nmore\r\n").await;
        assert_eq!(client.chunk().await.unwrap(), b"more");
    }
    rig.settle_tasks().await;
    rig.advance(Duration::from_secs(10));
    assert_eq!(client.body(&head).await, End::Broken(Vec::new()));
    assert_eq!(line.ended().await, b"");
    drop(client);
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_body_may_be_silent_for_a_minute_where_nothing_is_said() {
    let (rig, lines, mut client) = timed_scene("timeoutInMillis: 50").await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say(CHUNKED).await;
    let head = client.head().await;
    rig.settle_tasks().await;
    rig.advance(Duration::from_millis(59_999));
    rig.settle_tasks().await;
    line.say("4\r\nmore\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), b"more");
    rig.settle_tasks().await;
    rig.advance(Duration::from_secs(60));
    assert_eq!(client.body(&head).await, End::Broken(Vec::new()));
    assert_eq!(line.ended().await, b"");
    drop(client);
    rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_gateway_that_stops_lets_answers_end() {
    let (rig, lines, mut client) = scene().await;
    client.get("/").await;
    let mut line = lines.asked().await;
    line.say(CHUNKED).await;
    let head = client.head().await;
    let stopping = rig.stop(&[]);
    tokio::pin!(stopping);
    assert!(futures_util::poll!(&mut stopping).is_pending());
    line.say("4\r\nlast\r\n0\r\n\r\n").await;
    let end = soon("the answer to end", async {
        tokio::select! {
            end = client.body(&head) => end,
            () = &mut stopping => panic!("the gateway does not wait"),
        }
    });
    assert_eq!(end.await, End::Proper(b"last".to_vec()));
    drop(client);
    stopping.await;
}
