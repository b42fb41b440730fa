//! What was acknowledged survives the death of the process, at whatever moment it dies.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::harness::soon;

/// How often the process is killed, and during how many writes each time. `TIDEGATE_SURVIVAL=50x1000` says it otherwise.
const VOLUME: (u64, u32) = (8, 200);
const WRITERS: u64 = 4;
/// APIs that one writer keeps at most.
const APIS: usize = 12;

const DEFINITION: &str = "server: { listen: '127.0.0.1:0', admin: '127.0.0.1:0', adminAuth: none, stateDirectory: ./state }\n";

/// What an API is known to be: the description, and how many routes it has. `None` when it is gone.
type Api = Option<(String, usize)>;

/// What one writer knows: its APIs as they were acknowledged, and what else one of them may be because the answer did not come.
#[derive(Default)]
struct Known {
    apis: BTreeMap<String, Api>,
    doubt: Option<(String, Api)>,
}

fn volume() -> (u64, u32) {
    let Ok(said) = std::env::var("TIDEGATE_SURVIVAL") else {
        return VOLUME;
    };
    let volume = said.split_once('x');
    let volume = volume.map(|(kills, writes)| (kills.parse().unwrap(), writes.parse().unwrap()));
    volume.expect("KILLSxWRITES")
}

pub(crate) async fn serve(directory: &Path) -> (Child, SocketAddr) {
    serve_by(env!("CARGO_BIN_EXE_tidegate"), &["serve"], directory).await
}

/// A gateway in a process of its own, by a command of the caller's; gives its administration listener.
pub(crate) async fn serve_by(
    program: &str,
    arguments: &[&str],
    directory: &Path,
) -> (Child, SocketAddr) {
    let mut child = Command::new(program)
        .args(arguments)
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

/// Makes, changes, deploys, replaces and deletes APIs until the process dies under it.
async fn write(admin: SocketAddr, known: &mut Known, seed: u64, done: &Semaphore) {
    let mut random = StdRng::seed_from_u64(seed);
    for step in 0.. {
        let mine = known.apis.iter();
        let open: Vec<_> = mine
            .filter_map(|(id, api)| api.clone().map(|(_, routes)| (id.clone(), routes)))
            .collect();
        let chosen = match open.len() {
            0 => None,
            count => Some(open[random.random_range(0..count)].clone()),
        };
        let said = format!("{seed}-{step}");
        let written = match (chosen, random.random_range(0..10)) {
            (Some((id, routes)), 0..3) => {
                let body = json!({ "description": said });
                known.doubt = Some((id.clone(), Some((said, routes))));
                attempt(admin, "PATCH", &format!("/v2/apis/{id}"), &body).await
            }
            (Some((id, routes)), 3..5) => {
                let path = format!("/v2/apis/{id}/routes");
                let body = json!({ "routeKey": format!("GET /{said}") });
                let description = known.apis[&id].clone().unwrap().0;
                known.doubt = Some((id, Some((description, routes + 1))));
                attempt(admin, "POST", &path, &body).await
            }
            (_, 5) => {
                // Everything of an API at once, in place of what it was.
                let id = format!("w{}-{}", seed % WRITERS, random.random_range(0..3));
                let routes: BTreeMap<_, _> = (0..random.random_range(1..6))
                    .map(|route| {
                        (
                            format!("GET /{said}/{route}"),
                            json!({ "target": "integrations/a" }),
                        )
                    })
                    .collect();
                known.doubt = Some((id.clone(), Some((said.clone(), routes.len()))));
                let api = json!({ "protocolType": "HTTP", "description": said, "routes": routes, "stages": { "dev": {} },
                    "integrations": { "a": { "integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": "http://127.0.0.1:1" } } });
                let body = json!({ "apis": { id: api } });
                attempt(admin, "PUT", "/v2/tidegate/definition", &body).await
            }
            (Some((id, _)), turn) if turn == 6 || open.len() >= APIS => {
                known.doubt = Some((id.clone(), None));
                attempt(admin, "DELETE", &format!("/v2/apis/{id}"), &Value::Null).await
            }
            _ => {
                let body = json!({ "name": "shop", "protocolType": "HTTP", "description": said, "target": "http://127.0.0.1:1" });
                let made = attempt(admin, "POST", "/v2/apis", &body).await;
                if let Some((201, made)) = &made {
                    let id = made["apiId"].as_str().unwrap().to_owned();
                    known.doubt = Some((id, Some((said, 1))));
                }
                made
            }
        };
        let Some((status, answer)) = written else {
            return;
        };
        assert!((200..300).contains(&status), "{status}: {answer}");
        let (id, api) = known.doubt.take().expect("it is known what was written");
        known.apis.insert(id, api);
        done.add_permits(1);
    }
}

/// Everything that was acknowledged is there, and every API is whole.
async fn check(admin: SocketAddr, known: &mut Known) {
    let get = async |path: &str| attempt(admin, "GET", path, &Value::Null).await.unwrap();
    if let Some((id, _)) = &known.doubt {
        known.apis.entry(id.clone()).or_default();
    }
    let doubt = known.doubt.take();
    for (id, api) in &mut known.apis {
        let path = format!("/v2/apis/{id}");
        let (status, shown) = get(&path).await;
        let mut found = None;
        if status != 404 {
            let count = async |collection: &str| {
                let (_, all) = get(&format!("{path}/{collection}?maxResults=100")).await;
                all["items"].as_array().map_or(0, Vec::len)
            };
            for collection in ["integrations", "stages", "deployments"] {
                assert_eq!(count(collection).await, 1, "{path}/{collection}");
            }
            let description = shown["description"].as_str().unwrap().to_owned();
            found = Some((description, count("routes").await));
        }
        let doubted = doubt.as_ref().filter(|(doubted, _)| doubted == id);
        let fits = found == *api || doubted.is_some_and(|(_, other)| found == *other);
        assert!(
            fits,
            "{id} is {found:?}, acknowledged was {api:?}, in doubt {doubt:?}"
        );
        *api = found;
    }
    // What is gone was looked for once.
    known.apis.retain(|_, api| api.is_some());
}

#[tokio::test]
async fn acknowledged_writes_survive_being_killed_and_nothing_is_half_there() {
    let (kills, writes) = volume();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tidegate.yaml"), DEFINITION).unwrap();
    let mut all: Vec<Known> = (0..WRITERS).map(|_| Known::default()).collect();
    let mut random = StdRng::seed_from_u64(kills);
    for round in 0..kills {
        let (mut child, admin) = serve(directory.path()).await;
        for known in &mut all {
            check(admin, known).await;
        }
        let done = Semaphore::new(0);
        let enough = random.random_range(1..=writes);
        let killing = async {
            // Each call has a bound of its own, so this has one.
            done.acquire_many(enough).await.unwrap().forget();
            child.kill().await.unwrap();
        };
        let writing = all.iter_mut().zip(0..);
        let writing =
            writing.map(|(known, seed)| write(admin, known, round * WRITERS + seed, &done));
        tokio::join!(killing, join_all(writing));
    }
    let (mut child, admin) = serve(directory.path()).await;
    for known in &mut all {
        check(admin, known).await;
    }
    child.kill().await.unwrap();
}
