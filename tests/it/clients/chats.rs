//! The example chats as people meet them: a process, and two people in headless Chromium.

use rustix::process::Signal;

use super::program::{Program, Running};
use super::{announced, built, file, installed, script, start};

/// Two people talk on the page; then the chat is told to end, and has nothing to complain about.
async fn two_people_talk(mut chat: Running, signal: Signal) {
    let page = announced(&mut chat, "/prod").await;
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
    chat.end_quietly().await;
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
