//! The lines of `examples/authorizers/README.md`, run as they are printed, with what they answer.

use std::time::Duration;

use rustix::process::Signal;

use super::program::{Program, Running, patiently};
use super::{built, file, installed, start};

/// One line: a command, the statuses it must show, and words that must stand in what it says.
#[derive(Debug)]
struct Line {
    command: String,
    statuses: Vec<String>,
    words: String,
}

impl Line {
    fn parse(text: &str) -> Self {
        let (command, expected) = text.rsplit_once(" # ").expect("what it answers");
        let is_status = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
        let words: Vec<_> = expected.split(' ').collect();
        let statuses: Vec<_> = words.iter().copied().take_while(is_status).collect();
        assert!(!statuses.is_empty(), "{text}");
        Self {
            command: command.trim_end().to_owned(),
            words: words[statuses.len()..].join(" "),
            statuses: statuses.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Runs in a shell, as somebody would who has pasted the variables before.
    fn start(&self, exports: &str) -> Running {
        let programs = installed(".venv/bin").into_os_string();
        let mut path = programs;
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        Program::new(&self.command, "sh")
            .argument("-c")
            .argument(format!("{exports}{}", self.command))
            // Where npx finds wscat.
            .directory(&file("tests/clients"))
            .variable("PATH", path)
            .start_at_keyboard()
    }

    async fn check(&self, exports: &str) {
        let mut running = self.start(exports);
        let mut said = String::new();
        let socket = self.command.starts_with("npx wscat");
        if socket && self.statuses == ["101"] {
            said = patiently(&self.command, answer(&mut running)).await;
            running.end_input();
        }
        let (rest, errors) = running.last_words().await;
        said.push_str(&rest);
        let statuses = match socket {
            true => shown(&errors, "error: Unexpected server response: "),
            false => shown(&said, "HTTP/1.1 "),
        };
        let expected = match self.statuses.as_slice() {
            [only] if only == "101" => [].as_slice(),
            statuses => statuses,
        };
        assert_eq!(statuses, expected, "{self:?}\n{said}\n{errors}");
        assert!(said.contains(&self.words), "{self:?}\n{said}\n{errors}");
    }
}

/// Types until there is an answer: wscat does not say when it listens, and forgets what was typed before.
async fn answer(running: &mut Running) -> String {
    let mut pulse = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            line = running.line() => return line.unwrap_or_default(),
            _ = pulse.tick() => running.type_line("who am I?").await,
        }
    }
}

/// The words behind each of these beginnings; a body may end without a line feed.
fn shown<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let rests = text.split(beginning).skip(1);
    rests
        .filter_map(|rest| rest.split_whitespace().next())
        .collect()
}

#[tokio::test]
async fn every_line_answers_what_stands_behind_it() {
    installed("tests/clients/node_modules/.tidegate-setup");
    let state = tempfile::tempdir().unwrap();
    let program = Program::new("the authorizers", built("examples/authorizers"))
        .variable("TIDEGATE_SERVER_STATE_DIRECTORY", state.path());
    let mut example = start(program);
    let mut exports = String::new();
    let mut lines = Vec::new();
    while let Some(line) = example.line().await {
        match line.split(' ').next() {
            Some("export") => exports.push_str(&format!("{line}\n")),
            Some("curl" | "npx") => lines.push(Line::parse(&line)),
            Some("Ctrl-C") => break,
            _ => {}
        }
    }
    let readme = std::fs::read_to_string(file("examples/authorizers/README.md")).unwrap();
    let written = readme
        .lines()
        .filter(|line| line.starts_with("curl ") || line.starts_with("npx wscat "));
    assert_eq!(lines.len(), written.count());
    assert!(lines.len() > 30, "{lines:#?}");
    for line in &lines {
        line.check(&exports).await;
    }
    example.signal(Signal::INT);
    example.end_quietly().await;
}
