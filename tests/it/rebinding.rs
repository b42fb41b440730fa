//! The administration listener answers to names of its own only: a page of a stranger's whose name was made to lead to this
//! machine (DNS rebinding) names another host.

use crate::harness::http_client::send;
use crate::harness::{Response, Rig, Setup, chat, echo};

const DOMAIN: &str = r#"
domainNames:
  ops.example.com: { apiMappings: { "": { apiId: chat, stage: prod } } }
"#;

async fn started() -> Rig {
    Setup::new(format!("{}{DOMAIN}", chat("{}")))
        .function("backend", echo)
        .server("adminHosts: [gateway.test, Metrics.Internal, 192.0.2.7]")
        .server("managementAuth: none")
        .manual()
        .start()
        .await
}

/// What a request answers with these lines behind its first.
async fn ask(rig: &Rig, line: &str, fields: &str) -> Response {
    let request = format!("{line} HTTP/1.1\r\n{fields}\r\n");
    send(rig.gateway.admin_address(), request.as_bytes()).await
}

#[tokio::test]
async fn names_of_this_machine_and_configured_ones_are_answered() {
    let rig = started().await;
    let bound = rig.gateway.admin_address().to_string();
    for host in [
        "localhost",
        "LocalHost:8081",
        "ops.localhost:9",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]",
        "[::1]:8081",
        "[::ffff:127.0.0.1]:8081",
        &bound,
        "gateway.test",
        "metrics.internal:8081",
        "METRICS.INTERNAL",
        "192.0.2.7:80",
        "ops.example.com",
    ] {
        for path in ["/metrics", "/livez", "/readyz"] {
            let answer = ask(&rig, &format!("GET {path}"), &format!("Host: {host}\r\n")).await;
            assert_eq!(answer.status, 200, "{host} {path}");
        }
    }
    let whole = ask(&rig, "GET http://localhost/livez", "Host: localhost\r\n").await;
    assert_eq!(whole.status, 200);
    rig.close().await;
}

#[tokio::test]
async fn other_names_are_refused_on_every_path_of_the_listener() {
    let rig = started().await;
    let mut checked = 0;
    for host in [
        "evil.example",
        "evil.example:8081",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io:8081",
        "evil-localhost",
        "2130706433",
        "0x7f000001",
        "127.1",
        "0.0.0.0:8081",
        "[::]:8081",
        "10.0.0.1",
        "[::ffff:10.0.0.1]",
        "192.0.2.8",
        "a.metrics.internal",
        "chat.execute-api.evil.example",
        "example.com",
    ] {
        for line in [
            "GET /metrics",
            "GET /livez",
            "GET /readyz",
            "GET /prod",
            "GET /nothing",
            "GET /v2/apis",
            "GET /_apis/chat/prod/@connections/Zk3bXfH2DoECJ0w=",
        ] {
            let answer = ask(&rig, line, &format!("Host: {host}\r\n")).await;
            assert_eq!(answer.status, 421, "{host} {line}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let said = answer.json();
            let said = said["message"].as_str().unwrap();
            assert!(said.contains("server.adminHosts"), "{said}");
            checked += 1;
        }
    }
    assert_eq!(checked, 17 * 7);
    // What a client says of other names counts for nothing.
    let fields = "Host: evil.example\r\nX-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\nOrigin: http://localhost\r\n";
    assert_eq!(ask(&rig, "GET /metrics", fields).await.status, 421);
    rig.close().await;
}

#[tokio::test]
async fn no_host_two_or_nonsense_is_a_bad_request() {
    let rig = started().await;
    for fields in [
        "",
        "Host:\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
        "Host: localhost@evil.example\r\n",
        "Host: evil.example/localhost\r\n",
        "Host: localhost, evil.example\r\n",
        "Host: localhost:99999\r\n",
    ] {
        assert_eq!(
            ask(&rig, "GET /metrics", fields).await.status,
            400,
            "{fields}"
        );
    }
    let disagreeing = ask(
        &rig,
        "GET http://evil.example/metrics",
        "Host: localhost\r\n",
    )
    .await;
    assert_eq!(disagreeing.status, 400);
    rig.close().await;
}

#[tokio::test]
async fn clients_may_ask_for_any_host_elsewhere() {
    let rig = started().await;
    let request = b"GET /prod/@connections/Zk3bXfH2DoECJ0w= HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(send(rig.address(), request).await.status, 410);
    rig.close().await;
}
