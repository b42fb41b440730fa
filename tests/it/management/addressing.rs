//! Spellings of the path, and which API a host means.

use super::{credentials, exception, id_of, join, leave, setup, signed};
use crate::harness::http_client::{request, send};
use crate::harness::signer::Signer;
use crate::harness::{Handshake, Setup, chat, echo};

#[tokio::test]
async fn every_spelling_of_the_path_is_the_same_connection() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let encoded = id.replace('=', "%3D");
    let spellings = [
        format!("/prod/@connections/{encoded}"),
        format!("/prod/@connections/{id}"),
        format!("/prod/%40connections/{encoded}"),
        format!("/prod/%40connections/{id}"),
        format!("/prod/@connections/{}", id.replace('=', "%3d")),
        format!("/_apis/chat/prod/@connections/{encoded}"),
        format!("/_apis/chat/prod/%40connections/{id}"),
    ];
    for path in spellings {
        let pushed = signed(
            &Signer::default(),
            rig.address(),
            "POST",
            &path,
            path.as_bytes(),
        )
        .await;
        assert_eq!(pushed.status, 200, "{path}: {pushed:?}");
        assert_eq!(client.text().await, path);
    }
    leave(&rig, client).await;
    rig.close().await;
}

/// A GET about a connection that does not exist, so that 410 says that the stage was found.
async fn status_at(rig: &crate::harness::Rig, lines: &str) -> u16 {
    let request = format!("GET /prod/@connections/Zk3bXfH2DoECJ0w%3D HTTP/1.1\r\n{lines}\r\n");
    send(rig.address(), request.as_bytes()).await.status
}

#[tokio::test]
async fn a_host_that_is_missing_doubled_or_malformed_is_400() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .server("managementAuth: none")
        .start()
        .await;
    let cases = [
        ("Host: gateway.test\r\n", 410),
        ("Host: 127.0.0.1:8080\r\n", 410),
        ("Host: [::1]:8080\r\n", 410),
        ("Host: chat.execute-api.us-east-1.amazonaws.com\r\n", 410),
        ("", 400),
        ("Host:\r\n", 400),
        ("Host: a\r\nHost: a\r\n", 400),
        ("Host: a\r\nHost: b\r\n", 400),
        ("Host: a, b\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: user@a\r\n", 400),
        ("Host: a/b\r\n", 400),
        ("Host: a:b\r\n", 400),
        ("Host: [::1\r\n", 400),
    ];
    for (lines, expected) in cases {
        assert_eq!(status_at(&rig, lines).await, expected, "{lines:?}");
    }
    rig.close().await;
}

#[tokio::test]
async fn with_several_apis_the_host_must_name_one() {
    let definition = credentials() + &chat("{}") + &chat("{}").replace("apis:\n  chat:", "  news:");
    let rig = Setup::new(definition)
        .server("managementAuth: none")
        .function("backend", echo)
        .start()
        .await;
    let client = rig
        .connect(&Handshake::new("/prod").with("Host", "news.execute-api.eu-west-1.amazonaws.com"))
        .await;
    let event = rig.event_of("CONNECT").await;
    assert_eq!(event["requestContext"]["apiId"], "news");
    assert_eq!(
        event["requestContext"]["domainName"],
        "news.execute-api.eu-west-1.amazonaws.com"
    );
    let path = format!("/prod/@connections/{}", id_of(&event));
    let cases = [
        ("news.execute-api.eu-west-1.amazonaws.com", 200),
        ("news.execute-api.localhost:8080", 200),
        ("chat.execute-api.eu-west-1.amazonaws.com", 410),
        ("shop.execute-api.eu-west-1.amazonaws.com", 403),
        ("gateway.test", 403),
        ("news.example.com", 403),
        ("127.0.0.1", 403),
    ];
    for (host, expected) in cases {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = send(rig.address(), bytes.as_bytes()).await;
        assert_eq!(answer.status, expected, "{host}");
        if expected == 403 {
            assert_eq!(exception(&answer, 403, "ForbiddenException"), "Forbidden");
        }
    }
    let refused = rig.refused(&Handshake::new("/prod")).await;
    assert_eq!(refused.status, 403);
    let anywhere = send(
        rig.address(),
        &request("GET", &format!("/_apis/news{path}"), &[], b""),
    )
    .await;
    assert_eq!(anywhere.status, 200);
    client.leave().await;
    rig.disconnect().await;
    rig.close().await;
}

#[tokio::test]
async fn open_management_needs_no_signature() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .server("managementAuth: none")
        .start()
        .await;
    let (mut client, id) = join(&rig).await;
    let path = super::path_of(&id);
    let pushed = send(rig.address(), &request("POST", &path, &[], b"hello")).await;
    assert_eq!(pushed.status, 200);
    assert_eq!(client.text().await, "hello");
    // The administration listener pushes too.
    let pushed = send(
        rig.gateway.admin_address(),
        &request("POST", &path, &[], b"again"),
    )
    .await;
    assert_eq!(pushed.status, 200);
    assert_eq!(client.text().await, "again");
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn without_credentials_signed_calls_fail() {
    let rig = Setup::new(chat("{}"))
        .function("backend", echo)
        .manual()
        .start()
        .await;
    let (client, id) = join(&rig).await;
    let answer = super::call(&rig, "POST", &id, b"hello").await;
    exception(&answer, 403, "UnrecognizedClientException");
    leave(&rig, client).await;
    rig.close().await;
}
