//! Requests of doubtful framing against a backend with a parser that forgives: it sees what our log says all the same.

use super::script;
use crate::harness::http_client::{request, send};
use crate::http_proxy_api::smuggling::{Scene, compare};

#[tokio::test]
async fn nodes_lenient_parser_sees_what_the_log_says() {
    let mut backend = script("backend.mjs").start();
    let port = backend.seen().await["port"].as_u64().unwrap();
    let scene = Scene::open(&format!("http://127.0.0.1:{port}")).await;
    // Read while it goes on, or the backend would wait for us.
    let attack = async {
        scene.attack().await;
        let logged = scene.logged().await;
        let end = request("GET", "/end", &[], b"");
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        send(address, &end).await;
        logged
    };
    let listen = async {
        let mut asked = Vec::new();
        while let Some(line) = backend.line().await {
            let seen: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = |name: &str| seen[name].as_str().unwrap().to_owned();
            let length = seen["length"].as_u64().unwrap();
            asked.push((
                text("method"),
                text("path"),
                usize::try_from(length).unwrap(),
            ));
        }
        asked
    };
    let (logged, asked) = tokio::join!(attack, listen);
    compare(logged, asked);
    backend.end().await;
}
