//! What was acknowledged survives the death of the process, at whatever moment it dies.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::harness::soon;

const ROUNDS: u32 = 6;
const WRITERS: usize = 4;
/// Acknowledged writes after which a round ends, at least and at most.
const WRITES: std::ops::Range<u32> = 20..80;

const DEFINITION: &str = "server: { listen: '127.0.0.1:0', admin: '127.0.0.1:0', adminAuth: none, stateDirectory: ./state }\n";

/// What one writer knows: the descriptions of its APIs that were acknowledged, `None` for those that are gone, and what else an API may
/// be because the answer did not come.
#[derive(Default)]
struct Known {
    apis: BTreeMap<String, Option<String>>,
    doubt: Option<(String, Option<String>)>,
}

pub(crate) async fn serve(directory: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .arg("serve")
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = soon("an address", lines.next_line()).await.unwrap();
        let line = line.expect("it starts");
        if let Some(rest) = line.strip_prefix("health  http://") {
            let address = rest.trim_end_matches("/readyz");
            return (child, address.parse().unwrap());
        }
    }
}

/// One call; `None` when no whole answer came.
pub(crate) async fn attempt(
    admin: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(admin).await.ok()?;
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer))
        .await
        .ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    match body.is_empty() {
        true => Some((status, Value::Null)),
        false => Some((status, serde_json::from_str(body).ok()?)),
    }
}

/// Makes, changes and deletes APIs until the process dies under it.
async fn write(admin: SocketAddr, known: &mut Known, seed: usize, done: &Semaphore) {
    for step in 0.. {
        let mine = known.apis.iter();
        let open = mine.filter(|(_, description)| description.is_some());
        let open: Vec<String> = open.map(|(id, _)| id.clone()).collect();
        // Mixed by what is cheap and different for each writer and step.
        let turn = (seed * 31 + step * 7) % 10;
        let chosen = open.get((seed + step) % open.len().max(1)).cloned();
        let said = format!("{seed}-{step}");
        let written = match (chosen, turn) {
            (Some(id), 0..5) => {
                known.doubt = Some((id.clone(), Some(said.clone())));
                let body = json!({ "description": said });
                let answer = attempt(admin, "PATCH", &format!("/v2/apis/{id}"), &body).await;
                answer.map(|(status, _)| (status, 200, id, Some(said)))
            }
            (Some(id), 5) => {
                known.doubt = Some((id.clone(), None));
                let answer =
                    attempt(admin, "DELETE", &format!("/v2/apis/{id}"), &Value::Null).await;
                answer.map(|(status, _)| (status, 204, id, None))
            }
            _ => {
                let body = json!({ "name": "shop", "protocolType": "HTTP", "description": said, "target": "http://127.0.0.1:1" });
                let answer = attempt(admin, "POST", "/v2/apis", &body).await;
                answer.map(|(status, made)| {
                    let id = made["apiId"].as_str().unwrap_or_default().to_owned();
                    (status, 201, id, Some(said))
                })
            }
        };
        let Some((status, expected, id, description)) = written else {
            return;
        };
        assert_eq!(status, expected);
        known.apis.insert(id, description);
        known.doubt = None;
        done.add_permits(1);
    }
}

/// Everything that was acknowledged is there, and every API is whole.
async fn check(admin: SocketAddr, known: &mut Known) {
    let doubt = known.doubt.take();
    for (id, description) in &mut known.apis {
        let path = format!("/v2/apis/{id}");
        let (status, shown) = attempt(admin, "GET", &path, &Value::Null).await.unwrap();
        let found = shown["description"].as_str().map(str::to_owned);
        assert_eq!(status == 404, found.is_none(), "{shown}");
        let doubted = doubt.as_ref().filter(|(doubted, _)| doubted == id);
        let fits = found == *description || doubted.is_some_and(|(_, other)| found == *other);
        assert!(
            fits,
            "{id} is {found:?}, acknowledged was {description:?}, in doubt {doubt:?}"
        );
        *description = found;
        if description.is_none() {
            continue;
        }
        for collection in ["routes", "integrations", "stages", "deployments"] {
            let path = format!("{path}/{collection}");
            let (_, all) = attempt(admin, "GET", &path, &Value::Null).await.unwrap();
            assert_eq!(
                all["items"].as_array().map(Vec::len),
                Some(1),
                "{path}: {all}"
            );
        }
    }
}

#[tokio::test]
async fn acknowledged_writes_survive_being_killed_and_nothing_is_half_there() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tidegate.yaml"), DEFINITION).unwrap();
    let mut all: Vec<Known> = (0..WRITERS).map(|_| Known::default()).collect();
    for round in 0..ROUNDS {
        let (mut child, admin) = serve(directory.path()).await;
        for known in &mut all {
            check(admin, known).await;
        }
        let done = Semaphore::new(0);
        let spread = (WRITES.end - WRITES.start) * (round * 7 % ROUNDS) / ROUNDS;
        let enough = WRITES.start + spread;
        let killing = async {
            // Each call has a bound of its own, so this has one.
            done.acquire_many(enough).await.unwrap().forget();
            child.kill().await.unwrap();
        };
        let writing = all.iter_mut().enumerate();
        let writing =
            writing.map(|(seed, known)| write(admin, known, seed + round as usize, &done));
        tokio::join!(killing, join_all(writing));
    }
    let (mut child, admin) = serve(directory.path()).await;
    for known in &mut all {
        check(admin, known).await;
    }
    child.kill().await.unwrap();
}
