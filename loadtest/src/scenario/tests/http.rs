//! `http` against the backend and against servers that refuse, hang, trickle, cut off or talk nonsense.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::floor::Floor;
use crate::stop;
use crate::testing::{floor, nobody, peer, run, run_and_pass, try_run};

#[tokio::test]
async fn requests_are_answered_and_counted() {
    let url = floor(Floor::Backend).await;
    let check = async |options: &str, requests: u64, body_bytes: u64| {
        let result = run_and_pass(&format!("http {url}{options}")).await;
        let counts = &result["counts"];
        assert_eq!(counts["sent"], requests, "{options}");
        assert_eq!(counts["answered"], requests, "{options}");
        assert_eq!(counts["body_bytes"], body_bytes, "{options}");
        assert_eq!(result["latency_us"]["answer"]["count"], requests);
        assert_eq!(result["latency_us"]["head"]["count"], requests);
        result
    };
    let result = check(" --requests 1", 1, 0).await;
    assert_eq!(result["scenario"], "http");
    assert_eq!(result["details"]["statuses"], json!({"200": 1}));
    let result = check("x?y=1 --requests 50 --connections 7", 50, 0).await;
    assert_eq!(result["connections"]["opened"], 7);
    check("?bytes=1000 --requests 3 --expect-bytes 1000", 3, 3000).await;
    check("?bytes=3000000 --requests 2 --download", 2, 6_000_000).await;
    check("?status=404 --requests 2 --expect-status 404", 2, 0).await;
    check(
        "?status=404 --requests 2 --expect-status 200 --expect-status 404",
        2,
        0,
    )
    .await;
    let result = check(
        " --requests 4 --method POST --body hello --header content-type:text/plain",
        4,
        20,
    )
    .await;
    assert_eq!(result["config"]["method"], "POST");
    let result = check(" --requests 40 --rate 2000 --connections 3", 40, 0).await;
    assert_eq!(result["latency_us"]["answer_from_send"]["count"], 40);
    // The last of 40 requests is due after 39 intervals of half a millisecond.
    assert!(result["measured_seconds"].as_f64() >= Some(0.0195));
}

#[tokio::test]
async fn a_body_can_come_from_a_file() {
    let url = floor(Floor::Backend).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [0xFF; 300]).unwrap();
    let path = file.path().display();
    let result = run_and_pass(&format!(
        "http {url} --requests 2 --method POST --body-file {path} --expect-bytes 300"
    ))
    .await;
    assert_eq!(result["counts"]["body_bytes"], 600);
}

#[tokio::test]
async fn waiting_for_a_free_connection_is_part_of_the_latency() {
    let url = floor(Floor::Backend).await;
    // Ten requests are due at once, each takes 5 ms, and there is one connection.
    let result = run_and_pass(&format!(
        "http {url}?delay=5ms --requests 10 --rate 1000000"
    ))
    .await;
    let latency = &result["latency_us"];
    assert!(
        latency["answer"]["max"].as_f64() >= Some(50_000.0),
        "{result:#}"
    );
    let from_send = latency["answer_from_send"]["p50"].as_f64();
    assert!(from_send < latency["answer"]["max"].as_f64(), "{result:#}");
}

#[tokio::test]
async fn unexpected_answers_are_failures() {
    let url = floor(Floor::Backend).await;
    let check = async |options: &str, errors: Value| {
        let result = run(&format!("http {url}{options} --requests 2")).await;
        assert_eq!(result["passed"], false, "{options}");
        assert_eq!(result["errors"], errors, "{options}");
        assert_eq!(result["counts"]["answered"], 0, "{options}");
    };
    check("?status=503", json!({"status 503": 2})).await;
    check("?status=204 --expect-status 200", json!({"status 204": 2})).await;
    check("?bytes=7 --expect-bytes 8", json!({"unexpected length": 2})).await;
}

/// Reads one request head, answers with `text`, and holds the connection open when asked to.
async fn answer(mut stream: TcpStream, text: &'static str, hold: bool) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    stream.write_all(text.as_bytes()).await.ok();
    while hold && stream.read_u8().await.is_ok() {}
}

#[tokio::test]
async fn faulty_servers_are_named() {
    let check = async |text: &'static str, hold: bool, options: &str, error: &str| {
        let address = peer(move |stream| answer(stream, text, hold)).await;
        let result = run(&format!(
            "http http://{address}/ --requests 1 --reply-timeout 30ms {options}"
        ))
        .await;
        assert_eq!(result["passed"], false, "{text}");
        assert_eq!(result["errors"], json!({ error: 1 }), "{text}");
    };
    check("", false, "", "reset").await;
    check("", true, "", "timeout: answer").await;
    check("HTTP/1.1 200 OK\r\n", true, "", "timeout: answer").await;
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    check(cut, false, "", "reset").await;
    check(cut, true, "--download", "timeout: body").await;
    check(
        "garbage\r\n\r\n",
        true,
        "",
        "protocol: malformed HTTP answer",
    )
    .await;
    let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n";
    check(chunk, true, "", "protocol: malformed HTTP answer").await;
}

#[tokio::test]
async fn a_refused_connection_is_counted() {
    let address = nobody().await;
    let result = run(&format!("http http://{address}/ --connections 3")).await;
    assert_eq!(result["errors"], json!({"refused": 3}));
    assert_eq!(result["connections"]["failed"], 3);
    assert_eq!(result["problems"][0], "nothing was sent");
}

#[tokio::test]
async fn a_stop_abandons_what_is_under_way() {
    let (asked, mut waiting) = tokio::sync::mpsc::channel(1);
    let address = peer(move |mut stream| {
        let asked = asked.clone();
        async move {
            stream.read_u8().await.unwrap();
            asked.send(()).await.unwrap();
            while stream.read_u8().await.is_ok() {}
        }
    })
    .await;
    let (switch, stop) = stop::pair();
    let line = format!("http http://{address}/ --reply-timeout 1day");
    let stopper = async {
        waiting.recv().await.unwrap();
        switch.stop();
    };
    let (report, ()) = tokio::join!(try_run(&line, stop), stopper);
    let result = report.unwrap().json().clone();
    assert_eq!(result["interrupted"], true);
    assert_eq!(result["counts"]["abandoned"], 1);
    assert_eq!(result["errors"], json!({}));
}

#[tokio::test]
async fn a_websocket_url_is_refused() {
    let (_switch, stop) = stop::pair();
    let refused = try_run("http ws://127.0.0.1:1/", stop).await;
    assert!(refused.unwrap_err().0.contains("http://"));
}
