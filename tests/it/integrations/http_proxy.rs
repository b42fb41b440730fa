//! `HTTP_PROXY`: the request that a web server sees for each kind of event.

use bytes::Bytes;
use http::Response;

use super::{one_backend, proxy};
use crate::harness::Handshake;
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::ws_client::{FINAL, TEXT, is_id, status};

fn reply(status: u16, body: &'static str) -> Option<Response<Bytes>> {
    let response = Response::builder().status(status);
    Some(response.body(Bytes::from_static(body.as_bytes())).unwrap())
}

async fn echoing() -> FakeHttp {
    FakeHttp::start(|request: &Recorded| Some(Response::new(request.body.clone()))).await
}

#[tokio::test]
async fn the_handshake_is_forwarded_without_what_belongs_to_the_clients_connection() {
    let backend = echoing().await;
    let rig = one_backend(&proxy(&backend.url("/connect?fixed=1")))
        .start()
        .await;
    let handshake = Handshake::new("/prod?room=red&room=blue&name=a%20b%26c&empty=")
        .header("Origin", "https://app.example.com")
        .header("User-Agent", "example-client/1.0")
        .header("Cookie", "a=1")
        .header("X-Name", "Bäcker \u{20ac}")
        .header("X-Many", "one")
        .header("X-Many", "two")
        .header("Sec-WebSocket-Extensions", "permessage-deflate")
        .header("Keep-Alive", "timeout=5")
        .header("Proxy-Authorization", "Basic secret")
        .header("TE", "trailers")
        .header("X-Amzn-Apigateway-Api-Id", "forged")
        .header("X-Amzn-Oidc-Identity", "forged")
        .header("x_amzn_apigateway_api_id", "forged")
        .header("Apigw-Requestid", "forged")
        .header("Keep_Alive", "timeout=5")
        .header("X_Name", "another");
    let client = rig.connect(&handshake).await;
    let request = backend.request().await;
    assert_eq!(request.method, "POST");
    let (path, query) = request.target.split_once('?').unwrap();
    assert_eq!(path, "/connect");
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let expected = [
        ("fixed", "1"),
        ("room", "red"),
        ("room", "blue"),
        ("name", "a b&c"),
        ("empty", ""),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(query, expected);
    assert_eq!(request.body, "");

    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(request.header(name).as_deref(), expected, "{name}");
    };
    check("origin", Some("https://app.example.com"));
    check("user-agent", Some("example-client/1.0"));
    check("cookie", Some("a=1"));
    check("x-name", Some("Bäcker \u{20ac}"));
    check("x-many", Some("one, two"));
    check("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ=="));
    check("sec-websocket-version", Some("13"));
    check("sec-websocket-extensions", Some("permessage-deflate"));
    check("x-forwarded-for", Some("127.0.0.1"));
    check("x-forwarded-port", Some(&rig.address().port().to_string()));
    check("x-forwarded-proto", Some("http"));
    check("x-amzn-apigateway-api-id", Some("chat"));
    check("host", Some(&backend.address.to_string()));
    check("x-amzn-oidc-identity", None);
    check("x_amzn_apigateway_api_id", None);
    check("apigw-requestid", None);
    check("keep_alive", None);
    check("x_name", Some("another"));
    check("upgrade", None);
    check("keep-alive", None);
    check("proxy-authorization", None);
    check("te", None);
    check("connectionid", None);
    assert_ne!(request.header("connection").as_deref(), Some("Upgrade"));
    let trace = request.header("x-amzn-trace-id").unwrap();
    assert!(trace.starts_with("Root=1-"), "{trace}");
    client.leave().await;
    backend.request().await;
    rig.close().await;
}

#[tokio::test]
async fn a_message_is_a_body_and_nothing_of_the_client() {
    let backend = echoing().await;
    let rig = one_backend(&proxy(&backend.url("/event"))).start().await;
    let handshake = Handshake::new("/prod?secret=1").header("Cookie", "a=1");
    let mut client = rig.connect(&handshake).await;
    backend.request().await;
    for text in ["{\"action\":\"x\"}", "not json", "äöü", ""] {
        assert_eq!(client.ask(text).await, text);
        let request = backend.request().await;
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/event")
        );
        assert_eq!(request.body, text);
        assert_eq!(
            request.header("content-type").as_deref(),
            Some("application/json")
        );
        assert_eq!(
            request.header("content-length"),
            Some(text.len().to_string())
        );
        assert_eq!(
            request.header("x-amzn-apigateway-api-id").as_deref(),
            Some("chat")
        );
        for name in ["cookie", "sec-websocket-key", "connectionid", "origin"] {
            assert_eq!(request.header(name), None, "{name}");
        }
    }
    client.leave().await;
    let request = backend.request().await;
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/event")
    );
    assert_eq!(request.body, "");
    assert_eq!(request.header("cookie"), None);
    rig.close().await;
}

#[tokio::test]
async fn mapped_headers_tell_the_connection_on_every_event() {
    let backend = echoing().await;
    let integration = proxy(&backend.url("/"))
        + ", requestParameters: { integration.request.header.connectionId: context.connectionId, \
             integration.request.header.X-Event: context.eventType, integration.request.header.X-Route: context.routeKey }";
    let rig = one_backend(&integration).start().await;
    let mut client = rig.open().await;
    let id = backend.request().await.header("connectionid").unwrap();
    assert!(is_id(&id), "{id}");
    client.ask("hi").await;
    let message = backend.request().await;
    client.close(&status(4001, "bye")).await;
    let disconnect = backend.request().await;
    let told = |request: &Recorded| {
        ["connectionid", "x-event", "x-route"].map(|name| request.header(name).unwrap())
    };
    assert_eq!(told(&message), [id.as_str(), "MESSAGE", "$default"]);
    assert_eq!(
        told(&disconnect),
        [id.as_str(), "DISCONNECT", "$disconnect"]
    );
    rig.close().await;
}

#[tokio::test]
async fn a_refusal_passes_through_and_no_redirect_is_followed() {
    for code in [300, 302, 304, 400, 401, 404, 418, 500, 503] {
        let backend = FakeHttp::start(move |_| {
            let response = Response::builder()
                .status(code)
                .header("X-Why", "because")
                .header("Location", "http://127.0.0.1:1/elsewhere");
            Some(response.body(Bytes::from_static(b"no")).unwrap())
        })
        .await;
        let rig = one_backend(&proxy(&backend.url("/"))).start().await;
        let refused = rig.refused(&Handshake::new("/prod")).await;
        assert_eq!(refused.status, code);
        assert_eq!(refused.header("x-why"), Some("because"));
        assert_eq!(
            refused.header("location"),
            Some("http://127.0.0.1:1/elsewhere")
        );
        if code != 304 {
            assert_eq!(refused.text(), "no");
        }
        assert_eq!(
            backend.calls(),
            1,
            "no redirect is followed, nothing is tried again"
        );
        rig.close().await;
    }
}

#[tokio::test]
async fn only_the_subprotocol_of_the_answer_is_used() {
    let backend = FakeHttp::start(|_| {
        let response = Response::builder()
            .header("Sec-WebSocket-Protocol", "chat.v2")
            .header("Set-Cookie", "a=1")
            .header("X-Other", "x");
        Some(response.body(Bytes::from_static(b"body")).unwrap())
    })
    .await;
    let rig = one_backend(&proxy(&backend.url("/"))).start().await;
    let client = rig
        .connect(&Handshake::new("/prod").header("Sec-WebSocket-Protocol", "chat.v1, chat.v2"))
        .await;
    assert_eq!(
        client.response.header("sec-websocket-protocol"),
        Some("chat.v2")
    );
    assert_eq!(client.response.header("set-cookie"), None);
    assert_eq!(client.response.header("x-other"), None);
    let offered = backend.request().await.header("sec-websocket-protocol");
    assert_eq!(offered.as_deref(), Some("chat.v1, chat.v2"));
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn a_messages_status_does_not_hold_back_its_answer() {
    let backend = FakeHttp::start(|request: &Recorded| match &*request.body {
        b"" => reply(200, ""),
        _ => reply(500, "an answer all the same"),
    })
    .await;
    let rig = one_backend(&proxy(&backend.url("/"))).start().await;
    let mut client = rig.open().await;
    assert_eq!(client.ask("hi").await, "an answer all the same");
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn a_method_without_a_body_sends_none() {
    let backend = FakeHttp::start(|_| reply(200, "got")).await;
    let integration = format!(
        "integrationType: HTTP_PROXY, integrationMethod: GET, integrationUri: \"{}\"",
        backend.url("/poll")
    );
    let rig = super::messages_only(&integration).start().await;
    let mut client = rig.open().await;
    assert_eq!(client.ask("hi").await, "got");
    let request = backend.request().await;
    assert_eq!((request.method.as_str(), &*request.body), ("GET", &b""[..]));
    client
        .write(&crate::harness::ws_client::frame(FINAL | TEXT, b""))
        .await;
    assert_eq!(client.text().await, "got");
    client.leave().await;
    rig.close().await;
}
