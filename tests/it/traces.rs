//! Trace headers: what a client sends goes on, and what it does not send is made.

use http::Response;

use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::{Handshake, Setup, chat, echo};
use crate::integrations::{one_backend, proxy};

const SENT: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";

/// The trace that a backend was told of.
struct Told {
    amzn: String,
    /// The parts of `traceparent`.
    id: String,
    step: String,
    flags: String,
    state: Option<String>,
}

fn told(request: &Recorded) -> Told {
    let traceparent = request.header("traceparent").unwrap();
    let parts: Vec<_> = traceparent.split('-').collect();
    let [version, id, step, flags] = parts.as_slice() else {
        panic!("{traceparent}");
    };
    assert_eq!((*version, id.len(), step.len()), ("00", 32, 16));
    Told {
        amzn: request.header("x-amzn-trace-id").unwrap(),
        id: (*id).to_owned(),
        step: (*step).to_owned(),
        flags: (*flags).to_owned(),
        state: request.header("tracestate"),
    }
}

/// Amazon's spelling of a trace id.
fn root(id: &str) -> String {
    let (time, rest) = id.split_at(8);
    format!("Root=1-{time}-{rest}")
}

async fn backend() -> FakeHttp {
    FakeHttp::start(|request: &Recorded| Some(Response::new(request.body.clone()))).await
}

#[tokio::test]
async fn every_event_of_a_connection_has_a_trace() {
    let backend = backend().await;
    let rig = one_backend(&proxy(&backend.url("/"))).start().await;
    let mut client = rig.open().await;
    let mut seen = vec![told(&backend.request().await)];
    client.ask("one").await;
    seen.push(told(&backend.request().await));
    client.ask("two").await;
    seen.push(told(&backend.request().await));
    client.leave().await;
    seen.push(told(&backend.request().await));
    for trace in &seen {
        assert_eq!(trace.amzn, root(&trace.id));
        assert_eq!(trace.flags, "01");
        assert_eq!(trace.state, None);
    }
    // Each is a trace of its own: a connection may last for hours.
    let mut ids: Vec<_> = seen.iter().map(|trace| &trace.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    rig.close().await;
}

#[tokio::test]
async fn the_trace_of_a_handshake_goes_on() {
    let backend = backend().await;
    let rig = one_backend(&proxy(&backend.url("/"))).start().await;
    let handshake = Handshake::new("/prod")
        .header("TraceParent", PARENT)
        .header("tracestate", "rojo=1")
        .header("Tracestate", "congo=2");
    let client = rig.connect(&handshake).await;
    let trace = told(&backend.request().await);
    assert_eq!((trace.id.as_str(), trace.flags.as_str()), (SENT, "00"));
    assert_ne!(trace.step, "b7ad6b7169203331");
    assert_eq!(trace.state.as_deref(), Some("rojo=1, congo=2"));
    let derived = format!("{};Parent={};Sampled=0", root(SENT), trace.step);
    assert_eq!(trace.amzn, derived);
    client.leave().await;
    backend.request().await;

    // Amazon's header goes on as it is, and gives the trace id where there is no other.
    let given = format!("Self=1-67891234-12456789abcdef012345678;{ROOT};Sampled=?");
    let client = rig
        .connect(&Handshake::new("/prod").header("X-Amzn-Trace-Id", &given))
        .await;
    let trace = told(&backend.request().await);
    assert_eq!(trace.amzn, given);
    assert_eq!(trace.id, "67891233abcdef012345678912345678");
    client.leave().await;
    backend.request().await;

    let handshake = Handshake::new("/prod")
        .header("X-Amzn-Trace-Id", ROOT)
        .header("traceparent", PARENT);
    let client = rig.connect(&handshake).await;
    let trace = told(&backend.request().await);
    assert_eq!((trace.amzn.as_str(), trace.id.as_str()), (ROOT, SENT));
    client.leave().await;
    backend.request().await;
    rig.close().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_replaced() {
    let backend = backend().await;
    let rig = one_backend(&proxy(&backend.url("/"))).start().await;
    let broken = PARENT.replace("00-0af", "ff-0af");
    for sent in [vec![broken.as_str()], vec![PARENT, PARENT]] {
        let mut handshake = Handshake::new("/prod").header("tracestate", "rojo=1");
        for traceparent in &sent {
            handshake = handshake.header("traceparent", traceparent);
        }
        let client = rig.connect(&handshake).await;
        let trace = told(&backend.request().await);
        assert_ne!(trace.id, SENT, "{sent:?}");
        assert_eq!(trace.amzn, root(&trace.id));
        assert_eq!(trace.state, None);
        client.leave().await;
        backend.request().await;
    }
    let handshake = Handshake::new("/prod")
        .header("traceparent", PARENT)
        .header("tracestate", "NOT=1");
    let client = rig.connect(&handshake).await;
    let trace = told(&backend.request().await);
    assert_eq!((trace.id.as_str(), trace.state), (SENT, None));
    client.leave().await;
    backend.request().await;
    rig.close().await;
}

#[tokio::test]
async fn functions_see_amazons_header_and_of_the_others_what_the_client_sent() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .start()
        .await;
    let client = rig
        .connect(&Handshake::new("/prod").header("traceparent", PARENT))
        .await;
    let event = rig.event_of("CONNECT").await;
    assert_eq!(event["headers"]["traceparent"], PARENT);
    let amzn = event["headers"]["X-Amzn-Trace-Id"].as_str().unwrap();
    assert!(amzn.starts_with(&root(SENT)), "{amzn}");
    client.leave().await;
    rig.disconnect().await;
    let client = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    assert!(event["headers"].get("traceparent").is_none(), "{event}");
    assert!(event["headers"].get("X-Amzn-Trace-Id").is_some(), "{event}");
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

/// An HTTP API in front of a backend at this URL, and a function.
fn shop(url: &str) -> String {
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    routes:
      $default: {{ target: integrations/things }}
      GET /own: {{ target: integrations/own }}
    integrations:
      things: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "{url}" }}
      own: {{ integrationType: AWS_PROXY, integrationUri: "function:own", payloadFormatVersion: "2.0" }}
    stages: {{ $default: {{}} }}
"#
    )
}

#[tokio::test]
async fn requests_of_http_apis_are_traced() {
    let backend = backend().await;
    let rig = Setup::new(shop(&backend.url("/")))
        .function(
            "own",
            crate::harness::answers(serde_json::json!({ "statusCode": 200 })),
        )
        .start()
        .await;
    let get = async |path: &str, headers: &[(&str, &str)]| {
        let request = crate::harness::http_client::request("GET", path, headers, b"");
        let answer = crate::harness::http_client::send(rig.address(), &request).await;
        assert_eq!(answer.status, 200);
        // AWS: the client is not told.
        for name in ["x-amzn-trace-id", "traceparent", "tracestate"] {
            assert_eq!(answer.header(name), None);
        }
    };
    get("/a", &[]).await;
    let begun = told(&backend.request().await);
    assert_eq!((&*begun.amzn, &*begun.flags), (&*root(&begun.id), "01"));
    get("/a", &[("traceparent", PARENT), ("tracestate", "rojo=1")]).await;
    let trace = told(&backend.request().await);
    assert_eq!((trace.id.as_str(), trace.flags.as_str()), (SENT, "00"));
    assert_ne!(trace.step, "b7ad6b7169203331");
    assert_eq!(trace.state.as_deref(), Some("rojo=1"));
    assert!(trace.amzn.starts_with(&root(SENT)), "{}", trace.amzn);
    get("/a", &[("X-Amzn-Trace-Id", ROOT), ("tracestate", "rojo=1")]).await;
    let trace = told(&backend.request().await);
    assert_eq!(trace.amzn, ROOT);
    assert_eq!(trace.id, "67891233abcdef012345678912345678");
    assert_eq!(trace.state, None);

    get("/own", &[]).await;
    let event = rig.event("own").await;
    let amzn = event["headers"]["x-amzn-trace-id"].as_str().unwrap();
    assert!(amzn.starts_with("Root=1-"), "{amzn}");
    assert!(event["headers"].get("traceparent").is_none(), "{event}");
    get(
        "/own",
        &[("X-Amzn-Trace-Id", ROOT), ("traceparent", PARENT)],
    )
    .await;
    let event = rig.event("own").await;
    assert_eq!(event["headers"]["x-amzn-trace-id"], ROOT);
    assert_eq!(event["headers"]["traceparent"], PARENT);
    rig.close().await;
}
