//! `forward`, `slow` and `soak`: scenarios that are made of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;

use crate::floor::Floor;
use crate::testing::{floor, read_to_end, run, run_and_pass, socket_peer};

#[tokio::test]
async fn forwarded_messages_are_matched() {
    let url = floor(Floor::Echo).await;
    let result = run_and_pass(&format!("forward {url} --messages 20 --connections 2")).await;
    assert_eq!(result["scenario"], "forward");
    assert_eq!(result["counts"]["answered"], 20);
}

#[tokio::test]
async fn the_healthy_are_compared_with_and_without_the_stalled() {
    let url = floor(Floor::Echo).await;
    let pid = std::process::id();
    let result = run_and_pass(&format!(
        "slow {url} --connections 4 --stalled 2 --rounds 2 --rate 400 --duration 50ms --server-pid {pid}"
    ))
    .await;
    let counts = &result["counts"];
    assert_eq!(
        (&counts["alone_answered"], &counts["beside_answered"]),
        (&json!(40), &json!(40))
    );
    assert_eq!(counts["message_bytes"], 64);
    // Others each round; an echo that is not read takes no more after a while.
    let stalled = (&counts["stalled"], &counts["stalled_blocked"]);
    assert_eq!(stalled, (&json!(4), &json!(4)));
    assert_eq!(counts["stalled_unblocked"], 0);
    assert!(counts["stalled_sent"].as_u64() > Some(4), "{counts}");
    let latencies = result["latency_us"].as_object().unwrap();
    assert_eq!(latencies["alone_reply"]["count"], 40);
    assert!(!latencies.keys().any(|name| name.contains("round")));
    let details = &result["details"];
    assert!(details["slowdown_p99"].as_f64() > Some(0.0), "{details}");
    let rounds = details["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 2);
    for part in ["alone_p99_us", "beside_p99_us"] {
        assert!(rounds[1][part].as_f64() > Some(0.0), "{details}");
    }
    assert!(
        details["server_rss_bytes_max"].as_u64() > Some(0),
        "{details}"
    );
}

/// A peer that answers short messages with themselves and leaves connections that send long ones to `stalling`. The number
/// says how many of those there are at the moment, the flag whether a short message ever came meanwhile.
async fn telling_apart<F>(
    stalling: impl Fn(WebSocketStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicBool>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let disturbed = Arc::new(AtomicBool::new(false));
    let pressing = Arc::new(AtomicUsize::new(0));
    let flag = disturbed.clone();
    let url = socket_peer(move |mut socket| {
        let (pressing, flag, stalling) = (pressing.clone(), flag.clone(), stalling.clone());
        async move {
            while let Some(Ok(message)) = socket.next().await {
                if message.len() > 1000 {
                    pressing.fetch_add(1, Ordering::SeqCst);
                    stalling(socket).await;
                    pressing.fetch_sub(1, Ordering::SeqCst);
                    return;
                }
                if pressing.load(Ordering::SeqCst) > 0 {
                    flag.store(true, Ordering::SeqCst);
                }
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (url, disturbed)
}

#[tokio::test]
async fn the_healthy_are_measured_when_the_stalled_have_come_to_rest() {
    // Ends a connection that has sent so much that it cannot be a healthy one.
    let (url, disturbed) = telling_apart(async |mut socket| {
        for _ in 0..100 {
            let Some(Ok(_)) = socket.next().await else {
                return;
            };
        }
    })
    .await;
    let result = run(&format!(
        "slow {url} --connections 2 --stalled 3 --rate 200 --duration 50ms --max-slowdown 0.000001"
    ))
    .await;
    assert!(!disturbed.load(Ordering::SeqCst));
    assert_eq!(result["errors"], json!({}));
    assert_eq!(result["counts"]["beside_answered"], 10);
    assert_eq!(result["counts"]["beside_lost"], 0);
    assert_eq!(result["details"]["stalled_ended"], json!({"reset": 3}));
    let problem = result["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("p99 of the healthy grew"), "{problem}");
}

#[tokio::test]
async fn clients_that_do_not_stall_in_time_are_told_to_be_still() {
    let (url, _) = telling_apart(read_to_end).await;
    let result = run(&format!(
        "slow {url} --connections 1 --stalled 2 --rate 200 --duration 50ms --stall-within 50ms"
    ))
    .await;
    let counts = &result["counts"];
    assert_eq!(counts["stalled_unblocked"], 2, "{result:#}");
    assert_eq!(counts["beside_answered"], 10);
    let problem = result["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("nobody stalled"), "{problem}");
    assert_eq!(result["passed"], false);
}

#[tokio::test]
async fn clients_that_do_not_stall_can_be_interrupted() {
    let (switch, stop) = crate::stop::pair();
    let switch = Arc::new(switch);
    let (url, _) = telling_apart(move |socket| {
        switch.stop();
        read_to_end(socket)
    })
    .await;
    let line = format!(
        "slow {url} --connections 1 --stalled 1 --rounds 9 --rate 200 --duration 50ms --stall-within 1day"
    );
    let report = crate::testing::try_run(&line, stop).await.unwrap();
    let result: Value = report.json().clone();
    assert_eq!(result["interrupted"], true);
    assert_eq!(result["counts"]["alone_answered"], 10);
    assert_eq!(result["counts"]["stalled"], 1);
}

const SOAK: &str = "--duration 600ms --warm-up 1ms --connections 10 --ramp-rate 1000 --churn-connections 5 \
    --churn-rate 100 --push-connections 4 --push-rate 200 --publishers 2 --message-connections 3 --message-rate 100 \
    --reply-timeout 300ms";

#[tokio::test]
async fn a_soak_mixes_everything() {
    // The push floor answers every message with an id, so messages cannot be matched there: echo is faked.
    let url = floor(Floor::push()).await;
    let result = run(&format!(
        "soak {url} {SOAK} --server-pid {}",
        std::process::id()
    ))
    .await;
    let counts = &result["counts"];
    assert_eq!(counts["held_held"], 10);
    assert_eq!(counts["churn_opened"], 60);
    assert_eq!(counts["push_acknowledged"], 120);
    assert_eq!(counts["push_lost"], 0);
    assert_eq!(counts["echo_sent"], 60);
    assert_eq!(counts["echo_unidentified"], 60);
    assert!(
        result["problems"]
            .as_array()
            .unwrap()
            .contains(&json!("60 echo_lost")),
        "{result:#}"
    );
    assert_eq!(result["errors"], json!({"echo: timeout: reply": 60}));
}

#[tokio::test]
async fn a_soak_ends_early_when_it_is_asked_to() {
    let url = floor(Floor::push()).await;
    let (switch, stop) = crate::stop::pair();
    let line =
        format!("soak {url} --duration 1day --connections 1 --ramp-rate 1000 --reply-timeout 50ms");
    let (report, ()) = tokio::join!(crate::testing::try_run(&line, stop), async {
        tokio::task::yield_now().await;
        switch.stop();
    });
    let result: Value = report.unwrap().json().clone();
    assert_eq!(result["interrupted"], true);
}
