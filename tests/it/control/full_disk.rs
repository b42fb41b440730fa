//! A disk without room: refused in Amazon's shape, nothing half-written, and all is well when there is room again.
//!
//! The bound is the process's own limit on the size of a file, which needs no rights and no disk: beyond it, writes fail.

use std::net::SocketAddr;
use std::path::Path;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};
use tokio::process::Child;

use super::survival::{attempt, serve_by};
use crate::harness::http_client::{request, send};

/// So many blocks of 512 bytes, which the database outgrows.
const BLOCKS: u32 = 12 * 1024;
/// APIs that are made at most before there is no room.
const APIS: u32 = 2000;

const DEFINITION: &str = "server: { listen: '127.0.0.1:0', admin: '127.0.0.1:0', adminAuth: none, adminHosts: gateway.test, stateDirectory: ./state }\n";

async fn serve(directory: &Path) -> (Child, SocketAddr) {
    // A write beyond the limit fails, rather than ends the process, where the signal is ignored.
    let bounded = format!("trap '' XFSZ; ulimit -S -f {BLOCKS}; exec \"$0\" serve");
    serve_by(
        "sh",
        &["-c", &bounded, env!("CARGO_BIN_EXE_tidegate")],
        directory,
    )
    .await
}

/// A body that takes room.
fn api(number: u32) -> Value {
    let tags: serde_json::Map<_, _> = (0..40)
        .map(|tag| (format!("{number}-{tag}"), "x".repeat(1500).into()))
        .collect();
    json!({ "name": number.to_string(), "protocolType": "HTTP", "target": "http://127.0.0.1:1", "tags": tags })
}

async fn make(admin: SocketAddr, number: u32) -> (u16, Value) {
    attempt(admin, "POST", "/v2/apis", &api(number))
        .await
        .expect("an answer")
}

/// What its stage answers: 503 where there is one, whose backend is not there.
async fn ask(admin: SocketAddr, id: &str) -> u16 {
    let path = format!("/_apis/{id}/x");
    send(admin, &request("GET", &path, &[], b"")).await.status
}

/// Every API there is, by name.
async fn names(admin: SocketAddr) -> Vec<u32> {
    let (_, all) = attempt(admin, "GET", "/v2/tidegate/definition", &Value::Null)
        .await
        .unwrap();
    let apis = all["definition"]["apis"].as_object().unwrap();
    let mut names: Vec<u32> = apis
        .values()
        .map(|api| {
            // Whole: what quick create makes is there.
            assert_eq!(api["routes"].as_object().unwrap().len(), 1);
            assert_eq!(api["stages"].as_object().unwrap().len(), 1);
            api["name"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_full_disk_refuses_changes_and_leaves_everything_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tidegate.yaml"), DEFINITION).unwrap();
    let (mut child, admin) = serve(directory.path()).await;
    let mut made = Vec::new();
    let refused = loop {
        let number = u32::try_from(made.len()).unwrap();
        assert!(number < APIS, "the disk is never full");
        match make(admin, number).await {
            (201, api) => made.push(api["apiId"].as_str().unwrap().to_owned()),
            refused => break refused,
        }
    };
    let expected = json!({ "message": "Internal server error" });
    assert_eq!(refused, (500, expected.clone()));
    let mut there: Vec<u32> = (0..u32::try_from(made.len()).unwrap()).collect();
    // The gateway goes on. The database may find some more room in itself: what it says it took is there, and nothing else.
    for number in 7000..7010 {
        match make(admin, number).await {
            (201, api) => {
                made.push(api["apiId"].as_str().unwrap().to_owned());
                there.push(number);
            }
            refused => assert_eq!(refused, (500, expected.clone())),
        }
        assert_eq!(names(admin).await, there);
        assert_eq!(ask(admin, &made[0]).await, 503);
        assert_eq!(ask(admin, made.last().unwrap()).await, 503);
    }
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    let room = Rlimit {
        current: None,
        maximum: getrlimit(Resource::Fsize).maximum,
    };
    prlimit(pid, Resource::Fsize, room).unwrap();
    let (status, later) = make(admin, 8888).await;
    assert_eq!(status, 201, "{later}");
    let later = later["apiId"].as_str().unwrap().to_owned();
    let after: Vec<u32> = there.iter().copied().chain([8888]).collect();
    assert_eq!(names(admin).await, after);
    child.kill().await.unwrap();

    let (mut child, admin) =
        serve_by(env!("CARGO_BIN_EXE_tidegate"), &["serve"], directory.path()).await;
    assert_eq!(names(admin).await, after);
    for id in made.iter().chain([&later]) {
        assert_eq!(ask(admin, id).await, 503);
    }
    child.kill().await.unwrap();
}
