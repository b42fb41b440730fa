//! A process from outside: started in a group of its own, heard line by line, gone when the test is.

use std::ffi::OsStr;
use std::fs::File;
use std::future::Future;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longest wait for a line or an end: starting an interpreter or a browser takes its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is about to be started.
pub(super) struct Program {
    name: String,
    command: Command,
    home: TempDir,
}

/// A process that runs; dropping it kills it with its whole group.
pub(super) struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    errors: File,
    _home: TempDir,
}

impl Program {
    /// `path` with no arguments, an empty directory as its home, and nothing of our environment but where programs are.
    pub(super) fn new(name: &str, path: impl AsRef<OsStr>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(path);
        command.env_clear();
        for passed_on in ["PATH", "CHROMIUM"] {
            if let Some(value) = std::env::var_os(passed_on) {
                command.env(passed_on, value);
            }
        }
        command.env("HOME", home.path()).env("TMPDIR", home.path());
        Self {
            name: name.to_owned(),
            command,
            home,
        }
    }

    pub(super) fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(super) fn arguments(mut self, arguments: &[impl AsRef<OsStr>]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(super) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Starts with nothing to read.
    pub(super) fn start(self) -> Running {
        self.start_with(Stdio::null())
    }

    /// Starts as at a keyboard: see [`Running::type_line`].
    pub(super) fn start_at_keyboard(self) -> Running {
        self.start_with(Stdio::piped())
    }

    fn start_with(mut self, input: Stdio) -> Running {
        let errors = tempfile::tempfile().unwrap();
        self.command
            .process_group(0)
            .kill_on_drop(true)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().unwrap());
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{} does not start: {error}", self.name),
        };
        let stdout = child.stdout.take().expect("it is piped");
        Running {
            name: self.name,
            input: child.stdin.take(),
            child,
            lines: BufReader::new(stdout).lines(),
            errors,
            _home: self.home,
        }
    }
}

impl Running {
    /// The next line on stdout; `None` when there are no more.
    pub(super) async fn line(&mut self) -> Option<String> {
        let next = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        match next {
            Ok(line) => line.expect("a program writes UTF-8"),
            Err(_) => self.fail("says nothing"),
        }
    }

    /// The next line on stdout, which must be the JSON of something seen.
    pub(super) async fn seen(&mut self) -> Value {
        let Some(line) = self.line().await else {
            self.fail("ended");
        };
        match serde_json::from_str::<Value>(&line) {
            Ok(seen) if seen.get("error").is_none() => seen,
            _ => self.fail(&format!("says {line}")),
        }
    }

    /// The next line on stdout, which must be the result of this step.
    pub(super) async fn step(&mut self, step: &str) -> Value {
        let seen = self.seen().await;
        assert_eq!(seen["step"], step, "{}: {seen}", self.name);
        seen
    }

    /// Asks the process itself, not its group, to end.
    pub(super) fn signal(&self, signal: Signal) {
        let id = self.pid().expect("it still runs");
        kill_process(id, signal).expect("it can be told");
    }

    /// Waits for the end, which must be a good one without another line; gives what was written to stderr.
    pub(super) async fn end(mut self) -> String {
        if let Some(line) = self.line().await {
            self.fail(&format!("goes on with {line}"));
        }
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        match ended {
            Ok(status) if status.as_ref().is_ok_and(|status| status.success()) => self.errors(),
            other => self.fail(&format!("ended badly: {other:?}")),
        }
    }

    /// Types a line.
    pub(super) async fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it has a keyboard");
        let line = format!("{line}\n");
        if let Err(error) = input.write_all(line.as_bytes()).await {
            self.fail(&format!("does not read: {error}"));
        }
    }

    /// Types the end of all input.
    pub(super) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for the end, good or bad; gives what else was written, stdout and stderr.
    pub(super) async fn last_words(mut self) -> (String, String) {
        let mut text = String::new();
        while let Some(line) = self.line().await {
            text.push_str(&line);
            text.push('\n');
        }
        patiently("the end", self.child.wait())
            .await
            .expect("it can be waited for");
        (text, self.errors())
    }

    /// Waits for the end of a gateway, which must be a good one, without a warning on stderr; gives the rest of stdout.
    pub(super) async fn end_quietly(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            lines.push(line);
        }
        let log = self.end().await;
        let complaints = ["WARN", "ERROR", "panicked"];
        let complains = |line: &&str| complaints.iter().any(|complaint| line.contains(complaint));
        assert_eq!(log.lines().find(complains), None, "{log}");
        lines
    }

    fn pid(&self) -> Option<Pid> {
        let id = self.child.id()?;
        Pid::from_raw(id.try_into().ok()?)
    }

    fn errors(&mut self) -> String {
        let mut bytes = Vec::new();
        self.errors.rewind().unwrap();
        self.errors.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn fail(&mut self, what: &str) -> ! {
        let errors = self.errors();
        panic!("{} {what}\n{errors}", self.name);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The id is the group's as long as the process has not been waited for.
        if let Some(group) = self.pid() {
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// Waits for something that a program makes happen.
pub(super) async fn patiently<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited too long for {what}"),
    }
}
