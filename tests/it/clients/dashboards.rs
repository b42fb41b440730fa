//! The example dashboard as people meet it: a process, and an operator and a viewer in headless Chromium.

use rustix::process::Signal;
use serde_json::Value;

use super::program::Program;
use super::{announced, built, script, start};

#[tokio::test]
async fn a_dashboard_in_one_process() {
    let program = Program::new("the dashboard", built("examples/dashboard"));
    let mut dashboard = start(program);
    let page = announced(&mut dashboard, "/_apis/live/prod").await;
    let mut browser = script("dashboard_browser.mjs").argument(page).start();
    let seen = browser.seen().await;
    assert_eq!(seen["ok"], true, "{seen}");
    let checks = seen["checks"].as_array().expect("what was checked");
    for check in [
        "charts move",
        "REST call",
        "pushed to every page",
        "scopes",
        "the throttle bites",
        "the throttle lets go",
        "a socket ends with its token",
        "logged in again",
        "no script errors",
    ] {
        assert!(checks.iter().any(|done| done == check), "{check}: {seen}");
    }
    browser.end().await;
    dashboard.signal(Signal::INT);
    check_log(&dashboard.end_quietly().await);
}

/// REST calls and sockets are in one log, under one name.
fn check_log(lines: &[String]) {
    let entries: Vec<Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let check = |api: &str, route: &str, who: &str, status: &str| {
        let found = entries.iter().any(|entry| {
            entry["api"] == api
                && entry["route"] == route
                && entry["who"] == who
                && entry["status"] == status
        });
        assert!(found, "{api} {route} {who} {status}: {entries:#?}");
    };
    check("rest", "GET /metrics", "operator", "200");
    check("rest", "PUT /metrics/{name}/threshold", "operator", "200");
    check("rest", "POST /load", "operator", "200");
    // Refused before anybody was asked who it is.
    check("rest", "POST /load", "-", "429");
    check("live", "$connect", "operator", "101");
    check("live", "$connect", "viewer", "101");
    check("live", "watch", "viewer", "200");
}
