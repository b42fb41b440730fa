//! The program itself: its commands, what it prints, its signals and its exit codes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::harness::http_client::{request, send};
use crate::harness::ws_client::CLOSE;
use crate::harness::{Handshake, WsClient, eventually, soon};

/// An API that answers `pong` to everything; `word` is what it says instead.
fn definition(word: &str) -> String {
    format!(
        r#"server:
  listen: 127.0.0.1:0
  admin: 127.0.0.1:0
  managementAuth: none
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default: {{ target: integrations/pong, routeResponseSelectionExpression: $default, routeResponses: {{ $default: {{}} }} }}
    integrations:
      pong:
        integrationType: MOCK
        requestTemplates: {{ $default: '{{"statusCode":200}}' }}
        integrationResponses: {{ $default: {{ responseTemplates: {{ $default: '{word}' }} }} }}
    stages: {{ prod: {{}} }}
"#
    )
}

/// The program, told nothing by our own environment.
fn tidegate(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .current_dir(directory)
        .args(arguments)
        .env_clear()
        .kill_on_drop(true);
    command
}

async fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = tidegate(directory, arguments);
    soon("the program to end", command.stdin(Stdio::null()).output())
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// `tidegate serve`, running.
struct Serving {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    clients: SocketAddr,
    admin: SocketAddr,
    directory: TempDir,
}

impl Serving {
    async fn start(arguments: &[&str], definition: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments, definition).await
    }

    async fn start_in(directory: TempDir, arguments: &[&str], definition: &str) -> Self {
        std::fs::write(directory.path().join("tidegate.yaml"), definition).unwrap();
        let mut arguments = arguments.to_vec();
        arguments.insert(0, "serve");
        let mut child = tidegate(directory.path(), &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut serving = Self {
            child,
            out,
            log,
            clients: nowhere,
            admin: nowhere,
            directory,
        };
        serving.read_addresses().await;
        serving
    }

    /// Reads what the program prints when a definition has been put in force.
    async fn read_addresses(&mut self) {
        let stage = self.line().await;
        let words: Vec<_> = stage.split_whitespace().collect();
        let [name, socket, "push:", push] = words[..] else {
            panic!("{stage}");
        };
        assert_eq!(name, "chat/prod");
        let address = socket
            .strip_prefix("ws://")
            .and_then(|rest| rest.strip_suffix("/prod"));
        self.clients = address.expect(socket).parse().unwrap();
        assert_eq!(
            push,
            format!("http://{}/prod/@connections/{{connectionId}}", self.clients)
        );
        let health = self.line().await;
        let url = health.strip_prefix("health").expect(&health).trim();
        let address = url
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/readyz"));
        self.admin = address.expect(url).parse().unwrap();
    }

    async fn line(&mut self) -> String {
        let line = soon("a line on stdout", self.out.next_line())
            .await
            .unwrap();
        line.expect("a line before the end")
    }

    /// Reads the log up to a line that has this text.
    async fn logged(&mut self, piece: &str) -> String {
        loop {
            let line = soon(piece, self.log.next_line()).await.unwrap();
            let line = line.expect(piece);
            if line.contains(piece) {
                return line;
            }
        }
    }

    fn define(&self, definition: &str) {
        // Put in place as a whole, as editors do.
        let new = self.directory.path().join("new");
        std::fs::write(&new, definition).unwrap();
        std::fs::rename(new, self.directory.path().join("tidegate.yaml")).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    async fn open(&self) -> WsClient {
        let opened = WsClient::open(self.clients, &Handshake::new("/prod")).await;
        opened.unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    /// Waits for the end; gives the exit code.
    async fn code(&mut self) -> Option<i32> {
        soon("the program to end", self.child.wait())
            .await
            .unwrap()
            .code()
    }
}

#[tokio::test]
async fn serve_prints_addresses_that_work_and_ends_on_sigterm() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut serving = Serving::start(&[], &definition("pong")).await;
        let mut client = serving.open().await;
        assert_eq!(client.ask("ping").await, "pong");
        let path = "/prod/@connections/Zk3bXfH2DoECJ0w=";
        let gone = send(serving.clients, &request("GET", path, &[], b"")).await;
        assert_eq!(gone.status, 410);
        let ready = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let ready = send(serving.admin, ready).await;
        assert_eq!(ready.status, 200);
        serving.signal(signal);
        assert_eq!(client.closed().await, (1001, "Going away".into()));
        assert_eq!(serving.code().await, Some(0));
        assert_eq!(
            serving.out.next_line().await.unwrap(),
            None,
            "stdout is for data"
        );
    }
}

/// Where it grows later, a client waits for it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_table_of_open_files_has_grown_before_the_first_client() {
    let serving = Serving::start(&[], &definition("pong")).await;
    let process = serving.child.id().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("FDSize:"))
        .and_then(|size| size.trim().parse::<u64>().ok());
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    assert!(size >= Some(limit.min(65_536)), "{size:?} of {limit}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut serving = Serving::start(&[], &definition("pong")).await;
    let mut client = serving.open().await;
    serving.signal(Signal::TERM);
    // The client does not answer the close frame, so the gateway waits.
    client.message(CLOSE).await;
    serving.signal(Signal::INT);
    assert_eq!(serving.code().await, Some(1));
    serving.logged("second signal").await;
}

#[tokio::test]
async fn sighup_reads_the_definition_again() {
    let mut serving = Serving::start(&[], &definition("pong")).await;
    let mut client = serving.open().await;
    assert_eq!(client.ask("ping").await, "pong");
    let before = serving.clients;
    serving.define(&definition("new"));
    serving.signal(Signal::HUP);
    serving.read_addresses().await;
    assert_eq!(serving.clients, before);
    assert_eq!(client.ask("ping").await, "new");

    serving.define(&definition("newer").replace("integrations/pong", "integrations/ping"));
    serving.signal(Signal::HUP);
    serving.logged("the old one goes on").await;
    let problem = serving.logged("tidegate.yaml:").await;
    assert!(problem.contains("; "), "{problem}");
    assert_eq!(client.ask("ping").await, "new");

    serving.define(&definition("newest"));
    serving.signal(Signal::HUP);
    serving.read_addresses().await;
    assert_eq!(client.ask("ping").await, "newest");
    serving.signal(Signal::TERM);
    client.closed().await;
    assert_eq!(serving.code().await, Some(0));
}

#[tokio::test]
async fn watch_notices_changes_by_itself() {
    let mut serving = Serving::start(&["--watch"], &definition("pong")).await;
    let mut client = serving.open().await;
    for word in ["first", "second"] {
        serving.define(&definition(word));
        serving.read_addresses().await;
        assert_eq!(client.ask("ping").await, word);
    }
    // Written in place.
    std::fs::write(
        serving.directory.path().join("tidegate.yaml"),
        definition("third"),
    )
    .unwrap();
    serving.read_addresses().await;
    assert_eq!(client.ask("ping").await, "third");
    // Reading the file is an event as well. Were it taken for a change, the addresses would be printed again and again, many
    // times before a silent connection is closed.
    let restless = "prod: { tidegate: { limits: { idleTimeout: 1s } } }";
    serving.define(&definition("fourth").replace("prod: {}", restless));
    serving.read_addresses().await;
    assert_eq!(client.ask("ping").await, "fourth");
    let silent = serving.open().await;
    assert_eq!(silent.closed().await.0, 1001);
    serving.signal(Signal::TERM);
    client.closed().await;
    assert_eq!(serving.code().await, Some(0));
    assert_eq!(
        serving.out.next_line().await.unwrap(),
        None,
        "each change is one reload"
    );
}

#[tokio::test]
async fn the_access_log_can_be_stdout_and_the_log_json() {
    let settings = r#"{ accessLogSettings: { destinationArn: stdout, format: "$context.requestId $context.routeKey" } }"#;
    let definition = definition("pong").replace("prod: {}", &format!("prod: {settings}"));
    let mut serving = Serving::start(&["--log-format", "json"], &definition).await;
    let mut client = serving.open().await;
    client.ask("ping").await;
    client.leave().await;
    for route in ["$connect", "$default", "$disconnect"] {
        let line = serving.line().await;
        assert_eq!(line.split(' ').nth(1), Some(route), "{line}");
    }
    serving.signal(Signal::TERM);
    let line = serving.logged("draining").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["fields"]["message"], "draining");
    assert_eq!(serving.code().await, Some(0));
}

#[tokio::test]
async fn an_address_in_use_is_said() {
    let serving = Serving::start(&[], &definition("pong")).await;
    let taken = serving.clients.to_string();
    let second = definition("pong").replace("listen: 127.0.0.1:0", &format!("listen: {taken}"));
    std::fs::write(serving.directory.path().join("second.yaml"), second).unwrap();
    let output = run(serving.directory.path(), &["serve", "second.yaml"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("cannot listen on") && said.contains(&taken),
        "{said}"
    );
    assert_eq!(text(&output.stdout), "");
}

#[tokio::test]
async fn the_environment_overrides_the_server_section() {
    let directory = tempfile::tempdir().unwrap();
    let fixed = definition("pong").replace("admin: 127.0.0.1:0", "admin: 127.0.0.1:1");
    std::fs::write(directory.path().join("tidegate.yaml"), fixed).unwrap();
    let mut child = tidegate(directory.path(), &["serve"])
        .env("TIDEGATE_SERVER_ADMIN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    soon("a line", out.next_line()).await.unwrap().unwrap();
    let health = soon("a line", out.next_line()).await.unwrap().unwrap();
    assert!(
        health.contains("http://127.0.0.1:") && !health.contains("127.0.0.1:1/"),
        "{health}"
    );
    child.kill().await.unwrap();
}

#[tokio::test]
async fn what_the_readme_shows_of_init_and_check_is_what_they_print() {
    let readme = include_str!("../../README.md");
    let shows = |command: &str, printed: &str| {
        let shown = format!("$ {command}\n{printed}");
        assert!(readme.contains(&shown), "README.md lacks\n{shown}");
    };
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["init", "hello"]).await;
    shows("tidegate init hello && cd hello", text(&output.stdout));
    let hello = directory.path().join("hello");
    let output = run(&hello, &["check"]).await;
    shows("tidegate check", text(&output.stdout));

    let file = hello.join("tidegate.yaml");
    let starter = std::fs::read_to_string(&file).unwrap();
    let slips = starter
        .replacen("integrations/pong", "integrations/pongs", 1)
        .replacen("routeSelectionExpression", "routeSelectionExpresion", 1);
    std::fs::write(&file, slips).unwrap();
    let output = run(&hello, &["check"]).await;
    shows("tidegate check", text(&output.stderr));
}

#[tokio::test]
async fn check_tells_every_problem_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let write =
        |name: &str, content: &str| std::fs::write(directory.path().join(name), content).unwrap();
    write("good.yaml", &definition("pong"));
    let output = run(directory.path(), &["check", "good.yaml"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");

    let bad = definition("pong")
        .replace("integrations/pong", "integrations/ping")
        .replace("managementAuth: none", "managmentAuth: none")
        .replace("protocolType: WEBSOCKET", "protocolType: WEBSOCKT");
    write("bad.yaml", &bad);
    let output = run(directory.path(), &["check", "bad.yaml"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    let place_of = |piece: &str| {
        let before = &bad[..bad.find(piece).unwrap()];
        let line = before.matches('\n').count() + 1;
        let column = before
            .chars()
            .rev()
            .take_while(|letter| *letter != '\n')
            .count()
            + 1;
        format!("bad.yaml:{line}:{column}: ")
    };
    for piece in ["managmentAuth", "WEBSOCKT"] {
        let place = place_of(piece);
        let problem = said.lines().find(|line| line.contains(&place));
        let problem = problem.unwrap_or_else(|| panic!("nothing at {place}in\n{said}"));
        assert!(
            problem.contains("; "),
            "what is wrong; how to fix it: {problem}"
        );
    }
    assert!(
        said.contains("managementAuth"),
        "the nearest known key is suggested: {said}"
    );

    let output = run(directory.path(), &["check", "nowhere.yaml"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere.yaml"));
    // Without a name it is the file of that name here.
    let output = run(directory.path(), &["check"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("tidegate.yaml"));
}

#[tokio::test]
async fn doctor_says_whether_the_machine_holds_so_many_sockets() {
    let directory = tempfile::tempdir().unwrap();
    let doctor = async |arguments: &[&str]| {
        let arguments = [&["doctor"], arguments].concat();
        let output = run(directory.path(), &arguments).await;
        assert_eq!(text(&output.stderr), "");
        (output.status.code(), text(&output.stdout).to_owned())
    };
    // Every machine that runs this test holds one more socket, and none a hundred million.
    let (code, said) = doctor(&["--sockets", "1"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("1 sockets\nfine     open files "),
        "{said}"
    );
    assert!(said.ends_with("nothing to change\n"), "{said}");

    let (code, said) = doctor(&["--sockets", "100000000", "--json"]).await;
    assert_eq!(code, Some(1), "{said}");
    let verdict: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(verdict["sockets"], 100_000_000);
    assert_eq!(verdict["fine"], false);
    let findings = verdict["findings"].as_array().unwrap();
    let memory = findings
        .iter()
        .find(|one| one["check"] == "memory")
        .unwrap();
    assert_eq!(memory["state"], "change");
    assert_eq!(memory["unit"], "bytes");
    assert!(memory["has"].as_u64().unwrap() < memory["needs"].as_u64().unwrap());
    assert!(!memory["change"].as_array().unwrap().is_empty());

    let limited = definition("pong").replace(
        "managementAuth: none",
        "tls: development\n  limits: { connections: 2 }",
    );
    std::fs::write(directory.path().join("limited.yaml"), limited).unwrap();
    let (code, said) = doctor(&["limited.yaml"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("2 sockets, TLS\n"), "{said}");
    let (_, said) = doctor(&["limited.yaml", "--sockets", "3"]).await;
    assert!(said.starts_with("3 sockets, TLS\n"), "{said}");

    let output = run(directory.path(), &["doctor", "nowhere.yaml"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere.yaml"));
}

#[tokio::test]
async fn misuse_is_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["fly"][..],
        &["serve", "--fast"],
        &["check", "a", "b"],
        &["doctor", "--sockets", "0"],
        &["completions"],
        &["--log-format", "xml", "schema"],
        &[],
    ] {
        let output = run(directory.path(), arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        let output = run(directory.path(), arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[tokio::test]
async fn init_writes_a_definition_that_runs() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["init", "new/project"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let path = text(&output.stdout).trim();
    assert_eq!(path, "new/project/tidegate.yaml");
    let content = std::fs::read_to_string(directory.path().join(path)).unwrap();
    let output = run(directory.path(), &["check", path]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = run(directory.path(), &["init", "new/project"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("exists"));
    assert_eq!(
        std::fs::read_to_string(directory.path().join(path)).unwrap(),
        content
    );
}

#[tokio::test]
async fn routes_are_a_table() {
    let directory = tempfile::tempdir().unwrap();
    let content = definition("pong")
        .replace("prod: {}", "prod: { defaultRouteSettings: { throttlingRateLimit: 5, throttlingBurstLimit: 10 } }, beta: {}");
    std::fs::write(directory.path().join("tidegate.yaml"), content).unwrap();
    let output = run(directory.path(), &["routes"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table: Vec<Vec<_>> = text(&output.stdout)
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        table[0],
        [
            "API",
            "STAGE",
            "ROUTE",
            "AUTHORIZATION",
            "THROTTLE",
            "INTEGRATION"
        ]
    );
    let rows: Vec<_> = table[1..].iter().map(|row| row[..3].to_vec()).collect();
    let routes = ["$connect", "$disconnect", "$default"];
    let expected: Vec<_> = ["beta", "prod"]
        .iter()
        .flat_map(|stage| routes.map(|route| vec!["chat", stage, route]))
        .collect();
    assert_eq!(rows, expected);
    assert!(
        text(&output.stdout).contains("5/s, burst 10"),
        "{}",
        text(&output.stdout)
    );
    assert!(
        text(&output.stdout).contains("MOCK"),
        "{}",
        text(&output.stdout)
    );
}

#[tokio::test]
async fn the_schema_is_json_and_fits_the_starter() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["schema"]).await;
    assert_eq!(output.status.code(), Some(0));
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema["$schema"].is_string());
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::json!({ "apis": {} })));
    assert!(!validator.is_valid(&serde_json::json!({ "apis": [] })));
    assert!(!validator.is_valid(&serde_json::json!({ "serve": {} })));
}

#[tokio::test]
async fn completions_are_scripts() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = run(directory.path(), &["completions", shell]).await;
        assert_eq!(output.status.code(), Some(0), "{shell}");
        for word in [
            "serve",
            "check",
            "routes",
            "init",
            "schema",
            "completions",
            "watch",
        ] {
            assert!(text(&output.stdout).contains(word), "{shell}: {word}");
        }
    }
    let script = directory.path().join("tidegate.bash");
    let output = run(directory.path(), &["completions", "bash"]).await;
    std::fs::write(&script, &output.stdout).unwrap();
    let checked = Command::new("bash")
        .arg("-n")
        .arg(&script)
        .output()
        .await
        .unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

#[tokio::test]
async fn what_was_used_of_a_quota_survives_being_killed() {
    let definition = definition("pong").replace(
        "    routes:\n",
        "    routes:\n      $connect: { apiKeyRequired: true }\n",
    ) + "apiKeys: { acme: { value: acme-acme-acme-acme-acme, enabled: true } }\nusagePlans: { gold: { apiStages: [{ apiId: chat, stage: prod }], keys: [acme], quota: { limit: 3, period: MONTH } } }\n";
    let handshake = Handshake::new("/prod").header("x-api-key", "acme-acme-acme-acme-acme");
    let mut serving = Serving::start(&[], &definition).await;
    for _ in 0..2 {
        let client = WsClient::open(serving.clients, &handshake).await;
        assert!(client.is_ok());
    }
    let journal = serving.directory.path().join("state/usage.journal");
    eventually("usage to be written", || {
        let text = std::fs::read_to_string(&journal).unwrap();
        text.contains(r#""requests":2}"#)
    })
    .await;
    serving.child.kill().await.unwrap();
    let mut again = Serving::start_in(serving.directory, &[], &definition).await;
    let client = WsClient::open(again.clients, &handshake).await;
    assert!(client.is_ok());
    let refused = WsClient::open(again.clients, &handshake).await.err();
    let refused = refused.expect("a refusal");
    assert_eq!(
        (refused.status, &*refused.refusal()),
        (429, "Limit Exceeded")
    );
    again.child.kill().await.unwrap();
}
