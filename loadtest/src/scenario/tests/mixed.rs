//! `forward`, `slow` and `soak`: scenarios that are made of others.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};

use crate::floor::Floor;
use crate::testing::{floor, run, run_and_pass, socket_peer};

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
        "slow {url} --connections 4 --stalled 2 --rate 400 --duration 50ms --size 10000 --server-pid {pid}"
    ))
    .await;
    let counts = &result["counts"];
    assert_eq!(
        (&counts["alone_answered"], &counts["beside_answered"]),
        (&json!(20), &json!(20))
    );
    assert_eq!(counts["stalled"], 2);
    assert!(counts["stalled_sent"].as_u64() > Some(0), "{counts}");
    let details = &result["details"];
    assert!(details["slowdown_p99"].as_f64() > Some(0.0), "{details}");
    assert!(
        details["server_rss_bytes_max"].as_u64() > Some(0),
        "{details}"
    );
}

#[tokio::test]
async fn a_gateway_may_end_the_stalled_but_not_the_healthy() {
    // Ends a connection that has sent so much that it cannot be a healthy one.
    let url = socket_peer(|mut socket| async move {
        for _ in 0..100 {
            let Some(Ok(message)) = socket.next().await else {
                return;
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
    .await;
    let result = run(&format!(
        "slow {url} --connections 1 --stalled 1 --rate 200 --duration 50ms --size 20000 --max-slowdown 0.000001"
    ))
    .await;
    assert_eq!(result["errors"], json!({}));
    assert_eq!(result["counts"]["beside_lost"], 0);
    assert_eq!(result["details"]["stalled_ended"], json!({"reset": 1}));
    let problem = result["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("p99 of the healthy grew"), "{problem}");
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
