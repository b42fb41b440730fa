//! Prometheus' own Python client reads `/metrics`.

use serde_json::{Value, json};

use super::script;
use crate::harness::{Setup, chat, echo};

/// The value of one sample.
fn sample(family: &Value, name: &str, route: &str) -> Option<f64> {
    let labels = json!({ "api_id": "chat", "stage": "prod", "route": route });
    let mut samples = family["samples"].as_array()?.iter();
    let found = samples.find(|sample| sample["name"] == name && sample["labels"] == labels);
    found?["value"].as_f64()
}

#[tokio::test]
async fn prometheus_reads_the_page() {
    const KEY: &str = r#"say "so" \ or not"#;
    let stage = "{ defaultRouteSettings: { detailedMetricsEnabled: true } }";
    let key = json!(KEY).to_string();
    let definition = chat(stage).replace("      ask:", &format!("      {key}:"));
    let rig = Setup::new(definition)
        .function("backend", echo)
        .start()
        .await;
    let mut client = rig.open().await;
    client.ask(&json!({ "action": KEY }).to_string()).await;
    client.ask("no key").await;
    let url = format!("http://{}/metrics", rig.gateway.admin_address());
    let mut scraping = script("scrape_prometheus.py").argument(url).start();
    let seen = scraping.step("scrape").await;
    scraping.end().await;
    assert_eq!(seen["type"], "text/plain; version=0.0.4; charset=utf-8");
    let families = &seen["families"];
    let check = |family: &str, kind: &str, name: &str, route: &str, expected: f64| {
        let family = &families[family];
        assert_eq!(family["type"], kind, "{name}");
        assert_eq!(
            sample(family, name, route),
            Some(expected),
            "{name} {route}"
        );
    };
    // What the parser calls a counter's family lacks the `_total` of its samples.
    let messages = "tidegate_message_count";
    check(
        messages,
        "counter",
        "tidegate_message_count_total",
        KEY,
        2.0,
    );
    check(
        messages,
        "counter",
        "tidegate_message_count_total",
        "$default",
        2.0,
    );
    let latency = "tidegate_integration_latency_seconds";
    let count = format!("{latency}_count");
    check(latency, "histogram", &count, KEY, 1.0);
    check(latency, "histogram", &count, "$connect", 1.0);
    let open = &families["tidegate_open_connections"];
    assert_eq!(open["type"], "gauge");
    assert_eq!(open["samples"][0]["value"], 1.0);
    for process in ["process_start_time_seconds", "tidegate_build_info"] {
        assert_eq!(families[process]["type"], "gauge");
    }
    client.leave().await;
    for _ in 0..4 {
        rig.event("backend").await;
    }
    rig.close().await;
}
