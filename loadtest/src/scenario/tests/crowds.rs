//! `ramp`, `storm` and `churn` against the floor and against gateways that drop, refuse and fall silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::floor::Floor;
use crate::testing::{floor, peer, read_to_end, run, run_and_pass, socket_peer};

#[tokio::test]
async fn a_ramp_climbs_holds_and_pings() {
    let url = floor(Floor::Echo).await;
    let result = run_and_pass(&format!(
        "ramp {url} --connections 20 --rate 2000 --hold 50ms --ping-interval 10ms --message hi --expect-reply"
    ))
    .await;
    assert_eq!(result["counts"], json!({"requested": 20, "held": 20}));
    let latency = &result["latency_us"];
    assert_eq!(latency["open_from_schedule"]["count"], 20);
    assert_eq!(latency["reply"]["count"], 20);
    assert!(latency["pong"]["count"].as_u64() >= Some(20), "{latency}");
    // The last of 20 is due after 19 intervals of half a millisecond.
    assert!(result["measured_seconds"].as_f64() >= Some(0.0095));
}

#[tokio::test]
async fn a_ramp_notices_who_does_not_answer_pings() {
    // Reads nothing after the handshake.
    let url = socket_peer(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let result = run(&format!(
        "ramp {url} --connections 2 --rate 1000 --hold 200ms --ping-interval 1ms --reply-timeout 20ms"
    ))
    .await;
    assert_eq!(result["errors"], json!({"timeout: pong": 2}));
    assert_eq!(
        result["problems"][0],
        "2 connections were not held to the end"
    );
}

#[tokio::test]
async fn a_slow_gateway_does_not_slow_the_schedule() {
    // Never answers a handshake: each connection fails after its timeout, and the next ones were due long before.
    let address = peer(|mut stream| async move { while stream.read_u8().await.is_ok() {} }).await;
    let result = run(&format!(
        "ramp ws://{address}/ --connections 6 --rate 1000 --hold 1ms --connect-timeout 20ms --connect-concurrency 2"
    ))
    .await;
    assert_eq!(result["errors"], json!({"timeout: handshake": 6}));
    assert_eq!(result["counts"]["held"], 0);
}

#[tokio::test]
async fn bystanders_of_a_storm_are_timed_apart() {
    let url = floor(Floor::Echo).await;
    let pid = std::process::id();
    let result = run(&format!(
        "storm {url} --connections 15 --rounds 2 --calm 50ms --bystanders 3 --bystander-rate 500 --server-pid {pid} \
         --max-slowdown 0.000001 --max-rss 1"
    ))
    .await;
    let counts = &result["counts"];
    assert_eq!(
        (&counts["lost_connections"], &counts["came_back"]),
        (&json!(30), &json!(30))
    );
    assert_eq!(counts["bystander_sent"], counts["bystander_answered"]);
    let latency = &result["latency_us"];
    let [calm, storm, all] = ["bystander_calm", "bystander_storm", "bystander_reply"]
        .map(|name| latency[name]["count"].as_u64().unwrap_or_default());
    // One for each round at least, however slow the machine is.
    assert!(calm >= 2 && storm >= 2, "{latency:#}");
    assert!(all >= calm + storm, "{latency:#}");
    assert_eq!(
        result["connections"],
        json!({"opened": 48, "failed": 0, "dropped": 0})
    );
    let problems = result["problems"].to_string();
    assert!(
        problems.contains("p99 of the bystanders grew by the factor"),
        "{problems}"
    );
    assert!(
        problems.contains("the gateway's resident memory grew to"),
        "{problems}"
    );
    assert!(
        result["details"]["slowdown_p99"].as_f64() > Some(0.0),
        "{result:#}"
    );
}

#[tokio::test]
async fn bystanders_that_nobody_answers_are_a_problem() {
    // Answers the handshake and nothing else.
    let url = socket_peer(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let result = run(&format!(
        "storm {url} --connections 2 --rounds 1 --calm 5ms --bystanders 1 --bystander-rate 1000 --reply-timeout 20ms \
         --connect-timeout 1s"
    ))
    .await;
    assert_eq!(result["counts"]["came_back"], 2);
    assert!(
        result["counts"]["bystander_lost"].as_u64() > Some(0),
        "{result:#}"
    );
    let problems = result["problems"].to_string();
    assert!(
        problems.contains("the bystanders had no replies"),
        "{problems}"
    );
}

#[tokio::test]
async fn everyone_comes_back_after_a_storm() {
    let url = floor(Floor::Echo).await;
    let result = run_and_pass(&format!(
        "storm {url} --connections 15 --rounds 2 --calm 5ms --message hi --expect-reply"
    ))
    .await;
    let counts = &result["counts"];
    assert_eq!(counts["lost_connections"], 30);
    assert_eq!(
        (&counts["came_back"], &counts["tries"]),
        (&json!(30), &json!(30))
    );
    assert_eq!(
        result["connections"],
        json!({"opened": 45, "failed": 0, "dropped": 0})
    );
    assert_eq!(result["details"]["rounds"][1]["clients"], 15);
    assert_eq!(result["latency_us"]["back"]["count"], 30);
}

#[tokio::test]
async fn who_does_not_come_back_is_missed() {
    // Takes three connections and no more.
    let taken = Arc::new(AtomicU64::new(0));
    let address = peer(move |stream| {
        let taken = taken.clone();
        async move {
            if taken.fetch_add(1, Ordering::SeqCst) < 3 {
                read_to_end(tokio_tungstenite::accept_async(stream).await.unwrap()).await;
            }
        }
    })
    .await;
    let result = run(&format!(
        "storm ws://{address}/ --connections 3 --rounds 1 --calm 5ms --back-within 120ms"
    ))
    .await;
    assert_eq!(result["passed"], false);
    assert_eq!(result["counts"]["came_back"], 0);
    assert!(result["counts"]["tries"].as_u64() > Some(3), "{result:#}");
    assert!(result["errors"]["reset"].as_u64() > Some(3), "{result:#}");
    assert_eq!(result["problems"][0], "3 of 3 clients did not come back");
}

#[tokio::test]
async fn churning_connections_come_and_go() {
    let url = floor(Floor::Echo).await;
    let result = run_and_pass(&format!(
        "churn {url} --connections 10 --rate 500 --duration 100ms --message hi"
    ))
    .await;
    assert_eq!(result["counts"], json!({"opened": 50, "closed": 50}));
    assert_eq!(result["latency_us"]["open_from_schedule"]["count"], 50);
    assert_eq!(
        result["timeline"]["connections"].as_array().unwrap().last(),
        Some(&json!(0.0))
    );
}

#[tokio::test]
async fn a_gateway_that_ends_churning_connections_is_noticed() {
    let url = socket_peer(|mut socket| async move {
        socket.next().await;
    })
    .await;
    let result = run(&format!(
        "churn {url} --connections 1000 --rate 100 --duration 300ms --message bye"
    ))
    .await;
    let reset = result["errors"]["reset"].as_u64();
    // The first came 300 ms before the end; the last may have been let go in time.
    assert!(reset >= Some(1), "{result:#}");
    assert_eq!(result["connections"]["dropped"].as_u64(), reset);
}

#[tokio::test]
async fn a_rate_slower_than_the_run_does_not_prolong_it() {
    let url = floor(Floor::Echo).await;
    for rate in ["0.001", "1e-300"] {
        let line = format!("churn {url} --connections 10 --rate {rate} --duration 20ms");
        let result = run_and_pass(&line).await;
        assert_eq!(result["counts"], json!({"opened": 1, "closed": 1}));
        assert!(result["measured_seconds"].as_f64() >= Some(0.02));
    }
}
