//! The program as it is used: what it prints where, its exit status, and what Ctrl-C does.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn loadtest(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(line.split_whitespace());
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(line: &str) -> Output {
    loadtest(line).output().unwrap()
}

/// A floor in a process of its own; it ends with the test.
struct Floor {
    process: Child,
    url: String,
}

impl Floor {
    fn start(line: &str) -> Self {
        let mut process = loadtest(line).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        Self {
            process,
            url: url.trim().to_owned(),
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_run_that_passes_prints_its_result_and_exits_0() {
    let floor = Floor::start("floor echo");
    let pid = floor.process.id();
    let output = run(&format!(
        "echo {} --messages 20 --server-pid {pid}",
        floor.url
    ));
    assert_eq!(output.status.code(), Some(0));
    let result = json(&output);
    assert_eq!(result["counts"]["answered"], 20);
    assert_eq!(result["servers"][0]["pid"], pid);
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.contains("reply µs"), "{summary}");
}

#[test]
fn the_result_can_go_to_a_file() {
    let floor = Floor::start("floor push");
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    let output = run(&format!(
        "push {} --messages 5 --quiet --json {path}",
        floor.url
    ));
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
    let result: Value = serde_json::from_reader(file).unwrap();
    assert_eq!(result["counts"]["received"], 5);
}

#[test]
fn a_run_that_fails_exits_1() {
    let floor = Floor::start("floor echo");
    let output = run(&format!("echo {} --messages 20 --max-p50 1us", floor.url));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&output)["passed"], false);
}

#[test]
fn memory_per_connection_is_measured_and_judged() {
    let floor = Floor::start("floor echo");
    let check = |most: u64, status: i32| {
        let output = run(&format!(
            "idle {} --connections 100 --hold 1ms --cooldown 1ms --message hi --expect-reply --server-pid {} \
             --max-bytes-per-connection {most}",
            floor.url,
            floor.process.id(),
        ));
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        json(&output)["details"]["user_bytes_per_connection"]
            .as_f64()
            .unwrap()
    };
    // A read buffer alone is 4 KiB.
    let bytes = check(1, 1);
    assert!((4096.0..200_000.0).contains(&bytes), "{bytes}");
    check(1_000_000, 0);
}

#[test]
fn misuse_exits_2_and_prints_no_result() {
    for line in [
        "",
        "echo",
        "echo ws://127.0.0.1:1/ --message-template none",
        "echo ftp://127.0.0.1/",
        "push ws://127.0.0.1:1/ --access-key-id x",
        "floor echo --listen 203.0.113.1:1",
    ] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{line}"
        );
    }
}

#[test]
fn an_interrupt_prints_the_partial_result() {
    let floor = Floor::start("floor echo");
    let mut process = loadtest(&format!(
        "echo {} --duration 1day --backend 127.0.0.1:0",
        floor.url
    ))
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    // The backend's address is printed when the signal is already listened for.
    let mut errors = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.starts_with("backend http://127.0.0.1:"), "{line}");
    let pid = Pid::from_child(&process);
    kill_process(pid, Signal::INT).unwrap();
    let mut output = String::new();
    process
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    process.wait().unwrap();
    let result: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(result["interrupted"], true);
}

#[test]
fn a_terminated_floor_exits_0() {
    let mut floor = Floor::start("floor proxy --upstream http://127.0.0.1:1");
    assert!(floor.url.starts_with("http://127.0.0.1:"), "{}", floor.url);
    kill_process(Pid::from_child(&floor.process), Signal::TERM).unwrap();
    assert_eq!(floor.process.wait().unwrap().code(), Some(0));
}

/// A folder with a file in it.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let shown = path.display().to_string();
    (folder, shown)
}

#[test]
fn a_scenario_file_is_run_and_its_goals_decide() {
    let floor = Floor::start("floor echo");
    let yaml = "{name: N, scenario: echo, url: 'ws://127.0.0.1:1/', options: {messages: 5}, goals: {max-p50: 1us}}";
    let (_folder, path) = file("x.yaml", yaml);
    let output = run(&format!("run {path} {} --connections 2", floor.url));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let result = json(&output);
    assert_eq!(
        (&result["name"], &result["counts"]["sent"]),
        (&"N".into(), &5.into())
    );
    assert_eq!(result["config"]["connections"], 2);
    let output = run(&format!("run {path} {} --max-p50=1day", floor.url));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn an_unusable_scenario_file_is_named() {
    for (text, names) in [
        (
            "scenario: echo\nurl: ws://h\noptions: {speed: 5}",
            "--speed",
        ),
        ("scenario: floor\nurl: echo", "none that drives a load"),
        ("scenario: dance\nurl: ws://h", "dance"),
        ("a: [", "x.yaml"),
    ] {
        let (_folder, path) = file("x.yaml", text);
        let output = run(&format!("run {path}"));
        assert_eq!(output.status.code(), Some(2), "{text}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(names) && error.contains("x.yaml"), "{error}");
    }
    assert_eq!(run("run /nowhere.yaml").status.code(), Some(2));
}

#[test]
fn results_become_pages_and_tables() {
    let floor = Floor::start("floor echo");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["a", "b"] {
        let (json, html) = (path(&format!("{name}.json")), path(&format!("{name}.html")));
        let line = format!(
            "echo {} --messages 5 --json {json} --html {html}",
            floor.url
        );
        assert_eq!(run(&line).status.code(), Some(0));
    }
    let page = std::fs::read_to_string(path("a.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("Percentiles"));
    let again = run(&format!("report {}", path("a.json")));
    assert_eq!(String::from_utf8(again.stdout).unwrap(), page);
    let table = run(&format!("compare {} {}", path("a.json"), path("b.json")));
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains("operations/s") && table.contains("ratio"),
        "{table}"
    );
    let (_folder, other) = file("c.json", "{}");
    let refused = run(&format!("compare {} {other}", path("a.json")));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(run(&format!("report {other}")).status.code(), Some(2));
}

#[test]
fn workers_make_one_result() {
    let floor = Floor::start("floor echo");
    let pid = floor.process.id();
    let output = run(&format!(
        "echo {} --workers 3 --connections 7 --messages 50 --rate 2000 --server-pid {pid} --sources 127.0.0.1-127.0.0.3",
        floor.url
    ));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let result = json(&output);
    assert_eq!(result["workers"], 3);
    assert_eq!(result["connections"]["opened"], 7);
    assert_eq!(
        (&result["counts"]["sent"], &result["counts"]["answered"]),
        (&50.into(), &50.into())
    );
    assert_eq!(result["counts"]["message_bytes"], 64);
    assert_eq!(result["latency_us"]["reply"]["count"], 50);
    assert_eq!(result["latency_us"]["connect"]["count"], 7);
    assert_eq!(result["servers"][0]["pid"], pid);
}

#[test]
fn workers_wait_for_each_other() {
    let floor = Floor::start("floor echo");
    let output = run(&format!(
        "idle {} --workers 2 --connections 40 --hold 1ms --cooldown 1ms --message hi --expect-reply --server-pid {}",
        floor.url,
        floor.process.id()
    ));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let result = json(&output);
    assert_eq!(result["counts"]["held"], 40);
    // Both were there when the gateway was looked at: a socket of the floor has a read buffer of 4 KiB.
    let bytes = result["details"]["user_bytes_per_connection"].as_f64();
    assert!(bytes > Some(4096.0 / 2.0), "{bytes:?}");
}

#[test]
fn failures_of_workers_are_added_up() {
    let output = run("echo ws://127.0.0.1:1/ --workers 2 --connections 6 --messages 6");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let result = json(&output);
    assert_eq!(result["errors"]["refused"], 6);
    assert_eq!(
        result["problems"].as_array().unwrap().len(),
        3,
        "{result:#}"
    );
}

#[test]
fn what_cannot_be_divided_is_refused() {
    for line in [
        "echo ws://127.0.0.1:1/ --workers 2 --connections 1",
        "echo ws://127.0.0.1:1/ --workers 2 --connections 2 --backend 127.0.0.1:0",
        "storm ws://127.0.0.1:1/ --workers 2 --connections 2 --bystanders 2",
    ] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn an_interrupt_reaches_the_workers() {
    let floor = Floor::start("floor echo");
    let mut process = loadtest(&format!(
        "echo {} --workers 2 --connections 2 --duration 1day --rate 100",
        floor.url
    ))
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    // The lines of progress say when the workers are at it.
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let busy = lines.find(|line| !line.as_ref().unwrap().contains(" 0 received"));
    assert!(busy.is_some());
    kill_process(Pid::from_child(&process), Signal::INT).unwrap();
    let mut output = String::new();
    process
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    process.wait().unwrap();
    let result: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(result["interrupted"], true);
    assert!(
        result["counts"]["answered"].as_u64() > Some(0),
        "{result:#}"
    );
    assert_eq!(result["counts"]["lost"], 0);
}
