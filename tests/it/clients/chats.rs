//! The example chats as people meet them: a process, and two people in headless Chromium.

use rustix::process::Signal;

use super::program::{Program, Running};
use super::{file, installed, script};

/// The folder of the program under test.
fn built(program: &str) -> std::path::PathBuf {
    let tidegate = std::path::Path::new(env!("CARGO_BIN_EXE_tidegate"));
    let folder = tidegate.parent().expect("it is in a folder");
    let program = folder.join(program);
    let name = program.display();
    assert!(
        program.exists(),
        "{name} is not built: run cargo build --examples"
    );
    program
}

/// Starts on ports of its own, with a state directory in the program's home.
fn start(program: Program) -> Running {
    program
        .variable("TIDEGATE_SERVER_LISTEN", "127.0.0.1:0")
        .variable("TIDEGATE_SERVER_ADMIN", "127.0.0.1:0")
        .start()
}

/// Where it says that the page is.
async fn page(chat: &mut Running) -> String {
    while let Some(line) = chat.line().await {
        let mut words = line.split_whitespace();
        let page = words.find(|word| word.starts_with("http://") && word.ends_with("/prod"));
        if let Some(page) = page {
            return page.to_owned();
        }
    }
    panic!("no page was announced");
}

/// Two people talk on the page; then the chat is told to end, and has nothing to complain about.
async fn two_people_talk(mut chat: Running, signal: Signal) {
    let page = page(&mut chat).await;
    let mut browser = script("chat_browser.mjs").argument(page).start();
    let seen = browser.seen().await;
    assert_eq!(seen["ok"], true, "{seen}");
    let checks = seen["checks"].as_array().expect("what was checked");
    for check in [
        "talk one way",
        "talk the other way",
        "in order",
        "reconnect",
        "no script errors",
    ] {
        assert!(checks.iter().any(|done| done == check), "{check}: {seen}");
    }
    browser.end().await;
    chat.signal(signal);
    while chat.line().await.is_some() {}
    let log = chat.end().await;
    let complaints = ["WARN", "ERROR", "panicked"];
    let complains = |line: &&str| complaints.iter().any(|complaint| line.contains(complaint));
    assert_eq!(log.lines().find(complains), None, "{log}");
}

#[tokio::test]
async fn a_chat_in_one_process() {
    let chat = start(Program::new("the chat", built("examples/chat")));
    two_people_talk(chat, Signal::INT).await;
}

#[tokio::test]
async fn a_chat_over_lambda_functions() {
    installed("examples/chat-lambda/node_modules/.tidegate-setup");
    let state = tempfile::tempdir().unwrap();
    let programs = installed(".venv/bin").into_os_string();
    let mut path = programs;
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    let chat = Program::new("tidegate serve", built("tidegate"))
        .argument("serve")
        .directory(&file("examples/chat-lambda"))
        .variable("PATH", path)
        .variable("TIDEGATE_SERVER_STATE_DIRECTORY", state.path());
    two_people_talk(start(chat), Signal::TERM).await;
}
