//! Every scenario against the floors, where nothing may be lost, and against faulty peers, where everything
//! must be noticed.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::floor::Floor;
use crate::stop;
use crate::testing::{floor, nobody, read_to_end, run, run_and_pass, socket_peer, try_run};

mod crowds;
mod hostile;
mod http;
mod mixed;
mod push;

#[tokio::test]
async fn idle_connections_are_held_and_measured() {
    let url = floor(Floor::Echo).await;
    let pid = std::process::id();
    let result = run_and_pass(&format!(
        "idle {url} --connections 20 --hold 20ms --cooldown 1ms --message hi --expect-reply --server-pid {pid}"
    ))
    .await;
    assert_eq!(result["scenario"], "idle");
    assert_eq!(
        result["connections"],
        json!({"opened": 20, "failed": 0, "dropped": 0})
    );
    assert_eq!(result["counts"]["held"], 20);
    assert_eq!(result["latency_us"]["reply"]["count"], 20);
    assert_eq!(result["latency_us"]["connect"]["count"], 20);
    let details = &result["details"];
    assert!(
        details["user_bytes_per_connection"].is_number(),
        "{details}"
    );
    for look in ["before", "opened", "held", "closed"] {
        assert!(
            details[look][0]["rss_anon_bytes"].as_u64() > Some(0),
            "{look}"
        );
    }
    assert_eq!(result["servers"][0]["pid"], pid);
}

#[tokio::test]
async fn connections_dropped_while_idle_are_noticed() {
    let (sender, mut ended) = tokio::sync::mpsc::channel(3);
    let url = socket_peer(move |mut socket| {
        let sender = sender.clone();
        async move {
            let frame = CloseFrame {
                code: CloseCode::Restart,
                reason: "".into(),
            };
            socket.next().await;
            socket.close(Some(frame)).await.unwrap();
            // Ends when the client has counted the close and dropped its side.
            read_to_end(socket).await;
            sender.send(()).await.unwrap();
        }
    })
    .await;
    let line = format!("idle {url} --connections 3 --message bye --hold 1day --cooldown 1day");
    let (switch, stop) = stop::pair();
    let all_ended = async {
        for _ in 0..3 {
            ended.recv().await.unwrap();
        }
        switch.stop();
    };
    let (report, ()) = tokio::join!(try_run(&line, stop), all_ended);
    let result = report.unwrap().json().clone();
    assert_eq!(result["passed"], false);
    assert_eq!(
        result["connections"],
        json!({"opened": 3, "failed": 0, "dropped": 3})
    );
    assert_eq!(result["counts"]["held"], 0);
    assert_eq!(result["errors"], json!({"closed 1012": 3}));
}

#[tokio::test]
async fn echoes_are_matched() {
    let url = floor(Floor::Echo).await;
    let check = async |options: &str, connections: u64, sent: u64| {
        let result = run_and_pass(&format!("echo {url} {options}")).await;
        let counts = &result["counts"];
        assert_eq!(counts["sent"], sent, "{options}");
        assert_eq!(counts["answered"], sent, "{options}");
        assert_eq!(result["connections"]["opened"], connections, "{options}");
        assert_eq!(result["latency_us"]["reply"]["count"], sent, "{options}");
        result
    };
    check("--messages 1", 1, 1).await;
    check("--messages 50", 1, 50).await;
    check("--messages 50 --connections 7", 7, 50).await;
    check("--messages 500 --in-flight 32", 1, 500).await;
    let result = check("--messages 8 --size 20000 --in-flight 8", 1, 8).await;
    assert_eq!(result["counts"]["message_bytes"], 20_000);
    check("--messages 3 --message-template {id} --connections 5", 5, 3).await;
}

#[tokio::test]
async fn replies_without_ids_are_matched_in_order() {
    let constant = async |times: usize| {
        socket_peer(move |mut socket| async move {
            while let Some(Ok(message)) = socket.next().await {
                for _ in 0..times {
                    if message.is_close() || socket.send(Message::text("pong")).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    };
    let url = constant(1).await;
    let options = "--messages 50 --connections 3 --in-flight 4 --in-order";
    let result = run_and_pass(&format!("echo {url} {options}")).await;
    assert_eq!(result["counts"]["answered"], 50);
    let url = constant(2).await;
    let result = run(&format!("echo {url} --messages 1 --in-order")).await;
    assert_eq!(result["problems"], json!(["1 unidentified"]));
}

#[tokio::test]
async fn a_rate_is_kept() {
    let url = floor(Floor::Echo).await;
    let result = run_and_pass(&format!(
        "echo {url} --messages 40 --rate 2000 --connections 4"
    ))
    .await;
    // The last of 40 messages is due after 39 intervals of half a millisecond.
    assert!(
        result["measured_seconds"].as_f64() >= Some(0.0195),
        "{result}"
    );
    assert_eq!(result["latency_us"]["reply_from_send"]["count"], 40);
    let result = run_and_pass(&format!("echo {url} --duration 50ms --rate 1000")).await;
    assert_eq!(result["counts"]["sent"], 50);
}

#[tokio::test]
async fn a_duration_is_kept() {
    let url = floor(Floor::Echo).await;
    let result = run_and_pass(&format!("echo {url} --duration 500ms --in-flight 2")).await;
    let seconds = result["measured_seconds"].as_f64().unwrap();
    assert!(
        seconds > 0.0 && result["counts"]["sent"].as_u64() > Some(1),
        "{result}"
    );
}

#[tokio::test]
async fn latency_counts_from_the_schedule() {
    // The peer holds back the first of ten replies until the last message has come.
    let url = socket_peer(|mut socket| async move {
        let mut held = Vec::new();
        while held.len() < 10 {
            held.push(socket.next().await.unwrap().unwrap());
        }
        for message in held {
            socket.send(message).await.unwrap();
        }
        read_to_end(socket).await;
    })
    .await;
    let result = run_and_pass(&format!("echo {url} --messages 10 --rate 500")).await;
    // The first was due nine intervals of 2 ms before the last.
    assert!(
        result["latency_us"]["reply"]["max"].as_f64() >= Some(18_000.0),
        "{result}"
    );
}

#[tokio::test]
async fn a_backend_is_served_in_the_same_process() {
    let url = floor(Floor::Echo).await;
    run_and_pass(&format!("echo {url} --messages 5 --backend 127.0.0.1:0")).await;
}

/// Runs ten messages through a peer that answers the n-th one with what `answers` makes of it.
async fn through(answers: fn(usize, &str) -> Vec<String>, options: &str) -> Value {
    let url = socket_peer(move |mut socket| async move {
        let mut n = 0;
        while let Some(Ok(message)) = socket.next().await {
            let Ok(text) = message.to_text() else { return };
            for answer in answers(n, text) {
                if socket.send(Message::text(answer)).await.is_err() {
                    return;
                }
            }
            n += 1;
        }
    })
    .await;
    run(&format!("echo {url} --messages 10 {options}")).await
}

#[tokio::test]
async fn faulty_replies_are_noticed() {
    let check = async |answers: fn(usize, &str) -> Vec<String>, fault: &str, times: u64| {
        // Whatever is not answered with its own id must be waited for.
        let patience = match fault {
            "lost" | "mismatched" => "--in-flight 10 --reply-timeout 300ms",
            _ => "",
        };
        let result = through(answers, patience).await;
        assert_eq!(result["counts"][fault], times, "{fault}: {result:#}");
        assert_eq!(result["passed"], false, "{fault}");
    };
    check(
        |n, text| if n == 3 { vec![] } else { vec![text.into()] },
        "lost",
        1,
    )
    .await;
    check(
        |n, text| vec![text.into(); if n == 3 { 2 } else { 1 }],
        "duplicated",
        1,
    )
    .await;
    check(
        |_, text| vec![text.into(), r#"{"message":"Internal server error"}"#.into()],
        "unidentified",
        10,
    )
    .await;
    // The connection's digits are 000000 and become 000001.
    let misdirect = |_: usize, text: &str| {
        let other = text.replace("0000000000000", "0000010000000");
        vec![other]
    };
    check(misdirect, "mismatched", 10).await;
}

#[tokio::test]
async fn reordered_replies_are_no_fault() {
    let url = socket_peer(|mut socket| async move {
        while let Some(Ok(first)) = socket.next().await {
            let Some(Ok(second)) = socket.next().await else {
                return;
            };
            socket.send(second).await.unwrap();
            socket.send(first).await.unwrap();
        }
    })
    .await;
    let result = run_and_pass(&format!("echo {url} --messages 10 --in-flight 2")).await;
    assert_eq!(result["counts"]["reordered"], 5, "{result:#}");
}

#[tokio::test]
async fn late_replies_are_not_lost() {
    // Answers the first message only when the second comes, which is when the first was given up.
    let url = socket_peer(|mut socket| async move {
        let first = socket.next().await.unwrap().unwrap();
        let second = socket.next().await.unwrap().unwrap();
        socket.send(first).await.unwrap();
        socket.send(second).await.unwrap();
        read_to_end(socket).await;
    })
    .await;
    let result = run(&format!("echo {url} --messages 2 --reply-timeout 500ms")).await;
    assert_eq!(result["counts"]["late"], 1, "{result:#}");
    assert_eq!(result["counts"]["lost"], 0, "{result:#}");
    assert_eq!(result["errors"], json!({"timeout: reply": 1}));
}

#[tokio::test]
async fn a_run_against_nobody_fails_and_says_why() {
    let address = nobody().await;
    for scenario in ["idle", "echo", "push"] {
        let result = run(&format!(
            "{scenario} ws://{address}/ --connections 4{}",
            match scenario {
                "idle" => " --hold 1ms --cooldown 1ms",
                _ => " --duration 20ms",
            }
        ))
        .await;
        assert_eq!(result["passed"], false, "{scenario}");
        assert_eq!(result["connections"]["failed"], 4, "{scenario}: {result:#}");
        assert!(
            result["errors"]["refused"].as_u64() >= Some(4),
            "{scenario}: {result:#}"
        );
    }
}

#[tokio::test]
async fn a_peer_that_swallows_everything_is_given_up() {
    let url = socket_peer(read_to_end).await;
    let result = run(&format!("echo {url} --messages 3 --reply-timeout 40ms")).await;
    assert_eq!(result["counts"]["lost"], 3);
    assert_eq!(result["errors"], json!({"timeout: reply": 3}));
    let result = run(&format!(
        "idle {url} --connections 2 --message x --expect-reply --reply-timeout 40ms --hold 1ms --cooldown 1ms"
    ))
    .await;
    assert_eq!(result["errors"], json!({"timeout: reply": 2}));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up() {
    let url = socket_peer(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let result = run(&format!(
        "echo {url} --messages 1000000 --in-flight 4096 --size 65536 --reply-timeout 100ms"
    ))
    .await;
    assert_eq!(result["passed"], false);
    assert_eq!(result["connections"]["dropped"], 1, "{result:#}");
    assert_eq!(result["errors"]["timeout: write"], 1, "{result:#}");
}

#[tokio::test]
async fn a_stopped_run_reports_what_it_has() {
    let url = floor(Floor::Echo).await;
    let push = floor(Floor::push()).await;
    for line in [
        format!("idle {url} --connections 2 --hold 1day --cooldown 1day"),
        format!("echo {url} --duration 1day"),
        format!("echo {url} --duration 1day --rate 0.001"),
        format!("push {push} --duration 1day --rate 0.001"),
        format!("idle {url} --connections 3 --connect-rate 0.001"),
    ] {
        let (switch, stop) = stop::pair();
        switch.stop();
        let report = try_run(&line, stop).await.unwrap();
        assert_eq!(report.json()["interrupted"], true, "{line}");
    }
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_misuse() {
    let check = async |line: &str, names: &str| {
        let (_switch, stop) = stop::pair();
        let error = try_run(line, stop).await.unwrap_err();
        assert!(error.0.contains(names), "{line}: {error}");
    };
    check("echo ftp://127.0.0.1/", "scheme ftp").await;
    check("echo ws://127.0.0.1:1/ --message-template hello", "{id}").await;
    check(
        "echo ws://127.0.0.1:1/ --server-pid 4294967295",
        "process 4294967295",
    )
    .await;
    check("idle ws://127.0.0.1:1/ --connections 4000000", "ulimit").await;
    check(
        "storm ws://127.0.0.1:1/ --connections 1 --bystanders 1 --bystander-template hello",
        "{id}",
    )
    .await;
    check(
        "push ws://127.0.0.1:1/ --management ftp://127.0.0.1/",
        "scheme ftp",
    )
    .await;
}

#[tokio::test]
async fn the_result_is_complete_and_keeps_secrets() {
    let url = floor(Floor::Echo).await;
    let (_switch, stop) = stop::pair();
    let line = format!("echo {url} --messages 2 --header Authorization:sesame --max-p99 10s");
    let report = try_run(&line, stop).await.unwrap();
    let json = report.json();
    for member in [
        "tool",
        "scenario",
        "started_at",
        "finished_at",
        "interrupted",
        "passed",
        "problems",
        "config",
        "connections",
        "counts",
        "measured_seconds",
        "operations_per_second",
        "latency_us",
        "errors",
        "servers",
        "client",
        "details",
    ] {
        assert!(json.get(member).is_some(), "{member}");
    }
    assert_eq!(json["config"]["messages"], 2);
    assert_eq!(json["config"]["thresholds"]["max_p99"], 10.0);
    assert!(json["client"]["cpu_seconds"].is_number());
    assert!(!json.to_string().contains("sesame"));
    assert!(
        report.summary().contains("reply µs"),
        "{}",
        report.summary()
    );
}
