//! Ways to a domain name that wants certificates, past its own handshake.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::KeyPair;
use time::{Duration as Days, OffsetDateTime};
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest as _};

use super::people::{Line, authority, client, config, identity, params};
use super::{forget, gateway};
use crate::harness::http_client::send;
use crate::harness::{gateway::START, soon};

#[tokio::test]
async fn the_host_of_a_request_may_not_be_another_that_wants_a_certificate() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let rig = gateway(state.path(), &own, &other).manual().start().await;
    let mine = Arc::new(config(state.path(), Some(&client(&own))));
    let check = async |name: &str, hosts: &[(&str, u16)]| {
        for (host, expected) in hosts {
            let mut line = Line::open(rig.address(), name, &mine).await.unwrap();
            let answer = line.ask(host, "/v2").await.unwrap();
            assert_eq!(answer.status, *expected, "{name} {host}");
            if *expected == 403 {
                assert_eq!(answer.text(), r#"{"message":"Forbidden"}"#);
                assert_eq!(answer.header("connection"), Some("close"));
            }
        }
        // All on one connection, until the first that is refused.
        let mut line = Line::open(rig.address(), name, &mine).await.unwrap();
        for (host, expected) in hosts {
            let answer = line.ask(host, "/v2").await.unwrap();
            assert_eq!(answer.status, *expected, "{name} {host}");
            if *expected == 403 {
                break;
            }
        }
    };
    let port = rig.address().port();
    let with_port = format!("shop.test:{port}");
    check(
        "shop.test",
        &[
            ("shop.test", 200),
            ("SHOP.TEST", 200),
            (&with_port, 200),
            ("plain.test", 200),
            // The same truststore, but not the name that the connection was made for.
            ("a.wild.test", 403),
            ("other.test", 403),
            ("chat.test", 403),
        ],
    )
    .await;
    check("a.wild.test", &[("b.wild.test", 200), ("shop.test", 403)]).await;
    // Nobody asked for a certificate there, so nobody has seen one.
    for name in ["plain.test", "unknown.test", "127.0.0.1"] {
        check(name, &[("plain.test", 200), ("shop.test", 403)]).await;
        check(name, &[(&with_port, 403), ("a.wild.test", 403)]).await;
    }
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn plain_text_proves_nothing_whoever_forwards_it() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let setup = gateway(state.path(), &own, &other).manual();
    let rig = setup.server("trustedProxies: 127.0.0.1").start().await;
    let forwarded = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Client-Cert: x\r\n";
    for address in [rig.address(), rig.gateway.admin_address()] {
        for (host, path, expected) in [
            ("plain.test", "/v2", 200),
            ("shop.test", "/v2", 403),
            ("shop.test", "/_apis/shop/$default/v2", 403),
            ("chat.test", "/", 403),
            ("chat.test", "/@connections/Zk3bXfH2DoECJ0w=", 403),
        ] {
            for fields in ["", forwarded] {
                // Without a body, and with one that comes in pieces, which another part reads.
                let chunked = "Transfer-Encoding: chunked\r\n\r\n0\r\n";
                for rest in ["", chunked] {
                    let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}{rest}\r\n");
                    let answer = send(address, text.as_bytes()).await;
                    assert_eq!(answer.status, expected, "{host} {path} {rest}");
                }
            }
        }
    }
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let text = format!("GET / HTTP/1.1\r\nHost: chat.test\r\n{upgrade}\r\n");
    let answer = send(rig.address(), text.as_bytes()).await;
    assert_eq!(answer.status, 403);
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn streams_of_http_2_are_asked_one_by_one() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let rig = gateway(state.path(), &own, &other).manual().start().await;
    let mut config = config(state.path(), Some(&client(&own)));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let line = Line::open(rig.address(), "shop.test", &Arc::new(config)).await;
    let stream = TokioIo::new(line.unwrap().stream);
    let (mut sender, connection) = handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    for (host, expected) in [
        ("shop.test", 200),
        ("other.test", 403),
        ("a.wild.test", 403),
        ("plain.test", 200),
        ("shop.test", 200),
    ] {
        let request = Request::get(format!("https://{host}/v2"));
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let answer = soon("an answer", sender.send_request(request))
            .await
            .unwrap();
        assert_eq!(answer.status(), expected, "{host}");
    }
    drop(sender);
    soon("the end", connection).await.unwrap().unwrap();
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn a_connection_does_not_outlive_its_certificate() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let rig = gateway(state.path(), &own, &other).manual().start().await;
    let now = OffsetDateTime::from_unix_timestamp(START as i64 / 1000).unwrap();
    let mut short = params("client-7");
    short.not_after = now + Days::seconds(30);
    let short = identity(&own, short, &KeyPair::generate().unwrap());
    let config = Arc::new(config(state.path(), Some(&short)));
    let mut line = Line::open(rig.address(), "shop.test", &config)
        .await
        .unwrap();
    assert_eq!(line.ask("shop.test", "/v2").await.unwrap().status, 200);
    rig.advance(Duration::from_secs(30));
    assert_eq!(line.ask("shop.test", "/v2").await.unwrap().status, 200);
    rig.advance(Duration::from_secs(1));
    assert_eq!(line.ask("shop.test", "/v2").await.unwrap().status, 403);
    assert!(line.ask("shop.test", "/v2").await.is_none());
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn websocket_apis_are_guarded_as_well() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let rig = gateway(state.path(), &own, &other).start().await;
    let mine = Arc::new(config(state.path(), Some(&client(&own))));
    let request = |host: &str| format!("wss://{host}/").into_client_request().unwrap();
    let line = Line::open(rig.address(), "chat.test", &mine).await.unwrap();
    let joined = tokio_tungstenite::client_async(request("chat.test"), line.stream).await;
    let (mut socket, _) = joined.unwrap();
    let event = rig.event_of("CONNECT").await;
    let shown = &event["requestContext"]["identity"]["clientCert"];
    assert_eq!(shown["subjectDN"], "O=Shop,CN=client-7");
    socket.send(Message::text("hi")).await.unwrap();
    let event = rig.event_of("MESSAGE").await;
    let same = &event["requestContext"]["identity"]["clientCert"];
    assert_eq!(same, shown);
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = soon("the end", socket.next()).await {}

    for (name, host) in [("plain.test", "chat.test"), ("shop.test", "chat.test")] {
        let line = Line::open(rig.address(), name, &mine).await.unwrap();
        let refused = tokio_tungstenite::client_async(request(host), line.stream).await;
        match refused {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403),
            other => panic!("{other:?}"),
        }
    }
    let nobody = Arc::new(config(state.path(), None));
    let line = Line::open(rig.address(), "chat.test", &nobody).await;
    if let Ok(line) = line {
        let refused = tokio_tungstenite::client_async(request("chat.test"), line.stream).await;
        assert!(
            !matches!(refused, Ok(_) | Err(Error::Http(_))),
            "{refused:?}"
        );
    }
    rig.close().await;
}
