//! A new definition under open sockets.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate::Gateway;
use tidegate::definition::{Diagnostic, Machine, load_text};

use crate::harness::{Handshake, Rig, Setup, chat, echo, eventually};

/// How often the definition is replaced under the sockets.
const SWAPS: usize = 20;
const SOCKETS: usize = 500;
/// Messages of one socket that are on their way at a time.
const WINDOW: usize = 3;

/// Replaces the definition; `text` is everything but the `server` section.
pub(crate) fn reload(gateway: &Gateway, server: &str, text: &str) -> Result<(), Vec<Diagnostic>> {
    let server = format!(
        "server: {{ listen: 127.0.0.1:0, admin: 127.0.0.1:0, adminHosts: gateway.test{server} }}\n"
    );
    let machine = Machine::new(BTreeMap::new());
    let loaded = load_text(&format!("{server}{text}"), Path::new("."), &machine)?;
    gateway.reload(&loaded)
}

async fn started() -> Rig {
    Setup::new(chat("{}"))
        .function("backend", echo)
        .start()
        .await
}

#[tokio::test]
async fn routes_change_for_connections_that_are_open() {
    let rig = started().await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    assert_eq!(
        client.ask(r#"{"action":"shout"}"#).await,
        r#"{"action":"shout"}"#
    );
    assert_eq!(
        rig.event_of("MESSAGE").await["requestContext"]["routeKey"],
        "$default"
    );

    let with_shout =
        chat("{ stageVariables: { tier: gold } }").replace("      tell:", "      shout:");
    reload(&rig.gateway, "", &with_shout).unwrap();
    client.send(r#"{"action":"shout"}"#).await;
    let event = rig.event_of("MESSAGE").await;
    assert_eq!(event["requestContext"]["routeKey"], "shout");
    assert_eq!(event["stageVariables"], json!({ "tier": "gold" }));
    client.silent().await;

    let without_default = chat("{}").replace("      $default:", "      other:");
    reload(&rig.gateway, "", &without_default).unwrap();
    client.send(r#"{"action":"shout"}"#).await;
    assert_eq!(client.error().await, "Forbidden");
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn a_broken_definition_is_refused_and_the_old_one_goes_on() {
    let rig = started().await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    let broken = [
        "apis: [".to_owned(),
        "apis: { chat: { protocolType: TELEPATHY } }".to_owned(),
        chat("{}").replace(
            "target: integrations/backend",
            "target: integrations/nowhere",
        ),
        chat("{}").replace("function:backend", "function:nobody"),
        chat("{}").replace("$request.body.action", "$request.body["),
        chat("{ accessLogSettings: { destinationArn: stdout, format: nothing } }"),
    ];
    for text in broken {
        let problems = reload(&rig.gateway, "", &text).unwrap_err();
        assert!(!problems.is_empty());
        for problem in problems {
            assert!(
                !problem.what.is_empty() && !problem.remedy.is_empty(),
                "{problem}"
            );
            assert!(problem.place.is_some(), "{problem}");
        }
        assert_eq!(client.ask("still here").await, "still here");
        rig.event_of("MESSAGE").await;
    }
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn the_sockets_of_a_stage_that_is_gone_are_closed() {
    let two = chat("{}").replace("      prod: {}", "      prod: {}\n      beta: {}");
    let rig = Setup::new(two).function("backend", echo).start().await;
    let mut kept = rig.open().await;
    rig.event_of("CONNECT").await;
    let lost = rig.connect(&Handshake::new("/beta")).await;
    rig.event_of("CONNECT").await;
    reload(&rig.gateway, "", &chat("{}")).unwrap();
    assert_eq!(lost.closed().await, (1001, "Going away".into()));
    // Its backend is told, by the stage as it was.
    let ended = rig.event_of("DISCONNECT").await;
    assert_eq!(ended["requestContext"]["stage"], "beta");
    rig.settle(1).await;
    assert_eq!(rig.refused(&Handshake::new("/beta")).await.status, 403);
    assert_eq!(kept.ask("still here").await, "still here");
    rig.event_of("MESSAGE").await;
    kept.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn limits_and_keys_are_those_of_the_new_definition() {
    use crate::harness::signer::{KEY_ID, SECRET, Signer};
    use crate::management::{path_of, signed};

    let key = |secret: &str| {
        format!("credentials: [{{ accessKeyId: {KEY_ID}, secretAccessKey: \"{secret}\" }}]\n")
    };
    let rig = Setup::new(key(SECRET) + &chat("{}"))
        .function("backend", echo)
        .manual()
        .start()
        .await;
    let path = path_of("Zk3bXfH2DoECJ0w=");
    let new = Signer {
        secret: "changed",
        ..Signer::default()
    };
    let status = async |signer: &Signer| {
        signed(signer, rig.address(), "GET", &path, b"")
            .await
            .status
    };
    assert_eq!(
        (status(&Signer::default()).await, status(&new).await),
        (410, 403)
    );
    reload(&rig.gateway, "", &(key("changed") + &chat("{}"))).unwrap();
    assert_eq!(
        (status(&Signer::default()).await, status(&new).await),
        (403, 410)
    );
    reload(
        &rig.gateway,
        ", limits: { requestRate: 0 }",
        &(key("changed") + &chat("{}")),
    )
    .unwrap();
    assert_eq!(status(&new).await, 429);
    reload(
        &rig.gateway,
        ", limits: { requestRate: off }",
        &(key("changed") + &chat("{}")),
    )
    .unwrap();
    assert_eq!(status(&new).await, 410);
    rig.close().await;
}

#[tokio::test]
async fn what_needs_a_restart_is_said() {
    let rig = started().await;
    reload(&rig.gateway, ", region: eu-west-1", &chat("{}")).unwrap();
    rig.close_after(&["a changed server setting takes effect at the next start"])
        .await;
}

/// Definition number `swap`: the function behind `say` and the other routes differ from one to the next.
fn numbered(swap: usize) -> String {
    let function = ["even", "odd"][swap % 2];
    format!(
        r#"
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $disconnect: {{ target: integrations/backend }}
      say:
        target: integrations/backend
        routeResponseSelectionExpression: $default
        routeResponses: {{ $default: {{}} }}
        tidegate: {{ ordering: serial }}
      route{swap}: {{ target: integrations/backend }}
    integrations:
      backend: {{ integrationType: AWS_PROXY, integrationUri: "function:{function}" }}
    stages: {{ prod: {{ stageVariables: {{ swap: "{swap}" }} }} }}
"#
    )
}

/// Answers with the number in the message, and says which definition sent it here.
fn numbering(event: Value) -> futures_util::future::Ready<Result<Value, String>> {
    let message: Value = serde_json::from_str(event["body"].as_str().unwrap_or("{}")).unwrap();
    let body = json!({ "number": message["number"], "swap": event["stageVariables"]["swap"] });
    futures_util::future::ready(Ok(json!({ "statusCode": 200, "body": body.to_string() })))
}

const UNLIMITED: &str = "limits: { requestRate: off, connectRate: off, connections: off }";

#[tokio::test]
async fn five_hundred_sockets_lose_nothing_through_twenty_swaps() {
    let rig = Setup::new(numbered(0))
        .server(UNLIMITED)
        .function("even", numbering)
        .function("odd", numbering)
        .start()
        .await;
    let mut clients = Vec::new();
    for _ in 0..SOCKETS {
        clients.push(rig.open().await);
    }
    let swapped = AtomicBool::new(false);
    let received = AtomicUsize::new(0);
    let talking = clients.iter_mut().map(|client| async {
        let (mut sent, mut seen, mut last_swap) = (0, 0, 0);
        loop {
            let going_on = !swapped.load(Ordering::SeqCst);
            while going_on && sent < seen + WINDOW {
                client
                    .send(&json!({ "action": "say", "number": sent }).to_string())
                    .await;
                sent += 1;
            }
            if seen == sent {
                return (sent, last_swap);
            }
            let answer: Value = serde_json::from_str(&client.text().await).unwrap();
            assert_eq!(answer["number"], seen, "numbers come in order, each once");
            let swap = answer["swap"].as_str().unwrap().parse::<usize>().unwrap();
            assert!(swap >= last_swap, "an old definition came back");
            last_swap = swap;
            seen += 1;
            received.fetch_add(1, Ordering::SeqCst);
        }
    });
    let swapping = async {
        for swap in 1..=SWAPS {
            let before = received.load(Ordering::SeqCst);
            eventually("messages between two swaps", || {
                received.load(Ordering::SeqCst) >= before + SOCKETS
            })
            .await;
            reload(&rig.gateway, &format!(", {UNLIMITED}"), &numbered(swap)).unwrap();
        }
        let before = received.load(Ordering::SeqCst);
        eventually("messages after the last swap", || {
            received.load(Ordering::SeqCst) >= before + SOCKETS
        })
        .await;
        swapped.store(true, Ordering::SeqCst);
    };
    let (spoken, ()) = tokio::join!(join_all(talking), swapping);
    assert_eq!(rig.gateway.connections(), SOCKETS, "none was dropped");
    let total: usize = spoken.iter().map(|(sent, _)| sent).sum();
    assert!(total >= SOCKETS * (SWAPS + 1));
    assert!(
        spoken.iter().any(|(_, swap)| *swap == SWAPS),
        "the last definition was used"
    );

    // What the functions saw is the same story: every number of every connection once, in order.
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    let mut events = rig.functions["even"].rest().await;
    events.extend(rig.functions["odd"].rest().await);
    assert_eq!(events.len(), total);
    let swap_of = |event: &Value| {
        event["stageVariables"]["swap"]
            .as_str()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    events.sort_by_key(swap_of);
    for event in events {
        let id = crate::management::id_of(&event);
        let message: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        let expected = next.entry(id).or_default();
        assert_eq!(message["number"], *expected);
        *expected += 1;
    }
    assert_eq!(next.len(), SOCKETS);
    join_all(clients.into_iter().map(crate::harness::WsClient::leave)).await;
    rig.settle(0).await;
    assert_eq!(
        rig.functions["even"].rest().await.len(),
        SOCKETS,
        "one $disconnect each"
    );
    rig.close().await;
}
