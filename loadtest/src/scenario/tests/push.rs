//! `push` against its floor and against gateways that lose, repeat, swap, misdirect, change or refuse payloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::floor::Floor;
use crate::testing::{floor, peer, run, run_and_pass, socket_peer};

#[tokio::test]
async fn payloads_are_followed() {
    let url = floor(Floor::push()).await;
    let check = async |options: &str, payloads: u64| {
        let result = run_and_pass(&format!("push {url} {options}")).await;
        let counts = &result["counts"];
        assert_eq!(counts["posted"], payloads, "{options}");
        assert_eq!(counts["acknowledged"], payloads, "{options}");
        assert_eq!(counts["received"], payloads, "{options}");
        assert_eq!(result["latency_us"]["receipt"]["count"], payloads);
        assert_eq!(result["latency_us"]["post"]["count"], payloads);
        assert_eq!(result["details"]["statuses"], json!({"200": payloads}));
        result
    };
    check("--messages 1", 1).await;
    check("--messages 100 --connections 7", 100).await;
    check("--messages 101 --connections 5 --publishers 3", 101).await;
    check("--messages 4 --publishers 6 --connections 6", 4).await;
    check("--messages 10 --size 30000", 10).await;
    let result = check(
        "--messages 20 --rate 2000 --publishers 2 --connections 2",
        20,
    )
    .await;
    assert_eq!(result["latency_us"]["receipt_from_schedule"]["count"], 20);
    let signed = "--messages 5 --access-key-id AKIDEXAMPLE --secret-access-key sesame";
    let result = check(signed, 5).await;
    assert_eq!(result["details"]["signed"], true);
    assert!(!result.to_string().contains("sesame"));
}

#[tokio::test]
async fn posts_are_made_ahead() {
    let url = floor(Floor::push()).await;
    let check = async |options: &str, posted: u64, ahead: u64| {
        let signed = "--access-key-id AKIDEXAMPLE --secret-access-key sesame";
        let result = run_and_pass(&format!("push {url} {signed} {options}")).await;
        assert_eq!(result["counts"]["received"], posted, "{options}");
        assert_eq!(result["counts"]["made_ahead"], ahead, "{options}");
    };
    check("--messages 20 --sign-ahead 20", 20, 20).await;
    check("--messages 20", 20, 0).await;
    check(
        "--messages 21 --connections 7 --publishers 3 --sign-ahead 12",
        21,
        12,
    )
    .await;
    check(
        "--messages 4 --connections 2 --publishers 2 --sign-ahead 600",
        4,
        4,
    )
    .await;
}

#[tokio::test]
async fn ids_can_be_chosen() {
    // Queues by the id in the URL; a POST to /pub?id=… is delivered to that socket.
    let queues: Arc<DashMap<String, mpsc::Sender<String>>> = Arc::default();
    let address = peer(move |mut stream| {
        let queues = queues.clone();
        async move {
            let mut head = [0; 1024];
            let length = stream.peek(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let target = head.split_whitespace().nth(1).unwrap();
            let (path, id) = target.split_once("?id=").unwrap();
            if path == "/sub" {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let (sender, mut queue) = mpsc::channel::<String>(64);
                queues.insert(id.to_owned(), sender);
                while let Some(payload) = queue.recv().await {
                    socket.send(Message::text(payload)).await.unwrap();
                }
            } else {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let (_, body) = text.split_once("\r\n\r\n").unwrap();
                let queue = queues.get(id).unwrap().clone();
                queue.send(body.to_owned()).await.unwrap();
                let answer =
                    "HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    let result = run_and_pass(&format!(
        "push ws://{address}/sub?id={{id}} --management http://{address} --post-path /pub?id={{id}} --choose-ids \
         --messages 12 --connections 3"
    ))
    .await;
    assert_eq!(result["counts"]["received"], 12);
}

/// What a faulty gateway does with the payload that was posted as the n-th: what it sends to whom (connection
/// by number), and the status it answers.
type Fault = fn(u64, &str) -> (Vec<(usize, String)>, u16);

/// A gateway that obeys `fault`: its socket and management options.
async fn gateway(fault: Fault) -> String {
    let queues: Arc<DashMap<usize, mpsc::Sender<String>>> = Arc::default();
    let sockets = queues.clone();
    let url = socket_peer(move |mut socket| {
        let sockets = sockets.clone();
        async move {
            let (sender, mut queue) = mpsc::channel::<String>(64);
            let number = sockets.len();
            sockets.insert(number, sender);
            socket.next().await;
            let id = format!(r#"{{"me":{{"connectionId":"{number}="}}}}"#);
            socket.send(Message::text(id)).await.unwrap();
            loop {
                tokio::select! {
                    payload = queue.recv() => {
                        let payload = Message::text(payload.unwrap());
                        socket.send(payload).await.unwrap();
                    }
                    received = socket.next() => if received.is_none() { return },
                }
            }
        }
    })
    .await;
    let posted = Arc::new(AtomicU64::new(0));
    let management =
        peer(move |stream| manage(stream, queues.clone(), posted.clone(), fault)).await;
    format!("{url} --management http://{management}/dev/")
}

/// Serves POSTs on one connection; every request here arrives in few reads and has a length.
async fn manage(
    mut stream: TcpStream,
    queues: Arc<DashMap<usize, mpsc::Sender<String>>>,
    posted: Arc<AtomicU64>,
    fault: Fault,
) {
    let mut read = Vec::new();
    while stream.read_buf(&mut read).await.is_ok_and(|n| n > 0) {
        let text = String::from_utf8(read.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(head.starts_with("POST /dev/@connections/"), "{head}");
        assert!(head.contains("%3D HTTP/1.1"), "{head}");
        if !body.ends_with('}') {
            continue;
        }
        let (deliveries, status) = fault(posted.fetch_add(1, Ordering::Relaxed), body);
        for (connection, payload) in deliveries {
            let queue = queues.get(&connection).unwrap().clone();
            queue.send(payload).await.unwrap();
        }
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        read.clear();
    }
}

/// The connection in a payload's marker, which stands six digits long behind `lt` and four more.
fn to(payload: &str) -> usize {
    let digits = payload.split("lt").nth(1).unwrap();
    let digits: String = digits.chars().skip(4).take(6).collect();
    usize::from_str_radix(&digits, 16).unwrap()
}

async fn faulty(fault: Fault, options: &str) -> Value {
    let target = gateway(fault).await;
    run(&format!(
        "push {target} --messages 8 --connect-concurrency 1 {options}"
    ))
    .await
}

#[tokio::test]
async fn faulty_deliveries_are_noticed() {
    let check = async |fault: Fault, name: &str, times: u64| {
        // What is lost, or goes elsewhere, must be waited for.
        let patience = match name {
            "lost" | "misdelivered" => "--reply-timeout 500ms",
            _ => "",
        };
        let result = faulty(fault, &format!("--connections 2 {patience}")).await;
        assert_eq!(result["counts"][name], times, "{name}: {result:#}");
        assert_eq!(result["passed"], false, "{name}");
    };
    check(
        |n, text| {
            (
                if n == 3 {
                    vec![]
                } else {
                    vec![(to(text), text.into())]
                },
                200,
            )
        },
        "lost",
        1,
    )
    .await;
    check(
        |n, text| {
            (
                vec![(to(text), text.into()); if n == 3 { 2 } else { 1 }],
                200,
            )
        },
        "duplicated",
        1,
    )
    .await;
    check(
        |n, text| (vec![((n as usize + 1) % 2, text.into())], 200),
        "misdelivered",
        8,
    )
    .await;
    check(
        |_, text| (vec![(to(text), text.replace("xx", "yy"))], 200),
        "corrupted",
        8,
    )
    .await;
    check(
        |_, text| {
            (
                vec![(to(text), text.into()), (to(text), "hello".into())],
                200,
            )
        },
        "unidentified",
        8,
    )
    .await;
}

#[tokio::test]
async fn swapped_payloads_are_noticed() {
    // With every second payload also the one before is sent: 1 0, 3 2, and so on.
    let swap: Fault = |n, text| {
        if n % 2 == 0 {
            return (vec![], 200);
        }
        let earlier = format!("{:010x}", n - 1);
        let before = text.replace(&format!("{n:010x}\""), &format!("{earlier}\""));
        (vec![(0, text.into()), (0, before)], 200)
    };
    let result = faulty(swap, "").await;
    assert_eq!(result["counts"]["reordered"], 4, "{result:#}");
    assert_eq!(result["counts"]["lost"], 0);
    assert_eq!(result["passed"], false);
}

#[tokio::test]
async fn refusals_are_counted_by_status() {
    let refuse: Fault = |n, text| match n {
        1 => (vec![], 503),
        2 => (vec![], 429),
        _ => (vec![(0, text.into())], 200),
    };
    let result = faulty(refuse, "").await;
    assert_eq!(
        result["details"]["statuses"],
        json!({"200": 6, "429": 1, "503": 1})
    );
    assert_eq!(result["errors"], json!({"status 503": 1}));
    assert_eq!(result["counts"]["throttled"], 1);
    assert_eq!(
        (&result["counts"]["lost"], &result["counts"]["received"]),
        (&json!(0), &json!(6))
    );
}

#[tokio::test]
async fn throttled_payloads_can_be_posted_again() {
    let throttle: Fault = |n, text| match n {
        2..=4 => (vec![], 429),
        _ => (vec![(0, text.into())], 200),
    };
    let result = faulty(throttle, "--on-429 retry").await;
    assert_eq!(result["passed"], true, "{result:#}");
    assert_eq!(result["counts"]["received"], 8);
    assert_eq!(result["counts"]["throttled"], 3);
    let always: Fault = |_, _| (vec![], 429);
    let result = faulty(always, "--on-429 retry --reply-timeout 10ms").await;
    assert_eq!(result["passed"], false, "{result:#}");
}

#[tokio::test]
async fn a_gone_connection_is_left_alone() {
    let gone: Fault = |n, text| match n {
        2 => (vec![], 410),
        _ => (vec![(to(text), text.into())], 200),
    };
    let result = faulty(gone, "--connections 2").await;
    assert_eq!(result["errors"], json!({"status 410": 1}));
    assert_eq!(result["counts"]["received"], 7);
    let result = faulty(gone, "").await;
    assert_eq!(result["counts"]["posted"], 3);
}

#[tokio::test]
async fn a_management_port_that_fails_is_noticed() {
    let sockets = floor(Floor::push()).await;
    let check = async |serve: fn(TcpStream) -> futures_util::future::BoxFuture<'static, ()>,
                       name: &str| {
        let address = peer(serve).await;
        let result = run(&format!(
            "push {sockets} --management http://{address} --messages 2 --reply-timeout 300ms"
        ))
        .await;
        assert_eq!(result["errors"], json!({name: 2}), "{result:#}");
        assert_eq!(result["counts"]["uncertain"], 2);
    };
    check(|stream| Box::pin(async move { drop(stream) }), "reset").await;
    check(
        |stream| {
            Box::pin(async move {
                std::future::pending::<()>().await;
                drop(stream);
            })
        },
        "timeout: answer",
    )
    .await;
    check(
        |mut stream| {
            Box::pin(async move {
                stream.write_all(b"garbage\r\n\r\n").await.ok();
                drop(stream.read(&mut [0; 4096]).await);
            })
        },
        "protocol: malformed HTTP answer",
    )
    .await;
}

#[tokio::test]
async fn a_gateway_that_tells_no_id_is_noticed() {
    let url = floor(Floor::Echo).await;
    let result = run(&format!("push {url} --messages 1 --reply-timeout 50ms")).await;
    assert_eq!(result["errors"], json!({"timeout: reply": 1}));
    assert_eq!(result["problems"][0], "not all payloads were posted");
}
